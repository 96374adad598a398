// Watches the page and says in ops what has changed, once per animation frame.
//
// Ops come from the page's final state, not from the order of the observer's records: which nodes came, moved or went
// is a set, and each node is placed behind its previous sibling as it stands now, ancestors first.

import { guard } from "../guard";
import { MASK, type Op, OpTag, type Viewport } from "../protocol/messages";
import type { Rules } from "../rules";
import type { Late } from "../shared";
import { Veil } from "../veil";
import { activeElement } from "./active";
import { baseUrl, pageUrl } from "./address";
import { Attributes } from "./attributes";
import type { Beside, Parts, Told } from "./beside";
import { Changes } from "./changes";
import * as dom from "./dom";
import { isField, Said } from "./fields";
import { Frames } from "./frames";
import { Nodes } from "./nodes";
import { Places } from "./places";
import { isMedia, Scribe } from "./scribe";
import { Scrolls } from "./scrolls";
import { type Secret, Secrets } from "./secrets";
import { Sheets } from "./sheets";
import { Texts } from "./texts";
import { isOpaque, PAGE, tree } from "./tree";
import { Veils } from "./veils";
import { Watch } from "./watch";

/** Fields whose value comes whole. */
const CHOSEN = /^(date.*|time|month|week|range|color)$/;

/** While the tab is hidden there are no animation frames. */
const HIDDEN_FRAME_MS = 100;

export interface Listener {
  /** Something has changed: call `flush` soon. */
  changed(): void;
  /** Customers scrolled, resized or moved things: positions of the overlay are old. */
  moved(): void;
  /** Runs what needs the late script, when it is there. */
  late(run: (late: Late) => void): void;
  /** A canvas has come: its pictures are for others to take. */
  drawn(canvas: Element): void;
  /** What there is for an address that only this browser can open: itself until more is known. */
  blob(element: Element, name: string, address: string): string;
  /** Roots that the overlay has to style, too. */
  entered(root: Document | ShadowRoot): void;
  /** What the document in a frame's window has said that it is; empty for nothing. */
  nonceOf(frame: object): string;
  /** The document is in a frame: of all on the screen, the one with the keyboard says where its focus is. */
  readonly isFramed?: boolean;
}

export class Capture {
  #epoch = 0;
  #nodes = new Nodes();
  #scrolls = new Scrolls();
  #said = new Said();
  #secrets = new Secrets();
  #changes: Changes;
  #frames: Frames;
  #texts: Texts;
  #attributes: Attributes;
  #veils: Veils;
  #scribe: Scribe;
  #places: Places;
  #watch: Watch;
  #sheets: Sheets;
  #beside: Beside | null = null;
  #viewport: Viewport;
  #title = "";
  #url = "";
  #focus = 0;
  readonly #isFramed: boolean;
  /** What others have to say of nodes. */
  #extra: Extract<Op, { node: number }>[] = [];

