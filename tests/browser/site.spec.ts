// Every page of tests/site reports the same when it is opened direct and through Lado, and nothing leaves the views.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, type BrowserContext, chromium, expect, type Page, test } from "@playwright/test";
import { launch } from "../../playwright.config";
import { Sites } from "../site/origins";
import { FOLDER, support, title } from "../site/support";
import { Lado } from "./lado";
import { Agent, Customer } from "./people";

/** Tabs that are open at once, of each kind. */
const TABS = 4;
const PATIENCE = 15_000;
/** Four hundred tabs in small windows that share their processes cost half of what they would otherwise. */
const THRIFTY = ["--process-per-site", "--disable-gpu", "--disable-software-rasterizer"];
const WINDOW = { viewport: { width: 480, height: 480 } };

type Told = { value: unknown } | { thrown: string } | { late: true };
interface Result {
  direct: Told;
  proxied: Told;
  /** Requests that left the view domain. */
  escaped: string[];
  /** How long each took. */
  ms: [number, number];
}

const known: Record<string, string> = JSON.parse(readFileSync(`${FOLDER}/known.json`, "utf8"));
const cases = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".html"))
  .map((name) => name.slice(0, -".html".length))
  .filter((name) => new RegExp(process.env.SITE ?? "").test(name));
/** Cases that change what others would see have the browser to themselves. */
const alone = new Set(cases.filter((name) => read(name).includes('<meta name="alone">')));

test("every page reports the same direct and through Lado", async () => {
  test.setTimeout(900_000);
  const sites = await Sites.start();
  const lado = await Lado.start(Object.values(sites.origins).flatMap((origin) => ["--site", origin]));
  const wire = await Tripwire.start();
  const plain = await chromium.launch({ ...launch, args: [...launch.args, ...THRIFTY] });
  // A request that Lado has not mapped ends at the tripwire, whichever way the browser sent it.
  const through = await chromium.launch({
    ...launch,
    args: [
      ...launch.args,
      ...THRIFTY,
      `--host-resolver-rules=${Object.values(sites.origins)
        .map((origin) => `MAP ${new URL(origin).host} 127.0.0.1:${wire.port}`)
        .join(",")}`,
    ],
  });
  try {
    const direct = await plain.newContext(WINDOW);
    await listen(direct);
    const { context: proxied, view } = await joined(plain, through, lado, sites.origins.www);
    const run = async (name: string): Promise<Result> => {
      const [one, other] = await Promise.all([
        open(direct, `${sites.origins.www}/${name}.html`),
        open(proxied, `${view}/${name}.html`, inside(lado)),
      ]);
      return { direct: one.told, proxied: other.told, escaped: other.escaped, ms: [one.ms, other.ms] };
    };
    const results = new Map<string, Result>();
    const work = async (queue: string[]) => {
      for (let name = queue.shift(); name; name = queue.shift()) results.set(name, await run(name));
    };
    const together = cases.filter((name) => !alone.has(name));
    await Promise.all(Array.from({ length: TABS }, () => work(together)));
    await work([...alone]);
    if (process.env.SITE_RESULTS) writeFileSync(process.env.SITE_RESULTS, JSON.stringify([...results]));
    // A busy machine makes the best page late, and a race is lost once: such pages get the browser to themselves.
    const surprising = [...results.keys()].filter((name) => surprise(name, results.get(name) as Result));
    for (const name of surprising) {
      const first = results.get(name) as Result;
      const again = await run(name);
      // What has left the views stays told.
      results.set(name, { ...again, escaped: [...first.escaped, ...again.escaped] });
    }
    if (surprising.length) console.log(`tried again, alone: ${surprising.join(", ")}`);
    if (process.env.SITE_RESULTS) writeFileSync(process.env.SITE_RESULTS, JSON.stringify([...results]));
    judge(results);
    const excused = [...results].flatMap(([name, { escaped }]) => (known[name] ? escaped : []));
    const tripped = wire.tripped.filter(({ url }) => !excused.includes(url));
    expect.soft(tripped, "requests that reached an origin around Lado").toEqual([]);
  } finally {
    await plain.close();
    await through.close();
    await lado.stop();
    await sites.stop();
    await wire.stop();
  }
});

test("the table of what is supported is fresh", () => {
  const fresh = support(known);
  const path = "docs/support.md";
  if (process.env.LADO_WRITE) writeFileSync(path, fresh);
  const stored = existsSync(path) ? readFileSync(path, "utf8") : "";
  expect(
    stored === fresh,
    "docs/support.md is stale: run LADO_WRITE=1 npx playwright test site -g table",
  ).toBe(true);
});

/** Whether a page is the same through Lado. */
const same = ({ direct, proxied, escaped }: Result) =>
  "value" in direct && JSON.stringify(direct) === JSON.stringify(proxied) && escaped.length === 0;

