// Unique secrets in every carrier, by many tricks, in a real page: none is in what the agent's browser got.
//
// The quick half, thousands of plants on the server's side alone, is src/mask/leak_tests.rs.

import { expect, test } from "./fixture";
import { type Agent, type Customer, together } from "./people";
import { strings } from "./protocol";

test.describe.configure({ retries: 0 });

interface Plant {
  carrier: string;
  kind: string;
  trick: string;
  secret: string;
  pieces: string[];
}

const CARRIERS = [
  "text div",
  "text li",
  "text td",
  "text button",
  "text textarea",
  "text option",
  "text svg",
  "text svg title",
  "attr title",
  "attr alt",
  "attr placeholder",
  "attr value",
  "attr aria-label",
  "attr aria-valuetext",
  "attr data-secret",
  "attr label",
  "attr style",
  "value input",
  "value textarea",
  "style",
  "adopted",
  "shadow open",
  "shadow closed",
  "frame",
  "srcdoc",
  "data url",
  "link",
  "image",
  "poster",
  "editable",
  "summary",
  "selection",
];
const TRICKS = ["plain", "spaced", "apart", "wide", "zero-width", "bidi", "spans", "texts"];
const SPLIT = ["text div", "text li", "text td", "shadow open", "frame", "editable"];
/** Each loads something: once is enough. */
const SLOW = ["frame", "srcdoc", "image", "poster"];
const KINDS = ["card", "cpf", "cnpj", "iban", "email", "marked", "typed"];

function luhn(body: string): string {
  const sum = [...body].reverse().reduce((total, digit, i) => {
    const n = Number(digit) * (i % 2 ? 1 : 2);
    return total + (n > 9 ? n - 9 : n);
  }, 0);
  return body + ((10 - (sum % 10)) % 10);
}

function checked(body: string, ...weights: number[][]): string {
  let text = body;
  for (const row of weights) {
    const rest = row.reduce((sum, weight, i) => sum + weight * Number(text[i]), 0) % 11;
    text += rest < 2 ? 0 : 11 - rest;
  }
  return text;
}

function secret(kind: string, n: number): string {
  const number = n * 7919 + 10_007;
  switch (kind) {
    case "card":
      return luhn(`4539${String(number).padStart(11, "7")}`);
    case "cpf":
      return checked(
        String(123_000_000 + number),
        [10, 9, 8, 7, 6, 5, 4, 3, 2],
        [11, 10, 9, 8, 7, 6, 5, 4, 3, 2],
      );
    case "cnpj":
      return checked(
        `${11_000_000 + number}0001`,
        [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2],
        [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2],
      );
    case "iban": {
      const account = `3704004400${String(number).padStart(8, "4")}`;
      const rest = [...`${account}131400`].reduce((r, digit) => (r * 10 + Number(digit)) % 97, 0);
      return `DE${String(98 - rest).padStart(2, "0")}${account}`;
    }
    case "email":
      return `rosa${number}@casa${number}.example`;
    default:
      return `Qz${number}Kx${kind}`;
  }
}

function pieces(secret: string, trick: string): string[] {
  const fours = secret.match(/.{1,4}/g) ?? [];
  switch (trick) {
    case "spaced":
      return [fours.join(" ")];
    case "apart":
      return [fours.join(" - ")];
    case "wide":
      return [secret.replace(/[!-~]/g, (c) => String.fromCodePoint((c.codePointAt(0) ?? 0) + 0xfee0))];
    case "zero-width":
      return [[...secret].join("\u200b")];
    case "bidi":
      return [`\u202a${[...secret].join("\u2060")}\u202c`];
    case "spans":
    case "texts":
      return fours;
    default:
      return [secret];
  }
}

