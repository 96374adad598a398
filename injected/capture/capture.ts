// Watches the page and says in ops what has changed, once per animation frame.
//
// Ops come from the page's final state, not from the order of the observer's records: which nodes came, moved or went
// is a set, and each node is placed behind its previous sibling as it stands now, ancestors first.

import { failed, guard } from "../guard";
import { MASK, type Native, NodeKind, type Op, OpTag, SUM_GROUP, type Viewport } from "../protocol/messages";
import { BASIS, Groups, number, text } from "../protocol/sum";
import { type Rules, Veil } from "../rules";
import { activeElement } from "./active";
import { baseUrl, outward, pageUrl } from "./address";
import * as dom from "./dom";
import { isField, isFieldName, Said, stateOf } from "./fields";
import { Outside } from "./outside";
import { Presence } from "./presence";
import { Sheets } from "./sheets";
import { isFrame, isInline, isOpaque, kindOf, type Tokens, tree } from "./tree";

/** A node that the mirror has, and below what the mirror has it. */
interface Kept {
  readonly id: number;
  readonly node: Node;
  parent: Kept | null;
}

/** A text that was written into a tree, and where, until its line of text is complete. */
interface Written {
  at: number;
  node: Node;
  text: string;
}

type Root = Document | ShadowRoot;
type Realm = Window & typeof globalThis;

/** The document's own id. */
const PAGE = 1;

/** A page is at most 1,024 deep (MAX_DEPTH); what is deeper is left out. */
const DEEPEST = 1000;

/** Fields whose value comes whole. */
const CHOSEN =
  "[type=date],[type=time],[type=month],[type=week],[type=datetime-local],[type=range],[type=color]";

/** What is longer is known by its beginning. */
const MAX_SECRET = 1000;

/** How long one flush writes trees before it leaves the rest to the next: encoding takes as long again. */
const SLICE_MS = 12;

/** While the tab is hidden there are no animation frames. */
const HIDDEN_FRAME_MS = 100;

export interface Listener {
  /** Something has changed: call `flush` soon. */
  changed(): void;
  /** Customers scrolled, resized or moved things: positions of the overlay are old. */
  moved(): void;
  /** The browser shows something outside the page, or has put it away. */
  outside(native: Native, shown: boolean, text: string): void;
  /** A canvas has come: its pictures are for others to take. */
  drawn(canvas: Element): void;
  /** An address that only this browser can open. */
  blob(element: Element, name: string, address: string): void;
  /** Roots that the overlay has to style, too. */
  entered(root: Root): void;
}

export class Capture {
  #kept = new WeakMap<Node, Kept>();
  #byId = new Map<number, Kept>();
  #next = PAGE + 1;
  #epoch = 0;
  #active = false;
  #scheduled = false;

  /** Nodes that came or moved since the last flush. */
  #pending = new Set<Node>();
  #gone: Kept[] = [];
  #attributes = new Map<Element, Set<string>>();
  #texts = new Set<Node>();
  #fields = new Set<Element>();
  #scrolled = new Set<Node>();
  #positions = new Map<Node, string>();
  /** Ancestor chains that are known to stand where they stand in the page, during one flush. */
  #settled = new Set<Node>();
  /** Frames whose documents may have changed. */
  #frames = new Set<Element>();
  /** Texts with something private in them, as they were sent. */
  #covered = new WeakMap<Node, string>();
  /** Texts of lines that changes have touched, as detectors leave them; during one flush. */
  #judged = new Map<Node, string>();
  /** When trees are to be written on in the next flush, and whether that is now. */
  #deadline = 0;
  #over = false;
  #written = 0;
  /** What others have to say of nodes. */
  #extra: Extract<Op, { node: number }>[] = [];
  /** Documents of frames that are new or written anew, and their modes as they were told. */
  #inner = new Set<Document>();
  #quirks = new WeakMap<Document, boolean>();

  #frameOf = new WeakMap<Document, Element>();
  #documents = new WeakMap<Element, Document>();
  #opaque = new WeakSet<Element>();
  #said = new Said();
  #sheets: Sheets;
  #presence: Presence;
  #outside: Outside;
  #observer: MutationObserver;
  #watched = new WeakSet<Root>();
  #realms = new WeakSet<Window>();
  #viewport: Viewport;
  #title = "";
  #url = "";
  #focus = 0;
  #focusMoved = false;
  #resized = false;
  #secrets: { field: number; value: string; done: boolean }[] = [];
  #secretOf = new WeakMap<Element, string>();
  /** Elements that the customer has hidden since the last flush. */
  #hidden = new Set<Element>();
  #rulesChanged = false;

  /** Looks at the page no more. */
  stop(): void {
    this.#active = false;
    this.#observer.disconnect();
  }

