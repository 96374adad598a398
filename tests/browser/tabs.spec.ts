// Several tabs, several sites, and what no stage can show: the agent knows where the customer is.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { chromium } from "@playwright/test";
import { launch } from "../../playwright.config";
import { test as base, expect } from "./fixture";
import { Lado } from "./lado";
import { Agent, Customer, together } from "./people";

interface Sites {
  /** Two origins that the company co-browses. */
  near: string;
  far: string;
  /** One that it does not. */
  outside: string;
}

const test = base.extend<object, { sites: Sites }>({
  sites: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from this pattern
    async ({}, use) => {
      const servers = await Promise.all([site(), site(), site()]);
      const [near, far, outside] = servers.map((server) => origin(server)) as [string, string, string];
      await use({ near, far, outside });
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
    { scope: "worker" },
  ],
  lado: [
    async ({ sites }, use) => {
      const lado = await Lado.start(["--site", sites.near, "--site", sites.far]);
      await use(lado);
      await lado.stop();
    },
    { scope: "worker" },
  ],
});

/** Pages that link to the addresses in their query. */
async function site(): Promise<Server> {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://site");
    if (pathname === "/bill.pdf") {
      response.writeHead(200, { "content-type": "application/pdf" }).end(PDF);
      return;
    }
    if (pathname === "/icon.png") {
      response.writeHead(200, { "content-type": "image/png" }).end(ICON);
      return;
    }
    const name = pathname.slice(1) || "start";
    const icon = name === "second" ? '<link rel="icon" href="/icon.png">' : "";
    if (name === "wall") response.setHeader("cf-mitigated", "challenge");
    const alone =
      name === "isolated"
        ? { "cross-origin-embedder-policy": "require-corp", "cross-origin-opener-policy": "same-origin" }
        : {};
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...alone });
    response.end(`<!doctype html><html lang="en"><title>Page ${name}</title>${icon}<h1>This is ${name}</h1>
      <p><a target="_blank" href="/second">second</a> <a href="/third">third</a>
      <button onclick="window.open('/fourth', 'named')">fourth</button>
      <a href="/bill.pdf">bill</a> <a href="/wall">wall</a> <a href="${searchParams.get("to") ?? "/"}">elsewhere</a>
      <p id="name"></p><script>document.querySelector("#name").textContent = "[" + window.name + "]";
        setInterval(() => { document.body.dataset.active = navigator.userActivation.isActive }, 200)</script>`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

const origin = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** Two pixels. */
const ICON = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAAD0lEQVR42mPgr634sMAbAAkNAuD9wyElAAAAAElFTkSuQmCC",
  "base64",
);