function plants(from: number): Plant[] {
  const all: Plant[] = [];
  for (const kind of KINDS)
    for (const carrier of CARRIERS)
      for (const trick of TRICKS) {
        if ((trick === "spans" || trick === "texts") && !SPLIT.includes(carrier)) continue;
        if (trick === "apart" && !SPLIT.includes(carrier) && carrier !== "value input") continue;
        if (kind === "email" && trick === "spaced") continue;
        // Far apart only the groups count that a number is written in.
        if (trick === "apart" && ["email", "cpf", "cnpj"].includes(kind)) continue;
        if (SLOW.includes(carrier) && trick !== "plain" && trick !== "wide") continue;
        const hidden = secret(kind, from + all.length);
        all.push({ carrier, kind, trick, secret: hidden, pieces: pieces(hidden, trick) });
      }
  return all;
}

/** Runs in the page: puts every plant where it belongs, in a corner of its own. */
function sow({ plants, hostile }: { plants: Plant[]; hostile: boolean }): void {
  if (hostile) {
    for (const name of ["getAttribute", "hasAttribute", "matches", "querySelectorAll", "closest"] as const)
      Object.defineProperty(Element.prototype, name, { value: () => null });
    for (const name of ["textContent", "firstChild", "nodeType", "parentNode"])
      Object.defineProperty(Node.prototype, name, { get: () => null, configurable: true });
    String.prototype.replace = function (this: string) {
      return String(this);
    };
    RegExp.prototype.exec = () => null;
    RegExp.prototype.test = () => false;
    // The stamps go as soon as they come.
    new MutationObserver((records) => {
      for (const { target } of records) (target as Element).removeAttribute("data-lado-mask");
    }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-lado-mask"] });
  }
  const make = (tag: string, marked: boolean, parent: Element): HTMLElement => {
    const element = document.createElement(tag);
    if (marked) element.setAttribute("data-lado-mask", "");
    parent.append(element);
    return element;
  };
  const home = document.createElement("section");
  home.id = "plants";
  document.body.append(home);
  for (const { carrier, kind, trick, pieces } of plants) {
    const marked = kind === "marked";
    const text = pieces.join("");
    const fill = (into: Node): void => {
      for (const piece of pieces) {
        if (trick === "spans") {
          const span = document.createElement("span");
          span.append(piece);
          into.appendChild(span);
        } else into.appendChild(document.createTextNode(piece));
      }
    };
    const corner = make("div", false, home);
    const [what, name = ""] = carrier.split(/ (.*)/);
    switch (what) {
      case "text":
        if (name.startsWith("svg")) {
          const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
          if (marked) svg.setAttribute("data-lado-mask", "");
          const inner = document.createElementNS(
            "http://www.w3.org/2000/svg",
            name === "svg" ? "text" : "title",
          );
          fill(inner);
          svg.append(inner);
          corner.append(svg);
        } else if (name === "option") fill(make("option", false, make("select", marked, corner)));
        else fill(make(name, marked, corner));
        break;
      case "attr": {
        const tag =
          name === "alt"
            ? "img"
            : name === "placeholder" || name === "value"
              ? "input"
              : name === "label"
                ? "option"
                : "p";
        const element = make(tag, marked, corner);
        element.setAttribute(name, name === "style" ? `--a:'${text}'` : text);
        break;
      }
      case "value":
        (make(name, marked, corner) as HTMLInputElement).value = text;
        break;
      case "style":
        make("style", marked, corner).append(`.none::before{content:"${text}"}`);
        break;
      case "adopted": {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(`p::before{content:"${text}"}`);
        make("div", marked, corner).attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
        break;
      }
      case "shadow":
        fill(make("div", marked, corner).attachShadow({ mode: name as "open" | "closed" }));
        break;
      case "frame": {
        const frame = make("iframe", marked, corner) as HTMLIFrameElement;
        if (frame.contentDocument) fill(frame.contentDocument.body);
        break;
      }
      case "srcdoc":
        (make("iframe", marked, corner) as HTMLIFrameElement).srcdoc = `<p>${text}</p>`;
        break;
      case "data":
        (make("img", marked, corner) as HTMLImageElement).src = `data:image/svg+xml;base64,${btoa(
          unescape(encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg"><text>${text}</text></svg>`)),
        )}`;
        break;
      case "link":
        (make("a", marked, corner) as HTMLAnchorElement).href = `/order/${text}?q=${text}#${text}`;
        break;
      case "image":
        (make("img", marked, corner) as HTMLImageElement).src = `/none/${text}.png?q=${text}`;
        break;
      case "poster":
        (make("video", marked, corner) as HTMLVideoElement).poster = `/none/${text}.jpg`;
        break;
      case "editable": {
        const area = make("div", marked, corner);
        area.contentEditable = "true";
        fill(area);
        break;
      }
      case "summary":
        fill(make("summary", marked, make("details", false, corner)));
        break;
      case "selection": {
        const line = make("p", marked, corner);
        fill(line);
        getSelection()?.selectAllChildren(line);
        break;
      }
    }
  }
}

