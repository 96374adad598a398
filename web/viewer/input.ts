// What the agent's mouse and keyboard do over the stage: they become actions for the customer's page. Nothing reaches
// the stage itself: the events belong to a sheet of glass above it, and the stage is only asked what lies below a point.

import { type Action, ActionTag, Button, Level } from "../../injected/protocol/messages";
import { isElement, parentOf, scrollOf } from "./nodes";
import type { Stage } from "./stage";

export interface Target {
  /** The stage that the node is one of: the page's, or one in a frame of it. */
  stage: Stage;
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
  /** `quiet` actions happen by the way: their refusal is not worth a message. `stage` is where there is no target. */
  act(action: Action, target: Target | null, quiet?: boolean, stage?: Stage): void;
  pointer(shown: boolean, x: number, y: number): void;
  /** Scrolls what does not fit into the agent's window, in pixels of the screen; says how much of it is left over. */
  pan(dx: number, dy: number): { dx: number; dy: number };
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
  let clicked: Focus | null = null;
  let clickedAt = Number.NEGATIVE_INFINITY;
  /** The page's focus at the time of the click. */
  let before: Focus | null = null;
  let pointed = 0;
  let hovered: Element | null = null;
  let hover: ReturnType<typeof setTimeout> | undefined;
  let scroll: { stage: Stage; node: number; x: number; y: number; at: number } | null = null;
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
    return stage ? reach(stage, x, y) : null;
  };

  /** Scrolls the customer's page at a point of its window. */
  const turn = (stage: Stage, point: { x: number; y: number }, dx: number, dy: number): void => {
    const turned = scrollable(stage, point.x, point.y, dx, dy);
    const { node, x, y, maxX, maxY } = turned;
    const now = performance.now();
    const same = scroll?.stage === turned.stage && scroll.node === node && now - scroll.at < WHEEL_MEMORY;
    const from = same && scroll ? scroll : { x, y };
    scroll = {
      stage: turned.stage,
      node,
      x: clamp(from.x + dx, maxX),
      y: clamp(from.y + dy, maxY),
      at: now,
    };
    agent.act(
      { tag: ActionTag.Scroll, node, x: Math.round(scroll.x), y: Math.round(scroll.y) },
      null,
      true,
      turned.stage,
    );
  };

  /** The finger on the glass: where it was, in pixels of the screen, and where it began, in the page's window. */
  let finger: { id: number; x: number; y: number; from: { x: number; y: number }; moved: boolean } | null =
    null;
  /** One finger scrolls, as on any screen: what does not fit here first, then the customer's page. */
  const swipe = (event: PointerEvent): void => {
    if (!finger || finger.id !== event.pointerId) return;
    const dx = finger.x - event.clientX;
    const dy = finger.y - event.clientY;
    const begins = !finger.moved;
    if (begins && Math.hypot(dx, dy) < DRAG_FROM) return;
    finger = { ...finger, x: event.clientX, y: event.clientY, moved: true };
    const left = agent.pan(dx, dy);
    if (!left.dx && !left.dy) return;
    const stage = agent.stage();
    const scale = agent.scale();
    if (stage && controls()) turn(stage, finger.from, left.dx / scale, left.dy / scale);
    else if (begins && left.dx === dx && left.dy === dy) agent.denied();
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
      if (event.pointerType === "touch") return swipe(event);
      const target = reach(stage, x, y);
      glass.style.cursor = cursor(target, agent.level());
      if (!target || target.element === hovered || !controls()) return;
      clearTimeout(hover);
      hover = setTimeout(() => {
        hovered = target.element;
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
  // A mouse's press that is let go elsewhere is a drag; a finger scrolls.
  let pressed: { x: number; y: number; target: Target } | null = null;
  let dragged = false;
  glass.addEventListener(
    "pointerdown",
    (event) => {
      dragged = false;
      const touch = event.pointerType === "touch";
      const { clientX, clientY, pointerId: id } = event;
      // With a second finger it is a pinch.
      finger =
        touch && event.isPrimary ? { id, x: clientX, y: clientY, from: at(event), moved: false } : null;
      const target = event.button === 0 && !touch && controls() ? under(event) : null;
      pressed = target && { ...at(event), target };
    },
    { signal },
  );
  glass.addEventListener(
    "pointercancel",
    () => {
      pressed = finger = null;
    },
    { signal },
  );
  glass.addEventListener(
    "pointerup",
    (event) => {
      const from = pressed;
      pressed = finger = null;
      const { x, y } = at(event);
      const to = from && under(event);
      if (!from || to?.stage !== from.target.stage || Math.hypot(x - from.x, y - from.y) < DRAG_FROM) return;
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
    const { stage } = target;
    clicked = { stage, node: (taker && stage.id(taker)) || target.node };
    clickedAt = taker ? performance.now() : Number.NEGATIVE_INFINITY;
    before = focusOf(agent.stage());
    const locked = target.element.closest("[data-lado-lock]") !== null;
    const field = target.element.closest("select, input");
    const option = target.element.closest("option");
    const list = option?.closest("select");
    const listed = list ? stage.id(list) : undefined;
    if (event.button === 0 && !locked && option && list && listed !== undefined) {
      const options = selection(list, option, event.ctrlKey || event.metaKey);
      const ids = options.map((each) => stage.id(each)).filter((id) => id !== undefined);
      return agent.act({ tag: ActionTag.Select, node: listed, options: ids }, target);
    }
    if (event.button === 0 && !locked && field && chosen(field)) {
      const node = stage.id(field);
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
      const unit = event.deltaMode === 1 ? 32 : event.deltaMode === 2 ? stage.viewport.height : 1;
      turn(stage, at(event), event.deltaX * unit, event.deltaY * unit);
    },
    { signal, passive: false },
  );

  const typed = () => {
    const text = keys.value;
    keys.value = "";
    const focus = focused();
    if (text === "" || !focus?.node) return;
    const { node, stage } = focus;
    const lines = text.split(/\r\n|\r|\n/);
    lines.forEach((line, index) => {
      if (index > 0) agent.act(press(node, "Enter"), null, false, stage);
      if (line) agent.act({ tag: ActionTag.Type, node, text: line }, null, false, stage);
    });
  };
  const focused = (): Focus | null => {
    const focus = focusOf(agent.stage());
    const there = clicked?.stage.node(clicked.node)?.isConnected ? clicked : null;
    // Who types right after a click is not to type into the field before: the page answers a little later.
    const same = focus?.stage === before?.stage && focus?.node === before?.node;
    const early = same && performance.now() - clickedAt < FOCUS_WITHIN;
    return early || !focus?.node ? (there ?? focus) : focus;
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
      const focus = focused();
      const node = focus?.node || 1;
      const { shiftKey: shift, ctrlKey: ctrl, altKey: alt, metaKey: meta } = event;
      agent.act({ ...press(node, event.key), shift, ctrl, alt, meta }, null, false, focus?.stage);
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

/** Where the keyboard goes, in whatever frame. */
interface Focus {
  stage: Stage;
  node: number;
}

function focusOf(stage: Stage | null): Focus | null {
  if (!stage) return null;
  // Of documents in frames only the one with the keyboard says where its focus is.
  for (const inner of stage.inside.values()) {
    const focus = focusOf(inner);
    if (focus?.node) return focus;
  }
  const inner = stage.inside.get(stage.node(stage.focus) as Element);
  return inner ? { stage: inner, node: 0 } : { stage, node: stage.focus };
}

/** The deepest element below a point of the page's window, in frames of other origins, too. */
function reach(stage: Stage, x: number, y: number): Target | null {
  const target = hit(stage, x, y);
  const inner = target && stage.inside.get(target.element);
  return (inner && reach(inner, x, y)) || target;
}

/** The deepest element of a stage below a point of the page's window, through shadow roots and frames. */
export function hit(stage: Stage, x: number, y: number): Target | null {
  const page = stage.document;
  if (!page) return null;
  let place: Document | ShadowRoot = page;
  let element: Element | null = null;
  let { left, top } = contentOf(stage.frame);
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
    ({ left, top } = contentOf(below));
    place = inner;
  }
  while (element && stage.id(element) === undefined) element = element.parentElement;
  if (!element) return null;
  const node = stage.id(element);
  if (node === undefined) return null;
  const { box } = boxOf(element);
  return {
    stage,
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

/** Where the content of a frame begins in the page's window. */
export function contentOf(frame: Element): { left: number; top: number } {
  if (frame.classList.contains("stage")) return { left: 0, top: 0 };
  const { left, top } = boxOf(frame).box;
  return { left: left + frame.clientLeft, top: top + frame.clientTop };
}

/** How far the customer has scrolled the window. */
export function pageScroll(stage: Stage): { x: number; y: number } {
  const view = stage.document?.defaultView;
  return view ? scrollOf(view) : { x: 0, y: 0 };
}

/** What a wheel would scroll there, out of slots, shadow roots and frames, else the window: its position and its end. */
function scrollable(stage: Stage, x: number, y: number, dx: number, dy: number): Scrollable {
  const target = hit(stage, x, y);
  const inner = target && stage.inside.get(target.element);
  const within = inner && scrollable(inner, x, y, dx, dy);
  // What a frame cannot scroll scrolls what is around it.
  if (within && (room(within.x, within.maxX, dx) || room(within.y, within.maxY, dy))) return within;
  let at: Node | null = target?.element ?? null;
  while (at && at !== stage.document) {
    const node = stage.id(at);
    const found = node === undefined ? null : scroller(at);
    if (node && found && (room(found.x, found.maxX, dx) || room(found.y, found.maxY, dy)))
      return { stage, node, ...found };
    at = (at as Element).assignedSlot ?? parentOf(at);
  }
  const root = stage.document?.documentElement;
  const { width, height } = stage.viewport;
  const maxX = Math.max(0, (root?.scrollWidth ?? width) - width);
  const maxY = Math.max(0, (root?.scrollHeight ?? height) - height);
  return { stage, node: 1, ...pageScroll(stage), maxX, maxY };
}

/** What an element or the document of a frame has to scroll. */
function scroller(at: Node): Extent | null {
  const page = at.nodeType === Node.DOCUMENT_NODE ? (at as Document) : at.ownerDocument;
  const view = page?.defaultView;
  const element = at === page ? page.scrollingElement : at;
  if (!page || !view || !element || !isElement(element)) return null;
  const { documentElement: root, body } = page;
  // The window takes the overflow of the root, or of the body where the root has none (CSS Overflow 3 §3.3).
  const giver = body && view.getComputedStyle(root).overflow === "visible" ? body : root;
  if (at !== page && (element === root || element === giver)) return null;
  const style = view.getComputedStyle(at === page ? giver : element);
  const scrolls = at === page ? /auto|scroll|visible/ : /auto|scroll/;
  return {
    ...{ x: element.scrollLeft, y: element.scrollTop },
    maxX: scrolls.test(style.overflowX) ? element.scrollWidth - element.clientWidth : 0,
    maxY: scrolls.test(style.overflowY) ? element.scrollHeight - element.clientHeight : 0,
  };
}

interface Extent {
  x: number;
  y: number;
  maxX: number;
  maxY: number;
}

interface Scrollable extends Extent {
  stage: Stage;
  node: number;
}

/** Whether something can be scrolled further that way. */
const room = (position: number, max: number, delta: number) =>
  delta !== 0 && max > 1 && (delta < 0 ? position > 0 : position < max - 1);

/** What a click on an option of an open list leaves selected: browsers let only people select there. */
function selection(list: HTMLSelectElement, option: HTMLOptionElement, adds: boolean): HTMLOptionElement[] {
  if (!adds || !list.multiple) return [option];
  const others = [...list.selectedOptions].filter((each) => each !== option);
  return option.selected ? others : [...others, option];
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
