// What the customer types in private fields is in no byte that the agent's browser received.

import { expect, test } from "./fixture";
import { together } from "./people";
import { strings } from "./protocol";

test.describe.configure({ retries: 0 });

const CARD = "4539 1488 0343 6467";
const CPF = "529.982.247-25";
const PASSWORD = "Segredo-Azul-77";
const EMAIL = "zelia.private@example.com";

/** Bodies that a person or a script reads as text. */
const TEXT = /^(text\/|application\/(json|javascript|xml)|image\/svg)/;

test("card number, CVV, CPF and password never reach the agent", async ({ agent, customer, lado, sides }) => {
  const bodies: Promise<Buffer>[] = [];
  const read: Promise<string>[] = [];
  const frames: Buffer[] = [];
  const events: string[] = [];
  agent.page.context().on("response", (response) => {
    if (response.headers()["content-type"]?.includes("event-stream")) return;
    const body = response.body().catch(() => Buffer.alloc(0));
    bodies.push(body);
    const { url, type } = { url: response.url(), type: response.headers()["content-type"] ?? "" };
    if (TEXT.test(type)) read.push(body.then((bytes) => `${url}\n${bytes.toString("utf8")}`));
  });
  agent.page.on("websocket", (socket) => {
    socket.on("framereceived", ({ payload }) => frames.push(Buffer.from(payload)));
  });
  const devtools = await agent.page.context().newCDPSession(agent.page);
  await devtools.send("Network.enable");
  devtools.on("Network.eventSourceMessageReceived", ({ data }) => events.push(data));

  await together({ agent, customer }, `${lado.ready.site}/pt-BR/login`);
  const cvv = unseen(Buffer.concat([sides.agent.relay.received(), ...(await Promise.all(bodies))]));
  const { page } = customer;

  // A sign-in that fails, with the password shown and hidden, as sites with an eye button do.
  await page.locator("input[name=email]").fill(EMAIL);
  await page.locator("input[name=password]").pressSequentially(PASSWORD);
  await page.locator("input[name=password]").evaluate((field: HTMLInputElement) => {
    field.type = "text";
  });
  await page.locator("input[name=password]").press("Enter");
  await expect(page.getByRole("alert")).toBeVisible();
  await agent.sees("não conferem");

  await page.goto(`${customer.view}/pt-BR/product/mug`);
  await page.getByRole("button", { name: "Pôr na sacola" }).click();
  await expect(page.locator(".badge")).toHaveText("1");
  await page.goto(`${customer.view}/pt-BR/checkout`);
  await page.getByRole("button", { name: "Concordo" }).click();
  const plain = { name: "Zélia Prado", postcode: "01310-100", street: "Av. Paulista, 1", city: "São Paulo" };
  for (const [name, value] of Object.entries(plain))
    await page.locator(`#checkout [name=${name}]`).fill(value);
  const hidden = { email: EMAIL, cpf: CPF, card_number: CARD, card_expiry: "09/29", cvv, password: PASSWORD };
  for (const [name, value] of Object.entries(hidden)) {
    await page.locator(`#checkout [name=${name}]`).pressSequentially(value);
  }
  // The agent saw the rest arrive, so all of it has passed.
  const city = (page: Document) => page.querySelector<HTMLInputElement>("#checkout [name=city]")?.value;
  await expect.poll(() => agent.stage(city)).toBe("São Paulo");
  const fields = (page: Document) =>
    ["cpf", "card_number", "card_expiry", "cvv", "password"].map(
      (name) => page.querySelector<HTMLInputElement>(`#checkout [name=${name}]`)?.value,
    );
  const masked = (await agent.stage(fields)) ?? [];
  expect(new Set(masked).size, `fixed-size blocks: ${masked}`).toBe(1);

  // A page that shows what was typed as text, and one that quotes it in an attribute.
  await page.evaluate(
    ([card, cpf]) => {
      const note = document.createElement("p");
      note.title = `CPF ${cpf}`;
      note.append("Cartão ", card.slice(0, 9), card.slice(9), `, CPF ${cpf}`);
      document.querySelector("main")?.append(note);
      document.querySelector("h1")?.append(" ✓");
    },
    [CARD, CPF] as const,
  );
  await agent.sees("✓");
  await page.getByRole("button", { name: "Comprar agora" }).click();
  await page.waitForURL(/\/order\//);
  await expect(page.getByText(CPF)).toBeVisible();
  await agent.sees("Obrigado!");
  await agent.page.reload();
  await agent.sees("Obrigado!");

  const received = Buffer.concat([
    sides.agent.relay.received(),
    ...(await Promise.all(bodies)),
    ...frames,
    Buffer.from(events.join("\n")),
  ]);
  expect(frames.length).toBeGreaterThan(5);
  const texts = frames.flatMap(strings);
  expect(texts.join("\n"), "the recording works").toContain("Zélia Prado");

  for (const secret of [CARD, CPF, PASSWORD, EMAIL]) {
    for (const form of forms(secret)) expect(received.includes(form), `${secret} as ${form}`).toBe(false);
  }
  const digits = received.toString("latin1").replace(/\D/g, "");
  for (const secret of [CARD, CPF]) {
    expect(digits.includes(secret.replace(/\D/g, "")), `the digits of ${secret}`).toBe(false);
  }
  // Three or four digits are anywhere in compressed pictures: the CVV is looked for in text, and in what no other
  // compression than the socket's own has gone over.
  const apart = [...texts, ...events].filter((text) => text.replace(/\D/g, "").includes(cvv));
  expect(apart, "the CVV among the digits of a text").toEqual([]);
  const pages = await Promise.all(read);
  expect(pages.join("\n"), "bodies are read as text").toContain("<!doctype html>");
  for (const form of forms(cvv)) {
    expect(
      pages.filter((text) => Buffer.from(text).includes(form)).length,
      `the CVV in a body as ${form}`,
    ).toBe(0);
    expect(frames.filter((frame) => frame.includes(form)).length, `the CVV in a frame as ${form}`).toBe(0);
  }
  // And the screen, last of all.
  expect(await agent.reads()).not.toMatch(/529\.982/);
});

/** A CVV that nothing received so far contains by accident, in whatever form. */
function unseen(before: Buffer): string {
  for (let n = 9871; n > 1000; n -= 13)
    if (!forms(String(n)).some((form) => before.includes(form))) return String(n);
  throw new Error("every number has been seen");
}

/** A secret as it may travel: as it is, without separators, in a URL, in base64, in UTF-16. */
function forms(secret: string): (string | Buffer)[] {
  const base64 = Buffer.from(secret).toString("base64").replace(/=+$/, "").slice(0, -1);
  const plain = [
    secret,
    encodeURIComponent(secret),
    secret.replaceAll(" ", "+"),
    secret.replace(/[\s.-]/g, ""),
  ];
  return [...plain, base64, Buffer.from(secret, "utf16le")];
}
