// The viewer rebuilds a page from ops, whoever made them, and turns the agent's input into actions.

import { expect, type Page, test } from "@playwright/test";
import {
  ActionTag,
  Button,
  Level,
  MASK,
  type Op,
  OpTag,
  Refusal,
  ViewerNoticeTag,
  ViewerRequestTag,
} from "../../injected/protocol/messages";
import type { TreeNode } from "../../injected/protocol/wire";
import { CONSOLE, serve, VIEWER } from "./apps";
import { at, el, inner, type PageOptions, shadow, snapshot, svg, Watch } from "./watch";

test.use({ viewport: { width: 1000, height: 700 } });

/** A viewer that shows a page: ids count up from 2, the html element. */
async function show(
  page: Page,
  tree: TreeNode[],
  level = Level.Control,
  options: PageOptions = {},
): Promise<Watch> {
  const watch = await Watch.on(page);
  await serve(page, "viewer", VIEWER, (path) => path === "/__lado/viewer");
  await page.goto(`${VIEWER}/__lado/viewer#a-ticket`);
  expect((await watch.said(ViewerRequestTag.Hello)).ticket).toBe("a-ticket");
  watch.welcome(level);
  watch.ops(snapshot(tree, options));
  await expect(page.locator("iframe.stage.shown")).toHaveCount(1);
  return watch;
}

const document = (...body: (string | TreeNode[])[]) =>
  el("html", {}, el("head"), el("body", { style: "margin:0" }, ...body));

/** The stage's tree, as text with attributes sorted, shadow roots and frames included. */
async function staged(page: Page): Promise<string> {
  return page.evaluate(() => {
    const write = (node: Node): string => {
      if (node.nodeType === Node.TEXT_NODE) return (node as Text).data;
      const inside = [...node.childNodes].map(write).join("");
      if (node.nodeType !== Node.ELEMENT_NODE) return inside;
      const element = node as HTMLIFrameElement;
      const attrs = [...element.attributes].map(({ name, value }) => ` ${name}="${value}"`).sort();
      const root = element.shadowRoot ? `#shadow(${write(element.shadowRoot)})` : "";
      const frame = element.contentDocument ? `#document(${write(element.contentDocument)})` : "";
      return `<${element.localName}${attrs.join("")}>${root}${frame}${inside}</${element.localName}>`;
    };
    const stage = window.document.querySelector<HTMLIFrameElement>("iframe.stage.shown");
    return stage?.contentDocument ? write(stage.contentDocument) : "";
  });
}

test("a page is rebuilt with its shadow roots and frames, and follows every op", async ({ page }) => {
  // 2 html, 3 head, 4 body, 5 p, 6 text, 7 my-card, 8 shadow, 9 b, 10 text, 11 slot text, 12 iframe, 13 document,
  // 14 html, 15 body, 16 text, 17 input, 18 select, 19 option, 20 text, 21 option, 22 text
  const watch = await show(
    page,
    document(
      el("p", { class: "intro" }, "Hello"),
      el("my-card", { variant: "wide" }, shadow(el("b", {}, "in shadow")), "slotted"),
      el("iframe", { title: "inner" }, inner(el("html", {}, el("body", {}, "framed")))),
      el("input", { type: "text" }),
      el("select", {}, el("option", {}, "one"), el("option", {}, "two")),
    ),
  );
  expect(await staged(page)).toBe(
    '<html><head></head><body style="margin:0"><p class="intro">Hello</p>' +
      '<my-card variant="wide">#shadow(<b>in shadow</b>)slotted</my-card>' +
      '<iframe sandbox="allow-same-origin" title="inner">#document(<html><body>framed</body></html>)</iframe>' +
      '<input type="text"></input><select><option>one</option><option>two</option></select></body></html>',
  );
  watch.ops(
    { tag: OpTag.SetText, node: 6, text: "Changed" },
    { tag: OpTag.SetAttr, node: 5, name: "class", value: "new" },
    { tag: OpTag.Insert, parent: 5, prev: 6, base: 30, tree: el("i", {}, "!") },
    { tag: OpTag.Insert, parent: 8, prev: 9, base: 32, tree: el("u", {}, "more") },
    { tag: OpTag.Move, node: 12, parent: 4, prev: 0 },
    { tag: OpTag.Remove, nodes: [7] },
    { tag: OpTag.SetText, node: 16, text: "still framed" },
    { tag: OpTag.SetValue, node: 17, value: "typed" },
    { tag: OpTag.SetSelected, node: 18, options: [21] },
    {
      tag: OpTag.Insert,
      parent: 4,
      prev: 18,
      base: 40,
      tree: [...at(90), ...el("em", {}, ...[at(95)], "far")],
    },
    { tag: OpTag.SetText, node: 95, text: "away" },
  );
  await expect
    .poll(() => staged(page))
    .toBe(
      '<html><head></head><body style="margin:0">' +
        '<iframe sandbox="allow-same-origin" title="inner">#document(<html><body>still framed</body></html>)</iframe>' +
        '<p class="new">Changed<i>!</i></p><input type="text"></input>' +
        "<select><option>one</option><option>two</option></select><em>away</em></body></html>",
    );
  const values = await page.evaluate(() => {
    const stage = window.document.querySelector<HTMLIFrameElement>("iframe.stage.shown")?.contentDocument;
    return [stage?.querySelector("input")?.value, stage?.querySelector("select")?.value, stage?.compatMode];
  });
  expect(values).toEqual(["typed", "two", "CSS1Compat"]);
  expect(watch.requests.some(({ tag }) => tag === ViewerRequestTag.Resync)).toBe(false);
});

