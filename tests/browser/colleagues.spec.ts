// A session passes from one agent to another, a supervisor watches it, and what is written about it is found again.

import AxeBuilder from "@axe-core/playwright";
import type { Browser } from "@playwright/test";
import { expect, test } from "./fixture";
import type { Lado } from "./lado";
import { Agent, close, press, together } from "./people";

/** Another agent, signed in, in a browser context of their own. */
async function colleague(browser: Browser, lado: Lado, name: string): Promise<Agent> {
  const account = lado.ready.agents.find((one) => one.name === name);
  if (!account) throw new Error(`the demo has no ${name}`);
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1100, height: 800 } });
  const agent = new Agent(await context.newPage(), { ...lado.ready, agent: account });
  await agent.signIn();
  return agent;
}

/** From the home screen into the one open session. */
async function watch(agent: Agent): Promise<void> {
  await agent.page.locator(".open li").getByRole("button", { name: /^Open/ }).click();
  await expect.poll(() => agent.reads()).not.toBe("");
}

async function ask(agent: Agent, label: string, who: string): Promise<void> {
  await agent.page.getByRole("tab", { name: "People" }).click();
  const choice = agent.page.getByLabel(label).first();
  const option = choice.getByRole("option", { name: new RegExp(`^${who}`) });
  await expect(option).toBeAttached();
  await choice.selectOption({ label: (await option.textContent()) ?? "" });
  await agent.page.getByRole("button", { name: label }).click();
}

test("a session is handed over, a supervisor watches, and only with the customer's yes", async ({
  agent,
  customer,
  lado,
  sides,
}) => {
  await together({ agent, customer }, `${lado.ready.site}/en/`);
  await agent.sees("Good things");
  const session = new URL(agent.page.url()).hash;
  const bia = await colleague(sides.agent.browser, lado, "bia");
  const rui = await colleague(sides.agent.browser, lado, "rui");
  // Every page has a panel of its own.
  const question = async () => (await customer.panel()).getByRole("alertdialog");

  // Nobody gets in before the customer has agreed.
  await expect(bia.page.getByText("No open sessions")).toBeVisible();
  await ask(agent, "Hand over to a colleague", "Bia Souza");
  await expect(await question()).toContainText("Ana Lima asks to hand over to Bia Souza");
  await bia.page.goto(`${lado.ready.console}/${session}`);
  await expect(bia.page.getByText("No such session")).toBeVisible();
  await press((await question()).getByRole("button", { name: "Allow" }));

  // Ana's page is gone from her screen, Bia sees it and goes on.
  await expect(agent.page.getByRole("heading", { name: "A colleague has taken over" })).toBeVisible();
  await bia.page.getByRole("button", { name: "Home" }).click();
  await watch(bia);
  await bia.sees("Good things");
  await customer.allow("Click and type");
  await bia.click("a.bag");
  await customer.page.waitForURL(/\/(bag|cart)/);

  // A supervisor comes in the same way.
  await ask(bia, "Invite somebody to watch", "Rui Prado");
  await expect(await question()).toContainText("Rui Prado (Supervisor) will see this page, too");
  await press((await question()).getByRole("button", { name: "Allow" }));
  await watch(rui);
  await expect((await customer.panel()).locator(".pill")).toContainText("2 people see this page");

  // Notes during the session, and after it in the history of those who took part.
  await bia.page.getByRole("tab", { name: "Notes" }).click();
  await bia.page.getByRole("textbox", { name: "Notes" }).fill("Wants the lamp in blue");
  await bia.page.getByRole("radio", { name: "Follow-up" }).check();
  await expect(bia.page.getByText("Kept", { exact: true })).toBeVisible();
  await customer.end();
  await expect(bia.page.getByRole("heading", { name: "The session has ended" })).toBeVisible();
  const notes = bia.page.getByRole("textbox", { name: "Notes" });
  await expect(notes).toHaveValue("Wants the lamp in blue");
  await bia.page.getByRole("radio", { name: "Solved", exact: true }).check();
  await expect(bia.page.getByText("Kept", { exact: true })).toBeVisible();
  expect((await new AxeBuilder({ page: bia.page }).analyze()).violations).toEqual([]);
  for (const one of [bia, rui]) {
    await one.page.getByRole("button", { name: "Home" }).first().click();
    await one.page.getByLabel("Search site, person or note").fill("lamp in");
    const past = one.page.locator(".history li").first();
    await expect(past).toContainText("Wants the lamp in blue");
    await expect(past).toContainText("Ana Lima, Bia Souza");
    await expect(past).toContainText("Solved");
  }
  for (const one of [bia, rui]) await close(one.page.context());
});

