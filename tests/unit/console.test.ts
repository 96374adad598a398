// The agents' console and the join page against a played API.

import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { CONSOLE, serve, VIEWER } from "./apps";

const ANA = { name: "ana", display: "Ana Souza", company: { id: "sol", name: "Loja Sol" }, role: "agent" };
const ID = "abcdefghijklmnop";
const INVITED = {
  id: ID,
  site: "https://www.shop.example",
  state: "invited",
  created: "2026-01-02T03:04:05Z",
  agent: { name: "ana", display: "Ana Souza" },
  link: `${CONSOLE}/j/a-token`,
  expires: "2026-01-03T03:04:05Z",
  level: "look",
  online: false,
  viewers: 0,
};

type Answer = [status: number, body?: unknown];
interface Asked {
  method: string;
  path: string;
  body: unknown;
}

/** Plays the API: what is not told is 404, events come as given. */
async function api(
  page: Page,
  answers: Record<string, Answer | (() => Answer)>,
  events = "",
): Promise<Asked[]> {
  const asked: Asked[] = [];
  await page.route(`${CONSOLE}/api/**`, async (route) => {
    const request = route.request();
    const { pathname: path } = new URL(request.url());
    if (path === "/api/events") {
      return route.fulfill({ contentType: "text/event-stream", body: `retry: 60000\n\n${events}` });
    }
    asked.push({ method: request.method(), path, body: request.postDataJSON() });
    const found = answers[`${request.method()} ${path}`] ?? [
      404,
      { error: { code: "not_found", message: "" } },
    ];
    const [status, json] = typeof found === "function" ? found() : found;
    await route.fulfill(status === 204 ? { status } : { status, json: json ?? {} });
  });
  return asked;
}

const SIGNED_IN: Record<string, Answer> = {
  "GET /api/me": [200, ANA],
  "GET /api/sessions": [200, { sessions: [] }],
};

async function openConsole(page: Page, hash = ""): Promise<void> {
  await serve(page, "console", CONSOLE, (path) => path === "/");
  await page.goto(`${CONSOLE}/${hash}`);
}

test("signing in leads home, a wrong password is told", async ({ page }) => {
  let tries = 0;
  const asked = await api(page, {
    ...SIGNED_IN,
    "GET /api/me": [401, { error: { code: "not_signed_in" } }],
    "POST /api/sign-in": () => (tries++ === 0 ? [401, { error: { code: "wrong_password" } }] : [200, ANA]),
  });
  await openConsole(page);
  await page.getByLabel("Name").fill("ana");
  await page.getByLabel("Password").fill("wrong");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toContainText("Name or password is wrong");
  await page.getByLabel("Password").fill("right");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "New session" })).toBeVisible();
  expect(asked.filter(({ path }) => path === "/api/sign-in").at(-1)?.body).toEqual({
    name: "ana",
    password: "right",
  });
});

test("a link is two steps away: an address, and Enter", async ({ page }) => {
  const asked = await api(page, {
    ...SIGNED_IN,
    "POST /api/sessions": [201, INVITED],
    [`GET /api/sessions/${ID}`]: [200, INVITED],
  });
  await openConsole(page);
  await expect(page.getByText("No open sessions")).toBeVisible();
  await page.keyboard.press("n");
  await page.keyboard.type("www.shop.example");
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Link", { exact: true })).toHaveValue(INVITED.link);
  await expect(page.getByRole("img", { name: "QR code of the link" })).toBeVisible();
  await expect(page.getByText("Waiting for the customer to open it")).toBeVisible();
  expect(asked.find(({ method, path }) => method === "POST" && path === "/api/sessions")?.body).toEqual({
    site: "https://www.shop.example/",
  });
});

test("addresses that are none never leave the console; refused ones say why", async ({ page }) => {
  const asked = await api(page, {
    ...SIGNED_IN,
    "POST /api/sessions": [403, { error: { code: "not_allowed" } }],
  });
  await openConsole(page);
  const field = page.getByLabel("Site address");
  for (const wrong of ["", "shop", "java script", "javascript:alert(1)", "ftp://shop.example"]) {
    await field.fill(wrong);
    await field.press("Enter");
    await expect(page.getByText("This is not a site address.")).toBeVisible();
  }
  expect(asked.some(({ method }) => method === "POST")).toBe(false);
  await field.fill("other.example");
  await field.press("Enter");
  await expect(page.getByText("Your company does not co-browse this site.")).toBeVisible();
});

