// What scripts have done to style sheets, told. Part of the late script: it comes with the first of them.
//
// Changes of rules go out one by one; a sheet goes out whole when it is first seen and when its changes outweigh it.

import { type Op, OpTag } from "../protocol/messages";
import { outward } from "./address";
import * as dom from "./dom";
import type { Face } from "./fonts";
import type { Heard, Root, Subject } from "./sheets";

type Group = CSSStyleSheet | CSSGroupingRule;

/** Changes of more than this, and more than the sheet itself, are told as the sheet. */
const HEAVY = 64 * 1024;

interface Told {
  /** The constructed sheet's number, or 0. */
  sheet: number;
  whole: number;
  since: number;
}

export class Cssom {
  #scripted: WeakSet<CSSStyleSheet>;
  /** What Lado knows beyond the texts. */
  #told = new WeakMap<CSSStyleSheet, Told>();
  /** Style and link elements whose text was overruled. */
  #sent = new WeakSet<Node>();
  #changed: Set<CSSStyleSheet>;
  #deltas: Op[] = [];
  #touched = new Set<CSSRule>();
  #at = new WeakMap<CSSRule, number>();
  /** Roots that have constructed sheets now, and how many have each. */
  #adopters = new Map<Root, { key: string; sheets: readonly CSSStyleSheet[] }>();
  #uses = new Map<CSSStyleSheet, number>();
  /** The sheets with the fonts of scripts. */
  #faces = new WeakMap<Root, { number: number; faces: readonly Face[] }>();
  /** Numbers of sheets that nobody has any more: others get them. */
  #free: number[] = [];
  #count = 0;

  constructor(private readonly heard: Heard) {
    this.#scripted = new WeakSet(heard.scripted);
    this.#changed = new Set(heard.scripted);
    heard.scripted.clear();
  }

  /** A script has changed a sheet by the method or property `name`. */
  changed(name: string, subject: Subject, result: unknown, args: unknown[]): void {
    const [first, , third] = args as number[];
    if ("parentRule" in subject && !("insertRule" in subject && /Rule$/.test(name))) {
      this.#touch(subject);
      return;
    }
    const group = subject as Group;
    switch (name) {
      case "insertRule":
        this.#inserted(group, Number(result));
        break;
      case "addRule":
        this.#inserted(group, third ?? group.cssRules.length - 1);
        break;
      case "deleteRule":
      case "removeRule":
        this.#deleted(group, Number(first) || 0);
        break;
      case "replace":
        (result as Promise<unknown>).then(
          () => this.#rewritten(group as CSSStyleSheet),
          () => {},
        );
        break;
      case "disabled": {
        // The same switch, by the element (CSSOM §6.4.4).
        const sheet = "sheet" in subject ? subject.sheet : (subject as CSSStyleSheet);
        if (sheet) this.#switched(sheet);
        break;
      }
      default:
        this.#rewritten(group as CSSStyleSheet);
    }
  }

