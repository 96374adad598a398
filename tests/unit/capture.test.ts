// The page script against a stand-in for Lado: what it says of a page is what the page is.

import { readFileSync } from "node:fs";
import { type Browser, expect, type Page, test } from "@playwright/test";
import {
  ActionTag,
  Button,
  Layer,
  MASK,
  NodeKind,
  OpTag,
  PageCommandTag,
  PageMessageTag,
  Refusal,
} from "../../injected/protocol/messages";
import { describe as describePage, StandIn } from "./line";

let browser: Browser;

test.beforeAll(({ browser: launched }) => {
  browser = launched;
});

const doc = (body: string, head = "") =>
  `<!doctype html><html lang="en"><head><title>Shop</title>${head}</head><body>${body}</body></html>`;

async function open(html: string, rules: Parameters<typeof StandIn.start>[1] = {}) {
  const lado = await StandIn.start(html, rules);
  const page = await browser.newPage();
  page.on("pageerror", (error) => lado.errors.push(error));
  await page.goto(`${lado.origin}/`);
  // The late script has come: it tells more than the tree.
  await expect.poll(() => lado.mirror.ops.some(({ tag }) => tag === OpTag.Features)).toBe(true);
  await settled(page, lado);
  return { lado, page };
}

let markers = 0;

/** Everything that has happened in the page has been told. */
async function settled(page: Page, lado: StandIn): Promise<void> {
  const marker = `marker ${++markers}`;
  await page.evaluate((title) => {
    document.title = title;
  }, marker);
  await expect.poll(() => lado.mirror.title, { timeout: 5000 }).toBe(marker);
  expect(lado.errors).toEqual([]);
}

async function same(page: Page, lado: StandIn): Promise<void> {
  await settled(page, lado);
  expect(lado.mirror.lines()).toEqual(await page.evaluate(describePage));
}

async function close(page: Page, lado: StandIn): Promise<void> {
  await page.close();
  lado.stop();
}

test("a snapshot holds the page, with shadow roots and frames, and not our own things", async () => {
  const { lado, page } = await open(
    doc(
      `<!-- no --><p id="p" onclick="x()">Hi <b>there</b></p><svg viewBox="0 0 1 1"><path d="M0 0"/></svg>
       <template><i>no</i></template><script>window.secret = 1;</script>
       <div id="host"><template shadowrootmode="open"><slot></slot><em>shadow</em></template><u>light</u></div>
       <iframe id="f" srcdoc="<p>inside"></iframe>`,
    ),
  );
  await page.waitForLoadState("load");
  await same(page, lado);
  expect(lado.mirror.lines().join("\n")).toContain('"inside"');
  expect(lado.mirror.lines().join("\n")).not.toMatch(/secret|overlay|onclick/);
  expect(lado.mirror.url).toBe("https://www.shop.test/");
  await close(page, lado);
});

test("random changes leave the mirror with the page's tree", async () => {
  test.setTimeout(180_000);
  const { lado, page } = await open(doc(`<main id="root"><p>start</p></main>`));
  const seeds = process.env.LADO_SEED
    ? [Number(process.env.LADO_SEED)]
    : Array.from({ length: Number(process.env.LADO_SEEDS ?? 40) }, () => Math.floor(Math.random() * 2 ** 31));
  for (const seed of seeds) {
    await test.step(`seed ${seed}`, async () => {
      await page.evaluate(mutate, { seed, rounds: 12 });
      await settled(page, lado);
      expect(lado.mirror.lines(), `LADO_SEED=${seed}`).toEqual(await page.evaluate(describePage));
      expect(lado.mirror.snapshots).toBe(1);
    });
  }
  await close(page, lado);
});

/** Runs in the page: random changes from a seed, in one task, over microtasks, over tasks and over frames. */
async function mutate({ seed, rounds }: { seed: number; rounds: number }): Promise<void> {
  let state = seed;
  const random = (n: number): number => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
  const root = document.getElementById("root") as HTMLElement;
  const pool: Node[] = [];
  const everywhere = (): Node[] => {
    const all: Node[] = [];
    const walk = (node: Node): void => {
      for (const child of node.childNodes) {
        all.push(child);
        walk(child);
      }
      const shadow = (node as Element).shadowRoot;
      if (shadow) {
        all.push(shadow);
        walk(shadow);
      }
    };
    walk(root);
    return all;
  };
  const pick = <T>(list: T[]): T | undefined => list[random(list.length || 1)];
  const element = (): Node => {
    const made = document.createElement(["div", "p", "span", "ul", "template", "b"][random(6)] as string);
    for (let i = random(4); i > 0; i--)
      made.append(random(2) ? `t${random(99)}` : document.createElement("i"));
    if (
      random(5) === 0 &&
      made.localName !== "template" &&
      made.localName !== "b" &&
      made.localName !== "ul"
    ) {
      made.attachShadow({ mode: "open" }).append(`s${random(99)}`, document.createElement("slot"));
    }
    return made;
  };
  for (let round = 0; round < rounds; round++) {
    for (let i = random(12); i >= 0; i--) {
      const nodes = everywhere();
      const holders = [root, ...nodes.filter((node) => node.nodeType === 1 || node.nodeType === 11)];
      const parent = pick(holders) as Element;
      const node = pick(nodes);
      const before = pick([null, ...parent.childNodes]) ?? null;
      try {
        switch (random(12)) {
          case 0:
          case 1:
            parent.insertBefore(element(), before);
            break;
          case 2:
            parent.insertBefore(document.createTextNode(`n${random(999)}`), before);
            break;
          case 3:
          case 4:
            if (node && node.nodeType !== 11) parent.insertBefore(node, before);
            break;
          case 5:
            if (node && node.nodeType !== 11) {
              (node as ChildNode).remove();
              pool.push(node);
            }
            break;
          case 6: {
            const back = pick(pool);
            if (back) parent.insertBefore(back, before);
            break;
          }
          case 7: {
            // Changes while it is out of the document.
            const out = pick(pool);
            if (out && out.nodeType === 1) (out as Element).append(element(), pick(nodes) ?? "");
            break;
          }
          case 8:
            if (node?.nodeType === 1) (node as Element).setAttribute(`a${random(3)}`, `${random(99)}`);
            break;
          case 9:
            if (node?.nodeType === 1) (node as Element).removeAttribute(`a${random(3)}`);
            break;
          case 10:
            if (node?.nodeType === 3) (node as Text).data = `c${random(999)}`;
            else if (node?.nodeType === 1 && random(6) === 0)
              (node as Element).replaceChildren(element(), "x");
            break;
          case 11: {
            // Wraps one, or turns parent and child around.
            if (node?.nodeType !== 1) break;
            const wrap = random(2) ? element() : node.firstChild;
            if (wrap?.nodeType !== 1 || !node.parentNode) break;
            node.parentNode.insertBefore(wrap, node);
            wrap.appendChild(node);
            break;
          }
        }
      } catch {
        // Not every place takes every node.
      }
      if (random(6) === 0) await Promise.resolve();
    }
    if (everywhere().length > 300) root.replaceChildren("small again");
    if (random(3) === 0) await new Promise((done) => setTimeout(done, random(3)));
    if (random(4) === 0) await new Promise((done) => requestAnimationFrame(done));
  }
}