/** Whether a page is not what known.json lets expect, or did not report even when opened direct. */
const surprise = (name: string, result: Result) =>
  !("value" in result.direct) ||
  (!known[name]?.startsWith("At times: ") && same(result) === Boolean(known[name]));

function judge(results: Map<string, Result>): void {
  const surprises = [...results].filter(([name, result]) => surprise(name, result));
  for (const [name, { direct, proxied, escaped }] of surprises) {
    const what = `${name}: ${title(name)}`;
    expect.soft(direct, `${what} (direct)`).toHaveProperty("value");
    if (known[name]) expect.soft(name, `${what} works now: take it out of known.json`).toBe("gone");
    else {
      expect.soft(proxied, what).toEqual(direct);
      expect.soft(escaped, `${what}: left the view domain`).toEqual([]);
    }
  }
  const unknown = Object.keys(known).filter((name) => !existsSync(`${FOLDER}/${name}.html`));
  expect.soft(unknown, "known.json names cases that are gone").toEqual([]);
  console.log(
    `${results.size} pages, ${[...results.values()].filter(same).length} the same direct and through Lado`,
  );
  // Last, as the end of a log is what is kept.
  expect
    .soft(
      surprises.map(([name]) => name),
      "pages that are not as expected",
    )
    .toEqual([]);
}

/** A customer's context on a session's view of `site`. */
async function joined(
  plain: Browser,
  through: Browser,
  lado: Lado,
  site: string,
): Promise<{ context: BrowserContext; view: string }> {
  const desk = await plain.newContext({ locale: "en-GB" });
  const agent = new Agent(await desk.newPage(), lado.ready);
  await agent.signIn();
  const link = await agent.invite(`${site}/parts/start.html`);
  const context = await through.newContext(WINDOW);
  await listen(context);
  const page = await context.newPage();
  await new Customer(page, lado.ready).join(link);
  const view = new URL(page.url()).origin;
  await page.close();
  return { context, view };
}

/** Tabs whose reports are awaited. */
const listeners = new WeakMap<Page, (told: Told) => void>();

/** Gives pages the two functions of tests/site/kit.js that reach the harness. */
async function listen(context: BrowserContext): Promise<void> {
  await context.exposeBinding("siteReport", ({ page }, text: string) => {
    listeners.get(page)?.(JSON.parse(text) as Told);
  });
  await context.exposeBinding("sitePress", ({ frame }, selector: string) =>
    frame.locator(selector).click({ timeout: 8000 }),
  );
}

/** Opens a case in a tab of its own and waits for its report; tabs that it opens belong to it. */
async function open(
  context: BrowserContext,
  address: string,
  allowed: (url: string) => boolean = () => true,
): Promise<{ told: Told; escaped: string[]; ms: number }> {
  const began = performance.now();
  const page = await context.newPage();
  const escaped: string[] = [];
  const tabs = [page];
  const look = (url: string) => {
    if (!allowed(url)) escaped.push(url);
  };
  const follow = (tab: Page) => {
    tab.on("request", (request) => look(request.url()));
    tab.on("websocket", (socket) => look(socket.url()));
    tab.on("framenavigated", (frame) => look(frame.url()));
    tab.on("popup", (popup) => {
      tabs.push(popup);
      follow(popup);
    });
  };
  follow(page);
  const told = new Promise<Told>((resolve) => {
    setTimeout(() => resolve({ late: true }), PATIENCE);
    listeners.set(page, resolve);
  });
  page.on("dialog", (dialog) => dialog.accept().catch(() => {}));
  await page.goto(address, { waitUntil: "commit", timeout: PATIENCE }).catch(() => {});
  const result = { told: await told, escaped, ms: Math.round(performance.now() - began) };
  await Promise.all(tabs.map((tab) => tab.close().catch(() => {})));
  return result;
}

/** Whether an address is Lado's: a view host, or the console, whose panel stands in each page. */
function inside(lado: Lado): (url: string) => boolean {
  return (url) => {
    if (!/^(?:http|ws)/.test(url)) return true;
    const { host } = new URL(url);
    return host.endsWith(`.${lado.ready.view_domain}`) || host === new URL(lado.ready.console).host;
  };
}

class Tripwire {
  private constructor(
    private readonly server: Server,
    readonly port: number,
    readonly tripped: { url: string; what: string }[],
  ) {}

  static async start(): Promise<Tripwire> {
    const tripped: { url: string; what: string }[] = [];
    const server = createServer((request, response) => {
      const what = `${request.method} from ${request.headers.referer}`;
      tripped.push({ url: `http://${request.headers.host}${request.url}`, what });
      response.writeHead(502).end();
    });
    server.on("upgrade", (request, socket) => {
      tripped.push({ url: `ws://${request.headers.host}${request.url}`, what: "WebSocket" });
      socket.destroy();
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    return new Tripwire(server, (server.address() as AddressInfo).port, tripped);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}

function read(name: string): string {
  return readFileSync(`${FOLDER}/${name}.html`, "utf8");
}
