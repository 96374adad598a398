// What a control is called, and whether a rule means it: the page's half of src/rules/name.rs and src/mirror/name.rs.

import * as dom from "./capture/dom";

/** A longer name is a text. */
const MAX = 80;

/** Words of letters and digits in lower case without accents, one space between them. */
function normal(text: string): string {
  return text
    .slice(0, MAX * 8)
    .replace(/\p{Cf}/gu, "")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** Several words count anywhere in a name, a single one at its beginning. Phrases in rules are normal already. */
export function isCalled(element: Element, phrases: readonly string[]): boolean {
  return names(element).some((raw) => {
    const name = normal(raw);
    if (!name || name.length > MAX) return false;
    return phrases.some((phrase) =>
      phrase.includes(" ") ? ` ${name} `.includes(` ${phrase} `) : `${name} `.startsWith(`${phrase} `),
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
      .map((id) => (id ? Array.from(dom.query(root, `#${CSS.escape(id)}`), text).slice(0, 1) : ""))
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
      out.push(text(element));
  }
  const { labels } = element as HTMLInputElement;
  if (labels instanceof NodeList) out.push(...Array.from(labels, text));
  return out;
}

/** The text inside, with what stands in for images and for other controls. */
function text(node: Node): string {
  let out = "";
  for (let child = dom.firstChild(node); child && out.length < MAX * 8; child = dom.nextSibling(child)) {
    if (!dom.isElement(child)) {
      if (dom.nodeType(child) === dom.TEXT) out += dom.data(child as Text);
      continue;
    }
    const tag = dom.localName(child);
    if (/^(script|style|template|noscript|select|textarea)$/.test(tag)) continue;
    for (const name of ["alt", "aria-label"]) out += ` ${dom.getAttribute(child, name) ?? ""} `;
    const inner = text(child);
    // Words do not run together over a line or a block.
    out += /^(br|div|p|li|td|h[1-4]|label|option)$/.test(tag) ? ` ${inner} ` : inner;
  }
  const shadow = dom.isElement(node) && dom.shadowOf(node);
  return shadow ? text(shadow) + out : out;
}