test("reversing a long list costs moves, not new nodes", async () => {
  const rows = Array.from({ length: 500 }, (_, i) => `<li>row ${i}</li>`).join("");
  const { lado, page } = await open(doc(`<ul id="l">${rows}</ul>`));
  const before = lado.mirror.ops.length;
  const bytes = Buffer.concat(lado.bytes).length;
  await page.evaluate(() => {
    const list = document.getElementById("l") as HTMLElement;
    for (const row of [...list.children].reverse()) list.append(row);
  });
  await same(page, lado);
  const ops = lado.mirror.ops.slice(before);
  // The title's own text, which says that all is told, comes and goes.
  expect(ops.filter(({ tag }) => tag === OpTag.Move)).toHaveLength(500);
  expect(ops.filter(({ tag }) => tag === OpTag.Insert)).toHaveLength(1);
  expect(Buffer.concat(lado.bytes).length - bytes).toBeLessThan(500 * 10);
  await close(page, lado);
});

test("fields tell what script and customer put into them", async () => {
  const { lado, page } = await open(
    doc(`<form id="form"><input id="t" value="a"><textarea id="a">b</textarea><input id="c" type="checkbox">
      <input id="r1" type="radio" name="r" checked><input id="r2" type="radio" name="r">
      <select id="s"><option id="o1">1<option id="o2">2</select></form>`),
  );
  const { mirror } = lado;
  const id = (name: string) => mirror.byElementId(name).id;
  await page.fill("#a", "typed");
  await page.click("#r2");
  await page.selectOption("#s", "2");
  await page.evaluate(() => {
    (document.getElementById("t") as HTMLInputElement).value = "by script";
    (document.getElementById("c") as HTMLInputElement).checked = true;
  });
  await settled(page, lado);
  expect(mirror.values.get(id("t"))).toBe("by script");
  expect(mirror.values.get(id("a"))).toBe("typed");
  expect(mirror.checked.get(id("c"))).toBe(true);
  expect(mirror.checked.get(id("r1"))).toBe(false);
  expect(mirror.checked.get(id("r2"))).toBe(true);
  expect(mirror.selected.get(id("s"))).toEqual([id("o2")]);
  // What a script checks unchecks another.
  await page.evaluate(() => {
    (document.getElementById("r1") as HTMLInputElement).checked = true;
  });
  await settled(page, lado);
  expect([mirror.checked.get(id("r1")), mirror.checked.get(id("r2"))]).toEqual([true, false]);
  await page.evaluate(() => (document.getElementById("form") as HTMLFormElement).reset());
  await page.waitForTimeout(50);
  await settled(page, lado);
  expect(mirror.values.get(id("t"))).toBe("a");
  expect(mirror.checked.get(id("c"))).toBe(false);
  expect(mirror.checked.get(id("r1"))).toBe(true);
  await close(page, lado);
});

test("of what is typed only what is new is told", async () => {
  const { lado, page } = await open(doc(`<input id="t"><textarea id="a"></textarea>`));
  const { mirror } = lado;
  const value = (name: string) => mirror.values.get(mirror.byElementId(name).id);
  const set = async (name: string, text: string): Promise<void> => {
    await page.evaluate(
      ([name, text]) => {
        (document.getElementById(name ?? "") as HTMLInputElement).value = text ?? "";
      },
      [name, text],
    );
    await settled(page, lado);
    expect(value(name)).toBe(text);
  };
  await page.click("#t");
  await page.keyboard.type("to whom it may concern");
  await settled(page, lado);
  expect(value("t")).toBe("to whom it may concern");
  const typed = mirror.splices;
  // A key costs its letter, not where it stands: over what is selected and within the text, too.
  const before = lado.messages.length;
  for (const key of ["!", "ArrowLeft", "ArrowLeft", "ç", "Shift+ArrowLeft", "😀", "b", "Backspace"]) {
    if ([...key].length === 1) await page.keyboard.insertText(key);
    else await page.keyboard.press(key);
    await expect.poll(() => value("t")).toBe(await page.inputValue("#t"));
    await settled(page, lado);
  }
  expect(value("t")).toBe("to whom it may concer😀n!");
  const keys = lado.messages.slice(before).filter(({ tag }) => tag === PageMessageTag.Typed);
  expect(keys.length).toBeGreaterThan(3);
  expect(mirror.caret).toMatchObject({ start: 23, end: 23 });
  // What is typed within one frame is told together.
  expect(typed).toBeGreaterThan(0);
  // Pairs of units, repeated letters, and everything anew.
  for (const text of [
    "aaaaaaaaaa",
    "aaaaaaaaaaa",
    "aaaaaa",
    "aaaaaa 😀😃 ção",
    "aaaaaa 😄😃 ção",
    "aaaaaa 😄😃😃 ção",
    "aaaaaa 😃 ção",
    "",
    "x",
  ])
    await set("a", text);
  expect(mirror.splices).toBeGreaterThan(typed);
  await close(page, lado);
});