test("nothing that could run, load or lead away reaches the stage", async ({ page }) => {
  const loaded: string[] = [];
  // What the content security policy stops was asked for and never sent: it has no response.
  page.on("response", (response) => loaded.push(response.url()));
  const watch = await show(
    page,
    document(
      el("script", { src: "https://evil.example/a.js" }, "window.top.hacked = 1"),
      el("img", { src: "https://evil.example/a.png", onerror: "top.hacked = 2", onload: "top.hacked = 2" }),
      el("img", { src: "/__lado/enter?ticket=x", srcset: "/__lado/a/ok 1x, https://evil.example/2x.png 2x" }),
      el(
        "a",
        { href: "javascript:top.hacked = 3", target: "_top", ping: "https://evil.example", download: "x" },
        "go",
      ),
      el("iframe", {
        src: "https://evil.example",
        srcdoc: "<script>top.hacked = 4</script>",
        sandbox: "allow-scripts",
      }),
      el("meta", { "http-equiv": "refresh", content: "0;url=https://evil.example" }),
      el("base", { href: "https://evil.example/" }),
      el(
        "form",
        { action: "https://evil.example", target: "_top" },
        el("button", { formaction: "javascript:1" }, "send"),
      ),
      el("object", { data: "https://evil.example/x.swf" }),
      el("embed", { src: "https://evil.example/x.swf" }),
      el("link", { rel: "preload", href: "https://evil.example/x.css" }),
      el("link", { rel: "stylesheet", href: "https://evil.example/x.css" }),
      el("input", { autofocus: "", onfocus: "top.hacked = 5", type: "image", src: "//evil.example/i.png" }),
      el("video", { src: "https://evil.example/v", poster: "https://evil.example/p", autoplay: "" }),
      el("x-menu", {
        onclick: "1",
        "data-src": "kept",
        "image-url": "https://evil.example",
        variant: "kept",
      }),
      el("body", { background: "https://evil.example/b.png", onload: "top.hacked = 6" }),
      svg(
        "svg",
        { onload: "top.hacked = 7" },
        svg("script", { href: "https://evil.example/s.js" }, "top.hacked = 8"),
        svg("use", { href: "https://evil.example/u.svg#a" }),
        svg("a", { "xlink:href": "javascript:top.hacked = 9" }, svg("text", {}, "x")),
        svg("animate", { attributeName: "href", to: "javascript:top.hacked = 10" }),
        svg("image", { href: "data:text/html,<script>1</script>" }),
        svg("foreignObject", {}, el("script", {}, "top.hacked = 11")),
      ),
      el("script></div><img src=x onerror=1>", {}, "odd name"),
    ),
  );
  // 2 html, 3 head, 4 body: what comes later is judged the same.
  watch.ops(
    { tag: OpTag.SetAttr, node: 4, name: "onclick", value: "top.hacked = 12" },
    { tag: OpTag.SetAttr, node: 4, name: "ONCLICK", value: "top.hacked = 12" },
    { tag: OpTag.SetAttr, node: 4, name: "style", value: "background: url(https://evil.example/css.png)" },
    {
      tag: OpTag.Insert,
      parent: 4,
      prev: 0,
      base: 500,
      tree: [...el("iframe", { srcdoc: "x" }, inner(el("html", {}, el("body", {}, el("script", {}, "1")))))],
    },
    { tag: OpTag.SetAttr, node: 500, name: "srcdoc", value: "<script>top.hacked = 13</script>" },
    { tag: OpTag.SetAttr, node: 500, name: "src", value: "javascript:top.hacked = 14" },
    { tag: OpTag.SetAttr, node: 500, name: "sandbox", value: null },
    { tag: OpTag.SetAttr, node: 500, name: "sandbox", value: "allow-scripts allow-top-navigation" },
    { tag: OpTag.Insert, parent: 4, prev: 0, base: 600, tree: el("p", {}, "last") },
  );
  await expect.poll(() => staged(page)).toContain("last");
  await page.waitForTimeout(300);
  const found = await page.evaluate(() => {
    const bad: string[] = [];
    const walk = (node: Node): void => {
      if (node.nodeType === Node.ELEMENT_NODE) {
        const element = node as HTMLIFrameElement;
        const name = element.localName;
        if (/^(script|base|object|embed|animate|set)$/.test(name)) bad.push(`<${name}>`);
        // A meta element says in which colours the page can be shown, and nothing else.
        if (name === "meta" && (element.getAttribute("name") ?? "color-scheme") !== "color-scheme")
          bad.push("<meta>");
        for (const { name: attr, value } of element.attributes) {
          const fine =
            !/^on|^(srcdoc|action|formaction|ping|target|download|autofocus|autoplay|http-equiv)$/i.test(
              attr,
            ) &&
            (!/evil|javascript|text\/html|__lado\/enter/.test(value) || attr === "style") &&
            (attr !== "sandbox" || value === "allow-same-origin");
          if (!fine) bad.push(`${name} ${attr}=${value}`);
        }
        if (name === "iframe" && element.getAttribute("sandbox") !== "allow-same-origin")
          bad.push("open frame");
        if (element.contentDocument) walk(element.contentDocument);
      }
      node.childNodes.forEach(walk);
    };
    const stage = window.document.querySelector<HTMLIFrameElement>("iframe.stage.shown");
    if (stage?.getAttribute("sandbox") !== "allow-same-origin") bad.push("open stage");
    if (stage?.contentDocument) walk(stage.contentDocument);
    return { bad, hacked: (window as { hacked?: unknown }).hacked, address: location.href };
  });
  expect(found).toEqual({ bad: [], hacked: undefined, address: `${VIEWER}/__lado/viewer` });
  expect(
    loaded.filter((url) => !url.startsWith(`${VIEWER}/__lado/viewer`) && !url.startsWith("data:")),
  ).toEqual([]);
  expect(await staged(page)).toContain('<x-menu data-src="kept" variant="kept">');
});

