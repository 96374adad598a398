// Documents in frames that this page may look into: which is in which, and the frames that show nothing.

import { type Op, OpTag } from "../protocol/messages";
import type { Changes } from "./changes";
import * as dom from "./dom";
import type { Nodes } from "./nodes";

type Realm = Window & typeof globalThis;

export class Frames {
  #opaque = new WeakSet<Element>();
  /** Modes of documents as they were told. */
  #quirks = new WeakMap<Document, boolean>();

  constructor(
    private readonly nodes: Nodes,
    private readonly changes: Changes,
    /** A window that scripts may work in. */
    private readonly patch: (realm: Realm) => void,
  ) {}

  reset(): void {
    this.#opaque = new WeakSet();
    this.#quirks = new WeakMap();
  }

  enter(frame: Element, inner: Document): void {
    this.#opaque.delete(frame);
    this.nodes.enter(frame, inner);
    const view = dom.viewOf(inner);
    if (view) this.patch(view as Realm);
  }

  /** Answers whether that is news. */
  close(frame: Element): boolean {
    const news = !this.#opaque.has(frame);
    this.#opaque.add(frame);
    return news;
  }

  /** Whether the frame shows a document that this page may not look into. */
  isOpaque(frame: Element): boolean {
    return this.#opaque.has(frame);
  }

  /** Says in which mode new documents are laid out. */
  modes(): Op[] {
    const ops: Op[] = [];
    for (const inner of this.changes.inner) {
      const quirks = inner.compatMode === "BackCompat";
      const node = this.nodes.id(inner);
      if (!node || quirks === (this.#quirks.get(inner) ?? false)) continue;
      this.#quirks.set(inner, quirks);
      ops.push({ tag: OpTag.Quirks, node, quirks });
    }
    this.changes.inner.clear();
    return ops;
  }
}