test("rules inserted by script into an empty style element are told", async () => {
  const { lado, page } = await open(doc("<p>x</p>", `<style id="e"></style><style id="g"></style>`));
  await page.evaluate(() => {
    const { sheet } = document.getElementById("e") as HTMLStyleElement;
    sheet?.insertRule(".css-1{color:red}");
    sheet?.insertRule(".css-2{color:blue}", 1);
    const made = new CSSStyleSheet();
    made.replaceSync("p{margin:1px}");
    document.adoptedStyleSheets = [made];
    document.adoptedStyleSheets.push(new CSSStyleSheet());
  });
  await settled(page, lado);
  const sheet = lado.mirror.sheets.get(lado.mirror.byElementId("e").id);
  expect(sheet).toBe(".css-1 { color: red; }\n.css-2 { color: blue; }");
  expect(lado.mirror.adopted.get(1)).toEqual(["p { margin: 1px; }", ""]);
  await close(page, lado);
});

test("constructed sheets that nobody wears any more make room, and fonts are told once", async () => {
  const { lado, page } = await open(doc(`<p>x</p><div id="host"></div>`));
  await page.evaluate(async () => {
    const frame = () => new Promise(requestAnimationFrame);
    document.fonts.add(new FontFace("Own", "url(/own.ttf)"));
    const shadow = document.getElementById("host")?.attachShadow({ mode: "open" });
    const shared = new CSSStyleSheet();
    shared.replaceSync("p{color:teal}");
    if (shadow) shadow.adoptedStyleSheets = [shared];
    for (let i = 0; i < 20; i++) {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(`p{margin:${i}px}`);
      document.adoptedStyleSheets = [shared, sheet];
      await frame();
      await frame();
      sheet.insertRule("p{padding:0px}");
      await frame();
    }
  });
  await settled(page, lado);
  const { mirror } = lado;
  const css = (text: string | undefined) => text?.replaceAll(" ", "").replaceAll("\n", "");
  expect(mirror.adopted.get(1)?.slice(1).map(css)).toEqual(["p{color:teal;}", "p{margin:19px;}"]);
  expect([...mirror.defined.values()].map(css)).toContain("p{padding:0px;}p{margin:19px;}");
  const shadow = mirror.find(({ kind }) => kind === NodeKind.Shadow);
  expect(mirror.adopted.get(shadow.id)?.map(css)).toEqual(["p{color:teal;}"]);
  expect(mirror.defined.size).toBeLessThanOrEqual(4);
  const fonts = mirror.ops.filter((op) => op.tag === OpTag.DefineSheet && op.css.includes("Own"));
  expect(fonts).toHaveLength(1);
  await close(page, lado);
});

test("frames are followed as they load, are written and go", async () => {
  const { lado, page } = await open(doc(`<iframe id="f"></iframe><iframe id="g" src="/inner"></iframe>`));
  lado.pages.set("/inner", "<p id=one>inner page");
  await page.evaluate(() => {
    const frame = document.getElementById("f") as HTMLIFrameElement;
    frame.contentDocument?.open();
    frame.contentDocument?.write("<body contenteditable><p id=w>written</p>");
    frame.contentDocument?.close();
    (document.getElementById("g") as HTMLIFrameElement).src = "/inner?2";
  });
  await page.waitForTimeout(300);
  await same(page, lado);
  expect(lado.mirror.lines().join()).toContain("written");
  expect(lado.mirror.lines().join()).toContain("inner page");
  await page.evaluate(() => {
    const inner = (document.getElementById("f") as HTMLIFrameElement).contentDocument;
    inner?.body.append("more");
    document.getElementById("g")?.remove();
  });
  await same(page, lado);
  await close(page, lado);
});

test("what is hidden on a path is hidden in a frame that shows the path", async () => {
  const paths = ["^/account/.*$"];
  const { lado, page } = await open(doc(`<p class="balance">here</p><iframe id="f"></iframe>`), {
    mask: [{ id: "balance", selector: ".balance", paths }],
    unmask: [{ id: "shown", selector: ".name", paths }],
    private: [{ id: "vault", paths: ["^/vault/.*$"] }],
  });
  lado.pages.set(
    "/account/sum",
    '<p class="balance">9.120,44</p><div data-lado-mask><p class="name">Maria</p></div>free',
  );
  lado.pages.set("/vault/x", "<p>all of it");
  const show = (src: string) =>
    page.evaluate((src) => {
      const frame = document.getElementById("f") as HTMLIFrameElement;
      return new Promise((resolve) => {
        frame.onload = resolve;
        frame.src = src;
      });
    }, src);
  const lines = () => lado.mirror.lines().join();
  expect(lines()).toContain("here");
  await show("/account/sum");
  await expect.poll(lines).toContain("free");
  await settled(page, lado);
  // The frame goes on by itself.
  await page.evaluate(() => {
    const inner = (document.getElementById("f") as HTMLIFrameElement).contentWindow;
    inner?.history.replaceState(null, "", "/account/other");
    const more = inner?.document.createElement("p");
    if (!more) return;
    more.className = "balance";
    more.textContent = "7.001,00";
    inner?.document.body.append(more, "more");
  });
  await expect.poll(lines).toContain("more");
  // Where all is hidden, all of the page is, while it shows that.
  await show("/vault/x");
  await page.evaluate(() => {
    document.title = "covered";
  });
  await expect.poll(() => lado.mirror.title).toBe(MASK);
  await page.evaluate(() => document.getElementById("f")?.remove());
  await settled(page, lado);
  const told = Buffer.concat(lado.bytes).toString();
  for (const secret of ["9.120,44", "Maria", "all of it", "7.001,00"]) expect(told).not.toContain(secret);
  await close(page, lado);
});