  #rewritten(sheet: CSSStyleSheet | null | undefined): void {
    if (!sheet || sheet === this.heard.own) return;
    this.#scripted.add(sheet);
    this.#changed.add(sheet);
    this.heard.wake();
  }

  /** By what ops name the sheet; null when it is told whole, later or never. */
  #address(sheet: CSSStyleSheet | null): { node: number; sheet: number } | null {
    if (!sheet || sheet === this.heard.own) return null;
    this.#scripted.add(sheet);
    const owner = sheet.ownerNode;
    const node = owner ? this.heard.idOf(owner) : 0;
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
    this.heard.wake();
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
    if (!rule?.parentStyleSheet || rule.parentStyleSheet === this.heard.own) return;
    this.#scripted.add(rule.parentStyleSheet);
    this.#touched.add(rule);
    this.heard.wake();
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

  /** A style element has come into the captured tree: says what its text does not. */
  captured(node: Element): void {
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
    this.#uses.clear();
    this.#faces = new WeakMap();
    this.#free = [];
    this.#changed.clear();
    this.#touched.clear();
    this.#deltas = [];
    this.#count = 0;
  }

  /** A node has gone: what was said of it is void. */
  forget(node: Node): void {
    this.#sent.delete(node);
    this.#release(this.#adopters.get(node as Root)?.sheets);
    this.#adopters.delete(node as Root);
  }

  /** A root has these no longer. */
  #release(sheets: readonly CSSStyleSheet[] = []): void {
    for (const sheet of sheets) {
      const left = (this.#uses.get(sheet) ?? 1) - 1;
      this.#uses.set(sheet, left);
      if (left) continue;
      this.#uses.delete(sheet);
      const told = this.#told.get(sheet);
      if (told) this.#free.push(told.sheet);
      this.#told.delete(sheet);
    }
  }

  #number(): number {
    return this.#free.pop() ?? ++this.#count;
  }

  ops(): Op[] {
    const { idOf, held, roots } = this.heard;
    for (const [rule, before] of held) {
      if (!rule.parentStyleSheet) held.delete(rule);
      else if (rule.cssText !== before) {
        held.set(rule, rule.cssText);
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
    // What was told by the piece of a sheet that now goes whole is void.
    const ops: Op[] = [];
    const whole = new Set<string>();
    for (const sheet of this.#changed) {
      const owner = sheet.ownerNode;
      const node = owner && idOf(owner);
      const css = cssOf(sheet);
      if (node) {
        this.#sent.add(owner);
        this.#told.set(sheet, { sheet: 0, whole: css?.length ?? 0, since: 0 });
        whole.add(`${node} 0`);
        if (css !== null) ops.push({ tag: OpTag.SetSheet, node, css });
        if (sheet.disabled) ops.push({ tag: OpTag.DisableSheet, node, sheet: 0, disabled: true });
      } else if (!owner && this.#told.has(sheet)) {
        whole.add(`0 ${this.#told.get(sheet)?.sheet}`);
        this.#define(sheet, css ?? "", ops);
      }
    }
    this.#changed.clear();
    for (const op of this.#deltas)
      if ("sheet" in op && "node" in op && !whole.has(`${op.node} ${op.sheet}`)) ops.push(op);
    this.#deltas = [];
    for (const root of roots) this.#adopt(root, ops);
    roots.clear();
    for (const root of this.#adopters.keys()) if (idOf(root) === undefined) this.forget(root);
    return ops;
  }

  #define(sheet: CSSStyleSheet, css: string, ops: Op[]): number {
    const number = this.#told.get(sheet)?.sheet || this.#number();
    this.#told.set(sheet, { sheet: number, whole: css.length, since: 0 });
    ops.push({ tag: OpTag.DefineSheet, sheet: number, css });
    if (sheet.disabled) ops.push({ tag: OpTag.DisableSheet, node: 0, sheet: number, disabled: true });
    return number;
  }

  #adopt(root: Root, ops: Op[]): void {
    const node = this.heard.idOf(root);
    if (node === undefined) return;
    const numbers: number[] = [];
    const faces = this.heard.fonts.of(root);
    if (faces) numbers.push(this.#faced(root, faces, ops));
    const sheets = dom.adoptedOf(root).filter((sheet) => sheet !== this.heard.own);
    for (const sheet of sheets) {
      this.#uses.set(sheet, (this.#uses.get(sheet) ?? 0) + 1);
      numbers.push(this.#told.get(sheet)?.sheet || this.#define(sheet, cssOf(sheet) ?? "", ops));
    }
    const before = this.#adopters.get(root);
    this.#release(before?.sheets);
    const key = numbers.join();
    if (key) this.#adopters.set(root, { key, sheets });
    else this.#adopters.delete(root);
    // A list that was only looked at is not sent again.
    if (key !== (before?.key ?? "")) ops.push({ tag: OpTag.Adopt, node, sheets: numbers });
  }

  /** The number of the sheet with a root's fonts, told again when those are others. */
  #faced(root: Root, faces: readonly Face[], ops: Op[]): number {
    const known = this.#faces.get(root);
    const number = known?.number ?? this.#number();
    if (known?.faces.length === faces.length && faces.every((face, i) => face === known.faces[i]))
      return number;
    this.#faces.set(root, { number, faces });
    ops.push({ tag: OpTag.DefineSheet, sheet: number, css: faces.map(ruleOf).join("\n") });
    return number;
  }
}

function sheetOf(group: Group): CSSStyleSheet | null {
  return "ownerNode" in group ? group : group.parentStyleSheet;
}

function textOf(rule: CSSRule | undefined, sheet: CSSStyleSheet): string {
  return rule ? told(rule.cssText, sheet) : "";
}

function cssOf(sheet: CSSStyleSheet): string | null {
  try {
    return told(Array.from(sheet.cssRules, (rule) => rule.cssText).join("\n"), sheet);
  } catch {
    // Rules of a sheet from elsewhere may not be read (CSSOM §6.2).
    return null;
  }
}

/** Relative addresses start from the sheet's own where it has one. */
function told(css: string, { href }: CSSStyleSheet): string {
  return outward(href ? absolute(css, href) : css);
}

function absolute(css: string, base: string): string {
  if (!css.includes("url(")) return css;
  return css.replace(/url\("([^"]+)"\)/g, (whole, url: string) => {
    try {
      return /^(data:|#)/.test(url) ? whole : `url("${new URL(url, base).href}")`;
    } catch {
      return whole;
    }
  });
}

/** The rule that would have loaded a font that a script has loaded. */
function ruleOf({ face, source, base }: Face): string {
  const { family, style, weight, stretch, unicodeRange } = face;
  const name = JSON.stringify(family.replace(/^["']|["']$/g, ""));
  return `@font-face{font-family:${name};src:${sourceOf(source, base)};font-style:${style};font-weight:${weight};font-stretch:${stretch};unicode-range:${unicodeRange}}`;
}

/** Larger ones that come as bytes are left out: the text shows in the next font of its list. */
const MAX_BYTES = 512 * 1024;

function sourceOf(source: unknown, base: string): string {
  if (typeof source === "string")
    return outward(absolute(source.replace(/url\(\s*(['"]?)(.*?)\1\s*\)/g, 'url("$2")'), base));
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source as ArrayBuffer);
  if (bytes.length > MAX_BYTES) return "local(none)";
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return `url("data:font/ttf;base64,${btoa(text)}")`;
}
