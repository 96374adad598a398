// How long a chunk of a trickled page takes through Lado and through nginx, interleaved in one run.
//
//   node tests/bench/trickle.mjs [rounds]      LADO_BIN: a release build; nginx on the PATH
//
// A chunk is sent when the one before it has arrived: what waits for the next chunk never comes, and is counted.

import http from "node:http";
import { bench, free, ladoBefore, median, nginx, proxying } from "./stand.mjs";

const rounds = Number(process.argv[2] ?? 5);
const CHUNKS = 200;
/** A chunk that takes longer waits for the next. */
const PATIENCE = 1000;

/** What each chunk is, by its number; each holds its mark as text. */
const SHAPES = {
  "whole elements": (n) => `<p class="row">Row <b>${mark(n)}</b></p>\n`,
  "cuts inside a tag": (n) => `w"><i>${mark(n)}</i></p><p class="ro`,
  "one long text": (n) => ` and then ${mark(n)} happened`,
};
const mark = (n) => `m${n};`;
const HEAD = "<!doctype html><html><head><title>Slow</title></head><body><p class='row'>";

/** The chunks of the page that is being asked for, and when each was sent. */
let page;

function serve(request, response) {
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
  if (!request.url.startsWith("/slow")) return response.end(`${HEAD}</body></html>`);
  response.socket.setNoDelay(true);
  response.write(HEAD + (page.shape === "cuts inside a tag" ? '<p class="ro' : ""));
  page.send = (n) => {
    page.sent = performance.now();
    response.write(SHAPES[page.shape](n));
  };
  page.end = () => response.end();
}

/** Milliseconds that each chunk took. */
function trickle(port, headers, shape) {
  return new Promise((resolve, reject) => {
    page = { shape };
    const took = [];
    let tail = "";
    let timer;
    const next = () => {
      timer = setTimeout(() => arrived(Number.POSITIVE_INFINITY), PATIENCE);
      page.send(took.length);
    };
    const arrived = (ms) => {
      clearTimeout(timer);
      took.push(ms);
      if (took.length === CHUNKS) page.end();
      // Not at once: what is on its way with this chunk is not to be counted to the next.
      else setTimeout(next, 1);
    };
    const request = http.get(
      { host: "127.0.0.1", port, path: "/slow", headers, agent: false },
      (response) => {
        if (response.statusCode !== 200) return reject(new Error(`${port}: ${response.statusCode}`));
        let begun = false;
        response.on("data", (bytes) => {
          const now = performance.now();
          tail = (tail + bytes).slice(-4096);
          if (!begun) {
            begun = true;
            return next();
          }
          if (tail.includes(mark(took.length))) arrived(now - page.sent);
        });
        response.on("end", () => resolve(took));
      },
    );
    request.on("error", reject);
  });
}

await bench(async () => {
  const [origin, plain, own] = await Promise.all([free(), free(), free()]);
  const server = http.createServer(serve);
  await new Promise((resolve) => server.listen(origin, "127.0.0.1", resolve));
  await nginx("plain", plain, proxying(origin, plain));
  const { front, enter } = await ladoBefore(origin, own);
  const view = await enter("/");
  const read = { "sec-fetch-dest": "document" };
  const cases = [
    { name: "direct", port: origin, headers: {} },
    { name: "nginx", port: plain, headers: {} },
    { name: "lado launcher", port: own, headers: { host: front, ...read } },
    { name: "lado link", port: own, headers: { host: view.host, cookie: view.cookie, ...read } },
  ];
  console.log(`\nmedians of ${rounds} rounds of ${CHUNKS} chunks`);
  console.log("| chunks | through | p50 ms | p99 ms | waited | p50 / nginx | goal |");
  console.log("| --- | --- | --: | --: | --: | --: | --- |");
  for (const shape of Object.keys(SHAPES)) {
    const found = new Map(cases.map(({ name }) => [name, []]));
    for (const { port, headers } of cases) await trickle(port, headers, shape);
    for (let round = 0; round < rounds; round++)
      for (const { name, port, headers } of cases) {
        const took = (await trickle(port, headers, shape)).sort((a, b) => a - b);
        const at = (share) => took[Math.floor(share * took.length)];
        found
          .get(name)
          .push({ p50: at(0.5), p99: at(0.99), waited: took.filter((ms) => ms > PATIENCE).length });
      }
    const of = (name, what) => median(found.get(name).map((run) => run[what]));
    for (const { name } of cases) {
      const ratio = of(name, "p50") / of("nginx", "p50");
      const waited = found.get(name).reduce((sum, run) => sum + run.waited, 0);
      const goal = name.startsWith("lado") ? `≤ 1.3: ${ratio <= 1.3 && !waited ? "met" : "missed"}` : "";
      console.log(
        `| ${shape} | ${name} | ${of(name, "p50").toFixed(3)} | ${of(name, "p99").toFixed(3)} | ${waited} | ${ratio.toFixed(2)} | ${goal} |`,
      );
    }
  }
  server.closeAllConnections();
  server.close();
});
