// Lado beside nginx and HAProxy on the same work, interleaved in one run: what a request costs the proxy, how fast, how much memory.
//
//   node tests/bench/front.mjs [rounds]        LADO_BIN: a release build; wrk, nginx and haproxy on the PATH
//
// Every proxy is asked in turn, round by round, so that what else the machine does meets all of them alike; medians count.

import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { busy, CONNECTIONS, family, page, resident, wrk } from "./measure.mjs";
import { bench, folder, free, haproxy, ladoBefore, median, nginx, proxying } from "./stand.mjs";

const rounds = Number(process.argv[2] ?? 5);
const SECONDS = 2;

async function main() {
  const [origin, plain, tuned, one, twenty, ha, own] = await Promise.all(Array.from({ length: 7 }, free));
  mkdirSync(path.join(folder, "www"));
  for (const [name, bytes] of [
    ["1k", 1024],
    ["100k", 102_400],
  ])
    writeFileSync(path.join(folder, "www", `${name}.html`), page(bytes));
  await nginx(
    "origin",
    origin,
    `gzip on; gzip_comp_level 1; server { listen 127.0.0.1:${origin} backlog=4096; root ${folder}/www; }`,
  );
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
  const balanced = await haproxy(origin, `bind 127.0.0.1:${ha}`, ha);

  const { pid, front, enter } = await ladoBefore(origin, own);
  const view = await enter("/1k.html");
  const read = { "Sec-Fetch-Dest": "document" };
  const ours = { Host: front, "Sec-Fetch-Dest": "empty" };
  const cases = [
    { name: "direct", port: origin, headers: {}, pid: null },
    { name: "nginx", port: plain, headers: {}, pid: nginxes.plain },
    { name: "nginx tuned", port: tuned, headers: {}, pid: nginxes.tuned },
    { name: "haproxy", port: ha, headers: {}, pid: balanced },
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
    {
      name: "lado link gzip",
      port: own,
      headers: { Host: view.host, Cookie: view.cookie, "Accept-Encoding": "gzip", ...read },
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
  console.log("\n| | ratio | goal | |\n| --- | --: | --: | --- |");
  const goal = (a, b, most, what = "cpu") => {
    const ratio = of(a, what) / of(b, what);
    const name = what === "cpu" ? "CPU for a request" : "memory";
    console.log(
      `| ${name}, ${a} / ${b} | ${ratio.toFixed(2)} | ≤ ${most} | ${ratio <= most ? "met" : "missed"} |`,
    );
  };
  goal("1k lado pass", "1k nginx", 1.0);
  goal("100k lado pass", "100k nginx tuned", 1.0);
  goal("100k lado pass", "100k nginx", 0.55);
  for (const size of ["1k", "100k"]) {
    goal(`${size} lado launcher`, `${size} nginx sub 1`, 0.55);
    goal(`${size} lado launcher`, `${size} lado pass`, 1.15);
    goal(`${size} lado link`, `${size} nginx sub 20`, 1.0);
  }
  goal("100k lado link gzip", "100k lado link", 1.9);
  goal("100k lado pass", "100k nginx", 2, "rss");
}

await bench(main);
