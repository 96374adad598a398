// What a control is called, and whether a rule means it: the page's half of src/rules/name.rs and src/mirror/name.rs.

import * as dom from "./capture/dom";

// Taken before the page can replace it.
const soon = window.queueMicrotask.bind(window);

/** A longer name is a text. */
const MAX = 80;

/** Words of letters and digits in lower case without accents, one space between them. */
export function normalName(text: string): string {
  return text
    .slice(0, MAX * 8)
    .replace(/\p{Cf}/gu, "")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/**
 * Several words count anywhere in a name, a single one at its beginning, or anywhere in that of a `field`; behind `=`
 * stands a whole name. Phrases in rules are normal already.
 */
export function isCalled(element: Element, phrases: readonly string[], field: boolean): boolean {
  return names(element).some((raw) => {
    const name = normalName(raw);
    if (!name || name.length > MAX) return false;
    return phrases.some((phrase) =>
      field || phrase.includes(" ")
        ? ` ${name} `.includes(` ${phrase} `) || `=${name}` === phrase
        : `${name} `.startsWith(`${phrase} `),
    );
  });
}

/** Every name that the element has; pages choose which one people see. */
function names(element: Element): string[] {
  const attribute = (name: string): string => dom.getAttribute(element, name) ?? "";
  const out = ["aria-label", "title", "alt"].map(attribute);
  const root = dom.rootOf(element);
  const ids = attribute("aria-labelledby").split(/\s+/).slice(0, 8);
  out.push(
    ids
      .map((id) => (id ? Array.from(dom.query(root, `#${CSS.escape(id)}`), textOf).slice(0, 1) : ""))
      .join(" "),
  );
  switch (dom.localName(element)) {
    case "input": {
      const field = element as HTMLInputElement;
      const type = dom.input.type(field);
      const pressed = type === "submit" || type === "button" || type === "reset";
      out.push(pressed ? dom.input.value(field) || type : attribute("placeholder"));
      break;
    }
    case "textarea":
      out.push(attribute("placeholder"));
      break;
    case "select":
      break;
    default:
      out.push(textOf(element));
  }
  out.push(...labelsOf(element, root).map(textOf));
  return out;
}

/** The labels of each root by what they are for, as long as nothing but this script runs. */
let known: Map<Node, Map<string, Element[]>> | null = null;

/**
 * The labels of a control: those for it, and the one around it. The browser's own list walks the whole page for each
 * control, which took longer than all the rest of a snapshot where there are thousands.
 */
function labelsOf(element: Element, root: Node): Element[] {
  if (!known) {
    known = new Map();
    soon(() => {
      known = null;
    });
  }
  let labels = known.get(root);
  if (!labels) {
    labels = new Map();
    for (const label of dom.query(root, "label[for]")) {
      const id = dom.getAttribute(label, "for") ?? "";
      const same = labels.get(id);
      if (same) same.push(label);
      else labels.set(id, [label]);
    }
    known.set(root, labels);
  }
  const id = dom.getAttribute(element, "id");
  const found = (id && labels.get(id)) || [];
  for (let up = dom.parentNode(element); up && dom.isElement(up); up = dom.parentNode(up)) {
    if (dom.localName(up) !== "label") continue;
    const control = dom.controlOf(up as HTMLLabelElement);
    return control === element && !found.includes(up) ? [...found, up] : found;
  }
  return found;
}

/** The text inside, with what stands in for images and for other controls. */
export function textOf(node: Node): string {
  let out = "";
  for (let child = dom.firstChild(node); child && out.length < MAX * 8; child = dom.nextSibling(child)) {
    if (!dom.isElement(child)) {
      if (dom.nodeType(child) === dom.TEXT) out += dom.data(child as Text);
      continue;
    }
    const tag = dom.localName(child);
    if (/^(script|style|template|noscript|select|textarea)$/.test(tag)) continue;
    for (const name of ["alt", "aria-label"]) out += ` ${dom.getAttribute(child, name) ?? ""} `;
    const inner = textOf(child);
    // Words do not run together over a line or a block.
    out += /^(br|div|p|li|td|h[1-4]|label|option)$/.test(tag) ? ` ${inner} ` : inner;
  }
  const shadow = dom.isElement(node) && dom.shadowOf(node);
  return shadow ? textOf(shadow) + out : out;
}
