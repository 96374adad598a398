// The sites of the cases: three origins of two registrable domains, with every kind of response on request.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { Duplex } from "node:stream";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { echoSocket } from "./socket";

const FOLDER = path.resolve("tests/site");
const NAMES = { www: "www.shop.localhost", api: "api.shop.localhost", cdn: "cdn.other.localhost" } as const;

export type Origins = Record<keyof typeof NAMES, string>;

/** What a request told, and what a case may ask for. */
interface Exchange {
  url: URL;
  request: IncomingMessage;
  response: ServerResponse;
  body: Buffer;
}
type Endpoint = (exchange: Exchange) => unknown;

export class Sites {
  /** What pages have left behind: beacons, pings and reports, by their key. */
  private readonly kept = new Map<string, unknown>();
  private readonly waiting = new Map<string, (() => void)[]>();
  private readonly servers: Server[] = [];
  private readonly sockets = new Set<Duplex>();
  origins: Origins = { www: "", api: "", cdn: "" };

  static async start(): Promise<Sites> {
    const sites = new Sites();
    for (const [key, host] of Object.entries(NAMES)) {
      const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
        sites.answer(request, response).catch(() => response.destroy());
      });
      server.on("upgrade", (request, socket) => echoSocket(request, socket as Duplex));
      server.on("connection", (socket) => {
        sites.sockets.add(socket);
        socket.on("close", () => sites.sockets.delete(socket));
      });
      await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
      sites.servers.push(server);
      sites.origins[key as keyof Origins] = `http://${host}:${(server.address() as AddressInfo).port}`;
    }
    return sites;
  }

  async stop(): Promise<void> {
    const closed = this.servers.map((server) => new Promise((done) => server.close(done)));
    // `closeAllConnections` leaves WebSockets be, and `close` waits for them.
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(closed);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const exchange = { url, request, response, body: Buffer.concat(chunks) };
    response.setHeader("cache-control", "no-store");
    asked(exchange);
    const name = url.pathname.split("/")[1] ?? "";
    const endpoint = this.endpoints[name];
    if (request.method === "OPTIONS") response.writeHead(204).end();
    else if (endpoint) await endpoint(exchange);
    else this.file(exchange);
  }

  /** A file of this folder, with the origins in place of their names, and the headers that its first lines ask for. */
  private file({ url, request, response }: Exchange): void {
    const file = path.join(FOLDER, path.normalize(decodeURIComponent(url.pathname)));
    let text: string;
    try {
      // Old encodings stay as they are: the origins are ASCII.
      text = readFileSync(file, "latin1");
    } catch {
      response
        .writeHead(404, { "content-type": "text/html" })
        .end("<!doctype html><title>Nothing here</title>");
      return;
    }
    text = this.fill(text);
    for (;;) {
      const [line, name = "", value = ""] = /^<!-- header ([\w-]+): (.*) -->\n/.exec(text) ?? [];
      if (!line) break;
      text = text.slice(line.length);
      say(response, name, value);
    }
    const changed = response.getHeader("last-modified");
    if (changed && request.headers["if-modified-since"] === changed) {
      response.writeHead(304).end();
      return;
    }
    if (!response.hasHeader("content-type"))
      response.setHeader("content-type", TYPES[path.extname(file)] ?? "application/octet-stream");
    response.end(text, "latin1");
  }

  private fill(text: string): string {
    return text.replace(/\{\{(www|api|cdn)\}\}/g, (_, name: keyof Origins) => this.origins[name]);
  }

  private keep(key: string, value: unknown): void {
    this.kept.set(key, value);
    for (const go of this.waiting.get(key) ?? []) go();
    this.waiting.delete(key);
  }

  /** Waits until something is kept under the key. */
  private async left(key: string, patience: number): Promise<void> {
    if (this.kept.has(key)) return;
    await new Promise<void>((go) => {
      this.waiting.set(key, [...(this.waiting.get(key) ?? []), go]);
      setTimeout(go, patience);
    });
  }

  private readonly endpoints: Record<string, Endpoint> = {
    /** What the site saw, or the `body` of the query. */
    echo: ({ url, request, response, body }) => {
      const given = url.searchParams.get("body");
      if (given !== null) return response.end(this.fill(given));
      if (!response.hasHeader("content-type")) response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(seen(request, url, body)));
    },

    /** Keeps what is sent under the key in the path; `/kept/{key}` waits for it. */
    keep: ({ url, request, response, body }) => {
      this.keep(url.pathname.split("/")[2] ?? "", seen(request, url, body));
      if (url.searchParams.has("image")) return picture(response, 5);
      response.writeHead(204).end();
    },
    kept: async ({ url, response }) => {
      const key = url.pathname.split("/")[2] ?? "";
      await this.left(key, Number(url.searchParams.get("wait") ?? 5000));
      response.setHeader("content-type", "application/json").end(JSON.stringify(this.kept.get(key) ?? null));
    },

    redirect: ({ url, response }) => {
      const status = Number(url.searchParams.get("status") ?? 302);
      response.writeHead(status, { location: this.fill(url.searchParams.get("to") ?? "/") }).end();
    },

    /** Chunks that come one by one: by the clock, or each when the one before is kept under `{paced}-{number}`. */
    slow: async ({ url, response }) => {
      const html = url.searchParams.has("html");
      response.setHeader("content-type", html ? "text/html" : "text/plain");
      if (html) response.write("<!doctype html><title>Slow</title>");
      for (let i = 0; i < Number(url.searchParams.get("chunks") ?? 4); i++) {
        response.write(html ? `<p>part ${i}</p>` : `part ${i}\n`);
        const paced = url.searchParams.get("paced");
        await (paced ? this.left(`${paced}-${i}`, 10_000) : pause(Number(url.searchParams.get("ms") ?? 60)));
      }
      response.end();
    },

    events: async ({ url, request, response }) => {
      response.setHeader("content-type", "text/event-stream");
      const last = request.headers["last-event-id"];
      if (last) return response.end(`id: ${Number(last) + 1}\ndata: again after ${last}\n\n`);
      response.write("retry: 30\n: a comment\n\n");
      for (const [i, word] of ["one", "two", "três"].entries()) {
        response.write(`id: ${i}\nevent: ${i === 1 ? "named" : "message"}\ndata: ${word}\ndata: line\n\n`);
        await pause(20);
      }
      if (url.searchParams.has("cookie")) response.write(`data: ${request.headers.cookie ?? ""}\n\n`);
      if (url.searchParams.has("end")) response.end();
      else request.on("close", () => response.end());
    },

    upload: ({ request, response, body }) => {
      const hash = createHash("sha256").update(body).digest("hex");
      const { "content-type": type, "content-length": length } = request.headers;
      response
        .setHeader("content-type", "application/json")
        .end(JSON.stringify({ size: body.length, hash, type: type?.split(";")[0], length }));
    },

    /** Numbered bytes, with an ETag, in ranges. */
    bytes: ({ url, request, response }) => {
      const size = Number(url.searchParams.get("size") ?? 1000);
      const all = Buffer.from(Uint8Array.from({ length: size }, (_, i) => i & 255));
      whole(request, response, all, url.searchParams.get("type") ?? "application/octet-stream");
    },
    sound: ({ request, response }) => whole(request, response, tone(), "audio/wav"),

    coding: ({ url, request, response }) => {
      const name = url.pathname.split("/")[2] ?? "";
      const body = url.searchParams.get("body") ?? "Packed: “é”. ".repeat(200);
      const text = Buffer.from(this.fill(body));
      const packed = CODINGS[name]?.(text) ?? text;
      response.setHeader("content-encoding", name.replace("raw-", ""));
      if (!response.hasHeader("content-type"))
        response.setHeader("content-type", "text/plain; charset=utf-8");
      response.setHeader("x-asked", String(request.headers["accept-encoding"]?.includes("gzip")));
      response.end(url.searchParams.has("cut") ? packed.subarray(0, packed.length - 12) : packed);
    },

    /** A document in an old encoding, which is told by `header`, `meta` or `bom`. */
    charset: ({ url, response }) => {
      const name = url.pathname.split("/")[2] ?? "";
      const told = url.searchParams.get("in") ?? "header";
      response.setHeader("content-type", told === "header" ? `text/html; charset=${name}` : "text/html");
      const meta = told === "meta" ? `<meta charset="${name}">` : "";
      const before = `<!doctype html>${meta}<title>Old</title><img src="${this.origins.cdn}/picture?w=11"><p>`;
      const script = `</p><script>parent.postMessage({
        charset: document.characterSet, text: document.querySelector("p").textContent,
        image: document.querySelector("img").src, form: document.charset }, "*")</script>`;
      response.end(encoded(name, before, script, told === "bom"));
    },

    picture: ({ url, response }) => picture(response, Number(url.searchParams.get("w") ?? 20)),

    /** 103 before the response (RFC 8297), and trailers after it. */
    hints: ({ response }) => {
      response.writeEarlyHints({ link: `<${this.origins.cdn}/parts/late.css>; rel=preload; as=style` });
      response.setHeader("content-type", "text/plain").end("after the hints");
    },
    trailers: ({ response }) => {
      response.writeHead(200, { "content-type": "text/plain", trailer: "x-sum" });
      response.write("before ");
      response.addTrailers({ "x-sum": "7" });
      response.end("the trailers");
    },
    /** Says it is longer than it is. */
    short: ({ response }) => {
      response.writeHead(200, { "content-type": "text/plain", "content-length": "100" });
      response.write("too short");
      setTimeout(() => response.destroy(), 30);
    },
    reset: ({ request }) => request.socket.destroy(),
  };
}

