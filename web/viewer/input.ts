// What the agent's mouse and keyboard do over the stage: they become actions for the customer's page. Nothing reaches
// the stage itself: the events belong to a sheet of glass above it, and the stage is only asked what lies below a point.

import { type Action, ActionTag, Button, Level } from "../../injected/protocol/messages";
import { scrollOf } from "./nodes";
import type { Stage } from "./stage";

export interface Target {
  node: number;
  element: Element;
  /** Offsets inside the element, in thousandths of its width and height. */
  x: number;
  y: number;
  /** Where the element is in the page's window, in CSS pixels. */
  box: { left: number; top: number; width: number; height: number };
}

export interface Agent {
  stage(): Stage | null;
  level(): Level;
  /** CSS pixels of the screen per CSS pixel of the page. */
  scale(): number;
  /** `quiet` actions happen by the way: their refusal is not worth a message. */
  act(action: Action, target: Target | null, quiet?: boolean): void;
  pointer(shown: boolean, x: number, y: number): void;
  /** The customer has not allowed this. */
  denied(): void;
  /** A list, date or colour to choose: browsers open theirs only for real people. */
  choose(target: Target): void;
  shortcut(code: string): void;
  leave(): void;
}

const POINTER_EVERY = 33;
const HOVER_AFTER = 90;
/** A hand that only clicks moves the mouse less than this, in CSS pixels of the page. */
const DRAG_FROM = 8;
/** A wheel's turns add up until the page has answered. */
const WHEEL_MEMORY = 350;
const KEYS = new Set([
  ..."Enter Tab Backspace Delete Escape ArrowUp ArrowDown ArrowLeft ArrowRight Home End PageUp PageDown".split(
    " ",
  ),
]);
/** A click moves the page's focus in this time, and the page says so. */
const FOCUS_WITHIN = 1000;
const TAKES_FOCUS = "input, textarea, select, button, a, summary, [contenteditable], [tabindex]";
const CHOSEN = new Set(["date", "time", "month", "week", "datetime-local", "color", "range"]);