test("a PIN may be pasted in any grouping", async ({ page }) => {
  const asked = await api(page, { ...SIGNED_IN, "POST /api/pin": [404, { error: { code: "invalid_pin" } }] });
  await openConsole(page);
  const field = page.getByLabel("Six-digit PIN");
  await field.fill(" 482-913\n");
  await expect(field).toHaveValue("482 913");
  await field.press("Enter");
  await expect(page.getByText("Invalid PIN.")).toBeVisible();
  expect(asked.at(-1)?.body).toEqual({ pin: "482913" });
});

test("the invitation follows what the customer does, and the page opens by itself", async ({ page }) => {
  let view: object = INVITED;
  const event = (state: object) => `event: session\ndata: ${JSON.stringify(state)}\n\n`;
  await api(
    page,
    {
      ...SIGNED_IN,
      [`GET /api/sessions/${ID}`]: () => [200, view],
      "POST /api/pin": () => {
        view = { ...INVITED, link: undefined, state: "active", online: true };
        return [200, view];
      },
      [`POST /api/sessions/${ID}/viewer`]: [200, { url: `${VIEWER}/__lado/viewer#a-ticket` }],
      [`POST /api/sessions/${ID}/end`]: [204],
    },
    event({ ...INVITED, link: undefined, state: "waiting" }),
  );
  view = { ...INVITED, link: undefined, state: "waiting" };
  await serve(page, "viewer", VIEWER, (path) => path === "/__lado/viewer");
  await page.routeWebSocket(/\/__lado\/watch$/, () => undefined);
  await openConsole(page, `#/s/${ID}`);
  await expect(page.getByRole("heading", { name: "Ask for the PIN" })).toBeVisible();
  await page.getByLabel("Six-digit PIN").fill("123456");
  await page.keyboard.press("Enter");
  await expect(page.frameLocator("iframe.viewer").getByText("Opening the page")).toBeVisible();
  await page.getByRole("button", { name: "End", exact: true }).click();
  await expect(page.getByRole("heading", { name: "The session has ended" })).toBeVisible();
});

test("who has handed a session over is told so, and no longer sees the page", async ({ page }) => {
  const ana = { name: "ana", display: "Ana Souza", role: "agent", here: true };
  const active = { ...INVITED, state: "active", link: undefined, online: true, people: [ana] };
  let now = active;
  await api(page, {
    ...SIGNED_IN,
    [`GET /api/sessions/${ID}`]: () => [200, now],
    "GET /api/sessions": () => [200, { sessions: [now] }],
    [`POST /api/sessions/${ID}/viewer`]: [200, { url: `${VIEWER}/__lado/viewer#a-ticket` }],
  });
  // A stream that ends is asked for again: the next one brings what is new.
  await page.route(`${CONSOLE}/api/events`, (route) =>
    route.fulfill({
      contentType: "text/event-stream",
      body: `retry: 200\n\nevent: session\ndata: ${JSON.stringify(now)}\n\n`,
    }),
  );
  await serve(page, "viewer", VIEWER, (path) => path === "/__lado/viewer");
  await openConsole(page, `#/s/${ID}`);
  await expect(page.locator("iframe.viewer")).toBeVisible();
  now = { ...active, people: [{ ...ana, name: "bia", display: "Bia Lima" }] };
  await expect(page.getByRole("heading", { name: "A colleague has taken over" })).toBeVisible();
  await expect(page.locator("iframe.viewer")).toHaveCount(0);
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  // It comes back with the session.
  now = active;
  await expect(page.locator("iframe.viewer")).toBeVisible();
});

