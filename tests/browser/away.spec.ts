// What people do while a network is away: nothing of it is lost.

import { expect, test } from "./fixture";
import { type Agent, inTheShop } from "./people";

/** Draws a rectangle over the middle of an element. */
async function frame(agent: Agent, selector: string): Promise<void> {
  await agent.page.getByRole("button", { name: "Rectangle", exact: true }).click();
  const { x, y } = await agent.spot(selector);
  await agent.page.mouse.move(x, y);
  await agent.page.mouse.down();
  await agent.page.mouse.move(x + 80, y + 30, { steps: 4 });
  await agent.page.mouse.up();
}

test("what people decide, ask and draw without a network holds and shows once it is back", async ({
  agent,
  customer,
  lado,
  sides,
}) => {
  await inTheShop({ agent, customer }, lado);
  await customer.allow("Point");
  await expect(agent.page.getByText("Point", { exact: true }).first()).toBeVisible();
  const panel = await customer.panel();

  sides.customer.relay.cut();
  await expect(agent.page.getByText("Customer offline").first()).toBeVisible();
  await customer.allow("Click and type");
  await expect(panel.getByText(/What you have chosen holds as soon as/)).toBeVisible();
  await expect(agent.page.getByText("Click and type", { exact: true })).toHaveCount(0);
  if (process.env.SHOTS) await customer.page.screenshot({ path: `${process.env.SHOTS}/away.png` });
  await frame(agent, ".hero p");
  expect(await customer.drawn()).toHaveLength(0);

  sides.customer.relay.mend();
  await expect.poll(() => customer.drawn()).toHaveLength(1);
  await expect(agent.page.getByText("Click and type", { exact: true }).first()).toBeVisible();
  await expect(panel.getByRole("radio", { name: "Click and type" })).toBeChecked();

  // And so it is for what the agent asks and draws.
  await agent.page.getByRole("tab", { name: "People" }).click();

  sides.agent.relay.cut();
  await expect(agent.page.getByText("Connection lost").first()).toBeVisible();
  await agent.page.getByRole("button", { name: "Drawings stay" }).click();
  await frame(agent, ".hero h1");
  await frame(agent, ".hero p");
  await agent.page.getByRole("button", { name: "Undo drawing" }).click();
  await agent.page.getByLabel("Open a page for the customer").first().fill(`${lado.ready.site}/en/cart`);
  await agent.page.getByRole("button", { name: "Open a page for the customer" }).click();
  const waiting = agent.page.getByText("Goes to the customer as soon as the connection is back");
  await expect(waiting).toBeVisible();
  if (process.env.SHOTS) await agent.page.screenshot({ path: `${process.env.SHOTS}/asked-later.png` });

  sides.agent.relay.mend();
  const question = panel.getByRole("alertdialog");
  await expect(question).toContainText("Ana Lima asks to open this page for you");
  // The rectangle from before has vanished.
  await expect.poll(() => customer.drawn()).toHaveLength(1);
  await expect(waiting).toBeHidden();
  await expect(agent.page.getByText("Waiting for the customer’s answer")).toBeVisible();
  // It is asked once: a line that drops again asks no more.
  await agent.page.getByRole("button", { name: "Take it back" }).click();
  await expect(question).toBeHidden();
  sides.agent.relay.cut();
  await expect(agent.page.getByText("Connection lost").first()).toBeVisible();
  sides.agent.relay.mend();
  await expect(agent.page.getByText("Connected").first()).toBeVisible();
  await expect.poll(() => customer.drawn()).toHaveLength(1);
  expect(await question.count()).toBe(0);
});