/** Listens on the glass and on the hidden text field in it, which makes dead keys, input methods and paste work. */
export function listen(glass: HTMLElement, keys: HTMLTextAreaElement, agent: Agent): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  /** Where typing goes until the page says where its focus is. */
  let clicked = 0;
  let clickedAt = Number.NEGATIVE_INFINITY;
  /** The page's focus at the time of the click. */
  let before = 0;
  let pointed = 0;
  let hovered = 0;
  let hover: ReturnType<typeof setTimeout> | undefined;
  let scroll: { node: number; x: number; y: number; at: number } | null = null;
  let composing = false;

  const controls = () => agent.level() >= Level.Control;
  const at = (event: MouseEvent) => {
    const box = glass.getBoundingClientRect();
    const scale = agent.scale();
    return { x: (event.clientX - box.left) / scale, y: (event.clientY - box.top) / scale };
  };
  const under = (event: MouseEvent) => {
    const stage = agent.stage();
    const { x, y } = at(event);
    return stage ? hit(stage, x, y) : null;
  };

  glass.addEventListener(
    "pointermove",
    (event) => {
      const stage = agent.stage();
      if (!stage) return;
      const now = performance.now();
      const { x, y } = at(event);
      if (now - pointed >= POINTER_EVERY && agent.level() >= Level.Point) {
        pointed = now;
        const scrolled = pageScroll(stage);
        agent.pointer(true, x + scrolled.x, y + scrolled.y);
      }
      const target = hit(stage, x, y);
      glass.style.cursor = cursor(target, agent.level());
      if (!target || target.node === hovered || !controls()) return;
      clearTimeout(hover);
      hover = setTimeout(() => {
        hovered = target.node;
        agent.act({ tag: ActionTag.Hover, node: target.node, x: target.x, y: target.y }, target, true);
      }, HOVER_AFTER);
    },
    { signal },
  );
  glass.addEventListener(
    "pointerleave",
    () => {
      clearTimeout(hover);
      agent.pointer(false, 0, 0);
    },
    { signal },
  );

  // The text field keeps the keyboard: a press anywhere else would take it away.
  glass.addEventListener(
    "mousedown",
    (event) => {
      event.preventDefault();
      keys.focus({ preventScroll: true });
    },
    { signal },
  );
  // A press that is let go elsewhere is a drag.
  let pressed: { x: number; y: number; target: Target } | null = null;
  let dragged = false;
  glass.addEventListener(
    "pointerdown",
    (event) => {
      dragged = false;
      const target = event.button === 0 && controls() ? under(event) : null;
      pressed = target && { ...at(event), target };
    },
    { signal },
  );
  glass.addEventListener(
    "pointerup",
    (event) => {
      const from = pressed;
      pressed = null;
      const { x, y } = at(event);
      const to = from && under(event);
      if (!from || !to || Math.hypot(x - from.x, y - from.y) < DRAG_FROM) return;
      dragged = true;
      agent.act(
        {
          tag: ActionTag.Drag,
          node: from.target.node,
          x: from.target.x,
          y: from.target.y,
          to: to.node,
          toX: to.x,
          toY: to.y,
        },
        from.target,
      );
    },
    { signal },
  );
  const click = (event: MouseEvent) => {
    event.preventDefault();
    if (dragged) {
      dragged = false;
      return;
    }
    const target = under(event);
    if (!target) return;
    if (!controls()) return agent.denied();
    const taker = target.element.closest(TAKES_FOCUS);
    clicked = (taker && agent.stage()?.id(taker)) || target.node;
    clickedAt = taker ? performance.now() : Number.NEGATIVE_INFINITY;
    before = agent.stage()?.focus ?? 0;
    const locked = target.element.closest("[data-lado-lock]") !== null;
    const field = target.element.closest("select, input");
    if (event.button === 0 && !locked && field && chosen(field)) {
      const stage = agent.stage();
      const node = stage?.id(field);
      if (node !== undefined) return agent.choose({ ...target, node, element: field, ...boxOf(field) });
    }
    const button = event.button === 2 ? Button.Right : event.button === 1 ? Button.Middle : Button.Left;
    const { node, x, y } = target;
    agent.act(
      { tag: ActionTag.Click, node, x, y, button, count: Math.min(Math.max(event.detail, 1), 3) },
      target,
    );
  };
  for (const type of ["click", "auxclick", "contextmenu"] as const) {
    glass.addEventListener(
      type,
      (event) => {
        // A right click comes as contextmenu and, in some browsers, as auxclick too.
        if (type === "auxclick" && event.button === 2) return event.preventDefault();
        click(event as MouseEvent);
      },
      { signal },
    );
  }

  glass.addEventListener(
    "wheel",
    (event) => {
      // Pinch and zoom stay the browser's.
      if (event.ctrlKey) return;
      event.preventDefault();
      const stage = agent.stage();
      if (!stage) return;
      if (!controls()) return agent.denied();
      const point = at(event);
      const unit = event.deltaMode === 1 ? 32 : event.deltaMode === 2 ? stage.viewport.height : 1;
      const dx = event.deltaX * unit;
      const dy = event.deltaY * unit;
      const { node, x, y, maxX, maxY } = scrollable(stage, point.x, point.y, dx, dy);
      const now = performance.now();
      const from = scroll && scroll.node === node && now - scroll.at < WHEEL_MEMORY ? scroll : { x, y };
      scroll = { node, x: clamp(from.x + dx, maxX), y: clamp(from.y + dy, maxY), at: now };
      agent.act(
        { tag: ActionTag.Scroll, node, x: Math.round(scroll.x), y: Math.round(scroll.y) },
        null,
        true,
      );
    },
    { signal, passive: false },
  );

  const typed = () => {
    const text = keys.value;
    keys.value = "";
    const node = focused();
    if (text === "" || node === 0) return;
    const lines = text.split(/\r\n|\r|\n/);
    lines.forEach((line, index) => {
      if (index > 0) agent.act(press(node, "Enter"), null);
      if (line) agent.act({ tag: ActionTag.Type, node, text: line }, null);
    });
  };
  const focused = () => {
    const stage = agent.stage();
    if (!stage) return 0;
    const there = stage.node(clicked) ? clicked : 0;
    // Who types right after a click is not to type into the field before: the page answers a little later.
    const early = stage.focus === before && performance.now() - clickedAt < FOCUS_WITHIN;
    return early ? there || stage.focus : stage.focus || there;
  };
  keys.addEventListener("compositionstart", () => (composing = true), { signal });
  keys.addEventListener(
    "compositionend",
    () => {
      composing = false;
      typed();
    },
    { signal },
  );
  keys.addEventListener("input", () => composing || typed(), { signal });
  keys.addEventListener(
    "keydown",
    (event) => {
      if (event.isComposing || composing) return;
      if (event.code === "F6") {
        event.preventDefault();
        return agent.leave();
      }
      if (event.altKey && event.shiftKey && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        return agent.shortcut(event.code);
      }
      if (!controls()) {
        // Without control the keyboard stays the agent's own.
        if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) {
          event.preventDefault();
          agent.denied();
        }
        return;
      }
      const combination = event.ctrlKey || event.metaKey;
      if (!KEYS.has(event.key) && !(combination && event.key.toLowerCase() === "a")) return;
      event.preventDefault();
      const node = focused() || 1;
      const { shiftKey: shift, ctrlKey: ctrl, altKey: alt, metaKey: meta } = event;
      agent.act({ ...press(node, event.key), shift, ctrl, alt, meta }, null);
    },
    { signal },
  );
  return () => {
    clearTimeout(hover);
    stop.abort();
  };
}

