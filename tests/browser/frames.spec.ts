// Frames of other sites: the agent sees what is in them and acts there, and what is masked, locked or private stays so.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Frame } from "@playwright/test";
import { test as base, expect } from "./fixture";
import { Lado } from "./lado";
import { type Agent, type Customer, together } from "./people";

interface Sites {
  shop: string;
  pay: string;
}

const test = base.extend<object, { sites: Sites }>({
  sites: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from this pattern
    async ({}, use) => {
      const sites: Sites = { shop: "", pay: "" };
      const servers = await Promise.all([serve(sites), serve(sites)]);
      [sites.shop, sites.pay] = servers.map(
        (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      ) as [string, string];
      await use(sites);
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
    { scope: "worker" },
  ],
  lado: [
    async ({ sites }, use) => {
      const lado = await Lado.start(["--site", sites.shop, "--site", sites.pay]);
      await use(lado);
      await lado.stop();
    },
    { scope: "worker" },
  ],
});

const STYLE = `<style>body { font: 16px sans-serif; margin: 16px } iframe { border: 2px solid #357 }</style>`;

const page = (name: string, { shop, pay }: Sites): string => {
  switch (name) {
    case "/":
      return `<h1>The shop</h1><p id="heard">heard nothing</p>
        <script>
          const heard = [];
          addEventListener("message", ({ data, origin }) => {
            heard.push(JSON.stringify(data) + " from " + origin);
            document.querySelector("#heard").textContent = heard.join();
          });
        </script>
        <div id="around"><iframe id="pay" src="${pay}/pay" width="640" height="420"></iframe></div>`;
    case "/pay":
      return `<h1>Pay here</h1>
        <label>Name <input id="name"></label> <label>Note <input id="note"></label>
        <label>Card <input id="card" autocomplete="cc-number" inputmode="numeric"></label>
        <p><button id="count" onclick="this.textContent = 'Pressed ' + ++n + ' times'">Count</button>
        <button id="buy" onclick="this.textContent = 'Bought'">Buy now</button> <a href="/thanks">Go on</a></p>
        <iframe id="bank" src="${shop}/bank" width="400" height="120"></iframe>
        <p style="height: 1200px">Far down</p>
        <script>let n = 0; parent.postMessage({ ready: true }, "${shop}");</script>`;
    case "/bank":
      return `<p id="bank-says">The bank, inside</p><button onclick="this.textContent = 'Yes, sir'">Agreed?</button>`;
    case "/masked":
      return `<h1>Masked</h1><div data-lado-mask><iframe id="pay" src="${pay}/pay" width="640" height="420"></iframe></div>`;
    case "/sandbox":
      return `<h1>Sandboxes</h1>
        <iframe id="pay" sandbox="allow-scripts" src="${pay}/ticker" width="300" height="120"></iframe>
        <iframe id="own" sandbox="allow-scripts" src="/ticker" width="300" height="120"></iframe>
        <iframe id="text" sandbox="allow-scripts" width="300" height="120" srcdoc="${page("/ticker", { shop, pay }).replaceAll('"', "&quot;")}"></iframe>
        <iframe id="mute" sandbox src="/ticker" width="300" height="120"></iframe>`;
    case "/ticker":
      return `<p id="ticks">no tick</p><button onclick="this.textContent = 'Pressed'">Press</button>
        <script>let n = 0; setInterval(() => document.querySelector("#ticks").textContent = "tick " + ++n + " " + origin, 200);</script>`;
    default:
      return `<h1>Thanks for ${name.slice(1)}</h1>`;
  }
};

async function serve(sites: Sites): Promise<Server> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://site");
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end(`<!doctype html><html lang="en"><title>${pathname}</title>${STYLE}${page(pathname, sites)}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** What a person reads in a frame of the mirrored page; `path` leads from frame to frame. */
async function reads(agent: Agent, ...path: string[]): Promise<string> {
  const viewer = await agent.viewer();
  return viewer.evaluate((path) => {
    let page = document.querySelector<HTMLIFrameElement>("iframe.stage.shown")?.contentDocument;
    for (const selector of path) page = page?.querySelector<HTMLIFrameElement>(selector)?.contentDocument;
    return page?.body?.innerText ?? "";
  }, path);
}

const sees = (agent: Agent, text: string | RegExp, ...path: string[]) => {
  const seen = expect.poll(() => reads(agent, ...path), {
    message: `the frame shows ${text}`,
    timeout: 15_000,
  });
  return typeof text === "string" ? seen.toContain(text) : seen.toMatch(text);
};

/** Where the middle of an element in a frame of the mirrored page is on the agent's screen. */
async function spot(agent: Agent, selector: string, ...path: string[]): Promise<{ x: number; y: number }> {
  const viewer = await agent.viewer();
  const inside = await viewer.evaluate(
    ({ selector, path }) => {
      const stage = document.querySelector<HTMLIFrameElement>("iframe.stage.shown");
      const glass = document.querySelector(".glass")?.getBoundingClientRect();
      let page = stage?.contentDocument;
      let [left, top] = [0, 0];
      for (const step of path) {
        const frame = page?.querySelector<HTMLIFrameElement>(step);
        const box = frame?.getBoundingClientRect();
        left += (box?.left ?? 0) + (frame?.clientLeft ?? 0);
        top += (box?.top ?? 0) + (frame?.clientTop ?? 0);
        page = frame?.contentDocument;
      }
      const box = page?.querySelector(selector)?.getBoundingClientRect();
      if (!stage || !glass || !box) throw new Error(`no ${selector}`);
      const scale = glass.width / stage.clientWidth;
      return {
        x: glass.left + (left + box.left + box.width / 2) * scale,
        y: glass.top + (top + box.top + box.height / 2) * scale,
      };
    },
    { selector, path },
  );
  const outer = await agent.page.locator("iframe.viewer").boundingBox();
  return { x: (outer?.x ?? 0) + inside.x, y: (outer?.y ?? 0) + inside.y };
}

async function click(agent: Agent, selector: string, ...path: string[]): Promise<void> {
  const { x, y } = await spot(agent, selector, ...path);
  await agent.page.mouse.click(x, y);
}

async function frame(customer: Customer, path: string): Promise<Frame> {
  const find = () => customer.page.frames().find((frame) => new URL(frame.url()).pathname === path);
  await expect.poll(find, { message: `the frame at ${path}` }).toBeTruthy();
  return find() as Frame;
}

const CARD = "4111111111111111";

test("a frame of another site is live for the agent, and what is typed in its card field is not", async ({
  agent,
  customer,
  sites,
  sides,
}) => {
  await together({ agent, customer }, `${sites.shop}/`);
  await sees(agent, "Pay here", "#pay");
  await sees(agent, "The bank, inside", "#pay", "#bank");
  const pay = await frame(customer, "/pay");
  await pay.locator("#name").fill("Maria Flor");
  const value = (id: string) => async () =>
    (await agent.viewer()).evaluate(
      (id) =>
        document
          .querySelector<HTMLIFrameElement>("iframe.stage.shown")
          ?.contentDocument?.querySelector<HTMLIFrameElement>("#pay")
          ?.contentDocument?.querySelector<HTMLInputElement>(id)?.value,
      id,
    );
  await expect.poll(value("#name")).toBe("Maria Flor");
  await pay.locator("#card").pressSequentially(CARD);
  await pay.locator("#count").click();
  await sees(agent, "Pressed 1 times", "#pay");
  await expect.poll(value("#card")).toMatch(/^•+$/);
  // The same value elsewhere: typed there, and so hidden here.
  await customer.page.evaluate((card) => document.querySelector("h1")?.append(` ${card} ends`), CARD);
  await agent.sees("ends");
  if (process.env.SHOTS) {
    await agent.page.screenshot({ path: `${process.env.SHOTS}/agent.png` });
    await customer.page.screenshot({ path: `${process.env.SHOTS}/customer.png` });
  }
  const received = sides.agent.relay.received();
  expect(received.includes("Maria Flor")).toBe(true);
  expect(received.includes(CARD.slice(0, 9))).toBe(false);

  // Scrolling in it; and its page hears nothing but what is said to it.
  await pay.evaluate(() => scrollTo(0, 300));
  await expect
    .poll(async () =>
      (await agent.viewer()).evaluate(
        () =>
          document
            .querySelector<HTMLIFrameElement>("iframe.stage.shown")
            ?.contentDocument?.querySelector<HTMLIFrameElement>("#pay")?.contentWindow?.scrollY,
      ),
    )
    .toBe(300);
  await expect(customer.page.locator("#heard")).toHaveText(`{"ready":true} from ${sites.pay}`);
  // It is no tab of its own.
  await expect((await agent.viewer()).getByRole("tab")).toHaveCount(0);
});

test("the agent acts in a frame as far as the customer and its locks allow", async ({
  agent,
  customer,
  sites,
}) => {
  await together({ agent, customer }, `${sites.shop}/`);
  await sees(agent, "Count", "#pay");
  await click(agent, "#count", "#pay");
  await expect(agent.refusal(/has not allowed this yet/)).toBeVisible();
  await customer.allow("Click and type");
  await expect(agent.page.getByText("Click and type", { exact: true }).first()).toBeVisible();
  await click(agent, "#count", "#pay");
  await sees(agent, "Pressed 1 times", "#pay");
  await click(agent, "#name", "#pay");
  await agent.page.keyboard.type("Ana was here");
  const pay = await frame(customer, "/pay");
  await expect(pay.locator("#name")).toHaveValue("Ana was here");
  await agent.page.keyboard.press("Backspace");
  await expect(pay.locator("#name")).toHaveValue("Ana was her");
  await click(agent, "#buy", "#pay");
  await expect(agent.refusal(/locked: only the customer/)).toBeVisible();
  await expect(pay.locator("#buy")).toHaveText("Buy now");
  // In a frame in the frame, too.
  await click(agent, "button", "#pay", "#bank");
  await sees(agent, "Yes, sir", "#pay", "#bank");
  // The wheel scrolls what is under it.
  const { x, y } = await spot(agent, "#count", "#pay");
  await agent.page.mouse.move(x, y);
  await agent.page.mouse.wheel(0, 200);
  await expect.poll(() => pay.evaluate(() => scrollY)).toBeGreaterThan(100);
  // What is typed goes where the customer has put the focus.
  await pay.evaluate(() => scrollTo(0, 0));
  await pay.locator("#note").click();
  const focused = (page: Document) =>
    page.querySelector<HTMLIFrameElement>("#pay")?.contentDocument?.querySelector("input[data-lado-focus]")
      ?.id;
  await expect.poll(() => agent.stage(focused)).toBe("note");
  await (await agent.viewer()).locator(".keys").focus();
  await agent.page.keyboard.type("again");
  await expect(pay.locator("#note")).toHaveValue("again");
});

test("a frame that goes elsewhere, goes, or comes back is followed", async ({
  agent,
  customer,
  sites,
  sides,
}) => {
  await together({ agent, customer }, `${sites.shop}/`);
  await sees(agent, "Pay here", "#pay");
  const pay = await frame(customer, "/pay");
  await pay.getByRole("link", { name: "Go on" }).click();
  await sees(agent, "Thanks for thanks", "#pay");
  // To the page's own site and back.
  await customer.page.evaluate(() => {
    document.querySelector<HTMLIFrameElement>("#pay")?.setAttribute("src", "/own");
  });
  await sees(agent, "Thanks for own", "#pay");
  await customer.page.evaluate((src) => {
    document.querySelector<HTMLIFrameElement>("#pay")?.setAttribute("src", src);
  }, `${sites.pay}/pay`);
  await sees(agent, "Pay here", "#pay");

  // The agent comes later, and the connections break.
  await agent.page.reload();
  await sees(agent, "Pay here", "#pay");
  await sees(agent, "The bank, inside", "#pay", "#bank");
  sides.customer.relay.cut();
  await expect(agent.page.getByText("Customer offline").first()).toBeVisible();
  await (await frame(customer, "/pay")).evaluate(() => document.querySelector("h1")?.append(" and now"));
  sides.customer.relay.mend();
  await sees(agent, "Pay here and now", "#pay");
  sides.agent.relay.cut();
  await (await frame(customer, "/pay")).evaluate(() => document.querySelector("h1")?.append(", too"));
  sides.agent.relay.mend();
  await sees(agent, "Pay here and now, too", "#pay");

  // Moved in the page it loads again; gone, it is gone.
  await customer.page.evaluate(() => document.body.append(document.querySelector("#pay") as Element));
  await sees(agent, "Pay here", "#pay");
  await customer.page.evaluate(() => document.querySelector("#pay")?.remove());
  await expect.poll(() => agent.stage((page) => page.querySelectorAll("#pay").length)).toBe(0);
  await customer.page.goto(`${customer.view}/`);
  await sees(agent, "Pay here", "#pay");
  await customer.page.goto(`${customer.view}/next`);
  await agent.sees("Thanks for next");
  await customer.page.goBack();
  await sees(agent, "Pay here", "#pay");
});

test("what is in a masked frame never reaches the agent, nor what is hidden or paused later", async ({
  agent,
  customer,
  sites,
  sides,
}) => {
  await together({ agent, customer }, `${sites.shop}/masked`);
  const pay = await frame(customer, "/pay");
  await pay.evaluate(() => document.querySelector("h1")?.append(" a word for nobody"));
  await customer.page.evaluate(() => document.querySelector("h1")?.append(" indeed"));
  await agent.sees("Masked indeed");
  expect(sides.agent.relay.received().includes("for nobody")).toBe(false);

  await customer.page.goto(`${customer.view}/`);
  await sees(agent, "Pay here", "#pay");
  await customer.page.evaluate(() => document.querySelector("#around")?.setAttribute("data-lado-mask", ""));
  await expect.poll(() => reads(agent, "#pay")).not.toContain("Pay here");
  await (await frame(customer, "/pay")).evaluate(() => document.querySelector("h1")?.append(" quietly"));
  await customer.page.evaluate(() => document.querySelector("h1")?.append(" goes on"));
  await agent.sees("The shop goes on");
  expect(sides.agent.relay.received().includes("quietly")).toBe(false);
});

test("sandboxed frames, which are of no origin, are live for the agent too", async ({
  agent,
  customer,
  sites,
}) => {
  await together({ agent, customer }, `${sites.shop}/sandbox`);
  await customer.allow("Click and type");
  for (const id of ["#pay", "#own", "#text"]) {
    await sees(agent, /tick \d+ null/, id);
    await click(agent, "button", id);
    await sees(agent, "Pressed", id);
  }
  // Where no script runs there is nobody to tell.
  await sees(agent, "not shared", "#mute");
});
