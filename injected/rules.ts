// The rules of the site, evaluated in the page: what is never put on the wire, and what an agent may not touch.
//
// The server evaluates the same rules on its mirror again (src/mask, src/lock); this is the first line.

import type { NameRule, PageRules, SelectorRule } from "./boot";
import * as dom from "./capture/dom";
import { isFieldName } from "./capture/fields";
import { Detectors, isGrowing } from "./detect";
import { isCalled } from "./name";
import { MASK } from "./protocol/messages";
import { Selectors } from "./selectors";
import { Veil } from "./veil";

/** Never shown, whatever a company's rules say. */
const ALWAYS = "input[type=password]";
/** What people type into or choose from: `is_field` of src/mask/judge.rs. */
const FIELDS =
  "select,textarea,input:not([type=hidden],[type=submit],[type=button],[type=reset],[type=image],[type=checkbox]," +
  "[type=radio],[type=range],[type=color],[type=file])";
const NO_NAMES: readonly string[] = [];

/** What a masked element may still say of itself: its shape, and what rules select by. */
const KEPT =
  /^(id|class|type|name|for|role|autocomplete|inputmode|width|height|rows|cols|size|colspan|rowspan|tabindex|disabled|readonly|required|multiple|hidden|dir|lang|contenteditable|open|slot|part|viewBox|data-lado-\w+|aria-(hidden|expanded|haspopup|controls|labelledby|describedby|disabled|required|invalid))$/;

/** Attributes whose values people read, or that carry data along. */
const WORDS =
  /^(value|placeholder|title|alt|label|content|summary|href|aria-(label|description|valuetext|placeholder|roledescription)|data-.*)$/;

/** Of no use to agents, or the page's own business. */
const NEVER = /^(on|data-lado-(?!mask|lock))|^(nonce|integrity|srcdoc)$/;

type Kind = "never" | "words" | "other";

/** Presses of these are what accessible names lock. */
const ACTIONS =
  "button,a,area,summary,option,label,input:is([type=submit],[type=button],[type=image],[type=reset])," +
  "input[type=checkbox],input[type=radio],[onclick]," +
  "[role]:is([role=button],[role=link],[role^=menuitem],[role=checkbox],[role=radio],[role=switch],[role=tab],[role=option],[role=treeitem])";

export class Rules {
  #veils = new WeakMap<Element, Veil.Mask | Veil.Firm>();
  #paths: readonly string[] = [];
  /** Documents in frames that this page may look into. */
  readonly #inner = new Set<Document>();
  #mask = "";
  #firm = "";
  #unmask = "";
  #masks = new Selectors("");
  #labels: NameRule[] = [];
  #locks: SelectorRule[] = [];
  /** Locks by name. */
  names: NameRule[] = [];
  #base = Veil.None;
  #kinds = new Map<string, Kind>();
  #detectors: Detectors;
  /** Elements that a rule masks itself, for the overlay; those that have left the page are dropped as it looks. */
  readonly found = new Set<Element>();

  constructor(private rules: PageRules) {
    this.#detectors = new Detectors(rules.detectors);
    this.follow();
  }

  /** Other rules from now on. What is masked stays so. */
  replace(rules: PageRules): void {
    this.rules = rules;
    this.#detectors = new Detectors(rules.detectors);
    this.#paths = [];
    this.follow();
  }

  /** What stands over everything that no rule says anything of. */
  get base(): Veil {
    return this.#base;
  }

  /** The customer hides an element, which no rule shows again, or puts back what stood over it: returns what did. */
  veil(element: Element, veil: Veil = Veil.Firm): Veil {
    const before = this.#veils.get(element) ?? Veil.None;
    if (veil) {
      this.#veils.set(element, veil);
      this.found.add(element);
      dom.setAttribute(element, "data-lado-mask", "");
    } else {
      this.#veils.delete(element);
      this.found.delete(element);
      dom.removeAttribute(element, "data-lado-mask");
    }
    return before;
  }

  /** A document in a frame of the page; true when other rules hold with it. */
  enter(inner: Document): boolean {
    this.#inner.add(inner);
    return this.follow();
  }

