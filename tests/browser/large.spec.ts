// A page of 100,000 nodes: the agent sees all of it and follows its changes, and the customer's page keeps its time.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test as base, expect } from "./fixture";
import { Lado } from "./lado";
import { together } from "./people";

const ROWS = 17_000;

const test = base.extend<object, { site: string }>({
  site: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from this pattern
    async ({}, use) => {
      const row = (n: number) => `<tr id="r${n}"><td>Order ${n}</td><td><b>sent</b></td></tr>`;
      const rows = Array.from({ length: ROWS }, (_, n) => row(n)).join("");
      const page = (body: string) => `<!doctype html><html lang="en"><title>Orders</title><body>${body}`;
      const server = createServer((request, response) => {
        response.setHeader("content-type", "text/html; charset=utf-8");
        // Rows that are out of sight are not laid out: what is timed is Lado.
        const style = "<style>tr{content-visibility:auto}</style>";
        response.end(
          request.url === "/orders"
            ? page(`${style}<h1>All orders</h1><table><tbody>${rows}`)
            : page("<h1>Start</h1>"),
        );
      });
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
      await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      server.closeAllConnections();
      server.close();
    },
    { scope: "worker" },
  ],
  lado: [
    async ({ site }, use) => {
      const lado = await Lado.start(["--site", site]);
      await use(lado);
      await lado.stop();
    },
    { scope: "worker" },
  ],
});

test("a page of 100,000 nodes is mirrored whole and followed", async ({ agent, customer, site }) => {
  await together({ agent, customer }, `${site}/`);
  await agent.sees("Start");
  const { page } = customer;
  await page.goto(`${customer.view}/orders`);
  const count = () => {
    const walk = document.createTreeWalker(document.body);
    let nodes = 0;
    while (walk.nextNode()) nodes++;
    return nodes;
  };
  expect(await page.evaluate(count)).toBeGreaterThan(100_000);
  const all = { timeout: 30_000 };
  await expect.poll(() => agent.stage((page) => page.querySelectorAll("tr").length), all).toBe(ROWS);

  // It goes on as any other: a text, a row from the end to the top, all rows but ten away.
  await page.evaluate(
    (last) => {
      (document.querySelector("#r7 b") as Element).textContent = "back";
      document.querySelector("tbody")?.prepend(document.querySelector(last) as Element);
    },
    `#r${ROWS - 1}`,
  );
  await expect.poll(() => agent.stage((page) => page.querySelector("#r7")?.textContent)).toBe("Order 7back");
  expect(await agent.stage((page) => page.querySelector("tr")?.id)).toBe(`r${ROWS - 1}`);
  await page.evaluate(() => {
    for (const row of [...document.querySelectorAll("tr")].slice(10)) row.remove();
  });
  await expect.poll(() => agent.stage((page) => page.querySelectorAll("tr").length)).toBe(10);
  expect(await agent.reads()).toBe(await customer.reads());
});