test("a supervisor looks at their own size, points things out by name and role, and does nothing", async ({
  agent,
  customer,
  lado,
  sides,
}) => {
  await together({ agent, customer }, `${lado.ready.site}/en/`);
  await customer.allow("Click and type");
  const rui = await colleague(sides.agent.browser, lado, "rui");
  await ask(agent, "Invite somebody to watch", "Rui Prado");
  const question = (await customer.panel()).getByRole("alertdialog");
  await press(question.getByRole("button", { name: "Allow" }));
  await watch(rui);
  await rui.sees("Good things");

  const [hers, his] = await Promise.all([scale(agent), scale(rui)]);
  expect(his).toBeLessThan(0.9);
  await rui.page.getByRole("button", { name: "Show at 100 %" }).click();
  await expect.poll(() => scale(rui)).toBe(1);
  expect(await scale(agent)).toBeCloseTo(hers, 3);
  await rui.page.getByRole("button", { name: "Fit to window" }).click();
  await expect.poll(() => scale(rui)).toBeCloseTo(his, 3);

  const before = customer.page.url();
  await rui.click("a.bag");
  await expect(rui.refusal("Supervisors watch only.")).toBeVisible();
  for (const name of ["Back", "Forward", "Reload"])
    await expect(rui.page.getByRole("button", { name, exact: true })).toBeDisabled();
  await expect(rui.page.getByRole("button", { name: "End", exact: true })).toHaveCount(0);
  await rui.page.getByRole("tab", { name: "People" }).click();
  await expect(rui.page.getByRole("button", { name: "Ask to click and type" })).toHaveCount(0);
  await rui.page.getByRole("button", { name: "Look here", exact: true }).click();
  await rui.click(".hero p");
  // What comes after has come through the same socket, in order.
  await rui.page.getByRole("button", { name: "Highlight an element" }).click();
  await rui.click(".hero h1");
  await expect.poll(() => customer.overlay()).toContain("Rui Prado · Supervisor");
  await expect((await agent.viewer()).getByText("Rui Prado · Supervisor")).toBeVisible();
  expect(await customer.overlay()).not.toContain("Rui Prado · Supervisor: Look here");
  expect(await customer.page.evaluate(() => scrollY)).toBe(0);
  expect(customer.page.url()).toBe(before);

  await agent.page.getByRole("button", { name: "Highlight an element" }).click();
  await agent.click(".hero p");
  await expect((await rui.viewer()).getByText("Ana Lima", { exact: true })).toBeVisible();
  // The stage runs no scripts: axe's neither.
  const axe = new AxeBuilder({ page: rui.page }).exclude("iframe.viewer");
  expect((await axe.analyze()).violations).toEqual([]);
  await close(rui.page.context());
});

/** CSS pixels of an agent's screen per CSS pixel of the customer's page. */
async function scale(agent: Agent): Promise<number> {
  return (await agent.viewer()).evaluate(() => {
    const stage = document.querySelector<HTMLIFrameElement>("iframe.stage.shown");
    const glass = document.querySelector(".glass");
    return stage && glass ? glass.getBoundingClientRect().width / stage.clientWidth : 0;
  });
}

test("sites become favourites with one press, and a letter is in the customer's language", async ({
  agent,
  lado,
}) => {
  const { page } = agent;
  const site = `${lado.ready.site}/en/`;
  await agent.signIn();
  const link = await agent.invite(site);
  await page.locator("summary", { hasText: "Text for an e-mail" }).click();
  await page.getByLabel("The customer’s language").selectOption("pt-BR");
  const letter = page.getByRole("textbox", { name: "Text for an e-mail" });
  await expect(letter).toHaveValue(/^Olá,[\s\S]*O link funciona uma única vez/);
  await expect(letter).toHaveValue(new RegExp(link.replace(/[.?]/g, "\\$&")));
  const mail = page.getByRole("link", { name: "Open in e-mail" });
  const href = new URL((await mail.getAttribute("href")) ?? "");
  expect(href.protocol).toBe("mailto:");
  expect(href.searchParams.get("body")).toContain(link);
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);

  await page.getByRole("button", { name: "Home" }).click();
  const recent = page.getByRole("list", { name: "Recent" });
  await recent.locator(".star").first().click();
  const favourites = page.getByRole("list", { name: "Favourites" });
  await expect(favourites.getByRole("listitem")).toHaveCount(1);
  await expect(recent).toHaveCount(0);
  // They are the agent's, not the browser's.
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  await expect(favourites.getByRole("listitem")).toHaveCount(1);
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  // The whole screen speaks the language that is chosen.
  await page.getByLabel("Language").selectOption("pt-BR");
  for (const name of ["Nova sessão", "Minhas sessões abertas", "Sessões anteriores"])
    await expect(page.getByRole("heading", { name })).toBeVisible();
  await page.getByLabel("Idioma").selectOption("en");
  await favourites.locator("button").first().click();
  await expect(page.getByLabel("Link", { exact: true })).toHaveValue(/^http/);
  await page.getByRole("button", { name: "Home" }).click();
  await favourites.locator(".star").click();
  await expect(favourites).toHaveCount(0);
});
