// Pictures of every screen, for people to look at: make shots.

import path from "node:path";
import { expect, test } from "./fixture";

const folder = process.env.SHOTS;
test.skip(!folder, "make shots asks for pictures");

test("shots of a session", async ({ agent, customer, lado }) => {
  const { page } = customer;
  const shot = (of: typeof page, name: string) =>
    of.screenshot({ path: path.join(folder ?? "shots", `${name}.png`), animations: "disabled" });
  const { site } = lado.ready;

  await page.goto(`${site}/pt-BR/`);
  await shot(page, "shop");
  await agent.page.goto(lado.ready.console);
  await agent.page.getByRole("button", { name: "Sign in" }).waitFor();
  await shot(agent.page, "sign-in");
  await agent.signIn();
  await shot(agent.page, "console");
  const link = await agent.invite(`${site}/en/`);
  await shot(agent.page, "invitation");
  await page.goto(link);
  await page.getByRole("button", { name: "Start", exact: true }).waitFor();
  await shot(page, "join");
  await page.setViewportSize({ width: 390, height: 844 });
  await shot(page, "join-phone");
  await page.setViewportSize({ width: 1280, height: 800 });
  await customer.join(link);
  const pin = await customer.pin();
  await shot(page, "customer-pin");
  await expect(agent.page.getByRole("heading", { name: "Ask for the PIN" })).toBeVisible();
  await shot(agent.page, "ask-for-pin");
  await agent.enterPin(pin);
  await agent.sees("Good things");
  await customer.allow("Click and type");
  await page.goto(`${customer.view}/en/product/lamp`);
  await page.getByRole("button", { name: "Add to bag" }).click();
  await expect(page.locator(".badge")).toHaveText("1");
  await page.goto(`${customer.view}/en/checkout`);
  await page.locator("[name=name]").fill("Maria Souza");
  await page.locator("[name=cpf]").fill("529.982.247-25");
  await page.locator("[name=city]").fill("Rio de Janeiro");
  await page.locator("[name=card_number]").fill("4539 1488 0343 6467");
  await agent.sees("Terms of sale");
  await expect
    .poll(() =>
      agent.stage((page) => page.querySelector<HTMLInputElement>("#checkout [name=city]")?.value ?? ""),
    )
    .toBe("Rio de Janeiro");
  await page.mouse.move(420, 520);
  await page.mouse.move(440, 530, { steps: 4 });
  await agent.move("#checkout [name=street]");
  await expect.poll(() => customer.overlay()).toContain("Ana");
  await shot(page, "customer-session");
  await agent.click("form[data-inline=terms] button");
  await expect(agent.refusal(/locked/)).toBeVisible();
  await shot(agent.page, "agent-session");
  await page.setViewportSize({ width: 390, height: 844 });
  await shot(page, "customer-phone");
  await page.setViewportSize({ width: 1280, height: 800 });
  await customer.end();
  await shot(page, "farewell");
  await expect(agent.page.getByText("The session has ended").first()).toBeVisible();
  await shot(agent.page, "agent-ended");
});
