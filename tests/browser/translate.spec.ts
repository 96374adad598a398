// Two people who have no language in common, with a translation service between them.

import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "@playwright/test";
import pt from "../../web/locales/pt-BR.json" with { type: "json" };
import { Lado } from "./lado";
import { Agent, Customer, close, together } from "./people";

async function serve(answer: RequestListener): Promise<Server> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

const address = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const WORDS: Record<string, string> = {
  "Onde vejo meu pedido?": "Where do I see my order?",
  "Under My account.": "Em Minha conta.",
};

test("each reads the other's messages in their own language, and the original", async ({ browser }) => {
  test.setTimeout(90_000);
  const site = await serve((_, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end("<!doctype html><html lang='pt-BR'><title>Loja</title><h1>Bem-vinda à loja</h1>");
  });
  // As LibreTranslate answers.
  const asked: string[] = [];
  const service = await serve(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    const { q, target } = JSON.parse(body) as { q: string; target: string };
    asked.push(q);
    const known = WORDS[q];
    response.writeHead(known ? 200 : 500, { "content-type": "application/json" });
    const language = target === "en" ? "pt" : "en";
    response.end(JSON.stringify({ translatedText: known, detectedLanguage: { confidence: 90, language } }));
  });
  const lado = await Lado.serve({
    allow: () => address(site),
    more: `[translator]\nurl = "${address(service)}"\n`,
  });
  const desk = await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 800 } });
  const home = await browser.newContext({ locale: "pt-BR" });
  try {
    const agent = new Agent(await desk.newPage(), lado.ready);
    const customer = new Customer(await home.newPage(), lado.ready, pt);
    await together({ agent, customer }, `${address(site)}/`);
    const panel = await customer.panel();
    const theirs = panel.getByRole("log");
    const mine = agent.page.getByRole("log");

    await panel.getByRole("button", { name: pt.chat.title }).click();
    await panel.getByLabel(pt.chat.write).fill("Onde vejo meu pedido?");
    await panel.getByLabel(pt.chat.write).press("Enter");
    await expect(mine.locator(".bubble")).toHaveText("Where do I see my order?");
    await expect(mine).toContainText("Translated from Portuguese");
    await mine.getByRole("button", { name: "Show original" }).click();
    await expect(mine.locator(".bubble")).toHaveText("Onde vejo meu pedido?");
    await mine.getByRole("button", { name: "Show translation" }).click();

    await agent.page.getByLabel("Write a message").fill("Under My account.");
    await agent.page.getByLabel("Write a message").press("Enter");
    await expect(theirs.locator(".bubble").last()).toHaveText("Em Minha conta.");
    if (process.env.SHOTS) {
      await agent.page.screenshot({ path: `${process.env.SHOTS}/translated-agent.png` });
      await customer.page.screenshot({ path: `${process.env.SHOTS}/translated-customer.png` });
    }
    // One that fails stays as it was written, and says so.
    await panel.getByLabel(pt.chat.write).fill("Obrigada!");
    await panel.getByLabel(pt.chat.write).press("Enter");
    await expect(mine.locator(".bubble").last()).toHaveText("Obrigada!");
    await expect(mine).toContainText("Could not be translated");
    expect(asked).toHaveLength(3);
  } finally {
    await Promise.all([close(desk), close(home)]);
    await lado.stop();
    for (const server of [site, service]) {
      server.close();
      server.closeAllConnections();
    }
  }
});
