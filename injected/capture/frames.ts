// Documents in frames: which is in which of those that this page may look into, and which nonce the others have said.

import { type Op, OpTag } from "../protocol/messages";
import type { Rules } from "../rules";
import type { Changes } from "./changes";
import * as dom from "./dom";
import type { Nodes } from "./nodes";

type Realm = Window & typeof globalThis;

export class Frames {
  /** Frames that show a document which this page may not look into → the nonce that was told of it; null: nothing yet. */
  #opaque = new WeakMap<Element, string | null>();
  readonly #windows = new WeakMap<object, Element>();
  /** Modes of documents as they were told. */
  #quirks = new WeakMap<Document, boolean>();

  constructor(
    private readonly rules: Rules,
    private readonly nodes: Nodes,
    private readonly changes: Changes,
    /** A window that scripts may work in. */
    private readonly patch: (realm: Realm) => void,
    /** What the document in a window has said that it is. */
    private readonly nonceOf: (frame: object) => string,
  ) {}

  reset(): void {
    this.#opaque = new WeakMap();
    this.#quirks = new WeakMap();
  }

  enter(frame: Element, inner: Document): void {
    this.#opaque.delete(frame);
    this.#window(frame);
    this.nodes.enter(frame, inner);
    if (this.rules.enter(inner)) this.changes.rules = true;
    const view = dom.viewOf(inner);
    if (view) this.patch(view as Realm);
  }

  /** Answers whether that is news. */
  close(frame: Element): boolean {
    const nonce = this.#nonce(frame);
    const told = this.#opaque.get(frame);
    if (told === undefined) this.#opaque.set(frame, null);
    return told === undefined || told !== nonce;
  }

  /** What is to be told of a frame whose document this page may not look into. */
  ops(frame: Element): Op[] {
    const node = this.nodes.id(frame);
    const told = this.#opaque.get(frame);
    if (!node || told === undefined) return [];
    const ops: Op[] = told === null ? [{ tag: OpTag.Opaque, node }] : [];
    const nonce = this.#nonce(frame);
    if (nonce && nonce !== told) ops.push({ tag: OpTag.Framed, node, nonce });
    this.#opaque.set(frame, nonce);
    return ops;
  }

  /** The frame that a window is in. */
  at(frame: object): Element | undefined {
    return this.#windows.get(frame);
  }

  #nonce(frame: Element): string {
    const view = this.#window(frame);
    return view ? this.nonceOf(view) : "";
  }

  #window(frame: Element): Window | null {
    const view = dom.localName(frame) === "iframe" ? dom.windowIn(frame as HTMLIFrameElement) : null;
    if (view) this.#windows.set(view, frame);
    return view;
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
