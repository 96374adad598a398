// Lado beside rrweb 2.2.2 on three large pages: what a page pays, what goes over the line, how soon the agent sees it.
//
//   make bench            LADO_BIN=… npx playwright test --config tests/bench/config.ts

import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { constants, createDeflateRaw, gzipSync } from "node:zlib";
import { type Browser, chromium, expect, type Page, test } from "@playwright/test";
import { build } from "esbuild";
import { launch } from "../../playwright.config";
import { bundleInjected, bundleLate } from "../../web/build.mjs";
import { Lado } from "../browser/lado";
import { Agent, Customer, together } from "../browser/people";
import { documentation, pages } from "./pages";
import { fanOut } from "./socket";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
/** Changes whose way to the agent is timed. */
const MUTATIONS = Number(process.env.BENCH_MUTATIONS ?? 200);

const dist = (name: string, file: string): string =>
  path.join(path.dirname(createRequire(import.meta.url).resolve(name)), file);
const recorder = readFileSync(dist("@rrweb/record", "record.umd.min.cjs"), "utf8");
const player = readFileSync(dist("rrweb", "rrweb.umd.min.cjs"), "utf8");

let server: Server;
let origin: string;
let browser: Browser;
let lado: Lado;
let boot = "";
const scripts = { lado: "", rrweb: "" };
/** What each system puts first into a page. */
type System = "lado" | "rrweb";

const rows: { what: string; lado: string; rrweb: string; ratio: number; goal: number }[] = [];

function report(what: string, ours: number, theirs: number, goal: number, unit: string): void {
  const shown = (value: number): string =>
    unit === "ms" ? `${value.toFixed(1)} ms` : `${Math.round(value).toLocaleString("en")} B`;
  rows.push({ what, lado: shown(ours), rrweb: shown(theirs), ratio: ours / theirs, goal });
}

function median(values: number[]): number {
  return at(values, 0.5);
}

function at(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** How many bytes the end of every flush has, which is not sent (RFC 7692 §7.2.1). */
const FLUSH = 4;

/**
 * Bytes of each message as a socket with permessage-deflate sends them: in one compressed stream, but as they are where
 * that is shorter.
 */
async function deflated(messages: Buffer[]): Promise<number[]> {
  const stream = createDeflateRaw({ level: 6 });
  let total = 0;
  stream.on("data", (bytes: Buffer) => {
    total += bytes.length;
  });
  const sizes: number[] = [];
  for (const message of messages) {
    const before = total;
    stream.write(message);
    await new Promise<void>((done) => stream.flush(constants.Z_SYNC_FLUSH, () => done()));
    sizes.push(Math.min(message.length, total - before - FLUSH));
  }
  return sizes;
}

const sum = (values: number[]): number => values.reduce((all, value) => all + value, 0);

async function script(file: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, file)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2022",
  });
  return outputFiles[0]?.text ?? "";
}

test.beforeAll(async () => {
  scripts.lado = await script("lado.ts");
  scripts.rrweb = recorder + (await script("rrweb.ts"));
  server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://bench");
    const system = url.searchParams.get("system");
    const html = pages[url.pathname.slice(1)]?.();
    response.setHeader("content-type", "text/html; charset=utf-8");
    if (url.pathname === "/player") {
      response.end(`<!doctype html><body><div id="player"></div><script>${player}</script>`);
      return;
    }
    if (!html) {
      response.statusCode = 404;
      response.end();
      return;
    }
    const head = system === "lado" || system === "rrweb" ? head_of(system) : "";
    const live = system === "live" ? `<script>${recorder}</script><script>(${record})()</script>` : "";
    response.end(html.replace("<!--head-->", () => head + live));
  });
  fanOut(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await chromium.launch(launch);
  lado = await Lado.start(["--site", origin]);
  boot = await bootOf();
});

test.afterAll(async () => {
  const width = Math.max(...rows.map(({ what }) => what.length));
  const lines = rows.map(({ what, lado, rrweb, ratio, goal }) => {
    const met = ratio <= goal ? "" : "  missed";
    return `${what.padEnd(width)}  ${lado.padStart(13)}  ${rrweb.padStart(13)}  ${ratio.toFixed(3).padStart(7)}  ${goal.toFixed(2)}${met}`;
  });
  const head = `${"".padEnd(width)}  ${"Lado".padStart(13)}  ${"rrweb 2.2.2".padStart(13)}  ${"ratio".padStart(7)}  goal`;
  process.stdout.write(`\n${head}\n${lines.join("\n")}\n\n`);
  await browser?.close();
  await lado?.stop();
  server?.close();
});

