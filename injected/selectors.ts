// A list of selectors, by what an element must have to match one of them at all: most elements are done without asking.

import * as dom from "./capture/dom";

/** Selectors by the name that the last element of each must have. */
type Index = Map<string, string>;

export class Selectors {
  #tags: Index = new Map();
  #attributes: Index = new Map();
  #classes: Index = new Map();
  #ids: Index = new Map();
  #any = "";
  /** Whether some depend on what an element stands in, so that one that moves may match others. */
  readonly contextual: boolean;

  constructor(list: string) {
    this.contextual = false;
    for (const selector of split(list)) {
      const last = lastCompound(selector);
      if (last !== selector) this.contextual = true;
      const bare = last.replace(/"[^"]*"|'[^']*'|\|=/g, "");
      const [, tag, attribute, className, id] =
        /^(?:([\w-]+)|\*?)(?:\[([\w-]+)|\.([\w-]+)|#([\w-]+))?/.exec(bare) ?? [];
      if (/[\\|]|[^ -~]/.test(bare)) this.#any = join(this.#any, selector);
      else if (id) add(this.#ids, id, selector);
      else if (className) add(this.#classes, className, selector);
      else if (tag) add(this.#tags, tag, selector);
      else if (attribute) add(this.#attributes, attribute, selector);
      else this.#any = join(this.#any, selector);
    }
  }

  /** Whether the element, of that name and with attributes of these names, matches one. */
  match(element: Element, name: string, attributes: readonly string[]): boolean {
    const asked = (selectors: string | undefined): boolean =>
      selectors !== undefined && dom.matches(element, selectors);
    if (this.#any && asked(this.#any)) return true;
    if (asked(this.#tags.get(name))) return true;
    for (const attribute of attributes) {
      if (asked(this.#attributes.get(attribute))) return true;
      if (attribute === "class" && this.#classes.size) {
        // In quirks mode their case does not matter (CSS Selectors §6.6).
        for (const word of (dom.getAttribute(element, attribute) ?? "").split(/\s+/))
          if (asked(this.#classes.get(word.toLowerCase()))) return true;
      }
      if (attribute === "id" && this.#ids.size) {
        if (asked(this.#ids.get((dom.getAttribute(element, attribute) ?? "").toLowerCase()))) return true;
      }
    }
    return false;
  }
}

const join = (list: string, selector: string): string => (list ? `${list},${selector}` : selector);

/** Names in HTML are small, in SVG as they are written. */
function add(index: Index, name: string, selector: string): void {
  for (const key of new Set([name, name.toLowerCase()])) index.set(key, join(index.get(key) ?? "", selector));
}

/** Cuts at a character outside of brackets and strings. */
function cut(text: string, at: RegExp): string[] {
  const parts: string[] = [];
  let from = 0;
  let depth = 0;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const letter = text.charAt(i);
    if (letter === "\\") i++;
    else if (quote) quote = letter === quote ? "" : quote;
    else if (letter === '"' || letter === "'") quote = letter;
    else if (letter === "[" || letter === "(") depth++;
    else if (letter === "]" || letter === ")") depth--;
    else if (!depth && at.test(letter)) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  parts.push(text.slice(from));
  return parts.map((part) => part.trim()).filter(Boolean);
}

const split = (list: string): string[] => cut(list, /,/);
const lastCompound = (selector: string): string => cut(selector, /[\s>+~]/).at(-1) ?? "";
