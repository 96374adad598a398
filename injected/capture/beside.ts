// What is told of a page beside its tree while somebody watches: what the customer does and has in front of them, and
// whether Lado's copy is still true. Part of the late script.

import { guard } from "../guard";
import type { Native, Op } from "../protocol/messages";
import { Veil } from "../veil";
import type { Attributes } from "./attributes";
import type { Changes } from "./changes";
import { Check } from "./check";
import * as dom from "./dom";
import type { Nodes } from "./nodes";
import { Outside } from "./outside";
import { Presence } from "./presence";
import type { Texts } from "./texts";
import type { Veils } from "./veils";

type Realm = Window & typeof globalThis;

/** How often a stretch of the page is compared with Lado's copy of it: less often the longer nothing changes. */
const CHECK_MS = 4000;
const LAST_CHECK_MS = 64_000;
/** A stretch is about a millisecond's work. */
const CHECK_NODES = 1024;

/** The parts of the capture that it needs. */
export interface Parts {
  readonly overlay: Element;
  readonly nodes: Nodes;
  readonly changes: Changes;
  readonly veils: Veils;
  readonly texts: Texts;
  readonly attributes: Attributes;
}

/** Where it goes. */
export interface Told {
  /** The browser shows something outside the page, or has put it away. */
  outside(native: Native, shown: boolean, text: string): unknown;
  /** The customer wants nobody to see anything any more. */
  pause(): unknown;
  /** Whether ops may be sent now. */
  ready(): boolean;
  /** Says what has changed. */
  flush(): void;
  say(op: Op): void;
  /** Puts something of Lado's own over the page, which nobody is told of. */
  put(element: Element): void;
}

export class Beside {
  #presence: Presence;
  #outside: Outside;
  #check: Check;
  #realms = new WeakSet<Window>();
  #changed = false;
  #wait = CHECK_MS;

  constructor(
    parts: Parts,
    private readonly told: Told,
  ) {
    const { nodes, changes, veils } = parts;
    this.#presence = new Presence({
      id: nodes.id,
      masked: (node) => veils.over(node) !== Veil.None,
      wake: () => changes.wake(),
    });
    this.#outside = new Outside(
      told.outside,
      (element) => veils.over(element) !== Veil.None,
      () => told.pause(),
    );
    this.#check = new Check(parts);
    this.#measure();
    for (const root of [document, ...nodes.roots()]) this.entered(root);
    changes.wake();
    this.#later();
  }

  /** A root of the page is watched: again after `document.open()`, which takes listeners away. */
  entered(root: Document | ShadowRoot): void {
    this.#presence.entered(root);
    const view = dom.nodeType(root) === dom.DOCUMENT ? dom.viewOf(root as Document) : null;
    if (!view || this.#realms.has(view)) return;
    this.#realms.add(view);
    this.#presence.patch(view as Realm);
    this.#outside.patch(view as Realm);
  }

  /** An element has come into the captured tree. */
  captured(element: Element): void {
    this.#presence.captured(element);
  }

  /** The page is told anew. */
  reset(): void {
    this.#presence.reset();
  }

  /** Adds to what has changed. */
  finish(ops: Op[]): void {
    this.#changed ||= ops.length > 0;
    ops.push(...this.#presence.ops(ops));
  }

  #later(): void {
    dom.timeout(() => idle(guard(() => this.#compare())), this.#changed ? CHECK_MS : this.#wait);
  }

  #compare(): void {
    const { told } = this;
    // Not in front, not connected, or busy: later.
    if (told.ready() && !document.hidden) {
      told.flush();
      const op = this.#check.op(CHECK_NODES);
      if (op) told.say(op);
      if (this.#check.done) {
        this.#wait = this.#changed ? CHECK_MS : Math.min(this.#wait * 2, LAST_CHECK_MS);
        this.#changed = false;
      }
    }
    this.#later();
  }

  /** How wide the browser's scroll bars are: 0 where they lie over the page. */
  #measure(): void {
    // A box with bars, and what is left in it: the observer is told after the browser's own layout.
    const probe = document.createElement("div");
    probe.style.cssText =
      "position:absolute;width:99px;height:99px;overflow:scroll;visibility:hidden;pointer-events:none";
    const room = document.createElement("div");
    dom.append(probe, room);
    this.told.put(probe);
    new ResizeObserver(
      guard(([entry]: ResizeObserverEntry[]) =>
        this.#presence.scrollbar(99 - Math.round(entry?.contentRect.width ?? 99)),
      ),
    ).observe(room);
  }
}

/** Runs when the page has nothing to do, or soon where browsers do not tell. */
function idle(run: () => void): void {
  if ("requestIdleCallback" in window) requestIdleCallback(run, { timeout: 2000 });
  else run();
}
