// Text and values into fields, so that the page's own code notices: frameworks listen to `input` and `change`.

import { activeElement } from "../capture/active";
import * as dom from "../capture/dom";
import { isField } from "../capture/fields";
import { isEnabled, realmOf } from "./act";

const PRESSED = "checkbox|radio|file|button|submit|reset|image|hidden|color|range";
const UNTYPED = new RegExp(`${PRESSED}|date|time|month|week`);

const typeOf = (input: Element): string => dom.input.type(input as HTMLInputElement);

/** Whether an input keeps Enter in another one from submitting a form without a button (WHATWG HTML 4.10.22.2). */
export function blocks(input: Element): boolean {
  return !new RegExp(PRESSED).test(typeOf(input));
}

/** Whether people give a field a value: not what is hidden, pressed or ticked. */
export function takesValue(field: Element): boolean {
  const set = dom.localName(field) !== "input" || /color|range/.test(typeOf(field)) || blocks(field);
  return set && isField(field);
}

/** Longer texts go in as if pasted: no key events for each character. */
const LONGEST_TYPED = 200;

/** Fields that were edited and owe the page a `change` event. */
const owing = new WeakSet<Element>();

/** The text field that an element is or stands in, or null. */
export function editable(element: Element, up: (node: Node) => Node | null): HTMLElement | null {
  if (dom.localName(element) === "textarea") return element as HTMLElement;
  if (dom.localName(element) === "input")
    return UNTYPED.test(typeOf(element)) ? null : (element as HTMLElement);
  let host: HTMLElement | null = null;
  for (let at: Node | null = element; at && dom.isElement(at); at = up(at)) {
    if ((at as HTMLElement).isContentEditable) host = at as HTMLElement;
  }
  return host;
}

/** Types text at the caret of the focused field, until the page moves the caret out of it. */
export function insert(field: HTMLElement, text: string): void {
  if (text.length > LONGEST_TYPED) {
    put(field, "insertText", text);
    return;
  }
  for (const char of text) {
    if (!hasCaret(field)) return;
    const key = { key: char, bubbles: true, cancelable: true, composed: true };
    const { KeyboardEvent } = realmOf(field);
    const wanted =
      dom.dispatch(field, new KeyboardEvent("keydown", key)) &&
      dom.dispatch(field, new KeyboardEvent("keypress", { ...key, charCode: char.codePointAt(0) }));
    if (wanted && isEnabled(field)) put(field, "insertText", char);
    dom.dispatch(field, new KeyboardEvent("keyup", key));
  }
}

/** Fields that take the next digit by themselves move the focus on: where it goes nobody has asked for leave. */
function hasCaret(field: HTMLElement): boolean {
  const active = activeElement();
  return (
    active === null ||
    active === field ||
    active === dom.ownerDocument(field)?.body ||
    dom.contains(field, active)
  );
}

export type Edit = "insertText" | "insertParagraph" | "insertLineBreak" | "delete" | "forwardDelete";

/** One edit at the caret: by the browser's own editor, which fires the events, or by hand where it declines. */
export function put(field: HTMLElement, edit: Edit, text = ""): void {
  if (!hasCaret(field)) return;
  const { ownerDocument } = field;
  const before = isField(field) ? textIn(field) : null;
  if (
    ownerDocument.execCommand(edit, false, text) &&
    (before === null || before !== textIn(field) || edit !== "insertText")
  ) {
    owing.add(field);
    return;
  }
  if (before === null) return;
  const { InputEvent } = realmOf(field);
  const inputType =
    edit === "delete" ? "deleteContentBackward" : edit === "forwardDelete" ? "deleteContentForward" : edit;
  const init = { inputType, data: text || null, bubbles: true, composed: true };
  if (!dom.dispatch(field, new InputEvent("beforeinput", { ...init, cancelable: true }))) return;
  const { selectionStart, selectionEnd } = field as HTMLInputElement;
  let start = selectionStart ?? before.length;
  let end = selectionEnd ?? before.length;
  if (start === end && edit === "delete") start = Math.max(0, start - 1);
  if (start === end && edit === "forwardDelete") end++;
  const piece = edit === "insertLineBreak" || edit === "insertParagraph" ? "\n" : text;
  write(field, before.slice(0, start) + piece + before.slice(end));
  if (selectionStart !== null) {
    (field as HTMLInputElement).setSelectionRange(start + piece.length, start + piece.length);
  }
  owing.add(field);
  dom.dispatch(field, new InputEvent("input", init));
}

export function textIn(field: Element): string {
  switch (dom.localName(field)) {
    case "textarea":
      return dom.textarea.value(field as HTMLTextAreaElement);
    case "select":
      return dom.select.value(field as HTMLSelectElement);
    default:
      return dom.input.value(field as HTMLInputElement);
  }
}

/** The browser's own setter, past the ones that frameworks put on the element to know what they set themselves. */
function write(field: Element, value: string): void {
  switch (dom.localName(field)) {
    case "textarea":
      dom.textarea.setValue(field as HTMLTextAreaElement, value);
      break;
    case "select":
      dom.select.setValue(field as HTMLSelectElement, value);
      break;
    default:
      dom.input.setValue(field as HTMLInputElement, value);
  }
}

/** The whole value of a field, with its `input` event. */
export function setValue(field: Element, value: string): void {
  write(field, value);
  const { Event } = realmOf(field);
  dom.dispatch(field, new Event("input", { bubbles: true, composed: true }));
}

export function changed(field: Element): void {
  owing.delete(field);
  const { Event } = realmOf(field);
  dom.dispatch(field, new Event("change", { bubbles: true }));
}

/** Before Enter submits: the `change` that the browser fires for a real one, and not a second time on blur. */
export function settle(field: Element): void {
  if (!owing.has(field)) return;
  changed(field);
  const told = textIn(field);
  dom.listen(
    realmOf(field),
    "change",
    (event: Event) => {
      if (event.isTrusted && event.target === field && textIn(field) === told)
        event.stopImmediatePropagation();
    },
    { capture: true, once: true },
  );
}
