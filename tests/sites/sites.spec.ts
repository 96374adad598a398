// Applications that nobody here wrote, used through Lado: their journeys pass, the agent sees the same, and can help.

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

const flat = (text: string) => text.replace(/\s+/g, " ");

async function join(agent: Agent, customer: Customer, site: string): Promise<void> {
  await agent.signIn();
  await customer.join(await agent.invite(site));
  await agent.enterPin(await customer.pin());
  await agent.viewer();
}

for (const journey of journeys) {
  test(journey, async ({ agent, browser, lado }) => {
    const { runOne } = (await import(pathToFileURL(path.join(source, "run.mjs")).href)) as { runOne: RunOne };
    const console = new URL(lado.ready.console).host;
    const result = await runOne(browser, journey, apps, {
      timeout: 100,
      realHosts: Object.values(apps).map((address) => new URL(address).host),
      // Beside the view host, only Lado's own panel.
      allow: (url) => {
        const { host } = new URL(url);
        return host === console || /^[a-z2-7]{16}-panel\./.test(host);
      },
      prepare: async (_context, page) => {
        const { meta } = (await import(
          pathToFileURL(path.join(source, "journeys", `${journey}.mjs`)).href
        )) as { meta?: { app?: string } };
        const customer = new Customer(page, lado.ready);
        await join(agent, customer, `${apps[meta?.app ?? journey]}/`);
        return { base: `${customer.view}/` };
      },
      step: async (_journey, step, page) => {
        // Some of it may be masked: a chart with the numbers 2 to 13 reads like a card.
        const read = async () =>
          [await page.evaluate(() => document.body.innerText), await agent.reads()] as const;
        const same = async () => share(...(await read()));
        try {
          await expect.poll(same, { message: `${step}: the agent reads the same` }).toBeGreaterThan(0.75);
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
