// Lado beside nginx and HAProxy with TLS and HTTP/2 towards browsers: what requests, handshakes and bytes cost the proxy.
//
//   node tests/bench/secure.mjs [rounds]     LADO_BIN: a release build; wrk, h2load, nginx and haproxy on the PATH

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { busy, CONNECTIONS, family, h2load, page, wrk } from "./measure.mjs";
import { bench, certify, folder, free, haproxy, ladoBefore, median, nginx, proxying } from "./stand.mjs";

const rounds = Number(process.argv[2] ?? 5);
const SECONDS = 2;
const BULK = 16 << 20;

const secure = (...asked) => wrk(...asked, "https");
const WORK = [
  { name: "1k", target: "/1k.html", ask: secure },
  { name: "100k", target: "/100k.html", ask: secure },
  { name: "1k over HTTP/2", target: "/1k.html", ask: h2load },
  { name: "100k over HTTP/2", target: "/100k.html", ask: h2load },
  { name: "1k and a handshake", target: "/1k.html", ask: secure, headers: { Connection: "close" } },
  { name: "16 MiB", target: "/bulk.html", ask: secure },
];

await bench(async () => {
  const [origin, plain, ha, own] = await Promise.all(Array.from({ length: 4 }, free));
  mkdirSync(path.join(folder, "www"));
  for (const [name, bytes] of [
    ["1k", 1024],
    ["100k", 102_400],
    ["bulk", BULK],
  ])
    writeFileSync(path.join(folder, "www", `${name}.html`), page(bytes));
  await nginx("origin", origin, `server { listen 127.0.0.1:${origin} backlog=4096; root ${folder}/www; }`);
  certify();
  const pem = path.join(folder, "both.pem");
  writeFileSync(
    pem,
    readFileSync(path.join(folder, "lado.pem"), "utf8") + readFileSync(path.join(folder, "lado.key"), "utf8"),
  );
  const tls = `ssl_certificate ${folder}/lado.pem; ssl_certificate_key ${folder}/lado.key; ssl_session_cache off; ssl_session_tickets off; proxy_buffers 32 16k; proxy_buffer_size 16k; proxy_max_temp_file_size 0;`;
  const behind = proxying(origin, plain).replace(
    `127.0.0.1:${plain};`,
    `127.0.0.1:${plain} ssl http2; ${tls}`,
  );
  const lado = await ladoBefore(origin, own, "", "https");
  const proxies = [
    { name: "nginx", port: plain, headers: {}, pid: await nginx("secure", plain, behind) },
    {
      name: "haproxy",
      port: ha,
      headers: {},
      pid: await haproxy(origin, `bind 127.0.0.1:${ha} ssl crt ${pem} alpn h2,http/1.1 no-tls-tickets`, ha),
    },
    { name: "lado", port: own, headers: { Host: lado.front, "Sec-Fetch-Dest": "empty" }, pid: lado.pid },
  ];

  console.log(`\nTLS, medians of ${rounds} rounds of ${SECONDS} s, ${CONNECTIONS} connections`);
  console.log("| work | proxy | µs of CPU | requests/s | CPU / nginx |\n| --- | --- | --: | --: | --: |");
  const found = {};
  for (const { name: work, target, ask, headers } of WORK) {
    const runs = new Map(proxies.map(({ name }) => [name, []]));
    for (let round = -1; round < rounds; round++)
      for (const proxy of proxies) {
        const group = family(proxy.pid);
        const before = busy(group);
        const run = ask(proxy.port, target, { ...proxy.headers, ...headers }, round < 0 ? 1 : SECONDS);
        if (round >= 0)
          runs.get(proxy.name).push({ rps: run.rps, cpu: (busy(group) - before) / 1000 / run.requests });
      }
    for (const { name } of proxies) {
      const of = (what) => median(runs.get(name).map((run) => run[what]));
      found[`${work} ${name}`] = of("cpu");
      const ratio = of("cpu") / found[`${work} nginx`];
      console.log(
        `| ${work} | ${name} | ${of("cpu").toFixed(1)} | ${of("rps").toFixed(0)} | ${ratio.toFixed(2)} |`,
      );
    }
  }
  const handshake = (name) => found[`1k and a handshake ${name}`] - found[`1k ${name}`];
  const shakes = handshake("lado") / handshake("nginx");
  const bulk = BULK / 1000 / found["16 MiB lado"];
  console.log("\n| | found | goal | |\n| --- | --: | --: | --- |");
  console.log(
    `| a full handshake and its connection, lado / nginx | ${shakes.toFixed(2)} | ≤ 0.6 | ${shakes <= 0.6 ? "met" : "missed"} |`,
  );
  console.log(
    `| bytes a core encrypts and passes on, GB/s | ${bulk.toFixed(2)} | ≥ 1.2 | ${bulk >= 1.2 ? "met" : "missed"} |`,
  );
});
