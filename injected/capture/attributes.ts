// Attributes of the page as they may leave it: masked, with the site's own addresses.

import { failed } from "../guard";
import type { Rules } from "../rules";
import type { Veil } from "../veil";
import { baseUrl, outward } from "./address";
import * as dom from "./dom";
import type { Tokens } from "./tree";

/** What the mirror gets of a masked element's name and attributes: which lock they mean. */
const STAMP = "data-lado-lock";

export class Attributes {
  constructor(
    private readonly rules: Rules,
    /** What there is for an address that only this browser can open. */
    private readonly blob: (element: Element, name: string, address: string) => string,
  ) {}

  /** The value that goes out; null for none. */
  of(element: Element, name: string, veil: Veil): string | null {
    let raw = dom.getAttribute(element, name);
    if (raw === null) return null;
    if ((name === "src" || name === "poster") && raw.startsWith("blob:")) raw = this.blob(element, name, raw);
    const value = this.rules.attribute(element, name, outward(raw), veil);
    const isAddress = name === "src" || name === "href" || name === "poster" || name === "srcset";
    // In a frame relative addresses start elsewhere than the page's.
    const isForeign = isAddress && value && dom.ownerDocument(element) !== document;
    return isForeign ? fromBase(element, name, value) : value;
  }

  /** All that goes out, one name and value after the other. */
  all(
    element: Element,
    names: readonly string[],
    veil: Veil,
    each: (name: string, value: string) => void,
  ): void {
    for (const name of names) {
      const value = this.of(element, name, veil);
      if (value !== null) each(name, value);
    }
    const stamp = veil && !dom.hasAttribute(element, STAMP) && this.rules.lock(element);
    if (stamp) each(STAMP, stamp);
  }

  /** Writes all of them and answers how many. */
  write(element: Element, names: readonly string[], tokens: Tokens, veil: Veil): number {
    let written = 0;
    this.all(element, names, veil, (name, value) => {
      tokens.push(name, value);
      written++;
    });
    return written;
  }
}

function fromBase(element: Element, name: string, value: string): string {
  const base = baseUrl(dom.baseUri(element));
  const one = (url: string): string => {
    try {
      return /^(data:|#|javascript:)/.test(url) ? url : new URL(url, base).href;
    } catch (error) {
      failed(error);
      return url;
    }
  };
  return name === "srcset"
    ? value.replace(/(^|,)\s*(\S+)/g, (_, comma, url) => `${comma}${one(url)}`)
    : one(value);
}
