// Carries out what an agent asks for, as the page would see it from the customer's own mouse and keyboard.
//
// The server has checked permission, locks and masks on its mirror; locks and masks are checked here again.

import { activeElement } from "../capture/active";
import type { Capture } from "../capture/capture";
import * as dom from "../capture/dom";
import { isField } from "../capture/fields";
import { failed } from "../guard";
import { type Action, ActionTag, Button, Level, Refusal } from "../protocol/messages";
import type { Rules } from "../rules";
import { press } from "./keys";
import { everywhere, leadsTo, offer } from "./meaning";
import { changed, editable, insert, setValue, takesValue } from "./text";

/** Where synthetic events come from. */
export type Realm = Window & typeof globalThis;

const FILE = "input[type=file]";
const SUBMITS = "button,input[type=submit],input[type=image]";

/** Moves between the two ends of a drag: sliders and boards follow them. */
const DRAG_STEPS = 8;

/** How far outside of a press the text of an unmarked button is looked for. */
const UNMARKED_DEPTH = 4;

const FOCUSABLE =
  "a[href],area[href],button,input,select,textarea,summary,iframe,[tabindex],[contenteditable],audio[controls],video[controls]";

export class Actor {
  #hovered: Element | null = null;

  constructor(
    private readonly capture: Capture,
    private readonly rules: Rules,
    /** Makes an address of the site one that this browser can open. */
    private readonly toView: (url: string) => string,
    /** Shows the customer what they are asked to do themselves. */
    private readonly ask: (element: Element) => void,
  ) {}

  /** Why it was not carried out; null when it was. */
  async act(action: Action, level: Level): Promise<Refusal | null> {
    if (level < Level.Control) return Refusal.NotAllowed;
    try {
      return await this.#act(action);
    } catch (error) {
      failed(error);
      return Refusal.NotPossible;
    }
  }

