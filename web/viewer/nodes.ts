// Nodes of the stage: made from an allow-list, set, and put where they belong.

import { NodeKind } from "../../injected/protocol/messages";
import type { TreeNode } from "../../injected/protocol/wire";
import { attribute, HTML, MATHML, SVG, tag, VOID, XLINK } from "./allow";

/** An op names a node that is not here, or does not fit: the tree went wrong and a snapshot is needed. */
export class StageError extends Error {}

export function scrollOf(target: Window | Element): { x: number; y: number } {
  return "scrollX" in target
    ? { x: target.scrollX, y: target.scrollY }
    : { x: target.scrollLeft, y: target.scrollTop };
}

export function isElement(node: Node): node is Element {
  return node.nodeType === Node.ELEMENT_NODE;
}

export function isShadow(node: Node): node is ShadowRoot {
  return node.nodeType === Node.DOCUMENT_FRAGMENT_NODE && "host" in node;
}

/** The node above, out of shadow roots and frames. */
export function parentOf(node: Node): Node | null {
  if (isShadow(node)) return node.host;
  if (node.nodeType === Node.DOCUMENT_NODE) return (node as Document).defaultView?.frameElement ?? null;
  return node.parentNode;
}

export function ownerOf(node: Node): Document {
  return node.ownerDocument ?? (node as Document);
}

type ElementItem = Extract<TreeNode, { tag: string }>;

export function create(owner: Document, item: ElementItem): Element {
  const namespace = item.kind === NodeKind.Html ? HTML : item.kind === NodeKind.Svg ? SVG : MATHML;
  let element: Element;
  const name = tag(namespace, item.tag);
  try {
    element = owner.createElementNS(name === VOID ? HTML : namespace, name);
  } catch {
    element = owner.createElementNS(HTML, VOID);
  }
  if (element.localName === "iframe") element.setAttribute("sandbox", "allow-same-origin");
  for (const [name, value] of item.attrs) setAttribute(element, name, value);
  return element;
}

export function setAttribute(element: Element, name: string, value: string | null): void {
  const allowed = value === null ? null : attribute(element, name, value);
  try {
    if (name === "xlink:href") {
      if (allowed === null) element.removeAttributeNS(XLINK, "href");
      else element.setAttributeNS(XLINK, "xlink:href", allowed);
    } else if (allowed === null) {
      // The frame's own sandbox is not the page's to take away.
      if (name.toLowerCase() !== "sandbox") element.removeAttribute(name);
    } else {
      element.setAttribute(name, allowed);
    }
  } catch {
    // Parsers make names that scripts may not set; nothing is styled by them.
  }
}

export function setValue(node: Node, value: string): void {
  const field = node as HTMLInputElement;
  if (field.localName === "input" && field.type === "file") return;
  if (["input", "textarea", "select"].includes(field.localName)) field.value = value;
}

export function shadowOf(host: Node, owner: Document): ShadowRoot | DocumentFragment {
  const element = host as Element;
  if (element.shadowRoot) return element.shadowRoot;
  try {
    return element.attachShadow({ mode: "open" });
  } catch {
    // Not every element may have one.
    return owner.createDocumentFragment();
  }
}

export function place(parent: Node, node: Node, before: Node | null): void {
  if (parent.nodeType === Node.DOCUMENT_NODE) {
    // A document takes one element and no text.
    for (const child of node.nodeType === Node.DOCUMENT_FRAGMENT_NODE ? [...node.childNodes] : [node]) {
      if (!isElement(child)) continue;
      const root = (parent as Document).documentElement;
      if (root && root !== child) throw new StageError("a document has one element");
      parent.insertBefore(child, before);
    }
    return;
  }
  try {
    parent.insertBefore(node, before);
  } catch (error) {
    throw new StageError(String(error));
  }
}

export function framesIn(node: Node): HTMLIFrameElement[] {
  if (!isElement(node)) return [];
  const frames = [...node.querySelectorAll("iframe")];
  return node.localName === "iframe" ? [node as HTMLIFrameElement, ...frames] : frames;
}

export function sheetsLoaded(document: Document): Promise<unknown> {
  const links = [...document.querySelectorAll("link")].filter((link) => link.rel && link.href && !link.sheet);
  return Promise.all(
    links.map(
      (link) =>
        new Promise<void>((resolve) => {
          link.addEventListener("load", () => resolve(), { once: true });
          link.addEventListener("error", () => resolve(), { once: true });
        }),
    ),
  );
}
