// What agent and customer say to each other beside the page: chat, questions, and what the customer keeps to themselves.

import { expect, test } from "./fixture";
import { inTheShop, press } from "./people";

const CARD = "4539 1488 0343 6467";

test("they chat, through reloads and a lost network, and nothing private gets across", async ({
  agent,
  customer,
  lado,
  sides,
}) => {
  await inTheShop({ agent, customer }, lado, "mug");
  const log = agent.page.getByRole("log");
  const write = agent.page.getByLabel("Write a message");

  // The customer sees it in the pill, without being torn from the page.
  await write.fill("Hello! Your code is AB12-99XK-7 and the page is https://example.com/help");
  await write.press("Enter");
  const panel = await customer.panel();
  await expect(panel.locator(".pill .words")).toContainText("Ana Lima: Hello!");
  await expect(log.getByText("Delivered")).toBeVisible();
  await panel.getByRole("button", { name: "1 new message" }).click();
  await expect(log.getByText("Read", { exact: true })).toBeVisible();
  const theirs = panel.getByRole("log");
  await expect(theirs.getByRole("link", { name: /example\.com\/help/ })).toHaveAttribute("rel", /noopener/);
  await expect(theirs.getByRole("button", { name: "Copy AB12-99XK-7" })).toBeVisible();

  // Typing shows, and a card number is asked about before it goes out masked.
  const answer = panel.getByLabel("Write a message");
  await answer.pressSequentially("It is ");
  await expect(agent.page.getByText("The customer is writing…")).toBeVisible();
  await answer.pressSequentially(CARD);
  await answer.press("Enter");
  await expect(panel.getByText(/looks like a card number/)).toBeVisible();
  await expect(log).not.toContainText("It is");
  await panel.getByRole("button", { name: "Send with it hidden" }).click();
  await expect(log).toContainText("It is ••••••");
  await expect(theirs).toContainText(CARD);
  await expect(theirs).toContainText("reads •••••• for the private part");
  expect(sides.agent.relay.received().includes("4539 1488")).toBe(false);

  // What is written while the network is away arrives once it is back, in order and once.
  sides.customer.relay.cut();
  await answer.fill("one");
  await answer.press("Enter");
  await expect(theirs.getByText("Sending…")).toBeVisible();
  await answer.fill("two");
  await answer.press("Enter");
  await write.fill("Still there?");
  await write.press("Enter");
  sides.customer.relay.mend();
  await expect(theirs).toContainText("Still there?");
  await expect(theirs.getByText("Sending…")).toHaveCount(0);
  const said = () => log.locator(".bubble").allInnerTexts();
  await expect.poll(said).toHaveLength(5);
  expect((await said()).slice(-3).sort()).toEqual(["Still there?", "one", "two"]);

  // Both reload, and it is all still there.
  await agent.page.reload();
  await expect.poll(said).toHaveLength(5);
  await customer.page.reload();
  const again = await customer.panel();
  await again.getByRole("button", { name: "Chat" }).click();
  await expect(again.getByRole("log")).toContainText("Still there?");
});