test("an op on a node that is not there asks for a snapshot, and the old page stays until it comes", async ({
  page,
}) => {
  const watch = await show(page, document(el("p", {}, "first")));
  watch.ops({ tag: OpTag.SetText, node: 999, text: "?" });
  await watch.said(ViewerRequestTag.Resync);
  watch.ops({ tag: OpTag.Remove, nodes: [5] });
  expect(await staged(page)).toContain("first");
  watch.ops(snapshot(document(el("p", {}, "second"))));
  await expect.poll(() => staged(page)).toContain("second");
  await expect(page.locator("iframe.stage")).toHaveCount(1);
});

test("a viewer that fails again right after a snapshot asks again, though the page stands still", async ({
  page,
}) => {
  const watch = await show(page, document(el("p", {}, "first")));
  const asked = () => watch.requests.filter(({ tag }) => tag === ViewerRequestTag.Resync).length;
  const fail = () => watch.ops({ tag: OpTag.SetText, node: 999, text: "?" });
  fail();
  await expect.poll(asked).toBe(1);
  watch.ops(snapshot(document(el("p", {}, "second"))));
  await expect.poll(() => staged(page)).toContain("second");
  fail();
  await expect.poll(asked).toBe(2);
  // Once it has what it asked for it is quiet.
  watch.ops(snapshot(document(el("p", {}, "third"))));
  await expect.poll(() => staged(page)).toContain("third");
  fail();
  watch.ops(snapshot(document(el("p", {}, "fourth"))));
  await expect.poll(() => staged(page)).toContain("fourth");
  await page.waitForTimeout(1700);
  expect(asked()).toBe(2);
});

test("bytes that are no message ask for a snapshot and break nothing", async ({ page }) => {
  const watch = await show(page, document(el("p", {}, "first")));
  watch.raw(new Uint8Array([1, 1, 255, 255, 255]));
  await watch.said(ViewerRequestTag.Resync);
  watch.ops(snapshot(document(el("p", {}, "second"))));
  await expect.poll(() => staged(page)).toContain("second");
});

