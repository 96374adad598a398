// Style sheets that script has made or changed: their rules are in no text of the page.
//
// Changes of rules go out one by one; a sheet goes out whole when it is first seen and when its changes outweigh it.

import { guard } from "../guard";
import { type Op, OpTag } from "../protocol/messages";
import { outward } from "./address";
import * as dom from "./dom";
import { Fonts } from "./fonts";

type Root = Document | ShadowRoot;
type Realm = Window & typeof globalThis;
type Group = CSSStyleSheet | CSSGroupingRule;

/** Changes of more than this, and more than the sheet itself, are told as the sheet. */
const HEAVY = 64 * 1024;

/** Rules that scripts hold by their declarations, which can be written without anybody being told. */
const MAX_HELD = 64;

interface Told {
  /** The constructed sheet's number, or 0. */
  sheet: number;
  whole: number;
  since: number;
}

export class Sheets {
  /** Sheets that are no longer what their text says. */
  #scripted = new WeakSet<CSSStyleSheet>();
  /** What Lado knows beyond the texts. */
  #told = new WeakMap<CSSStyleSheet, Told>();
  /** Style and link elements whose text was overruled. */
  #sent = new WeakSet<Node>();
  #changed = new Set<CSSStyleSheet>();
  #deltas: Op[] = [];
  #touched = new Set<CSSRule>();
  #held = new Map<CSSRule, string>();
  #at = new WeakMap<CSSRule, number>();
  #roots = new Set<Root>();
  /** Roots that have constructed sheets now. */
  #adopters = new Map<Root, string>();
  #count = 0;
  #fonts: Fonts;

