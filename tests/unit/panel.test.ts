// The customer's panel: what it shows, and that nothing is granted by accident.

import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test, type WebSocketRoute } from "@playwright/test";
import de from "../../web/locales/de.json" with { type: "json" };
import es from "../../web/locales/es.json" with { type: "json" };
import fr from "../../web/locales/fr.json" with { type: "json" };
import ptBR from "../../web/locales/pt-BR.json" with { type: "json" };
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

test("what is opened while it connects stays open when it has connected", async ({ page }) => {
  let answer = () => {};
  await page.routeWebSocket(/\/api\/panel\/socket$/, (route) => {
    route.onMessage(() => {
      answer = () => route.send(JSON.stringify(ACTIVE));
    });
  });
  await serve(page, "panel", CONSOLE, (path) => path === "/panel");
  await page.goto(`${CONSOLE}/panel#a-ticket`);
  await page.getByRole("button", { name: /^Shared view/ }).click();
  await expect(page.locator(".spinner")).toBeVisible();
  answer();
  await expect(page.getByRole("radio", { name: "Only look" })).toBeVisible();
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
  await expect
    .poll(() => lado.said)
    .toContainEqual({
      type: "hello",
      token: "a-token",
      after: 0,
      language: "en",
    });
  expect(lado.said[0]).toEqual({ type: "hello", ticket: "a-ticket", after: 0, language: "en" });
});

test("what was hidden last is shown again once, and nothing that was hidden since", async ({ page }) => {
  const hidden = (count: number, last: string) => ({ ...ACTIVE, hidden: count, hidden_last: last });
  const lado = await open(page, hidden(1, "p.1"));
  const shows = () => lado.said.filter(({ type }) => type === "show");
  const undo = page.getByRole("button", { name: "Show it again" });
  await expect(page.getByText(/^Hidden from/)).toBeHidden();
  await page.getByRole("button", { name: /^Shared view/ }).click();
  await page.waitForTimeout(600);
  await undo.click();
  await expect.poll(shows).toEqual([{ type: "show", last: "p.1" }]);
  // Lado has not heard of it when the customer hides something else: the connection comes again.
  lado.tell(hidden(2, "p.2"));
  await expect(page.getByText("2 hidden by you")).toBeVisible();
  await lado.drop();
  await expect.poll(() => lado.said.filter(({ type }) => type === "hello").length).toBe(2);
  await expect(page.getByText("1 hidden by you")).toBeVisible();
  await page.waitForTimeout(100);
  expect(shows()).toHaveLength(1);
});

