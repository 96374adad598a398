// What browsers put beside the page (message boxes, open lists, file choosers), and what is dragged across it.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Dialog } from "@playwright/test";
import { test as base, expect } from "./fixture";
import { Lado } from "./lado";
import { together } from "./people";

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Natives</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem 8rem; display: grid; gap: 1rem; justify-items: start }
  #track { position: relative; width: 400px; height: 24px; background: #dde; border-radius: 12px; touch-action: none }
  #knob { position: absolute; left: 0; width: 24px; height: 24px; border-radius: 12px; background: #226 }
  .board { display: flex; gap: 2rem } .board > ul { width: 180px; min-height: 90px; margin: 0; padding: 8px; list-style: none; border: 1px solid #99a }
  .board li { padding: 6px; background: #eef; border: 1px solid #bbc }
</style>
<h1>Beside the page</h1>
<p><button id="alert" onclick="alert('Your order 4111 1111 1111 1111 is on its way'); said('alerted')">Alert</button>
<button id="confirm" onclick="said(confirm('Delete the address?') ? 'deleted' : 'kept')">Confirm</button>
<button id="prompt" onclick="said('called ' + prompt('What shall we call you?'))">Prompt</button></p>
<label>Size <select id="size"><option>Small<option>Medium<option>Extra large</select></label>
<label>Picture <input id="file" type="file"></label>
<div id="track"><div id="knob"></div></div>
<div class="board"><ul id="from"><li id="card" draggable="true">Blue kettle</li></ul><ul id="to"></ul></div>
<p id="said">nothing</p>
<script>
  const by = (id) => document.getElementById(id);
  const said = (text) => { by("said").textContent = text };
  by("file").onchange = ({ target }) => said("file " + target.files[0].name);
  by("size").onchange = ({ target }) => said("size " + target.value);
  let from = null;
  by("knob").onpointerdown = (event) => { from = event.clientX };
  addEventListener("pointermove", (event) => {
    if (from !== null) by("knob").style.left = Math.max(0, Math.min(376, event.clientX - from)) + "px";
  });
  addEventListener("pointerup", () => { if (from !== null) said("at " + by("knob").style.left); from = null });
  by("card").ondragstart = (event) => event.dataTransfer.setData("text/plain", "card");
  by("to").ondragover = (event) => event.preventDefault();
  by("to").ondrop = (event) => { by("to").append(by(event.dataTransfer.getData("text/plain"))); said("moved") };
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

const shot = (name: string): string => `${process.env.SHOTS ?? test.info().outputDir}/native-${name}.png`;

test("message boxes and open lists of the customer's browser are told to the agent", async ({
  agent,
  customer,
  site,
}) => {
  await together({ agent, customer }, site);
  await agent.sees("Beside the page");
  let told = (await agent.viewer()).locator(".outside");

  const boxes: [
    id: string,
    title: string,
    words: string,
    answer: (box: Dialog) => Promise<void>,
    after: string,
  ][] = [
    [
      "alert",
      "The customer has a message in front of them",
      "is on its way",
      (box) => box.accept(),
      "alerted",
    ],
    ["confirm", "asks the customer to confirm", "Delete the address?", (box) => box.dismiss(), "kept"],
    [
      "prompt",
      "asks the customer to type",
      "What shall we call you?",
      (box) => box.accept("Bia"),
      "called Bia",
    ],
  ];
  for (const [id, title, words, answer, after] of boxes) {
    const opened = customer.page.waitForEvent("dialog");
    // The page stands still until the box is answered, and the press with it.
    const pressed = customer.page.click(`#${id}`);
    const box = await opened;
    await expect(told).toContainText(title);
    await expect(told).toContainText(words);
    await expect(told).not.toContainText("4111");
    await agent.page.screenshot({ path: shot(id) });
    if (id === "alert") {
      // Who comes while the page stands still is told the same.
      await agent.page.reload();
      told = (await agent.viewer()).locator(".outside");
      await expect(told).toContainText(words);
      await expect(told).not.toContainText("4111");
    }
    await answer(box);
    await pressed;
    await expect(told.locator(".met")).toHaveCount(0);
    await agent.sees(after);
  }

  await customer.page.click("#size");
  const list = (await agent.viewer()).locator(".open-list");
  await expect(list).toContainText("Extra large");
  await agent.page.screenshot({ path: shot("list") });
  await customer.page.keyboard.press("ArrowDown");
  await customer.page.keyboard.press("Enter");
  await expect(list).toHaveCount(0);
  await agent.sees("size Medium");
});

test("an agent who may not choose a file asks the customer for it", async ({ agent, customer, site }) => {
  await together({ agent, customer }, site);
  await agent.sees("Beside the page");
  await customer.allow("Click and type");
  await expect(agent.page.getByText("Click and type", { exact: true }).first()).toBeVisible();

  await agent.click("#file");
  await expect.poll(() => customer.overlay()).toContain("Please do this yourself");
  await expect(agent.refusal(/only for the customer/)).toBeVisible();
  await customer.page.screenshot({ path: shot("asked") });
  await agent.page.screenshot({ path: shot("ask") });

  const chooser = customer.page.waitForEvent("filechooser");
  await customer.page.click("#file");
  const viewer = await agent.viewer();
  await expect(viewer.locator(".outside")).toContainText("The customer is choosing a file");
  await (await chooser).setFiles({ name: "kettle.png", mimeType: "image/png", buffer: Buffer.from("png") });
  await expect(viewer.locator(".outside .met")).toHaveCount(0);
  await agent.sees("file kettle.png");
});

test("what the agent drags moves on the customer's page", async ({ agent, customer, site }) => {
  await together({ agent, customer }, site);
  await agent.sees("Beside the page");
  await customer.allow("Click and type");
  await expect(agent.page.getByText("Click and type", { exact: true }).first()).toBeVisible();
  const drag = async (what: string, where: string): Promise<void> => {
    const from = await agent.spot(what);
    const to = await agent.spot(where);
    await agent.page.mouse.move(from.x, from.y);
    await agent.page.mouse.down();
    await agent.page.mouse.move(to.x, to.y, { steps: 6 });
    await agent.page.mouse.up();
  };

  await drag("#knob", "#track");
  await expect(customer.page.locator("#said")).toHaveText(/^at 18\d/);
  await agent.sees("at 18");
  await drag("#card", "#to");
  await expect(customer.page.locator("#to #card")).toHaveText("Blue kettle");
  await expect.poll(() => agent.stage((page) => page.querySelector("#to")?.textContent)).toContain("kettle");
  await agent.page.screenshot({ path: shot("dragged") });
});
