// What the customer does with elements of the page by hand: hides them, shows them again, points them out.

import { expect, test } from "./fixture";
import { type Customer, inTheShop } from "./people";

/** Opens the panel and presses one of its buttons, by the keyboard. */
async function press(customer: Customer, name: string): Promise<void> {
  const panel = await customer.panel();
  const pill = panel.getByRole("button", { name: /^Shared view/ });
  if (await pill.isVisible()) await pill.press("Enter");
  await panel.getByRole("button", { name }).press("Enter");
}

/** Goes with the arrow keys until a thing of this name is chosen. */
async function go(customer: Customer, name: string): Promise<void> {
  await expect(async () => {
    await customer.page.keyboard.press("ArrowDown");
    expect(await customer.overlay()).toContain(name);
  }).toPass({ intervals: [30] });
}

test("by the keyboard alone the customer hides something, shows it again but for what a rule hides, and points things out", async ({
  agent,
  customer,
  lado,
  sides,
}) => {
  await inTheShop({ agent, customer }, lado, "mug");
  const { page } = customer;
  await page.evaluate(() => {
    const secret = document.createElement("span");
    secret.setAttribute("data-lado-mask", "");
    secret.textContent = "no. 77";
    document.querySelector("h1")?.append(" ", secret);
  });
  const heading = () => agent.stage((page) => page.querySelector("h1")?.textContent ?? "");
  await expect.poll(heading).toBe("Aurora mug ••••••");

  await press(customer, "Hide something");
  await expect.poll(() => customer.overlay()).toContain("go there with the arrow keys");
  await go(customer, "Aurora mug no. 77");
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/choose.png` });
  await page.keyboard.press("Enter");
  await expect.poll(heading).not.toContain("Aurora mug");

  // The way back is one press away, where the keyboard is.
  const panel = await customer.panel();
  await expect(panel.locator(".pill")).toContainText("Hidden from Ana Lima");
  const undo = panel.getByRole("button", { name: "Show it again" });
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/hidden.png` });
  await expect(async () => {
    await undo.press("Enter", { timeout: 1000 });
    await expect.poll(heading, { timeout: 2000 }).toBe("Aurora mug ••••••");
  }).toPass();
  await expect(undo).toBeHidden();
  await expect(page.locator("h1")).not.toHaveAttribute("data-lado-mask");

  // What a rule hides stays hidden, whoever has hidden it as well; the last goes first.
  for (const choice of ["h1", "h1 span"]) {
    await press(customer, "Hide something");
    const box = await page.locator(choice).boundingBox();
    await page.mouse.click((box?.x ?? 0) + 5, (box?.y ?? 0) + 10);
    await expect.poll(heading).not.toContain("Aurora mug");
  }
  await expect(async () => {
    const pill = panel.getByRole("button", { name: /^Shared view/ });
    if (await pill.isVisible()) await pill.press("Enter");
    await expect(panel.getByText(/^\d hidden by you$/)).toBeVisible({ timeout: 1000 });
    await undo.press("Enter", { timeout: 1000 });
    await expect.poll(heading, { timeout: 2000 }).toBe("Aurora mug ••••••");
  }).toPass();
  await expect(page.locator("h1 span")).toHaveAttribute("data-lado-mask");
  expect(sides.agent.relay.received().includes("no. 77")).toBe(false);
  await expect(undo).toBeHidden();

  // What the customer points out is marked and named for the agent, who is led there.
  await agent.page.setViewportSize({ width: 900, height: 600 });
  await agent.page.getByRole("button", { name: "Show at 100 %" }).click();
  const viewer = await agent.viewer();
  await viewer.evaluate(() => document.querySelector(".space")?.scrollTo(0, 0));

  await press(customer, "Show Ana Lima something");
  const bag = await page.locator("a.bag").boundingBox();
  await page.mouse.click((bag?.x ?? 0) + 10, (bag?.y ?? 0) + 10);
  await expect(viewer.getByText("Customer: Look here")).toBeInViewport();
  await expect(agent.page.locator(".toasts").getByText(/^The customer shows you “.*Bag/)).toBeVisible();
  await expect.poll(() => customer.overlay()).toContain("Look here");
  if (process.env.SHOTS) await agent.page.screenshot({ path: `${process.env.SHOTS}/looks.png` });

  // By the keyboard, too; and nobody is shown anything while the customer has paused.
  await press(customer, "Show Ana Lima something");
  await go(customer, "Aurora mug no. 77");
  await page.keyboard.press("Enter");
  await expect(agent.page.locator(".toasts").getByText(/Aurora mug/)).toBeVisible();
  await press(customer, "Pause");
  await expect(panel.getByRole("button", { name: "Show Ana Lima something" })).toBeDisabled();
});
