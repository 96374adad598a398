// One key press with its default effect, which browsers do not give to synthetic events.

import { activeElement } from "../capture/active";
import * as dom from "../capture/dom";
import type { Refusal } from "../protocol/messages";
import { focusOn, isEnabled, realmOf } from "./act";
import { blocks, changed, put, settle, setValue, textIn } from "./text";

interface Key {
  key: string;
  shift: boolean;
  ctrl: boolean;
  alt: boolean;
  meta: boolean;
}

const CODES: Record<string, number> = {
  Backspace: 8,
  Tab: 9,
  Enter: 13,
  Escape: 27,
  " ": 32,
  PageUp: 33,
  PageDown: 34,
  End: 35,
  Home: 36,
  ArrowLeft: 37,
  ArrowUp: 38,
  ArrowRight: 39,
  ArrowDown: 40,
  Delete: 46,
};

const TABBABLE =
  "a[href],area[href],button:not(:disabled),input:not(:disabled):not([type=hidden]),select:not(:disabled),textarea:not(:disabled),summary,[tabindex],[contenteditable]";

/** `refuses` says whether something else that the key would press may not be. */
export function press(
  target: Element,
  field: HTMLElement | null,
  key: Key,
  refuses: (pressed: Element) => Refusal | null,
): Refusal | null {
  const { KeyboardEvent } = realmOf(target);
  const code = CODES[key.key] ?? 0;
  const init = {
    key: key.key,
    code: key.key === " " ? "Space" : key.key,
    keyCode: code,
    which: code,
    shiftKey: key.shift,
    ctrlKey: key.ctrl,
    altKey: key.alt,
    metaKey: key.meta,
    bubbles: true,
    cancelable: true,
    composed: true,
  };
  // A submit that is locked must not be reached by the page's own handlers of Enter either.
  const submits = key.key === "Enter" ? submission(target) : null;
  const closes = key.key === "Escape" ? inFront(target) : null;
  const locked = submits
    ? (refuses(submits.form) ?? (submits.button && refuses(submits.button)))
    : closes && refuses(closes);
  if (locked !== null && locked !== undefined) return locked;
  let goes = dom.dispatch(target, new KeyboardEvent("keydown", init));
  if (goes && (key.key === "Enter" || key.key.length === 1))
    goes = dom.dispatch(target, new KeyboardEvent("keypress", init));
  const refusal = goes && dom.isConnected(target) ? effect(target, field, key, submits, refuses) : null;
  const now = activeElement() ?? target;
  dom.dispatch(dom.isConnected(target) ? now : document.body, new KeyboardEvent("keyup", init));
  return refusal;
}

interface Submission {
  form: HTMLFormElement;
  button: HTMLElement | null;
}

/** What Enter in a field submits, and the button that it presses for that. */
function submission(target: Element): Submission | null {
  if (!dom.matches(target, "input")) return null;
  const { form } = target as HTMLInputElement;
  if (!form) return null;
  const button = Array.from(form.elements).find((each) =>
    dom.matches(each, "button:not([type=button],[type=reset]),input[type=submit],input[type=image]"),
  );
  // Image buttons are not among a form's elements.
  return { form, button: (button as HTMLElement) ?? null };
}

function effect(
  target: Element,
  field: HTMLElement | null,
  key: Key,
  submits: Submission | null,
  refuses: (pressed: Element) => Refusal | null,
): Refusal | null {
  if (key.ctrl || key.meta) {
    if (key.key.toLowerCase() === "a" && field) selectAll(field);
    return null;
  }
  switch (key.key) {
    case "Enter":
      return enter(target, field, key, submits);
    case " ":
      if (field) put(field, "insertText", " ");
      else if (
        dom.matches(
          target,
          "button,summary,input[type=checkbox],input[type=radio],input[type=submit],input[type=button]",
        )
      ) {
        click(target);
      }
      return null;
    case "Tab":
      tab(target, key.shift);
      return null;
    case "Backspace":
      if (field && isEnabled(field)) put(field, "delete");
      return null;
    case "Delete":
      if (field && isEnabled(field)) put(field, "forwardDelete");
      return null;
    case "Escape":
      return dismiss(target, refuses);
    case "ArrowLeft":
    case "ArrowRight":
    case "ArrowUp":
    case "ArrowDown":
    case "Home":
    case "End":
    case "PageUp":
    case "PageDown":
      return arrow(target, field, key, refuses);
    default:
      if (key.key.length === 1 && field && isEnabled(field)) put(field, "insertText", key.key);
      return null;
  }
}

function click(target: Element): void {
  const realm = realmOf(target);
  dom.dispatch(
    target,
    new realm.PointerEvent("click", { bubbles: true, cancelable: true, composed: true, view: realm }),
  );
}

function enter(
  target: Element,
  field: HTMLElement | null,
  key: Key,
  submits: Submission | null,
): Refusal | null {
  if (field && dom.localName(field) === "textarea") {
    if (isEnabled(field)) put(field, "insertText", "\n");
  } else if (field && dom.localName(field) !== "input") {
    put(field, key.shift ? "insertLineBreak" : "insertParagraph");
  } else if (submits) {
    settle(target);
    const { form, button } = submits;
    if (button) {
      if (!dom.matches(button, ":disabled")) click(button);
    } else if (Array.from(dom.query(form, "input")).filter(blocks).length < 2) {
      form.requestSubmit();
    }
  } else if (dom.matches(target, "a[href],button,summary,area[href]")) {
    click(target);
  } else if (dom.localName(target) === "input") {
    settle(target);
  }
  return null;
}

