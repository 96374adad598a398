// What style sheets draw on masked elements: words and pictures that no text or attribute of theirs holds.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test as base, expect } from "./fixture";
import { Lado } from "./lado";
import { together } from "./people";

const SHEET = `.served::after { content: "R$ 7.310,55" } .tax::after { content: " plus tax" }`;
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Drawn</title>
<link rel="stylesheet" href="/s.css">
<style>
  .bal::after { content: "R$ 9.120,44" }
  main .card.card#front { background-image: url(/id-card.svg) !important; width: 300px; height: 190px }
  .note::before { content: "Note: " } h1 { background: url(/sun.svg) }
</style>
<main><h1>Your account</h1><p class="note tax">All is well</p>
<span class="bal" data-lado-mask></span><span class="served" data-lado-mask></span>
<div data-lado-mask><p>Maria</p><div class="card" id="front"></div></div></main>`;

const test = base.extend<object, { site: string }>({
  site: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures' names from this pattern
    async ({}, use) => {
      const svg = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>";
      const kinds: [RegExp, string, string][] = [
        [/css$/, "text/css", SHEET],
        [/svg$/, "image/svg+xml", svg],
        [/./, "text/html; charset=utf-8", PAGE],
      ];
      const server: Server = createServer(({ url }, response) => {
        const [, kind, body] = kinds.find(([path]) => path.test(url ?? "")) ?? ["", "text/plain", ""];
        response.writeHead(200, { "content-type": kind }).end(body);
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

test("style sheets elsewhere draw nothing on what is masked", async ({ agent, customer, site }) => {
  await together({ agent, customer }, site);
  await agent.sees("All is well");
  const drawn = () =>
    agent.stage((page) => {
      const style = (selector: string, pseudo?: string) => {
        const element = page.querySelector(selector);
        return element && page.defaultView ? page.defaultView.getComputedStyle(element, pseudo) : null;
      };
      return {
        notes: [style(".note", "::before")?.content, style(".note", "::after")?.content],
        pictures: [style("h1"), style("#front")].map((own) => own?.backgroundImage.slice(0, 4)),
        words: style(".bal", "::after")?.content,
        seen: [".bal", ".served", "main"].map((name) => style(name, "::after")?.visibility),
      };
    });
  await expect.poll(drawn).toEqual({
    notes: ['"Note: "', '" plus tax"'],
    pictures: ["url(", "none"],
    words: '""',
    seen: ["hidden", "hidden", "visible"],
  });
  await agent.page.screenshot({ path: `${process.env.SHOTS ?? test.info().outputDir}/drawn.png` });
});