function head_of(system: System): string {
  return system === "lado"
    ? `<script>const LADO_BOOT=${boot};${scripts.lado}</script>`
    : `<script>${scripts.rrweb}</script>`;
}

/** Runs in the page: rrweb as its documentation sets it up, over a socket. */
function record(): void {
  const socket = new WebSocket(location.origin.replace("http", "ws"));
  const early: string[] = [];
  socket.onopen = () => {
    for (const text of early) socket.send(text);
  };
  // biome-ignore lint/suspicious/noExplicitAny: a global of the recorder's script
  (window as any).rrwebRecord.record({
    emit(event: unknown) {
      const text = JSON.stringify(event);
      if (socket.readyState === 1) socket.send(text);
      else early.push(text);
    },
  });
}

/** The rules and names that Lado itself hands a page of this site. */
async function bootOf(): Promise<string> {
  const { agent, customer, done } = await pair();
  let found = "";
  customer.page.on("response", async (response) => {
    if (/__lado\/boot\./.test(response.url())) found = await response.text().catch(() => "");
  });
  await together({ agent, customer }, `${origin}/table`);
  await expect.poll(() => found).toContain("LADO_BOOT");
  await done();
  const from = found.indexOf("{", found.indexOf("LADO_BOOT"));
  let depth = 0;
  let quoted = false;
  for (let i = from; ; i++) {
    const c = found[i];
    if (quoted) {
      if (c === "\\") i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === "{") depth++;
    else if (c === "}" && --depth === 0) return found.slice(from, i + 1).replaceAll("</", "<\\/");
  }
}

async function pair(): Promise<{ agent: Agent; customer: Customer; done(): Promise<void> }> {
  const size = { viewport: { width: 1280, height: 800 }, locale: "en-GB" };
  const [a, c] = [await browser.newContext(size), await browser.newContext(size)];
  const agent = new Agent(await a.newPage(), lado.ready);
  const customer = new Customer(await c.newPage(), lado.ready);
  const done = async (): Promise<void> => {
    await a.close();
    await c.close();
  };
  return { agent, customer, done };
}

interface Bench {
  start(): void;
  take(): string[];
}

const take = async (page: Page): Promise<Buffer[]> => {
  const texts = await page.evaluate(() => (window as unknown as { bench: Bench }).bench.take());
  return texts.map((text) => Buffer.from(text, "base64"));
};

