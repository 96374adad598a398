// The two people of a session, each in a browser of their own, and what they do there.

import { type BrowserContext, expect, type Frame, type Locator, type Page } from "@playwright/test";
import en from "../../web/locales/en.json" with { type: "json" };
import type { Lado, Ready } from "./lado";

export type Level = "Only look" | "Point" | "Click and type";
/** What the screens say, in the language that a person reads. */
export type Words = Pick<typeof en, "console" | "join" | "panel">;

export class Agent {
  constructor(
    readonly page: Page,
    private readonly ready: Ready,
    private readonly words: Words = en,
  ) {}

  async signIn(): Promise<void> {
    await this.page.goto(this.ready.console);
    const { name, password, sign_in, site } = this.words.console;
    await this.page.getByLabel(name, { exact: true }).fill(this.ready.agent.name);
    await this.page.getByLabel(password).fill(this.ready.agent.password);
    await this.page.getByRole("button", { name: sign_in }).click();
    await expect(this.page.getByLabel(site)).toBeVisible();
  }

  /** Starts a session and answers the link to send. */
  async invite(site: string): Promise<string> {
    const words = this.words.console;
    await this.page.getByLabel(words.site).fill(site);
    await this.page.getByRole("button", { name: words.create }).click();
    const link = this.page.getByLabel(words.link, { exact: true });
    await expect(link).toHaveValue(/^http/);
    return link.inputValue();
  }

  async enterPin(pin: string): Promise<void> {
    await this.page.getByLabel(this.words.console.pin).fill(pin);
    const open = this.page.getByRole("button", { name: this.words.console.enter, exact: true });
    // The sixth digit may have sent the form already.
    if (await open.isVisible().catch(() => false)) await open.click({ timeout: 3000 }).catch(() => {});
  }

  /** The frame with the viewer, once it has loaded. */
  async viewer(): Promise<Frame> {
    const element = await this.page.locator("iframe.viewer").elementHandle();
    const frame = await element?.contentFrame();
    if (!frame) throw new Error("the viewer is not there");
    await frame.waitForSelector(".glass", { state: "attached" });
    return frame;
  }

  /** Runs a function on the mirrored page. The stage has no scripts of its own: the viewer's reach into it. */
  async stage<T>(read: (page: Document) => T): Promise<T | null> {
    const frame = await this.viewer();
    // As text, because it runs in the viewer, whose policy lets nothing but the test make code out of it.
    return frame.evaluate(`(() => {
      const page = document.querySelector("iframe.stage.shown")?.contentDocument;
      return page?.body ? (${String(read)})(page) : null;
    })()`);
  }

  /** What a person reads on the mirrored page. */
  async reads(): Promise<string> {
    return (await this.stage((page) => page.body.innerText).catch(() => "")) ?? "";
  }

  async sees(text: string | RegExp): Promise<void> {
    const seen = expect.poll(() => this.reads(), { message: `the stage shows ${text}`, timeout: 15_000 });
    await (typeof text === "string" ? seen.toContain(text) : seen.toMatch(text));
  }

  /** Where the middle of an element of the mirrored page is on the agent's screen. */
  async spot(selector: string): Promise<{ x: number; y: number }> {
    const frame = await this.viewer();
    const inside = () =>
      frame.evaluate((selector) => {
        const stage = document.querySelector<HTMLIFrameElement>("iframe.stage.shown");
        const element = stage?.contentDocument?.querySelector(selector);
        const glass = document.querySelector(".glass")?.getBoundingClientRect();
        if (!stage || !element || !glass) return null;
        const scale = glass.width / stage.clientWidth;
        const box = element.getBoundingClientRect();
        return {
          x: glass.left + (box.left + box.width / 2) * scale,
          y: glass.top + (box.top + box.height / 2) * scale,
        };
      }, selector);
    await expect.poll(inside, { message: `the stage has ${selector}` }).not.toBeNull();
    const spot = await inside();
    const outer = await this.page.locator("iframe.viewer").boundingBox();
    if (!spot || !outer) throw new Error(`${selector} is gone`);
    return { x: outer.x + spot.x, y: outer.y + spot.y };
  }