test("told to come back later, it comes back then and not before", async ({ page }) => {
  const lado = await open(page, ACTIVE);
  const told = Date.now();
  lado.tell({ type: "reconnect", after: 1600 });
  const greeting = { type: "hello", token: "a-token", after: 0, language: "en" };
  await expect.poll(() => lado.said).toContainEqual(greeting);
  expect(Date.now() - told).toBeGreaterThan(1100);
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

const ENTRIES = [
  { id: 1, at: "2026-01-05T10:00:00Z", event: "came" },
  {
    id: 2,
    at: "2026-01-05T10:00:10Z",
    by: "agent",
    person: { display: "Ana Souza", role: "agent" },
    text: "Your code is AB12-99XK-7, see https://shop.example/help?a=1 or javascript:alert(1) <b>x</b>",
  },
  { id: 3, at: "2026-01-05T10:00:20Z", by: "customer", key: "k", text: "My card is 4539", hidden: true },
];
const REQUEST = {
  id: 4,
  what: "open",
  url: "https://shop.example/orders",
  open: "http://x/",
  by: { display: "Ana Souza", role: "agent" },
};

test("what an agent writes is text, safe links and codes to copy, and nothing else", async ({ page }) => {
  const lado = await open(page, ACTIVE);
  lado.tell({ type: "said", entries: ENTRIES });
  await expect(page.locator(".pill .words")).toContainText("Ana Souza: Your code is");
  await page.getByRole("button", { name: "1 new message" }).click();
  const log = page.getByRole("log");
  const link = log.getByRole("link");
  await expect(link).toHaveCount(1);
  await expect(link).toHaveAttribute("href", "https://shop.example/help?a=1");
  await expect(link).toHaveAttribute("rel", /noopener noreferrer/);
  await expect(log).toContainText("<b>x</b>");
  await expect(log.getByRole("button", { name: "Copy AB12-99XK-7" })).toBeVisible();
  await expect.poll(() => lado.said.at(-1)).toEqual({ type: "got", delivered: 3, read: 3 });
  // What Lado does not take is said to be so, and not sent for ever.
  await page.getByLabel("Write a message").fill("hello");
  await page.keyboard.press("Enter");
  await expect.poll(() => lado.said.some(({ type }) => type === "say")).toBe(true);
  const said = lado.said.findLast(({ type }) => type === "say");
  await expect(log).toContainText("Sending…");
  lado.tell({ type: "refused", key: said?.key, error: { code: "bad_message" } });
  await expect(log).toContainText("Not sent");
});

test("a question says who asks for what, and only a calm press answers it", async ({ page }) => {
  const lado = await open(page, ACTIVE);
  await page.evaluate(() => {
    new MutationObserver((_, observer) => {
      const yes = document.querySelector<HTMLElement>(".request .primary");
      if (!yes) return;
      observer.disconnect();
      yes.click();
    }).observe(document.body, { childList: true, subtree: true });
  });
  lado.tell({ ...ACTIVE, request: { ...REQUEST, what: "control", url: undefined } });
  await expect(page.getByRole("alertdialog")).toContainText("Ana Souza asks to click and type for you");
  await page.keyboard.press("Enter");
  await page.waitForTimeout(900);
  expect(lado.said.filter(({ type }) => type === "answer")).toEqual([]);
  await page.getByRole("button", { name: "Not now" }).click();
  await expect.poll(() => lado.said.at(-1)).toEqual({ type: "answer", id: 4, yes: false });
});

test("an agent has their photo, or initials where there is none", async ({ page }) => {
  await page.route(`${CONSOLE}/brand/*`, (route) =>
    route.request().url().endsWith("/ana")
      ? route.fulfill({ contentType: "image/svg+xml", body: PHOTO })
      : route.fulfill({ status: 404 }),
  );
  const agents = [
    { display: "Ana Souza", role: "agent", photo: "/brand/ana" },
    { display: "Bia Lima", role: "agent", photo: "/brand/gone" },
    { display: "Rui Prado", role: "supervisor" },
  ];
  await open(page, { ...ACTIVE, agents });
  await page.getByRole("button", { name: /^Shared view/ }).click();
  const faces = page.locator(".agents .face");
  await expect(faces).toHaveText(["", "BL", "RP"]);
  await expect.poll(() => faces.first().evaluate((face: HTMLImageElement) => face.naturalWidth)).toBe(40);
});

const PHOTO =
  '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="40" height="40"/></svg>';

test("the customer chooses the panel's language, and a phone shows all of it", async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 700 });
  const lado = await open(page, ACTIVE);
  await page.getByRole("button", { name: /^Shared view/ }).click();
  const choice = page.getByRole("combobox");
  await expect(choice).toHaveAccessibleName("Language");
  for (const [language, { panel }] of Object.entries({ de, es, fr, "pt-BR": ptBR })) {
    await choice.selectOption(language);
    await expect(page.getByRole("radio", { name: panel.look })).toBeVisible();
    await expect(page.getByRole("checkbox", { name: panel.marks })).toBeVisible();
    await expect.poll(() => lado.said.at(-1)).toEqual({ type: "language", language });
    await choice.scrollIntoViewIfNeeded();
    await choice.click({ trial: true });
    const over = await page.evaluate(() =>
      [...document.querySelectorAll("*")]
        .filter((each) => each.getBoundingClientRect().right > innerWidth)
        .map((each) => each.outerHTML.slice(0, 80)),
    );
    expect(over, language).toEqual([]);
  }
  // The next page's panel remembers.
  await page.reload();
  await page.getByRole("button", { name: new RegExp(`^${ptBR.panel.title}`) }).click();
  await expect(page.getByRole("radio", { name: ptBR.panel.look })).toBeVisible();
});

for (const scheme of ["light", "dark"] as const) {
  const states = {
    waiting: WAITING,
    active: ACTIVE,
    chat: ACTIVE,
    question: { ...ACTIVE, request: REQUEST },
  };
  for (const [name, state] of Object.entries(states)) {
    test(`the panel is accessible, ${name}, ${scheme}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme: scheme });
      const lado = await open(page, state);
      lado.tell({ type: "said", entries: ENTRIES });
      if (name === "active") {
        await page.getByRole("button", { name: /^Shared view/ }).click();
        await page.getByRole("tab", { name: "Session" }).click();
      }
      if (name === "chat") await page.getByRole("button", { name: "1 new message" }).click();
      // The panel has no page around it here.
      const { violations } = await new AxeBuilder({ page })
        .disableRules(["region", "landmark-one-main"])
        .analyze();
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    });
  }
}