  #act(action: Action): Refusal | null | Promise<Refusal | null> {
    switch (action.tag) {
      case ActionTag.Back:
        history.back();
        return null;
      case ActionTag.Forward:
        history.forward();
        return null;
      case ActionTag.Reload:
        location.reload();
        return null;
      case ActionTag.Navigate:
        if (!/^https?:\/\//i.test(action.url)) return Refusal.NotPossible;
        return this.#navigate(this.toView(action.url));
      case ActionTag.Scroll:
        return this.#scroll(action.node, action.x, action.y);
    }
    let node = this.capture.node(action.node);
    // A key to the page goes where its keyboard is.
    if (node === document && action.tag === ActionTag.Key) node = activeElement() ?? document.body;
    const element = node && (dom.isElement(node) ? node : this.capture.up(node));
    if (!element || !dom.isElement(element) || !dom.isConnected(element)) return Refusal.Gone;
    switch (action.tag) {
      case ActionTag.Click:
        return this.#opening(element, () =>
          this.#click(element, action.x, action.y, action.button, action.count),
        );
      case ActionTag.Drag:
        return this.#drag(element, action);
      case ActionTag.Hover:
        return this.#hover(element, action.x, action.y);
      case ActionTag.Focus:
        // Focus does nothing by itself, and lets the agent leave a locked field.
        focusOn(element);
        return null;
      case ActionTag.Key:
        return this.#key(element, action);
    }
    const refusal = this.#refusal(element);
    if (refusal !== null) return refusal;
    if (this.capture.masked(element)) return Refusal.Masked;
    switch (action.tag) {
      case ActionTag.Type:
        return this.#type(element, action.text);
      case ActionTag.SetValue:
        return this.#set(element, action.value);
      case ActionTag.Select:
        return this.#select(element, action.options);
    }
    return Refusal.NotPossible;
  }

  /** Locks hold on the element, what it stands in, what its label means, and the form that it would submit. */
  #refusal(element: Element): Refusal | null {
    if (this.#lock(element) !== null) return Refusal.Locked;
    for (let at: Node | null = element; at; at = this.capture.up(at)) {
      if (!dom.isElement(at)) continue;
      if (dom.localName(at) === "label") {
        const { control } = at as HTMLLabelElement;
        if (control && this.#lock(control) !== null) return Refusal.Locked;
      }
      if (dom.matches(at, SUBMITS)) {
        const { form } = at as HTMLButtonElement;
        if (form && this.#lock(form) !== null) return Refusal.Locked;
      }
    }
    return null;
  }

  /** The lock of the element, or of what it stands in. */
  #lock(element: Element): string | null {
    for (let at: Node | null = element; at; at = this.capture.up(at)) {
      const id = dom.isElement(at) ? this.rules.lock(at) : null;
      if (id !== null) return id;
    }
    return null;
  }

  /** A press meets what is at a point inside what was asked for: the server has looked at that alone. */
  #pressing(target: Element, asked: Element): Refusal | null {
    const refusal = this.#refusal(target) ?? this.#refusal(asked);
    if (refusal !== null) return refusal;
    let within = true;
    let depth = 0;
    for (let at: Node | null = target; at; at = this.capture.up(at)) {
      within &&= at !== asked;
      depth++;
      if (!dom.isElement(at)) continue;
      if (this.rules.acts(at)) {
        // Nobody can say of a control that shows none of its name whether it is a locked one.
        if (within && this.capture.masked(at)) return Refusal.Masked;
      } else if (depth <= UNMARKED_DEPTH) {
        const offered = offer(at);
        if (this.rules.names.some(({ names }) => names.includes(offered))) return Refusal.Locked;
      }
    }
    return null;
  }

  #click(element: Element, x: number, y: number, button: Button, count: number): Refusal | null {
    const { target, clientX, clientY } = aim(element, x, y, true);
    const refusal = this.#pressing(target, element);
    if (refusal !== null) return refusal;
    // Browsers open their choosers for people alone.
    const chooser = dom.matches(target, FILE) ? target : (target.closest("label")?.control ?? target);
    if (button === Button.Left && dom.matches(chooser, FILE)) {
      this.ask(dom.rect(chooser).width ? chooser : target);
      return Refusal.Asked;
    }
    // So are windows, unless the customer has just done something themselves.
    const link = button === Button.Left && target.closest("[href][target]");
    if (link && this.#opens(dom.getAttribute(link, "target") ?? "")) {
      this.ask(link);
      return Refusal.Asked;
    }
    this.#moveTo(target, clientX, clientY);
    const buttons = button === Button.Right ? 2 : button === Button.Middle ? 4 : 1;
    const realm = realmOf(target);
    const fire = (type: string, detail: number, down: boolean): boolean => {
      const Type = type.startsWith("mouse") || type === "dblclick" ? realm.MouseEvent : realm.PointerEvent;
      return dom.dispatch(
        target,
        new Type(type, {
          ...mouse(realm, clientX, clientY),
          button,
          buttons: down ? buttons : 0,
          detail,
          pointerId: 1,
          pointerType: "mouse",
          isPrimary: true,
          pressure: down ? 0.5 : 0,
        } as PointerEventInit),
      );
    };
    for (let n = 1; n <= Math.min(Math.max(count, 1), 3); n++) {
      const pressed = fire("pointerdown", 0, true);
      // Compatibility events follow unless the page prevented the pointer's (Pointer Events §11).
      const kept = pressed ? fire("mousedown", n, true) : true;
      if (kept) focusOn(target);
      fire("pointerup", 0, false);
      if (pressed) fire("mouseup", n, false);
      // What was pressed may have gone meanwhile, or become locked.
      if (!dom.isConnected(target)) return null;
      const refusal = this.#pressing(target, element);
      if (refusal !== null) return refusal;
      if (button === Button.Left) fire("click", n, false);
      else if (button === Button.Middle) fire("auxclick", n, false);
      else fire("contextmenu", 0, false);
      if (n === 2 && button === Button.Left) fire("dblclick", 2, false);
    }
    return null;
  }

  /** Browsers may not open the window that a script asks for: then the customer is asked to press themselves. */
  #opening(element: Element, act: () => Refusal | null): Refusal | null {
    const realm = realmOf(element);
    const { open } = realm;
    let blocked = false;
    const watched: typeof open = (...args) => {
      const opened = open.apply(realm, args);
      // Who wants no opener gets no window to look at either.
      blocked ||= !opened && !/noopener|noreferrer/.test(args[2] ?? "");
      return opened;
    };
    realm.open = watched;
    try {
      const refusal = act();
      if (refusal !== null || !blocked) return refusal;
      this.ask(element);
      return Refusal.Asked;
    } finally {
      if (realm.open === watched) realm.open = open;
    }
  }

  /** Whether the name of a window means one that the browser would not open now. */
  #opens(name: string): boolean {
    if (/^(_self|_parent|_top)?$/i.test(name) || navigator.userActivation?.isActive) return false;
    return !Array.from(dom.query(document, "iframe,frame")).some(
      (frame) => (frame as HTMLIFrameElement).name === name,
    );
  }

  async #drag(element: Element, action: Extract<Action, { tag: ActionTag.Drag }>): Promise<Refusal | null> {
    const end = this.capture.node(action.to);
    if (!end || !dom.isElement(end) || !dom.isConnected(end)) return Refusal.Gone;
    const from = aim(element, action.x, action.y, true);
    const to = aim(end, action.toX, action.toY, false);
    const before = this.#pressing(from.target, element) ?? this.#pressing(to.target, end);
    if (before !== null) return before;
    if (dom.matches(from.target, "input[type=range]"))
      return this.#slide(from.target as HTMLInputElement, to.clientX);
    const realm = realmOf(from.target);
    const fire = (
      at: Element,
      type: string,
      x: number,
      y: number,
      held: boolean,
      data?: DataTransfer,
    ): boolean => {
      const Type = data ? realm.DragEvent : type.startsWith("mouse") ? realm.MouseEvent : realm.PointerEvent;
      const init = { ...mouse(realm, x, y), button: type.endsWith("move") ? -1 : 0, buttons: held ? 1 : 0 };
      const pointer = { pointerId: 1, pointerType: "mouse", isPrimary: true, dataTransfer: data };
      return dom.dispatch(at, new Type(type, { ...init, ...pointer } as DragEventInit));
    };
    const both = (at: Element, what: string, x: number, y: number, held: boolean): void => {
      fire(at, `pointer${what}`, x, y, held);
      fire(at, `mouse${what}`, x, y, held);
    };
    this.#moveTo(from.target, from.clientX, from.clientY);
    both(from.target, "down", from.clientX, from.clientY, true);
    // Pages begin a drag, and measure what it is over, in the frame after each event.
    await nextFrame();
    const dragged = from.target.closest("[draggable=true]");
    const data = dragged ? new realm.DataTransfer() : undefined;
    if (dragged && !fire(dragged, "dragstart", from.clientX, from.clientY, true, data)) return null;
    let over: Element = from.target;
    let takes = false;
    for (let step = 1; step <= DRAG_STEPS; step++) {
      await nextFrame();
      const x = from.clientX + ((to.clientX - from.clientX) * step) / DRAG_STEPS;
      const y = from.clientY + ((to.clientY - from.clientY) * step) / DRAG_STEPS;
      const below = (dom.rootOf(element) as Document).elementFromPoint?.(x, y) ?? to.target;
      if (data) {
        if (below !== over) fire(below, "dragenter", x, y, true, data);
        if (below !== over) fire(over, "dragleave", x, y, true, data);
        // Who takes what is dropped says so by preventing (HTML "drag-and-drop processing model").
        takes = !fire(below, "dragover", x, y, true, data);
      } else both(below, "move", x, y, true);
      over = below;
    }
    await nextFrame();
    // What it ends on may have come meanwhile.
    const refusal = this.#pressing(over, end);
    if (data && takes && refusal === null) fire(over, "drop", to.clientX, to.clientY, false, data);
    if (dragged) fire(dragged, "dragend", to.clientX, to.clientY, false, data);
    else if (refusal !== null) fire(from.target, "pointercancel", to.clientX, to.clientY, false);
    else both(over, "up", to.clientX, to.clientY, false);
    return refusal;
  }

  /** Browsers move a slider's thumb for people alone. */
  #slide(slider: HTMLInputElement, clientX: number): Refusal | null {
    if (this.capture.masked(slider)) return Refusal.Masked;
    if (!isEnabled(slider)) return Refusal.NotPossible;
    const { left, width } = dom.rect(slider);
    const [min, max] = [Number(slider.min || 0), Number(slider.max || 100)];
    const share = Math.min(1, Math.max(0, (clientX - left) / width));
    focusOn(slider);
    setValue(slider, String(min + (max - min) * share));
    changed(slider);
    return null;
  }

  #hover(element: Element, x: number, y: number): Refusal | null {
    const { target, clientX, clientY } = aim(element, x, y, false);
    this.#moveTo(target, clientX, clientY);
    return null;
  }

  /** The mouse leaves what it was over, enters the target and moves on it. */
  #moveTo(target: Element, clientX: number, clientY: number): void {
    const before = this.#hovered && dom.isConnected(this.#hovered) ? this.#hovered : null;
    const path = (from: Element | null): Element[] => {
      const all: Element[] = [];
      for (let at: Node | null = from; at; at = this.capture.up(at)) if (dom.isElement(at)) all.push(at);
      return all;
    };
    const fire = (at: Element, type: string, bubbles: boolean, relatedTarget: Element | null): void => {
      const realm = realmOf(at);
      for (const [prefix, Type] of [
        ["pointer", realm.PointerEvent] as const,
        ["mouse", realm.MouseEvent] as const,
      ]) {
        const init = { ...mouse(realm, clientX, clientY), bubbles, cancelable: bubbles, relatedTarget };
        dom.dispatch(at, new Type(prefix + type, init));
      }
    };
    if (before !== target) {
      const [left, entered] = [path(before), path(target)];
      if (before) fire(before, "out", true, target);
      for (const each of left) if (!entered.includes(each)) fire(each, "leave", false, target);
      fire(target, "over", true, before);
      for (const each of entered.reverse()) if (!left.includes(each)) fire(each, "enter", false, before);
      this.#hovered = target;
    }
    fire(target, "move", true, null);
  }

  /** Nowhere that a locked link or form of the page goes: where masked ones go, the server has not been told. */
  #navigate(url: string): Refusal | null {
    for (const element of everywhere(document)) {
      const leads = ["href", "action", "formaction"].some((name) => {
        const address = dom.getAttribute(element, name)?.trim();
        return address && address[0] !== "#" && leadsTo(address, dom.baseUri(element), url, this.toView);
      });
      if (!leads) continue;
      const { elements = [] } = element as HTMLFormElement;
      for (const each of [element, ...elements]) {
        const refusal = each === element || dom.matches(each, SUBMITS) ? this.#refusal(each) : null;
        if (refusal !== null) return refusal;
      }
    }
    location.assign(url);
    return null;
  }

  #scroll(id: number, left: number, top: number): Refusal | null {
    const node = this.capture.node(id);
    if (!node) return Refusal.Gone;
    const to: ScrollToOptions = { left, top, behavior: "instant" };
    if (dom.nodeType(node) === dom.DOCUMENT) dom.viewOf(node as Document)?.scrollTo(to);
    else if (dom.isElement(node)) node.scrollTo(to);
    else return Refusal.NotPossible;
    return null;
  }

  #type(element: Element, text: string): Refusal | null {
    const field = editable(element, this.capture.up);
    if (!field || !isEnabled(field)) return Refusal.NotPossible;
    if (activeElement() !== field) focusOn(field, true);
    // A page that moves the focus elsewhere decides where typing goes; it must be allowed there, too.
    const active = activeElement();
    const where = active && active !== field ? editable(active, this.capture.up) : field;
    if (!where) return Refusal.NotPossible;
    const refusal = where === field ? null : this.#refusal(where);
    if (refusal !== null) return refusal;
    if (this.capture.masked(where)) return Refusal.Masked;
    insert(where, text);
    return null;
  }

  #key(element: Element, key: Extract<Action, { tag: ActionTag.Key }>): Refusal | null {
    const field = editable(element, this.capture.up);
    const target = field ?? element;
    if (key.key !== "Tab") {
      const refusal = this.#refusal(target);
      if (refusal !== null) return refusal;
      const isTaken = key.key !== "Escape" && target !== document.body;
      if (isTaken && this.capture.masked(target)) return Refusal.Masked;
    }
    if (activeElement() !== target) focusOn(target, true);
    return press(target, field, key, (pressed) => this.#refusal(pressed));
  }

  /** A value where people give one; which option of a list it means is for the browser to say. */
  #set(element: Element, value: string): Refusal | null {
    if (!takesValue(element) || !isEnabled(element)) return Refusal.NotPossible;
    for (const option of dom.query(element, "option")) {
      const refusal = this.#refusal(option);
      if (refusal !== null) return refusal;
    }
    focusOn(element);
    setValue(element, value);
    changed(element);
    return null;
  }

  #select(element: Element, ids: readonly number[]): Refusal | null {
    if (dom.localName(element) !== "select" || !isEnabled(element)) return Refusal.NotPossible;
    const wanted = new Set(ids.map((id) => this.capture.node(id)));
    const options = Array.from(dom.query(element, "option") as Iterable<HTMLOptionElement>);
    for (const option of options) {
      const on = wanted.has(option);
      if (on && option.disabled) return Refusal.NotPossible;
      // What is locked is not taken away either.
      const refusal = on === dom.optionSelected.get(option) ? null : this.#refusal(option);
      if (refusal !== null) return refusal;
    }
    focusOn(element);
    for (const option of options) {
      const on = wanted.has(option);
      // In a drop-down, selecting one deselects the others; deselecting would select the first.
      if (on || (element as HTMLSelectElement).multiple) dom.optionSelected.set(option, on);
    }
    const { Event } = realmOf(element);
    dom.dispatch(element, new Event("input", { bubbles: true, composed: true }));
    changed(element);
    return null;
  }
}

