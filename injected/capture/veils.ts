// What is masked from now on: takes back what was sent of it.

import { MASK, type Op, OpTag } from "../protocol/messages";
import type { Rules } from "../rules";
import type { Veil } from "../veil";
import type { Attributes } from "./attributes";
import type { Changes } from "./changes";
import * as dom from "./dom";
import { isField } from "./fields";
import type { Nodes } from "./nodes";
import type { Texts } from "./texts";
import { isOpaque } from "./tree";

export class Veils {
  constructor(
    private readonly rules: Rules,
    private readonly nodes: Nodes,
    private readonly changes: Changes,
    private readonly texts: Texts,
    private readonly attributes: Attributes,
  ) {}

  over(node: Node): Veil {
    return this.rules.over(node, this.nodes.up);
  }

  /** Takes back what rules hide of a node and of all below it. */
  retract(node: Node, ops: Op[]): void {
    this.#retract(node, ops, this.over(node));
  }

  /** Looks for what rules select now. */
  scan(root: Node, ops: Op[]): void {
    for (const element of this.rules.scan(root)) this.retract(element, ops);
  }

  /** Attributes have changed: rules may select other elements now, the changed ones, below them or beside them. */
  rescan(ops: Op[]): void {
    const around = new Set<Node>();
    for (const [element, names] of this.changes.attributes) {
      for (const name of names)
        if (this.rules.selectsBy(name)) around.add(dom.parentNode(element) ?? element);
    }
    for (const root of around) this.scan(root, ops);
  }

  #retract(node: Node, ops: Op[], veil: Veil): void {
    if (!veil) return;
    const kept = this.nodes.of(node);
    if (kept && dom.isText(node)) {
      ops.push({ tag: OpTag.SetText, node: kept.id, text: this.texts.of(node, veil) });
      return;
    }
    if (dom.isElement(node)) {
      if (isOpaque(dom.localName(node))) return;
      for (const name of kept ? dom.attributeNames(node) : []) {
        const value = this.attributes.of(node, name, veil);
        if (kept && value === MASK) ops.push({ tag: OpTag.SetAttr, node: kept.id, name, value });
      }
      if (kept && isField(node)) this.changes.fields.add(node);
      const inner = dom.shadowOf(node) ?? this.nodes.documentOf(node);
      if (inner) this.#retract(inner, ops, veil);
    }
    for (let child = dom.firstChild(node); child; child = dom.nextSibling(child)) {
      this.#retract(child, ops, dom.isElement(child) ? this.rules.under(veil, child) : veil);
    }
  }
}