const PDF = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj
trailer<</Root 1 0 R>>
%%EOF`;

test("every tab of the customer's is in the agent's strip", async ({ agent, customer, sites }, info) => {
  await together({ agent, customer }, `${sites.near}/?to=${sites.far}/fifth`);
  const asked: string[] = [];
  agent.page.on("request", (request) => asked.push(new URL(request.url()).origin));
  const viewer = await agent.viewer();
  const tabs = viewer.getByRole("tab");
  const selected = viewer.getByRole("tab", { selected: true });
  const follow = viewer.getByRole("button", { name: "Follow the customer" });
  const context = customer.page.context();
  await agent.sees("This is start");
  await expect(tabs).toHaveCount(0);

  const opened = async (press: () => Promise<void>) => {
    const next = context.waitForEvent("page");
    await press();
    return next;
  };
  const second = await opened(() => customer.page.getByText("second").click());
  await agent.sees("This is second");
  await expect(tabs).toHaveText(["Page start", "Page second"]);
  await expect(selected).toHaveText("Page second");
  // Each with its site's icon, which comes through Lado, or with the first letter of its site's name.
  const icon = tabs.filter({ hasText: "Page second" }).locator("img.favicon");
  await expect(icon).toHaveAttribute("src", /^\/__lado\/a\//);
  await expect.poll(() => icon.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(2);
  const letter = tabs.filter({ hasText: "Page start" }).locator("span.favicon");
  await expect(letter).toHaveAttribute("data-initial", "1");
  const third = await opened(() => customer.page.getByText("third").click({ button: "middle" }));
  await expect(tabs).toHaveText(["Page start", "Page second", "Page third"]);
  const fourth = await opened(() => second.getByText("fourth").click());
  await agent.sees("This is fourth");
  await expect(tabs).toHaveText(["Page start", "Page second", "Page third", "Page fourth"]);
  expect(asked.filter((origin) => origin === sites.near)).toEqual([]);
  // Pages see nothing of how Lado tells tabs apart.
  expect(await second.locator("#name").innerText()).toBe("[]");
  expect(await fourth.locator("#name").innerText()).toBe("[named]");

  // The agent looks at another tab and stays there.
  await tabs.filter({ hasText: "Page start" }).click();
  await agent.sees("This is start");
  await expect(follow).toHaveAttribute("aria-pressed", "false");
  await fourth.evaluate(() => document.body.append("not for this stage"));
  await customer.page.evaluate(() => document.body.append("for this stage"));
  await agent.sees("for this stage");
  expect(await agent.reads()).not.toContain("not for this stage");
  // A tab is the same tab on another site, with the agent still on it.
  await customer.page.getByText("elsewhere").click();
  await agent.sees("This is fifth");
  await expect(tabs).toHaveText(["Page fifth", "Page second", "Page third", "Page fourth"]);
  await expect(selected).toHaveText("Page fifth");
  if (process.env.SHOTS) await agent.page.screenshot({ path: `${process.env.SHOTS}/tabs.png` });

  await tabs.filter({ hasText: "Page fifth" }).focus();
  await agent.page.keyboard.press("ArrowRight");
  await agent.sees("This is second");
  await expect(tabs.filter({ hasText: "Page second" })).toBeFocused();
  await second.close();
  await expect(tabs).toHaveText(["Page fifth", "Page third", "Page fourth"]);
  await expect(follow).toHaveAttribute("aria-pressed", "true");
  await Promise.all([third.close(), fourth.close()]);
  await agent.sees("This is fifth");
  await expect(tabs).toHaveCount(0);
  info.annotations.push({ type: "tabs", description: "four" });
});

test("a window that only the customer's browser would open is the customer's to open", async ({
  lado,
  sites,
  browser,
}) => {
  // As people's browsers are: Playwright lets every window open.
  const strict = await chromium.launch({ ...launch, ignoreDefaultArgs: ["--disable-popup-blocking"] });
  const theirs = await browser.newContext({ locale: "en-GB" });
  try {
    const own = await strict.newContext({ locale: "en-GB" });
    const agent = new Agent(await theirs.newPage(), lado.ready);
    const customer = new Customer(await own.newPage(), lado.ready);
    await together({ agent, customer }, sites.near);
    await agent.sees("This is start");
    await customer.allow("Click and type");
    await expect(agent.page.getByText("Click and type", { exact: true }).first()).toBeVisible();
    // What the customer has last done themselves opens windows for a few seconds; so does what a test evaluates.
    await expect.poll(() => agent.stage((page) => page.body.dataset.active)).toBe("false");
    await agent.click("a");
    await expect.poll(() => customer.overlay()).toContain("Please do this yourself");
    await expect(agent.refusal(/only for the customer/)).toBeVisible();
    await customer.page.getByText("second").click();
    await agent.sees("This is second");
  } finally {
    await strict.close();
    await theirs.close();
  }
});

test("the agent is told of what the stage cannot show", async ({ agent, customer, lado, sites }) => {
  const { agents } = lado.ready as unknown as { agents: { name: string; password: string }[] };
  const caio = agents.find(({ name }) => name === "caio");
  if (!caio) throw new Error("the demo has no caio");
  const strict = new Agent(agent.page, { ...lado.ready, agent: caio });
  await together({ agent: strict, customer }, `${sites.near}/?to=${sites.outside}/secret?card=1`);
  await strict.sees("This is start");
  const viewer = await strict.viewer();
  const start = customer.page.url();

  await customer.page.getByText("elsewhere").click();
  await expect(customer.page.getByRole("heading")).toHaveText("This site is not part of the session");
  await expect(viewer.locator(".met")).toContainText("a site outside the session");
  await expect(viewer.locator(".met")).toContainText(sites.outside);
  await expect(viewer.locator(".met")).not.toContainText("card");
  if (process.env.SHOTS) {
    await strict.page.screenshot({ path: `${process.env.SHOTS}/met.png` });
    await customer.page.screenshot({ path: `${process.env.SHOTS}/outside.png` });
  }
  await customer.page.getByRole("link", { name: "Back to where the session started" }).click();
  await expect(customer.page).toHaveURL(start);
  await strict.sees("This is start");
  await expect(viewer.locator(".met")).toHaveCount(0);

  await customer.page.getByText("bill").click();
  await expect(viewer.locator(".met")).toContainText("The customer opened a PDF");
  await viewer.getByRole("button", { name: "Dismiss" }).click();
  await expect(viewer.locator(".met")).toHaveCount(0);

  // A wall is a page that shows as others do: the word of it stays as long as it does.
  await customer.page.goto(start);
  await customer.page.getByText("wall").click();
  await strict.sees("This is wall");
  await expect(viewer.locator(".met")).toContainText("The site checks whether a person is there");
  await expect(viewer.locator(".met")).toContainText(sites.near);
  await customer.page.getByText("third").click();
  await strict.sees("This is third");
  await expect(viewer.locator(".met")).toHaveCount(0);
});

test("what any site has stored is gone from the customer's browser after the farewell", async ({
  agent,
  customer,
  lado,
  sites,
}) => {
  await together({ agent, customer }, `${sites.near}/?to=${sites.far}/fifth`);
  const context = customer.page.context();
  const keep = () =>
    customer.page.evaluate(async () => {
      localStorage.setItem("kept", location.host);
      await new Promise((done) => (indexedDB.open("kept").onsuccess = done));
      await caches.open("kept");
    });
  await keep();
  const near = customer.view;
  await customer.page.getByText("elsewhere").click();
  await agent.sees("This is fifth");
  await keep();
  const far = customer.view;
  // Asks no server: what it reads is what is in the browser.
  const stored = async () => {
    const { origins } = await context.storageState({ indexedDB: true });
    return origins.map(({ origin }) => origin).filter((origin) => origin.includes(lado.ready.view_domain));
  };
  expect((await stored()).sort()).toEqual([near, far].sort());

  await customer.end();
  await expect(customer.page.getByText(/Nothing: neither pages/)).toBeVisible();
  await expect.poll(stored, { message: "nothing is left" }).toEqual([]);
  if (process.env.SHOTS) await customer.page.screenshot({ path: `${process.env.SHOTS}/farewell.png` });
});

test("a page that isolates itself has the panel, and what escapes the mapping is counted", async ({
  agent,
  customer,
  sites,
}) => {
  // The PIN is read in the panel: without it nobody gets together.
  await together({ agent, customer }, `${sites.near}/isolated`);
  await agent.sees("This is isolated");
  expect(await customer.page.evaluate(() => self.crossOriginIsolated)).toBe(true);
  await expect(agent.page.locator(".escaped")).toHaveCount(0);

  // No hook stands in another world of the browser's: what asks from there leaves the view.
  const devtools = await customer.page.context().newCDPSession(customer.page);
  const { frameTree } = await devtools.send("Page.getFrameTree");
  const { executionContextId } = await devtools.send("Page.createIsolatedWorld", {
    frameId: frameTree.frame.id,
  });
  const expression = `document.createElement("img").src = "${sites.outside}/spy.png?card=1"`;
  await devtools.send("Runtime.evaluate", { contextId: executionContextId, expression });
  const line = agent.page.locator(".escaped");
  await expect(line).toContainText("One request went past Lado");
  await line.locator("summary").click();
  await expect(line.locator("li")).toContainText(sites.outside);
  await expect(line.locator("li")).not.toContainText("card");
  if (process.env.SHOTS) await agent.page.screenshot({ path: `${process.env.SHOTS}/escaped.png` });
});