test("what an agent asks for happens when the customer says yes, and not before", async ({
  agent,
  customer,
  lado,
}) => {
  await inTheShop({ agent, customer }, lado);
  const panel = await customer.panel();
  await agent.page.getByRole("tab", { name: "People" }).click();
  await agent.page.getByRole("button", { name: "Ask to click and type" }).click();
  const question = panel.getByRole("alertdialog");
  await expect(question).toContainText("Ana Lima asks to click and type for you");
  await expect(agent.page.getByText("Waiting for the customer’s answer")).toBeVisible();
  // Enter that was meant for something else says neither.
  await customer.page.keyboard.press("Enter");
  await expect(question).toBeVisible();
  await press(question.getByRole("button", { name: "Not now" }));
  await expect(agent.page.getByText("Look only").first()).toBeVisible();
  await agent.page.getByRole("tab", { name: "Events" }).click();
  await expect(agent.page.getByText("The customer said no: to click and type")).toBeVisible();

  await agent.page.getByRole("tab", { name: "People" }).click();
  await agent.page.getByRole("button", { name: "Ask to click and type" }).click();
  await press(question.getByRole("button", { name: "Allow" }));
  await expect(agent.page.getByText("Click and type", { exact: true }).first()).toBeVisible();

  // A page is opened by the customer's own press.
  await agent.page
    .getByLabel("Open a page for the customer")
    .first()
    .fill(`${lado.ready.site}/en/product/kettle`);
  await agent.page.getByRole("button", { name: "Open a page for the customer" }).click();
  await expect(question).toContainText("/en/product/kettle");
  await expect(async () => {
    await question.getByRole("button", { name: "Open" }).click({ timeout: 2000 });
    await customer.page.waitForURL(/product\/kettle/, { timeout: 3000 });
  }).toPass();
  await agent.sees("Enamelled steel");

  // What the customer hides is gone for the agent, and a pause hides everything.
  const shared = await customer.panel();
  await customer.choosesToHide();
  const heading = await customer.page.locator("h1").boundingBox();
  await customer.page.mouse.click((heading?.x ?? 0) + 20, (heading?.y ?? 0) + 10);
  await expect.poll(() => agent.reads()).not.toContain("Tide kettle");
  // Whoever presses on the page wants to see it: the panel has made way.
  await shared.locator(".pill button").first().click();
  await shared.getByRole("button", { name: "Pause" }).click();
  await expect.poll(() => agent.reads()).not.toContain("Enamelled steel");
  await expect(agent.page.getByText("Paused by the customer").first()).toBeVisible();
  await shared.getByRole("button", { name: "Show the page again" }).click();
  await agent.sees("Enamelled steel");
  expect(await agent.reads()).not.toContain("Tide kettle");

  // The choice can be given up by the keyboard, and a pause is one press away while the page is used.
  await customer.choosesToHide();
  const again = await customer.page.locator("main p").first().boundingBox();
  await customer.page.keyboard.press("Escape");
  await customer.page.mouse.click((again?.x ?? 0) + 20, (again?.y ?? 0) + 5);
  await shared.locator(".pill").getByRole("button", { name: "Pause" }).click();
  await expect.poll(() => agent.reads()).not.toContain("Enamelled steel");
  await expect(shared.locator(".pill")).toContainText("Paused: nobody sees this page");
  if (process.env.SHOTS) await customer.page.screenshot({ path: `${process.env.SHOTS}/paused.png` });
  await expect(async () => {
    await shared.locator(".pill").getByRole("button", { name: "Show the page again" }).click();
    await expect.poll(() => agent.reads(), { timeout: 3000 }).toContain("Enamelled steel");
  }).toPass();
  await customer.page.mouse.click((again?.x ?? 0) + 20, (again?.y ?? 0) + 5);
  await customer.page.keyboard.press("Pause");
  await expect.poll(() => agent.reads()).not.toContain("Enamelled steel");
  await shared.locator(".pill button").first().click();
  await shared.getByRole("button", { name: "Show the page again" }).click();
  await agent.sees("Enamelled steel");

  // The panel gets out of the way: dragged by its head, or from corner to corner.
  await customer.page.setViewportSize({ width: 1280, height: 1000 });
  const frame = await shared.frameElement();
  const left = async () => (await frame.boundingBox())?.x ?? 0;
  const before = await left();
  await shared.getByRole("button", { name: "Move the panel" }).click();
  await expect.poll(left).toBeLessThan(100);
  const box = await shared.locator("header h1").boundingBox();
  await customer.page.mouse.move((box?.x ?? 0) + 20, (box?.y ?? 0) + 10);
  await customer.page.mouse.down();
  await customer.page.mouse.move((box?.x ?? 0) + 320, (box?.y ?? 0) - 40, { steps: 5 });
  await customer.page.mouse.up();
  await expect.poll(left).toBeGreaterThan(200);
  expect(before).toBeGreaterThan(900);
});