  async click(selector: string): Promise<void> {
    const { x, y } = await this.spot(selector);
    await this.page.mouse.click(x, y);
  }

  /** Turns the wheel until an element of the mirrored page is in the customer's window. */
  async scrollTo(selector: string): Promise<void> {
    const frame = await this.viewer();
    const off = () =>
      frame.evaluate((selector) => {
        const stage = document.querySelector<HTMLIFrameElement>("iframe.stage.shown");
        const box = stage?.contentDocument?.querySelector(selector)?.getBoundingClientRect();
        if (!stage || !box) return null;
        const middle = box.top + box.height / 2;
        return middle > 0 && middle < stage.clientHeight ? 0 : middle - stage.clientHeight / 2;
      }, selector);
    const box = await this.page.locator("iframe.viewer").boundingBox();
    if (!box) throw new Error("the viewer is not there");
    await this.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await expect(async () => {
      const distance = await off();
      if (distance) await this.page.mouse.wheel(0, distance);
      await expect.poll(off, { timeout: 2000 }).toBe(0);
    }).toPass();
  }

  async move(selector: string): Promise<void> {
    const { x, y } = await this.spot(selector);
    await this.page.mouse.move(x - 3, y - 3);
    await this.page.mouse.move(x, y, { steps: 4 });
  }

  /** The line that tells why something was refused. */
  refusal(text: string | RegExp): Locator {
    return this.page.locator(".toasts").getByText(text);
  }
}

export class Customer {
  constructor(
    readonly page: Page,
    private readonly ready: Ready,
    private readonly words: Words = en,
  ) {}

  /** Opens the link and agrees; ends on the proxied site. */
  async join(link: string): Promise<void> {
    await this.page.goto(link);
    await this.page.getByRole("button", { name: this.words.join.start, exact: true }).click();
    await this.page.waitForURL((url) => url.host.endsWith(this.ready.view_domain));
  }

  /** The origin of the site's view host. */
  get view(): string {
    return new URL(this.page.url()).origin;
  }

  async panel(): Promise<Frame> {
    const find = () =>
      this.page.frames().find((frame) => frame.url().startsWith(`${this.ready.console}/panel`));
    await expect.poll(find, { message: "the panel is there" }).toBeTruthy();
    const frame = find();
    if (!frame) throw new Error("the panel is gone");
    return frame;
  }

  async pin(): Promise<string> {
    const digits = (await this.panel()).locator(".digits .sr");
    await expect(digits).toHaveText(/^(\d ){5}\d$/);
    return (await digits.innerText()).replaceAll(" ", "");
  }

  async allow(level: Level): Promise<void> {
    const { look, point, control } = this.words.panel;
    const name = { "Only look": look, Point: point, "Click and type": control }[level];
    // The panel takes no press in the first moment after it has changed under the finger; another page has another panel.
    await expect(async () => {
      const panel = await this.panel();
      await unfold(panel);
      const choice = panel.getByRole("radio", { name });
      await choice.click({ timeout: 2000 });
      await expect(choice).toBeChecked({ timeout: 1000 });
    }).toPass();
  }

  /** Presses "Hide something", until the page asks what. */
  async choosesToHide(): Promise<void> {
    await expect(async () => {
      const panel = await this.panel();
      await unfold(panel);
      await panel.getByRole("button", { name: "Hide something" }).click({ timeout: 2000 });
      await expect.poll(() => this.overlay(), { timeout: 2000 }).toContain("Press what you want to hide");
    }).toPass();
  }

  async end(): Promise<void> {
    await expect(async () => {
      if (!this.page.url().includes("/__lado/farewell")) {
        const panel = await this.panel();
        await unfold(panel);
        await panel.getByRole("button", { name: this.words.panel.end, exact: true }).click({ timeout: 1000 });
      }
      await this.page.waitForURL(/__lado\/farewell/, { timeout: 2000 });
    }).toPass();
  }

  async reads(): Promise<string> {
    return this.page.evaluate(() => document.body.innerText);
  }

