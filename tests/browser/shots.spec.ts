// Pictures of every screen, in two languages, light and dark, on a desk and on a phone, and a sheet of them all: make shots.

import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { BrowserContext, Page } from "@playwright/test";
import en from "../../web/locales/en.json" with { type: "json" };
import ptBR from "../../web/locales/pt-BR.json" with { type: "json" };
import { expect, test } from "./fixture";
import { Agent, Customer, close, type Words } from "./people";

const folder = process.env.SHOTS;
test.skip(!folder, "make shots asks for pictures");

const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const LANGUAGES: Record<string, { locale: string; words: Words & typeof en; shop: string }> = {
  en: { locale: "en-GB", words: en, shop: "en" },
  "pt-BR": { locale: "pt-BR", words: ptBR, shop: "pt-BR" },
};

for (const [language, { locale, words, shop }] of Object.entries(LANGUAGES))
  for (const colorScheme of ["light", "dark"] as const)
    test(`a session in ${language}, ${colorScheme}`, async ({ sides, lado }) => {
      test.setTimeout(180_000);
      const shelf = path.join(folder ?? "", `${language}-${colorScheme}`);
      mkdirSync(shelf, { recursive: true });
      let count = 0;
      const shot = async (page: Page, name: string) => {
        const file = `${String(++count).padStart(2, "0")}-${name}.png`;
        await page.screenshot({ path: path.join(shelf, file), animations: "disabled" });
      };
      /** The same screen on a desk and on a phone. */
      const both = async (page: Page, name: string, settled: () => Promise<unknown> = async () => {}) => {
        await shot(page, name);
        await page.setViewportSize(PHONE);
        await settled();
        await shot(page, `${name}-phone`);
        await page.setViewportSize(DESK);
      };

      const desk = await sides.agent.browser.newContext({ locale, colorScheme, viewport: DESK });
      const home = await sides.customer.browser.newContext({ locale, colorScheme, viewport: DESK });
      const agent = new Agent(await desk.newPage(), lado.ready, words);
      const customer = new Customer(await home.newPage(), lado.ready, words);
      const console_ = agent.page;
      const { page } = customer;

      await console_.goto(lado.ready.console);
      await console_.getByRole("button", { name: words.console.sign_in }).waitFor();
      await both(console_, "sign-in");
      await agent.signIn();
      await both(console_, "home");
      const link = await agent.invite(`${lado.ready.site}/${shop}/`);
      await both(console_, "invitation");

      await page.goto(link);
      await page.getByRole("button", { name: words.join.start, exact: true }).waitFor();
      await both(page, "join");
      await customer.join(link);
      const pin = await customer.pin();
      await both(page, "customer-pin");
      await expect(console_.getByRole("heading", { name: words.console.ask_pin })).toBeVisible();
      await shot(console_, "ask-for-pin");
      await agent.enterPin(pin);
      await agent.viewer();
      await expect.poll(() => agent.reads()).not.toBe("");
      await shot(console_, "agent-looks");

      await customer.allow("Click and type");
      await page.goto(`${customer.view}/${shop}/product/lamp`);
      await page.locator("form[action$='/cart/add'] button").first().click();
      await expect(page.locator(".badge")).toHaveText("1");
      await page.goto(`${customer.view}/${shop}/checkout`);
      await page.locator("[name=name]").fill("Maria Souza");
      await page.locator("[name=cpf]").fill("529.982.247-25");
      await page.locator("[name=city]").fill("Rio de Janeiro");
      await page.locator("[name=card_number]").fill("4539 1488 0343 6467");
      await expect
        .poll(() =>
          agent.stage((page) => page.querySelector<HTMLInputElement>("#checkout [name=city]")?.value ?? ""),
        )
        .toBe("Rio de Janeiro");
      await page.mouse.move(420, 520);
      await page.mouse.move(440, 530, { steps: 4 });
      await agent.move("#checkout [name=street]");
      await expect.poll(() => customer.overlay()).toContain("Ana");
      await both(page, "customer-session");
      await agent.click("form[data-inline=terms] button");
      await expect(console_.locator(".toasts").locator("> *").first()).toBeVisible();
      await both(console_, "agent-session");
      for (const tab of ["people", "events", "notes"] as const) {
        await console_.getByRole("tab", { name: words.console[tab] }).click();
        if (tab === "events")
          await expect(console_.getByRole("heading", { name: words.console.evidence })).toBeVisible();
        await both(console_, tab);
      }
      await console_.getByRole("textbox", { name: words.console.notes }).fill("Maria · 4711");
      await console_.getByRole("radio", { name: words.console.outcome_follow_up }).check();
      await expect(console_.getByText(words.console.notes_kept, { exact: true })).toBeVisible();
      await console_.keyboard.press("?");
      await shot(console_, "shortcuts");
      await console_.keyboard.press("Escape");

      sides.agent.relay.cut();
      await expect(console_.getByText(words.console.connection_lost).first()).toBeVisible();
      await shot(console_, "agent-offline");
      sides.agent.relay.mend();
      await agent.sees(/\S/);

      await customer.end();
      await both(page, "farewell");
      await expect(console_.getByText(words.console.over).first()).toBeVisible();
      await both(console_, "ended");
      await console_.getByRole("button", { name: words.console.home }).click();
      await console_.locator(".history .session").first().click();
      await both(console_, "history");
      await page.goto(link);
      await expect(page.locator("h1")).toBeVisible();
      await both(page, "link-used");
      await close(desk);
      await close(home);
    });

test("a sheet of all pictures", async ({ sides }) => {
  const context = await sides.agent.browser.newContext({ viewport: { width: 1800, height: 1000 } });
  for (const shelf of readdirSync(folder ?? "").filter((name) => !name.includes("."))) {
    const page = await sheet(context, path.join(folder ?? "", shelf));
    await page.screenshot({ path: path.join(folder ?? "", `${shelf}.png`), fullPage: true });
  }
  await close(context);
});

async function sheet(context: BrowserContext, shelf: string): Promise<Page> {
  const page = await context.newPage();
  const figures = readdirSync(shelf)
    .filter((file) => file.endsWith(".png"))
    .sort()
    .map((file) => {
      const data = readFileSync(path.join(shelf, file)).toString("base64");
      return `<figure><img src="data:image/png;base64,${data}"><figcaption>${file}</figcaption></figure>`;
    });
  await page.setContent(
    `<style>body{display:flex;flex-wrap:wrap;gap:16px;font:14px sans-serif;background:#888}figure{margin:0}img{height:320px;display:block}</style>${figures.join("")}`,
  );
  return page;
}
