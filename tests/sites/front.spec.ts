// Lado in front of applications that nobody here wrote: without a session pages are their own but for one tag and
// journeys pass; with one, customer and agent meet under the site's own name.

import path from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, expect, test } from "@playwright/test";
import { ask, meet, part } from "../browser/help";
import { Lado } from "../browser/lado";
import { Agent, Customer, close } from "../browser/people";

type RunOne = (
  browser: Browser,
  name: string,
  map: Record<string, string>,
  options: { timeout: number },
) => Promise<{ ok: boolean; error: string; pageErrors: string[] }>;

/** Applications, and a journey of each. */
const FRONTS: Record<string, string> = { oscar: "oscar-shop", vite: "vite" };
/** The name that all of them answer to. */
const HOST = "127.0.0.1";
const source = process.env.SITES_SRC ?? "";
const apps = JSON.parse(process.env.SITES_APPS ?? "{}") as Record<string, string>;

for (const [app, journey] of Object.entries(FRONTS)) {
  const upstream = apps[app];
  if (!upstream) continue;

  test(`Lado in front of ${app}`, async ({ browser }) => {
    const lado = await Lado.serve({
      allow: (port) => `http://${HOST}:${port}`,
      more: `[[front]]
hosts = ["${HOST}"]
company = "own"
upstreams = ["${upstream}"]
`,
    });
    const { ready } = lado;
    const front = `http://${HOST}:${ready.ports.lado}`;
    try {
      const [plain, fronted] = await Promise.all([page(upstream), page(front)]);
      const tag = /<script async src="\/__lado\/launcher\.[^>]*><\/script>/;
      expect(fronted.match(new RegExp(tag, "g"))).toHaveLength(1);
      expect(fronted.replace(tag, ""), "the page without the tag").toBe(plain);

      const { runOne } = (await import(pathToFileURL(path.join(source, "run.mjs")).href)) as {
        runOne: RunOne;
      };
      const result = await runOne(browser, journey, { ...apps, [app]: front }, { timeout: 100 });
      expect(result.ok, [result.error, ...result.pageErrors].join("\n")).toBe(true);

      const desk = await browser.newContext({ locale: "en-GB" });
      const home = await browser.newContext({ locale: "en-GB" });
      const agent = new Agent(await desk.newPage(), ready);
      const customer = new Customer(await home.newPage(), ready);
      await customer.page.goto(`${front}/`);
      await ask(customer.page, front);
      await meet(agent, customer);
      const words = async () => (await customer.reads()).trim().slice(0, 40);
      await expect.poll(words).not.toBe("");
      await expect.poll(async () => (await agent.reads()).includes(await words())).toBe(true);
      await part(customer);
      await expect(agent.page.getByText("The session has ended").first()).toBeVisible();
      await expect(customer.page.getByRole("button", { name: "Get help" })).toBeVisible();
      await Promise.all([close(desk), close(home)]);
    } finally {
      await lado.stop();
    }
  });
}

/** The application's first page as a browser that asks for no coding gets it; tokens against forgery differ each time. */
async function page(origin: string): Promise<string> {
  const answer = await fetch(`${origin}/`, {
    headers: { "accept-encoding": "identity", accept: "text/html", "sec-fetch-dest": "document" },
  });
  expect(answer.status, `${origin}/`).toBe(200);
  return (await answer.text()).replaceAll(/(name="csrfmiddlewaretoken" value=")\w+/g, "$1");
}
