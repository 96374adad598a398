// The rules of the site, evaluated in the page: what is never put on the wire, and what an agent may not touch.
//
// The server evaluates the same rules on its mirror again (src/mask, src/lock); this is the first line.

import type { Detector, PageRules, SelectorRule } from "./boot";
import * as dom from "./capture/dom";
import { MASK } from "./protocol/messages";

/** Never shown, whatever a company's rules say. */
const ALWAYS = "input[type=password],[data-lado-mask]";

/** What a masked element may still say of itself: its shape, and what rules select by. */
const KEPT =
  /^(id|class|type|name|for|role|autocomplete|inputmode|width|height|rows|cols|size|colspan|rowspan|tabindex|disabled|readonly|required|multiple|hidden|dir|lang|contenteditable|open|slot|part|viewBox|aria-(hidden|expanded|haspopup|controls|labelledby|describedby|disabled|required|invalid))$/;

/** Attributes whose values people read, or that carry data along. */
const WORDS =
  /^(value|placeholder|title|alt|label|content|summary|href|aria-(label|description|valuetext|placeholder|roledescription)|data-.*)$/;

/** Of no use to agents, or the page's own business. */
const NEVER = /^(on|data-lado-)|^(nonce|integrity|srcdoc)$/;

type Kind = "never" | "words" | "other";

const MAY_HOLD_PRIVATE = /[0-9@\uff10-\uff19\uff20]/;
const UNUSUAL =
  /[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\uff01-\uff5e\u00a0\u2000-\u200a\u202f\u3000\u2010-\u2015\u2212]/;
const INVISIBLE = /[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]/;

/** Presses of these are what accessible names lock. */
const ACTIONS =
  "button,a,area,summary,label,input[type=submit],input[type=button],input[type=image],input[type=reset]," +
  "[role=button],[role=link],[role=menuitem],[role=option],[role=checkbox],[role=switch],[role=tab]," +
  "input[type=checkbox],input[type=radio]";

export class Rules {
  #masked = new WeakSet<Element>();
  #unmasked = new WeakSet<Element>();
  #path: string | undefined;
  #mask = "";
  #unmask = "";
  #kinds = new Map<string, Kind>();
  #detectors: { pattern: RegExp; check: Detector["check"] }[];
  /** Elements that a rule masks itself, for the overlay; those that have left the page are dropped as it looks. */
  readonly found = new Set<Element>();

