// Every page of tests/mirror looks the same to the agent as to the customer: after it has loaded, and after each of its
// steps. Compared are the trees with their states and the computed styles, and after the last step the pixels.
//
//   MIRROR=dialog npx playwright test mirror.spec     only pages whose name matches, and pixels after every step
//   FRESH=1 …                                         with scripts bundled from the sources, not the binary's

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import {
  type Browser,
  type BrowserContext,
  chromium,
  expect,
  type Frame,
  type Page,
  type Request,
  test,
} from "@playwright/test";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";
import { launch } from "../../playwright.config";
import { bundleApp, bundleInjected, bundleLate } from "../../web/build.mjs";
import { type Description, describe as describePage } from "../mirror/describe";
import { Lado } from "./lado";
import { Agent, Customer, together } from "./people";

const FOLDER = "tests/mirror";
const WINDOW = { width: 1280, height: 800 };
/** Of 1280 × 800 pixels, in thousandths. */
const ALLOWED = 0.001;
/** Lado's own pill on the customer's right edge is no part of the page: so wide, and between these shares of the height. */
const PILL = { width: 340, top: 0.45, bottom: 0.75 };
const PATIENCE = 6000;

const known: Record<string, string> = JSON.parse(readFileSync(`${FOLDER}/known.json`, "utf8"));
const pages = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".html"))
  .map((name) => name.slice(0, -".html".length))
  .filter((name) => new RegExp(process.env.MIRROR ?? "").test(name));

test("the agent sees what the customer sees", async () => {
  test.setTimeout(1_500_000);
  const sites = await Promise.all([serve(), serve()]);
  const [site = "", other = ""] = sites.map(
    (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  );
  const lado = await Lado.start(["--site", site, "--site", other]);
  // Scroll bars take room, as in most people's browsers.
  const browser = await chromium.launch({ ...launch, ignoreDefaultArgs: ["--hide-scrollbars"] });
  try {
    const { agent, customer } = await pair(browser, lado);
    await together({ agent, customer }, `${site}/blank.html`);
    await customer.allow("Click and type");
    const viewer = await agent.viewer();
    // The customer's pointer is drawn over the page.
    await viewer.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(".customer { display: none }");
      document.adoptedStyleSheets = [sheet];
    });
    const view = customer.view;
    const results: Result[] = [];
    for (const name of pages)
      results.push(await compare(name, `${view}/${name}.html`, customer.page, viewer, agent.page));
    judge(results);
  } finally {
    await browser.close();
    await lado.stop();
    for (const server of sites) server.close();
  }
});

interface Result {
  name: string;
  steps: number;
  failures: string[];
  ms: number;
}

async function pair(browser: Browser, lado: Lado): Promise<{ agent: Agent; customer: Customer }> {
  const one = await browser.newContext({ locale: "en-GB", viewport: { width: 2300, height: 1200 } });
  const two = await browser.newContext({ locale: "en-GB", viewport: WINDOW });
  if (process.env.FRESH) await Promise.all([fresh(one), fresh(two)]);
  return {
    agent: new Agent(await one.newPage(), lado.ready),
    customer: new Customer(await two.newPage(), lado.ready),
  };
}

async function compare(
  name: string,
  address: string,
  customer: Page,
  viewer: Frame,
  agent: Page,
): Promise<Result> {
  const began = performance.now();
  const failures: string[] = [];
  const errors: string[] = [];
  const note = (error: Error) => errors.push(String(error));
  customer.on("pageerror", note);
  let steps = 0;
  try {
    await customer.setViewportSize(WINDOW);
    await customer.mouse.move(2, 2);
    await customer.goto(address, { waitUntil: "load" });
    steps = await customer.evaluate(() => (window as unknown as Stepped).steps?.length ?? 0);
    const exact = !(await customer.evaluate(
      () => document.querySelector("meta[name=pixels][content=no]") !== null,
    ));
    for (let step = 0; step <= steps; step++) {
      const where = step === 0 ? "loaded" : `step ${step}`;
      if (step > 0) {
        const action = await customer.evaluate(async (step) => {
          const action = await (window as unknown as Stepped).steps?.[step]?.();
          return typeof action === "string" ? action : "";
        }, step - 1);
        await perform(customer, action);
      }
      const difference = await settle(customer, viewer);
      if (difference) failures.push(`${where}: ${difference}`);
      else if (exact && (step === steps || process.env.MIRROR)) {
        const pixels = await look(name, step, customer, viewer, agent);
        if (pixels) failures.push(`${where}: ${pixels}`);
      }
      if (failures.length) break;
    }
  } catch (error) {
    failures.push(String(error).split("\n").slice(0, 3).join(" "));
  }
  customer.off("pageerror", note);
  failures.push(...errors.map((error) => `the page threw ${error}`));
  const ms = Math.round(performance.now() - began);
  if (process.env.MIRROR) console.log(name, failures.length ? failures.join("\n") : "ok", ms);
  return { name, steps, failures, ms };
}

