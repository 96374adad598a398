// The stage: a frame without scripts in which a page is rebuilt from ops, node by node, never from HTML strings.

import { NodeKind, type Op, OpTag, type Viewport } from "../../injected/protocol/messages";
import { BASIS, Groups, number, text } from "../../injected/protocol/sum";
import type { TreeNode } from "../../injected/protocol/wire";
import {
  create,
  framesIn,
  isElement,
  isShadow,
  ownerOf,
  parentOf,
  place,
  StageError,
  scrollOf,
  setAttribute,
  setValue,
  shadowOf,
  sheetsLoaded,
} from "./nodes";
import { StagePictures } from "./pictures";
import { Presence } from "./presence";
import { StageSheets } from "./sheets";
import type { WatchSocket } from "./socket";

type Snapshot = Extract<Op, { tag: OpTag.Snapshot }>;
type Place = Document | ShadowRoot;

const DOCUMENT = 1;

/** A new page shows when its style sheets have loaded, but never later than this. */
const PATIENCE = 1500;

export class Stage {
  readonly frame: HTMLIFrameElement;
  /** Resolves when the page is fit to be shown. */
  readonly ready: Promise<void>;
  viewport: Viewport;
  title: string;
  url: string;
  /** The node with the customer's keyboard focus, 0 for none. */
  focus = 0;
  readonly #placeholder: string;
  readonly #nodes = new Map<number, Node>();
  readonly #ids = new WeakMap<Node, number>();
  /** Ops that came before the frame's empty document had loaded. */
  #early: Op[] | null = [];
  #failed: ((error: StageError) => void) | undefined;
  /** Stages in frames of this one, by their elements; and the line of this one, where it is one itself. */
  readonly inside = new Map<Element, Stage>();
  line: WatchSocket | null = null;
  /** It is in a frame of another stage. */
  readonly #isInner: boolean;
  readonly #places = new Map<number, Place>();
  readonly #sheets = new StageSheets(
    (id) => this.#nodes.get(id),
    () => ({ features: this.#features, density: this.viewport.density }),
  );
  readonly #presence = new Presence((id) => this.#nodes.get(id));
  readonly #pictures = new StagePictures((element) => this.#sheets.special(element));
  #features: ReadonlySet<string> | null = null;
  /** Lists that are open: by select element. */
  readonly lists = new Set<number>();
  /** The part of the window that the customer sees, where that is not all of it. */
  view: Extract<Op, { tag: OpTag.View }> | null = null;
  /** Something of the page could not be made here: the tree cannot be compared with Lado's. */
  #partial = false;
  /** Scroll positions that the layout does not allow yet: tried again when something has loaded. */
  readonly #scrolls = new Map<number, { x: number; y: number }>();

  /**
   * `holder` is what the stage's own frame goes into, or a frame of another stage, whose document it becomes.
   * `placeholder` is what stands in frames that nobody may look into.
   */
  constructor(
    holder: HTMLElement,
    page: Snapshot,
    placeholder: string,
    failed?: (error: StageError) => void,
  ) {
    this.viewport = page.viewport;
    this.title = page.title;
    this.url = page.url;
    this.#placeholder = placeholder;
    this.#failed = failed;
    this.#isInner = holder.localName === "iframe";
    if (this.#isInner) {
      this.frame = holder as HTMLIFrameElement;
      this.#write(page.quirks ? "" : "<!doctype html>");
      this.ready = this.#start(page);
      return;
    }
    this.frame = document.createElement("iframe");
    this.frame.className = "stage";
    this.frame.setAttribute("sandbox", "allow-same-origin");
    this.frame.tabIndex = -1;
    // Documents from srcdoc are never in quirks mode, about:blank always is.
    if (!page.quirks) this.frame.srcdoc = "<!doctype html><html><head></head><body></body></html>";
    this.#size();
    const loaded = new Promise<void>((resolve) => {
      this.frame.addEventListener("load", () => resolve(), { once: true });
    });
    this.ready = loaded.then(() => this.#start(page));
    holder.append(this.frame);
  }

  get document(): Document | null {
    return this.frame.contentDocument;
  }

  apply(op: Op): void {
    if (this.#early) this.#early.push(op);
    else this.#apply(op);
  }

  node(id: number): Node | undefined {
    return this.#nodes.get(id);
  }

  id(node: Node): number | undefined {
    return this.#ids.get(node);
  }

  remove(): void {
    if (!this.#isInner) this.frame.remove();
    this.#nodes.clear();
    this.inside.clear();
  }

  /** Whether a frame shows a document of this very page. */
  holds(frame: HTMLIFrameElement): boolean {
    const document = frame.contentDocument;
    const id = document ? this.#ids.get(document) : undefined;
    return id !== undefined && this.#nodes.get(id) === document;
  }

  /** Puts the placeholder into a frame, unless the page has put a document of its own there meanwhile. */
  close(frame: HTMLIFrameElement): void {
    if (!this.holds(frame)) this.#label(frame);
  }

  /** The only markup ever written: a doctype, because a document without is in quirks mode. */
  #write(doctype: string, frame = this.frame): Document {
    const document = frame.contentDocument;
    if (!document) throw new StageError("a frame is not connected");
    document.open();
    document.write(doctype);
    document.close();
    return document;
  }

  async #start(page: Snapshot): Promise<void> {
    const early = this.#early ?? [];
    this.#early = null;
    const document = this.document;
    if (!document) return;
    try {
      this.#open(document, DOCUMENT);
      this.#insert(document, null, page.base, page.tree as readonly TreeNode[]);
      for (const op of early) this.#apply(op);
      this.settle();
    } catch (error) {
      this.#failed?.(error instanceof StageError ? error : new StageError(String(error)));
    }
    this.#scrolls.set(DOCUMENT, this.#scrolls.get(DOCUMENT) ?? { x: page.scrollX, y: page.scrollY });
    await Promise.race([sheetsLoaded(document), new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
    this.#settle();
  }

  /** Empties a document and makes it the stage's own: styles for masks and locks, and an ear for what loads. */
  #open(document: Document, id: number): void {
    for (const child of [...document.childNodes]) {
      if (child.nodeType !== Node.DOCUMENT_TYPE_NODE) child.remove();
    }
    this.#know(id, document);
    this.#places.set(id, document);
    this.#sheets.dress(document, id);
    // `load` does not bubble, but is seen on the way down.
    document.addEventListener("load", this.#loaded, true);
  }

  readonly #loaded = (event: Event) => {
    const { localName } = event.target as Element;
    const id = this.#ids.get(event.target as Node);
    if (id !== undefined && (localName === "link" || localName === "style")) {
      this.#sheets.fresh(id);
      this.#sheets.settle();
    }
    this.#settle();
  };

  /** After the last op of a message: what is done once for all of them. */
  settle(): void {
    if (this.#early) return;
    this.#sheets.settle();
    this.#pictures.settle();
  }

  #apply(op: Op): void {
    switch (op.tag) {
      case OpTag.Snapshot:
        throw new StageError("a snapshot needs a stage of its own");
      case OpTag.Insert: {
        const parent = this.#get(op.parent);
        this.#insert(parent, this.#after(parent, op.prev), op.base, op.tree as readonly TreeNode[]);
        break;
      }
      case OpTag.Move:
        this.#move(this.#get(op.node), this.#get(op.parent), op.prev);
        break;
      case OpTag.Remove:
        for (const id of op.nodes) this.#remove(id);
        break;
      case OpTag.SetAttr: {
        const element = this.#get(op.node);
        if (element.nodeType !== Node.ELEMENT_NODE) break;
        setAttribute(element as Element, op.name, op.value);
        this.#styled(element as Element, op.node);
        if ((element as Element).localName === "canvas" && /^(width|height)$/.test(op.name))
          this.#pictures.show(op.node, null);
        break;
      }
      case OpTag.SetText: {
        const node = this.#get(op.node);
        if (node.nodeType === Node.TEXT_NODE) (node as Text).data = op.text;
        this.#restyled(node.parentNode);
        break;
      }
      case OpTag.SetValue:
        setValue(this.#get(op.node), op.value);
        break;
      case OpTag.SetChecked: {
        const input = this.#get(op.node) as HTMLInputElement;
        if (input.localName !== "input") break;
        input.checked = op.checked;
        input.indeterminate = op.indeterminate;
        break;
      }
      case OpTag.SetSelected: {
        const select = this.#get(op.node) as HTMLSelectElement;
        if (select.localName !== "select") break;
        const chosen = new Set(op.options);
        if (!select.multiple && chosen.size === 0) select.selectedIndex = -1;
        else for (const option of select.options) option.selected = chosen.has(this.#ids.get(option) ?? 0);
        break;
      }
      case OpTag.Scroll:
        this.#get(op.node);
        this.#scrolls.set(op.node, { x: op.x, y: op.y });
        this.#settle();
        break;
      case OpTag.Resize:
        if (this.viewport.density !== op.viewport.density) queueMicrotask(() => this.#redress());
        this.viewport = op.viewport;
        this.#size();
        break;
      case OpTag.SetTitle:
        this.title = op.title;
        break;
      case OpTag.SetUrl:
        this.url = op.url;
        break;
      case OpTag.Focus:
        if (op.node) this.#get(op.node);
        this.focus = op.node;
        this.#presence.apply(op);
        break;
      case OpTag.Hover:
      case OpTag.Press:
      case OpTag.Ring:
      case OpTag.Caret:
      case OpTag.Select:
      case OpTag.SetLayer:
      case OpTag.Play:
        this.#presence.apply(op);
        break;
      case OpTag.Picture:
        this.#pictures.show(op.node, op.image);
        break;
      case OpTag.Quirks: {
        const document = this.#get(op.node) as Document;
        const frame = document.defaultView?.frameElement as HTMLIFrameElement | null;
        if (!frame || op.node === DOCUMENT || (document.compatMode === "BackCompat") === op.quirks) break;
        this.#fill(frame, op.node, [...document.childNodes].filter(isElement), op.quirks ? "" : undefined);
        break;
      }
      case OpTag.OpenList:
        if (op.open) this.lists.add(op.node);
        else this.lists.delete(op.node);
        break;
      case OpTag.View:
        this.view = op;
        this.#sheets.scrollbar(op.bar, this.#places.values());
        break;
      case OpTag.Features:
        this.#features = new Set(op.matched);
        if (!this.#isInner)
          this.frame.style.colorScheme = this.#features.has("prefers-color-scheme: dark") ? "dark" : "light";
        this.#redress();
        break;
      case OpTag.SetSheet:
        this.#get(op.node);
        this.#sheets.set(op.node, op.css);
        break;
      case OpTag.DefineSheet:
        this.#sheets.define(op.sheet, op.css);
        break;
      case OpTag.InsertRule:
      case OpTag.SetRule:
      case OpTag.DeleteRule:
      case OpTag.DisableSheet:
        if (op.node) this.#get(op.node);
        this.#sheets.change(op);
        break;
      case OpTag.Adopt:
        this.#sheets.adopt(op.node, op.sheets, this.#get(op.node) as Place);
        break;
      case OpTag.SetAdopted:
        this.#sheets.adoptTexts(op.node, op.sheets, this.#get(op.node) as Place);
        break;
      case OpTag.Check:
        this.#compare(op.node, op.sums);
        break;
      case OpTag.Opaque: {
        const frame = this.#get(op.node) as HTMLIFrameElement;
        if (frame.localName === "iframe" && !this.inside.has(frame)) this.#label(frame);
        break;
      }
    }
  }

  /** Lado says what the tree should add up to (src/mask/check.rs). */
  #compare(from: number, sums: readonly number[]): void {
    if (this.#partial) return;
    const groups = new Groups();
    let node: Node | null = this.#get(from);
    while (node && groups.sums.length < sums.length) {
      const id = this.#ids.get(node);
      if (id === undefined) {
        node = this.#following(node, false);
        continue;
      }
      const isText = node.nodeType === Node.TEXT_NODE;
      const parent = parentOf(node);
      let sum = number(number(BASIS, isText ? NodeKind.Text : NodeKind.Html), id);
      sum = number(sum, (parent && this.#ids.get(parent)) ?? 0);
      // Lado leaves the texts of sheets out, too.
      if (isText && (parent as Element).localName !== "style") sum = text(sum, (node as Text).data);
      groups.node(sum);
      node = this.#following(node, true);
    }
    const own = groups.finish();
    if (own.length !== sums.length || own.some((sum, i) => sum !== sums[i]))
      throw new StageError("the tree is not the one that Lado has");
  }

  /** The next node in the order in which Lado tells them. */
  #following(node: Node, inside: boolean): Node | null {
    if (inside) {
      const { shadowRoot, contentDocument } = node as HTMLIFrameElement;
      const first =
        shadowRoot ?? (contentDocument && this.#ids.has(contentDocument) ? contentDocument : null);
      if (first ?? node.firstChild) return first ?? node.firstChild;
    }
    for (let at: Node | null = node; at && this.#ids.get(at) !== DOCUMENT; at = parentOf(at)) {
      const next = isShadow(at) ? at.host.firstChild : at.nextSibling;
      if (next) return next;
    }
    return null;
  }

  #get(id: number): Node {
    const node = this.#nodes.get(id);
    if (!node) throw new StageError(`there is no node ${id}`);
    return node;
  }

  #know(id: number, node: Node): void {
    this.#nodes.set(id, node);
    this.#ids.set(node, id);
  }

  /** The child of `parent` that comes after the node `prev`, or after nothing. */
  #after(parent: Node, prev: number): Node | null {
    const node = prev === 0 ? undefined : this.#get(prev);
    // A shadow root comes first on the wire but is no child.
    if (node && node.parentNode === parent) return node.nextSibling;
    if (node && node.nodeType !== Node.DOCUMENT_FRAGMENT_NODE)
      throw new StageError(`${prev} is not a sibling`);
    const first = parent.firstChild;
    return first?.nodeType === Node.DOCUMENT_TYPE_NODE ? first.nextSibling : first;
  }

  #insert(parent: Node, before: Node | null, base: number, tree: readonly TreeNode[]): void {
    const owner = ownerOf(parent);
    // Frames have a document only once they are connected: what goes inside waits here, in order from the outside in.
    const inner: { frame: HTMLIFrameElement; id: number; holder: DocumentFragment }[] = [];
    const shadows: number[] = [];
    const roots = owner.createDocumentFragment();
    const open: Node[] = [];
    let id = base;
    for (const item of tree) {
      if (item.kind === NodeKind.End) {
        open.pop();
        continue;
      }
      if (item.kind === NodeKind.At) {
        id = item.id;
        continue;
      }
      const top = open.at(-1);
      const into = top ?? roots;
      // At the top of the tree, shadow roots and documents belong to the element that the tree goes into.
      const host = top ?? parent;
      const next = id++;
      switch (item.kind) {
        case NodeKind.Text: {
          const text = owner.createTextNode(item.text);
          this.#know(next, text);
          into.appendChild(text);
          break;
        }
        case NodeKind.Shadow: {
          const shadow = shadowOf(host, owner);
          this.#partial ||= !isShadow(shadow);
          this.#know(next, shadow);
          shadows.push(next);
          open.push(shadow);
          break;
        }
        case NodeKind.Document: {
          const holder = owner.createDocumentFragment();
          if ((host as Element).localName === "iframe") {
            inner.push({ frame: host as HTMLIFrameElement, id: next, holder });
          } else {
            this.#know(next, holder);
            this.#partial = true;
          }
          open.push(holder);
          break;
        }
        case NodeKind.Html:
        case NodeKind.Svg:
        case NodeKind.MathMl: {
          const element = create(owner, item);
          this.#know(next, element);
          this.#styled(element, next);
          into.appendChild(element);
          open.push(element);
        }
      }
    }
    place(parent, roots, before);
    this.#restyled(parent);
    for (const { frame, id, holder } of inner) this.#fill(frame, id, [...holder.childNodes]);
    for (const id of shadows) {
      const shadow = this.#get(id) as ShadowRoot;
      this.#places.set(id, shadow);
      this.#sheets.dress(shadow, id);
    }
  }

  /** Gives a frame a document of its own, in standards mode, and puts nodes in it. */
  #fill(frame: HTMLIFrameElement, id: number, nodes: Node[], doctype = "<!doctype html>"): void {
    const document = this.#write(doctype, frame);
    this.#open(document, id);
    for (const node of nodes) if (node.nodeType !== Node.TEXT_NODE) document.append(node);
  }

  #label(frame: HTMLIFrameElement): void {
    const document = frame.contentDocument;
    if (!document) return;
    for (const child of [...document.childNodes]) child.remove();
    const html = document.createElement("html");
    const body = document.createElement("body");
    const text = document.createElement("p");
    text.textContent = this.#placeholder;
    text.className = "lado-opaque";
    body.append(text);
    html.append(body);
    document.append(html);
    this.#sheets.dress(document, 0);
  }

  #move(node: Node, parent: Node, prev: number): void {
    if (node.contains(parent)) throw new StageError("a node cannot move into itself");
    const before = this.#after(parent, prev);
    if (before === node) return;
    const frames = framesIn(node).flatMap((frame) => {
      const document = frame.contentDocument;
      const id = document ? this.#ids.get(document) : undefined;
      const opaque = document?.querySelector("p.lado-opaque") !== null && id === undefined;
      return document ? [{ frame, document, id, opaque }] : [];
    });
    place(parent, node, before);
    // A frame that moves gets a new, empty document; its nodes follow.
    for (const { frame, document, id, opaque } of frames) {
      if (frame.contentDocument === document) continue;
      if (id !== undefined) this.#fill(frame, id, [...document.childNodes].filter(isElement));
      else if (opaque) this.#label(frame);
    }
    if (frames.length > 0) this.#sheets.again(this.#places);
  }

  #remove(id: number): void {
    const node = this.#get(id);
    const around = node.parentNode;
    this.#forget(node);
    if (node.parentNode) node.parentNode.removeChild(node);
    else if (node.nodeType === Node.DOCUMENT_NODE) for (const child of [...node.childNodes]) child.remove();
    this.#restyled(around);
    this.#scrolls.delete(id);
  }

  #forget(top: Node): void {
    const pending: Node[] = [top];
    for (let node = pending.pop(); node; node = pending.pop()) {
      const id = this.#ids.get(node);
      if (id !== undefined) {
        this.#nodes.delete(id);
        this.#sheets.forget(id, node);
        this.#pictures.forget(id);
        this.#places.delete(id);
        this.lists.delete(id);
        this.#scrolls.delete(id);
      }
      pending.push(...node.childNodes);
      const { shadowRoot, contentDocument } = node as HTMLIFrameElement;
      if (shadowRoot) pending.push(shadowRoot);
      if (contentDocument) pending.push(contentDocument);
    }
  }