/** Query parameters that any endpoint takes: `h=Name: value` (repeated), `type`, `status`, `cors=*` or `cors=me`. */
function asked({ url, request, response }: Exchange): void {
  const query = url.searchParams;
  for (const header of query.getAll("h")) {
    const at = header.indexOf(":");
    say(response, header.slice(0, at), header.slice(at + 1).trim());
  }
  const type = query.get("type");
  if (type) response.setHeader("content-type", type);
  if (query.has("status")) response.statusCode = Number(query.get("status"));
  const cors = query.get("cors");
  if (!cors) return;
  const { origin = "*" } = request.headers;
  response.setHeader("access-control-allow-origin", cors === "me" ? origin : cors);
  if (cors === "me") response.setHeader("access-control-allow-credentials", "true");
  const wanted = request.headers["access-control-request-headers"];
  if (wanted) response.setHeader("access-control-allow-headers", wanted);
  const method = request.headers["access-control-request-method"];
  if (method) response.setHeader("access-control-allow-methods", method);
}

/** A field as the case asks for it: beside others of its name, but for what every answer has. */
function say(response: ServerResponse, name: string, value: string): void {
  if (name.toLowerCase() === "cache-control") response.setHeader(name, value);
  else response.appendHeader(name, value);
}

const seen = (request: IncomingMessage, url: URL, body: Buffer) => ({
  method: request.method,
  path: url.pathname + url.search,
  headers: request.headers,
  body: body.toString("utf8"),
});

