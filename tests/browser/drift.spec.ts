// A site changes its markup under a rule: the page hides everything until somebody has looked.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "@playwright/test";
import { Lado } from "./lado";
import { Agent, Customer, close, together } from "./people";

/** A bank whose pages say the balance in an element that a rule names, until they are built anew. */
class Bank {
  anew = false;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((_, response) => {
      const balance = this.anew ? '<b class="sum">7,531.00</b>' : '<b class="balance">7,531.00</b>';
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
      response.end(
        `<!doctype html><html lang="en"><title>Bank</title><h1>Your account</h1><p>${balance}</p>`,
      );
    });
  }

  static async open(): Promise<Bank> {
    const bank = new Bank();
    await new Promise<void>((resolve) => bank.#server.listen(0, "127.0.0.1", resolve));
    return bank;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

test("a page whose mask no longer matches is private until an admin has looked", async ({ browser }) => {
  test.setTimeout(90_000);
  const bank = await Bank.open();
  const lado = await Lado.serve({
    allow: () => bank.address,
    role: "admin",
    more: `[[company.rules]]
id = "balance"
action = "mask"
firm = true
selector = ".balance"
`,
  });
  const desk = await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 800 } });
  const home = await browser.newContext({ locale: "en-GB" });
  try {
    const agent = new Agent(await desk.newPage(), lado.ready);
    const customer = new Customer(await home.newPage(), lado.ready);
    await together({ agent, customer }, `${bank.address}/accounts/1`);
    await agent.page.getByRole("tab", { name: "Events" }).click();
    await agent.sees("Your account");

    // The rule holds on page after page of this pattern, each looked at for a while.
    const pages = async () => {
      const evidence = await agent.page.evaluate(async () => {
        const id = location.hash.split("/").pop();
        return (await fetch(`/api/sessions/${id}/evidence`)).json();
      });
      return evidence.rules.find(({ rule }: { rule: string }) => rule === "balance")?.masked ?? 0;
    };
    for (const account of [2, 3, 4]) {
      const before = await pages();
      await customer.page.goto(`${customer.view}/accounts/${account}`);
      await expect.poll(pages).toBeGreaterThan(before);
      await customer.page.waitForTimeout(SETTLED);
    }
    expect(await agent.reads()).not.toContain("7,531.00");

    bank.anew = true;
    await customer.page.goto(`${customer.view}/accounts/5`);
    const alarm = agent.page.getByRole("list", { name: "Rules that no longer match" });
    await expect(alarm).toContainText("The rule balance no longer matches");
    await expect(alarm).toContainText("Everything there is hidden until an admin has looked");
    await expect.poll(() => agent.reads()).not.toContain("Your account");
    expect(await agent.reads()).not.toContain("7,531.00");

    // The customer sees the page as before.
    expect(await customer.reads()).toContain("7,531.00");
    await alarm.getByRole("button", { name: "I have looked" }).click();
    await expect(alarm).toBeHidden();
    await agent.sees("Your account");
  } finally {
    await Promise.all([close(desk), close(home)]);
    await lado.stop();
    bank.close();
  }
});

/** A page that has been on its path for this long counts as one that shows what it has to show. */
const SETTLED = 5500;