  /** Elements that bring styles with them, or answers to media queries. */
  #styled(element: Element, id: number): void {
    const { localName } = element;
    if (localName === "style" || localName === "link") this.#sheets.fresh(id);
    else if (localName === "source") this.#sheets.source(element);
    else if (localName === "canvas") this.#pictures.add(element, id);
  }

  #restyled(parent: Node | null): void {
    if ((parent as Element | null)?.localName !== "style") return;
    const id = parent && this.#ids.get(parent);
    if (id) this.#sheets.fresh(id);
  }

  #redress(): void {
    this.#sheets.redress(this.#places.values());
  }

  /** Scrolls to where the customer is, as far as the layout goes by now. */
  #settle(): void {
    for (const [id, { x, y }] of this.#scrolls) {
      const node = this.#nodes.get(id);
      if (!node) {
        this.#scrolls.delete(id);
        continue;
      }
      const target =
        node.nodeType === Node.DOCUMENT_NODE ? (node as Document).defaultView : (node as Element);
      if (!target || !("scrollTo" in target)) continue;
      target.scrollTo({ left: x, top: y, behavior: "instant" });
      const now = scrollOf(target);
      if (Math.abs(now.x - x) < 1.5 && Math.abs(now.y - y) < 1.5) this.#scrolls.delete(id);
    }
  }

  #size(): void {
    if (this.#isInner) return;
    this.frame.style.width = `${this.viewport.width}px`;
    this.frame.style.height = `${this.viewport.height}px`;
  }
}