/** The next frame, or soon where the browser shows none. */
function nextFrame(): Promise<unknown> {
  return new Promise((done) => {
    dom.frame(done);
    dom.timeout(() => done(0), 100);
  });
}

export function realmOf(node: Node): Realm {
  return ((dom.viewOf(dom.ownerDocument(node) as Document) as Realm | null) ?? window) as Realm;
}

export function isEnabled(element: Element): boolean {
  return !dom.matches(element, ":disabled,[readonly],[inert] *");
}

/** Gives keyboard focus to the element or what it stands in; to nothing when nothing of that takes it. */
export function focusOn(element: Element, caretAtEnd = false): void {
  const focusable = element.closest(FOCUSABLE) as HTMLElement | null;
  const active = activeElement() as HTMLElement | null;
  if (!focusable) {
    // A label's click brings the focus to its control by itself; anything else takes it away.
    if (active && active !== document.body && !element.closest("label")) active.blur();
    return;
  }
  if (active === focusable) return;
  focusable.focus({ preventScroll: true });
  if (!caretAtEnd && !isField(focusable)) return;
  try {
    const field = focusable as HTMLInputElement;
    const end = field.value?.length ?? 0;
    field.setSelectionRange?.(end, end);
  } catch {
    // Not for inputs without a text caret, such as number and e-mail (WHATWG HTML 4.10.20).
  }
}