test("a quirks page is quirky, a frame in it is not", async ({ page }) => {
  await show(page, document(el("iframe", {}, inner(el("html", {}, el("body"))))), Level.Look, {
    quirks: true,
  });
  const modes = await page.evaluate(() => {
    const stage = window.document.querySelector<HTMLIFrameElement>("iframe.stage.shown")?.contentDocument;
    return [stage?.compatMode, stage?.querySelector("iframe")?.contentDocument?.compatMode];
  });
  expect(modes).toEqual(["BackCompat", "CSS1Compat"]);
});

test("a page shows when its style sheets are there, and script-made rules apply", async ({ page }) => {
  await page.route(`${VIEWER}/__lado/a/*`, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    await route.fulfill({ contentType: "text/css", body: "p { color: rgb(1, 2, 3) }" });
  });
  // 2 html, 3 head, 4 link, 5 style, 6 text, 7 body, 8 p, 9 text
  const watch = await show(
    page,
    el(
      "html",
      {},
      el(
        "head",
        {},
        el("link", { rel: "stylesheet", href: "/__lado/a/c2hlZXQ" }),
        el("style", {}, "i { color: red }"),
      ),
      el("body", {}, el("p", {}, "styled")),
    ),
  );
  const colour = () =>
    page.evaluate(() => {
      const stage = window.document.querySelector<HTMLIFrameElement>("iframe.stage.shown")?.contentDocument;
      const p = stage?.querySelector("p");
      return p && getComputedStyle(p).color;
    });
  expect(await colour()).toBe("rgb(1, 2, 3)");
  watch.ops({ tag: OpTag.SetSheet, node: 5, css: "p { color: rgb(4, 5, 6) !important }" });
  await expect.poll(colour).toBe("rgb(4, 5, 6)");
  watch.ops({ tag: OpTag.SetAdopted, node: 1, sheets: ["body p { color: rgb(7, 8, 9) !important }"] });
  await expect.poll(colour).toBe("rgb(7, 8, 9)");
});

test("changes of rules that come with a snapshot happen once, whenever the sheet has loaded", async ({
  page,
}) => {
  await page.route(`${VIEWER}/__lado/a/*`, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    await route.fulfill({ contentType: "text/css", body: "a{} b{} i{}" });
  });
  const head = [el("style", {}, "a{} b{} i{}"), el("link", { rel: "stylesheet", href: "/__lado/a/c2hlZXQ" })];
  const watch = await Watch.on(page);
  await serve(page, "viewer", VIEWER, (path) => path === "/__lado/viewer");
  await page.goto(`${VIEWER}/__lado/viewer#a-ticket`);
  await watch.said(ViewerRequestTag.Hello);
  watch.welcome(Level.Control);
  // 2 html, 3 head, 4 style, 5 text, 6 link
  const change = (node: number): Op[] => [
    { tag: OpTag.DeleteRule, node, sheet: 0, path: [0] },
    { tag: OpTag.InsertRule, node, sheet: 0, path: [1], css: "u{}" },
  ];
  watch.ops(snapshot(el("html", {}, el("head", {}, ...head), el("body"))), ...change(4), ...change(6));
  await expect(page.locator("iframe.stage.shown")).toHaveCount(1);
  const rules = () =>
    page.evaluate(() => {
      const stage = window.document.querySelector<HTMLIFrameElement>("iframe.stage.shown")?.contentDocument;
      const sheets = [...(stage?.styleSheets ?? [])].filter(({ ownerNode }) => ownerNode);
      return sheets.map((sheet) => [...sheet.cssRules].map((rule) => rule.cssText[0]).join(""));
    });
  await expect.poll(rules).toEqual(["bui", "bui"]);
  watch.ops({ tag: OpTag.SetAttr, node: 4, name: "title", value: "" }, ...change(4), ...change(6));
  await expect.poll(rules).toEqual(["uui", "uui"]);
  watch.ops({ tag: OpTag.DeleteRule, node: 4, sheet: 0, path: [0] });
  await expect.poll(rules).toEqual(["ui", "uui"]);
});

