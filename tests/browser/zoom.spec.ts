// Twice the size, and from right to left: nothing is cut off, and nothing lies over what can be pressed.

import type { Frame, Page } from "@playwright/test";
import { expect, test } from "./fixture";

/** Half a desk's window is what 200 % zoom leaves of it; 320 pixels are what 400 % does (WCAG 2.2, 1.4.10). */
const DOUBLED = { width: 640, height: 400 };
const NARROW = { width: 320, height: 480 };

/** What of a screen does not fit, is cut off, or is covered by something else. */
async function faults(screen: Page | Frame, within: string): Promise<string[]> {
  return screen.evaluate((within) => {
    const part = document.querySelector(within);
    if (!part) return [`${within} is not there`];
    const bad: string[] = [];
    const root = document.documentElement;
    const name = (each: Element) =>
      `${each.localName}.${each.className} "${(each.getAttribute("aria-label") ?? each.textContent ?? "").trim().slice(0, 40)}"`;
    if (root.scrollWidth > root.clientWidth + 1)
      bad.push(`the screen is ${root.scrollWidth - root.clientWidth} pixels too wide`);
    const shows = (each: Element) => {
      const { width, height } = each.getBoundingClientRect();
      return (
        width > 1 && height > 1 && each.checkVisibility({ visibilityProperty: true, opacityProperty: true })
      );
    };
    for (const each of part.querySelectorAll("button, a[href], input, select, textarea, summary")) {
      if (!shows(each)) continue;
      each.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
      const box = each.getBoundingClientRect();
      if (box.left < -1 || box.right > innerWidth + 1 || box.top < -1 || box.bottom > innerHeight + 1)
        bad.push(`${name(each)} is beyond the edge`);
      const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
      if (hit && !each.contains(hit) && !hit.contains(each)) bad.push(`${name(each)} is below ${name(hit)}`);
      if (each.scrollWidth > each.clientWidth + 1 && !/input|textarea|select/.test(each.localName))
        bad.push(`${name(each)} has no room for its words`);
    }
    for (const each of part.querySelectorAll("*")) {
      const words = [...each.childNodes].some((child) => child.nodeType === 3 && child.textContent?.trim());
      if (!words || !shows(each) || each.closest(".sr, option")) continue;
      const { overflowX, textOverflow } = getComputedStyle(each);
      const cut = each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0;
      if (cut && overflowX !== "visible" && overflowX !== "auto" && textOverflow !== "ellipsis")
        bad.push(`${name(each)} is cut off`);
    }
    return [...new Set(bad)];
  }, within);
}

async function turn(screen: Page | Frame, dir: "ltr" | "rtl"): Promise<void> {
  await screen.evaluate((dir) => {
    document.documentElement.dir = dir;
  }, dir);
}

/** Twice as large both ways, at its own size from right to left, and on the narrowest screen. */
async function fits(
  page: Page,
  what: string,
  within = "body",
  screen: () => Promise<Page | Frame> = async () => page,
) {
  const own = page.viewportSize() ?? DOUBLED;
  for (const [size, dir] of [
    [DOUBLED, "ltr"],
    [NARROW, "ltr"],
    [DOUBLED, "rtl"],
    [own, "rtl"],
  ] as const) {
    await page.setViewportSize(size);
    const it = await screen();
    await turn(it, dir);
    await expect
      .poll(() => faults(it, within), { message: `${what}, ${dir}, ${size.width} pixels`, timeout: 5000 })
      .toEqual([]);
    if (process.env.SHOTS && size !== own)
      await page.screenshot({ path: `${process.env.SHOTS}/${what}-${dir}-${size.width}.png` });
  }
  await turn(await screen(), "ltr");
}

test("console, join page and panel fit at twice their size, and from right to left", async ({
  agent,
  customer,
  lado,
}) => {
  const { page } = agent;
  await page.goto(lado.ready.console);
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  // It would notice.
  await page.evaluate(() => {
    const [wide, over] = [document.createElement("p"), document.createElement("p")];
    Object.assign(wide.style, { width: "9000px", height: "9px" });
    Object.assign(over.style, { position: "fixed", inset: "0" });
    document.body.append(wide, over);
  });
  expect(await faults(page, "body")).toEqual(
    expect.arrayContaining([expect.stringMatching(/too wide/), expect.stringMatching(/is below p/)]),
  );
  await page.reload();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  await fits(page, "sign-in");
  await agent.signIn();
  await fits(page, "home");
  const link = await agent.invite(`${lado.ready.site}/en/`);
  await fits(page, "invitation");
  await customer.page.goto(link);
  await expect(customer.page.getByRole("button", { name: "Start", exact: true })).toBeVisible();
  await fits(customer.page, "join");
  await customer.join(link);
  const pin = await customer.pin();
  await fits(customer.page, "panel-pin", "body", () => customer.panel());
  await agent.enterPin(pin);
  await agent.sees("Good things for bright days");
  for (const tab of ["Chat", "People", "Events", "Notes"]) {
    await page.getByRole("tab", { name: tab }).click();
    // On a narrow screen the column lies over the page's tools.
    await fits(page, `session-${tab.toLowerCase()}`, ".side");
  }
  await page.getByRole("button", { name: "Chat, people and events" }).click();
  await expect(page.locator(".side")).toHaveCount(0);
  await fits(page, "session");
  const panel = await customer.panel();
  await fits(customer.page, "pill", "body", () => customer.panel());
  await panel.getByRole("button", { name: /^Shared view/ }).click();
  await expect(panel.getByRole("radio", { name: "Point" })).toBeVisible();
  await fits(customer.page, "panel", "body", () => customer.panel());
});
