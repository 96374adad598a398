// Sessions under the site's own name: Lado in front of the shop, and Lado's script on a page that Lado does not serve.

import { expect } from "@playwright/test";
import { test } from "./fixture";
import { ask, meet, part } from "./help";
import { type Agent, Customer, close } from "./people";

/** What comes in the script that loads when it is needed: an agent's press, and style sheets that scripts make. */
async function act(agent: Agent, customer: Customer): Promise<void> {
  await customer.allow("Click and type");
  await customer.page.evaluate(() => {
    const made = document.createElement("button");
    made.id = "made";
    made.textContent = "Press here";
    made.addEventListener("click", () => {
      made.textContent = "It is pressed";
    });
    document.querySelector("main")?.prepend(made);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("#made { outline-width: 7px }");
    document.adoptedStyleSheets.push(sheet);
  });
  const width = () =>
    agent.stage((page) => {
      const made = page.querySelector("#made");
      return made && page.defaultView?.getComputedStyle(made).outlineWidth;
    });
  await expect.poll(width).toBe("7px");
  await agent.scrollTo("#made");
  await expect(async () => {
    await agent.click("#made");
    await expect(customer.page.locator("#made")).toHaveText("It is pressed", { timeout: 3000 });
  }).toPass();
  await agent.sees("It is pressed");
}

test("help on a shop that Lado is in front of, from the launcher to the farewell", async ({
  agent,
  customer,
  lado,
}) => {
  const { front } = lado.ready;
  const { page } = customer;
  await page.goto(`${front}/en/`);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Good things for bright days");
  // The launcher stays where a site goes to its next page by itself: with another body, or a root made anew.
  const help = page.getByRole("button", { name: "Get help" });
  await expect(help).toBeVisible();
  await page.evaluate(() => document.body.replaceWith(document.body.cloneNode(true)));
  await expect(help).toBeVisible();
  await page.evaluate(() => {
    for (const element of document.querySelectorAll("lado-launcher")) element.remove();
    history.pushState(null, "", "#next");
  });
  await expect(help).toBeVisible();
  await page.getByRole("link", { name: "Tide kettle" }).click();
  await expect(page.getByRole("button", { name: "Get help" })).toBeVisible();
  const before = page.url();
  await ask(page, front);
  expect(page.url()).toBe(before);
  await meet(agent, customer);
  await agent.sees("Enamelled steel");
  await act(agent, customer);
  const pictures = () =>
    agent.stage(
      (page) => [...page.images].filter((image) => image.complete && image.naturalWidth > 0).length,
    );
  await expect.poll(pictures).toBeGreaterThan(0);

  // The session goes on over page loads on this host, and its pages are the site's own.
  await page.getByRole("button", { name: "Add to bag" }).click();
  await agent.sees("It is in your bag");
  await page.reload();
  await expect(page.locator(".badge")).toHaveText("1");
  await agent.sees("Davi & filhos");
  expect(new URL(page.url()).origin).toBe(front);
  expect(await page.evaluate(() => document.cookie)).not.toContain("lado_");

  // Another allowed site opens in its view host, and the way back leads home.
  const { site } = lado.ready;
  await page.evaluate((address) => {
    const link = document.createElement("a");
    link.href = address;
    link.textContent = "Elsewhere";
    link.id = "elsewhere";
    document.querySelector("main")?.prepend(link);
  }, `${site}/en/product/farol`);
  await page.locator("#elsewhere").click();
  await page.waitForURL((url) => url.host.endsWith(lado.ready.view_domain));
  await expect.poll(() => agent.reads()).toBe(await customer.reads());
  await page.evaluate((address) => {
    const link = document.createElement("a");
    link.href = address;
    link.textContent = "Home";
    link.id = "home";
    document.querySelector("main")?.prepend(link);
  }, `${front}/en/cart`);
  await page.locator("#home").click();
  await page.waitForURL((url) => url.origin === front);
  await expect.poll(() => agent.reads()).toContain("Tide kettle");

  // The farewell: the page stays, the launcher comes back, and nothing of the session is left.
  await part(customer);
  await expect(agent.page.getByText("The session has ended").first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Get help" })).toBeVisible();
  const farewell = await customer.panel();
  await expect(farewell.getByRole("definition").nth(1)).toContainText("Nothing: neither pages, nor the chat");
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/farewell-front.png` });
  await farewell.getByRole("button", { name: "Close" }).click();
  await expect(page.locator("lado-overlay")).toHaveCount(0);
  expect(page.url()).toBe(`${front}/en/cart`);
  await page.reload();
  await expect(page.getByRole("button", { name: "Get help" })).toBeVisible();
  expect((await page.context().cookies(front)).filter(({ name }) => name.startsWith("lado_"))).toEqual([]);
});

test("help on a page that loads Lado's script, from the launcher to the farewell", async ({
  agent,
  lado,
  sides,
}) => {
  const { site, console } = lado.ready;
  // The shop's own policy admits nobody; the documentation says what a company adds to its own.
  const context = await sides.customer.browser.newContext({ locale: "en-GB", bypassCSP: true });
  const page = await context.newPage();
  const customer = new Customer(page, lado.ready);
  // The company has put one line into its pages.
  await page.addInitScript(
    ([site, address]) => {
      if (location.origin !== site) return;
      addEventListener("DOMContentLoaded", () => {
        const tag = document.createElement("script");
        tag.async = true;
        tag.src = address;
        tag.dataset.company = "sol";
        document.head.append(tag);
        // Under this policy browsers say no origin, but for CORS.
        const referrer = document.createElement("meta");
        referrer.name = "referrer";
        referrer.content = "no-referrer";
        document.head.append(referrer);
      });
    },
    [site, `${console}/lado.js`] as const,
  );
  await page.goto(`${site}/en/`);
  await page.getByRole("link", { name: "Tide kettle" }).click();
  const before = page.url();
  await expect(page.getByRole("button", { name: "Get help" })).toBeVisible();
  await ask(page, site);
  await expect.poll(() => page.url()).toBe(before);
  await meet(agent, customer);
  await agent.sees("Enamelled steel");
  await act(agent, customer);
  expect(await page.evaluate(() => localStorage.getItem("__lado"))).toMatch(/^[a-z2-7]{16}\./);

  // Page loads, the site's own marks, and its single pages.
  await page.reload();
  await agent.sees("Davi & filhos");
  await page.evaluate(() => {
    history.pushState(null, "", "/en/product/single");
    const marked = document.createElement("p");
    marked.id = "mine";
    marked.setAttribute("data-lado-mask", "");
    marked.textContent = "Only for the customer";
    document.querySelector("main")?.prepend(marked);
  });
  await expect.poll(() => agent.stage((page) => page.querySelector("#mine")?.textContent)).toBe("••••••");
  expect(await agent.reads()).not.toContain("Only for the customer");

  // The page may end it, and hears of it.
  await page.evaluate(() => {
    const { Lado } = window as unknown as { Lado: { end(): void; on(type: string, run: () => void): void } };
    Lado.on("end", () => document.documentElement.setAttribute("data-ended", ""));
    Lado.end();
  });
  await expect(page.locator("html[data-ended]")).toBeAttached();
  await expect(agent.page.getByText("The session has ended").first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Get help" })).toBeVisible();
  expect(await page.evaluate(() => localStorage.getItem("__lado"))).toBeNull();
  await close(context);
});