/** As they ship. */
const PATTERNS = readFileSync(new URL("../../rules/detectors.toml", import.meta.url), "utf8");
const DETECTORS = (["card", "cpf", "email"] as const).map((id) => ({
  id,
  pattern: new RegExp(`id = "${id}"\\npattern = '(.*)'`).exec(PATTERNS)?.[1] ?? "",
  check: ({ card: "luhn", cpf: "cpf", email: "" } as const)[id],
}));
const MASKED = [{ id: "m", selector: ".private,[autocomplete=cc-number]", paths: [] }];

test("what rules mask is in no byte that leaves the page", async () => {
  const { lado, page } = await open(
    doc(`<div class="private" title="alpha">bravo <b data-x="charlie">delta</b><input id="i" value="echo"></div>
      <p>Your card <b>4111</b> 1111 <i>1111 1111</i> and １２３.４５６.789-09, ana@example.com, order 1234567890123</p>
      <input id="p" type="password"><input id="n" autocomplete="cc-number"><div id="later">foxtrot</div><p id="split">5555 5555</p>
      <label>Security-Code: <input id="code"></label><div class="private">lima <b class="public">shown</b></div>
      <p>DE89 ٤١١١ ١١١١ ١١١١ ١١١١</p>`),
    {
      mask: MASKED,
      detectors: DETECTORS,
      labels: [{ id: "cvv", names: ["security code"], paths: [] }],
      unmask: [{ id: "u", selector: ".public", paths: [] }],
    },
  );
  await page.fill("#p", "golf-secret");
  await page.fill("#n", "hotel-secret");
  await page.fill("#code", "mike-secret");
  await page.evaluate(() => {
    (document.getElementById("p") as HTMLInputElement).type = "text";
    (document.getElementById("i") as HTMLInputElement).value = "india";
    const late = document.createElement("span");
    late.className = "private";
    late.textContent = "juliet";
    document.body.append(late);
    const half = document.createElement("b");
    half.textContent = " 5555 4444";
    document.getElementById("split")?.append(half);
  });
  await page.fill("#p", "golf-secret again");
  await page.evaluate(() => {
    const later = document.getElementById("later") as HTMLElement;
    later.className = "private";
    later.append("kilo");
  });
  await settled(page, lado);
  // What masked fields hold is told to Lado by itself, for it to hide that elsewhere: no op carries it.
  const isSecret = (bytes: Buffer) => bytes[0] === PageMessageTag.Secret;
  const kept = Buffer.concat(lado.bytes.filter(isSecret)).toString("utf8");
  expect(kept).toContain("hotel-secret");
  const sent = Buffer.concat(lado.bytes.filter((bytes) => !isSecret(bytes))).toString("utf8");
  for (const word of [
    "alpha",
    "bravo",
    "charlie",
    "delta",
    "echo",
    "golf",
    "hotel",
    "india",
    "juliet",
    "kilo",
  ]) {
    expect(sent, word).not.toContain(word);
  }
  expect(sent).not.toMatch(/4111|1111|789-09|ana@|5555 4444|١١١١/);
  const lines = lado.mirror.lines().join("\n");
  expect(lines).toContain("1234567890123");
  expect(lines).not.toContain("foxtrot");
  expect(lines).toContain("shown");
  expect(lado.mirror.byElementId("split").children[0]?.text).toBe(MASK);
  expect(lado.mirror.values.get(lado.mirror.byElementId("p").id)).toBe(MASK);
  expect(await page.evaluate(() => document.querySelectorAll("[data-lado-mask]").length)).toBe(7);
  await close(page, lado);
});

test("numbers are found however far apart their groups stand, and what stands alike is left alone", async () => {
  const hidden = [
    "4111 - 1111 - 1111 - 1111",
    "4111, 1111, 1111, 1111",
    "4111 / 1111 / 1111 / 1111",
    "4111_1111_1111_1111",
    "4111 · 1111 · 1111 · 1111",
    "3782 | 822463 | 10005",
    "529.982.247 - 25",
    [..."4111111111111111"].map((digit) => `${digit}\ufe0f\u20e3`).join(""),
    [..."4111111111111111"].map((digit) => String.fromCodePoint(0x17e0 + Number(digit))).join(""),
  ];
  const shown = [
    "2019, 2020, 2021, 2022",
    "2.599,80 | 3.899,70 | 1.299,90",
    "23/11/2026 - 24/11/2026",
    "2, 4, 6, 8, 10, 12, 14, 16, 18",
    "R$ 529.982.247,25",
    "4111 - 1111 - 1111 - 1112",
    "SKU 5501-2244 | 5501-2245",
  ];
  const { lado, page } = await open(
    doc(`${[...hidden, ...shown].map((text, i) => `<p id="p${i}">${text}</p>`).join("")}<input id="i">`),
    { detectors: DETECTORS },
  );
  const said = (id: string) => lado.mirror.byElementId(id).children[0]?.text;
  for (const [i, text] of hidden.entries()) expect(said(`p${i}`)?.replace(/\p{M}/gu, ""), text).toBe(MASK);
  for (const [i, text] of shown.entries()) expect(said(`p${hidden.length + i}`), text).toBe(text);
  await page.locator("#i").pressSequentially("4111 - 1111 - 11");
  await settled(page, lado);
  expect(lado.mirror.values.get(lado.mirror.byElementId("i").id)).toBe(MASK);
  await close(page, lado);
});

test("a word of a label masks what is typed under it, and no button that says it", async () => {
  const { lado, page } = await open(
    doc(`<input id="a" placeholder="Digite o CVV"><input id="b" placeholder="MM / AA"><input id="c" placeholder="DD/MM/AA">
      <label>Show PIN <input id="d" type="checkbox"></label><input id="e" type="submit" value="Forgot PIN?">`),
    { labels: [{ id: "l", names: ["cvv", "pin", "=mm aa"], paths: [] }] },
  );
  for (const id of ["a", "b", "c"]) await page.fill(`#${id}`, "737");
  await settled(page, lado);
  const of = (id: string) => lado.mirror.byElementId(id);
  expect(["a", "b", "c"].map((id) => lado.mirror.values.get(of(id).id))).toEqual([MASK, MASK, "737"]);
  expect(of("e").attrs.get("value")).toBe("Forgot PIN?");
  expect(of("d").attrs.has("data-lado-mask")).toBe(false);
  await close(page, lado);
});