  /** `own` is the overlay's sheet, which nobody else is to know of. */
  constructor(
    private readonly own: CSSStyleSheet,
    private readonly idOf: (node: Node) => number | undefined,
    private readonly wake: () => void,
  ) {
    this.#fonts = new Fonts((page) => {
      this.#roots.add(page);
      this.wake();
    });
  }

  /** Watches what scripts of a window do to sheets. */
  patch(realm: Realm): void {
    const whole = guard((sheet: CSSStyleSheet | null | undefined) => this.#rewritten(sheet));
    const inserted = guard((group: Group, at: number) => this.#inserted(group, at));
    const deleted = guard((group: Group, at: number) => this.#deleted(group, at));
    const touched = guard((rule: CSSRule | null) => this.#touch(rule));
    const last = (group: Group): number => group.cssRules.length - 1;
    for (const type of ["CSSStyleSheet", "CSSGroupingRule", "CSSStyleRule"] as const) {
      const proto = realm[type]?.prototype;
      dom.after(proto, "insertRule", (group, _rule, at) => inserted(group, at as number));
      dom.after(proto, "deleteRule", (group, at) => deleted(group, Number(at) || 0));
    }
    const sheet = realm.CSSStyleSheet?.prototype;
    dom.after(sheet, "addRule", (group, _selector, _result, args) =>
      inserted(group, (args[2] as number | undefined) ?? last(group)),
    );
    dom.after(sheet, "removeRule", (group, at) => deleted(group, Number(at) || 0));
    dom.after(sheet, "replaceSync", whole);
    dom.after(sheet, "replace", (sheet, _text, done) => {
      (done as Promise<unknown>).then(
        () => whole(sheet),
        () => {},
      );
    });
    dom.after(
      realm.StyleSheet?.prototype,
      "disabled",
      guard((sheet: CSSStyleSheet) => this.#switched(sheet)),
    );
    // The same switch, by the element (CSSOM §6.4.4).
    for (const type of ["HTMLStyleElement", "HTMLLinkElement"] as const)
      dom.after(
        realm[type]?.prototype,
        "disabled",
        guard(({ sheet }: HTMLStyleElement) => {
          if (sheet) this.#switched(sheet);
        }),
      );
    for (const name of ["appendRule", "deleteRule"])
      dom.after(realm.CSSKeyframesRule?.prototype, name, (rule) => touched(rule));
    dom.after(realm.CSSStyleRule?.prototype, "selectorText", touched);
    dom.after(realm.CSSKeyframeRule?.prototype, "keyText", touched);
    for (const name of ["setProperty", "removeProperty", "cssText"])
      dom.after(realm.CSSStyleDeclaration?.prototype, name, (style) => touched(style.parentRule));
    for (const type of ["CSSStyleRule", "CSSKeyframeRule"] as const)
      dom.afterGet(
        realm[type]?.prototype,
        "style",
        guard((rule: CSSRule) => this.#hold(rule)),
      );
    for (const proto of [realm.Document?.prototype, realm.ShadowRoot?.prototype])
      if (proto) this.#watchAdopted(proto);
    this.#fonts.patch(realm);
  }

  /** Scripts set the list, or take it and push: both show here, and the list is compared once per frame. */
  #watchAdopted(proto: Root): void {
    const found = Object.getOwnPropertyDescriptor(proto, "adoptedStyleSheets");
    if (!found?.get || !found.set || !found.configurable) return;
    const { get, set } = found;
    const touch = guard((root: Root) => {
      this.#roots.add(root);
      this.wake();
    });
    const own = this.own;
    const accessor = {
      get adoptedStyleSheets(): CSSStyleSheet[] {
        touch(this as unknown as Root);
        return Reflect.apply(get, this, []);
      },
      set adoptedStyleSheets(sheets: CSSStyleSheet[]) {
        const kept = (Reflect.apply(get, this, []) as CSSStyleSheet[]).includes(own);
        Reflect.apply(set, this, [kept ? [...sheets, own] : sheets]);
        touch(this as unknown as Root);
      },
    };
    const { get: read, set: write } = Object.getOwnPropertyDescriptor(accessor, "adoptedStyleSheets") ?? {};
    Object.defineProperty(proto, "adoptedStyleSheets", { ...found, get: read, set: write });
  }

  // ---- what scripts do

  #rewritten(sheet: CSSStyleSheet | null | undefined): void {
    if (!sheet || sheet === this.own) return;
    this.#scripted.add(sheet);
    this.#changed.add(sheet);
    this.wake();
  }

  /** By what ops name the sheet; null when it is told whole, later or never. */
  #address(sheet: CSSStyleSheet | null): { node: number; sheet: number } | null {
    if (!sheet || sheet === this.own) return null;
    this.#scripted.add(sheet);
    const owner = sheet.ownerNode;
    const node = owner ? this.idOf(owner) : 0;
    const told = this.#told.get(sheet);
    if (node === undefined || this.#changed.has(sheet) || (!owner && !told)) return null;
    // The style element's text is where its changes start from.
    if (owner && !told) {
      this.#told.set(sheet, { sheet: 0, whole: 0, since: 0 });
      this.#sent.add(owner);
    }
    return { node, sheet: told?.sheet ?? 0 };
  }

  #tell(sheet: CSSStyleSheet, op: Op, weight: number): void {
    const told = this.#told.get(sheet);
    if (told) {
      told.since += weight + 8;
      if (told.since > HEAVY && told.since > told.whole * 2) return this.#rewritten(sheet);
    }
    this.#deltas.push(op);
    this.wake();
  }

  #inserted(group: Group, at: number): void {
    const sheet = sheetOf(group);
    const address = this.#address(sheet);
    const path = address && this.#path(group);
    if (!sheet || !path) return;
    const css = textOf(group.cssRules[at], sheet);
    this.#tell(sheet, { tag: OpTag.InsertRule, ...address, path: [...path, at], css }, css.length);
  }

  #deleted(group: Group, at: number): void {
    const sheet = sheetOf(group);
    const address = this.#address(sheet);
    const path = address && this.#path(group);
    if (sheet && path) this.#tell(sheet, { tag: OpTag.DeleteRule, ...address, path: [...path, at] }, 0);
  }

  #touch(rule: CSSRule | null): void {
    if (!rule?.parentStyleSheet || rule.parentStyleSheet === this.own) return;
    this.#scripted.add(rule.parentStyleSheet);
    this.#touched.add(rule);
    this.wake();
  }

  /** A script has taken a rule's declarations: what it does with them shows only when they are looked at again. */
  #hold(rule: CSSRule): void {
    if (!rule.parentStyleSheet || rule.parentStyleSheet === this.own) return;
    this.wake();
    if (this.#held.has(rule)) return;
    for (const oldest of this.#held.keys()) {
      if (this.#held.size < MAX_HELD) break;
      this.#held.delete(oldest);
    }
    this.#held.set(rule, rule.cssText);
  }

  #switched(sheet: CSSStyleSheet): void {
    const address = this.#address(sheet);
    if (address) this.#tell(sheet, { tag: OpTag.DisableSheet, ...address, disabled: sheet.disabled }, 0);
  }

  /** The positions of a rule and the groups around it, from the outside in; null when it is out of its sheet. */
  #path(group: Group | CSSRule): number[] | null {
    const path: number[] = [];
    for (let at = group; "parentRule" in at; ) {
      const around: Group | null = (at.parentRule as CSSGroupingRule | null) ?? at.parentStyleSheet;
      if (!around) return null;
      path.unshift(this.#position(at, around.cssRules));
      if (path[0] === -1) return null;
      at = around;
    }
    return path;
  }

  #position(rule: CSSRule, rules: CSSRuleList): number {
    const known = this.#at.get(rule);
    if (known !== undefined && rules[known] === rule) return known;
    for (let i = 0; i < rules.length; i++) {
      if (rules[i] !== rule) continue;
      this.#at.set(rule, i);
      return i;
    }
    return -1;
  }

  // ---- what the capture says

  /** A style element or a root has come into the captured tree: says what its text does not. */
  captured(node: Node): void {
    if (!dom.isElement(node)) {
      if (dom.adoptedOf(node as Root).length || this.#fonts.of(node)) this.#roots.add(node as Root);
      return;
    }
    const sheet = (node as HTMLStyleElement).sheet;
    if (!sheet || !this.#scripted.has(sheet)) return;
    this.#changed.add(sheet);
  }

  /** The text of a style element has changed: its sheet is a new one, and what was said of the old one is void. */
  rewritten(style: Element): void {
    const sheet = (style as HTMLStyleElement).sheet;
    if (sheet && this.#sent.has(style)) this.#changed.add(sheet);
  }

  reset(): void {
    this.#told = new WeakMap();
    this.#sent = new WeakSet();
    this.#adopters.clear();
    this.#changed.clear();
    this.#touched.clear();
    this.#deltas = [];
    this.#count = 0;
  }

  /** A node has gone: what was said of it is void. */
  forget(node: Node): void {
    this.#sent.delete(node);
    this.#adopters.delete(node as Root);
  }

  ops(): Op[] {
    for (const [rule, before] of this.#held) {
      if (!rule.parentStyleSheet) this.#held.delete(rule);
      else if (rule.cssText !== before) {
        this.#held.set(rule, rule.cssText);
        this.#touch(rule);
      }
    }
    // Where rules are now holds only after all that came and went.
    for (const rule of this.#touched) {
      const sheet = rule.parentStyleSheet;
      const address = this.#address(sheet);
      const path = address && this.#path(rule);
      if (!sheet || !path) continue;
      const css = textOf(rule, sheet);
      this.#tell(sheet, { tag: OpTag.SetRule, ...address, path, css }, css.length);
    }
    this.#touched.clear();
    const { idOf } = this;
    // What was told by the piece of a sheet that now goes whole is void.
    const ops: Op[] = [];
    const whole = new Set<string>();
    for (const sheet of this.#changed) {
      const owner = sheet.ownerNode;
      const node = owner && idOf(owner);
      const css = cssOf(sheet);
      if (node) {
        this.#sent.add(owner);
        this.#told.set(sheet, { sheet: 0, whole: css.length, since: 0 });
        whole.add(`${node} 0`);
        ops.push({ tag: OpTag.SetSheet, node, css });
        if (sheet.disabled) ops.push({ tag: OpTag.DisableSheet, node, sheet: 0, disabled: true });
      } else if (!owner && this.#told.has(sheet)) {
        whole.add(`0 ${this.#told.get(sheet)?.sheet}`);
        this.#define(sheet, css, ops);
      }
    }
    this.#changed.clear();
    for (const op of this.#deltas)
      if ("sheet" in op && "node" in op && !whole.has(`${op.node} ${op.sheet}`)) ops.push(op);
    this.#deltas = [];
    for (const root of this.#roots) this.#adopt(root, ops);
    this.#roots.clear();
    for (const root of this.#adopters.keys()) if (idOf(root) === undefined) this.#adopters.delete(root);
    return ops;
  }

  #define(sheet: CSSStyleSheet, css: string, ops: Op[]): number {
    const number = this.#told.get(sheet)?.sheet || ++this.#count;
    this.#told.set(sheet, { sheet: number, whole: css.length, since: 0 });
    ops.push({ tag: OpTag.DefineSheet, sheet: number, css });
    if (sheet.disabled) ops.push({ tag: OpTag.DisableSheet, node: 0, sheet: number, disabled: true });
    return number;
  }

  #adopt(root: Root, ops: Op[]): void {
    const node = this.idOf(root);
    if (node === undefined) return;
    const sheets: number[] = [];
    const fonts = this.#fonts.of(root);
    if (fonts !== null) {
      sheets.push(++this.#count);
      ops.push({ tag: OpTag.DefineSheet, sheet: this.#count, css: fonts });
    }
    for (const sheet of dom.adoptedOf(root)) {
      if (sheet === this.own) continue;
      sheets.push(this.#told.get(sheet)?.sheet || this.#define(sheet, cssOf(sheet), ops));
    }
    // A list that was only looked at is not sent again.
    const key = sheets.join();
    if (key === (this.#adopters.get(root) ?? "")) return;
    this.#adopters.set(root, key);
    ops.push({ tag: OpTag.Adopt, node, sheets });
  }
}

function sheetOf(group: Group): CSSStyleSheet | null {
  return "ownerNode" in group ? group : group.parentStyleSheet;
}

function textOf(rule: CSSRule | undefined, sheet: CSSStyleSheet): string {
  return rule ? told(rule.cssText, sheet) : "";
}

function cssOf(sheet: CSSStyleSheet): string {
  try {
    return told(Array.from(sheet.cssRules, (rule) => rule.cssText).join("\n"), sheet);
  } catch {
    // Rules of a sheet from elsewhere may not be read (CSSOM §6.2).
    return "";
  }
}

/** Relative addresses start from the sheet's own where it has one. */
function told(css: string, { href }: CSSStyleSheet): string {
  return outward(href ? absolute(css, href) : css);
}

export function absolute(css: string, base: string): string {
  if (!css.includes("url(")) return css;
  return css.replace(/url\("([^"]+)"\)/g, (whole, url: string) => {
    try {
      return /^(data:|#)/.test(url) ? whole : `url("${new URL(url, base).href}")`;
    } catch {
      return whole;
    }
  });
}