/** A fresh page of one system, told whole. */
async function told(name: string, system: System): Promise<{ page: Page; ms: number; bytes: Buffer[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${origin}/${name}?system=${system}`);
  await page.waitForLoadState("load");
  // The main thread's own time: what other programs do meanwhile does not count.
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent = async (): Promise<number> => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN;
  };
  const before = await spent();
  await page.evaluate(() => (window as unknown as { bench: Bench }).bench.start());
  // A large page may be told in slices: all of them count.
  const bytes = await take(page);
  for (let more = 1; more; ) {
    await frames(page, 10);
    const rest = await take(page);
    bytes.push(...rest);
    more = rest.length;
  }
  const ms = 1000 * ((await spent()) - before);
  return { page, ms, bytes };
}

const frames = (page: Page, count: number): Promise<void> =>
  page.evaluate(async (count) => {
    for (let i = 0; i < count; i++) await new Promise(requestAnimationFrame);
  }, count);

test("scripts", async () => {
  const theirs = gzipSync(recorder, { level: 9 }).length;
  const size = (script: Uint8Array): number => gzipSync(script, { level: 9 }).length;
  report("script of proxied pages, gzip", size(await bundleInjected("injected/main.ts")), theirs, 1, "B");
  report("script under the site's own name", size(await bundleInjected("injected/front.ts")), theirs, 1, "B");
  report("what loads when it is needed", size(await bundleLate()), theirs, 1, "B");
});

for (const name of Object.keys(pages)) {
  test(`snapshot of ${name}`, async () => {
    const ms: Record<System, number[]> = { lado: [], rrweb: [] };
    const size: Record<System, number> = { lado: 0, rrweb: 0 };
    let nodes = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const system of ["lado", "rrweb"] as const) {
        const { page, ms: spent, bytes } = await told(name, system);
        ms[system].push(spent);
        size[system] = sum(await deflated(bytes));
        nodes = await page.evaluate(() => {
          const walk = document.createTreeWalker(document);
          let count = 1;
          while (walk.nextNode()) count++;
          return count;
        });
        await page.close();
      }
    }
    const shown = `${name} (${nodes.toLocaleString("en")} nodes)`;
    report(`${shown}: snapshot, main thread`, median(ms.lado), median(ms.rrweb), 0.35, "ms");
    report(`${shown}: snapshot, deflated`, size.lado, size.rrweb, 0.5, "B");
  });
}

/** What happens to the table, in the page. */
const changes: [string, number, () => Promise<void> | void][] = [
  [
    "typing 60 characters",
    0.3,
    async () => {
      const field = document.getElementById("search") as HTMLInputElement;
      field.focus();
      for (let i = 0; i < 60; i++) {
        field.value += "abcdefghij klmnop qrstu"[i % 23];
        field.dispatchEvent(new InputEvent("input", { bubbles: true }));
        await new Promise(requestAnimationFrame);
      }
    },
  ],
  [
    "toggling 1,000 rows",
    0.2,
    () => {
      for (const row of [...document.querySelectorAll("#rows tr")].slice(0, 1000))
        row.classList.toggle("selected");
    },
  ],
  [
    "adding 1,000 rows",
    0.3,
    () => {
      const html = Array.from({ length: 1000 }, (_, n) =>
        (window as unknown as { row(n: number): string }).row(5000 + n),
      );
      document.getElementById("rows")?.insertAdjacentHTML("beforeend", html.join(""));
    },
  ],
  [
    "reversing 2,000 rows",
    0.05,
    () => {
      const rows = document.getElementById("rows");
      for (const row of [...(rows?.children ?? [])].slice(0, 2000)) rows?.prepend(row);
    },
  ],
];

test("bytes of changes", async () => {
  test.setTimeout(300_000);
  const sizes: Record<System, number[]> = { lado: [], rrweb: [] };
  for (const system of ["lado", "rrweb"] as const) {
    const { page, bytes } = await told("table", system);
    const all = [...bytes];
    const parts: number[] = [all.length];
    for (const [, , change] of changes) {
      await page.evaluate(change);
      await frames(page, 3);
      all.push(...(await take(page)));
      parts.push(all.length);
    }
    const each = await deflated(all);
    sizes[system] = changes.map((_, i) => sum(each.slice(parts[i], parts[i + 1])));
    await page.close();
  }
  changes.forEach(([what, goal], i) => {
    report(`${what}, deflated`, sizes.lado[i] ?? 0, sizes.rrweb[i] ?? 0, goal, "B");
  });
});

/** Runs in the customer's page: changes at times of its own, each with a number; returns when each was made. */
async function mutate(count: number): Promise<number[]> {
  const times: number[] = [];
  const mark = document.createElement("p");
  mark.id = "mark";
  document.body.append(mark);
  for (let i = 1; i <= count; i++) {
    await new Promise((done) => setTimeout(done, 17 + Math.random() * 40));
    mark.textContent = `mark ${i}`;
    times.push(performance.timeOrigin + performance.now());
  }
  return times;
}

/** Runs where the agent's page is: notes when each number is there. */
function notice(find: string): void {
  const seen: Record<string, number> = {};
  Object.assign(window, { seen });
  const look = (): void => {
    const frame = document.querySelector<HTMLIFrameElement>(find);
    const text = frame?.contentDocument?.getElementById("mark")?.textContent;
    if (text && !(text in seen)) seen[text] = performance.timeOrigin + performance.now();
  };
  const frame = document.querySelector<HTMLIFrameElement>(find);
  if (!frame?.contentDocument) throw new Error("there is no page yet");
  new MutationObserver(look).observe(frame.contentDocument, {
    childList: true,
    characterData: true,
    subtree: true,
  });
}

function delays(made: number[], seen: Record<string, number>): number[] {
  return made.flatMap((time, i) => {
    const there = seen[`mark ${i + 1}`];
    return there === undefined ? [] : [there - time];
  });
}

const STAGE = "iframe.stage.shown";
const PLAYER = ".replayer-wrapper iframe";

/** rrweb's live mode, as documented. */
async function replayer(): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${origin}/player`);
  await page.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: a global of the player's script
    const { Replayer } = (window as any).rrweb;
    const replayer = new Replayer([], { liveMode: true, root: document.getElementById("player") });
    replayer.startLive();
    const socket = new WebSocket(location.origin.replace("http", "ws"));
    socket.onmessage = ({ data }) => replayer.addEvent(JSON.parse(data));
    await new Promise((done) => socket.addEventListener("open", done));
  });
  return page;
}

