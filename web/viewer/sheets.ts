// The style sheets of a stage: constructed ones, and those that the page's scripts have changed rule by rule.

import { type Op, OpTag } from "../../injected/protocol/messages";
import { type Browser, Dresser } from "./dress";
import { stageSheet } from "./sheet";

type Place = Document | ShadowRoot;
type Change = Extract<Op, { tag: OpTag.InsertRule | OpTag.SetRule | OpTag.DeleteRule | OpTag.DisableSheet }>;

/** A sheet as ops have made it: the text it starts from, where that is not the element's own, and what came after. */
interface Made {
  css: string | null;
  changes: Change[];
}

/** Beside the page's own sheets, which count from 1: the stage's, and that for single elements. */
const OWN = 0;
const SPECIAL = -1;

export class StageSheets {
  readonly #owned = new Map<number, Made>();
  readonly #constructed = new Map<number, Made>();
  readonly #adopted = new Map<number, readonly number[]>();
  /** Texts of sheets that came with their root, from pages that number none. */
  readonly #texts = new Map<number, readonly string[]>();
  /** A constructed sheet belongs to one document (CSSOM §6.1.1). */
  readonly #built = new Map<Document, Map<number, CSSStyleSheet>>();
  readonly #dirty = new Set<number>();
  /** How many changes are in an element's sheet already: it may be looked at again, as when it has loaded. */
  readonly #applied = new WeakMap<CSSStyleSheet, number>();
  readonly #dresser: Dresser;
  #bar = 0;

  constructor(
    private readonly node: (id: number) => Node | undefined,
    browser: () => Browser,
  ) {
    this.#dresser = new Dresser(browser);
  }

  /** A style or link element has come, or its text has changed, or it has loaded. */
  fresh(id: number): void {
    this.#dirty.add(id);
  }

