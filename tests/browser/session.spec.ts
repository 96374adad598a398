// One session from the agent's sign-in to the customer's farewell, in two browsers.

import { expect, test } from "./fixture";
import { inTheShop, together } from "./people";

test("agent and customer meet, look at the same page, and part", async ({ agent, customer, lado }) => {
  const { site } = lado.ready;
  await agent.signIn();
  const link = await agent.invite(`${site}/en/`);
  await expect(agent.page.getByRole("img", { name: /QR/ })).toBeVisible();

  await customer.page.goto(link);
  await expect(customer.page.getByText(lado.ready.company).first()).toBeVisible();
  await expect(customer.page.getByText(/will not see/).first()).toBeVisible();
  await expect(customer.page.getByRole("button", { name: "No, thanks" })).toBeVisible();
  await customer.join(link);
  await expect(customer.page.getByRole("heading", { level: 1 })).toHaveText("Good things for bright days");
  const pin = await customer.pin();

  const wrong = pin === "111111" ? "222222" : "111111";
  await agent.enterPin(wrong);
  await expect(agent.page.getByText(/Invalid PIN/)).toBeVisible();
  await agent.enterPin(pin);

  // The same words, and the site's pictures and styles.
  await agent.sees("Good things for bright days");
  await expect.poll(() => agent.reads()).toBe(await customer.reads());
  const pictures = () =>
    agent.stage(
      (page) => [...page.images].filter((image) => image.complete && image.naturalWidth > 0).length,
    );
  await expect.poll(pictures).toBeGreaterThan(3);
  const hero = (page: Document) =>
    page.defaultView?.getComputedStyle(page.querySelector(".hero") ?? page.body).borderRadius;
  expect(await agent.stage(hero)).toBe("16px");

  // The customer goes on in the site, and what scripts draw later comes along.
  await customer.page.getByRole("link", { name: "Tide kettle" }).click();
  await agent.sees("Enamelled steel");
  await agent.sees("Davi & filhos");
  await customer.page.getByRole("button", { name: "Add to bag" }).click();
  await agent.sees("It is in your bag");
  await expect.poll(() => agent.stage((page) => page.querySelector(".badge")?.textContent)).toBe("1");

  // Both reload: the session is still theirs.
  await customer.page.reload();
  await expect(customer.page.locator(".badge")).toHaveText("1");
  await agent.sees("Davi & filhos");
  await agent.page.reload();
  await agent.sees("Davi & filhos");

  // The end is the customer's, too.
  const page = customer.page.url();
  await customer.end();
  await expect(customer.page.getByText(`Ana Lima · ${lado.ready.company}`)).toBeVisible();
  await expect(customer.page.getByText(/^(< )?\d+ min$/)).toBeVisible();
  await expect(customer.page.getByText(/Nothing: neither pages, nor the chat/)).toBeVisible();
  await expect(agent.page.getByText("The session has ended").first()).toBeVisible();
  const after = await customer.page.goto(page);
  expect(after?.status()).toBe(410);
  expect(await customer.page.context().cookies(page)).toEqual([]);
  const again = await customer.page.goto(link);
  expect(again?.ok()).toBe(true);
  await expect(customer.page.getByText("This invitation is no longer good")).toBeVisible();
});

test("a customer who says no shares nothing", async ({ agent, customer, lado }) => {
  await agent.signIn();
  const link = await agent.invite(`${lado.ready.site}/en/`);
  await customer.page.goto(link);
  await customer.page.getByRole("button", { name: "No, thanks" }).click();
  await expect(customer.page.getByText("You said no, thanks")).toBeVisible();
  await customer.page.goto(link);
  await expect(customer.page.getByText("This invitation is no longer good")).toBeVisible();
});

test("the agent may end the session, and the customer is told", async ({ agent, customer, lado }) => {
  await together({ agent, customer }, `${lado.ready.site}/en/`);
  await agent.page.locator(".bar").getByRole("button", { name: "End", exact: true }).click();
  await customer.page.waitForURL(/__lado\/farewell/);
  await expect(agent.page.getByText("The session has ended").first()).toBeVisible();
});

