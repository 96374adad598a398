// What the customer does on the page, put into the stage: pointer and focus as attributes that style sheets see, the
// top layer, selections, videos.

import { Layer, type Op, OpTag } from "../../injected/protocol/messages";

type Of<T extends OpTag> = Extract<Op, { tag: T }>;

/** A video that is this many seconds off is put right. */
const DRIFT = 0.4;

export class Presence {
  readonly #marked = new Map<string, Element[]>();

  constructor(private readonly node: (id: number) => Node | undefined) {}

  apply(op: Op): void {
    switch (op.tag) {
      case OpTag.Hover:
        this.#mark("data-lado-hover", around(this.#element(op.node)));
        break;
      case OpTag.Press:
        this.#mark("data-lado-press", around(this.#element(op.node)));
        break;
      case OpTag.Focus: {
        const element = this.#element(op.node);
        const chain = element && !/^(body|html)$/.test(element.localName) ? around(element) : [];
        this.#mark("data-lado-within", chain);
        // A host has the focus that something in its shadow has (HTML "focus chain").
        this.#mark(
          "data-lado-focus",
          chain.filter((each, i) => i === 0 || chain[i - 1]?.getRootNode() === each.shadowRoot),
        );
        break;
      }
      case OpTag.Ring: {
        const element = this.#element(op.node);
        this.#mark("data-lado-ring", element ? [element] : []);
        break;
      }
      case OpTag.Select:
        this.#select(op);
        break;
      case OpTag.Caret: {
        const field = this.node(op.node) as HTMLInputElement | undefined;
        try {
          field?.setSelectionRange?.(op.start, op.end);
        } catch {
          // Not every input has a selection.
        }
        break;
      }
      case OpTag.SetLayer:
        this.#layer(op);
        break;
      case OpTag.Play:
        this.#play(op);
    }
  }

  #element(id: number): Element | null {
    const node = this.node(id);
    return node?.nodeType === Node.ELEMENT_NODE ? (node as Element) : null;
  }

  #mark(name: string, elements: Element[]): void {
    for (const element of this.#marked.get(name) ?? [])
      if (!elements.includes(element)) element.removeAttribute(name);
    for (const element of elements) if (!element.hasAttribute(name)) element.setAttribute(name, "");
    this.#marked.set(name, elements);
  }

  #select({ anchor, anchorOffset, focus, focusOffset }: Of<OpTag.Select>): void {
    const from = this.node(anchor);
    const to = this.node(focus);
    const selection = (from?.ownerDocument ?? null)?.defaultView?.getSelection();
    if (!from || !to || !selection) {
      for (const document of this.#selected) document.defaultView?.getSelection()?.removeAllRanges();
      this.#selected.clear();
      return;
    }
    if (from.ownerDocument) this.#selected.add(from.ownerDocument);
    const fit = (node: Node, offset: number) =>
      Math.min(offset, node.nodeType === Node.TEXT_NODE ? (node as Text).length : node.childNodes.length);
    selection.setBaseAndExtent(from, fit(from, anchorOffset), to, fit(to, focusOffset));
  }
  readonly #selected = new Set<Document>();

  #layer({ node, layer }: Of<OpTag.SetLayer>): void {
    const element = this.#element(node) as HTMLDialogElement | null;
    if (!element) return;
    // Dialogs take the focus when they open; the agent's keyboard stays where it is.
    const active = document.activeElement as HTMLElement | null;
    try {
      element.toggleAttribute("data-lado-fullscreen", layer === Layer.Fullscreen);
      if (layer === Layer.Modal) {
        element.removeAttribute("open");
        element.showModal();
      } else if (layer === Layer.Popover) {
        if (!element.matches(":popover-open")) element.showPopover();
      } else if (layer === Layer.None) {
        if (element.matches(":popover-open")) element.hidePopover();
        if (element.matches(":modal")) {
          const open = element.hasAttribute("open");
          element.setAttribute("open", "");
          element.close();
          if (open) element.setAttribute("open", "");
        }
      }
    } catch {
      // It is no dialog and no popover to this browser: it stays where it is in the page.
    }
    if (active && document.activeElement !== active) active.focus({ preventScroll: true });
  }

  #play({ node, paused, time, rate }: Of<OpTag.Play>): void {
    const media = this.#element(node) as HTMLMediaElement | null;
    if (!media || !/^(video|audio)$/.test(media.localName)) return;
    // The agent looks; the sound is the customer's.
    media.muted = true;
    media.playbackRate = Math.min(Math.max(rate / 1000, 0.1), 8);
    const seek = () => {
      if (Math.abs(media.currentTime - time / 1000) > DRIFT) media.currentTime = time / 1000;
    };
    if (media.readyState > 0) seek();
    else media.addEventListener("loadedmetadata", seek, { once: true });
    if (paused) media.pause();
    else media.play().catch(() => {});
  }
}

/** The element and everything it is in, out of shadow roots and frames, as far as the stage goes. */
function around(from: Element | null): Element[] {
  const chain: Element[] = [];
  for (let at: Element | null = from; at; ) {
    chain.push(at);
    const root: Node = at.getRootNode();
    const frame: Element | null = (at.ownerDocument.defaultView?.frameElement as Element | null) ?? null;
    at =
      at.parentElement ??
      (root as ShadowRoot).host ??
      (frame && !frame.classList.contains("stage") ? frame : null);
  }
  return chain;
}
