// What form controls hold beside their attributes: values, checked state, selected options.

import { MASK, type Op, OpTag } from "../protocol/messages";
import * as dom from "./dom";

export function isField(element: Element): boolean {
  return isFieldName(dom.localName(element)) && dom.namespaceUri(element) === dom.XHTML;
}

export function isFieldName(name: string): boolean {
  return name === "input" || name === "textarea" || name === "select";
}

/** What a field of the page holds, or null where that is nothing an agent may see. */
export type State =
  | { kind: "value"; value: string; initial: string }
  | { kind: "checked"; checked: boolean; indeterminate: boolean; initial: boolean }
  | { kind: "selected"; options: HTMLOptionElement[]; initial: boolean };

export function stateOf(element: Element): State | null {
  switch (dom.localName(element)) {
    case "textarea": {
      const area = element as HTMLTextAreaElement;
      return { kind: "value", value: dom.textarea.value(area), initial: dom.textarea.defaultValue(area) };
    }
    case "select": {
      const list = element as HTMLSelectElement;
      const options = Array.from(dom.select.selected(list));
      // The first option of a drop-down is selected unless the markup says otherwise.
      const initial =
        dom.select.selectedIndex(list) === 0 &&
        !dom.hasAttribute(list, "multiple") &&
        !hasAny(list, "option[selected]");
      return { kind: "selected", options, initial };
    }
    default: {
      const field = element as HTMLInputElement;
      switch (dom.input.type(field)) {
        case "checkbox":
        case "radio":
          return {
            kind: "checked",
            checked: dom.input.checked(field),
            indeterminate: dom.input.indeterminate(field),
            initial: dom.input.defaultChecked(field),
          };
        // A file's path is the customer's own; buttons and hidden fields show their attribute or nothing.
        case "file":
        case "hidden":
        case "submit":
        case "button":
        case "reset":
        case "image":
          return null;
        default:
          return {
            kind: "value",
            value: dom.input.value(field),
            initial: dom.getAttribute(field, "value") ?? "",
          };
      }
    }
  }
}

/** The last thing said of each field: the same is not said twice. */
export class Said {
  #last = new WeakMap<Element, string>();

  /** The op that tells a field's state; null when it is known already, or no agent's business. */
  op(
    element: Element,
    node: number,
    masked: boolean,
    plain: (text: string) => string,
    idOf: (node: Node) => number | undefined,
  ): Op | null {
    const state = stateOf(element);
    if (!state) return null;
    let op: Op;
    let key: string;
    let initial: string;
    if (state.kind === "value") {
      const value = masked ? state.value && MASK : plain(state.value);
      op = change(node, this.#last.get(element), value);
      key = value;
      initial = masked ? "" : plain(state.initial);
    } else if (masked) {
      return null;
    } else if (state.kind === "checked") {
      const { checked, indeterminate } = state;
      op = { tag: OpTag.SetChecked, node, checked, indeterminate };
      key = `${checked} ${indeterminate}`;
      initial = `${state.initial} false`;
    } else {
      const options = state.options.map(idOf).filter((id) => id !== undefined);
      op = { tag: OpTag.SetSelected, node, options };
      key = options.join();
      initial = state.initial ? key : "-";
    }
    if ((this.#last.get(element) ?? initial) === key) return null;
    this.#last.set(element, key);
    return op;
  }

  forget(element: Element): void {
    this.#last.delete(element);
  }
}

/** Longer texts are told whole: Lado takes no parts of them. */
const MAX_SPLICED = 16_000;

/** Typing changes a letter of a text that Lado has: only that is told. */
function change(node: number, before: string | undefined, value: string): Op {
  const whole: Op = { tag: OpTag.SetValue, node, value };
  if (before === undefined || before.length + value.length > MAX_SPLICED) return whole;
  const most = Math.min(before.length, value.length);
  let at = 0;
  while (at < most && before[at] === value[at]) at++;
  // A character of two units is not cut in two.
  const inPair = (text: string, i: number): boolean => (text.charCodeAt(i) & 0xfc00) === 0xdc00;
  if (inPair(before, at) || inPair(value, at)) at--;
  let same = 0;
  while (same < most - at && before.at(-1 - same) === value.at(-1 - same)) same++;
  if (same && inPair(value, value.length - same)) same--;
  const text = value.slice(at, value.length - same);
  if (text.length === value.length) return whole;
  return { tag: OpTag.Splice, node, at, cut: before.length - same - at, text };
}

function hasAny(root: Element, selector: string): boolean {
  for (const _ of dom.query(root, selector)) return true;
  return false;
}
