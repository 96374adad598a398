// Style sheets that script has changed: their rules are not in any text of the page, so they are sent as text.

import { guard } from "../guard";
import { type Op, OpTag } from "../protocol/messages";
import { outward } from "./address";
import * as dom from "./dom";

type Root = Document | ShadowRoot;
type Realm = Window & typeof globalThis;

export class Sheets {
  #scripted = new WeakSet<CSSStyleSheet>();
  #sent = new WeakSet<Node>();
  #changed = new Set<CSSStyleSheet>();
  #roots = new Set<Root>();
  /** Roots that have constructed sheets now. */
  #adopters = new Map<Root, string>();

  /** `own` is the overlay's sheet, which nobody else is to know of. */
  constructor(
    private readonly own: CSSStyleSheet,
    private readonly wake: () => void,
  ) {}

  #touch = guard((sheet: CSSStyleSheet | null | undefined) => {
    if (!sheet || sheet === this.own) return;
    this.#scripted.add(sheet);
    this.#changed.add(sheet);
    this.wake();
  });

  /** Watches what scripts of a window do to sheets. */
  patch(realm: Realm): void {
    const touch = this.#touch;
    for (const name of ["insertRule", "deleteRule", "addRule", "removeRule", "replaceSync"]) {
      dom.after(realm.CSSStyleSheet?.prototype, name, touch);
    }
    dom.after(realm.CSSStyleSheet?.prototype, "replace", (sheet, _text, done) => {
      (done as Promise<unknown>).then(
        () => touch(sheet),
        () => {},
      );
    });
    dom.after(realm.StyleSheet?.prototype, "disabled", touch);
    for (const name of ["insertRule", "deleteRule"]) {
      dom.after(realm.CSSGroupingRule?.prototype, name, (rule) => touch(rule.parentStyleSheet));
    }
    for (const name of ["setProperty", "removeProperty", "cssText"]) {
      dom.after(realm.CSSStyleDeclaration?.prototype, name, (style) => {
        if (style.parentRule) touch(style.parentRule.parentStyleSheet);
      });
    }
    for (const proto of [realm.Document?.prototype, realm.ShadowRoot?.prototype]) {
      if (proto) this.#watchAdopted(proto);
    }
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
    Object.defineProperty(proto, "adoptedStyleSheets", {
      ...found,
      ...pick(Object.getOwnPropertyDescriptor(accessor, "adoptedStyleSheets")),
    });
  }

  /** A style element or a root has come into the captured tree: says what its text does not. */
  captured(node: Node): void {
    if (!dom.isElement(node)) {
      if (dom.adoptedOf(node as Root).length) this.#roots.add(node as Root);
      return;
    }
    const sheet = (node as HTMLStyleElement).sheet;
    if (sheet && this.#scripted.has(sheet)) this.#changed.add(sheet);
  }

  /** The text of a style element has changed: its sheet is a new one, and an op that stood for the old one is void. */
  rewritten(style: Element): void {
    const sheet = (style as HTMLStyleElement).sheet;
    if (sheet && this.#sent.has(style)) this.#changed.add(sheet);
  }

  reset(): void {
    this.#sent = new WeakSet();
    this.#adopters.clear();
  }

  /** A node has gone: what was said of it is void. */
  forget(node: Node): void {
    this.#sent.delete(node);
    this.#adopters.delete(node as Root);
  }

  ops(idOf: (node: Node) => number | undefined): Op[] {
    const ops: Op[] = [];
    for (const sheet of this.#changed) {
      const owner = sheet.ownerNode;
      const node = owner && idOf(owner);
      if (node) {
        this.#sent.add(owner);
        ops.push({ tag: OpTag.SetSheet, node, css: cssOf(sheet) });
      } else if (!owner) {
        for (const root of this.#adopters.keys()) {
          if (!dom.adoptedOf(root).includes(sheet)) continue;
          this.#roots.add(root);
          this.#adopters.set(root, "");
        }
      }
    }
    this.#changed.clear();
    for (const root of this.#roots) {
      const node = idOf(root);
      if (node === undefined) continue;
      const sheets = dom
        .adoptedOf(root)
        .filter((sheet) => sheet !== this.own)
        .map(cssOf);
      // The texts are compared, not the sheets: a list that was only looked at is not sent again.
      const key = JSON.stringify(sheets);
      if (key === (this.#adopters.get(root) ?? "[]")) continue;
      this.#adopters.set(root, key);
      ops.push({ tag: OpTag.SetAdopted, node, sheets });
    }
    this.#roots.clear();
    for (const root of this.#adopters.keys()) if (idOf(root) === undefined) this.#adopters.delete(root);
    return ops;
  }
}

function pick({ get, set }: PropertyDescriptor = {}): PropertyDescriptor {
  return { get, set };
}

function cssOf(sheet: CSSStyleSheet): string {
  try {
    if (sheet.disabled) return "";
    const css = Array.from(sheet.cssRules, (rule) => rule.cssText).join("\n");
    // Relative addresses start from the sheet's own where it has one.
    return outward(sheet.href ? absolute(css, sheet.href) : css);
  } catch {
    // Rules of a sheet from elsewhere may not be read (CSSOM §6.2).
    return "";
  }
}

function absolute(css: string, base: string): string {
  return css.replace(/url\("([^"]+)"\)/g, (whole, url: string) => {
    try {
      return /^(data:|#)/.test(url) ? whole : `url("${new URL(url, base).href}")`;
    } catch {
      return whole;
    }
  });
}
