// What only the customer may press: refused by the server, whatever the agent's browser sends.

import { ActionTag, Button, Refusal } from "../../injected/protocol/messages";
import { expect, test } from "./fixture";
import { type Agent, type Customer, together } from "./people";
import { HandMade } from "./protocol";

test.describe.configure({ retries: 0 });

/** With a bag that a known customer would buy with one click. */
async function ready(agent: Agent, customer: Customer, site: string, language: string): Promise<void> {
  await together({ agent, customer }, `${site}/${language}/login`);
  await customer.page.locator("input[name=email]").fill("maria@lojasol.example");
  await customer.page.locator("input[name=password]").fill("sol-e-mar");
  await customer.page.locator("input[name=password]").press("Enter");
  await customer.page.waitForURL(/\/account$/);
  await customer.allow("Click and type");
  await customer.page.goto(`${customer.view}/${language}/product/lamp`);
  await expect(customer.page.locator(".badge")).toHaveAttribute("data-ready", "yes");
}

for (const [language, name] of [
  ["en", "Buy now"],
  ["pt-BR", "Comprar agora"],
] as const) {
  test(`the agent cannot press ${name} with the mouse or with Enter`, async ({ agent, customer, lado }) => {
    const before = await lado.orders();
    await ready(agent, customer, lado.ready.site, language);
    await agent.sees(name);

    await agent.click("form[data-inline] button[data-lado-lock]");
    await expect(agent.refusal(/locked: only the customer/)).toBeVisible();
    await expect(agent.refusal(/^Rule: [a-z-]+$/)).toBeVisible();
    if (process.env.SHOTS) await agent.page.screenshot({ path: `${process.env.SHOTS}/locked.png` });

    // The checkout's fields are in the form of a locked button: Enter there would press it.
    await checkout(customer, language);
    await agent.sees(name);
    // The message goes by itself as well.
    await agent.page.locator(".toasts button").evaluateAll((buttons) => {
      for (const button of buttons) (button as HTMLElement).click();
    });
    await agent.click("#checkout input[name=city]");
    await expect
      .poll(() => customer.page.evaluate(() => document.activeElement?.getAttribute("name")))
      .toBe("city");
    await agent.page.keyboard.press("Enter");
    await expect(agent.refusal(/locked/).first()).toBeVisible();
    expect(new URL(customer.page.url()).pathname).toBe(`/${language}/checkout`);
    expect(await lado.orders()).toBe(before);

    // The customer can.
    await customer.page.locator("#checkout button.first").click();
    await customer.page.waitForURL(/\/order\//);
    expect(await lado.orders()).toBe(before + 1);
  });
}

test("a hand-made message does not press Buy now", async ({ agent, customer, lado }) => {
  const before = await lado.orders();
  await ready(agent, customer, lado.ready.site, "en");
  await agent.sees("Buy now");
  const session = new URL(customer.page.url()).host.slice(0, 16);
  const hand = await HandMade.connect(agent, session);
  const buy = hand.find(({ tag, text }) => tag === "button" && text.includes("Buy now"));
  const button = Button.Left;
  const key = (node: number, key: string) =>
    ({ tag: ActionTag.Key, node, key, shift: false, ctrl: false, alt: false, meta: false }) as const;

  const attempts = [
    { tag: ActionTag.Click, node: buy.id, x: 500, y: 500, button, count: 1 } as const,
    { tag: ActionTag.Click, node: buy.id + 1, x: 500, y: 500, button, count: 1 } as const,
    key(buy.id, "Enter"),
    key(buy.id, " "),
  ];
  for (const action of attempts) {
    const answer = await hand.act(action);
    expect(answer.refusal, JSON.stringify(action)).not.toBeNull();
    if (action.tag === ActionTag.Click && action.node === buy.id) {
      expect(answer.refusal).toBe(Refusal.Locked);
      expect(answer.rule).not.toBe("");
    }
  }
  await hand.close();
  await expect(customer.page.locator("h1")).toHaveText("Sunset lamp");
  expect(new URL(customer.page.url()).pathname).toBe("/en/product/lamp");
  expect(await lado.orders()).toBe(before);

  // The way around the button: Enter in a field of its form.
  await checkout(customer, "en");
  await agent.sees("You have agreed");
  const other = await HandMade.connect(agent, session);
  const city = other.find(({ tag, attrs }) => tag === "input" && attrs.name === "city");
  expect((await other.act({ tag: ActionTag.Focus, node: city.id })).refusal).toBeNull();
  expect((await other.act(key(city.id, "Enter"))).refusal).toBe(Refusal.Locked);
  await other.close();
  expect(new URL(customer.page.url()).pathname).toBe("/en/checkout");
  expect(await lado.orders()).toBe(before);
});

test("the agent agrees to nothing for the customer", async ({ agent, customer, lado }) => {
  await ready(agent, customer, lado.ready.site, "en");
  await customer.page.locator("form[data-inline] button.first").click();
  await expect(customer.page.locator(".badge")).toHaveText("1");
  await customer.page.goto(`${customer.view}/en/checkout`);
  await agent.sees("I agree");
  // The customer sees what the agent cannot press, as long as they want to.
  await expect.poll(() => customer.marks("locked")).toBeGreaterThan(0);
  const panel = await customer.panel();
  await panel.locator(".pill button").first().click();
  await panel.getByRole("checkbox").uncheck();
  await expect.poll(() => customer.marks("locked")).toBe(0);
  await panel.getByRole("checkbox").check();
  await expect.poll(() => customer.marks("locked")).toBeGreaterThan(0);
  await agent.click("form[data-inline=terms] button");
  await expect(agent.refusal(/I agree.*locked/)).toBeVisible();
  await expect(customer.page.getByRole("button", { name: "I agree" })).toBeEnabled();
});

/** Takes the lamp to the checkout, agrees to the terms and fills in everything: one press from an order. */
async function checkout({ page, view }: Customer, language: string): Promise<void> {
  await page.locator("form[data-inline] button.first").click();
  await expect(page.locator(".badge")).toHaveText("1");
  await page.goto(`${view}/${language}/checkout`);
  await page.locator("form[data-inline=terms] button").click();
  await expect(page.locator("form[data-inline=terms]")).toHaveClass(/agreed/);
  const fields = {
    name: "Maria Souza",
    email: "maria@lojasol.example",
    cpf: "390.533.447-05",
    postcode: "20040-002",
    street: "Rua da Praia, 12",
    city: "Rio de Janeiro",
    card_number: "4242424242424242",
    card_expiry: "09/29",
    cvv: "737",
  };
  for (const [name, value] of Object.entries(fields))
    await page.locator(`#checkout [name=${name}]`).fill(value);
}
