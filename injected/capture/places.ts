// Where nodes stand: each that came or moved is placed behind its previous sibling as it stands now, ancestors first.

import { type Op, OpTag } from "../protocol/messages";
import type { Changes } from "./changes";
import * as dom from "./dom";
import type { Kept, Nodes } from "./nodes";
import type { Scribe } from "./scribe";
import { type Tokens, tree } from "./tree";

export class Places {
  #gone: Kept[] = [];
  /** Ancestor chains that are known to stand where they stand in the page, during one flush. */
  #settled = new Set<Node>();
  #last: { op: Op; root: number; next: number; tokens: Tokens } | null = null;

  constructor(
    private readonly nodes: Nodes,
    private readonly changes: Changes,
    private readonly scribe: Scribe,
    /** The node has lost its id: where it comes back nothing has been said of it. */
    private readonly lost: (node: Node) => void,
    /** The node stands elsewhere, where it may be masked. */
    private readonly moved: (node: Node, ops: Op[]) => void,
  ) {}

  reset(): void {
    this.#gone = [];
  }

  /** A flush has placed what it had to place. */
  done(): void {
    this.#settled.clear();
    this.#last = null;
  }

  /** Nodes that moved are put in their place whatever it takes: what they were in may go with this flush. */
  settleAll(ops: Op[]): void {
    for (const node of this.changes.pending)
      if (!this.scribe.over || this.nodes.has(node)) this.#settle(node, ops);
  }

  /** What an earlier flush had no time for, as far as there is time now. */
  settleLeft(ops: Op[]): void {
    const { pending, left } = this.changes;
    for (const node of left) {
      if (this.scribe.over) break;
      left.delete(node);
      if (this.nodes.has(node)) continue;
      pending.add(node);
      this.#settle(node, ops);
    }
  }

  /** Brings the mirror's place of a pending node to where it is in the page, or forgets it. */
  #settle(node: Node, ops: Op[]): void {
    const { nodes } = this;
    const { pending } = this.changes;
    if (!pending.has(node)) return;
    const parent = nodes.up(node);
    const stands = parent && dom.isConnected(node) && this.#ensure(parent, ops) && nodes.holds(parent, node);
    // It came with an ancestor, meanwhile.
    if (!pending.has(node)) return;
    if (!stands) {
      pending.delete(node);
      this.forget(node);
      return;
    }
    // Siblings before it that are pending, too, go first: each is placed behind one that is in its place.
    const run: Node[] = [];
    let before = 0;
    for (let at: Node | null = node; at; at = dom.previousSibling(at)) {
      if (pending.has(at)) run.push(at);
      else if (nodes.has(at)) {
        before = nodes.id(at) ?? 0;
        break;
      }
    }
    const above = nodes.of(parent);
    if (!above) return;
    for (const each of run.reverse()) before = this.#place(each, above, before, ops) || before;
  }

  /** Whether the node is captured and stands in the mirror below the same ancestors as in the page. */
  #ensure(node: Node, ops: Op[]): boolean {
    const chain: Node[] = [];
    let at: Node | null = node;
    for (; at && at !== document && !this.#settled.has(at); at = this.nodes.up(at)) chain.push(at);
    if (!at) return false;
    for (const each of chain.reverse()) {
      this.#settle(each, ops);
      if (!this.nodes.has(each)) return false;
      this.#settled.add(each);
    }
    return true;
  }

  /** Emits the op for one pending node whose parent and siblings before are in place; returns its id, 0 for none. */
  #place(node: Node, above: Kept, prev: number, ops: Op[]): number {
    this.changes.pending.delete(node);
    const kept = this.nodes.of(node);
    if (kept) {
      kept.parent = above;
      ops.push({ tag: OpTag.Move, node: kept.id, parent: above.id, prev });
      this.moved(node, ops);
      return kept.id;
    }
    const base = this.nodes.next;
    const tokens = this.scribe.node(node, above);
    const { next } = this.nodes;
    if (next === base) return 0;
    const last = ops.at(-1);
    // Siblings that come together come in one tree; ids count on through it.
    if (
      last?.tag === OpTag.Insert &&
      last.parent === above.id &&
      this.#last?.op === last &&
      this.#last.root === prev &&
      this.#last.next === base
    ) {
      for (const token of tokens) this.#last.tokens.push(token);
      this.#last.root = base;
      this.#last.next = next;
      return base;
    }
    const op: Op = { tag: OpTag.Insert, parent: above.id, prev, base, tree: tree(tokens) };
    this.#last = { op, root: base, next, tokens };
    ops.push(op);
    return base;
  }

  /** Takes the ids from a node and what is below it; the mirror is told when the flush ends. */
  forget(node: Node, top = true): void {
    const kept = this.nodes.of(node);
    if (kept) {
      this.nodes.delete(kept);
      this.lost(node);
      // A node that moved before it went is elsewhere in the mirror than it was in the page.
      if (this.changes.pending.delete(node) || top) this.#gone.push(kept);
    }
    if (dom.isElement(node)) {
      const shadow = dom.shadowOf(node);
      if (shadow) this.forget(shadow, false);
      const inner = this.nodes.documentOf(node);
      if (inner) {
        this.nodes.leave(node);
        this.forget(inner, false);
      }
    }
    for (let child = dom.firstChild(node); child; child = dom.nextSibling(child)) this.forget(child, false);
  }

  removeGone(ops: Op[]): void {
    if (!this.#gone.length) return;
    const gone = new Set(this.#gone);
    const nodes: number[] = [];
    for (const kept of gone) {
      let above = kept.parent;
      while (above && !gone.has(above)) above = above.parent;
      if (!above) nodes.push(kept.id);
    }
    this.#gone = [];
    if (nodes.length) ops.push({ tag: OpTag.Remove, nodes });
  }
}
