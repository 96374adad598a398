// Watches the page: mutation records, events, and what scripts do to fields and shadow roots without the DOM showing it.

import { guard } from "../guard";
import type { Beside } from "./beside";
import type { Changes } from "./changes";
import * as dom from "./dom";
import { isField } from "./fields";
import type { Nodes } from "./nodes";
import type { Scrolls } from "./scrolls";
import type { Sheets } from "./sheets";

type Root = Document | ShadowRoot;
type Realm = Window & typeof globalThis;

/** What scripts change fields by. */
const FIELDS =
  "HTMLInputElement:value,checked,indeterminate,valueAsNumber,valueAsDate,setRangeText,stepUp,stepDown HTMLTextAreaElement:value,setRangeText HTMLSelectElement:value,selectedIndex";

export interface Watched {
  readonly nodes: Nodes;
  readonly changes: Changes;
  readonly scrolls: Scrolls;
  readonly sheets: Sheets;
  readonly overlay: Element;
  /** Something has moved. */
  moved(): void;
  /** Roots that the overlay has to style, too. */
  entered(root: Root): void;
  /** The node has left the page. */
  gone(node: Node): void;
}

export class Watch {
  #observer = new dom.Observer(guard((records) => this.#collect(records)));
  #roots = new WeakSet<Root>();
  #realms = new WeakSet<Window>();
  /** From when somebody watches. */
  beside: Beside | null = null;

  constructor(private readonly page: Watched) {}

  stop(): void {
    this.page.changes.active = false;
    this.#observer.disconnect();
  }

  /** Drops what the observer has not said yet. */
  drop(): void {
    this.#observer.takeRecords();
  }

  /** Collects what the observer has not said yet. */
  take(): void {
    this.#collect(this.#observer.takeRecords());
  }

  observe(root: Root): void {
    if (this.#roots.has(root)) return;
    this.#roots.add(root);
    this.#observer.observe(root, { childList: true, attributes: true, characterData: true, subtree: true });
  }

  /** Listens to a document or shadow root; again after `document.open()`, which takes listeners away. */
  listenTo(root: Root): void {
    const types = "input change reset scroll load focusin focusout click";
    dom.listenAll(root, types, this.#onEvent, { capture: true, passive: true });
    this.beside?.entered(root);
    this.page.entered(root);
  }

  #collect(records: readonly MutationRecord[]): void {
    const { changes, nodes, overlay } = this.page;
    if (!changes.active || !records.length) return;
    const lost: Node[] = [];
    for (const record of records) {
      const { target } = record;
      switch (record.type) {
        case "childList":
          for (const node of record.addedNodes) if (node !== overlay) changes.pending.add(node);
          for (const node of record.removedNodes) {
            if (nodes.has(node)) lost.push(node);
            else if (!dom.isConnected(node)) changes.pending.delete(node);
          }
          this.#styleChanged(target);
          if (target !== document && dom.nodeType(target) === dom.DOCUMENT)
            changes.inner.add(target as Document);
          // What a list has selected, or a text area holds, hangs on what is in it.
          if (dom.isElement(target) && /^(textarea|select|optg)/.test(dom.localName(target))) {
            const field = target.closest("textarea,select");
            if (field && isField(field)) changes.fields.add(field);
          }
          break;
        case "attributes":
          // Records have the local part of a name in a namespace, of which `xlink` is the one that matters.
          if (nodes.has(target))
            this.#attributeChanged(
              target as Element,
              (record.attributeNamespace ? "xlink:" : "") + record.attributeName,
            );
          break;
        default:
          if (nodes.has(target)) changes.texts.add(target);
          this.#styleChanged(dom.parentNode(target));
      }
    }
    for (const node of lost) changes.pending.add(node);
    // What is out of the document now, or in a shadow root that is not captured yet, is out of the observer's sight: it
    // comes back as a new node, if it does.
    for (const node of lost) {
      if (!dom.isConnected(node) || !this.#roots.has(dom.rootOf(node) as Root)) this.page.gone(node);
    }
    changes.wake();
    this.page.moved();
  }

  #attributeChanged(element: Element, name: string): void {
    const { changes, sheets } = this.page;
    const names = changes.attributes.get(element);
    if (names) names.add(name);
    else changes.attributes.set(element, new Set([name]));
    if (isField(element)) changes.fields.add(element);
    if (name === "disabled" || name === "media") sheets.rewritten(element);
  }

  #styleChanged(node: Node | null): void {
    if (node && dom.isElement(node) && dom.localName(node) === "style") this.page.sheets.rewritten(node);
  }

  #onEvent = guard((event: Event) => {
    const { changes, nodes, scrolls } = this.page;
    const target = event.target as Node;
    if (!changes.active && event.type !== "scroll") return;
    switch (event.type) {
      case "scroll":
        if (changes.active && !nodes.id(target)) return;
        scrolls.scrolled(target);
        this.page.moved();
        break;
      case "load":
        if (!dom.isElement(target) || dom.documentIn(target) === undefined) return;
        changes.frames.add(target);
        break;
      case "focusin":
      case "focusout":
        changes.focus = true;
        // A number that was half typed is judged as it was left.
        if (dom.isElement(target) && isField(target)) changes.fields.add(target);
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
        changes.fields.add(target);
    }
    changes.wake();
  });

  /** A field whose value script has set. */
  fieldChanged = guard((field: Element) => {
    const { changes, nodes } = this.page;
    if (!changes.active || !nodes.id(field)) return;
    changes.fields.add(field);
    changes.wake();
  });

  /** Watches what scripts of a window do. */
  patch = (realm: Realm): void => {
    if (this.#realms.has(realm)) return;
    this.#realms.add(realm);
    const { sheets, changes, nodes } = this.page;
    sheets.patch(realm);
    const changed = this.fieldChanged;
    dom.afterAll(realm, FIELDS, () => changed);
    // What WebGL has drawn is gone with the frame: nobody could look at it afterwards.
    dom.after(
      realm.HTMLCanvasElement?.prototype,
      "getContext",
      () => {},
      (args) => {
        if (/webgl/.test(args[0])) args[1] = { __proto__: args[1], preserveDrawingBuffer: true };
      },
    );
    dom.after(realm.HTMLOptionElement?.prototype, "selected", (option: HTMLOptionElement) => {
      const list = option.closest("select");
      if (list) changed(list);
    });
    dom.after(
      realm.Element?.prototype,
      "attachShadow",
      guard((host: Element, _init, shadow) => {
        dom.closedShadows.set(host, shadow as ShadowRoot);
        if (!changes.active || !nodes.has(host)) return;
        changes.pending.add(shadow as ShadowRoot);
        changes.wake();
      }),
    );
  };
}
