// Lado beside nginx on the same work, interleaved in one run: what a request costs the proxy, how fast, how much memory.
//
//   node tests/bench/front.mjs [rounds]        LADO_BIN: a release build; wrk and nginx on the PATH
//
// Every proxy is asked in turn, round by round, so that what else the machine does meets all of them alike; medians count.

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { bench, folder, free, ladoBefore, median, nginx, proxying } from "./stand.mjs";

const rounds = Number(process.argv[2] ?? 5);
const SECONDS = 2;
const CONNECTIONS = 32;

/** A page with markup as shops have it, of about so many bytes. */
function page(bytes) {
  let text =
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>' +
    '<link rel="stylesheet" href="/style.css"></head><body><main>';
  for (let n = 0; text.length < bytes - 16; n++) {
    const item =
      `<article class="card" id="p${n}"><a href="http://shop${n % 20}.example/item/${n}?ref=list">` +
      `<img src="http://shop${(n + 7) % 20}.example/img/${n}.jpg" alt="Product ${n}" width="320" height="240">` +
      `<h2>Product number ${n}</h2></a><p class="price">R$ ${n},90</p><p>Made of good things, delivered ` +
      `within three days, and taken back within thirty.</p><button type="button">Add to cart</button></article>`;
    if (text.length + item.length > bytes - 16 && n > 0) break;
    text += item;
  }
  return `${text.padEnd(bytes - 16, " ")}</main></body></ht`.padEnd(bytes, ">");
}

/** A process and those that it has started. */
function family(pid) {
  const list = [pid];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === pid) list.push(Number(name));
    } catch {}
  }
  return list;
}

/** Nanoseconds on a processor, of all threads. */
function busy(pids) {
  let sum = 0;
  for (const pid of pids)
    for (const task of readdirSync(`/proc/${pid}/task`))
      try {
        sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
      } catch {}
  return sum;
}

function resident(pids) {
  const of = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  return pids.reduce((sum, pid) => sum + of(pid), 0) / 1024;
}

function wrk(port, target, headers, seconds) {
  const more = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const run = spawnSync(
    "wrk",
    ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--latency", ...more, `http://127.0.0.1:${port}${target}`],
    { encoding: "utf8" },
  );
  const out = run.stdout;
  const ms = (text) => {
    const [, number, unit] = /([\d.]+)(us|ms|s)/.exec(text);
    return Number(number) * { us: 0.001, ms: 1, s: 1000 }[unit];
  };
  if (/Non-2xx|Socket errors/.test(out)) throw new Error(`${port}${target}: ${out}`);
  return {
    requests: Number(/(\d+) requests in/.exec(out)[1]),
    rps: Number(/Requests\/sec:\s+([\d.]+)/.exec(out)[1]),
    p50: ms(/50%\s+(\S+)/.exec(out)[1]),
    p99: ms(/99%\s+(\S+)/.exec(out)[1]),
  };
}

async function main() {
  const [origin, plain, tuned, one, twenty, own] = await Promise.all(Array.from({ length: 6 }, free));
  mkdirSync(path.join(folder, "www"));
  for (const [name, bytes] of [
    ["1k", 1024],
    ["100k", 102_400],
  ])
    writeFileSync(path.join(folder, "www", `${name}.html`), page(bytes));
  await nginx("origin", origin, `server { listen 127.0.0.1:${origin} backlog=4096; root ${folder}/www; }`);
  const buffers = "proxy_buffers 32 16k; proxy_buffer_size 16k;";
  const tag = `<script async src="/launcher.js" integrity="sha384-${"x".repeat(64)}"></script>`;
  const all = Array.from(
    { length: 20 },
    (_, n) => `sub_filter http://shop${n}.example http://s${n}-view.localhost;`,
  );
  const nginxes = {
    plain: await nginx("plain", plain, proxying(origin, plain)),
    tuned: await nginx("tuned", tuned, proxying(origin, tuned, buffers)),
    one: await nginx(
      "one",
      one,
      proxying(origin, one, `${buffers} sub_filter '</head>' '${tag}</head>'; sub_filter_once on;`),
    ),
    twenty: await nginx(
      "twenty",
      twenty,
      proxying(origin, twenty, `${buffers} sub_filter_once off; ${all.join(" ")}`),
    ),
  };

  const { pid, front, view } = await ladoBefore(origin, own, "/1k.html");
  const read = { "Sec-Fetch-Dest": "document" };
  const ours = { Host: front, "Sec-Fetch-Dest": "empty" };
  const cases = [
    { name: "direct", port: origin, headers: {}, pid: null },
    { name: "nginx", port: plain, headers: {}, pid: nginxes.plain },
    { name: "nginx tuned", port: tuned, headers: {}, pid: nginxes.tuned },
    { name: "lado pass", port: own, headers: ours, pid },
    { name: "nginx sub 1", port: one, headers: {}, pid: nginxes.one },
    { name: "lado launcher", port: own, headers: { Host: front, ...read }, pid },
    { name: "nginx sub 20", port: twenty, headers: {}, pid: nginxes.twenty },
    {
      name: "lado link",
      port: own,
      headers: { Host: view.host, Cookie: view.cookie, ...read },
      pid,
    },
  ];
  const found = {};
  for (const size of ["1k", "100k"]) {
    const target = `/${size}.html`;
    for (const one of cases) wrk(one.port, target, one.headers, 1);
    for (let round = 0; round < rounds; round++)
      for (const one of cases) {
        const group = one.pid ? family(one.pid) : [];
        const before = busy(group);
        const run = wrk(one.port, target, one.headers, SECONDS);
        const cpu = (busy(group) - before) / 1000 / run.requests;
        found[`${size} ${one.name}`] ??= [];
        found[`${size} ${one.name}`].push({ ...run, cpu, rss: resident(group) });
      }
  }
  report(cases, found);
}

function report(cases, found) {
  const of = (key, what) => median(found[key].map((run) => run[what]));
  console.log(
    `\nmedians of ${rounds} rounds of ${SECONDS} s, ${CONNECTIONS} connections, ${os.cpus().length} processors`,
  );
  console.log("| body | proxy | µs of CPU | requests/s | p50 ms | p99 ms | RSS MiB |");
  console.log("| --- | --- | --: | --: | --: | --: | --: |");
  for (const size of ["1k", "100k"])
    for (const { name } of cases) {
      const key = `${size} ${name}`;
      const cell = (what, digits) => of(key, what).toFixed(digits);
      console.log(
        `| ${size} | ${name} | ${cell("cpu", 1)} | ${cell("rps", 0)} | ${cell("p50", 2)} | ${cell("p99", 2)} | ${cell("rss", 0)} |`,
      );
    }
  console.log("\n| CPU for a request | ratio | goal | |\n| --- | --: | --: | --- |");
  const goal = (a, b, most) => {
    const ratio = of(a, "cpu") / of(b, "cpu");
    console.log(`| ${a} / ${b} | ${ratio.toFixed(2)} | ≤ ${most} | ${ratio <= most ? "met" : "missed"} |`);
  };
  goal("1k lado pass", "1k nginx", 1.0);
  goal("100k lado pass", "100k nginx tuned", 1.0);
  goal("100k lado pass", "100k nginx", 0.55);
  for (const size of ["1k", "100k"]) {
    goal(`${size} lado launcher`, `${size} nginx sub 1`, 0.55);
    goal(`${size} lado launcher`, `${size} lado pass`, 1.15);
    goal(`${size} lado link`, `${size} nginx sub 20`, 1.0);
  }
}

await bench(main);