  constructor(
    private readonly rules: Rules,
    /** Lado's own element, which is not part of the page. */
    private readonly overlay: Element,
    ownSheet: CSSStyleSheet,
    listener: Listener,
  ) {
    const { drawn, entered, moved, nonceOf } = listener;
    this.#isFramed = !!listener.isFramed;
    const nodes = this.#nodes;
    const scrolls = this.#scrolls;
    this.#changes = new Changes(listener.changed);
    const changes = this.#changes;
    const wake = (): void => changes.wake();
    this.#sheets = new Sheets(ownSheet, nodes.id, wake, listener.late);
    const sheets = this.#sheets;
    this.#watch = new Watch({
      ...{ nodes, changes, scrolls, sheets, overlay, moved, entered },
      gone: (node) => this.#places.forget(node),
    });
    this.#frames = new Frames(rules, nodes, changes, this.#watch.patch, nonceOf);
    this.#texts = new Texts(rules, nodes);
    const texts = this.#texts;
    this.#attributes = new Attributes(rules, listener.blob);
    const attributes = this.#attributes;
    this.#veils = new Veils(rules, nodes, changes, texts, attributes);
    this.#scribe = new Scribe({
      ...{ rules, nodes, changes, texts, attributes, scrolls, overlay, drawn },
      frames: this.#frames,
      entered: (root) => {
        this.#watch.observe(root);
        this.#watch.listenTo(root);
      },
      captured: (root) => sheets.captured(root),
    });
    this.#places = new Places(
      nodes,
      changes,
      this.#scribe,
      (node) => {
        scrolls.forget(node);
        this.#said.forget(node as Element);
        sheets.forget(node);
      },
      // Text is judged where it arrives; so are fields.
      (node, ops) => {
        if (rules.contextual) this.#veils.scan(node, ops);
        this.#veils.retract(node, ops);
      },
    );
    // Read once, before there is anything to lay out; then only when it changes.
    this.#viewport = viewport();
    this.#watch.patch(window);
    dom.listen(
      window,
      "resize",
      guard(() => {
        this.#viewport = viewport();
        changes.size = true;
        wake();
        moved();
      }),
    );
    // Focus that comes out of a frame of another origin, or goes into one, leaves no other trace.
    const turned = guard((event: Event) => {
      if (event.target !== window) return;
      changes.focus = true;
      wake();
    });
    dom.listenAll(window, "focus blur", turned);
    const urlChanged = guard(wake);
    dom.listenAll(window, "popstate hashchange", urlChanged);
    const { navigation } = window as { navigation?: EventTarget };
    if (navigation) dom.listen(navigation, "currententrychange", urlChanged);
    this.#watch.listenTo(document);
  }

  /** Looks at the page no more. */
  stop(): void {
    this.#watch.stop();
  }

  /** Collects nothing until the next snapshot. */
  rest(): void {
    this.#changes.active = false;
    this.#changes.clear();
  }

  /** The node that an op or a command means. */
  node(id: number): Node | null {
    return this.#nodes.at(id);
  }

  get id(): (node: Node) => number | undefined {
    return this.#nodes.id;
  }

  /** The node above, through shadow roots and out of frames. */
  get up(): (node: Node) => Node | null {
    return this.#nodes.up;
  }

  masked(node: Node): boolean {
    return this.#veils.over(node) !== Veil.None;
  }

  /** The document in a frame's window has said what it is. */
  framed(view: object): void {
    const frame = this.#frames.at(view);
    if (!frame) return;
    this.#changes.frames.add(frame);
    this.#changes.wake();
  }

  /** A field whose value script has set. */
  fieldChanged(field: Element): void {
    this.#watch.fieldChanged(field);
  }

  /** Somebody watches: more is told than the tree, from now on. */
  watched({ Beside }: { Beside: new (parts: Parts, told: Told) => Beside }, told: Told): void {
    if (this.#beside) return;
    this.#beside = this.#watch.beside = new Beside(
      {
        ...{ overlay: this.overlay, nodes: this.#nodes, changes: this.#changes },
        ...{ veils: this.#veils, texts: this.#texts, attributes: this.#attributes },
      },
      told,
    );
  }

  /** Something about a node, to go out with the changes if the node is still there. */
  say(op: Extract<Op, { node: number }>): void {
    if (!this.#changes.active) return;
    this.#extra.push(op);
    this.#changes.wake();
  }

  /** The whole page as it is now, with ids that no node has had before. */
  snapshot(): Op[] {
    const changes = this.#changes;
    changes.active = true;
    this.#watch.observe(document);
    this.#watch.drop();
    changes.clear();
    this.#nodes.reset();
    this.#places.reset();
    this.#said = new Said();
    this.#texts.reset();
    this.#frames.reset();
    this.#sheets.reset();
    this.#beside?.reset();
    this.rules.follow();
    const base = this.#nodes.next;
    this.#scribe.begin();
    const tokens = this.#scribe.children(document);
    this.#title = dom.title(document);
    this.#url = pageUrl();
    this.#focus = 0;
    changes.focus = true;
    const [scrollX, scrollY] = this.#scrolls.of(document);
    const ops: Op[] = [
      {
        tag: OpTag.Snapshot,
        epoch: ++this.#epoch,
        base,
        url: this.#url,
        baseUrl: baseUrl(dom.baseUri(document)),
        title: this.#titleOf(this.#title),
        quirks: document.compatMode === "BackCompat",
        viewport: this.#viewport,
        scrollX,
        scrollY,
        tree: tree(tokens),
      },
    ];
    this.#scrolls.reset(this.#nodes.id);
    this.#finish(ops);
    return ops;
  }

  /** What has changed since the last flush or snapshot. */
  flush(): Op[] {
    const changes = this.#changes;
    if (!changes.active) return [];
    changes.taken();
    this.#watch.take();
    const ops: Op[] = [];
    this.#sayMasks(ops);
    const first = this.#nodes.next;
    this.#scribe.begin();
    const arrived = Array.from(changes.frames, (frame) => this.#recheckFrame(frame));
    changes.frames.clear();
    this.#veils.rescan(ops);
    this.#texts.judge(changes);
    this.#places.settleAll(ops);
    this.#places.removeGone(ops);
    // A frame has room for one document: the new one comes when the old one has gone.
    for (const inner of arrived) if (inner && !this.#nodes.has(inner)) changes.pending.add(inner);
    this.#places.settleAll(ops);
    this.#places.settleLeft(ops);
    this.#places.done();
    const isOld = (node: Node): boolean => (this.#nodes.id(node) ?? first) < first;
    for (const [element, names] of changes.attributes)
      if (isOld(element)) this.#setAttributes(element, names, ops);
    changes.attributes.clear();
    ops.push(...this.#texts.ops(changes.texts, isOld));
    changes.texts.clear();
    const title = dom.title(document);
    if (title !== this.#title) {
      this.#title = title;
      ops.push({ tag: OpTag.SetTitle, title: this.#titleOf(title) });
    }
    this.#finish(ops);
    return ops;
  }

  /** Other rules hold, on another path or since the last flush: what they hide goes first. */
  #sayMasks(ops: Op[]): void {
    const url = pageUrl();
    if (url !== this.#url) {
      this.#url = url;
      ops.push({ tag: OpTag.SetUrl, url });
    }
    if (this.rules.follow()) this.#changes.rules = true;
    if (this.#changes.rules) {
      this.#changes.rules = false;
      this.rules.scan(document);
      this.#veils.retract(document, ops);
      for (const element of this.rules.found) this.#veils.retract(element, ops);
    }
  }

  /** A frame has loaded: its document may be another one, or no longer this page's to see. */
  #recheckFrame(frame: Element): Document | null {
    const inner = dom.documentIn(frame);
    if (!this.#nodes.has(frame) || inner === undefined) return null;
    const before = this.#nodes.documentOf(frame);
    if (before && before !== inner) {
      this.#nodes.leave(frame);
      this.#places.forget(before);
    }
    if (!inner) {
      // Told when the document that was there before has gone.
      if (this.#frames.close(frame)) this.#scribe.late.push(frame);
      return null;
    }
    this.#frames.enter(frame, inner);
    this.#watch.observe(inner);
    this.#watch.listenTo(inner);
    return inner;
  }

  #setAttributes(element: Element, names: Set<string>, ops: Op[]): void {
    if (isOpaque(dom.localName(element))) return;
    const veil = this.#veils.over(element);
    const node = this.#nodes.id(element) ?? 0;
    for (const name of names) {
      const value = this.#attributes.of(element, name, veil);
      // Those that never leave the page are not told to have gone, either.
      if (value !== null || dom.getAttribute(element, name) === null) {
        ops.push({ tag: OpTag.SetAttr, node, name, value });
      }
    }
  }

  /** What a tree cannot say: fields, sheets, scroll positions, focus. */
  #finish(ops: Op[]): void {
    const changes = this.#changes;
    ops.push(...this.#frames.modes());
    for (const element of this.#scribe.late) {
      if (isField(element)) changes.fields.add(element);
      else if (this.#frames.isOpaque(element)) ops.push(...this.#frames.ops(element));
      else if (isMedia(dom.localName(element))) this.#beside?.captured(element);
      else this.#sheets.captured(element);
    }
    ops.push(...this.#sheets.ops());
    const active = changes.fields.size || changes.focus ? activeElement() : null;
    let radios: Node | null = null;
    for (const field of changes.fields) {
      this.#sayField(field, active, ops);
      // What checks one radio unchecks another, of which nobody hears.
      const root = dom.rootOf(field);
      if (root === radios || !dom.matches(field, "[type=radio]")) continue;
      radios = root;
      for (const radio of dom.query(root, "input[type=radio]")) changes.fields.add(radio);
    }
    changes.fields.clear();
    if (changes.size) ops.push({ tag: OpTag.Resize, viewport: this.#viewport });
    changes.size = false;
    ops.push(...this.#scrolls.ops(this.#nodes.id, (node) => this.masked(node)));
    if (changes.pending.size || changes.left.size) changes.wake();
    for (const op of this.#extra.splice(0)) if (op.node !== PAGE && this.node(op.node)) ops.push(op);
    this.#beside?.finish(ops);
    if (!changes.focus) return;
    changes.focus = false;
    const hasKeyboard = !this.#isFramed || document.hasFocus();
    const focus = (hasKeyboard && active && active !== document.body && this.id(active)) || 0;
    if (focus === this.#focus) return;
    const left = this.node(this.#focus);
    if (
      left &&
      dom.isElement(left) &&
      dom.matches(left, "[contenteditable]:not([contenteditable=false])") &&
      this.#isSecret(left)
    )
      this.#secrets.left(left, this.#focus);
    ops.push({ tag: OpTag.Focus, node: focus });
    this.#focus = focus;
  }

  /** Whether what is in it is hidden wherever it shows: not where only the page as a whole is hidden. */
  #isSecret(node: Node): boolean {
    return this.masked(node) && (!this.rules.base || this.rules.hides(node, this.up));
  }

  #sayField(field: Element, active: Element | null, ops: Op[]): void {
    const node = this.id(field);
    if (!node) return;
    if (this.rules.isLabelled(field)) this.#veils.retract(field, ops);
    const masked = this.masked(field);
    if (this.#isSecret(field)) this.#secrets.note(field, node, field === active);
    const typing = field === active && !CHOSEN.test(dom.getAttribute(field, "type") ?? "");
    const plain = (text: string): string => this.rules.typed(text, typing);
    const op = this.#said.op(field, node, masked, plain, this.id);
    if (op) ops.push(op);
  }

  #titleOf(title: string): string {
    return this.rules.base ? MASK : this.rules.plain(title);
  }

  // ---- what keeps the mirror true

  /** Lado's copy is wrong inside this element: it goes, and comes again under new ids. */
  mend(id: number): boolean {
    const node = this.node(id);
    if (!node || !dom.isElement(node)) return false;
    const inside = (at: Node | null): boolean => {
      for (let up = at; up; up = this.up(up)) if (up === node) return true;
      return false;
    };
    this.#scrolls.again(inside);
    this.#changes.focus = true;
    if (inside(this.node(this.#focus))) this.#focus = 0;
    this.#places.forget(node);
    this.#changes.pending.add(node);
    this.#changes.wake();
    return true;
  }

  // ---- what is hidden

  /** What masked fields hold that Lado has not been told: to be sent before the ops. */
  secrets(): Secret[] {
    return this.#secrets.take();
  }

  /** Other rules hold from now on. */
  rulesChanged(): void {
    if (!this.#changes.active) return;
    this.#changes.rules = true;
    this.#changes.wake();
  }
}

function viewport(): Viewport {
  return {
    width: Math.max(0, Math.round(innerWidth)),
    height: Math.max(0, Math.round(innerHeight)),
    density: Math.max(0, Math.round(devicePixelRatio * 1000)),
  };
}

let idle = true;

/** Runs `flush` when the page's own task is over, the next one in the next animation frame; soon where there are none. */
export function nextFrame(run: () => void): void {
  if (document.hidden) dom.timeout(run, HIDDEN_FRAME_MS);
  else if (idle) {
    idle = false;
    dom.timeout(run, 0);
    dom.frame(() => {
      idle = true;
    });
  } else dom.frame(run);
}
