// Which nodes the mirror has, under which ids, and below what it has them.

import * as dom from "./dom";
import { isOpaque, PAGE } from "./tree";

/** A node that the mirror has, and below what the mirror has it. */
export interface Kept {
  readonly id: number;
  readonly node: Node;
  parent: Kept | null;
}

export class Nodes {
  #kept = new WeakMap<Node, Kept>();
  #byId = new Map<number, Kept>();
  #frameOf = new WeakMap<Document, Element>();
  #documents = new WeakMap<Element, Document>();
  /** The id that the next node gets: none is given twice. */
  next = PAGE + 1;

  /** The mirror begins anew, with the document alone. */
  reset(): void {
    this.#kept = new WeakMap([[document, { id: PAGE, node: document, parent: null }]]);
    this.#byId.clear();
  }

  add(node: Node, parent: Kept | null): Kept {
    const kept: Kept = { id: this.next++, node, parent };
    this.#kept.set(node, kept);
    this.#byId.set(kept.id, kept);
    return kept;
  }

  delete({ id, node }: Kept): void {
    this.#kept.delete(node);
    this.#byId.delete(id);
  }

  of(node: Node): Kept | undefined {
    return this.#kept.get(node);
  }

  has(node: Node): boolean {
    return this.#kept.has(node);
  }

  /** Documents in frames and shadow roots. */
  roots(): (Document | ShadowRoot)[] {
    const all = Array.from(this.#byId.values(), ({ node }) => node);
    return all.filter((node) => !dom.isElement(node) && "adoptedStyleSheets" in node) as (
      | Document
      | ShadowRoot
    )[];
  }

  /** The node that an op or a command means. */
  at(id: number): Node | null {
    return id === PAGE ? document : (this.#byId.get(id)?.node ?? null);
  }

  id = (node: Node): number | undefined => (node === document ? PAGE : this.#kept.get(node)?.id);

  /** The node above, through shadow roots and out of frames. */
  up = (node: Node): Node | null => {
    switch (dom.nodeType(node)) {
      case dom.DOCUMENT: {
        const frame = this.#frameOf.get(node as Document);
        // A frame that has gone elsewhere leaves its old documents to those who still hold them.
        return frame && this.#documents.get(frame) === node ? frame : null;
      }
      case dom.FRAGMENT:
        return "host" in node ? dom.hostOf(node as ShadowRoot) : null;
      default:
        return dom.parentNode(node);
    }
  };

  /** The next node in the order of the mirror: a shadow root before its element's children, a frame's document in it. */
  following(node: Node): Node | null {
    if (dom.isElement(node)) {
      if (isOpaque(dom.localName(node))) return this.after(node);
      const shadow = dom.shadowOf(node);
      if (shadow) return shadow;
      if (dom.documentIn(node) !== undefined) return this.#documents.get(node) ?? this.after(node);
    }
    return dom.firstChild(node) ?? this.after(node);
  }

  /** The next node that is not below this one. */
  after(node: Node): Node | null {
    for (let at: Node | null = node; at && at !== document; at = this.up(at)) {
      const type = dom.nodeType(at);
      const next: Node | null =
        type === dom.FRAGMENT
          ? dom.firstChild(dom.hostOf(at as ShadowRoot))
          : type === dom.DOCUMENT
            ? null
            : dom.nextSibling(at);
      if (next) return next;
    }
    return null;
  }

  /** Whether the children of a captured node are captured. */
  holds(parent: Node, child: Node): boolean {
    if (!dom.isElement(parent)) return true;
    return dom.documentIn(parent) === undefined
      ? !isOpaque(dom.localName(parent))
      : dom.nodeType(child) === dom.DOCUMENT;
  }

  // ---- frames

  enter(frame: Element, inner: Document): void {
    this.#frameOf.set(inner, frame);
    this.#documents.set(frame, inner);
  }

  leave(frame: Element): void {
    this.#documents.delete(frame);
  }

  /** The document that a frame was last seen with. */
  documentOf(frame: Element): Document | undefined {
    return this.#documents.get(frame);
  }
}