  /** Brings into shape what has come since. */
  settle(): void {
    for (const id of this.#dirty) this.#rebuild(id);
    this.#dirty.clear();
  }

  /** The customer's browser is another one now: media queries are answered anew. */
  redress(documents: Iterable<Place>): void {
    for (const place of documents) {
      for (const sheet of [...place.styleSheets, ...place.adoptedStyleSheets]) this.#dresser.sheet(sheet);
      for (const source of place.querySelectorAll("source[media]")) this.source(source);
    }
  }

  /** `<source media>` has no object model: its attribute says what the customer's browser says. */
  source(element: Element): void {
    const own = element.getAttribute("data-lado-media") ?? element.getAttribute("media") ?? "";
    const dressed = this.#dresser.media(own);
    if (dressed === element.getAttribute("media")) return;
    element.setAttribute("data-lado-media", own);
    element.setAttribute("media", dressed);
  }

  set(id: number, css: string): void {
    this.#owned.set(id, { css, changes: [] });
    this.#dirty.add(id);
  }

  define(number: number, css: string): void {
    this.#constructed.set(number, { css, changes: [] });
    for (const built of this.#built.values()) if (built.has(number)) this.#fill(number, built.get(number));
  }

  change(op: Change): void {
    const made = op.node ? this.#owned.get(op.node) : this.#constructed.get(op.sheet);
    if (made) made.changes.push(op);
    else if (op.node) this.#owned.set(op.node, { css: null, changes: [op] });
    if (op.node) {
      // A sheet that is about to be built anew gets it then.
      if (this.#dirty.has(op.node)) return;
      const sheet = (this.node(op.node) as HTMLStyleElement | undefined)?.sheet;
      if (sheet) this.#catchUp(sheet, op.node);
      return;
    }
    for (const built of this.#built.values()) {
      const sheet = built.get(op.sheet);
      if (sheet) this.#change(sheet, op);
    }
  }

  adopt(id: number, sheets: readonly number[], place: Place): void {
    this.#adopted.set(id, sheets);
    this.dress(place, id);
  }

  adoptTexts(id: number, texts: readonly string[], place: Place): void {
    this.#texts.set(id, texts);
    this.dress(place, id);
  }

  /** How wide the customer's scroll bars are: 0 where they lie over the page or are not there. */
  scrollbar(width: number, documents: Iterable<Place>): void {
    if (width === this.#bar) return;
    this.#bar = width;
    for (const place of documents) {
      const built = this.#built.get(documentOf(place));
      built?.get(OWN)?.replaceSync(stageSheet(width));
    }
  }

  /** Gives a document or shadow root its sheets, and the stage's own after them. */
  dress(place: Place, id: number): void {
    const document = documentOf(place);
    const view = document.defaultView;
    if (!view || !("adoptedStyleSheets" in place)) return;
    const texts = (this.#texts.get(id) ?? []).map((css) => {
      const sheet = new view.CSSStyleSheet();
      sheet.replaceSync(css);
      this.#dresser.sheet(sheet);
      return sheet;
    });
    const numbers = [...(this.#adopted.get(id) ?? []), OWN, SPECIAL];
    place.adoptedStyleSheets = [...texts, ...numbers.map((number) => this.#of(document, view, number))];
  }

  /** A frame has a new document: what was built for its old one is built again. */
  again(documents: Iterable<[number, Place]>): void {
    for (const [id, place] of documents) this.dress(place, id);
    for (const id of this.#owned.keys()) this.#dirty.add(id);
    this.settle();
  }

  /** A sheet of the root's own for rules about single elements. */
  special(element: Element): CSSStyleSheet | null {
    const view = element.ownerDocument.defaultView;
    return element.isConnected && view ? this.#of(element.ownerDocument, view, SPECIAL) : null;
  }

  forget(id: number, node: Node): void {
    this.#owned.delete(id);
    this.#adopted.delete(id);
    this.#texts.delete(id);
    this.#dirty.delete(id);
    if (node.nodeType === Node.DOCUMENT_NODE) this.#built.delete(node as Document);
  }

  #of(document: Document, view: Window & typeof globalThis, number: number): CSSStyleSheet {
    const built = this.#built.get(document) ?? new Map<number, CSSStyleSheet>();
    this.#built.set(document, built);
    let sheet = built.get(number);
    if (!sheet) {
      sheet = new view.CSSStyleSheet();
      built.set(number, sheet);
      this.#fill(number, sheet);
    }
    return sheet;
  }

  #fill(number: number, sheet: CSSStyleSheet | undefined): void {
    if (!sheet) return;
    if (number === SPECIAL) return;
    if (number === OWN) return sheet.replaceSync(stageSheet(this.#bar));
    const made = this.#constructed.get(number);
    sheet.replaceSync(made?.css ?? "");
    this.#dresser.sheet(sheet);
    for (const change of made?.changes ?? []) this.#change(sheet, change);
  }

  /** Puts a script-made state of a style or link element in place, rule by rule: its text nodes keep their ids. */
  #rebuild(id: number): void {
    const element = this.node(id) as HTMLStyleElement | HTMLLinkElement | undefined;
    const sheet = element?.sheet;
    if (!sheet || !element) return;
    const made = this.#owned.get(id);
    if (made && made.css !== null) {
      const view = element.ownerDocument.defaultView;
      if (!view) return;
      const parsed = new view.CSSStyleSheet();
      parsed.replaceSync(made.css);
      while (sheet.cssRules.length > 0) sheet.deleteRule(0);
      for (const rule of parsed.cssRules) sheet.insertRule(rule.cssText, sheet.cssRules.length);
      this.#applied.delete(sheet);
    }
    this.#dresser.sheet(sheet);
    this.#catchUp(sheet, id);
  }

  /** Brings the changes of an element's sheet that are not in it yet. */
  #catchUp(sheet: CSSStyleSheet, id: number): void {
    const changes = this.#owned.get(id)?.changes ?? [];
    for (const change of changes.slice(this.#applied.get(sheet) ?? 0)) this.#change(sheet, change);
    this.#applied.set(sheet, changes.length);
  }

  #change(sheet: CSSStyleSheet, op: Change): void {
    if (op.tag === OpTag.DisableSheet) {
      sheet.disabled = op.disabled;
      return;
    }
    const path = [...op.path];
    const last = path.pop() ?? 0;
    let group: CSSStyleSheet | CSSGroupingRule = sheet;
    for (const at of path) {
      const inner = group.cssRules[at];
      if (!inner || !("cssRules" in inner)) return;
      group = inner as CSSGroupingRule;
    }
    if (op.tag !== OpTag.InsertRule) remove(group, last);
    if (op.tag === OpTag.DeleteRule) return;
    try {
      group.insertRule(op.css, Math.min(last, group.cssRules.length));
    } catch {
      // This browser does not know the rule; its place counts all the same.
      group.insertRule("@media not all {}", Math.min(last, group.cssRules.length));
    }
    const rule = group.cssRules[last];
    if (rule) this.#dresser.rule(rule);
  }
}

function remove(group: CSSStyleSheet | CSSGroupingRule, at: number): void {
  if (at < group.cssRules.length) group.deleteRule(at);
}

function documentOf(place: Place): Document {
  return place.ownerDocument ?? (place as Document);
}