interface Stepped {
  /** What happens, in turn. A step may answer what the customer's own mouse or keyboard is to do. */
  steps?: (() => unknown)[];
}

/** `hover #a`, `down #a`, `click #a`, `key Tab`, `type text`, `move`. */
async function perform(customer: Page, action: string): Promise<void> {
  const [verb, ...rest] = action.split(" ");
  const what = rest.join(" ");
  switch (verb) {
    case "hover":
      return customer.hover(what);
    case "click":
      return customer.click(what);
    case "down":
      await customer.hover(what);
      return customer.mouse.down();
    case "up":
      return customer.mouse.up();
    case "key":
      return customer.keyboard.press(what);
    case "type":
      return customer.keyboard.type(what);
    case "away":
      return customer.mouse.move(2, 2);
    case "resize": {
      const [width = 0, height = 0] = rest.map(Number);
      return customer.setViewportSize({ width, height });
    }
    case "dark":
      return customer.emulateMedia({ colorScheme: "dark" });
    case "still":
      return customer.emulateMedia({ reducedMotion: "reduce" });
    case "plain":
      return customer.emulateMedia({ colorScheme: null, reducedMotion: null });
  }
}

/** Waits until both sides tell the same of themselves; the first difference otherwise. */
async function settle(customer: Page, viewer: Frame): Promise<string | null> {
  const until = performance.now() + PATIENCE;
  for (let wait = 20; ; wait = Math.min(wait * 1.5, 200)) {
    const [here, there] = await Promise.all([
      customer.evaluate<Description>(`(${describePage})(document)`),
      viewer.evaluate<Description | null>(`(() => {
        const stages = document.querySelectorAll("iframe.stage");
        const stage = stages[stages.length - 1];
        const page = stage?.classList.contains("shown") && stage.contentDocument;
        return page?.documentElement ? (${describePage})(page) : null;
      })()`),
    ]);
    const difference = there ? differs(here, there) : "the stage is empty";
    if (!difference) return null;
    if (performance.now() > until) return difference;
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

function differs(here: Description, there: Description): string | null {
  for (const part of ["tree", "states", "styles"] as const) {
    const [one, two] = [here[part], there[part]];
    const at = one.findIndex((line, i) => line !== two[i]);
    if (at >= 0 || one.length !== two.length) {
      const from = at < 0 ? one.length : at;
      const [mine = "", theirs = ""] = [one, two].map((lines) => lines.slice(from, from + 3).join(" ⏎ "));
      const same = [...mine].findIndex((letter, i) => letter !== theirs[i]);
      const cut = (text: string) =>
        `${same > 60 ? `${text.slice(0, 30)}… ` : ""}${text.slice(Math.max(0, same - 30), same + 200)}`;
      return `${part} line ${from}\n  customer ${cut(mine)}\n  agent    ${cut(theirs)}`;
    }
  }
  return null;
}

async function look(
  name: string,
  step: number,
  customer: Page,
  viewer: Frame,
  agent: Page,
): Promise<string | null> {
  const size = customer.viewportSize() ?? WINDOW;
  const outer = await agent.locator("iframe.viewer").boundingBox();
  let worst = "";
  for (const until = performance.now() + 2500; ; ) {
    const inner = await viewer.evaluate(() => {
      const box = document.querySelector("iframe.stage.shown")?.getBoundingClientRect();
      return box ? { x: box.x, y: box.y, width: box.width } : null;
    });
    if (!inner || !outer) return "the stage is gone";
    const clip = { x: outer.x + inner.x, y: outer.y + inner.y, ...size };
    const [one, two] = await Promise.all([
      customer.screenshot({ animations: "allow", caret: "initial" }),
      agent.screenshot({ clip, animations: "allow", caret: "initial" }),
    ]);
    if (one.equals(two)) return null;
    const [a, b] = [PNG.sync.read(one), PNG.sync.read(two)];
    if (a.width !== b.width || a.height !== b.height)
      return `${a.width}×${a.height} against ${b.width}×${b.height}`;
    for (const image of [a, b]) blank(image);
    const diff = new PNG({ width: a.width, height: a.height });
    const wrong = pixelmatch(a.data, b.data, diff.data, a.width, a.height, { threshold: 0.1 });
    const share = wrong / (a.width * a.height);
    if (share <= ALLOWED) return null;
    worst = `${(share * 100).toFixed(2)} % of the pixels differ`;
    if (performance.now() > until) {
      const out = test.info().outputPath(`${name}-${step}`);
      writeFileSync(`${out}-customer.png`, one);
      writeFileSync(`${out}-agent.png`, two);
      writeFileSync(`${out}-diff.png`, PNG.sync.write(diff));
      return `${worst} (${path.relative(".", out)}-diff.png)`;
    }
  }
}

function blank({ width, height, data }: PNG): void {
  for (let y = Math.round(height * PILL.top); y < height * PILL.bottom; y++)
    data.fill(0, (y * width + Math.max(0, width - PILL.width)) * 4, (y * width + width) * 4);
}

function judge(results: Result[]): void {
  let same = 0;
  for (const { name, failures } of results) {
    if (failures.length === 0) same++;
    if (known[name])
      expect.soft(failures.length, `${name} works now: take it out of known.json`).toBeGreaterThan(0);
    else expect.soft(failures, name).toEqual([]);
  }
  const gone = Object.keys(known).filter((name) => !readdirSync(FOLDER).includes(`${name}.html`));
  expect.soft(gone, "known.json names pages that are gone").toEqual([]);
  const steps = results.reduce((sum, { steps }) => sum + steps + 1, 0);
  const ms = results.reduce((sum, { ms }) => sum + ms, 0);
  process.stdout.write(
    `${results.length} pages in ${steps} states, ${same} the same for customer and agent; ${Math.round(ms / 1000)} s\n`,
  );
  if (process.env.MIRROR_RESULTS) writeFileSync(process.env.MIRROR_RESULTS, JSON.stringify(results, null, 1));
}

/** Serves the folder, and text by `/echo`. */
async function serve(): Promise<Server> {
  const types: Record<string, string> = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ttf": "font/ttf",
    ".wav": "audio/wav",
    ".webm": "video/webm",
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://site");
    const name = path.join(FOLDER, path.normalize(decodeURIComponent(pathname)));
    try {
      let body: Buffer = readFileSync(name);
      if (name.endsWith(".html")) {
        const { port } = server.address() as AddressInfo;
        body = Buffer.from(body.toString().replaceAll("OTHER_SITE", others.get(port) ?? ""));
      }
      response
        .writeHead(200, { "content-type": types[path.extname(name)] ?? "application/octet-stream" })
        .end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  for (const [known] of others) {
    others.set(known, `http://127.0.0.1:${port}`);
    others.set(port, `http://127.0.0.1:${known}`);
  }
  if (!others.size) others.set(port, "");
  return server;
}

/** Each site knows the address of the other, by port. */
const others = new Map<number, string>();

/** Puts scripts bundled from the sources in the place of those that the binary carries. */
async function fresh(context: BrowserContext): Promise<void> {
  const [app] = await bundleApp({ name: "viewer", base: "/__lado/" });
  const boot = Buffer.from(await bundleInjected("injected/main.ts")).toString();
  await context.route(/\/__lado\/viewer\.[0-9a-f]+\.js$/, (route) =>
    route.fulfill({ body: Buffer.from(app?.bytes ?? ""), contentType: "text/javascript" }),
  );
  const late = Buffer.from(await bundleLate());
  await context.route(/\/__lado\/late\.[0-9a-f]+\.js$/, (route) =>
    route.fulfill({ body: late, contentType: "text/javascript" }),
  );
  await context.route(/\/__lado\/boot\.[0-9a-f]+\.js$/, async (route) => {
    const text = await original(route.request());
    const head = text.slice(0, text.indexOf('};"use strict"') + 2);
    await route.fulfill({ body: `${head}${boot}})()`, contentType: "text/javascript" });
  });
}

/** Names under localhost are for browsers to resolve. */
async function original(request: Request): Promise<string> {
  const { hostname, host, port, pathname } = new URL(request.url());
  const headers = { ...(await request.allHeaders()), host, "accept-encoding": "identity" };
  return new Promise((resolve, reject) => {
    get(
      { host: hostname.endsWith("localhost") ? "127.0.0.1" : hostname, port, path: pathname, headers },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (piece) => (text += piece));
        answer.on("end", () => resolve(text));
      },
    ).on("error", reject);
  });
}
