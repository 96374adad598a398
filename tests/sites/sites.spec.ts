// Applications that nobody here wrote, used through Lado: their journeys pass, the agent sees the same, and can help.

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContext, test as base, type Page } from "@playwright/test";
import { expect } from "../browser/fixture";
import { Lado } from "../browser/lado";
import { Agent, Customer, close } from "../browser/people";

interface Result {
  ok: boolean;
  error: string;
  ms: number;
  leaks: number;
  notes: string[];
  failed: string[];
  pageErrors: string[];
}

interface Options {
  timeout: number;
  realHosts: string[];
  allow(url: string): boolean;
  prepare(context: BrowserContext, page: Page): Promise<{ base: string }>;
  step(journey: string, step: string, page: Page): Promise<void>;
}

type RunOne = (
  browser: Browser,
  name: string,
  map: Record<string, string>,
  options: Options,
) => Promise<Result>;

const source = process.env.SITES_SRC ?? "";
const journeys = JSON.parse(process.env.SITES_JOURNEYS ?? "[]") as string[];
const apps = JSON.parse(process.env.SITES_APPS ?? "{}") as Record<string, string>;

const test = base.extend<{ agent: Agent }, { lado: Lado }>({
  lado: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from this pattern
    async ({}, use) => {
      const lado = await Lado.start(Object.values(apps).flatMap((address) => ["--site", address]));
      await use(lado);
      await lado.stop();
    },
    { scope: "worker" },
  ],
  agent: async ({ browser, lado }, use) => {
    const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1400, height: 900 } });
    await use(new Agent(await context.newPage(), lado.ready));
    await close(context);
  },
});

/** What of the page's words the agent reads too, from 0 to 1. */
function share(page: string, seen: string): number {
  const count = (text: string) => {
    const words = new Map<string, number>();
    for (const word of text.split(/\s+/)) if (word) words.set(word, (words.get(word) ?? 0) + 1);
    return words;
  };
  const [all, found] = [count(page), count(seen)];
  let [total, both] = [0, 0];
  for (const [word, n] of all) {
    total += n;
    both += Math.min(n, found.get(word) ?? 0);
  }
  return total === 0 ? 1 : both / total;
}

/** What stands for the agent in place of what a rule hides. */
const MASK = "••••••";

/** What the presets hide of the pages that an agent reads. */
class Alarms {
  #words = 0;
  #masks = 0;
  #hidden = new Set<string>();

  /** Counts what is hidden on a page without reason: e-mail addresses are what rules are for. */
  look(page: string, seen: string): void {
    const words = (text: string) => text.split(/\s+/).filter(Boolean);
    const readable = new Set(words(seen));
    const gone = seen.includes(MASK) ? words(page).filter((word) => !readable.has(word)) : [];
    const masks = words(seen).filter((word) => word.includes(MASK)).length;
    this.#words += words(page).length;
    this.#masks += Math.max(0, masks - gone.filter((word) => word.includes("@")).length);
    for (const word of gone) if (!word.includes("@")) this.#hidden.add(word);
  }

  /** The share of words that are hidden without reason. */
  get share(): number {
    return this.#masks / this.#words;
  }