function whole(request: IncomingMessage, response: ServerResponse, all: Buffer, type: string): void {
  const etag = `"${createHash("sha256").update(all).digest("hex").slice(0, 12)}"`;
  response.setHeader("content-type", type).setHeader("etag", etag).setHeader("accept-ranges", "bytes");
  response.setHeader("cache-control", "no-cache");
  if (request.headers["if-none-match"] === etag) return void response.writeHead(304).end();
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const guarded = request.headers["if-range"];
  if (from === undefined || (guarded && guarded !== etag)) return void response.end(all);
  const first = Number(from);
  const last = to ? Math.min(Number(to), all.length - 1) : all.length - 1;
  response.setHeader("content-range", `bytes ${first}-${last}/${all.length}`);
  response.statusCode = 206;
  response.end(all.subarray(first, last + 1));
}

/** A picture that is as wide as was asked for: whoever measures it knows which one has loaded. */
function picture(response: ServerResponse, width: number): void {
  response.setHeader("content-type", "image/svg+xml");
  response.end(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="4"/>`);
}

/** A quarter of a second of silence. */
function tone(): Buffer {
  const data = Buffer.alloc(2000, 128);
  const head = Buffer.alloc(44);
  head.write("RIFF").toString();
  head.writeUInt32LE(36 + data.length, 4);
  head.write("WAVEfmt ", 8);
  for (const [at, value] of [
    [16, 16],
    [24, 8000],
    [28, 8000],
    [40, data.length],
  ] as const)
    head.writeUInt32LE(value, at);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 1],
    [34, 8],
  ] as const)
    head.writeUInt16LE(value, at);
  head.write("data", 36);
  return Buffer.concat([head, data]);
}

const CODINGS: Record<string, (text: Buffer) => Buffer> = {
  gzip: gzipSync,
  br: brotliCompressSync,
  deflate: deflateSync,
  "raw-deflate": deflateRawSync,
};

/** The same sentence as the encoding has it: Node writes Unicode only. */
const OLD: Record<string, string> = {
  shift_jis: "93fa967b8cea82cc8379815b83578141835c815b8358955c",
  gb18030: "d6d0cec4d2b3c3e6a3ac9534b235",
  "euc-kr": "c7d1b1b9beee20c6e4c0ccc1f6",
  "windows-1252": "934f6ce1942096206e61ef76652080",
  "iso-2022-jp": "1b2442467c4b5c386c244e255a213c25381b2842",
  big5: "c163c5e9a4a4a4e5adb6adb1",
  "koi8-r": "f0d2c9d7c5d42c20cdc9d2",
  "euc-jp": "c6fccbdcb8eca4cea5daa1bca5b8",
  "windows-1251": "cff0e8e2e5f22c20ece8f0",
};

function encoded(name: string, before: string, after: string, bom: boolean): Buffer {
  const old = OLD[name];
  if (old) return Buffer.concat([Buffer.from(before), Buffer.from(old, "hex"), Buffer.from(after)]);
  const text = `${bom ? "\ufeff" : ""}${before}Olá, 日本 𠮷${after}`;
  if (!name.startsWith("utf-16")) return Buffer.from(text, "utf8");
  const little = Buffer.from(text, "utf16le");
  return name === "utf-16be" ? little.swap16() : little;
}

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".m3u8": "application/vnd.apple.mpegurl",
  ".mpd": "application/dash+xml",
  ".vtt": "text/vtt",
};

const pause = (ms: number) => new Promise((go) => setTimeout(go, ms));