test("what masked lists and places to write in hold is told, to be hidden elsewhere", async () => {
  const { lado, page } = await open(
    doc(`<div class="private"><select id="s"><option value="">Choose an account<option>Conta corrente 12345-6<option>Outra</select>
      <div id="w" contenteditable="true"></div><button id="b">Azul do mar</button></div><input id="i">`),
    { mask: MASKED },
  );
  await page.selectOption("#s", { index: 2 });
  await page.selectOption("#s", { index: 1 });
  await page.locator("#w").pressSequentially("Rua Azul 7");
  await page.keyboard.press("Enter");
  await page.keyboard.type("Casa 2");
  await page.locator("#b").focus();
  await page.locator("#i").focus();
  await settled(page, lado);
  const kept = Buffer.concat(lado.bytes.filter((bytes) => bytes[0] === PageMessageTag.Secret)).toString(
    "utf8",
  );
  expect(kept).toContain("Conta corrente 12345-6");
  expect(kept).toContain("Rua Azul 7\nCasa 2");
  expect(kept).not.toMatch(/Choose|Outra|do mar/);
  await close(page, lado);
});

test("a dropped line goes on without a snapshot, and with one when something was lost for good", async () => {
  const { lado, page } = await open(doc(`<ul id="l"><li>0</li></ul>`));
  const add = (text: string) =>
    page.evaluate((it) => {
      const row = document.createElement("li");
      row.textContent = it;
      document.getElementById("l")?.append(row);
    }, text);
  lado.deaf = true;
  await add("sent, never received");
  await page.waitForTimeout(100);
  lado.drop();
  lado.deaf = false;
  await add("made while away");
  await expect.poll(() => lado.hellos).toBe(2);
  await same(page, lado);
  expect(lado.mirror.snapshots).toBe(1);
  // Lado forgot all.
  lado.drop();
  lado.received = 0;
  await expect.poll(() => lado.hellos, { timeout: 5000 }).toBe(3);
  await same(page, lado);
  expect(lado.mirror.snapshots).toBe(2);
  await close(page, lado);
});

test("a page that Lado has been away from for too long collects nothing more, and begins anew", async () => {
  const lado = await StandIn.start(doc(`<ul id="l"><li>0</li></ul>`));
  const page = await browser.newPage();
  await page.clock.install();
  await page.goto(`${lado.origin}/`);
  await expect.poll(() => lado.mirror.snapshots).toBe(1);
  lado.closed = true;
  lado.drop();
  const pass = async (ms: number) => page.clock.fastForward(ms);
  await expect
    .poll(async () => [await pass(5000), lado.refused][1], { intervals: [20], timeout: 60_000 })
    .toBeGreaterThan(26);
  await page.evaluate(() => document.getElementById("l")?.append("made while away"));
  lado.closed = false;
  await expect.poll(async () => [await pass(5000), lado.hellos][1]).toBe(2);
  await expect.poll(async () => [await pass(100), lado.mirror.snapshots][1]).toBe(2);
  expect(lado.mirror.lines().join()).toContain("made while away");
  expect(lado.errors).toEqual([]);
  await close(page, lado);
});

test("a session that has ended while the line was gone ends in the page, too", async () => {
  const { lado, page } = await open(doc("<p>x</p>"));
  // Without Lado's script, which would come here again.
  lado.pages.set("/__lado/farewell", "<!doctype html><h1>Goodbye</h1>");
  lado.over = true;
  lado.drop();
  await expect(page.locator("h1")).toHaveText("Goodbye");
  await close(page, lado);
});

test("images that only the customer's browser has are told, and stay what was told", async () => {
  const { lado, page } = await open(doc(`<div id="d"><img id="small"><img id="large"></div>`));
  await page.evaluate(async () => {
    let asked = 0;
    const { fetch } = window;
    Object.assign(window, {
      asked: () => asked,
      fetch: (...args: Parameters<typeof fetch>) => {
        asked++;
        return fetch(...args);
      },
    });
    const picture = async (size: number): Promise<Blob> => {
      const canvas = new OffscreenCanvas(size, size);
      const noise = new ImageData(size, size);
      for (let i = 0; i < noise.data.length; i += 65_536)
        crypto.getRandomValues(noise.data.subarray(i, i + 65_536));
      canvas.getContext("2d")?.putImageData(noise, 0, 0);
      return canvas.convertToBlob();
    };
    const show = async (id: string, size: number) => {
      (document.getElementById(id) as HTMLImageElement).src = URL.createObjectURL(await picture(size));
    };
    await show("small", 30);
    await show("large", 1100);
  });
  const src = (id: string) => lado.mirror.byElementId(id).attrs.get("src")?.slice(0, 15);
  await expect.poll(() => src("small")).toBe("data:image/png;");
  await expect.poll(() => src("large")).toBe("data:image/webp");
  const asked = () => page.evaluate(() => (window as unknown as { asked(): number }).asked());
  expect(await asked()).toBe(2);
  const { checks } = lado.mirror;
  await expect.poll(() => lado.mirror.checks, { timeout: 15_000 }).toBeGreaterThan(checks + 1);
  lado.send({ tag: PageCommandTag.Mend, node: lado.mirror.byElementId("d").id });
  await settled(page, lado);
  expect([src("small"), src("large"), await asked()]).toEqual(["data:image/png;", "data:image/webp", 2]);
  await close(page, lado);
});

test("what stands over the page still does when it has been told anew", async () => {
  const { lado, page } = await open(doc(`<section id="s"><p id="p" popover>over</p></section>`));
  await page.evaluate(() => document.getElementById("p")?.showPopover());
  const layered = () => {
    const op = lado.mirror.ops.findLast(({ tag }) => tag === OpTag.SetLayer);
    return op?.tag === OpTag.SetLayer && op.layer === Layer.Popover ? op.node : 0;
  };
  await expect.poll(layered).toBe(lado.mirror.byElementId("p").id);
  const before = lado.mirror.byElementId("p").id;
  lado.send({ tag: PageCommandTag.Mend, node: lado.mirror.byElementId("s").id });
  await expect.poll(() => lado.mirror.byElementId("p").id).not.toBe(before);
  await expect.poll(layered).toBe(lado.mirror.byElementId("p").id);
  await close(page, lado);
});

