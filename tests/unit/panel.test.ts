// The customer's panel: what it shows, and that nothing is granted by accident.

import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test, type WebSocketRoute } from "@playwright/test";
import { CONSOLE, serve } from "./apps";

interface Lado {
  said: Record<string, unknown>[];
  tell(message: object): void;
  drop(): Promise<void>;
}

const WAITING = {
  type: "state",
  phase: "waiting",
  pin: "482913",
  pin_expires: new Date(Date.now() + 9.5 * 60_000).toISOString(),
  level: "look",
  company: { name: "Loja Sol", color: null },
  agent: { display: "Ana Souza", role: "agent" },
  agents: [],
  viewers: 0,
  online: true,
};
const ACTIVE = {
  ...WAITING,
  phase: "active",
  pin: null,
  agents: [{ display: "Ana Souza", role: "agent" }],
  viewers: 1,
};

async function open(page: Page, state: object): Promise<Lado> {
  let socket: WebSocketRoute | undefined;
  const said: Record<string, unknown>[] = [];
  await page.routeWebSocket(/\/api\/panel\/socket$/, (route) => {
    socket = route;
    route.onMessage((text) => {
      const message = JSON.parse(String(text)) as Record<string, unknown>;
      said.push(message);
      if (message.type !== "hello") return;
      route.send(JSON.stringify({ type: "token", token: "a-token" }));
      route.send(JSON.stringify(state));
      // Lado says something every second.
      setInterval(() => socket === route && route.send('{"type":"beat"}'), 1000).unref();
    });
  });
  await serve(page, "panel", CONSOLE, (path) => path === "/panel");
  await page.goto(`${CONSOLE}/panel#a-ticket`);
  await expect(page.getByRole("button", { name: "End" })).toBeVisible();
  return {
    said,
    tell: (message) => socket?.send(JSON.stringify(message)),
    drop: async () => socket?.close(),
  };
}

test("the PIN is shown in two groups and read out digit by digit", async ({ page }) => {
  await open(page, WAITING);
  await expect(page.getByText("Read this PIN to Ana Souza")).toBeVisible();
  await expect(page.locator(".digits [aria-hidden]")).toHaveText(["482", "913"]);
  await expect(page.locator(".digits .sr")).toHaveText("4 8 2 9 1 3");
  await expect(page.getByText("Good for 10 more minutes")).toBeVisible();
});

test("an expired PIN can be renewed", async ({ page }) => {
  const lado = await open(page, { ...WAITING, pin_expires: new Date(Date.now() - 1000).toISOString() });
  await page.getByRole("button", { name: "Get a new PIN" }).click();
  await expect.poll(() => lado.said.at(-1)).toEqual({ type: "pin" });
});

test("arrow keys and Enter grant nothing, the space bar and a click do", async ({ page }) => {
  const lado = await open(page, ACTIVE);
  await page.getByRole("button", { name: /^Shared view/ }).click();
  await page.waitForTimeout(600);
  await page.getByRole("radio", { name: "Only look" }).focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("radio", { name: "Click and type" })).toBeFocused();
  await page.keyboard.press("Enter");
  await page.waitForTimeout(200);
  expect(lado.said.filter(({ type }) => type === "level")).toEqual([]);
  await page.keyboard.press("Space");
  await expect.poll(() => lado.said.at(-1)).toEqual({ type: "level", level: "control" });
  lado.tell({ ...ACTIVE, level: "control" });
  await expect(page.getByRole("radio", { name: "Click and type" })).toBeChecked();
  await page.getByRole("radio", { name: "Point" }).click();
  await expect.poll(() => lado.said.at(-1)).toEqual({ type: "level", level: "point" });
});

test("a press in the moment in which the panel changes does not count", async ({ page }) => {
  const lado = await open(page, WAITING);
  await page.waitForTimeout(600);
  // A finger that was on its way when the panel made way for the page.
  await page.evaluate(() => {
    new MutationObserver((_, observer) => {
      const stop = document.querySelector<HTMLElement>(".pill .stop");
      if (!stop) return;
      observer.disconnect();
      stop.click();
    }).observe(document.body, { childList: true, subtree: true });
  });
  lado.tell(ACTIVE);
  await expect(page.getByRole("button", { name: "Shared view: Ana Souza sees this page" })).toBeVisible();
  await page.waitForTimeout(100);
  expect(lado.said.filter(({ type }) => type === "end")).toEqual([]);
});

test("it connects again with its token, and sends then what the customer decided meanwhile", async ({
  page,
}) => {
  const lado = await open(page, ACTIVE);
  await lado.drop();
  await expect.poll(() => lado.said).toContainEqual({ type: "hello", token: "a-token" });
  expect(lado.said[0]).toEqual({ type: "hello", ticket: "a-ticket" });
});

test("one press ends the session", async ({ page }) => {
  const lado = await open(page, ACTIVE);
  await page.waitForTimeout(600);
  await page.getByRole("button", { name: "End" }).click();
  await expect.poll(() => lado.said.at(-1)).toEqual({ type: "end" });
  lado.tell({ type: "ended" });
  await expect(page.getByText("Nobody sees this page any more.")).toBeVisible();
  await expect(page.getByRole("button", { name: "End" })).toHaveCount(0);
});

test("the panel tells the page around it its size, and is a pill while it need not be read", async ({
  page,
}) => {
  await page.route("http://shop.view.localhost:7070/", (route) =>
    route.fulfill({
      contentType: "text/html",
      body: `<!doctype html><iframe src="${CONSOLE}/panel#t" style="border:0;width:312px;height:500px"></iframe>`,
    }),
  );
  await page.addInitScript(() => {
    const sizes: unknown[] = [];
    Object.assign(window, { sizes });
    addEventListener("message", (event) => sizes.push(event.data));
  });
  await page.routeWebSocket(/\/api\/panel\/socket$/, (route) => {
    route.onMessage(() => route.send(JSON.stringify(ACTIVE)));
  });
  await serve(page, "panel", CONSOLE, (path) => path === "/panel");
  await page.goto("http://shop.view.localhost:7070/");
  const panel = page.frameLocator("iframe");
  const last = () =>
    page.evaluate(() => (window as unknown as { sizes: { width: number; height: number }[] }).sizes.at(-1));
  await expect.poll(async () => (await last())?.height).toBeLessThan(60);
  await panel.getByRole("button", { name: "Shared view: Ana Souza sees this page" }).click();
  await expect(panel.getByRole("radio", { name: "Point" })).toBeVisible();
  await expect.poll(async () => (await last())?.height).toBeGreaterThan(300);
  expect(await last()).toMatchObject({ lado: "panel", width: 312 });
  await panel.getByRole("button", { name: "Make small" }).click();
  await expect.poll(async () => (await last())?.height).toBeLessThan(90);
  await panel.getByRole("button", { name: "Shared view: Ana Souza sees this page" }).click();
  await expect(panel.getByRole("radio", { name: "Point" })).toBeVisible();
});

for (const scheme of ["light", "dark"] as const) {
  for (const [name, state] of Object.entries({ waiting: WAITING, active: ACTIVE })) {
    test(`the panel is accessible, ${name}, ${scheme}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme: scheme });
      await open(page, state);
      if (state === ACTIVE) await page.getByRole("button", { name: /^Shared view/ }).click();
      // The panel has no page around it here.
      const { violations } = await new AxeBuilder({ page })
        .disableRules(["region", "landmark-one-main"])
        .analyze();
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    });
  }
}