test("the wheel turns what a mouse there would: out of slots and shadow roots, and in frames", async ({
  page,
}) => {
  const tall = el("div", { style: "height:3000px" });
  const scroller = { style: "height:100px;overflow:auto" };
  const watch = await show(
    page,
    // 2 html, 3 head, 4 body, 5 x-list, 6 shadow, 7 div, 8 slot, 9 div; 10 iframe, 11 document, 12 html, 13 body, 14 div
    el(
      "html",
      {},
      el("head"),
      el(
        "body",
        { style: "margin:0;overflow-x:hidden;height:100%" },
        el("x-list", { style: "display:block" }, shadow(el("div", scroller, el("slot"))), tall),
        el(
          "iframe",
          { style: "display:block;height:100px;border:0" },
          inner(el("html", {}, el("body", {}, tall))),
        ),
        tall,
      ),
    ),
  );
  const box = await page.locator(".glass").boundingBox();
  if (!box) throw new Error("no glass");
  const turn = async (y: number, by: number) => {
    const before = watch.requests.length;
    await page.mouse.move(box.x + 50, box.y + y);
    await page.mouse.wheel(0, by);
    await expect
      .poll(() => watch.requests.slice(before).some(({ tag }) => tag === ViewerRequestTag.Act))
      .toBe(true);
    await expect.poll(() => watch.acted(ActionTag.Scroll)).toBeDefined();
    return watch.acted(ActionTag.Scroll);
  };
  await expect.poll(async () => (await turn(50, 30))?.node).toBe(7);
  await expect.poll(async () => (await turn(150, 30))?.node).toBe(11);
  // At its beginning a frame leaves the wheel to what is around it.
  watch.ops({ tag: OpTag.Scroll, node: 1, x: 0, y: 60 });
  await expect.poll(async () => (await turn(90, -30))?.node).toBe(1);
});

test("clicks, keys and the wheel become actions on the node below, and the stage itself does nothing", async ({
  page,
}) => {
  // 4 body, 5 button, 6 text, 7 input, 8 div
  const watch = await show(
    page,
    document(
      el("button", { style: "position:absolute;left:100px;top:100px;width:200px;height:100px" }, "Pay"),
      el("input", { style: "position:absolute;left:100px;top:300px;width:200px;height:40px" }),
      el("div", { style: "height:3000px" }),
    ),
  );
  const box = await page.locator(".glass").boundingBox();
  if (!box) throw new Error("no glass");
  await page.mouse.click(box.x + 150, box.y + 175);
  await expect
    .poll(() => watch.acted(ActionTag.Click))
    .toMatchObject({ node: 5, x: 250, y: 750, button: Button.Left, count: 1 });
  await expect.poll(() => watch.requests.some(({ tag }) => tag === ViewerRequestTag.Pointer)).toBe(true);
  await page.mouse.click(box.x + 150, box.y + 320);
  await page.keyboard.insertText("ação");
  await expect.poll(() => watch.acted(ActionTag.Type)).toMatchObject({ node: 7, text: "ação" });
  await page.keyboard.press("Enter");
  await expect.poll(() => watch.acted(ActionTag.Key)).toMatchObject({ node: 7, key: "Enter" });
  await page.mouse.wheel(0, 120);
  await expect.poll(() => watch.acted(ActionTag.Scroll)).toMatchObject({ node: 1, x: 0, y: 120 });
  const scrolled = () =>
    page.evaluate(
      () => window.document.querySelector<HTMLIFrameElement>("iframe.stage")?.contentWindow?.scrollY,
    );
  expect(await scrolled()).toBe(0);
  watch.ops({ tag: OpTag.Scroll, node: 1, x: 0, y: 120 });
  await expect.poll(scrolled).toBe(120);
});

test("an agent who may only look sends nothing", async ({ page }) => {
  const watch = await show(
    page,
    document(el("button", { style: "width:400px;height:400px" }, "Pay")),
    Level.Look,
  );
  const box = await page.locator(".glass").boundingBox();
  if (!box) throw new Error("no glass");
  await page.mouse.click(box.x + 100, box.y + 100);
  await page.mouse.wheel(0, 100);
  await page.keyboard.press("a");
  await page.waitForTimeout(200);
  expect(watch.requests.filter(({ tag }) => tag === ViewerRequestTag.Act)).toEqual([]);
});

test("a list is chosen from in the viewer", async ({ page }) => {
  // 5 select, 6 option, 7 text, 8 option
  const watch = await show(
    page,
    document(
      el("select", { style: "width:200px;height:40px" }, el("option", {}, "one"), el("option", {}, "two")),
    ),
  );
  const box = await page.locator(".glass").boundingBox();
  if (!box) throw new Error("no glass");
  await page.mouse.click(box.x + 50, box.y + 20);
  await page.getByRole("listbox").selectOption("two");
  await page.keyboard.press("Enter");
  await expect.poll(() => watch.acted(ActionTag.Select)).toMatchObject({ node: 5, options: [8] });
  expect(watch.acted(ActionTag.Key)).toBeUndefined();
});

