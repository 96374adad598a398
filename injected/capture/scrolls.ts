// How far things are scrolled: read when it has changed, never for a snapshot, which would force a layout.

import { type Op, OpTag } from "../protocol/messages";
import * as dom from "./dom";
import { PAGE } from "./tree";

type Position = readonly [number, number];

const ORIGIN: Position = [0, 0];

export class Scrolls {
  #positions = new Map<Node, Position>();
  #moved = new Set<Node>();

  /** A node has been scrolled: it is read again. */
  scrolled(node: Node): void {
    this.#positions.delete(node);
    this.#moved.add(node);
  }

  /** A node has come into the mirror, where it is not scrolled yet. */
  entered(node: Node): void {
    if (this.#positions.has(node)) this.#moved.add(node);
  }

  forget(node: Node): void {
    this.#positions.delete(node);
  }

  /** Says again what is known of the nodes in question. */
  again(wanted: (node: Node) => boolean): void {
    for (const node of this.#positions.keys()) if (wanted(node)) this.#moved.add(node);
  }

  /** After a snapshot of the page, which has the document's own position: all the others again. */
  reset(id: (node: Node) => number | undefined): void {
    for (const node of this.#positions.keys()) {
      if (id(node)) this.#moved.add(node);
      else if (!dom.isConnected(node)) this.#positions.delete(node);
    }
    this.#moved.delete(document);
  }

  ops(id: (node: Node) => number | undefined, masked: (node: Node) => boolean): Op[] {
    const ops: Op[] = [];
    for (const at of this.#moved) {
      const node = id(at);
      if (node === undefined || (node !== PAGE && masked(at))) continue;
      const [x, y] = this.of(at);
      ops.push({ tag: OpTag.Scroll, node, x, y });
    }
    this.#moved.clear();
    return ops;
  }

  of(node: Node): Position {
    const known = this.#positions.get(node);
    if (known) return known;
    if (!this.#moved.has(node)) return ORIGIN;
    const element = dom.nodeType(node) === dom.DOCUMENT ? null : (node as Element);
    const view = element ? null : dom.viewOf(node as Document);
    const x = Math.round(element ? dom.scrollLeft(element) : (view?.scrollX ?? 0));
    const y = Math.round(element ? dom.scrollTop(element) : (view?.scrollY ?? 0));
    this.#positions.set(node, [x, y]);
    return [x, y];
  }
}
