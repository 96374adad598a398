// An agent with a tablet: fingers in the place of mouse and wheel.

import type { Page } from "@playwright/test";
import { expect, test } from "./fixture";
import { type Agent, inTheShop } from "./people";

const TABLET = { width: 820, height: 1000 };

/** Puts a finger on the middle of the viewer, moves it by so many pixels, and lifts it. */
async function swipe(agent: Agent, by: { x: number; y: number }): Promise<void> {
  const box = await agent.page.locator("iframe.viewer").boundingBox();
  if (!box) throw new Error("the viewer is not there");
  const from = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const devtools = await agent.page.context().newCDPSession(agent.page);
  try {
    await devtools.send("Emulation.setTouchEmulationEnabled", { enabled: true });
    await devtools.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [from] });
    for (let step = 1; step <= 6; step++) {
      const at = { x: from.x + (by.x * step) / 6, y: from.y + (by.y * step) / 6 };
      await devtools.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: [at] });
    }
    await devtools.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  } finally {
    await devtools.detach();
  }
}

/** What reaches the customer's page of presses and drags. */
async function count(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const seen = { presses: 0 };
    Object.assign(window, { seen });
    for (const type of ["pointerdown", "mousedown", "dragstart"])
      addEventListener(type, () => seen.presses++, true);
  });
  return () => page.evaluate(() => (window as unknown as { seen: { presses: number } }).seen.presses);
}

test("a finger scrolls what the agent sees, then the customer's page, and drags nothing", async ({
  agent,
  customer,
  lado,
}) => {
  await agent.page.setViewportSize(TABLET);
  await inTheShop({ agent, customer }, lado);
  const presses = await count(customer.page);
  const space = () =>
    agent.viewer().then((viewer) => viewer.evaluate(() => document.querySelector(".space")?.scrollLeft ?? 0));
  const scrolled = () => customer.page.evaluate(() => scrollY);

  // Looking only: the page is the customer's to scroll, what is larger than the screen the agent's.
  await swipe(agent, { x: 0, y: -200 });
  await expect(agent.refusal(/has not allowed this yet/)).toBeVisible();
  await agent.page.getByRole("button", { name: "Show at 100 %" }).click();
  await expect
    .poll(async () => {
      await swipe(agent, { x: -150, y: 0 });
      return space();
    })
    .toBeGreaterThan(100);
  expect([await scrolled(), await presses()]).toEqual([0, 0]);

  await customer.allow("Click and type");
  // The customer's own presses, where the panel has just moved away.
  const before = await presses();
  await expect(agent.page.getByText("Click and type", { exact: true }).first()).toBeVisible();
  await agent.page.getByRole("button", { name: "Fit to window" }).click();
  await swipe(agent, { x: 0, y: -200 });
  await expect.poll(scrolled).toBeGreaterThan(150);
  await expect.poll(() => agent.stage((page) => page.defaultView?.scrollY ?? 0)).toBeGreaterThan(150);
  expect(await presses()).toBe(before);
});
