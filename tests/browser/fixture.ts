// What a test gets: a Lado with its demo shop, and an agent and a customer in two browsers.

import { writeFileSync } from "node:fs";
import { type Browser, test as base, chromium } from "@playwright/test";
import { launch } from "../../playwright.config";
import { Lado } from "./lado";
import { Agent, Customer, close } from "./people";
import { summary } from "./protocol";
import { Relay } from "./relay";

interface Sides {
  agent: { browser: Browser; relay: Relay };
  customer: { browser: Browser; relay: Relay };
}

interface PerWorker {
  lado: Lado;
  sides: Sides;
}

interface PerTest {
  agent: Agent;
  customer: Customer;
}

export const test = base.extend<PerTest, PerWorker>({
  lado: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from this pattern
    async ({}, use) => {
      const lado = await Lado.start();
      await use(lado);
      await lado.stop();
    },
    { scope: "worker" },
  ],

  sides: [
    async ({ lado }, use) => {
      const agent = await side(lado);
      const customer = await side(lado);
      await use({ agent, customer });
      for (const { browser, relay } of [agent, customer]) {
        await browser.close();
        await relay.close();
      }
    },
    { scope: "worker" },
  ],

  agent: async ({ lado, sides: { agent } }, use, info) => {
    const context = await agent.browser.newContext({
      locale: "en-GB",
      viewport: { width: 1400, height: 900 },
    });
    agent.relay.mend();
    agent.relay.forget();
    const page = await context.newPage();
    const wire: string[] = [];
    const note = (way: string, payload: string | Buffer) => {
      const line = summary(way, Buffer.from(payload));
      if (line) wire.push(`${new Date().toISOString()} ${line}`);
    };
    page.on("websocket", (socket) => {
      socket.on("framesent", ({ payload }) => note(">", payload));
      socket.on("framereceived", ({ payload }) => note("<", payload));
    });
    await use(new Agent(page, lado.ready));
    await close(context);
    if (info.status !== info.expectedStatus) {
      writeFileSync(info.outputPath("agent-wire.txt"), wire.join("\n"));
      writeFileSync(info.outputPath("lado-log.txt"), lado.log.join("\n"));
    }
  },

  customer: async ({ lado, sides: { customer } }, use) => {
    const context = await customer.browser.newContext({
      locale: "en-GB",
      viewport: { width: 1280, height: 800 },
    });
    customer.relay.mend();
    await use(new Customer(await context.newPage(), lado.ready));
    await close(context);
  },
});

export { expect } from "@playwright/test";

/** A browser that reaches Lado through a relay of its own, at Lado's own address. */
async function side(lado: Lado): Promise<{ browser: Browser; relay: Relay }> {
  const { lado: port } = lado.ready.ports;
  const relay = await Relay.to(port);
  const there = `127.0.0.1:${relay.port}`;
  const browser = await chromium.launch({
    executablePath: launch.executablePath,
    args: [...launch.args, `--host-resolver-rules=MAP *.localhost:${port} ${there}`],
  });
  return { browser, relay };
}