test("a session goes on after the customer's connection has dropped", async ({
  agent,
  customer,
  lado,
  sides,
}) => {
  await inTheShop({ agent, customer }, lado, "mug");
  sides.customer.relay.cut();
  await expect(agent.page.getByText("Customer offline").first()).toBeVisible();
  await customer.page.evaluate(() => {
    document.querySelector("h1")?.append(" of the dawn");
  });
  sides.customer.relay.mend();
  await agent.sees("Aurora mug of the dawn");
  await expect(agent.page.getByText("Connected").first()).toBeVisible();
  // And so it is for the agent's.
  sides.agent.relay.cut();
  await customer.page.evaluate(() => {
    document.querySelector("h1")?.append(" and of the dusk");
  });
  sides.agent.relay.mend();
  await agent.sees("Aurora mug of the dawn and of the dusk");
  // What ended meanwhile has ended when the agent is back.
  sides.agent.relay.cut();
  await customer.end();
  sides.agent.relay.mend();
  await expect(agent.page.getByText("The session has ended").first()).toBeVisible();
});

test("a network that falls silent shows on both sides within three seconds, and comes back by itself", async ({
  agent,
  customer,
  lado,
  sides,
}) => {
  await inTheShop({ agent, customer }, lado, "mug");
  await expect(agent.page.locator(".latency")).toHaveText(/^\d+ ms$/);
  const panel = await customer.panel();
  await expect(panel.getByText("Ana Lima sees this page")).toBeVisible();

  // Nothing is closed: the network only says nothing any more.
  sides.customer.relay.silence();
  const within = { timeout: 3000 };
  await Promise.all([
    expect(agent.page.getByText("Customer offline").first()).toBeVisible(within),
    expect(panel.getByText("No connection").first()).toBeVisible(within),
  ]);
  await customer.page.evaluate(() => document.querySelector("h1")?.append(" of the dawn"));
  sides.customer.relay.mend();
  await agent.sees("Aurora mug of the dawn");
  await expect(agent.page.getByText("Connected").first()).toBeVisible();
  await expect(panel.getByText("Ana Lima sees this page")).toBeVisible();

  // And so it is for the agent's.
  sides.agent.relay.silence();
  await Promise.all([
    expect(agent.page.getByText("Connection lost").first()).toBeVisible(within),
    expect(panel.getByText("Ana Lima is not looking right now")).toBeVisible(within),
  ]);
  await customer.page.evaluate(() => document.querySelector("h1")?.append(" and of the dusk"));
  sides.agent.relay.mend();
  await agent.sees("Aurora mug of the dawn and of the dusk");
  await expect(panel.getByText("Ana Lima sees this page")).toBeVisible();
});

test("what tells the agent of a lost network covers nothing", async ({ agent, customer, lado, sides }) => {
  const { page } = agent;
  await together({ agent, customer }, `${lado.ready.site}/en/`);
  sides.agent.relay.cut();
  await expect(page.getByText("Lado cannot be reached. Connecting again")).toBeVisible();
  const reachable = async (names: string[]) => {
    for (const viewport of [
      { width: 390, height: 844 },
      { width: 1400, height: 900 },
    ]) {
      await page.setViewportSize(viewport);
      for (const name of names) await page.getByRole("button", { name, exact: true }).click({ trial: true });
    }
  };
  await reachable(["Home", "End"]);
  // The stage has given way: nothing hangs over the window's edge.
  const beyond = () => page.evaluate(() => document.documentElement.scrollHeight - innerHeight);
  expect(await beyond()).toBe(0);
  await page.getByRole("button", { name: "Home", exact: true }).click();
  await reachable(["Keyboard shortcuts", "Sign out"]);
  sides.agent.relay.mend();
  await expect(page.getByText("Lado cannot be reached. Connecting again")).toBeHidden();
});

test("on a phone the panel stands on end at the edge, and opens as a sheet", async ({
  agent,
  customer,
  lado,
}) => {
  await customer.page.setViewportSize({ width: 390, height: 844 });
  await together({ agent, customer }, `${lado.ready.site}/en/product/mug`);
  const panel = await customer.panel();
  const size = () => panel.evaluate(() => ({ width: innerWidth, height: innerHeight }));
  await expect(panel.locator(".pill")).toBeVisible();
  await expect.poll(size).toEqual({ width: 44, height: expect.closeTo(150, -2) });
  await panel.locator(".pill button").first().click();
  await expect.poll(async () => (await size()).width).toBe(390);
  await expect(panel.getByRole("radio", { name: "Point" })).toBeVisible();
  await customer.allow("Point");
});