test("an answer from before the end does not bring a session back", async ({ page }) => {
  const active = { ...INVITED, state: "active", link: undefined, online: true };
  let now = active;
  await api(page, {
    ...SIGNED_IN,
    [`GET /api/sessions/${ID}`]: [200, active],
    "GET /api/sessions": [200, { sessions: [active] }],
    [`POST /api/sessions/${ID}/viewer`]: [200, { url: `${VIEWER}/__lado/viewer#a-ticket` }],
  });
  await serve(page, "viewer", VIEWER, (path) => path === "/__lado/viewer");
  await page.route(`${CONSOLE}/api/events`, (route) =>
    route.fulfill({
      contentType: "text/event-stream",
      body: `retry: 100\n\nevent: session\ndata: ${JSON.stringify(now)}\n\n`,
    }),
  );
  await openConsole(page, `#/s/${ID}`);
  const end = page.getByRole("heading", { name: "The session has ended" });
  await expect(page.locator("iframe.viewer")).toBeVisible();
  now = { ...active, state: "ended" };
  await expect(end).toBeVisible();
  now = active;
  const events = page.waitForResponse(/\/api\/events$/).then(() => page.waitForResponse(/\/api\/events$/));
  await events;
  await expect(end).toBeVisible();
});

test("the letter with the link is in the customer's language, the console in the agent's", async ({
  page,
}) => {
  await api(page, {
    ...SIGNED_IN,
    "GET /api/sessions": [200, { sessions: [INVITED] }],
    [`GET /api/sessions/${ID}`]: [200, INVITED],
  });
  await openConsole(page, `#/s/${ID}`);
  await page.locator("summary", { hasText: "Text for an e-mail" }).click();
  await page.getByLabel("The customer’s language").selectOption("pt-BR");
  const letter = page.getByRole("textbox", { name: "Text for an e-mail" });
  await expect(letter).toHaveValue(/^Olá,[\s\S]*O link funciona uma única vez[\s\S]*Ana Souza\nLoja Sol$/);
  const mail = page.getByRole("link", { name: "Open in e-mail" });
  const address = new URL((await mail.getAttribute("href")) ?? "");
  expect(address.protocol).toBe("mailto:");
  expect(address.searchParams.get("subject")).toBe("Vamos ver shop.example juntos");
  expect(address.searchParams.get("body")).toContain(INVITED.link);
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);

  await page.getByRole("button", { name: "Home" }).press("Enter");
  await page.getByLabel("Language").selectOption("pt-BR");
  for (const name of ["Nova sessão", "Digitar PIN", "Minhas sessões abertas"])
    await expect(page.getByRole("heading", { name })).toBeVisible();
  await expect(page.getByText("Link enviado")).toBeVisible();
});

test("messages that do not come from the viewer change nothing", async ({ page }) => {
  const active = { ...INVITED, link: undefined, state: "active", online: true };
  await api(page, {
    ...SIGNED_IN,
    [`GET /api/sessions/${ID}`]: [200, active],
    [`POST /api/sessions/${ID}/viewer`]: [200, { url: `${VIEWER}/__lado/viewer#a-ticket` }],
  });
  await serve(page, "viewer", VIEWER, (path) => path === "/__lado/viewer");
  await page.routeWebSocket(/\/__lado\/watch$/, () => undefined);
  await openConsole(page, `#/s/${ID}`);
  await expect(page.locator("iframe.viewer")).toBeVisible();
  await page.evaluate(() => {
    postMessage({ lado: "viewer", type: "ended" }, "*");
    postMessage(
      { lado: "viewer", type: "page", title: "Forged", url: "https://evil.example", width: 1, height: 1 },
      "*",
    );
  });
  await page.waitForTimeout(200);
  await expect(page.locator(".address")).not.toContainText("Forged");
  await expect(page.locator("iframe.viewer")).toBeVisible();
});

