// The ways around a lock: what nobody sees, what lies under what was asked for, what a list chooses, where links lead.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Action, ActionTag, Button, Refusal } from "../../injected/protocol/messages";
import { test as base, expect } from "./fixture";
import { Lado } from "./lado";
import { together } from "./people";
import { HandMade } from "./protocol";

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Around</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; display: grid; gap: 1rem; justify-items: start }
  .over { width: 200px; height: 60px; position: relative } .over > * { position: absolute; inset: 0; margin: 0 }
</style>
<h1>One way round</h1>
<input type="hidden" id="payee" value="the shop">
<input type="date" id="day"> <input id="note">
<select id="terms"><option>Choose</option><option>I agree
   to the terms</option></select>
<select id="news" multiple><option>News</option><option>I agree</option><option>Gifts</option></select>
<div class="over" id="corner"><div>Buy now · <b>R$ 99</b></div></div>
<div class="over" id="ways"><input type="radio" id="way" data-lado-mask onclick="said('paid by card')"></div>
<div class="over" id="more"><div onpointerup="said('more')">Show more</div></div>
<section data-lado-mask><a href="/delete?who=7">Delete account</a></section>
<dialog id="rules" data-lado-lock><p>Read this first</p></dialog>
<p id="said">nothing</p>
<script>
  const said = (text) => { document.getElementById("said").textContent = text };
  // A button in the eyes of people and of this script alone.
  document.addEventListener("click", ({ target }) => { if (target.closest("#corner > div")) said("bought") });
</script>`;

const test = base.extend<object, { site: string }>({
  site: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from this pattern
    async ({}, use) => {
      const server: Server = createServer((_, response) => {
        response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(PAGE);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
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

test("no way leads around a lock", async ({ agent, customer, site }) => {
  await together({ agent, customer }, site);
  await agent.sees("One way round");
  await customer.allow("Click and type");
  const { page } = customer;
  // The customer has agreed in one list, and a locked dialog comes later.
  await page.selectOption("#news", ["I agree"]);
  const hand = await HandMade.connect(agent, new URL(page.url()).host.slice(0, 16));
  const id = (name: string): number => hand.find(({ attrs }) => attrs.id === name).id;
  const option = (text: string): number =>
    hand.find(({ tag, text: own }) => tag === "option" && own === text).id;
  const click = (node: number): Action => ({
    tag: ActionTag.Click,
    node,
    x: 500,
    y: 500,
    button: Button.Left,
    count: 1,
  });
  const set = (node: number, value: string): Action => ({ tag: ActionTag.SetValue, node, value });
  const select = (node: number, options: number[]): Action => ({ tag: ActionTag.Select, node, options });
  const go = (path: string): Action => ({ tag: ActionTag.Navigate, url: site + path });
  const leave: Action = {
    ...{ tag: ActionTag.Key, node: id("note"), key: "Escape" },
    ...{ shift: false, ctrl: false, alt: false, meta: false },
  };
  const refused = async (what: string, action: Action, refusal: Refusal) =>
    expect((await hand.act(action)).refusal, what).toBe(refusal);
  const done = async (what: string, action: Action) =>
    expect((await hand.act(action)).refusal, what).toBeNull();
  const said = () => page.locator("#said").innerText();
  const value = (name: string) => page.locator(`#${name}`).inputValue();

  await refused("a hidden field", set(id("payee"), "the agent"), Refusal.NotPossible);
  await refused("an option by its value", set(id("terms"), "I agree to the terms"), Refusal.Locked);
  await refused("taking away what is chosen", select(id("news"), [option("Gifts")]), Refusal.Locked);
  await refused("a button that only looks like one", click(id("corner")), Refusal.Locked);
  await refused("a masked button under its container", click(id("ways")), Refusal.Masked);
  await refused("the target of a masked link", go("/delete?who=7&now=1"), Refusal.Locked);
  expect([await value("payee"), await value("terms"), await said()]).toEqual([
    "the shop",
    "Choose",
    "nothing",
  ]);
  expect(await page.locator("#news").evaluate((list: HTMLSelectElement) => list.value)).toBe("I agree");

  await page.evaluate(() => (document.getElementById("rules") as HTMLDialogElement).showModal());
  await agent.sees("Read this first");
  await refused("closing a locked dialog from outside", leave, Refusal.Locked);
  await expect(page.locator("#rules")).toBeVisible();
  await page.evaluate(() => (document.getElementById("rules") as HTMLDialogElement).close());

  // What is nobody's lock goes on as ever.
  await done("a date", set(id("day"), "2027-01-31"));
  await done("another option beside", select(id("news"), [option("I agree"), option("Gifts")]));
  await done("what lies in a container", click(id("more")));
  expect([await value("day"), await said()]).toEqual(["2027-01-31", "more"]);
  expect(await page.locator("#news").evaluate((list: HTMLSelectElement) => list.selectedOptions.length)).toBe(
    2,
  );
  await done("another page", go("/help"));
  await page.waitForURL(/\/help$/);
  await hand.close();
});
