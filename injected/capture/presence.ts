// What the customer does and has, beside the tree: pointer, focus ring, selection, top layer, media, the browser itself.
// Part of the late script: it comes when somebody watches, and finds what has been there before.

import { guard } from "../guard";
import { Layer, type Op, OpTag } from "../protocol/messages";
import { activeElement } from "./active";
import * as dom from "./dom";
import { isField, isFieldName } from "./fields";

type Root = Document | ShadowRoot;
type Realm = Window & typeof globalThis;

/** What presence has to know of the capture. */
export interface Seen {
  id(node: Node): number | undefined;
  masked(node: Node): boolean;
  wake(): void;
}

/** Media features that agents' browsers may answer otherwise, with their values. */
const FEATURES =
  "prefers-color-scheme:dark,light prefers-reduced-motion:reduce,no-preference prefers-contrast:more,less,custom,no-preference prefers-reduced-transparency:reduce,no-preference forced-colors:active,none hover:hover,none any-hover:hover,none pointer:fine,coarse,none any-pointer:fine,coarse,none display-mode:browser,standalone,minimal-ui,fullscreen dynamic-range:high,standard scripting:enabled,none"
    .split(" ")
    .flatMap((feature) => {
      const [name, values = ""] = feature.split(":");
      return values.split(",").map((value) => `${name}: ${value}`);
    });

const MEDIA = "play pause seeked ratechange ended loadedmetadata".split(" ");
const POINTER = "pointerover pointerout pointerdown pointerup pointercancel dragend keydown".split(" ");
const LAYERS = "toggle close fullscreenchange".split(" ");

export class Presence {
  /** The last op of each kind that was sent, and what there is to send. */
  #sent = new Map<OpTag, string>();
  #hover: Node | null = null;
  #press: Node | null = null;
  #selection = false;
  #focus = false;
  #view = true;
  #features = true;
  #queries: MediaQueryList[] = [];
  /** What is in the top layer, or was, from the bottom up. */
  #layers = new Map<Element, { layer: Layer; node: number }>();
  #layered = new Set<Element>();
  #media = new Set<HTMLMediaElement>();
  #lists = new Map<Element, boolean>();
  #bar = 0;