test("the conversation comes back when Lado says, not before", async ({ page }) => {
  const active = { ...INVITED, link: undefined, state: "active", online: true };
  await api(page, {
    ...SIGNED_IN,
    [`GET /api/sessions/${ID}`]: [200, active],
    [`POST /api/sessions/${ID}/viewer`]: [200, { url: `${VIEWER}/__lado/viewer#a-ticket` }],
  });
  await serve(page, "viewer", VIEWER, (path) => path === "/__lado/viewer");
  await page.routeWebSocket(/\/__lado\/watch$/, () => undefined);
  const greeted: number[] = [];
  await page.routeWebSocket(/\/talk$/, (socket) =>
    socket.onMessage((text) => {
      if (JSON.parse(String(text)).type !== "hello") return;
      greeted.push(Date.now());
      if (greeted.length === 1) socket.send(JSON.stringify({ type: "reconnect", after: 1600 }));
    }),
  );
  await openConsole(page, `#/s/${ID}`);
  await expect.poll(() => greeted.length).toBe(2);
  expect((greeted[1] ?? 0) - (greeted[0] ?? 0)).toBeGreaterThan(1100);
});

const INVITATION = {
  company: { name: "Loja Sol", color: "#a04000" },
  agent: { display: "Ana Souza" },
  site: "https://www.shop.example",
  expires: "2026-01-03T03:04:05Z",
};

async function openJoin(page: Page): Promise<void> {
  await serve(page, "join", CONSOLE, (path) => path === "/j/a-token");
  await page.goto(`${CONSOLE}/j/a-token`);
}

test("the join page says who, what and what not, and Start leads to the view", async ({ page }) => {
  const view = "http://aaaaaaaaaaaaaaaa-shop-example.view.localhost:7070/__lado/enter?ticket=t";
  await page.route("http://*.view.localhost:7070/**", (route) =>
    route.fulfill({ contentType: "text/html", body: "the shop" }),
  );
  await api(page, {
    "GET /api/join/a-token": [200, INVITATION],
    "POST /api/join/a-token/accept": [200, { url: view }],
  });
  await openJoin(page);
  await expect(
    page.getByRole("heading", { name: "Look at this page together with Ana Souza?" }),
  ).toBeVisible();
  await expect(page.getByText("Loja Sol")).toBeVisible();
  await expect(page.getByText("passwords, card numbers and other private fields")).toBeVisible();
  await page.getByRole("button", { name: "Start" }).click();
  await expect(page.getByText("the shop")).toBeVisible();
  expect(page.url()).toBe(view);
});

test("No, thanks shares nothing and says so", async ({ page }) => {
  const asked = await api(page, {
    "GET /api/join/a-token": [200, INVITATION],
    "POST /api/join/a-token/decline": [204],
  });
  await openJoin(page);
  await page.getByRole("button", { name: "No, thanks" }).click();
  await expect(page.getByText("Nothing was shared.")).toBeVisible();
  expect(asked.at(-1)?.path).toBe("/api/join/a-token/decline");
});

for (const [status, title] of [
  [410, "This invitation is no longer good"],
  [404, "We do not know this link"],
  [503, "Lado cannot be reached"],
] as const) {
  test(`a link that answers ${status} has a page of its own`, async ({ page }) => {
    await api(page, { "GET /api/join/a-token": [status, { error: { code: "x" } }] });
    await openJoin(page);
    await expect(page.getByRole("heading", { name: title })).toBeVisible();
  });
}

for (const scheme of ["light", "dark"] as const) {
  test(`console and join page are accessible, ${scheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    const active = { ...INVITED, id: "bbbbbbbbbbbbbbbb", state: "active", level: "control", online: true };
    await api(page, {
      ...SIGNED_IN,
      "GET /api/sessions": [200, { sessions: [INVITED, active] }],
      [`GET /api/sessions/${ID}`]: [200, INVITED],
      "GET /api/join/a-token": [200, INVITATION],
    });
    const check = async (screen: string) => {
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id, nodes }) => [screen, id, nodes.map(({ html }) => html)])).toEqual([]);
    };
    await openConsole(page);
    await expect(page.getByText("Live")).toBeVisible();
    await check("home");
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog")).toBeVisible();
    await check("help");
    await page.keyboard.press("Escape");
    await page.goto(`${CONSOLE}/#/s/${ID}`);
    await expect(page.getByRole("img", { name: "QR code of the link" })).toBeVisible();
    await check("invitation");
    await openJoin(page);
    await expect(page.getByRole("button", { name: "Start" })).toBeVisible();
    await check("join");
  });
}