function press(node: number, key: string) {
  return { tag: ActionTag.Key as const, node, key, shift: false, ctrl: false, alt: false, meta: false };
}

/** The deepest element below a point of the page's window, through shadow roots and frames. */
export function hit(stage: Stage, x: number, y: number): Target | null {
  const page = stage.document;
  if (!page) return null;
  let place: Document | ShadowRoot = page;
  let element: Element | null = null;
  let left = 0;
  let top = 0;
  for (;;) {
    const below: Element | null = place.elementFromPoint(x - left, y - top);
    if (!below || below === element) break;
    element = below;
    if (below.shadowRoot) {
      place = below.shadowRoot;
      continue;
    }
    const inner: Document | null =
      below.localName === "iframe" ? (below as HTMLIFrameElement).contentDocument : null;
    if (!inner || stage.id(inner) === undefined) break;
    const box = below.getBoundingClientRect();
    left += box.left + below.clientLeft;
    top += box.top + below.clientTop;
    place = inner;
  }
  while (element && stage.id(element) === undefined) element = element.parentElement;
  if (!element) return null;
  const node = stage.id(element);
  if (node === undefined) return null;
  const { box } = boxOf(element);
  return {
    node,
    element,
    x: thousandths(x - box.left, box.width),
    y: thousandths(y - box.top, box.height),
    box,
  };
}

/** Where an element is in the page's window, out of all frames. */
export function boxOf(element: Element): Pick<Target, "box"> {
  const { left, top, width, height } = element.getBoundingClientRect();
  const box = { left, top, width, height };
  let view = element.ownerDocument.defaultView;
  while (view?.frameElement && !view.frameElement.classList.contains("stage")) {
    const frame = view.frameElement;
    const around = frame.getBoundingClientRect();
    box.left += around.left + frame.clientLeft;
    box.top += around.top + frame.clientTop;
    view = frame.ownerDocument.defaultView;
  }
  return { box };
}

/** How far the customer has scrolled the window. */
export function pageScroll(stage: Stage): { x: number; y: number } {
  const view = stage.document?.defaultView;
  return view ? scrollOf(view) : { x: 0, y: 0 };
}

/** The element that a wheel would scroll there, else the window, with its position and its end. */
function scrollable(stage: Stage, x: number, y: number, dx: number, dy: number) {
  for (let element = hit(stage, x, y)?.element ?? null; element; element = element.parentElement) {
    const node = stage.id(element);
    const view = element.ownerDocument.defaultView;
    if (node === undefined || !view || element === element.ownerDocument.documentElement) continue;
    const style = view.getComputedStyle(element);
    const maxX = /auto|scroll/.test(style.overflowX) ? element.scrollWidth - element.clientWidth : 0;
    const maxY = /auto|scroll/.test(style.overflowY) ? element.scrollHeight - element.clientHeight : 0;
    const room = (position: number, max: number, delta: number) =>
      delta !== 0 && max > 1 && (delta < 0 ? position > 0 : position < max - 1);
    if (room(element.scrollLeft, maxX, dx) || room(element.scrollTop, maxY, dy)) {
      return { node, x: element.scrollLeft, y: element.scrollTop, maxX, maxY };
    }
  }
  const root = stage.document?.documentElement;
  const { width, height } = stage.viewport;
  const maxX = Math.max(0, (root?.scrollWidth ?? width) - width);
  const maxY = Math.max(0, (root?.scrollHeight ?? height) - height);
  return { node: 1, ...pageScroll(stage), maxX, maxY };
}

function chosen(field: Element): boolean {
  if (field.hasAttribute("data-lado-mask")) return false;
  const input = field as HTMLInputElement & HTMLSelectElement;
  if (input.disabled) return false;
  // An open list (size, multiple) has its options in the page.
  if (field.localName === "select") return !input.multiple && input.size <= 1;
  return CHOSEN.has(input.type);
}

function cursor(target: Target | null, level: Level): string {
  if (!target || level < Level.Control) return "default";
  const locked = target.element.closest("[data-lado-lock], [data-lado-mask]");
  if (locked) return "not-allowed";
  const style = target.element.ownerDocument.defaultView?.getComputedStyle(target.element).cursor ?? "auto";
  if (style.includes("url(")) return "default";
  if (style !== "auto") return style;
  return target.element.matches(
    "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea",
  )
    ? "text"
    : "default";
}

const thousandths = (offset: number, size: number) =>
  size > 0 ? Math.min(1000, Math.max(0, Math.round((offset / size) * 1000))) : 500;
const clamp = (value: number, max: number) => Math.min(Math.max(value, 0), max);