  constructor(private readonly seen: Seen) {
    const view = guard(() => {
      this.#view = true;
      seen.wake();
    });
    for (const type of ["resize", "scroll"]) {
      if (window.visualViewport) dom.listen(window.visualViewport, type, view);
    }
    const changed = guard(() => {
      this.#features = true;
      seen.wake();
    });
    this.#queries = FEATURES.map((feature) => matchMedia(`(${feature})`));
    for (const query of this.#queries) dom.listen(query, "change", changed);
  }

  scrollbar(width: number): void {
    this.#bar = width;
    this.#view = true;
    this.seen.wake();
  }

  /** Looks at a document or a shadow root, and listens to it: inner ones speak after outer ones, and know more. */
  entered(root: Root): void {
    for (const element of dom.query(root, ":is(:modal,:popover-open,:fullscreen)"))
      this.#layered.add(element);
    for (const element of dom.query(root, ":hover")) this.#hover = element;
    for (const element of dom.query(root, "video,audio")) this.captured(element);
    const on = (types: readonly string[], run: (event: Event) => void): void => {
      for (const type of types) dom.listen(root, type, guard(run), { capture: true, passive: true });
    };
    on(POINTER, (event) => this.#pointed(event as PointerEvent));
    on(LAYERS, ({ target }) => this.#mayLayer(target as Node));
    on(MEDIA, ({ target }) => {
      this.#media.add(target as HTMLMediaElement);
      this.seen.wake();
    });
    on(["selectionchange", "select"], () => {
      this.#selection = true;
      this.seen.wake();
    });
    on(["focusin", "focusout"], () => {
      this.#focus = true;
      this.#selection = true;
    });
  }

  patch(realm: Realm): void {
    const layer = guard((element: Element) => this.#mayLayer(element));
    for (const name of ["show", "showModal", "close", "requestClose"])
      dom.after(realm.HTMLDialogElement?.prototype, name, layer);
    for (const name of ["showPopover", "hidePopover", "togglePopover"])
      dom.after(realm.HTMLElement?.prototype, name, layer);
  }

  /** An element has come into the captured tree. */
  captured(element: Element): void {
    const name = dom.localName(element);
    if (name === "video" || name === "audio") {
      const media = element as HTMLMediaElement;
      if (!media.paused || media.currentTime) this.#media.add(media);
    }
  }

  reset(): void {
    this.#sent.clear();
    for (const element of this.#layers.keys()) this.#layered.add(element);
    this.#layers.clear();
    this.#selection = this.#focus = this.#view = this.#features = true;
  }

  #pointed(event: PointerEvent): void {
    if (!event.isTrusted) return;
    const target = event.target as Node;
    switch (event.type) {
      case "pointerover":
        this.#hover = target;
        break;
      case "pointerout":
        if (!event.relatedTarget) this.#hover = null;
        break;
      case "pointerdown":
        this.#press = target;
        this.#mayOpen(target);
        break;
      case "keydown":
        this.#focus = true;
        this.#mayOpen(target);
        break;
      default:
        this.#press = null;
        this.#mayOpen(target);
    }
    this.seen.wake();
  }

  #mayOpen(target: Node): void {
    if (dom.isElement(target) && dom.localName(target) === "select" && !this.#lists.has(target))
      this.#lists.set(target, false);
  }

  #mayLayer(target: Node): void {
    if (dom.nodeType(target) === dom.DOCUMENT) {
      const full = (target as Document).fullscreenElement;
      if (full) this.#layered.add(full);
      for (const [element, { layer }] of this.#layers)
        if (layer === Layer.Fullscreen) this.#layered.add(element);
    } else if (dom.isElement(target)) this.#layered.add(target);
    this.seen.wake();
  }

  /** What there is to say after other ops. */
  ops(others: readonly Op[]): Op[] {
    const ops: Op[] = [];
    // Where the caret is after what was typed is said with it, not when the browser gets round to telling.
    if (others.some(({ tag }) => tag === OpTag.Splice || tag === OpTag.SetValue)) this.#selection = true;
    const say = (op: Op): void => {
      const key = JSON.stringify(op);
      if (this.#sent.get(op.tag) === key) return;
      this.#sent.set(op.tag, key);
      ops.push(op);
    };
    const idOf = (node: Node | null): number => (node && this.seen.id(node)) || 0;
    this.#sayLayers(ops);
    for (const media of this.#media) {
      const node = idOf(media);
      if (node && !this.seen.masked(media)) {
        const { paused, ended, currentTime, playbackRate, muted } = media;
        const whole = (value: number): number => Math.max(0, Math.round(value * 1000)) || 0;
        ops.push({
          tag: OpTag.Play,
          node,
          paused: paused || ended,
          time: whole(currentTime),
          rate: whole(playbackRate),
          muted,
        });
      }
    }
    this.#media.clear();
    for (const [list, open] of this.#lists) {
      const node = idOf(list);
      const now = node !== 0 && isOpen(list) && !this.seen.masked(list);
      if (now !== open && node) ops.push({ tag: OpTag.OpenList, node, open: now });
      if (node) this.#lists.set(list, now);
      else this.#lists.delete(list);
    }
    say({ tag: OpTag.Hover, node: idOf(this.#hover) });
    say({ tag: OpTag.Press, node: idOf(this.#press) });
    if (this.#focus) {
      this.#focus = false;
      const active = activeElement();
      const ring = active && dom.matches(active, ":focus-visible") ? idOf(active) : 0;
      say({ tag: OpTag.Ring, node: ring });
    }
    if (this.#selection) {
      this.#selection = false;
      this.#saySelection(say, idOf);
    }
    if (this.#features) {
      this.#features = false;
      say({ tag: OpTag.Features, matched: FEATURES.filter((_, i) => this.#queries[i]?.matches) });
    }
    if (this.#view && window.visualViewport) {
      this.#view = false;
      const { offsetLeft, offsetTop, width, height, scale } = window.visualViewport;
      say({
        tag: OpTag.View,
        x: Math.round(offsetLeft),
        y: Math.round(offsetTop),
        width: Math.round(width),
        height: Math.round(height),
        scale: Math.round(scale * 1000),
        bar: this.#bar,
      });
    }
    return ops;
  }

  #sayLayers(ops: Op[]): void {
    // What has been told anew has another id.
    for (const [element, { node }] of this.#layers)
      if (this.seen.id(element) !== node) this.#layered.add(element);
    for (const element of this.#layered) {
      const node = this.seen.id(element);
      const isHere = dom.isConnected(element);
      // It is told with a later flush.
      if (node === undefined && isHere) continue;
      this.#layered.delete(element);
      const before = this.#layers.get(element);
      const layer = isHere ? layerOf(element) : Layer.None;
      this.#layers.delete(element);
      if (node === undefined) continue;
      if (layer !== Layer.None) this.#layers.set(element, { layer, node });
      const isSaid = before ? before.layer === layer && before.node === node : layer === Layer.None;
      if (!isSaid) ops.push({ tag: OpTag.SetLayer, node, layer });
    }
  }

  #saySelection(say: (op: Op) => void, idOf: (node: Node | null) => number): void {
    const active = activeElement();
    const field =
      active && isField(active) && !this.seen.masked(active) ? (active as HTMLInputElement) : null;
    let caret: Op = { tag: OpTag.Caret, node: 0, start: 0, end: 0 };
    if (field && "selectionStart" in field && field.selectionStart !== null) {
      const { selectionStart: start, selectionEnd } = field;
      caret = { tag: OpTag.Caret, node: idOf(field), start, end: selectionEnd ?? start };
    }
    say(caret);
    const { anchorNode, anchorOffset, focusNode, focusOffset, isCollapsed } = document.getSelection() ?? {};
    const shown =
      anchorNode &&
      focusNode &&
      !field &&
      (!isCollapsed || (active as HTMLElement | null)?.isContentEditable) &&
      !this.seen.masked(anchorNode) &&
      !this.seen.masked(focusNode);
    const anchor = shown ? idOf(anchorNode) : 0;
    const focus = shown ? idOf(focusNode) : 0;
    say({
      tag: OpTag.Select,
      anchor: focus && anchor,
      anchorOffset: anchor && focus ? offsetIn(anchorNode as Node, anchorOffset ?? 0, idOf) : 0,
      focus: anchor && focus,
      focusOffset: anchor && focus ? offsetIn(focusNode as Node, focusOffset ?? 0, idOf) : 0,
    });
  }
}

/** Agents have no comments: positions among children are counted without. */
function offsetIn(node: Node, offset: number, idOf: (node: Node) => number): number {
  if (!dom.isElement(node)) return offset;
  let told = 0;
  let child = dom.firstChild(node);
  for (let i = 0; child && i < offset; i++, child = dom.nextSibling(child)) if (idOf(child)) told++;
  return told;
}

function layerOf(element: Element): Layer {
  if (dom.matches(element, ":fullscreen")) return Layer.Fullscreen;
  if (dom.matches(element, ":modal")) return Layer.Modal;
  return dom.matches(element, ":popover-open") ? Layer.Popover : Layer.None;
}

/** Whether the list of a select element is open; browsers that cannot tell keep it to themselves. */
function isOpen(list: Element): boolean {
  try {
    return isFieldName(dom.localName(list)) && dom.matches(list, ":open");
  } catch {
    return false;
  }
}