function tab(target: Element, back: boolean): void {
  const all = Array.from(dom.query(dom.ownerDocument(target) as Document, TABBABLE)).filter(
    (each) => each === target || ((each as HTMLElement).tabIndex >= 0 && each.getClientRects().length > 0),
  );
  const at = all.indexOf(target);
  const next = all[(at + (back ? all.length - 1 : 1)) % all.length];
  if (!next) return;
  focusOn(next, true);
  if (dom.localName(next) === "input") selectAll(next as HTMLElement);
}

/** What Escape closes, wherever the keyboard is. */
function inFront(target: Element): HTMLElement | undefined {
  const open = dom.query(document, "dialog:modal,[popover]:not([popover=manual]):popover-open");
  return (target.closest("dialog[open]") ?? Array.from(open).at(-1)) as HTMLElement | undefined;
}

function dismiss(target: Element, refuses: (pressed: Element) => Refusal | null): Refusal | null {
  const open = inFront(target);
  const refusal = open ? refuses(open) : null;
  if (!open || refusal !== null) return refusal;
  if (dom.localName(open) !== "dialog") open.hidePopover();
  else {
    const { Event } = realmOf(open);
    if (dom.dispatch(open, new Event("cancel", { cancelable: true }))) (open as HTMLDialogElement).close();
  }
  return null;
}

function selectAll(field: HTMLElement): void {
  if ("select" in field) (field as HTMLInputElement).select();
  else field.ownerDocument.getSelection()?.selectAllChildren(field);
}

function arrow(
  target: Element,
  field: HTMLElement | null,
  key: Key,
  refuses: (pressed: Element) => Refusal | null,
): Refusal | null {
  const back = /Left|Up|Home/.test(key.key);
  const sideways = /Left|Right/.test(key.key);
  const isArrow = key.key[0] === "A";
  const edge = /Home|End/.test(key.key);
  if (dom.localName(target) === "select") {
    const list = target as HTMLSelectElement;
    const options = Array.from(list.options).filter((option) => !option.disabled);
    const now = options.findIndex((option) => option.selected);
    const next = options[edge ? (back ? 0 : options.length - 1) : now + (back ? -1 : 1)];
    if (!next || next.selected) return null;
    const refusal = refuses(next);
    if (refusal !== null) return refusal;
    setValue(list, next.value);
    changed(list);
  } else if (isArrow && dom.matches(target, "input[type=radio]")) {
    const { name, form } = target as HTMLInputElement;
    const group = Array.from(
      dom.query(dom.rootOf(target), "input[type=radio]") as Iterable<HTMLInputElement>,
    ).filter((radio) => radio.name === name && radio.form === form && !radio.disabled);
    const next =
      group[(group.indexOf(target as HTMLInputElement) + (back ? group.length - 1 : 1)) % group.length];
    if (!next || next === target) return null;
    const refusal = refuses(next);
    if (refusal !== null) return refusal;
    focusOn(next);
    click(next);
  } else if (
    isArrow &&
    dom.matches(target, sideways ? "input[type=range]" : "input[type=number],input[type=range]")
  ) {
    const input = target as HTMLInputElement;
    const before = textIn(input);
    if (back !== sideways) input.stepUp();
    else input.stepDown();
    if (textIn(input) !== before) setValue(input, textIn(input));
  } else if (field && "selectionStart" in field) {
    moveCaret(field as HTMLInputElement, key, back, !sideways);
  } else if (field) {
    const unit = edge ? "lineboundary" : sideways ? "character" : "line";
    field.ownerDocument
      .getSelection()
      ?.modify(key.shift ? "extend" : "move", back ? "backward" : "forward", unit);
  } else if (!dom.matches(target, "input")) scroll(target, key.key, sideways, back);
  return null;
}

/** Scrolls the nearest thing around that can, as browsers do with keys that nobody takes. */
function scroll(target: Element, key: string, sideways: boolean, back: boolean): void {
  const { documentElement, scrollingElement } = dom.ownerDocument(target) as Document;
  for (let at: Element | null = target; at; ) {
    const box = at === documentElement ? (scrollingElement ?? at) : at;
    const length = key[0] === "A" ? 40 : key[0] === "P" ? box.clientHeight * 0.9 : 1e7;
    const before = box.scrollTop + box.scrollLeft;
    if (
      at === documentElement ||
      /auto|scroll/.test(getComputedStyle(at)[sideways ? "overflowX" : "overflowY"])
    )
      box.scrollBy({ [sideways ? "left" : "top"]: back ? -length : length, behavior: "instant" });
    if (box.scrollTop + box.scrollLeft !== before) return;
    at = at.assignedSlot ?? at.parentElement ?? (dom.rootOf(at) as ShadowRoot).host ?? null;
  }
}

function moveCaret(field: HTMLInputElement, key: Key, back: boolean, far: boolean): void {
  const { selectionStart: start, selectionEnd: end, selectionDirection } = field;
  if (start === null || end === null) return;
  const backward = selectionDirection === "backward";
  const focus = backward ? start : end;
  const anchor = backward ? end : start;
  const length = textIn(field).length;
  const moved = far ? (back ? 0 : length) : Math.min(length, Math.max(0, focus + (back ? -1 : 1)));
  if (key.shift) {
    field.setSelectionRange(
      Math.min(anchor, moved),
      Math.max(anchor, moved),
      moved < anchor ? "backward" : "forward",
    );
  } else {
    // Without shift, an arrow first leaves the selection by its side.
    const to = start !== end && !far ? (back ? start : end) : moved;
    field.setSelectionRange(to, to);
  }
}