function mouse(view: Realm, clientX: number, clientY: number): MouseEventInit {
  return {
    bubbles: true,
    cancelable: true,
    composed: true,
    view,
    clientX,
    clientY,
    screenX: clientX + view.screenX,
    screenY: clientY + view.screenY,
  };
}

/** The point inside the element, brought into the window, and what of the element or in it is there. */
function aim(
  element: Element,
  x: number,
  y: number,
  into: boolean,
): { target: Element; clientX: number; clientY: number } {
  const { innerWidth, innerHeight } = realmOf(element);
  const at = (): [number, number] => {
    const box = dom.rect(element);
    return [
      box.left + (box.width * Math.min(x, 1000)) / 1000,
      box.top + (box.height * Math.min(y, 1000)) / 1000,
    ];
  };
  let [clientX, clientY] = at();
  if (into && (clientX < 0 || clientY < 0 || clientX >= innerWidth || clientY >= innerHeight)) {
    element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    [clientX, clientY] = at();
  }
  let target = element;
  for (let root = dom.rootOf(element) as Document | ShadowRoot; ; ) {
    const hit = root.elementFromPoint?.(clientX, clientY);
    if (!hit || hit === target || !dom.contains(target.getRootNode() === root ? target : root, hit)) break;
    target = hit;
    const inner = dom.shadowOf(hit);
    if (!inner) break;
    root = inner;
  }
  return { target, clientX, clientY };
}