/** Renders again: everything goes, comes back in another order, and somewhere else. */
function stir(): void {
  const home = document.getElementById("plants");
  if (!home) return;
  const corners = [...home.children];
  home.remove();
  const other = document.createElement("main");
  other.id = "plants";
  other.append(...corners.reverse());
  document.body.prepend(other);
}

const folded = (text: string) =>
  text
    .normalize("NFKC")
    .replace(/[^\p{L}\p{N}]/gu, "")
    .toLowerCase();

async function leaks(
  all: Plant[],
  frames: Buffer[],
  received: Buffer,
  agent: Agent,
  log: string[],
): Promise<string[]> {
  const told = frames.flatMap(strings).join("");
  const unpacked = (told.match(/[A-Za-z0-9+/_-]{12,}/g) ?? []).map((token) =>
    Buffer.from(token, "base64").toString("utf8"),
  );
  const decoded = told.replace(/(?:%[0-9A-Fa-f]{2})+/g, (bytes) => {
    try {
      return decodeURIComponent(bytes);
    } catch {
      return bytes;
    }
  });
  const tree = await agent.stage((page) => page.documentElement.outerHTML);
  const raw = received.toString("latin1");
  const read = folded([told, decoded, ...unpacked, tree, log.join("\n")].join("\u0001"));
  return all
    .filter(({ secret }) => raw.includes(secret) || read.includes(folded(secret)))
    .map(({ kind, carrier, trick }) => `${kind}: ${carrier}, ${trick}`);
}

for (const hostile of [false, true]) {
  test(`no secret of a ${hostile ? "hostile" : "friendly"} page is in what the agent gets`, async ({
    agent,
    customer,
    lado,
    sides,
  }) => {
    const frames: Buffer[] = [];
    const listen = (page: Customer["page"]) =>
      page.on("websocket", (socket) => {
        socket.on("framereceived", ({ payload }) => frames.push(Buffer.from(payload)));
      });
    listen(agent.page);
    await together({ agent, customer }, `${lado.ready.site}/en/login`);
    const { page } = customer;
    const all = plants(hostile ? 3_000 : 0);
    expect(all.length).toBeGreaterThan(900);
    // Some that a person types first, into a field that is masked, and that shows everywhere later.
    const typed = all
      .filter(({ kind }) => kind === "typed")
      .filter((_, i) => i % 5 === 0)
      .slice(0, 25);
    const sown = all.filter((plant) => plant.kind !== "typed" || typed.includes(plant));
    const field = page.locator("input[name=password]");
    for (const { secret } of typed) {
      await field.fill(secret);
      await field.dispatchEvent("change");
      await page.evaluate(() => new Promise(requestAnimationFrame));
    }
    await field.blur();
    await page.goto(`${customer.view}/en/product/lamp`);
    await agent.sees("Sunset lamp");
    await page.evaluate(sow, { plants: sown, hostile });
    await page.evaluate(() => document.querySelector("h1")?.append(" sown"));
    await agent.sees("sown");
    await page.evaluate(stir);
    await page.evaluate(() => document.querySelector("h1")?.append(" stirred"));
    await agent.sees("stirred");
    await agent.page.reload();
    await agent.sees("stirred");
    expect(frames.flatMap(strings).join(""), "the recording works").toContain("Sunset lamp");
    expect(await leaks(sown, frames, sides.agent.relay.received(), agent, lado.log)).toEqual([]);
    // Whom such a page confuses is its own matter: session.spec reads the log for what befell honest ones.
    if (hostile) lado.log.length = 0;
  });
}