  constructor(
    private readonly rules: Rules,
    /** Lado's own element, which is not part of the page. */
    private readonly overlay: Element,
    ownSheet: CSSStyleSheet,
    private readonly listener: Listener,
  ) {
    this.#sheets = new Sheets(ownSheet, this.id, () => this.#wake());
    this.#presence = new Presence({
      id: this.id,
      masked: (node) => this.masked(node),
      active: activeElement,
      wake: () => this.#wake(),
    });
    this.#outside = new Outside((native, shown, text) => this.listener.outside(native, shown, text));
    this.#observer = new dom.Observer(guard((records) => this.#collect(records)));
    // Read once, before there is anything to lay out; then only when it changes.
    this.#viewport = viewport();
    this.#patch(window);
    dom.listen(
      window,
      "resize",
      guard(() => {
        this.#viewport = viewport();
        this.#resized = true;
        this.#wake();
        this.listener.moved();
      }),
    );
    const urlChanged = guard(() => this.#wake());
    for (const type of ["popstate", "hashchange"]) dom.listen(window, type, urlChanged);
    const { navigation } = window as { navigation?: EventTarget };
    if (navigation) dom.listen(navigation, "currententrychange", urlChanged);
    this.#listenTo(document);
  }

  /** The node that an op or a command means. */
  node(id: number): Node | null {
    return id === PAGE ? document : (this.#byId.get(id)?.node ?? null);
  }

  id = (node: Node): number | undefined => (node === document ? PAGE : this.#kept.get(node)?.id);

  /** The node above, through shadow roots and out of frames. */
  up = (node: Node): Node | null => {
    switch (dom.nodeType(node)) {
      case dom.DOCUMENT: {
        const frame = this.#frameOf.get(node as Document);
        // A frame that has gone elsewhere leaves its old documents to those who still hold them.
        return frame && this.#documents.get(frame) === node ? frame : null;
      }
      case dom.FRAGMENT:
        return "host" in node ? dom.hostOf(node as ShadowRoot) : null;
      default:
        return dom.parentNode(node);
    }
  };

  masked(node: Node): boolean {
    return this.#veil(node) !== Veil.None;
  }

  #veil(node: Node): Veil {
    return this.rules.over(node, this.up);
  }

  /** A field whose value script has set. */
  fieldChanged = guard((field: Element) => {
    if (!this.#active || !this.id(field)) return;
    this.#fields.add(field);
    this.#wake();
  });

  /** The width of the browser's scroll bars. */
  scrollbar(width: number): void {
    this.#presence.scrollbar(width);
  }

  /** Something about a node, to go out with the changes if the node is still there. */
  say(op: Extract<Op, { node: number }>): void {
    this.#extra.push(op);
    this.#wake();
  }

  /** The whole page as it is now, with ids that no node has had before. */
  snapshot(): Op[] {
    this.#active = true;
    this.#observe(document);
    this.#observer.takeRecords();
    this.#kept = new WeakMap();
    this.#byId.clear();
    for (const set of [this.#pending, this.#attributes, this.#texts, this.#fields, this.#frames]) set.clear();
    this.#gone = [];
    this.#said = new Said();
    this.#covered = new WeakMap();
    this.#opaque = new WeakSet();
    this.#sheets.reset();
    this.#presence.reset();
    this.#quirks = new WeakMap();
    this.rules.follow();
    this.#kept.set(document, { id: PAGE, node: document, parent: null });
    const base = this.#next;
    const tokens: Tokens = [];
    const late: Element[] = [];
    this.#begin();
    this.#writeChildren(document, tokens, late);
    this.#title = dom.title(document);
    this.#url = pageUrl();
    this.#focus = 0;
    this.#focusMoved = true;
    this.#resized = false;
    const [x, y] = this.#position(document);
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
        scrollX: x,
        scrollY: y,
        tree: tree(tokens),
      },
    ];
    for (const node of this.#positions.keys()) {
      if (this.id(node)) this.#scrolled.add(node);
      else if (!dom.isConnected(node)) this.#positions.delete(node);
    }
    this.#scrolled.delete(document);
    this.#finish(ops, late);
    return ops;
  }

  /** What has changed since the last flush or snapshot. */
  flush(): Op[] {
    if (!this.#active) return [];
    this.#scheduled = false;
    this.#collect(this.#observer.takeRecords());
    const ops: Op[] = [];
    const url = pageUrl();
    if (url !== this.#url) {
      this.#url = url;
      ops.push({ tag: OpTag.SetUrl, url });
      if (this.rules.follow())
        for (const element of this.rules.scan(document)) this.#retract(element, ops, this.#veil(element));
    }
    if (this.#rulesChanged) {
      this.#rulesChanged = false;
      this.rules.scan(document);
      this.#retract(document, ops, this.#veil(document));
      for (const element of this.rules.found) this.#retract(element, ops, this.#veil(element));
    }
    for (const element of this.#hidden) this.#retract(element, ops, this.#veil(element));
    this.#hidden.clear();
    const first = this.#next;
    const late: Element[] = [];
    this.#begin();
    const arrived = Array.from(this.#frames, (frame) => this.#recheckFrame(frame, late));
    this.#frames.clear();
    this.#lastInsert = null;
    this.#rescan(ops);
    this.#judgeBlocks();
    this.#settleAll(ops, late);
    this.#removeGone(ops);
    // A frame has room for one document: the new one comes when the old one has gone.
    for (const inner of arrived) if (inner && !this.#kept.has(inner)) this.#pending.add(inner);
    this.#settleAll(ops, late);
    this.#settled.clear();
    const isOld = (node: Node): boolean => (this.id(node) ?? first) < first;
    for (const [element, names] of this.#attributes)
      if (isOld(element)) this.#setAttributes(element, names, ops);
    this.#attributes.clear();
    for (const node of this.#texts) if (isOld(node)) this.#setText(node, ops, true);
    for (const node of this.#judged.keys())
      if (isOld(node) && !this.#texts.has(node)) this.#setText(node, ops, false);
    this.#texts.clear();
    this.#judged.clear();
    const title = dom.title(document);
    if (title !== this.#title) {
      this.#title = title;
      ops.push({ tag: OpTag.SetTitle, title: this.#titleOf(title) });
    }
    this.#finish(ops, late);
    return ops;
  }

  #begin(): void {
    this.#over = false;
    this.#deadline = performance.now() + SLICE_MS;
  }

  /** Whether a child is left to the next flush. Only blocks are: a line of text is judged whole. */
  #leaves(child: Node): boolean {
    if (!this.#over && (++this.#written & 31) === 0) this.#over = performance.now() > this.#deadline;
    if (!this.#over || !dom.isElement(child) || isInline(dom.localName(child)) || child === this.overlay)
      return false;
    if (!this.#kept.has(child)) this.#pending.add(child);
    return true;
  }

  /** Nodes that moved are put in their place whatever it takes: what they were in may go with this flush. */
  #settleAll(ops: Op[], late: Element[]): void {
    for (const node of this.#pending) if (!this.#over || this.#kept.has(node)) this.#settle(node, ops, late);
  }

  /** What a tree cannot say: fields, sheets, scroll positions, focus. */
  #finish(ops: Op[], late: Element[]): void {
    for (const inner of this.#inner) {
      const quirks = inner.compatMode === "BackCompat";
      const node = this.id(inner);
      if (!node || quirks === (this.#quirks.get(inner) ?? false)) continue;
      this.#quirks.set(inner, quirks);
      ops.push({ tag: OpTag.Quirks, node, quirks });
    }
    this.#inner.clear();
    for (const element of late) {
      if (isField(element)) this.#fields.add(element);
      else if (this.#opaque.has(element)) ops.push({ tag: OpTag.Opaque, node: this.id(element) ?? 0 });
      else if (isMedia(dom.localName(element))) this.#presence.captured(element);
      else this.#sheets.captured(element);
    }
    ops.push(...this.#sheets.ops());
    const active = this.#fields.size || this.#focusMoved ? activeElement() : null;
    for (const field of this.#fields) {
      const node = this.id(field);
      if (!node) continue;
      if (this.rules.isLabelled(field)) this.#retract(field, ops, this.#veil(field));
      const masked = this.masked(field);
      if (masked && (!this.rules.base || this.rules.hides(field, this.up)))
        this.#keepSecret(field, node, field === active);
      const typing = field === active && !dom.matches(field, CHOSEN);
      const plain = (text: string): string => this.rules.typed(text, typing);
      const op = this.#said.op(field, node, masked, plain, this.id);
      if (op) ops.push(op);
    }
    this.#fields.clear();
    if (this.#resized) ops.push({ tag: OpTag.Resize, viewport: this.#viewport });
    this.#resized = false;
    for (const node of this.#scrolled) {
      const id = this.id(node);
      if (id === undefined || (id !== PAGE && this.masked(node))) continue;
      const [x, y] = this.#position(node);
      ops.push({ tag: OpTag.Scroll, node: id, x, y });
    }
    this.#scrolled.clear();
    if (this.#pending.size) this.#wake();
    for (const op of this.#extra.splice(0)) if (this.#byId.has(op.node)) ops.push(op);
    ops.push(...this.#presence.ops());
    if (!this.#focusMoved) return;
    this.#focusMoved = false;
    const focus = (active && active !== document.body && this.id(active)) || 0;
    if (focus !== this.#focus) ops.push({ tag: OpTag.Focus, node: focus });
    this.#focus = focus;
  }

  // ---- what keeps the mirror true

  /** Where the next comparison begins. */
  #cursor = PAGE;

  /**
   * What the next nodes of the page add up to, for Lado to compare with what its mirror has; right after a flush, when
   * both should be the same. Nodes that should have been captured and were not are told with the next flush.
   */
  check(nodes: number): Op | null {
    if (!this.#active) return null;
    const first = this.node(this.#cursor);
    let node: Node | null = first && this.id(first) === this.#cursor ? first : document;
    const op: Op = { tag: OpTag.Check, node: this.id(node) ?? PAGE, sums: [] };
    const groups = new Groups();
    let last: Node | null = null;
    const most = Math.ceil(nodes / SUM_GROUP) * SUM_GROUP;
    for (let count = 0; node && count < most; ) {
      const kept = this.#kept.get(node);
      if (kept) {
        groups.node(this.#sum(node, kept));
        count++;
      } else if (this.#isMissed(node)) {
        this.#pending.add(node);
      }
      last = node;
      node = kept ? this.#following(node) : this.#after(node);
    }
    // The last one of a stretch is the first of the next: nothing between two falls through.
    this.#cursor = node && last ? (this.id(last) ?? PAGE) : PAGE;
    if (this.#pending.size) this.#wake();
    return { ...op, sums: groups.finish() };
  }

  /** Whether the whole page has been compared. */
  get checked(): boolean {
    return this.#cursor === PAGE;
  }

  /** Lado's copy is wrong inside this element: it goes, and comes again under new ids. */
  mend(id: number): boolean {
    const node = this.#byId.get(id)?.node;
    if (!node || !dom.isElement(node)) return false;
    const inside = (at: Node | null): boolean => {
      for (let up = at; up; up = this.up(up)) if (up === node) return true;
      return false;
    };
    for (const at of [...this.#positions.keys()]) if (inside(at)) this.#scrolled.add(at);
    this.#focusMoved = true;
    if (inside(this.#byId.get(this.#focus)?.node ?? null)) this.#focus = 0;
    this.#forget(node);
    this.#pending.add(node);
    this.#wake();
    return true;
  }

  #sum(node: Node, kept: Kept): number {
    const type = dom.nodeType(node);
    const parent = this.up(node);
    const kind = dom.isElement(node)
      ? kindOf(node)
      : type === dom.DOCUMENT
        ? NodeKind.Document
        : type === dom.FRAGMENT
          ? NodeKind.Shadow
          : NodeKind.Text;
    const above = parent ? (this.id(parent) ?? 0) : 0;
    const sum = number(number(number(BASIS, kind), kept.id), above);
    if (kind === NodeKind.Text) {
      const raw = dom.data(node as CharacterData);
      const veil = this.#veil(node);
      return text(sum, (veil ? undefined : this.#covered.get(node)) ?? this.#textOf(node, raw, veil));
    }
    if (!dom.isElement(node)) return sum;
    const name = dom.localName(node);
    let all = 0;
    if (!isOpaque(name)) {
      const veil = this.#veil(node);
      for (const name of dom.attributeNames(node)) {
        const value = this.#attributeOf(node, name, veil);
        if (value !== null) all = (all + text(number(text(BASIS, name), 0x3d), value)) | 0;
      }
      const stamp = this.#stampOf(node, veil);
      if (stamp) all = (all + text(number(text(BASIS, "data-lado-lock"), 0x3d), stamp)) | 0;
    }
    return number(text(sum, name), all);
  }

  /** The next node in the order of the mirror: a shadow root before its element's children, a frame's document in it. */
  #following(node: Node): Node | null {
    if (dom.isElement(node)) {
      if (isOpaque(dom.localName(node))) return this.#after(node);
      const shadow = dom.shadowOf(node);
      if (shadow) return shadow;
      if (dom.documentIn(node) !== undefined) return this.#documents.get(node) ?? this.#after(node);
    }
    return dom.firstChild(node) ?? this.#after(node);
  }

  #after(node: Node): Node | null {
    for (let at: Node | null = node; at && at !== document; at = this.up(at)) {
      const type = dom.nodeType(at);
      const next: Node | null =
        type === dom.FRAGMENT
          ? dom.firstChild(dom.hostOf(at as ShadowRoot))
          : type === dom.DOCUMENT
            ? null
            : dom.nextSibling(at);
      if (next) return next;
    }
    return null;
  }

  #isMissed(node: Node): boolean {
    if (node === this.overlay || this.#pending.has(node)) return false;
    const parent = this.up(node);
    const type = dom.nodeType(node);
    // A document takes an element, nothing else.
    const fits =
      type === dom.ELEMENT ||
      type === dom.FRAGMENT ||
      (parent && dom.nodeType(parent) !== dom.DOCUMENT && this.#isText(node));
    return Boolean(parent && fits && this.#kept.has(parent) && this.#holds(parent, node));
  }

  /** Notes what a masked field holds, for Lado to hide it wherever it shows again. */
  #keepSecret(field: Element, node: number, active: boolean): void {
    const state = stateOf(field);
    if (state?.kind !== "value" || !state.value) return;
    const known = `${active} ${state.value}`;
    if (this.#secretOf.get(field) === known) return;
    this.#secretOf.set(field, known);
    this.#secrets.push({ field: node, value: state.value.slice(0, MAX_SECRET), done: !active });
  }

  /** What masked fields hold that Lado has not been told: to be sent before the ops. */
  secrets(): { field: number; value: string; done: boolean }[] {
    return this.#secrets.splice(0);
  }

  /** The customer hides an element by hand: takes it back, and says which node it is; 0 for none of the page's. */
  hide(element: Element): number {
    const id = this.id(element);
    if (!id) return 0;
    this.rules.hide(element);
    this.#hidden.add(element);
    this.#wake();
    return id;
  }

  /** Other rules hold from now on. */
  rulesChanged(): void {
    if (!this.#active) return;
    this.#rulesChanged = true;
    this.#wake();
  }

  // ---- what comes from the page

  #wake(): void {
    if (!this.#active || this.#scheduled) return;
    this.#scheduled = true;
    this.listener.changed();
  }

  #collect(records: readonly MutationRecord[]): void {
    if (!this.#active || !records.length) return;
    const lost: Node[] = [];
    for (const record of records) {
      const { target } = record;
      switch (record.type) {
        case "childList":
          for (const node of record.addedNodes) if (node !== this.overlay) this.#pending.add(node);
          for (const node of record.removedNodes) {
            if (this.#kept.has(node)) lost.push(node);
            else if (!dom.isConnected(node)) this.#pending.delete(node);
          }
          this.#styleChanged(target);
          if (target !== document && dom.nodeType(target) === dom.DOCUMENT)
            this.#inner.add(target as Document);
          if (dom.isElement(target) && dom.localName(target) === "textarea") this.#fields.add(target);
          break;
        case "attributes": {
          const name = record.attributeName ?? "";
          if (!this.#kept.has(target)) break;
          const element = target as Element;
          const names = this.#attributes.get(element);
          if (names) names.add(name);
          else this.#attributes.set(element, new Set([name]));
          if (isField(element)) this.#fields.add(element);
          if (name === "disabled" || name === "media") this.#sheets.rewritten(element);
          break;
        }
        default:
          this.#texts.add(target);
          this.#styleChanged(dom.parentNode(target));
      }
    }
    for (const node of lost) this.#pending.add(node);
    // What is out of the document now, or in a shadow root that is not captured yet, is out of the observer's sight: it
    // comes back as a new node, if it does.
    for (const node of lost) {
      if (!dom.isConnected(node) || !this.#watched.has(dom.rootOf(node) as Root)) this.#forget(node);
    }
    this.#wake();
    this.listener.moved();
  }

  #styleChanged(node: Node | null): void {
    if (node && dom.isElement(node) && dom.localName(node) === "style") this.#sheets.rewritten(node);
  }

  #observe(root: Root): void {
    if (this.#watched.has(root)) return;
    this.#watched.add(root);
    this.#observer.observe(root, { childList: true, attributes: true, characterData: true, subtree: true });
  }

  /** Listens to a document or shadow root; again after `document.open()`, which takes listeners away. */
  #listenTo(root: Root): void {
    for (const type of ["input", "change", "reset", "scroll", "load", "focusin", "focusout", "click"]) {
      dom.listen(root, type, this.#onEvent, { capture: true, passive: true });
    }
    this.#presence.listenTo(root);
    this.listener.entered(root);
  }

  #onEvent = guard((event: Event) => {
    const target = event.target as Node;
    if (!this.#active && event.type !== "scroll") return;
    switch (event.type) {
      case "scroll":
        if (this.#active && !this.id(target)) return;
        this.#positions.delete(target);
        this.#scrolled.add(target);
        this.listener.moved();
        break;
      case "load":
        if (!dom.isElement(target) || dom.documentIn(target) === undefined) return;
        this.#frames.add(target);
        break;
      case "focusin":
      case "focusout":
        this.#focusMoved = true;
        // A number that was half typed is judged as it was left.
        if (dom.isElement(target) && isField(target)) this.#fields.add(target);
        break;
      case "reset":
        // Fields take their defaults after the event.
        dom.timeout(
          guard(() => {
            for (const field of dom.query(target, "input,textarea,select")) this.fieldChanged(field);
          }),
          0,
        );
        return;
      default:
        if (!dom.isElement(target) || !isField(target)) return;
        this.#fields.add(target);
        if (dom.getAttribute(target, "type") === "radio") {
          for (const radio of dom.query(dom.rootOf(target), "input[type=radio]")) this.#fields.add(radio);
        }
    }
    this.#wake();
  });

  /** Watches what scripts of a window do to fields, sheets and shadow roots without the DOM showing it. */
  #patch(realm: Realm): void {
    if (this.#realms.has(realm)) return;
    this.#realms.add(realm);
    this.#sheets.patch(realm);
    this.#presence.patch(realm);
    this.#outside.patch(realm);
    const changed = this.fieldChanged;
    for (const name of ["value", "checked", "indeterminate", "valueAsNumber", "valueAsDate"]) {
      dom.after(realm.HTMLInputElement?.prototype, name, changed);
    }
    for (const name of ["setRangeText", "stepUp", "stepDown"]) {
      dom.after(realm.HTMLInputElement?.prototype, name, changed);
      dom.after(realm.HTMLTextAreaElement?.prototype, name, changed);
    }
    dom.after(realm.HTMLTextAreaElement?.prototype, "value", changed);
    for (const name of ["value", "selectedIndex"])
      dom.after(realm.HTMLSelectElement?.prototype, name, changed);
    dom.after(realm.HTMLOptionElement?.prototype, "selected", (option: HTMLOptionElement) => {
      const list = option.closest("select");
      if (list) changed(list);
    });
    dom.after(
      realm.Element?.prototype,
      "attachShadow",
      guard((host: Element, _init, shadow) => {
        dom.closedShadows.set(host, shadow as ShadowRoot);
        if (!this.#active || !this.#kept.has(host)) return;
        this.#pending.add(shadow as ShadowRoot);
        this.#wake();
      }),
    );
  }

  #titleOf(title: string): string {
    return this.rules.base ? MASK : this.rules.plain(title);
  }

  // ---- structure

  #keep(node: Node, parent: Kept | null): Kept {
    const kept: Kept = { id: this.#next++, node, parent };
    this.#kept.set(node, kept);
    this.#byId.set(kept.id, kept);
    this.#pending.delete(node);
    if (this.#positions.has(node)) this.#scrolled.add(node);
    return kept;
  }

  /** Takes the ids from a node and what is below it; the mirror is told when the flush ends. */
  #forget(node: Node, top = true): void {
    const kept = this.#kept.get(node);
    if (kept) {
      this.#kept.delete(node);
      this.#byId.delete(kept.id);
      this.#positions.delete(node);
      // Where it comes back it has another id, of which nothing has been said.
      this.#said.forget(node as Element);
      this.#sheets.forget(node);
      // A node that moved before it went is elsewhere in the mirror than it was in the page.
      if (this.#pending.delete(node) || top) this.#gone.push(kept);
    }
    if (dom.isElement(node)) {
      const shadow = dom.shadowOf(node);
      if (shadow) this.#forget(shadow, false);
      const inner = this.#documents.get(node);
      if (inner) {
        this.#documents.delete(node);
        this.#forget(inner, false);
      }
    }
    for (let child = dom.firstChild(node); child; child = dom.nextSibling(child)) this.#forget(child, false);
  }

  #removeGone(ops: Op[]): void {
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

  /** Brings the mirror's place of a pending node to where it is in the page, or forgets it. */
  #settle(node: Node, ops: Op[], late: Element[]): void {
    if (!this.#pending.has(node)) return;
    const parent = this.up(node);
    const stands =
      parent && dom.isConnected(node) && this.#ensure(parent, ops, late) && this.#holds(parent, node);
    // It came with an ancestor, meanwhile.
    if (!this.#pending.has(node)) return;
    if (!stands) {
      this.#pending.delete(node);
      this.#forget(node);
      return;
    }
    // Siblings before it that are pending, too, go first: each is placed behind one that is in its place.
    const run: Node[] = [];
    let before = 0;
    for (let at: Node | null = node; at; at = dom.previousSibling(at)) {
      if (this.#pending.has(at)) run.push(at);
      else if (this.#kept.has(at)) {
        before = this.id(at) ?? 0;
        break;
      }
    }
    const above = this.#kept.get(parent);
    if (!above) return;
    for (const each of run.reverse()) before = this.#place(each, above, before, ops, late) || before;
  }

  /** Whether the node is captured and stands in the mirror below the same ancestors as in the page. */
  #ensure(node: Node, ops: Op[], late: Element[]): boolean {
    const chain: Node[] = [];
    let at: Node | null = node;
    for (; at && at !== document && !this.#settled.has(at); at = this.up(at)) chain.push(at);
    if (!at) return false;
    for (const each of chain.reverse()) {
      this.#settle(each, ops, late);
      if (!this.#kept.has(each)) return false;
      this.#settled.add(each);
    }
    return true;
  }

  /** Whether the children of a captured node are captured. */
  #holds(parent: Node, child: Node): boolean {
    if (!dom.isElement(parent)) return true;
    return dom.documentIn(parent) === undefined
      ? !isOpaque(dom.localName(parent))
      : dom.nodeType(child) === dom.DOCUMENT;
  }

  /** Emits the op for one pending node whose parent and siblings before are in place; returns its id, 0 for none. */
  #place(node: Node, above: Kept, prev: number, ops: Op[], late: Element[]): number {
    this.#pending.delete(node);
    const kept = this.#kept.get(node);
    if (kept) {
      kept.parent = above;
      ops.push({ tag: OpTag.Move, node: kept.id, parent: above.id, prev });
      // Text is judged where it arrives; so are fields.
      this.#retract(node, ops, this.#veil(node));
      return kept.id;
    }
    const base = this.#next;
    const tokens: Tokens = [];
    if (dom.isElement(node)) this.rules.scan(node);
    const run: Written[] = [];
    let depth = 0;
    for (let at: Kept | null = above; at; at = at.parent) depth++;
    this.#write(node, above, tokens, late, this.#veil(above.node), depth, run);
    this.#endLine(tokens, run);
    if (this.#next === base) return 0;
    const last = ops.at(-1);
    // Siblings that come together come in one tree; ids count on through it.
    if (
      last?.tag === OpTag.Insert &&
      last.parent === above.id &&
      this.#lastInsert?.op === last &&
      this.#lastInsert.root === prev &&
      this.#lastInsert.next === base
    ) {
      for (const token of tokens) this.#lastInsert.tokens.push(token);
      this.#lastInsert.root = base;
      this.#lastInsert.next = this.#next;
      return base;
    }
    const op: Op = { tag: OpTag.Insert, parent: above.id, prev, base, tree: tree(tokens) };
    this.#lastInsert = { op, root: base, next: this.#next, tokens };
    ops.push(op);
    return base;
  }

  #lastInsert: { op: Op; root: number; next: number; tokens: Tokens } | null = null;

  /** Writes the children of the page's document for a snapshot. */
  #writeChildren(root: Document, tokens: Tokens, late: Element[]): void {
    this.rules.scan(root);
    const run: Written[] = [];
    const page = this.#kept.get(root) ?? null;
    for (let child = dom.firstChild(root); child; child = dom.nextSibling(child)) {
      if (!this.#leaves(child)) this.#write(child, page, tokens, late, this.rules.base, 0, run);
    }
    this.#endLine(tokens, run);
    this.#sheets.captured(root);
  }

  #write(
    node: Node,
    parent: Kept | null,
    tokens: Tokens,
    late: Element[],
    veil: Veil,
    depth: number,
    run: Written[],
  ): void {
    switch (dom.nodeType(node)) {
      case dom.TEXT:
      case dom.CDATA: {
        // A node that has an id is in the mirror already and moves here with an op of its own.
        if (this.#kept.has(node) || depth > DEEPEST) return;
        this.#keep(node, parent);
        const raw = dom.data(node as CharacterData);
        const judged = veil ? undefined : this.#judged.get(node);
        if (judged !== undefined && judged !== raw) this.#covered.set(node, judged);
        const text = judged ?? this.#textOf(node, raw, veil);
        tokens.push(NodeKind.Text, text);
        if (!veil && text) run.push({ at: tokens.length - 1, node, text });
        return;
      }
      case dom.ELEMENT:
        if (node === this.overlay || this.#kept.has(node) || depth > DEEPEST) return;
        this.#writeElement(node as Element, parent, tokens, late, veil, depth, run);
        return;
      case dom.DOCUMENT:
      case dom.FRAGMENT: {
        if (this.#kept.has(node) || depth > DEEPEST) return;
        const kept = this.#keep(node, parent);
        const root = node as Root;
        this.#observe(root);
        this.#listenTo(root);
        this.rules.scan(root);
        this.#endLine(tokens, run);
        tokens.push(dom.nodeType(node) === dom.DOCUMENT ? NodeKind.Document : NodeKind.Shadow);
        for (let child = dom.firstChild(node); child; child = dom.nextSibling(child)) {
          if (!this.#leaves(child)) this.#write(child, kept, tokens, late, veil, depth + 1, run);
        }
        this.#endLine(tokens, run);
        tokens.push(NodeKind.End);
        if (dom.nodeType(root) === dom.DOCUMENT) this.#inner.add(root as Document);
        this.#sheets.captured(root);
      }
    }
  }

  #writeElement(
    element: Element,
    parent: Kept | null,
    tokens: Tokens,
    late: Element[],
    outer: Veil,
    depth: number,
    run: Written[],
  ): void {
    const kept = this.#keep(element, parent);
    const veil = this.rules.under(outer, element);
    const name = dom.localName(element);
    const inline = isInline(name);
    if (!inline) this.#endLine(tokens, run);
    const count = tokens.push(kindOf(element), name, 0) - 1;
    if (name === "canvas") this.listener.drawn(element);
    if (!isOpaque(name)) {
      tokens[count] = veil || dom.hasAttributes(element) ? this.#writeAttributes(element, tokens, veil) : 0;
      const shadow = dom.shadowOf(element);
      if (shadow) this.#write(shadow, kept, tokens, late, veil, depth + 1, run);
      const inner = isFrame(name) ? dom.documentIn(element) : undefined;
      if (inner) {
        this.#writeFrame(element, inner, kept, tokens, late, veil, depth, run);
      } else if (inner === null) {
        this.#opaque.add(element);
        late.push(element);
      }
      if (isFieldName(name) || name === "style" || name === "link" || isMedia(name)) late.push(element);
      // What stands between the tags of a frame is for browsers without frames.
      let child = inner === undefined ? dom.firstChild(element) : null;
      for (; child; child = dom.nextSibling(child))
        if (!this.#leaves(child)) this.#write(child, kept, tokens, late, veil, depth + 1, run);
    }
    tokens.push(NodeKind.End);
    if (!inline) this.#endLine(tokens, run);
  }

  #writeAttributes(element: Element, tokens: Tokens, veil: Veil): number {
    let written = 0;
    for (const name of dom.attributeNames(element)) {
      const value = this.#attributeOf(element, name, veil);
      if (value === null) continue;
      tokens.push(name, value);
      written++;
    }
    const stamp = this.#stampOf(element, veil);
    if (stamp) {
      tokens.push("data-lado-lock", stamp);
      written++;
    }
    return written;
  }

  /** What the mirror gets of a masked control's name: which lock it means. */
  #stampOf(element: Element, veil: Veil): string | null {
    return veil && !dom.hasAttribute(element, "data-lado-lock") ? this.rules.stamp(element) : null;
  }

  // ---- frames

  #writeFrame(
    frame: Element,
    inner: Document,
    kept: Kept,
    tokens: Tokens,
    late: Element[],
    veil: Veil,
    depth: number,
    run: Written[],
  ): void {
    this.#opaque.delete(frame);
    this.#frameOf.set(inner, frame);
    this.#documents.set(frame, inner);
    const view = dom.viewOf(inner);
    if (view) this.#patch(view as Realm);
    this.#write(inner, kept, tokens, late, veil, depth + 1, run);
  }

  /** A frame has loaded: its document may be another one, or no longer this page's to see. */
  #recheckFrame(frame: Element, late: Element[]): Document | null {
    const kept = this.#kept.get(frame);
    const inner = dom.documentIn(frame);
    if (!kept || inner === undefined) return null;
    const before = this.#documents.get(frame);
    if (before && before !== inner) {
      this.#documents.delete(frame);
      this.#forget(before);
    }
    if (!inner) {
      // Told when the document that was there before has gone.
      if (!this.#opaque.has(frame)) late.push(frame);
      this.#opaque.add(frame);
      return null;
    }
    this.#opaque.delete(frame);
    this.#frameOf.set(inner, frame);
    this.#documents.set(frame, inner);
    const view = dom.viewOf(inner);
    if (view) this.#patch(view as Realm);
    this.#observe(inner);
    this.#listenTo(inner);
    return inner;
  }

  // ---- attributes and texts

  #attributeOf(element: Element, name: string, veil: Veil): string | null {
    const raw = dom.getAttribute(element, name);
    if (raw === null) return null;
    if ((name === "src" || name === "poster") && raw.startsWith("blob:"))
      this.listener.blob(element, name, raw);
    const value = this.rules.attribute(element, name, outward(raw), veil);
    const isAddress = name === "src" || name === "href" || name === "poster" || name === "srcset";
    return isAddress && value && this.#isForeign(element) ? fromBase(element, name, value) : value;
  }

  /** In a frame, where relative addresses start elsewhere than the page's. */
  #isForeign(element: Element): boolean {
    return dom.ownerDocument(element) !== document;
  }

  /** Attributes have changed: rules may select other elements now, the changed ones, below them or beside them. */
  #rescan(ops: Op[]): void {
    const around = new Set<Node>();
    for (const [element, names] of this.#attributes) {
      for (const name of names)
        if (this.rules.selectsBy(name)) around.add(dom.parentNode(element) ?? element);
    }
    for (const root of around)
      for (const fresh of this.rules.scan(root)) this.#retract(fresh, ops, this.#veil(fresh));
  }

  #setAttributes(element: Element, names: Set<string>, ops: Op[]): void {
    if (isOpaque(dom.localName(element))) return;
    const veil = this.#veil(element);
    const node = this.id(element) ?? 0;
    for (const name of names) {
      const value = this.#attributeOf(element, name, veil);
      // Those that never leave the page are not told to have gone, either.
      if (value !== null || dom.getAttribute(element, name) === null) {
        ops.push({ tag: OpTag.SetAttr, node, name, value });
      }
    }
  }

  /** What was sent of a node that is masked from now on is taken back. */
  #retract(node: Node, ops: Op[], veil: Veil): void {
    if (!veil) return;
    const kept = this.#kept.get(node);
    if (kept && this.#isText(node)) {
      const text = this.#textOf(node, dom.data(node as CharacterData), veil);
      ops.push({ tag: OpTag.SetText, node: kept.id, text });
      return;
    }
    if (dom.isElement(node)) {
      if (isOpaque(dom.localName(node))) return;
      for (const name of kept ? dom.attributeNames(node) : []) {
        const value = this.#attributeOf(node, name, veil);
        if (kept && value === MASK) ops.push({ tag: OpTag.SetAttr, node: kept.id, name, value });
      }
      if (kept && isField(node)) this.#fields.add(node);
      const inner = dom.shadowOf(node) ?? this.#documents.get(node);
      if (inner) this.#retract(inner, ops, veil);
    }
    for (let child = dom.firstChild(node); child; child = dom.nextSibling(child)) {
      this.#retract(child, ops, dom.isElement(child) ? this.rules.under(veil, child) : veil);
    }
  }

  #isText(node: Node): boolean {
    const type = dom.nodeType(node);
    return type === dom.TEXT || type === dom.CDATA;
  }

  #textOf(node: Node, text: string, veil: Veil): string {
    const parent = dom.parentNode(node);
    const style = parent && dom.isElement(parent) && dom.localName(parent) === "style" ? parent : null;
    if (veil && !(veil === Veil.Mask && style && this.rules.dresses(style))) return text.trim() ? MASK : text;
    return style ? outward(text) : text;
  }

  #setText(node: Node, ops: Op[], always: boolean): void {
    const parent = dom.parentNode(node);
    if (!parent || !this.#holds(parent, node) || !this.#isText(node)) return;
    const raw = dom.data(node as CharacterData);
    const veil = this.#veil(node);
    const text = (veil ? undefined : this.#judged.get(node)) ?? this.#textOf(node, raw, veil);
    if (!always && (this.#covered.get(node) ?? raw) === text) return;
    if (text === raw) this.#covered.delete(node);
    else this.#covered.set(node, text);
    ops.push({ tag: OpTag.SetText, node: this.id(node) ?? 0, text });
  }

  /** A line of text is complete: detectors see it whole, whatever elements it is cut into. */
  #endLine(tokens: Tokens, run: Written[]): void {
    if (!run.length) return;
    const covered = this.rules.cover(run.map(({ text }) => text));
    covered?.forEach((text, i) => {
      const written = run[i];
      if (!written || text === written.text) return;
      tokens[written.at] = text;
      this.#covered.set(written.node, text);
    });
    run.length = 0;
  }

  /** Looks at every line that a change has touched, before anything of it is written. */
  #judgeBlocks(): void {
    const seen = new Set<Node>();
    const touch = (node: Node | null): void => {
      let block = node;
      while (block && dom.isElement(block) && isInline(dom.localName(block))) block = dom.parentNode(block);
      if (!block || seen.has(block)) return;
      seen.add(block);
      this.#judge(block);
    };
    for (const node of this.#texts) touch(dom.parentNode(node));
    for (const node of this.#pending) {
      const inline = dom.isElement(node) ? isInline(dom.localName(node)) : this.#isText(node);
      if (inline) touch(dom.parentNode(node));
    }
  }

  #judge(block: Node): void {
    let line: Node[] = [];
    const end = (): void => {
      const texts = line.map((node) => dom.data(node as CharacterData));
      const covered = this.rules.cover(texts);
      line.forEach((node, i) => {
        const text = covered?.[i];
        if (text !== undefined && text !== texts[i]) this.#judged.set(node, text);
        else if (this.#covered.has(node)) this.#judged.set(node, texts[i] ?? "");
      });
      line = [];
    };
    const walk = (node: Node): void => {
      for (let child = dom.firstChild(node); child; child = dom.nextSibling(child)) {
        if (this.#isText(child)) line.push(child);
        else if (!dom.isElement(child)) continue;
        else if (isInline(dom.localName(child))) walk(child);
        // Blocks within have lines of their own.
        else end();
      }
    };
    if (!dom.isElement(block) || !isOpaque(dom.localName(block))) walk(block);
    end();
  }

  /** Scroll positions are read when they have changed, never for a snapshot: that would force a layout. */
  #position(node: Node): [number, number] {
    const known = this.#positions.get(node);
    if (known !== undefined) {
      const [x = 0, y = 0] = known.split(" ").map(Number);
      return [x, y];
    }
    if (!this.#scrolled.has(node)) return [0, 0];
    const element = dom.nodeType(node) === dom.DOCUMENT ? null : (node as Element);
    const view = element ? null : dom.viewOf(node as Document);
    const x = Math.round(element ? dom.scrollLeft(element) : (view?.scrollX ?? 0));
    const y = Math.round(element ? dom.scrollTop(element) : (view?.scrollY ?? 0));
    this.#positions.set(node, `${x} ${y}`);
    return [x, y];
  }
}

function isMedia(name: string): boolean {
  return name === "video" || name === "audio" || name === "dialog";
}

function viewport(): Viewport {
  return {
    width: Math.max(0, Math.round(innerWidth)),
    height: Math.max(0, Math.round(innerHeight)),
    density: Math.max(0, Math.round(devicePixelRatio * 1000)),
  };
}

function fromBase(element: Element, name: string, value: string): string {
  const base = baseUrl(dom.baseUri(element));
  const one = (url: string): string => {
    try {
      return /^(data:|#|javascript:)/.test(url) ? url : new URL(url, base).href;
    } catch (error) {
      failed(error);
      return url;
    }
  };
  return name === "srcset"
    ? value.replace(/(^|,)\s*(\S+)/g, (_, comma, url) => `${comma}${one(url)}`)
    : one(value);
}

/** Runs `flush` in the next animation frame, or soon where there are none. */
export function nextFrame(run: () => void): void {
  if (document.visibilityState === "hidden") dom.timeout(run, HIDDEN_FRAME_MS);
  else dom.frame(run);
}