test("a picture that the customer hides is an empty place to the agent, and its address opens nothing any more", async ({
  agent,
  customer,
  lado,
}, info) => {
  await inTheShop({ agent, customer }, lado, "mug");
  const picture = () =>
    agent.stage((page) => {
      const image = page.querySelector<HTMLImageElement>("main img[width='400']");
      const { width, height } = image?.getBoundingClientRect() ?? {};
      return { src: image?.getAttribute("src"), drawn: image?.naturalWidth !== 0, width, height };
    });
  await expect.poll(async () => (await picture())?.drawn).toBe(true);
  const before = await picture();
  const viewer = await agent.viewer();
  const loads = () =>
    viewer.evaluate(
      (src) =>
        new Promise<boolean>((done) => {
          const image = new Image();
          image.onload = () => done(true);
          image.onerror = () => done(false);
          // Past the pictures that the document has already.
          image.src = `${src}?${performance.now()}`;
        }),
      before?.src,
    );
  expect(await loads()).toBe(true);

  await customer.choosesToHide();
  const box = await customer.page.locator("main img[width='400']").boundingBox();
  await customer.page.mouse.click((box?.x ?? 0) + 20, (box?.y ?? 0) + 20);
  await expect.poll(async () => (await picture())?.src).toBeNull();
  const { width, height } = (await picture()) ?? {};
  expect({ width, height }).toEqual({ width: before?.width, height: before?.height });
  expect(await loads()).toBe(false);
  await agent.page.screenshot({ path: info.outputPath("hidden-picture.png") });
});

test("what an agent points out shows on both sides, holds on to its element, and catches no press", async ({
  agent,
  customer,
  lado,
}) => {
  await inTheShop({ agent, customer }, lado);
  const tool = (name: string) => agent.page.getByRole("button", { name, exact: true });

  await tool("Highlight an element").click();
  await agent.click(".hero h1");
  await expect(agent.refusal(/has not allowed pointing/)).toBeVisible();
  await customer.allow("Point");
  await expect(agent.page.getByText("Point", { exact: true }).first()).toBeVisible();

  await tool("Drawings stay").click();
  await agent.click(".hero h1");
  await expect.poll(() => customer.drawn()).toHaveLength(1);
  const title = async () => (await customer.page.locator(".hero h1").boundingBox())?.y ?? 0;
  const top = async () => (await customer.drawn())[0]?.y ?? 0;
  const apart = (await top()) - (await title());
  expect(Math.abs(apart)).toBeLessThan(10);
  // It stays with its element under scrolling, and on a smaller window.
  await customer.page.mouse.wheel(0, 60);
  await expect.poll(async () => Math.abs((await top()) - (await title()) - apart)).toBeLessThan(2);
  await customer.page.setViewportSize({ width: 700, height: 800 });
  await expect.poll(async () => Math.abs((await top()) - (await title()) - apart)).toBeLessThan(2);
  await customer.page.setViewportSize({ width: 1280, height: 800 });
  await customer.page.mouse.wheel(0, -60);

  // A pen's line across the title takes no press from the page.
  await tool("Pen").click();
  const from = await agent.spot("a.bag");
  await agent.page.mouse.move(from.x - 12, from.y);
  await agent.page.mouse.down();
  await agent.page.mouse.move(from.x + 12, from.y, { steps: 6 });
  await agent.page.mouse.up();
  await expect.poll(() => customer.drawn()).toHaveLength(2);
  await customer.page.locator("a.bag").click();
  await customer.page.waitForURL(/\/(bag|cart)/);
  await customer.page.goBack();
  await agent.sees("Good things");

  // Look here scrolls the customer to it, with the agent's name.
  await tool("Look here").click();
  await agent.click(".hero p");
  await expect.poll(() => customer.overlay()).toContain("Ana Lima: Look here");

  await tool("Rectangle").click();
  const { x, y } = await agent.spot(".hero p");
  await agent.page.mouse.move(x, y);
  await agent.page.mouse.down();
  await agent.page.mouse.move(x + 80, y + 30, { steps: 4 });
  await agent.page.mouse.up();
  await expect.poll(() => customer.drawn()).toHaveLength(1);
  await tool("Undo drawing").click();
  await expect.poll(() => customer.drawn()).toHaveLength(0);
  await agent.page.keyboard.press("Alt+Shift+Digit8");
  await agent.click(".hero p");
  await (await agent.viewer()).getByLabel("Text, then Enter").fill("Start here");
  await agent.page.keyboard.press("Enter");
  await expect.poll(() => customer.overlay()).toContain("Start here");
  // What was allowed can be taken back, and the drawings go.
  await customer.allow("Only look");
  await expect.poll(() => customer.overlay()).not.toContain("Start here");
});
