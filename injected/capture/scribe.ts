// Writes new parts of the page as trees, masked, in one pass over the DOM; a slice at a time, so that no task is long.

import { NodeKind } from "../protocol/messages";
import type { Rules } from "../rules";
import type { Veil } from "../veil";
import type { Attributes } from "./attributes";
import type { Changes } from "./changes";
import * as dom from "./dom";
import { isFieldName } from "./fields";
import type { Frames } from "./frames";
import type { Kept, Nodes } from "./nodes";
import type { Scrolls } from "./scrolls";
import type { Texts, Written } from "./texts";
import { isFrame, isInline, isOpaque, kindOf, type Tokens } from "./tree";

type Root = Document | ShadowRoot;

/** A page is at most 1,024 deep (MAX_DEPTH); what is deeper is left out. */
const DEEPEST = 1000;

/** How long one flush writes trees before it leaves the rest to the next: encoding takes as long again. */
const SLICE_MS = 12;
/** On a busy machine the time is gone before anything is done: so many nodes are written whatever it takes. */
const LEAST = 512;

export interface Page {
  readonly rules: Rules;
  readonly nodes: Nodes;
  readonly changes: Changes;
  readonly frames: Frames;
  readonly texts: Texts;
  readonly attributes: Attributes;
  readonly scrolls: Scrolls;
  /** Lado's own element, which is not part of the page. */
  readonly overlay: Element;
  /** A canvas has come: its pictures are for others to take. */
  drawn(canvas: Element): void;
  /** A document in a frame or a shadow root is written: before its children, and after them. */
  entered(root: Root): void;
  captured(root: Root): void;
}

export class Scribe {
  /** Elements of which more is to be said when the trees have been written. */
  late: Element[] = [];
  /** No more time in this flush. */
  over = false;
  #deadline = 0;
  #written = 0;
  #tokens: Tokens = [];
  #line: Written[] = [];

  constructor(private readonly page: Page) {}

  /** A flush begins. */
  begin(): void {
    this.late = [];
    this.over = false;
    this.#written = 0;
  }

  /** Writes the children of the page's document. */
  children(root: Document): Tokens {
    const { rules, nodes, captured } = this.page;
    this.#tokens = [];
    this.#children(root, nodes.of(root) ?? null, rules.base, 0);
    this.#endLine();
    captured(root);
    return this.#tokens;
  }

  /** Writes one node and what is below it. */
  node(node: Node, above: Kept): Tokens {
    const { rules, nodes } = this.page;
    this.#tokens = [];
    let depth = 0;
    for (let at: Kept | null = above; at; at = at.parent) depth++;
    this.#write(node, above, rules.over(above.node, nodes.up), depth);
    this.#endLine();
    return this.#tokens;
  }

  #keep(node: Node, parent: Kept | null): Kept {
    this.page.changes.pending.delete(node);
    this.page.scrolls.entered(node);
    return this.page.nodes.add(node, parent);
  }

  /** Whether a child is left to the next flush. Only blocks are: a line of text is judged whole. */
  #leaves(child: Node): boolean {
    if (!this.over && (this.#written++ & 31) === 0) {
      const now = performance.now();
      // The time counts from the first node: what else a flush does is not the trees' fault.
      if (this.#written === 1) this.#deadline = now + SLICE_MS;
      else this.over = this.#written > LEAST && now > this.#deadline;
    }
    const { overlay, nodes, changes } = this.page;
    if (!this.over || !dom.isElement(child) || isInline(dom.localName(child)) || child === overlay)
      return false;
    if (!nodes.has(child)) changes.left.add(child);
    return true;
  }

  #children(node: Node, kept: Kept | null, veil: Veil, depth: number): void {
    for (let child = dom.firstChild(node); child; child = dom.nextSibling(child))
      if (!this.#leaves(child)) this.#write(child, kept, veil, depth);
  }

  #write(node: Node, parent: Kept | null, veil: Veil, depth: number): void {
    // A node that has an id is in the mirror already and moves here with an op of its own.
    if (this.page.nodes.has(node) || depth > DEEPEST) return;
    switch (dom.nodeType(node)) {
      case dom.TEXT:
      case dom.CDATA: {
        this.#keep(node, parent);
        const text = this.page.texts.first(node, veil);
        this.#tokens.push(NodeKind.Text, text);
        if (!veil && text) this.#line.push({ at: this.#tokens.length - 1, node, text });
        return;
      }
      case dom.ELEMENT:
        if (node !== this.page.overlay) this.#element(node as Element, parent, veil, depth);
        return;
      case dom.DOCUMENT:
      case dom.FRAGMENT:
        this.#root(node as Root, parent, veil, depth);
    }
  }

  #root(root: Root, parent: Kept | null, veil: Veil, depth: number): void {
    const isDocument = dom.nodeType(root) === dom.DOCUMENT;
    const kept = this.#keep(root, parent);
    this.page.entered(root);
    this.#endLine();
    this.#tokens.push(isDocument ? NodeKind.Document : NodeKind.Shadow);
    this.#children(root, kept, veil, depth + 1);
    this.#endLine();
    this.#tokens.push(NodeKind.End);
    if (isDocument) this.page.changes.inner.add(root as Document);
    this.page.captured(root);
  }

  #element(element: Element, parent: Kept | null, outer: Veil, depth: number): void {
    const { rules, attributes, frames, drawn } = this.page;
    const tokens = this.#tokens;
    const kept = this.#keep(element, parent);
    const name = dom.localName(element);
    const names = rules.judge(element, name);
    const veil = rules.under(outer, element);
    const inline = isInline(name);
    if (!inline) this.#endLine();
    const count = tokens.push(kindOf(element), name, 0) - 1;
    if (name === "canvas") drawn(element);
    if (!isOpaque(name)) {
      if (veil || names.length) tokens[count] = attributes.write(element, names, tokens, veil);
      const shadow = dom.shadowOf(element);
      if (shadow) this.#write(shadow, kept, veil, depth + 1);
      const inner = isFrame(name) ? dom.documentIn(element) : undefined;
      if (inner) {
        frames.enter(element, inner);
        this.#write(inner, kept, veil, depth + 1);
      } else if (inner === null) {
        frames.close(element);
        this.late.push(element);
      }
      if (isFieldName(name) || name === "style" || name === "link" || isMedia(name)) this.late.push(element);
      // What stands between the tags of a frame is for browsers without frames.
      if (inner === undefined) this.#children(element, kept, veil, depth + 1);
    }
    tokens.push(NodeKind.End);
    if (!inline) this.#endLine();
  }

  /** A line of text is complete: detectors see it whole, whatever elements it is cut into. */
  #endLine(): void {
    if (!this.#line.length) return;
    this.page.texts.cover(this.#line, this.#tokens);
    this.#line = [];
  }
}

export function isMedia(name: string): boolean {
  return name === "video" || name === "audio" || name === "dialog";
}