  constructor(private readonly rules: PageRules) {
    this.#detectors = rules.detectors.map(({ pattern, check }) => ({
      pattern: new RegExp(pattern, "gu"),
      check,
    }));
    this.follow();
  }

  /** Takes the rules of the current path; true when they are others than before. */
  follow(): boolean {
    const path = location.pathname;
    if (path === this.#path) return false;
    this.#path = path;
    const before = `${this.#mask} ${this.#unmask}`;
    const active = (rules: SelectorRule[]) => this.#active(rules).map((rule) => rule.selector);
    this.#mask = [ALWAYS, ...active(this.rules.mask)].join();
    this.#unmask = active(this.rules.unmask).join();
    return before !== `${this.#mask} ${this.#unmask}`;
  }

  #active<T extends { paths: string[] }>(rules: T[]): T[] {
    const path = this.#path ?? "";
    return rules.filter(
      ({ paths }) => !paths.length || paths.some((source) => new RegExp(source, "u").test(path)),
    );
  }

  /** Judges an element or everything in a root; returns the elements that are newly masked. What is masked stays so. */
  scan(root: Node): Element[] {
    const fresh: Element[] = [];
    const add = (element: Element): void => {
      if (this.#masked.has(element)) return;
      const always = dom.matches(element, ALWAYS);
      if (!always && this.#unmask && dom.matches(element, this.#unmask)) return;
      this.#masked.add(element);
      this.found.add(element);
      if (!dom.hasAttribute(element, "data-lado-mask")) dom.setAttribute(element, "data-lado-mask", "");
      fresh.push(element);
    };
    if (dom.isElement(root) && dom.matches(root, this.#mask)) add(root);
    for (const element of dom.query(root, this.#mask)) add(element);
    if (this.#unmask) {
      if (dom.isElement(root) && dom.matches(root, this.#unmask)) this.#unmasked.add(root);
      for (const element of dom.query(root, this.#unmask)) this.#unmasked.add(element);
    }
    return fresh;
  }

  /** Whether a change of this attribute may change what the mask rules select. */
  selectsBy(name: string): boolean {
    const sign = name === "class" ? "." : name === "id" ? "#" : `[${name}`;
    const all = this.#mask + this.#unmask;
    return all.includes(sign) || all.includes(`[${name}`);
  }

  /** What rules say of the element itself, undefined for nothing: then its parent decides. */
  own(element: Element): boolean | undefined {
    if (this.#masked.has(element)) return true;
    return this.#unmask && this.#unmasked.has(element) ? false : undefined;
  }

  /** Whether the content of a node is hidden from agents, by its nearest ancestor of which rules say anything. */
  masked(node: Node | null, up: (node: Node) => Node | null): boolean {
    for (let at = node; at; at = up(at)) {
      const own = dom.isElement(at) ? this.own(at) : undefined;
      if (own !== undefined) return own;
    }
    return false;
  }

  /** The value as it may leave the page; null for attributes that never do. */
  attribute(element: Element, name: string, value: string, masked: boolean): string | null {
    const kind = this.#kindOf(name);
    if (kind === "never") return null;
    if (masked && value && !KEPT.test(name) && !(name === "style" && !/["'(]/.test(value))) return MASK;
    if (
      name === "value" &&
      value &&
      dom.localName(element) === "input" &&
      dom.getAttribute(element, "type") === "hidden"
    ) {
      return MASK;
    }
    return kind === "words" ? this.plain(value) : value;
  }

  #kindOf(name: string): Kind {
    let kind = this.#kinds.get(name);
    if (!kind) {
      kind = NEVER.test(name) ? "never" : WORDS.test(name) ? "words" : "other";
      if (this.#kinds.size < 1000) this.#kinds.set(name, kind);
    }
    return kind;
  }

  /** One text of its own, with what detectors find replaced. */
  plain(text: string): string {
    return this.cover([text])?.[0] ?? text;
  }

  /** The texts of one block, in order, with what detectors find in them together replaced; null when nothing is. */
  cover(texts: readonly string[]): string[] | null {
    const whole = texts.join("");
    if (!this.#detectors.length || !MAY_HOLD_PRIVATE.test(whole)) return null;
    const { text, at } = normalise(whole);
    const spans: [number, number][] = [];
    for (const { pattern, check } of this.#detectors) {
      for (const match of text.matchAll(pattern)) {
        if (!match[0] || !passes(check, match[0])) continue;
        const end = match.index + match[0].length;
        spans.push(at ? [at[match.index] ?? 0, (at[end - 1] ?? 0) + 1] : [match.index, end]);
      }
    }
    if (!spans.length) return null;
    spans.sort((a, b) => a[0] - b[0]);
    let start = 0;
    return texts.map((piece) => {
      const out = replace(piece, start, spans);
      start += piece.length;
      return out;
    });
  }

  /** The lock that forbids agents to act on the element, or null. Looks at ancestors, labels and the form it submits. */
  lock(element: Element, up: (node: Node) => Node | null): string | null {
    const selectors = this.#active(this.rules.lock);
    const names = this.#active(this.rules.names);
    for (let at: Node | null = element; at; at = up(at)) {
      if (!dom.isElement(at)) continue;
      for (const { id, selector } of selectors) if (dom.matches(at, selector)) return id;
      const stamped = dom.getAttribute(at, "data-lado-lock");
      if (stamped !== null) return stamped;
      if (!names.length || !dom.matches(at, ACTIONS)) continue;
      const spoken = accessibleNames(at).map(plainName);
      const found = names.find((rule) => rule.names.some((name) => spoken.includes(plainName(name))));
      if (found) return found.id;
    }
    return null;
  }
}

function replace(piece: string, start: number, spans: readonly [number, number][]): string {
  let out = "";
  let done = 0;
  for (const [from, to] of spans) {
    const a = Math.max(from - start, done);
    const b = Math.min(to - start, piece.length);
    if (a >= b) continue;
    out += piece.slice(done, a) + MASK;
    done = b;
  }
  return out + piece.slice(done);
}

/** Full-width forms as their ASCII, all spaces and dashes alike, invisible characters gone; `at` are positions before. */
function normalise(raw: string): { text: string; at: number[] | null } {
  if (!UNUSUAL.test(raw)) return { text: raw, at: null };
  let text = "";
  const at: number[] = [];
  for (let i = 0; i < raw.length; i++) {
    const char = raw.charAt(i);
    if (INVISIBLE.test(char)) continue;
    const code = raw.charCodeAt(i);
    text +=
      code >= 0xff01 && code <= 0xff5e
        ? String.fromCharCode(code - 0xfee0)
        : /[\u00a0\u2000-\u200a\u202f\u3000]/.test(char)
          ? " "
          : /[\u2010-\u2015\u2212]/.test(char)
            ? "-"
            : char;
    at.push(i);
  }
  return { text, at };
}

function passes(check: Detector["check"], found: string): boolean {
  const digits = Array.from(found.replace(/\D/g, ""), Number);
  switch (check) {
    case "luhn":
      return luhn(digits);
    case "cpf":
      return digits.length === 11 && weighted(digits, 9, 10, 11) && weighted(digits, 10, 11, 12);
    case "cnpj":
      return digits.length === 14 && weighted(digits, 12, 5, 9) && weighted(digits, 13, 6, 9);
    case "mod97":
      return mod97(found);
    default:
      return true;
  }
}

/** ISO/IEC 7812-1 Annex B. */
function luhn(digits: number[]): boolean {
  const sum = digits.reduceRight((total, digit, i) => {
    const doubled = (digits.length - 1 - i) % 2 ? digit * 2 : digit;
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return digits.length > 11 && sum % 10 === 0;
}

/** The check digit at `index` of a CPF or CNPJ: weights count down from `first` to 2 and then on from `top`. */
function weighted(digits: number[], index: number, first: number, top: number): boolean {
  if (digits.every((digit) => digit === digits[0])) return false;
  let weight = first;
  let sum = 0;
  for (let i = 0; i < index; i++) {
    sum += (digits[i] ?? 0) * weight--;
    if (weight < 2) weight = top;
  }
  const rest = sum % 11;
  return digits[index] === (rest < 2 ? 0 : 11 - rest);
}

/** ISO 13616: the first four characters to the end, letters as numbers from 10, modulo 97 is 1. */
function mod97(found: string): boolean {
  const plain = found.replace(/[^0-9a-z]/gi, "");
  let rest = 0;
  for (const char of plain.slice(4) + plain.slice(0, 4)) {
    const value = Number.parseInt(char, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return plain.length > 14 && rest === 1;
}

/** Every text that may be an element's name: the first is not enough, because pages choose which one counts. */
function accessibleNames(element: Element): string[] {
  const names = ["aria-label", "value", "alt", "title"].map((name) => dom.getAttribute(element, name) ?? "");
  const root = dom.rootOf(element);
  for (const id of (dom.getAttribute(element, "aria-labelledby") ?? "").split(/\s+/)) {
    const label = id && Array.from(dom.query(root, `#${CSS.escape(id)}`))[0];
    if (label) names.push(dom.textContent(label) ?? "");
  }
  names.push(dom.textContent(element) ?? "");
  for (const image of dom.query(element, "img[alt],svg title,[aria-label]")) {
    names.push(
      dom.getAttribute(image, "alt") ?? dom.getAttribute(image, "aria-label") ?? dom.textContent(image) ?? "",
    );
  }
  const labels = (element as HTMLInputElement).labels;
  if (labels instanceof NodeList) for (const label of labels) names.push(dom.textContent(label) ?? "");
  return names.filter(Boolean);
}

/** Case, accents, punctuation and runs of space do not make another name. */
function plainName(name: string): string {
  return name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