test("the page compares itself with Lado's copy, and tells anew what is wrong there", async () => {
  const { lado, page } = await open(
    doc(`<section id="s"><p class="a" title="Olá">😀 um</p><input id="i" value="a"><div id="host"></div>
      <div id="box" style="height:40px;overflow:auto"><p style="height:300px">tall</p></div>
      <iframe srcdoc="<p>inside</p>"></iframe></section>${"<ul><li>one<li>two</ul>".repeat(60)}`),
    {
      mask: [{ id: "m", selector: ".m", paths: [] }],
      detectors: [{ id: "n", pattern: "[0-9]{6}", check: "" }],
    },
  );
  await page.waitForLoadState("load");
  await page.evaluate(() => {
    document.getElementById("host")?.attachShadow({ mode: "closed" }).append("shadow");
    document.querySelector("li")?.classList.add("m");
    (document.querySelectorAll("li")[3] as HTMLElement).textContent = "call 123456 now";
    (document.querySelectorAll("li")[4] as HTMLElement).textContent = "half \ud83d a pair";
    (document.getElementById("box") as HTMLElement).scrollTop = 30;
  });
  await page.fill("#i", "typed");
  await settled(page, lado);
  await expect.poll(() => lado.mirror.checks, { timeout: 15_000 }).toBeGreaterThan(0);
  expect(lado.errors).toEqual([]);
  const lines = lado.mirror.lines();
  expect(lines.join("\n")).not.toContain("123456");
  const wrong = lado.mirror.byElementId("s");
  lado.send({ tag: PageCommandTag.Mend, node: wrong.id });
  await expect.poll(() => lado.mirror.byElementId("s").id).not.toBe(wrong.id);
  await settled(page, lado);
  expect(lado.mirror.lines().filter((line) => !line.includes("marker"))).toEqual(
    lines.filter((line) => !line.includes("marker")),
  );
  expect(lado.mirror.snapshots).toBe(1);
  expect(lado.mirror.values.get(lado.mirror.byElementId("i").id)).toBe("typed");
  expect(lado.mirror.scroll.get(lado.mirror.byElementId("box").id)).toEqual([0, 30]);
  const { checks } = lado.mirror;
  await expect.poll(() => lado.mirror.checks, { timeout: 15_000 }).toBeGreaterThan(checks);
  expect(lado.errors).toEqual([]);
  await close(page, lado);
});

test("a field that goes and comes back still says what was typed into it", async () => {
  const { lado, page } = await open(doc(`<p id="p"><input id="i"></p>`));
  await page.fill("#i", "typed");
  await settled(page, lado);
  const { id } = lado.mirror.byElementId("i");
  await page.evaluate(async () => {
    const field = document.getElementById("i") as HTMLElement;
    field.remove();
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    document.getElementById("p")?.append(field);
  });
  await same(page, lado);
  expect(lado.mirror.byElementId("i").id).not.toBe(id);
  expect(lado.mirror.values.get(lado.mirror.byElementId("i").id)).toBe("typed");
  await close(page, lado);
});

test("agents' clicks, text and keys arrive as the page expects them", async () => {
  const { lado, page } = await open(
    doc(`<form id="form" action="/sent"><label id="label" for="t">Name</label><input id="t" name="t">
      <button id="b">Go</button></form><textarea id="a"></textarea><input id="c" type="checkbox">
      <select id="s"><option id="o1">1<option id="o2">2</select><div id="e" contenteditable>x</div>
      <div style="height:3000px"></div><button id="far">Far</button><p id="log"></p>
      <script>
        const log = (word) => (document.getElementById("log").textContent += word + " ");
        form.onsubmit = (event) => { event.preventDefault(); log("submit:" + t.value); };
        for (const type of ["input", "change"]) addEventListener(type, (e) => log(type + ":" + e.target.id));
        for (const type of ["pointerdown","mousedown","pointerup","mouseup","click"]) far.addEventListener(type, () => log(type));
      </script>`),
  );
  const { mirror } = lado;
  const id = (name: string) => mirror.byElementId(name).id;
  const click = (name: string) =>
    lado.act({ tag: ActionTag.Click, node: id(name), x: 500, y: 500, button: Button.Left, count: 1 });
  const key = (name: string, key: string) =>
    lado.act({ tag: ActionTag.Key, node: id(name), key, shift: false, ctrl: false, alt: false, meta: false });
  expect(await click("far")).toBeNull();
  expect(await click("label")).toBeNull();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("t");
  expect(await lado.act({ tag: ActionTag.Type, node: id("t"), text: "Ana" })).toBeNull();
  expect(await key("t", "Backspace")).toBeNull();
  expect(await key("t", "Enter")).toBeNull();
  expect(await lado.act({ tag: ActionTag.Type, node: id("a"), text: "one" })).toBeNull();
  expect(await key("a", "Enter")).toBeNull();
  expect(await lado.act({ tag: ActionTag.Type, node: id("a"), text: "two" })).toBeNull();
  expect(await click("c")).toBeNull();
  expect(await lado.act({ tag: ActionTag.Select, node: id("s"), options: [id("o2")] })).toBeNull();
  expect(await lado.act({ tag: ActionTag.Type, node: id("e"), text: "yz" })).toBeNull();
  expect(await lado.act({ tag: ActionTag.Scroll, node: 1, x: 0, y: 700 })).toBeNull();
  await settled(page, lado);
  expect(mirror.values.get(id("t"))).toBe("An");
  expect(mirror.values.get(id("a"))).toBe("one\ntwo");
  expect(mirror.checked.get(id("c"))).toBe(true);
  expect(mirror.selected.get(id("s"))).toEqual([id("o2")]);
  expect(await page.textContent("#e")).toContain("yz");
  await expect.poll(() => mirror.scroll.get(1)).toEqual([0, 700]);
  const log = (await page.textContent("#log")) ?? "";
  expect(log).toMatch(/^pointerdown mousedown pointerup mouseup click /);
  expect(log.match(/change:t/g)).toHaveLength(1);
  expect(log).toContain("submit:An");
  expect(log).toContain("change:s");
  await close(page, lado);
});

