// What a proxy takes for what it is asked.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

export const CONNECTIONS = 64;

/** A page with markup as shops have it, of about so many bytes. */
export function page(bytes) {
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
export function family(pid) {
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
export function busy(pids) {
  let sum = 0;
  for (const pid of pids)
    for (const task of readdirSync(`/proc/${pid}/task`))
      try {
        sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
      } catch {}
  return sum;
}

export function resident(pids) {
  const of = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  return pids.reduce((sum, pid) => sum + of(pid), 0) / 1024;
}

export function wrk(port, target, headers, seconds, scheme = "http") {
  const more = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const run = spawnSync(
    "wrk",
    [
      "-t1",
      `-c${CONNECTIONS}`,
      `-d${seconds}s`,
      "--latency",
      ...more,
      `${scheme}://127.0.0.1:${port}${target}`,
    ],
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
    p50: ms(/^ +50%\s+(\S+)/m.exec(out)[1]),
    p99: ms(/^ +99%\s+(\S+)/m.exec(out)[1]),
  };
}

/** The same over HTTP/2, one stream at a time on each connection. */
export function h2load(port, target, headers, seconds) {
  const more = Object.entries(headers).flatMap(([name, value]) => [
    "-H",
    `${name === "Host" ? ":authority" : name}: ${value}`,
  ]);
  const run = spawnSync(
    "h2load",
    ["-t1", `-c${CONNECTIONS}`, "-m1", `-D${seconds}`, ...more, `https://127.0.0.1:${port}${target}`],
    { encoding: "utf8" },
  );
  const [, succeeded, failed] = /(\d+) succeeded, (\d+) failed/.exec(run.stdout) ?? [];
  if (!Number(succeeded) || Number(failed) || !/ 0 3xx, 0 4xx, 0 5xx/.test(run.stdout))
    throw new Error(run.stdout + run.stderr);
  return { requests: Number(succeeded), rps: Number(/, ([\d.]+) req\/s/.exec(run.stdout)[1]) };
}