  toString(): string {
    const hidden = [...this.#hidden].slice(0, 40).join(" ");
    return `${this.#words} words, ${this.#masks} hidden without reason (${(100 * this.share).toFixed(3)} %) ${hidden}`;
  }
}

/** The application that a journey is about. */
async function appOf(journey: string): Promise<string> {
  const file = path.join(source, "journeys", `${journey}.mjs`);
  const { meta } = (await import(pathToFileURL(file).href)) as { meta?: { app?: string } };
  return meta?.app ?? journey;
}

const picture = (step: string, part: string) => `${step.replace(/[^\w-]+/g, "-")}-${part}.png`;

const flat = (text: string) => text.replace(/\s+/g, " ");

async function join(agent: Agent, customer: Customer, site: string): Promise<void> {
  await agent.signIn();
  await customer.join(await agent.invite(site));
  await agent.enterPin(await customer.pin());
  await agent.viewer();
}

/** What shows something else at each run: a journey, a step, and the elements that are left out of the comparison. */
const RESTLESS: Record<string, string> = {
  // What the journey writes is another text each time.
  "oscar-dashboard tinymce": "iframe",
  "vite hot": "h1",
  // A picture that is drawn anew all the time, and how far it is.
  "streamlit animation": "[data-testid=stMain], [data-testid=stHeader], [data-testid=stSidebarContent]",
  // Random words, and a list that scrolls itself to its end.
  "streamlit chat": "[data-testid=stMain], [data-testid=stHeader]",
};

/** Above and below the middle, where the customer's panel stands at the right edge. */
const PARTS = {
  top: { x: 0, y: 0, width: 1280, height: 380 },
  bottom: { x: 0, y: 460, width: 1280, height: 340 },
};

/** The page as it looks from its top, without what moves. */
async function shot(page: Page, journey: string, step: string, part: keyof typeof PARTS): Promise<Buffer> {
  const restless = RESTLESS[`${journey} ${step}`] ?? RESTLESS[journey];
  // How far a click scrolls depends on when the page was ready for it.
  const undo = await page.evaluateHandle(() => {
    const scrolled = [...document.querySelectorAll("*")]
      .filter((element) => element.scrollTop || element.scrollLeft)
      .map((element) => ({ element, top: element.scrollTop, left: element.scrollLeft }));
    for (const { element } of scrolled) element.scrollTo({ top: 0, left: 0, behavior: "instant" });
    return () => {
      for (const { element, top, left } of scrolled) element.scrollTo({ top, left, behavior: "instant" });
    };
  });
  const mask = restless ? [page.locator(restless)] : [];
  const image = await page.screenshot({ animations: "disabled", caret: "hide", mask, clip: PARTS[part] });
  await undo.evaluate((run) => run());
  return image;
}

/** A picture that the next one agrees with: nothing is on its way any more. */
async function steady(take: () => Promise<Buffer>): Promise<Buffer> {
  let last = await take();
  for (let i = 0; i < 20; i++) {
    const next = await take();
    if (next.equals(last)) break;
    last = next;
  }
  return last;
}

const parts = Object.keys(PARTS) as (keyof typeof PARTS)[];

for (const journey of journeys) {
  test(journey, async ({ agent, browser, lado }, info) => {
    const { runOne } = (await import(pathToFileURL(path.join(source, "run.mjs")).href)) as { runOne: RunOne };
    const console = new URL(lado.ready.console).host;
    const direct = await runOne(browser, journey, apps, {
      timeout: 100,
      realHosts: [],
      allow: () => true,
      prepare: async () => ({ base: `${apps[await appOf(journey)]}/` }),
      step: async (_journey, step, page) => {
        for (const part of parts) {
          const file = info.snapshotPath(picture(step, part));
          mkdirSync(path.dirname(file), { recursive: true });
          writeFileSync(file, await steady(() => shot(page, journey, step, part)));
        }
      },
    });
    expect(direct.ok, `the journey without Lado: ${direct.error}`).toBe(true);
    const alarms = new Alarms();
    const result = await runOne(browser, journey, apps, {
      timeout: 100,
      realHosts: Object.values(apps).map((address) => new URL(address).host),
      // Beside the view host, only Lado's own panel.
      allow: (url) => {
        const { host } = new URL(url);
        return host === console || /^[a-z2-7]{16}-panel\./.test(host);
      },
      prepare: async (_context, page) => {
        const customer = new Customer(page, lado.ready);
        await join(agent, customer, `${apps[await appOf(journey)]}/`);
        return { base: `${customer.view}/` };
      },
      step: async (_journey, step, page) => {
        for (const part of parts)
          await expect(async () => {
            const image = await shot(page, journey, step, part);
            expect(image).toMatchSnapshot(picture(step, part), { maxDiffPixelRatio: 0.005 });
          }, `${step} looks the same direct and through Lado`).toPass({ timeout: 20_000 });
        const read = async () =>
          [await page.evaluate(() => document.body.innerText), await agent.reads()] as const;
        const same = async () => share(...(await read()));
        try {
          await expect.poll(same, { message: `${step}: the agent reads the same` }).toBeGreaterThan(0.9);
          alarms.look(...(await read()));
        } catch (error) {
          const [theirs, ours] = await read();
          throw new Error(
            `${step}: the agent reads: ${flat(ours)}
the customer reads: ${flat(theirs)}
${error}`,
          );
        }
      },
    });
    const { error, pageErrors, notes, leaks } = result;
    // Browsers abort what a page no longer needs when it is left.
    const failed = result.failed.filter((line) => !line.includes("ERR_ABORTED")).slice(0, 10);
    expect(result.ok, [error, ...pageErrors, ...failed, ...notes, `leaks: ${leaks}`].join("\n")).toBe(true);
    process.stdout.write(`${journey}: ${alarms}\n`);
    expect(alarms.share, "what presets hide that is not private").toBeLessThan(0.005);
  });
}

if (apps.oscar) {
  test("the agent helps to find a book", async ({ agent, browser, lado }) => {
    const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 800 } });
    const customer = new Customer(await context.newPage(), lado.ready);
    await join(agent, customer, `${apps.oscar}/`);
    await customer.allow("Click and type");
    await expect(agent.page.getByText("Click and type", { exact: true }).first()).toBeVisible();
    await agent.click("#id_q");
    await agent.page.keyboard.type("Rust");
    await expect(customer.page.getByPlaceholder("Search").first()).toHaveValue("Rust");
    await agent.page.keyboard.press("Enter");
    await customer.page.waitForURL(/search\/\?.*q=Rust/);
    await agent.sees("The Rust Compendium");
    await agent.scrollTo("article.product_pod img");
    await agent.click("article.product_pod img");
    await expect(customer.page.locator(".product_main h1")).toBeVisible();
    await agent.sees(await customer.page.locator(".product_main h1").innerText());
    await close(context);
  });
}