test("a drag gives the page its frames, moves sliders, and ends on nothing locked", async () => {
  const { lado, page } = await open(
    doc(`<style>body{margin:0} #card,#bin{position:absolute;top:0;left:0;width:100px;height:100px} #bin{left:300px}</style>
      <div id="card">card</div><div id="bin">bin</div>
      <input id="r" type="range" style="position:absolute;top:200px;left:0;width:200px"><p id="log"></p>
      <script>
        // As drag libraries do: a frame after the press it begins, and each move is measured in a frame of its own.
        let from = null, dragging = false;
        card.onpointerdown = (e) => { from = e.clientX; requestAnimationFrame(() => { dragging = true; }); };
        onpointermove = (e) => requestAnimationFrame(() => { if (dragging) card.style.left = e.clientX - from + "px"; });
        onpointerup = () => { dragging = false; log.textContent += "dropped at " + card.style.left + " "; };
        onpointercancel = () => { dragging = false; log.textContent += "cancelled "; };
        for (const type of ["input", "change"]) r.addEventListener(type, () => { log.textContent += type + r.value + " "; });
      </script>`),
    { lock: [{ id: "closed", selector: ".closed", paths: [] }] },
  );
  const id = (name: string) => lado.mirror.byElementId(name).id;
  const drag = (name: string, x: number, to: string, toX: number) =>
    lado.act({ tag: ActionTag.Drag, node: id(name), x, y: 500, to: id(to), toX, toY: 500 });
  expect(await drag("card", 500, "bin", 500)).toBeNull();
  await expect.poll(() => page.textContent("#log")).toBe("dropped at 300px ");
  expect(await drag("r", 500, "r", 900)).toBeNull();
  await expect.poll(() => page.textContent("#log")).toMatch(/ input(8|9)\d change(8|9)\d $/);
  // What is locked by the time that the drag gets there is not dropped on.
  await page.evaluate(() => {
    const [card, bin] = ["card", "bin"].map((name) => document.getElementById(name) as HTMLElement);
    if (!card || !bin) return;
    card.style.cssText = "left:0;pointer-events:none";
    document.body.style.cssText = "width:600px;height:150px";
    addEventListener("pointermove", () => bin.classList.add("closed"), { once: true, capture: true });
    document.body.onpointerdown = card.onpointerdown;
  });
  const body = lado.mirror.find(({ tag }) => tag === "body").id;
  expect(
    await lado.act({ tag: ActionTag.Drag, node: body, x: 80, y: 300, to: id("bin"), toX: 500, toY: 500 }),
  ).toBe(Refusal.Locked);
  await expect.poll(() => page.textContent("#log")).toMatch(/cancelled $/);
  await close(page, lado);
});

test("a window that the browser does not open is the customer's to open", async () => {
  const { lado, page } = await open(
    doc(`<script>let lets = false; window.open = () => (lets ? window : null);</script>
      <button id="w" onclick="window.open('/x')">x</button>
      <button id="n" onclick="window.open('/x', '_blank', 'noopener')">x</button>`),
  );
  const click = (name: string) => {
    const node = lado.mirror.byElementId(name).id;
    return lado.act({ tag: ActionTag.Click, node, x: 500, y: 500, button: Button.Left, count: 1 });
  };
  const own = () => page.evaluate(() => String(window.open));
  const before = await own();
  expect([await click("w"), await click("n")]).toEqual([Refusal.Asked, null]);
  await page.evaluate("lets = true");
  expect(await click("w")).toBeNull();
  expect(await own()).toBe(before);
  await close(page, lado);
});

test("keys that nobody takes scroll, and close what is open, though nothing has the focus", async () => {
  const { lado, page } = await open(
    doc(`<dialog id="d">x</dialog><label><input id="r" type="radio" name="r" checked> I agree</label>
      <input type="radio" name="r"><div id="box" tabindex="0" style="height:100px;overflow:auto"><p style="height:900px"></div>
      <div style="height:4000px"></div><p id="log"></p>
      <script>onkeydown = (e) => { log.textContent += e.target.localName + ":" + e.key + " "; };</script>`),
    { names: [{ id: "agree", names: ["i agree"], paths: [] }] },
  );
  const key = (key: string, node = 1) =>
    lado.act({ tag: ActionTag.Key, node, key, shift: false, ctrl: false, alt: false, meta: false });
  await page.evaluate(() => {
    const dialog = document.getElementById("d") as HTMLDialogElement;
    dialog.showModal();
    dialog.blur();
  });
  expect(await key("Escape")).toBeNull();
  expect(await page.evaluate(() => (document.getElementById("d") as HTMLDialogElement).open)).toBe(false);
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  const scrolled = () => page.evaluate(() => [scrollY, document.getElementById("box")?.scrollTop ?? 0]);
  expect(await key("PageDown")).toBeNull();
  const [first = 0] = await scrolled();
  expect(first).toBeGreaterThan(300);
  expect(await key("ArrowUp")).toBeNull();
  expect(await scrolled()).toEqual([first - 40, 0]);
  expect(await key("ArrowDown", lado.mirror.byElementId("box").id)).toBeNull();
  expect((await scrolled())[1]).toBe(40);
  expect(await page.textContent("#log")).toMatch(
    /^(body|dialog):Escape body:PageDown body:ArrowUp div:ArrowDown $/,
  );
  // Where something locked has the focus after all, it is locked for such keys, too.
  await page.evaluate(() => document.getElementById("r")?.focus());
  expect(await key("ArrowDown")).toBe(Refusal.Locked);
  await close(page, lado);
});

