// What the benches of the proxy stand on: nginx before an origin, Lado before the same, and how to ask and stop them.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";

const lado = process.env.LADO_BIN ?? "target/release/lado";
export const folder = mkdtempSync(path.join(os.tmpdir(), "lado-bench-"));
chmodSync(folder, 0o755);
const children = [];

export const free = () =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Starts an nginx whose `http` block holds this; answers its process. */
export async function nginx(name, port, http) {
  const file = path.join(folder, `${name}.conf`);
  const user = process.getuid() === 0 ? "user root;" : "";
  writeFileSync(
    file,
    `${user} daemon off; pid ${folder}/${name}.pid; error_log ${folder}/${name}.log; worker_processes ${name === "origin" ? 1 : "auto"};
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000; default_type text/html; types { text/html html; }
client_body_temp_path ${folder}/${name}-b; proxy_temp_path ${folder}/${name}-p; fastcgi_temp_path ${folder}/${name}-f;
uwsgi_temp_path ${folder}/${name}-u; scgi_temp_path ${folder}/${name}-s;
${http} }`,
  );
  const child = spawn("nginx", ["-p", folder, "-c", file], { stdio: "inherit" });
  children.push(child);
  await listening(port);
  return child.pid;
}

async function listening(port) {
  for (;;) {
    const socket = net.connect(port, "127.0.0.1");
    const open = await new Promise((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function ask(port, host, options, body) {
  return new Promise((resolve, reject) => {
    const headers = { host, ...(body ? { "content-type": "application/json" } : {}), ...options.headers };
    const request = http.request({ host: "127.0.0.1", port, ...options, headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    request.on("error", reject).end(body);
  });
}

export const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

/** An nginx `server` on `port` that proxies to `origin`, with a pool of connections. */
export const proxying = (
  origin,
  port,
  more = "",
) => `upstream site { server 127.0.0.1:${origin}; keepalive 64; }
server { listen 127.0.0.1:${port}; location / { proxy_pass http://site; proxy_http_version 1.1;
proxy_set_header Connection ""; proxy_set_header Host $host; ${more} } }`;

/**
 * Starts Lado as a front of `origin` and with a session on its `page`; answers its process, the front's host, and the
 * view's host with the cookies of the session's customer.
 */
export async function ladoBefore(origin, own, page) {
  const password = "bench";
  const hash = execFileSync(lado, ["hash-password"], { input: `${password}\n`, encoding: "utf8" }).trim();
  const [console_, front] = [`lado.localhost:${own}`, `shop.localhost:${own}`];
  const file = path.join(folder, "lado.toml");
  writeFileSync(
    file,
    `[hosts]
console = "http://${console_}"
view = "http://view.localhost:${own}"
[listener]
address = "127.0.0.1:${own}"
requests_per_address = 0
connections_per_address = 0
[upstream]
allow_private = ["127.0.0.1:${origin}"]
[log]
level = "warn"
[[front]]
hosts = ["shop.localhost"]
company = "sol"
upstreams = ["http://127.0.0.1:${origin}"]
[[company]]
id = "sol"
name = "Sol"
allow = ["*"]
[[company.agents]]
name = "ana"
password = "${hash}"
`,
  );
  const child = spawn(lado, ["serve", "--json", "--config", file], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  await once(child.stdout, "data");

  const post = (path_, cookie, value) =>
    ask(
      own,
      console_,
      { path: path_, method: "POST", headers: cookie ? { cookie } : {} },
      JSON.stringify(value),
    );
  const signedIn = await post("/api/sign-in", "", { name: "ana", password });
  const agent = signedIn.headers["set-cookie"][0].split(";")[0];
  const session = JSON.parse(
    (await post("/api/sessions", agent, { site: `http://127.0.0.1:${origin}${page}` })).text,
  );
  const token = new URL(session.link).pathname.split("/").pop();
  const entrance = new URL(JSON.parse((await post(`/api/join/${token}/accept`, "", {})).text).url);
  const entered = await ask(own, entrance.host, { path: entrance.pathname + entrance.search });
  const customer = entered.headers["set-cookie"].map((cookie) => cookie.split(";")[0]).join("; ");

  return { pid: child.pid, front, view: { host: entrance.host, cookie: customer } };
}

/** Runs a bench, and stops and removes what it has started. */
export async function bench(main) {
  try {
    await main();
  } finally {
    for (const child of children) child.kill("SIGTERM");
    await Promise.all(children.map((child) => child.exitCode ?? once(child, "exit")));
    rmSync(folder, { recursive: true, force: true });
  }
}
