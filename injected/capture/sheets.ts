// Style sheets that script has made or changed: hears of it from the first, and lets the late script tell it.

import { guard } from "../guard";
import type { Op } from "../protocol/messages";
import type { Late } from "../shared";
import type { Cssom } from "./cssom";
import * as dom from "./dom";
import { Fonts } from "./fonts";

export type Root = Document | ShadowRoot;
type Realm = Window & typeof globalThis;
/** What a sheet is changed by: itself, a rule in it, or what holds rules. */
export type Subject = CSSStyleSheet | CSSRule | HTMLStyleElement | HTMLLinkElement;

/** What scripts change sheets by, by interface. */
const CHANGES =
  "CSSStyleSheet:insertRule,deleteRule,addRule,removeRule,replaceSync,replace CSSGroupingRule:insertRule,deleteRule CSSStyleRule:insertRule,deleteRule,selectorText StyleSheet:disabled HTMLStyleElement:disabled HTMLLinkElement:disabled CSSKeyframesRule:appendRule,deleteRule CSSKeyframeRule:keyText CSSStyleDeclaration:setProperty,removeProperty,cssText";

/** Rules that scripts hold by their declarations, which can be written without anybody being told. */
export const MAX_HELD = 64;

/** What was heard before the late script came; then it goes on with it. */
export interface Heard {
  /** The overlay's sheet, which nobody else is to know of. */
  readonly own: CSSStyleSheet;
  readonly fonts: Fonts;
  /** Sheets that are no longer what their text says. */
  readonly scripted: Set<CSSStyleSheet>;
  /** Roots whose own lists of sheets may have changed. */
  readonly roots: Set<Root>;
  /** Rules that scripts hold, with what they said then. */
  readonly held: Map<CSSRule, string>;
  idOf(node: Node): number | undefined;
  wake(): void;
}

export class Sheets {
  #heard: Heard;
  #cssom: Cssom | null = null;
  #asked = false;

  constructor(
    own: CSSStyleSheet,
    idOf: (node: Node) => number | undefined,
    private readonly wake: () => void,
    private readonly late: (run: (late: Late) => void) => void,
  ) {
    const fonts = new Fonts((page) => this.#listed(page));
    this.#heard = { own, fonts, idOf, wake, scripted: new Set(), roots: new Set(), held: new Map() };
  }

  /** Watches what scripts of a window do to sheets. */
  patch(realm: Realm): void {
    dom.afterAll(realm, CHANGES, (type, name) =>
      guard((self, _value, result, args) => {
        // Declarations of elements have no rule, and are attributes of theirs.
        const subject: Subject | null = type === "CSSStyleDeclaration" ? self.parentRule : self;
        if (subject) this.#changed(name, subject, result, args);
      }),
    );
    for (const type of ["CSSStyleRule", "CSSKeyframeRule"] as const)
      dom.afterGet(
        realm[type]?.prototype,
        "style",
        guard((rule: CSSRule) => this.#hold(rule)),
      );
    for (const proto of [realm.Document?.prototype, realm.ShadowRoot?.prototype])
      if (proto) this.#watchAdopted(proto);
    this.#heard.fonts.patch(realm);
  }

  /** Scripts set the list, or take it and push: both show here, and the list is compared once per frame. */
  #watchAdopted(proto: Root): void {
    const found = Object.getOwnPropertyDescriptor(proto, "adoptedStyleSheets");
    if (!found?.get || !found.set || !found.configurable) return;
    const { get, set } = found;
    const touch = guard((root: Root) => this.#listed(root));
    const { own } = this.#heard;
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

  #changed(name: string, subject: Subject, result: unknown, args: unknown[]): void {
    if (this.#cssom) {
      this.#cssom.changed(name, subject, result, args);
      return;
    }
    const sheet = sheetOf(subject);
    if (!sheet || sheet === this.#heard.own) return;
    this.#heard.scripted.add(sheet);
    this.#ask();
  }

  /** A script has taken a rule's declarations: what it does with them shows only when they are looked at again. */
  #hold(rule: CSSRule): void {
    const { held, own } = this.#heard;
    if (!rule.parentStyleSheet || rule.parentStyleSheet === own) return;
    this.#ask();
    if (held.has(rule)) return;
    for (const oldest of held.keys()) {
      if (held.size < MAX_HELD) break;
      held.delete(oldest);
    }
    held.set(rule, rule.cssText);
  }

  #listed(root: Root): void {
    this.#heard.roots.add(root);
    this.#ask();
  }

  #ask(): void {
    this.wake();
    if (this.#asked) return;
    this.#asked = true;
    this.late(({ Cssom }) => {
      this.#cssom = new Cssom(this.#heard);
      this.wake();
    });
  }

  // ---- what the capture says

  /** A style element or a root has come into the captured tree: says what its text does not. */
  captured(node: Node): void {
    const { own, fonts } = this.#heard;
    if (dom.isElement(node)) this.#cssom?.captured(node);
    else if (dom.adoptedOf(node as Root).some((sheet) => sheet !== own) || fonts.of(node))
      this.#listed(node as Root);
  }

  /** The text of a style element has changed: its sheet is a new one, and what was said of the old one is void. */
  rewritten(style: Element): void {
    this.#cssom?.rewritten(style);
  }

  reset(): void {
    this.#cssom?.reset();
  }

  /** A node has gone: what was said of it is void. */
  forget(node: Node): void {
    this.#cssom?.forget(node);
  }

  ops(): readonly Op[] {
    return this.#cssom?.ops() ?? [];
  }
}

function sheetOf(subject: Subject): CSSStyleSheet | null {
  return "ownerNode" in subject
    ? subject
    : "sheet" in subject
      ? subject.sheet
      : (subject as CSSRule).parentStyleSheet;
}