  /** Takes the rules of the current path, and of those in frames; true when they are others than before. */
  follow(): boolean {
    const paths = [location.pathname];
    for (const inner of this.#inner) {
      if (dom.viewOf(inner)) paths.push(inner.location.pathname);
      else this.#inner.delete(inner);
    }
    if (paths.join() === this.#paths.join()) return false;
    this.#paths = paths;
    const before = [this.#mask, this.#unmask, this.#base].join();
    const mask = this.#active(this.rules.mask);
    const join = (rules: SelectorRule[]): string => rules.map(({ selector }) => selector).join();
    this.#firm = [ALWAYS, join(mask.filter(({ firm }) => firm))].filter(Boolean).join();
    this.#mask = [this.#firm, "[data-lado-mask]", join(mask)].filter(Boolean).join();
    this.#masks = new Selectors(this.#mask);
    // What is shown on a path in a frame is not for that shown on the page.
    this.#unmask = join(this.#active(this.rules.unmask, paths.slice(0, 1)));
    this.#labels = this.#active(this.rules.labels ?? []);
    this.#locks = this.#active(this.rules.lock);
    this.names = this.#active(this.rules.names);
    this.#base = this.#active(this.rules.private ?? []).length ? Veil.Mask : Veil.None;
    return before !== [this.#mask, this.#unmask, this.#base].join();
  }

  #active<T extends { paths: string[] }>(rules: T[], here = this.#paths): T[] {
    return rules.filter(
      ({ paths }) =>
        !paths.length || paths.some((source) => here.some((path) => new RegExp(source, "u").test(path))),
    );
  }

  /** Judges an element that is new to the mirror; returns the names of its attributes. */
  judge(element: Element, name: string): readonly string[] {
    const names = dom.hasAttributes(element) ? dom.attributeNames(element) : NO_NAMES;
    const masked = this.#masks.match(element, name, names)
      ? this.#veil(element)
      : this.#labels.length > 0 && isFieldName(name) && this.isLabelled(element);
    return masked ? dom.attributeNames(element) : names;
  }

  /** Whether an element that stands elsewhere now may be masked for that. */
  get contextual(): boolean {
    return this.#masks.contextual;
  }

  /** Judges an element or everything in a root; returns the elements that are newly masked. What is masked stays so. */
  scan(root: Node): Element[] {
    const fresh: Element[] = [];
    const add = (element: Element): void => {
      if (this.#veil(element)) fresh.push(element);
    };
    if (dom.isElement(root) && dom.matches(root, this.#mask)) add(root);
    for (const element of dom.query(root, this.#mask)) add(element);
    if (this.#labels.length) {
      if (dom.isElement(root) && this.isLabelled(root)) fresh.push(root);
      for (const field of dom.query(root, FIELDS)) if (this.isLabelled(field)) fresh.push(field);
    }
    return fresh;
  }

  /** Whether a field is newly masked by what it is called. Labels may come later than fields. */
  isLabelled(field: Element): boolean {
    return (
      !this.#veils.has(field) &&
      dom.matches(field, FIELDS) &&
      !!named(field, this.#labels, true) &&
      this.#veil(field)
    );
  }

  #veil(element: Element): boolean {
    if (this.#veils.has(element)) return false;
    const firm = dom.matches(element, this.#firm);
    if (!firm && this.#isUnmasked(element)) return false;
    this.#veils.set(element, firm ? Veil.Firm : Veil.Mask);
    this.found.add(element);
    if (!dom.hasAttribute(element, "data-lado-mask")) dom.setAttribute(element, "data-lado-mask", "");
    return true;
  }

  #isUnmasked(element: Element): boolean {
    return this.#unmask !== "" && dom.matches(element, this.#unmask);
  }

  /** Whether a change of this attribute may change what the mask rules select. */
  selectsBy(name: string): boolean {
    const sign = name === "class" ? "." : name === "id" ? "#" : `[${name}`;
    const all = this.#mask + this.#unmask;
    return all.includes(sign) || all.includes(`[${name}`);
  }

  /** What stands over an element below `outer`. */
  under(outer: Veil, element: Element): Veil {
    if (outer === Veil.Firm) return outer;
    return this.#veils.get(element) ?? (outer && this.#isUnmasked(element) ? Veil.None : outer);
  }

  /** Whether a rule of its own hides an element or what it stands in, not only that everything is hidden. */
  hides(node: Node, up: (node: Node) => Node | null): boolean {
    for (let at: Node | null = node; at; at = up(at)) if (this.#veils.has(at as Element)) return true;
    return false;
  }

  /** What stands over a node: its nearest ancestor of which rules say anything decides, and every firm one. */
  over(node: Node | null, up: (node: Node) => Node | null): Veil {
    const chain: Element[] = [];
    for (let at = node; at; at = up(at)) if (dom.isElement(at)) chain.push(at);
    return chain.reduceRight((veil, element) => this.under(veil, element), this.#base);
  }

  /** The value as it may leave the page; null for attributes that never do. */
  attribute(element: Element, name: string, value: string, masked: Veil): string | null {
    const kind = this.#kindOf(name);
    if (kind === "never") return null;
    const dresses = masked === Veil.Mask && name === "href" && this.dresses(element);
    if (masked && value && !dresses && !KEPT.test(name) && !(name === "style" && !/["'(]/.test(value))) {
      return MASK;
    }
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

  /** A page that is hidden as a whole is dressed all the same. */
  dresses(element: Element): boolean {
    return this.#base !== Veil.None && dom.matches(element, "style,link[rel~=stylesheet i]");
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

  /** The value of a field that the customer is in: what may become a number of theirs waits until they leave it. */
  typed(text: string, active: boolean): string {
    return active && isGrowing(text) ? MASK : this.plain(text);
  }

  /** The texts of one block, in order, with what detectors find in them together replaced; null when nothing is. */
  cover(texts: readonly string[]): string[] | null {
    return this.#detectors.cover(texts, MASK);
  }

  /** Whether the element does something when pressed, as far as markup tells. */
  acts(element: Element): boolean {
    return dom.matches(element, ACTIONS) || dom.localName(element).includes("-");
  }

  /** The lock that an element has itself. */
  lock(element: Element): string | null {
    for (const { id, selector } of this.#locks) if (dom.matches(element, selector)) return id;
    const stamped = dom.getAttribute(element, "data-lado-lock");
    if (stamped !== null) return stamped;
    return (this.names.length && this.acts(element) && named(element, this.names)?.id) || null;
  }
}

function named(element: Element, rules: readonly NameRule[], field = false): NameRule | undefined {
  return rules.find((rule) => isCalled(element, rule.names, field));
}
