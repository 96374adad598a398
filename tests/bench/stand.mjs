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

/** Starts an HAProxy before `origin` whose front end has these lines, `port` among them; answers its process. */
export async function haproxy(origin, lines, port) {
  const file = path.join(folder, "haproxy.cfg");
  writeFileSync(
    file,
    `global
  maxconn 4096
  nbthread ${os.cpus().length}
  tune.ssl.cachesize 0
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend front
  ${lines}
  default_backend site
backend site
  http-reuse always
  server site 127.0.0.1:${origin}
`,
  );
  const child = spawn("haproxy", ["-db", "-q", "-f", file], { stdio: "inherit" });
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
 * Starts Lado as a front of `origin`; `more` are further sections of its configuration. Answers its process, the front's
 * host, and `enter`, which makes a session on a page and lets its customer in.
 */
export async function ladoBefore(origin, own, more = "", scheme = "http") {
  const password = "bench";
  const hash = execFileSync(lado, ["hash-password"], { input: `${password}\n`, encoding: "utf8" }).trim();
  const [console_, front] = [`lado.localhost:${own}`, `shop.localhost:${own}`];
  const certificates = scheme === "https" ? 'certificates = [{ chain = "lado.pem", key = "lado.key" }]' : "";
  const file = path.join(folder, "lado.toml");
  writeFileSync(
    file,
    `[hosts]
console = "${scheme}://${console_}"
view = "${scheme}://view.localhost:${own}"
[listener]
address = "127.0.0.1:${own}"
requests_per_address = 0
connections_per_address = 0
max_connections = 15000
${certificates}
[upstream]
allow_private = ["127.0.0.1:${origin}"]
[session]
max_sessions_per_company = 10000
[log]
level = "error"
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
${more}
`,
  );
  const child = spawn(lado, ["serve", "--json", "--config", file], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  await once(child.stdout, "data");

  const post = async (path_, value, cookie) => {
    const headers = cookie ? { cookie } : {};
    const response = await ask(
      own,
      console_,
      { path: path_, method: "POST", headers },
      JSON.stringify(value),
    );
    if (response.status >= 300) throw new Error(`${path_}: ${response.status} ${response.text}`);
    return response;
  };
  const signIn = async () =>
    (await post("/api/sign-in", { name: "ana", password })).headers["set-cookie"][0].split(";")[0];
  let agent;

  /** The session's id, the view's host with the customer's cookies, and how the agent is let in and gets to the viewer. */
  const enter = async (page) => {
    agent ??= await signIn();
    const site = `http://127.0.0.1:${origin}${page}`;
    const session = JSON.parse((await post("/api/sessions", { site }, agent)).text);
    const token = new URL(session.link).pathname.split("/").pop();
    const entrance = new URL(JSON.parse((await post(`/api/join/${token}/accept`, {})).text).url);
    const entered = await ask(own, entrance.host, { path: entrance.pathname + entrance.search });
    const cookie = entered.headers["set-cookie"].map((cookie) => cookie.split(";")[0]).join("; ");
    const admit = (pin) => post("/api/pin", { pin }, agent);
    const viewer = async () =>
      new URL(JSON.parse((await post(`/api/sessions/${session.id}/viewer`, {}, agent)).text).url);
    return { id: session.id, host: entrance.host, cookie, admit, viewer };
  };
  return { pid: child.pid, console: console_, front, enter };
}

/** A certificate and its key, for whoever is asked by address: `lado.pem` and `lado.key` in the folder. */
export const certify = () => void execFileSync(lado, ["certs", folder]);

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