test("an option of an open list is chosen by a click, and one more with Ctrl", async ({ page }) => {
  // 5 select, 6 option, 7 text, 8 option, 9 text, 10 option
  const option = (text: string) => el("option", { style: "height:20px" }, text);
  const watch = await show(
    page,
    document(
      el("select", { multiple: "", size: "4", style: "width:200px" }, option("a"), option("b"), option("c")),
    ),
  );
  const middle = async (index: number) => {
    const stage = page.frameLocator("iframe.stage");
    const box = await stage.locator("option").nth(index).boundingBox();
    if (!box) throw new Error("no option");
    return [box.x + box.width / 2, box.y + box.height / 2] as const;
  };
  await page.mouse.click(...(await middle(1)));
  await expect.poll(() => watch.acted(ActionTag.Select)).toMatchObject({ node: 5, options: [8] });
  watch.ops({ tag: OpTag.SetSelected, node: 5, options: [8] });
  await page.keyboard.down("Control");
  await page.mouse.click(...(await middle(2)));
  await expect.poll(() => watch.acted(ActionTag.Select)).toMatchObject({ node: 5, options: [8, 10] });
  watch.ops({ tag: OpTag.SetSelected, node: 5, options: [8, 10] });
  await page.mouse.click(...(await middle(1)));
  await expect.poll(() => watch.acted(ActionTag.Select)).toMatchObject({ node: 5, options: [10] });
  await page.keyboard.up("Control");
  expect(watch.acted(ActionTag.Click)).toBeUndefined();
});

test("inside the console, refusals are told by name and a lost connection asks for a new ticket", async ({
  page,
}) => {
  const watch = await Watch.on(page);
  await serve(page, "viewer", VIEWER, (path) => path === "/__lado/viewer");
  await page.route(`${CONSOLE}/frame`, (route) =>
    route.fulfill({
      contentType: "text/html",
      body: "<!doctype html><iframe style='width:900px;height:600px'></iframe>",
    }),
  );
  await page.goto(`${CONSOLE}/frame`);
  await page.evaluate((viewer) => {
    const said: unknown[] = [];
    Object.assign(window, { said });
    const frame = window.document.querySelector("iframe");
    addEventListener("message", (event) => {
      said.push(event.data);
      if (event.data.type !== "ticket?") return;
      frame?.contentWindow?.postMessage(
        { lado: "console", type: "ticket", ticket: "second" },
        new URL(viewer).origin,
      );
    });
    frame?.addEventListener("load", () => {
      frame.contentWindow?.postMessage({ lado: "console", type: "mode", fit: true }, new URL(viewer).origin);
    });
    if (frame) frame.src = viewer;
  }, `${VIEWER}/__lado/viewer#first`);
  const said = () => page.evaluate(() => (window as unknown as { said: { type: string }[] }).said);
  await watch.said(ViewerRequestTag.Hello);
  watch.welcome(Level.Control);
  watch.ops(
    snapshot(document(el("button", { style: "width:400px;height:200px" }, "Buy now")), { title: MASK }),
  );
  await expect.poll(said).toContainEqual({ lado: "viewer", type: "ready" });
  await expect.poll(said).toContainEqual({
    lado: "viewer",
    type: "page",
    title: MASK,
    url: "https://www.shop.example/cart",
    width: 800,
    height: 500,
  });
  const glass = page.frameLocator("iframe").locator(".glass");
  await glass.click({ position: { x: 100, y: 50 } });
  await expect.poll(() => watch.acted(ActionTag.Click)).toBeDefined();
  const act = watch.requests.find((r) => r.tag === ViewerRequestTag.Act && r.action.tag === ActionTag.Click);
  watch.notice({
    tag: ViewerNoticeTag.Acted,
    id: act?.tag === ViewerRequestTag.Act ? act.id : 0,
    refusal: Refusal.Locked,
    rule: "buy",
  });
  await expect.poll(said).toContainEqual({
    lado: "viewer",
    type: "refused",
    refusal: Refusal.Locked,
    rule: "buy",
    label: "Buy now",
  });
  await watch.drop();
  await expect.poll(async () => (await watch.said(ViewerRequestTag.Hello)).ticket).toBe("second");
  expect(watch.connections).toBe(2);
});
