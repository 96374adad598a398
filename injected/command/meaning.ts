// What an action would mean, where neither the element nor the server's mirror says it: the page's half of src/lock.rs.

import * as dom from "../capture/dom";
import { normalName, textOf } from "../name";

const PRICE = /\d|[$€£¥₹]|^(USD|EUR|BRL|GBP|CHF)$/;

/** "buy now" of "Buy now · R$ 99,00", as names in rules are written. */
export function offer(element: Element): string {
  return normalName(
    textOf(element)
      .split(/\s+/)
      .filter((word) => !PRICE.test(word))
      .join(" "),
  );
}

/** Every element of the page, those in shadow roots and frames too. */
export function* everywhere(root: Node): Iterable<Element> {
  for (const element of dom.query(root, "*")) {
    yield element;
    for (const inner of [dom.shadowOf(element), dom.documentIn(element)]) if (inner) yield* everywhere(inner);
  }
}

/** Whether an address of the page leads where an agent asks to go, perhaps with parameters more. */
export function leadsTo(
  address: string,
  base: string,
  asked: string,
  toView: (url: string) => string,
): boolean {
  try {
    const there = partsOf(asked);
    return partsOf(toView(new URL(address, base).href)).every((part) => there.includes(part));
  } catch {
    // What a browser makes of it nobody can say.
    return true;
  }
}

/** Place and parameters, without what sites seldom tell addresses apart by, as in src/lock/target.rs. */
function partsOf(url: string): string[] {
  const { host, pathname, search } = new URL(url, location.href);
  return unescape(`${host}${pathname}/`.replace(/\/+/g, "/") + search.replace(/^\??/, "&"))
    .toLowerCase()
    .split("&")
    .filter(Boolean);
}