test("what scrolls inside the page scrolls for the agent, too", async ({ agent, customer, lado }) => {
  await inTheShop({ agent, customer }, lado, "mug");
  await customer.page.evaluate(() => {
    const box = document.createElement("div");
    box.id = "box";
    // The shop's policy takes no style attribute, but lets scripts style.
    Object.assign(box.style, { height: "120px", overflow: "auto" });
    for (let i = 0; i < 60; i++) box.append(`line ${i}`, document.createElement("br"));
    document.querySelector("main")?.prepend(box);
  });
  await agent.sees("line 59");
  await customer.page.evaluate(() => document.querySelector("#box")?.scrollTo(0, 400));
  await expect.poll(() => agent.stage((page) => page.querySelector("#box")?.scrollTop)).toBe(400);
  await customer.page.evaluate(() => document.querySelector("#box")?.append("the last line"));
  await agent.sees("the last line");
});

test("a mirrored page that went wrong is put right, and no other", async ({ agent, customer, lado }) => {
  await inTheShop({ agent, customer }, lado);
  const broken = (page: Document) => {
    page.querySelector("h1")?.remove();
    for (const text of page.querySelectorAll(".hero p")) text.textContent = "Something else";
  };
  expect(await agent.stage(broken)).toBeFalsy();
  expect(await agent.reads()).not.toContain("Good things for bright days");
  // The page compares a stretch of itself every few seconds.
  await agent.sees("Good things for bright days");
  await expect.poll(() => agent.reads()).toBe(await customer.reads());
  // In all that this Lado has mirrored so far, it never took a page for another.
  expect(lado.log.filter((line) => line.includes("differs from the page"))).toEqual([]);
});

test("each sees the other's pointer, with name and role", async ({ agent, customer, lado }) => {
  await inTheShop({ agent, customer }, lado);
  await expect(async () => {
    await customer.page.mouse.move(300, 250);
    await customer.page.mouse.move(340, 270, { steps: 5 });
    const viewer = await agent.viewer();
    await expect(viewer.locator(".customer")).toContainText("Customer", { timeout: 1000 });
  }).toPass();

  // Looking only, the agent has no pointer there.
  await agent.move(".hero h1");
  expect(await customer.overlay()).not.toContain("Ana");
  await customer.allow("Point");
  await expect(agent.page.getByText("Point", { exact: true }).first()).toBeVisible();
  await expect(async () => {
    await agent.move(".hero p");
    await agent.move(".hero h1");
    expect(await customer.overlay()).toMatch(/Ana.*Agent/);
  }).toPass();
});

test("the agent acts as far as the customer allows", async ({ agent, customer, lado }) => {
  await inTheShop({ agent, customer }, lado);

  await agent.click("a.bag");
  await expect(agent.refusal(/has not allowed this yet/)).toBeVisible();
  expect(new URL(customer.page.url()).pathname).toBe("/en/");

  await customer.allow("Click and type");
  await expect(agent.page.getByText("Click and type", { exact: true }).first()).toBeVisible();
  await agent.click("#search");
  await expect.poll(() => customer.page.evaluate(() => document.activeElement?.id)).toBe("search");
  await agent.page.keyboard.type("lamp");
  await expect(customer.page.locator("#search")).toHaveValue("lamp");
  await expect(customer.page.locator(".item:visible")).toHaveCount(1);
  await expect.poll(() => agent.stage((page) => page.querySelectorAll(".item:not([hidden])").length)).toBe(1);

  await agent.page.keyboard.press("Backspace");
  for (let i = 0; i < 3; i++) await agent.page.keyboard.press("Backspace");
  await expect(customer.page.locator(".item:visible")).toHaveCount(8);

  const { x, y } = await agent.spot(".hero");
  await agent.page.mouse.move(x, y);
  await agent.page.mouse.wheel(0, 300);
  await expect.poll(() => customer.page.evaluate(() => scrollY)).toBeGreaterThan(100);
  await expect.poll(() => agent.stage((page) => page.defaultView?.scrollY ?? 0)).toBeGreaterThan(100);

  await agent.click('.item[data-name="Tide kettle"] a');
  await customer.page.waitForURL(/product\/kettle/);
  await agent.sees("Enamelled steel");
  await agent.page.getByRole("button", { name: "Back", exact: true }).click();
  await customer.page.waitForURL(/\/en\/$/);
  await agent.sees("Good things");

  // What was allowed can be taken back.
  await customer.allow("Only look");
  await expect(agent.page.getByText("Look only").first()).toBeVisible();
  await agent.click("a.bag");
  await expect(agent.refusal(/has not allowed this yet/)).toBeVisible();
  expect(new URL(customer.page.url()).pathname).toBe("/en/");
});
