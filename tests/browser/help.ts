// A session that begins with the launcher on the site's own page, and ends with the page staying.

import { expect, type Page } from "@playwright/test";
import { type Agent, type Customer, unfold } from "./people";

/** Presses *Get help*, agrees, and comes back to the page. */
export async function ask(page: Page, shop: string): Promise<void> {
  const help = page.getByRole("button", { name: "Get help" });
  await help.click();
  await page.waitForURL(/\/j\//);
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.waitForURL((url) => url.origin === new URL(shop).origin);
}

export async function meet(agent: Agent, customer: Customer): Promise<void> {
  await agent.signIn();
  await agent.enterPin(await customer.pin());
  await agent.viewer();
}

export async function part(customer: Customer): Promise<void> {
  const panel = await customer.panel();
  const end = panel.getByRole("button", { name: "End", exact: true });
  await expect(async () => {
    await unfold(panel);
    await end.click({ timeout: 1000 });
    await expect(panel.getByRole("status")).toHaveText(/over|ended/i, { timeout: 2000 });
  }).toPass();
}