test("a field that a framework controls hears of agents' text", async () => {
  // What React does (inputValueTracking.js): a value set through the element's own property is none of the customer's.
  const { lado, page } = await open(
    doc(`<input id="t"><input id="d" type="date"><p id="log"></p><script>
      for (const field of [t, d]) {
        const { get, set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
        let known = field.value;
        Object.defineProperty(field, "value", {
          configurable: true,
          get() { return get.call(this); },
          set(value) { known = "" + value; set.call(this, value); },
        });
        field.addEventListener("input", () => {
          const now = get.call(field);
          if (now === known) return;
          known = now;
          log.textContent += field.id + "=" + now + " ";
          field.value = now.toUpperCase();
        });
      }
    </script>`),
  );
  const id = (name: string) => lado.mirror.byElementId(name).id;
  expect(await lado.act({ tag: ActionTag.Type, node: id("t"), text: "ab" })).toBeNull();
  expect(await lado.act({ tag: ActionTag.SetValue, node: id("d"), value: "2026-01-31" })).toBeNull();
  await settled(page, lado);
  expect(await page.textContent("#log")).toBe("t=a t=Ab d=2026-01-31 ");
  expect(lado.mirror.values.get(id("t"))).toBe("AB");
  expect(lado.mirror.values.get(id("d"))).toBe("2026-01-31");
  await close(page, lado);
});

test("locked and masked elements refuse, by every way to them", async () => {
  const { lado, page } = await open(
    doc(`<form id="form"><input id="t"><input id="pw" type="password"><button id="buy" type="submit"><b id="in">Comprar  ágora</b></button></form>
      <form id="ok"><input id="u"><label id="agree"><input id="box" type="checkbox"> I agree</label></form>
      <div class="locked"><a id="link" href="#x">x</a></div><p id="log"></p>
      <script>onsubmit = (e) => { e.preventDefault(); log.textContent += "submit "; };
      onclick = (e) => { log.textContent += e.target.id + " "; };</script>`),
    {
      lock: [{ id: "sel", selector: ".locked", paths: [] }],
      names: [
        { id: "buy", names: ["comprar agora"], paths: [] },
        { id: "agree", names: ["i agree"], paths: [] },
      ],
    },
  );
  const id = (name: string) => lado.mirror.byElementId(name).id;
  const click = (name: string) =>
    lado.act({ tag: ActionTag.Click, node: id(name), x: 500, y: 500, button: Button.Left, count: 1 });
  const key = (name: string, key: string) =>
    lado.act({ tag: ActionTag.Key, node: id(name), key, shift: false, ctrl: false, alt: false, meta: false });
  for (const name of ["buy", "in", "link", "agree", "box"])
    expect(await click(name), name).toBe(Refusal.Locked);
  expect(await key("t", "Enter")).toBe(Refusal.Locked);
  expect(await key("buy", "Enter")).toBe(Refusal.Locked);
  expect(await key("buy", " ")).toBe(Refusal.Locked);
  expect(await lado.act({ tag: ActionTag.Type, node: id("pw"), text: "x" })).toBe(Refusal.Masked);
  expect(await lado.act({ tag: ActionTag.Type, node: id("t"), text: "x" })).toBeNull();
  expect(await key("u", "Enter")).toBeNull();
  expect(await page.textContent("#log")).toBe("submit ");
  await close(page, lado);
});

test("a page that breaks the DOM's own functions is captured all the same", async () => {
  const { lado, page } = await open(
    doc(
      `<form id="f"><input name="parentNode"><input name="firstChild"><input name="attributes"><input name="nodeType"></form>
       <script>Node.prototype.appendChild = () => { throw new Error("no"); }; Element.prototype.getAttribute = () => null;
       WebSocket.prototype.send = () => {}; window.WebSocket = null; Array.prototype.includes = () => false;</script>`,
    ),
  );
  await page.evaluate(() => document.body.append("still here"));
  await settled(page, lado);
  expect(lado.mirror.lines().join()).toContain("still here");
  expect(lado.mirror.byElementId("f").children.filter(({ tag }) => tag === "input")).toHaveLength(4);
  await close(page, lado);
});

test("the panel takes its size from its own frame and from nobody else", async () => {
  const { lado, page } = await open(doc("<p>x</p>"));
  lado.pages.set(
    "/panel",
    `<script>parent.postMessage({ lado: "panel", width: 300, height: 200 }, "*")</script>`,
  );
  await page.reload();
  await page.evaluate(() => postMessage({ lado: "panel", width: 1, height: 1 }, "*"));
  await expect
    .poll(() => page.evaluate(() => document.querySelector("lado-overlay")?.matches(":popover-open")))
    .toBe(true);
  await page.waitForTimeout(200);
  await page.screenshot({ path: test.info().outputPath("overlay.png") });
  expect(await page.evaluate(() => [frames.length, document.body.scrollHeight <= innerHeight])).toEqual([
    0,
    true,
  ]);
  await page.evaluate(() => document.querySelector("lado-overlay")?.remove());
  await page.evaluate(() => document.body.append("wake"));
  await expect.poll(() => page.evaluate(() => !!document.querySelector("lado-overlay"))).toBe(true);
  await close(page, lado);
});

test("a page of 35,000 nodes is told in slices that leave the page its time, and whole in the end", async () => {
  test.setTimeout(120_000);
  const row = (i: number) =>
    `<div class="row" id="r${i}"><p>Row <b>${"abc"[i % 3]}</b> with <i>some</i> text</p><ul><li>a</li><li>b</li></ul></div>`;
  const { lado, page } = await open(
    doc(`<main>${Array.from({ length: 2600 }, (_, i) => row(i)).join("")}</main>`),
  );
  await page.evaluate(() => {
    document.querySelector("#r7")?.remove();
    document.querySelector("main")?.prepend(document.querySelector("#r2000") as Element);
    document.querySelector("#r1999 b")?.append("!");
  });
  await expect.poll(() => lado.mirror.lines().length, { timeout: 60_000 }).toBeGreaterThan(35_000);
  await same(page, lado);
  expect(lado.mirror.snapshots).toBe(1);
  await close(page, lado);
});
