// Requests that two readers could read differently, sent through Lado to real origins: Node's own parser, and nginx
// where it is installed. A marker that is hidden in a request must never arrive as one.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createListener } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "@playwright/test";

test.describe.configure({ retries: 0 });

const HOST = "shop.localhost";

interface Origin {
  name: string;
  port: number;
  /** The paths of all requests that have arrived. */
  heard(): string[];
  stop(): void;
}

async function node(): Promise<Origin> {
  const heard: string[] = [];
  const server: Server = createServer((request, response) => {
    heard.push(request.url ?? "");
    request.resume();
    response.end("ok");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return { name: "node", port, heard: () => heard, stop: () => server.closeAllConnections() };
}

async function freePort(): Promise<number> {
  const listener = createListener();
  await new Promise<void>((done) => listener.listen(0, "127.0.0.1", done));
  const { port } = listener.address() as AddressInfo;
  await new Promise((done) => listener.close(done));
  return port;
}

async function nginx(folder: string): Promise<Origin | null> {
  if (spawnSync("nginx", ["-v"]).error) return null;
  const port = await freePort();
  const log = path.join(folder, "heard.log");
  writeFileSync(
    path.join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
     events {}
     http { log_format path '$request_uri'; access_log ${log} path;
       client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
       uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
       server { listen 127.0.0.1:${port}; location / { return 200 ok; } } }`,
  );
  const child = spawn("nginx", ["-p", folder, "-c", `${folder}/nginx.conf`], { stdio: "ignore" });
  await expect
    .poll(() =>
      fetch(`http://127.0.0.1:${port}/`).then(
        (answer) => answer.ok,
        () => false,
      ),
    )
    .toBe(true);
  const heard = () => readFileSync(log, "utf8").split("\n").filter(Boolean);
  return { name: "nginx", port, heard, stop: () => child.kill() };
}

async function before(port: number, folder: string): Promise<{ port: number; child: ChildProcess }> {
  const file = path.join(folder, `lado-${port}.toml`);
  writeFileSync(
    file,
    `[listener]\naddress = "127.0.0.1:0"\n[[company]]\nid = "sol"\nname = "Sol"\n` +
      `[[front]]\nhosts = ["${HOST}"]\ncompany = "sol"\nupstreams = ["http://127.0.0.1:${port}"]\n`,
  );
  const binary = process.env.LADO_BIN ?? path.resolve(process.env.CARGO_TARGET_DIR ?? "target", "debug/lado");
  const child = spawn(binary, ["serve", "--config", file, "--json"], { stdio: ["ignore", "pipe", "ignore"] });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`lado ended with ${code}`)));
  });
  return { port: (JSON.parse(line) as { ports: { lado: number } }).ports.lado, child };
}

/** Everything that comes back until the connection closes or is silent. */
function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let told = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    socket.setTimeout(700, () => socket.destroy());
    socket.on("data", (data) => {
      told += data.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(told));
  });
}

const own = `Host: ${HOST}\r\n`;
const marker = `GET /marker HTTP/1.1\r\n${own}\r\n`;
const post = (fields: string, body: string) => `POST /cover HTTP/1.1\r\n${own}${fields}\r\n${body}`;
const chunks = `0\r\n\r\n${marker}`;

const ATTACKS: Record<string, string> = {
  "CL.TE": post(`Content-Length: ${chunks.length}\r\nTransfer-Encoding: chunked\r\n`, chunks),
  "TE.CL": post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunks),
  "CL.CL": post(`Content-Length: 0\r\nContent-Length: ${marker.length}\r\n`, marker),
  "a list of lengths": post(`Content-Length: 0, ${marker.length}\r\n`, marker),
  "a signed length": post("Content-Length: +0\r\n", marker),
  "an unknown coding": post("Transfer-Encoding: xchunked\r\n", chunks),
  "a coding with a vertical tab": post("Transfer-Encoding:\x0bchunked\r\nContent-Length: 5\r\n", chunks),
  "a coding behind a bare LF": post(
    `X: x\nTransfer-Encoding: chunked\r\nContent-Length: ${chunks.length}\r\n`,
    chunks,
  ),
  "a coding behind a bare CR": post(
    `X: x\rTransfer-Encoding: chunked\r\nContent-Length: ${chunks.length}\r\n`,
    chunks,
  ),
  "a folded coding": post("Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n", chunks),
  "a space before the colon": post("Transfer-Encoding : chunked\r\nContent-Length: 5\r\n", chunks),
  "an underscore": post("Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", chunks),
  "chunks behind bare LF": post("Transfer-Encoding: chunked\r\n", `0\n\n${marker}`),
  "a chunk longer than it says": post("Transfer-Encoding: chunked\r\n", `2\r\nxyz\r\n${chunks}`),
  "a chunk size with a space": post("Transfer-Encoding: chunked\r\n", `0 \r\n\r\n${marker}`),
  "a chunk size that overflows": post(
    "Transfer-Encoding: chunked\r\n",
    `fffffffffffffffff0\r\n\r\n${marker}`,
  ),
  "a chunk extension with LF": post("Transfer-Encoding: chunked\r\n", `1;x\nx\r\n${chunks}`),
  "chunks on HTTP/1.0": `POST /cover HTTP/1.0\r\n${own}Transfer-Encoding: chunked\r\n\r\n${chunks}`,
  "two hosts": `GET /marker HTTP/1.1\r\n${own}${own}\r\n`,
  "no host": "GET /marker HTTP/1.1\r\n\r\n",
  "another host in the address": `GET http://other.test/marker HTTP/1.1\r\n${own}\r\n`,
  CONNECT: `CONNECT ${HOST}:80 HTTP/1.1\r\n${own}\r\n${marker.replaceAll("\r\n", "\n")}`,
};

test("a request that is hidden in another never arrives at a real origin", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "lado-smuggle-"));
  const origins = [await node(), await nginx(folder)].filter((origin) => origin !== null);
  try {
    for (const origin of origins) {
      const { port, child } = await before(origin.port, folder);
      try {
        const answers = await Promise.all(
          Object.entries(ATTACKS).map(async ([name, bytes]) => [name, await exchange(port, bytes)] as const),
        );
        for (const [name, told] of answers) {
          expect.soft(told, `${origin.name}, ${name}`).toMatch(/^(HTTP\/1\.[01] (400|421)|$)/);
        }
        const proper = await exchange(port, `GET /proper HTTP/1.1\r\n${own}Connection: close\r\n\r\n`);
        expect(proper, origin.name).toMatch(/^HTTP\/1\.1 200 /);
        await expect.poll(() => origin.heard()).toContain("/proper");
        expect(
          origin.heard().filter((heard) => heard.includes("marker")),
          origin.name,
        ).toEqual([]);
      } finally {
        child.kill();
      }
    }
  } finally {
    for (const origin of origins) origin.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
