// What an element is called, to be read in a sentence.

export function labelOf(element: Element): string {
  const named = element.closest("button, a, label, [role=button], [role=link], [data-lado-lock]") ?? element;
  const field = named as HTMLInputElement;
  const text =
    named.getAttribute("aria-label") ||
    field.labels?.[0]?.textContent ||
    (/^(button|submit|reset)$/.test(field.type) && field.value) ||
    (/^(input|select|textarea|body|html)$/.test(named.localName) ? "" : named.textContent) ||
    named.getAttribute("placeholder") ||
    named.getAttribute("title");
  const short = (text ?? "").replace(/\s+/g, " ").trim();
  return short.length > 60 ? `${short.slice(0, 59)}…` : short;
}