  /** How many marks of a kind Lado draws over the page. */
  async marks(kind: "hidden" | "locked"): Promise<number> {
    const devtools = await this.page.context().newCDPSession(this.page);
    try {
      const { root } = await devtools.send("DOM.getDocument", { depth: -1, pierce: true });
      let count = 0;
      const walk = (node: typeof root) => {
        if (node.attributes?.includes(`mark ${kind}`)) count++;
        for (const child of [...(node.children ?? []), ...(node.shadowRoots ?? [])]) walk(child);
      };
      walk(root);
      return count;
    } finally {
      await devtools.detach();
    }
  }

  /** The lines that show over the page: what Lado draws is in a closed root, so the browser's tools look. */
  async drawn(): Promise<{ y: number }[]> {
    const devtools = await this.page.context().newCDPSession(this.page);
    try {
      const { root } = await devtools.send("DOM.getDocument", { depth: -1, pierce: true });
      const found: number[] = [];
      const walk = (node: typeof root, inside: boolean) => {
        const within = inside || (node.attributes ?? []).includes("sketch");
        if (within && node.nodeName === "path") found.push(node.nodeId);
        for (const child of [...(node.children ?? []), ...(node.shadowRoots ?? [])]) walk(child, within);
      };
      walk(root, false);
      const boxes = await Promise.all(
        found.map((nodeId) => devtools.send("DOM.getBoxModel", { nodeId }).catch(() => null)),
      );
      return boxes.flatMap((box) => (box ? [{ y: box.model.border[1] ?? 0 }] : []));
    } finally {
      await devtools.detach();
    }
  }

  /** All text in the page's tree, closed shadow roots included: what Lado draws over the page is in one. */
  async overlay(): Promise<string> {
    const devtools = await this.page.context().newCDPSession(this.page);
    try {
      const { root } = await devtools.send("DOM.getDocument", { depth: -1, pierce: true });
      const texts: string[] = [];
      const walk = (node: typeof root, inside: boolean) => {
        const within = inside || node.nodeName === "LADO-OVERLAY";
        if (within && node.nodeType === 3) texts.push(node.nodeValue);
        for (const child of [...(node.children ?? []), ...(node.shadowRoots ?? [])]) walk(child, within);
      };
      walk(root, false);
      return texts.join("\n");
    } finally {
      await devtools.detach();
    }
  }
}

export interface Pair {
  agent: Agent;
  customer: Customer;
}

/** From sign-in to the mirrored page. */
export async function together({ agent, customer }: Pair, site: string): Promise<void> {
  await agent.signIn();
  const link = await agent.invite(site);
  await customer.join(link);
  await agent.enterPin(await customer.pin());
  await agent.viewer();
  await expect.poll(() => agent.reads(), { message: "the mirrored page" }).not.toBe("");
}

/** Both in front of a page of the demo's shop. */
export async function inTheShop(pair: Pair, lado: Lado, page: keyof typeof shop = "home"): Promise<void> {
  await together(pair, `${lado.ready.site}${shop[page].path}`);
  await pair.agent.sees(shop[page].says);
}

const shop = {
  home: { path: "/en/", says: "Good things for bright days" },
  mug: { path: "/en/product/mug", says: "Davi & filhos" },
};

/** Out of the page's way the panel is a pill, whose middle may be another button than the one that opens it. */
export async function unfold(panel: Frame): Promise<void> {
  const pill = panel.locator(".pill [aria-expanded=false]");
  if (await pill.isVisible()) await pill.click({ timeout: 2000 });
  const session = panel.locator("#to-session[aria-selected=false]");
  if (await session.isVisible()) await session.click({ timeout: 2000 });
}

/** Presses what goes when it is pressed. The panel takes no press in the first moment after a question has appeared. */
export async function press(button: Locator): Promise<void> {
  await expect(button).toBeVisible();
  await expect(async () => {
    if (!(await button.isVisible())) return;
    await button.click({ timeout: 2000 });
    await expect(button).toBeHidden({ timeout: 1000 });
  }).toPass();
}

export async function close(context: BrowserContext): Promise<void> {
  await context.close({ reason: "the test is over" }).catch(() => {});
}