test("latency", async () => {
  test.setTimeout(300_000);
  const watching = await replayer();
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${origin}/table?system=live`);
  await expect
    .poll(() =>
      watching.evaluate(
        (find) =>
          document.querySelector<HTMLIFrameElement>(find)?.contentDocument?.querySelectorAll("tr").length,
        PLAYER,
      ),
    )
    .toBe(2000);
  await watching.evaluate(notice, PLAYER);
  const made = await page.evaluate(mutate, MUTATIONS);
  await page.waitForTimeout(1500);
  const theirs = delays(
    made,
    await watching.evaluate(() => (window as unknown as { seen: Record<string, number> }).seen),
  );
  await page.close();
  await watching.close();

  const { agent, customer, done } = await pair();
  await together({ agent, customer }, `${origin}/table`);
  await expect.poll(() => agent.stage((it) => it.querySelectorAll("tr").length)).toBe(2000);
  const viewer = await agent.viewer();
  await viewer.evaluate(`(${notice})(${JSON.stringify(STAGE)})`);
  const told = await customer.page.evaluate(mutate, MUTATIONS);
  await customer.page.waitForTimeout(1500);
  const ours = delays(told, (await viewer.evaluate("seen")) as Record<string, number>);
  await done();
  // Both may put two changes into one frame, where the first never shows.
  expect(Math.min(ours.length, theirs.length)).toBeGreaterThan(MUTATIONS / 3);
  report(`latency, p50 of ${ours.length} and ${theirs.length}`, at(ours, 0.5), at(theirs, 0.5), 0.6, "ms");
  report("latency, p99", at(ours, 0.99), at(theirs, 0.99), 0.8, "ms");
});

test("first paint", async () => {
  test.setTimeout(300_000);
  expect(documentation().length).toBeGreaterThan(500_000);
  const theirs: number[] = [];
  const ours: number[] = [];
  // The player leaves its document open: it never says that it is complete.
  const painted = (find: string): boolean => {
    const page = document.querySelector<HTMLIFrameElement>(find)?.contentDocument;
    return (page?.getElementById("module0")?.offsetHeight ?? 0) > 0;
  };
  for (let round = 0; round < ROUNDS; round++) {
    const watching = await replayer();
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${origin}/table?system=live`);
    await watching.waitForFunction(
      (find) => document.querySelector<HTMLIFrameElement>(find)?.contentDocument?.querySelector("tr"),
      PLAYER,
    );
    const from = Date.now();
    const going = page.goto(`${origin}/documentation?system=live`);
    await watching.waitForFunction(painted, PLAYER, { polling: "raf" });
    theirs.push(Date.now() - from);
    await going;
    await page.close();
    await watching.close();
  }
  const { agent, customer, done } = await pair();
  await together({ agent, customer }, `${origin}/table`);
  const viewer = await agent.viewer();
  for (let round = 0; round < ROUNDS; round++) {
    await customer.page.goto(`${customer.view}/table`);
    await agent.sees("Customer of 3");
    const from = Date.now();
    const going = customer.page.goto(`${customer.view}/documentation`);
    await expect
      .poll(() => viewer.evaluate(`(${painted})(${JSON.stringify(STAGE)})`), {
        intervals: [5],
        timeout: 30_000,
      })
      .toBe(true);
    ours.push(Date.now() - from);
    await going;
  }
  await done();
  report("navigation to the agent's first paint", median(ours), median(theirs), 0.5, "ms");
});
