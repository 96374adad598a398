// Keeps the mirror true: adds the page up, stretch by stretch, for Lado to compare with what its mirror has.

import { NodeKind, type Op, OpTag, SUM_GROUP } from "../protocol/messages";
import { BASIS, Groups, number, text } from "../protocol/sum";
import type { Parts } from "./beside";
import * as dom from "./dom";
import type { Kept } from "./nodes";
import { isOpaque, kindOf, PAGE } from "./tree";

export class Check {
  /** Where the next comparison begins. */
  #cursor = PAGE;

  constructor(private readonly parts: Parts) {}

  /** Whether the whole page has been compared. */
  get done(): boolean {
    return this.#cursor === PAGE;
  }

  /** What the next nodes add up to; those that should have been captured and were not are told with the next flush. */
  op(count: number): Op | null {
    const { nodes, changes } = this.parts;
    if (!changes.active) return null;
    const first = nodes.at(this.#cursor);
    let node: Node | null = first && nodes.id(first) === this.#cursor ? first : document;
    const op = { tag: OpTag.Check, node: nodes.id(node) ?? PAGE } as const;
    const groups = new Groups();
    let last: Node | null = null;
    const most = Math.ceil(count / SUM_GROUP) * SUM_GROUP;
    for (let done = 0; node && done < most; ) {
      const kept = nodes.of(node);
      if (kept) {
        groups.node(this.#sum(node, kept));
        done++;
      } else if (this.#isMissed(node)) {
        changes.pending.add(node);
      }
      last = node;
      node = kept ? nodes.following(node) : nodes.after(node);
    }
    // The last one of a stretch is the first of the next: nothing between two falls through.
    this.#cursor = node && last ? (nodes.id(last) ?? PAGE) : PAGE;
    if (changes.pending.size) changes.wake();
    return { ...op, sums: groups.finish() };
  }

  #sum(node: Node, kept: Kept): number {
    const { nodes, veils, texts, attributes } = this.parts;
    const type = dom.nodeType(node);
    const parent = nodes.up(node);
    const kind = dom.isElement(node)
      ? kindOf(node)
      : type === dom.DOCUMENT
        ? NodeKind.Document
        : type === dom.FRAGMENT
          ? NodeKind.Shadow
          : NodeKind.Text;
    const above = parent ? (nodes.id(parent) ?? 0) : 0;
    const sum = number(number(number(BASIS, kind), kept.id), above);
    if (kind === NodeKind.Text) return text(sum, texts.told(node, veils.over(node)));
    if (!dom.isElement(node)) return sum;
    const tag = dom.localName(node);
    let all = 0;
    if (!isOpaque(tag))
      attributes.all(node, dom.attributeNames(node), veils.over(node), (name, value) => {
        all = (all + text(number(text(BASIS, name), 0x3d), value)) | 0;
      });
    return number(text(sum, tag), all);
  }

  #isMissed(node: Node): boolean {
    const { nodes, changes, overlay } = this.parts;
    if (node === overlay || changes.pending.has(node) || changes.left.has(node)) return false;
    const parent = nodes.up(node);
    const type = dom.nodeType(node);
    // A document takes an element, nothing else.
    const fits =
      type === dom.ELEMENT ||
      type === dom.FRAGMENT ||
      (parent && dom.nodeType(parent) !== dom.DOCUMENT && dom.isText(node));
    return Boolean(parent && fits && nodes.has(parent) && nodes.holds(parent, node));
  }
}
