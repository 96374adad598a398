// What stands over the page beside the panel: agents' pointers and drawings, marks on what is hidden, what customers are
// asked to do or choose. Part of the late script: it comes when there is something of it.

import * as dom from "../capture/dom";
import { guard } from "../guard";
import type { Drawing } from "../protocol/messages";
import { type Box, type Hold, SKETCH_STYLE, Sketch } from "./sketch";

const MAX_MARKS = 100;
/** What is looked at for locks, and how often. */
const LOCKABLE = "a,area,button,input,select,summary,option,label,form,[role],[onclick],[data-lado-lock]";
const LOCKS_MS = 700;
const ASK_MS = 15_000;

const COLOURS = ["#0f6e6e", "#b4500f", "#6d3fb5", "#1d5fae"];

const STYLE = `
.pointer { position: absolute; left: 0; top: 0; will-change: transform; display: flex; align-items: flex-start;
  transition: transform 60ms linear; color: var(--c); }
.pointer svg { width: 20px; height: 22px; flex: none; filter: drop-shadow(0 1px 1px rgb(0 0 0 / .35)); }
.pointer span { margin: 16px 0 0 -4px; padding: 2px 9px; border-radius: 11px; background: var(--c); color: #fff;
  font: 500 12px/18px system-ui, sans-serif; white-space: nowrap; box-shadow: 0 1px 3px rgb(0 0 0 / .3); }
.ask { position: absolute; left: 0; top: 0; border: 3px solid #0f6e6e; border-radius: 8px; box-shadow: 0 0 0 4px rgb(15 110 110 / .25); }
.ask span { position: absolute; left: -3px; top: calc(100% + 7px); padding: 4px 10px; border-radius: 8px; background: #0f6e6e; color: #fff;
  font: 500 13px/18px system-ui, sans-serif; white-space: nowrap; }
.mark { position: absolute; left: 0; top: 0; width: 18px; height: 18px; border-radius: 9px; background: #fff;
  box-shadow: 0 0 0 1px rgb(0 0 0 / .12); color: #0f6e6e; display: grid; place-items: center; }
.mark.locked { color: #8a5a00; }
.mark svg { width: 12px; height: 12px; }
.glass { position: absolute; inset: 0; pointer-events: auto; cursor: crosshair; outline: 0; }
.aim { position: absolute; left: 0; top: 0; border: 2px solid #0f6e6e; border-radius: 4px; background: rgb(15 110 110 / .14);
  box-sizing: border-box; pointer-events: none; }
.say { position: absolute; left: 50%; top: 16px; transform: translateX(-50%); padding: 8px 16px; border-radius: 18px;
  background: #14211f; color: #f1f6f5; font: 500 14px/20px system-ui, sans-serif; box-shadow: 0 4px 16px rgb(0 0 0 / .3);
  white-space: nowrap; max-width: 92vw; overflow: hidden; text-overflow: ellipsis; }
@media (prefers-reduced-motion: reduce) { .pointer { transition: none; } }
${SKETCH_STYLE}
`;

const SVG = "http://www.w3.org/2000/svg";
const ARROW = "M2 1.5 L2 18 L6.6 13.6 L9.6 20.4 L12.4 19.2 L9.5 12.6 L16 12.2 Z";
const PADLOCK = "M5 11h14v10H5zM8 11V7a4 4 0 0 1 8 0v4";
const EYE_OFF =
  "M2 2l20 20M6.7 6.7C4.6 8 3 10 2 12c2 4 5.6 7 10 7 1.9 0 3.7-.5 5.3-1.4M10 5.2C10.7 5.1 11.3 5 12 5c4.4 0 8 3 10 7-.5 1-1.1 1.9-1.8 2.7M9.9 9.9a3 3 0 0 0 4.2 4.2";

/** What the signs ask of the rest of the script. */
export interface Ground {
  /** The overlay's root. */
  readonly root: ShadowRoot;
  /** Words in the customer's language. */
  readonly text: Record<string, string>;
  /** Elements that a rule masks itself. */
  readonly found: Set<Element>;
  /** Tells the lock that an element has itself. */
  locks(): (element: Element) => string | null;
  /** The node that a drawing belongs to. */
  node(id: number): Node | null;
  /** The customer hides an element from everybody else. */
  hide(element: Element): void;
  /** Something has come or gone: `place` is to be called in the next frame. */
  moved(): void;
  /** Brings the overlay over what the page has brought to the front since. */
  raise(): void;
}

export class Signs {
  #pointers = new Map<number, { arrow: HTMLElement; label: HTMLElement; x: number; y: number }>();
  #marks: HTMLElement[] = [];
  #showsMarks = true;
  #locks: HTMLElement[] = [];
  #locked: Element[] = [];
  #showsLocks = false;
  #looked = -LOCKS_MS;
  #asked: HTMLElement | null = null;
  #sketch: Sketch;
  /** Ends the choice of an element to hide. */
  #stop: (() => void) | null = null;

  constructor(private readonly ground: Ground) {
    const { root, text } = ground;
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    dom.adoptedOf(root).push(style);
    this.#sketch = new Sketch(root, {
      hold: (node) => this.#hold(node),
      later: (run, ms) => dom.timeout(guard(run), ms),
      look: (node) => this.#look(node),
      label: (name, role) => this.#label(name, role === "supervisor" ? role : ""),
      words: { look: text.look ?? "Look here" },
    });
  }

  /** Puts everything where it belongs now. */
  place(): void {
    for (const { arrow, x, y } of this.#pointers.values()) {
      arrow.style.transform = `translate(${x - scrollX}px,${y - scrollY}px)`;
    }
    this.#sketch.place();
    this.#placeMarks();
    this.#placeLocks();
  }

  /** The session is over. */
  clear(): void {
    for (const { arrow } of this.#pointers.values()) arrow.remove();
    this.#pointers.clear();
    this.#showsMarks = false;
    this.#placeMarks();
    this.#placeLocks();
  }

  showMarks(shown: boolean): void {
    this.#showsMarks = shown;
    this.ground.moved();
  }

  /** Whether agents may press anything: then it shows what not. */
  showLocks(shown: boolean): void {
    this.#showsLocks = shown;
    this.#looked = -LOCKS_MS;
    this.ground.moved();
  }

  /** An agent's pointer, in CSS pixels of the page. */
  point(participant: number, name: string, role: string, shown: boolean, x: number, y: number): void {
    let pointer = this.#pointers.get(participant);
    if (!shown) {
      pointer?.arrow.remove();
      this.#pointers.delete(participant);
      return;
    }
    if (!pointer) {
      const arrow = document.createElement("div");
      arrow.className = "pointer";
      arrow.style.setProperty("--c", COLOURS[participant % COLOURS.length] ?? "#0f6e6e");
      const label = document.createElement("span");
      dom.append(
        arrow,
        drawing(ARROW, "0 0 18 22", { fill: "currentColor", stroke: "#fff", "stroke-width": "1.5" }),
      );
      dom.append(arrow, label);
      dom.append(this.ground.root, arrow);
      pointer = { arrow, label, x, y };
      this.#pointers.set(participant, pointer);
    }
    const text = this.#label(name, role);
    if (pointer.label.textContent !== text) pointer.label.textContent = text;
    pointer.x = x;
    pointer.y = y;
    this.ground.moved();
  }

  draw(drawing: Drawing): void {
    this.#sketch.draw(drawing);
    this.ground.moved();
  }

  erase(participant: number, id: number): void {
    this.#sketch.erase(participant, id);
  }

  /** An agent's press, in CSS pixels of the window. */
  pressed(x: number, y: number): void {
    this.#sketch.ripple(x, y, COLOURS[0] ?? "");
    this.ground.moved();
  }

  #label(name: string, role: string): string {
    return role ? `${name} · ${this.ground.text[role] ?? role}` : name;
  }

  /** Numbers of nodes change when the page is told anew: what is drawn holds on to the element itself. */
  #hold(id: number): Hold {
    const found = this.ground.node(id);
    const element = found && dom.isElement(found) ? found : null;
    return () => (element && dom.isConnected(element) ? boxOf(element) : null);
  }

  /** Brings what an agent points at into sight. */
  #look(id: number): void {
    const node = this.ground.node(id);
    if (!node || !dom.isElement(node)) return;
    const box = boxOf(node);
    if (box && box.top >= 0 && box.top + Math.min(box.height, innerHeight) <= innerHeight) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    node.scrollIntoView({ block: "center", inline: "nearest", behavior: still ? "auto" : "smooth" });
  }

  /** The customer chooses an element to hide: what lies under the pointer is framed, and a press hides it. */
  choose(): void {
    this.#stop?.();
    const glass = document.createElement("div");
    glass.className = "glass";
    const aim = document.createElement("div");
    aim.className = "aim";
    const say = document.createElement("div");
    say.className = "say";
    say.textContent = this.ground.text.choose ?? "";
    for (const part of [glass, aim, say]) dom.append(this.ground.root, part);
    let chosen: Element | null = null;
    const move = guard((event: PointerEvent) => {
      glass.style.pointerEvents = "none";
      chosen = document.elementFromPoint(event.clientX, event.clientY);
      glass.style.pointerEvents = "";
      const whole = chosen === document.documentElement || chosen === document.body;
      const box = chosen && !whole ? boxOf(chosen) : null;
      if (!box) chosen = null;
      aim.hidden = !box;
      if (!box) return;
      aim.style.transform = `translate(${box.left}px,${box.top}px)`;
      aim.style.width = `${box.width}px`;
      aim.style.height = `${box.height}px`;
    });
    const press = guard((event: MouseEvent) => {
      move(event as PointerEvent);
      event.preventDefault();
      const element = chosen;
      this.#stop?.();
      if (element) this.ground.hide(element);
      this.ground.moved();
    });
    const key = guard((event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.#stop?.();
    });
    // Out of the panel's frame, so that Escape is heard here.
    glass.tabIndex = -1;
    glass.focus({ preventScroll: true });
    glass.addEventListener("pointermove", move);
    glass.addEventListener("click", press);
    window.addEventListener("keydown", key, true);
    this.#stop = () => {
      window.removeEventListener("keydown", key, true);
      for (const part of [glass, aim, say]) part.remove();
      this.#stop = null;
    };
    this.ground.moved();
  }

  /** The customer hides nothing after all. */
  chosen(): void {
    this.#stop?.();
  }

  /** Asks the customer to do something with an element that only people can do. */
  ask(element: Element): void {
    this.#asked?.remove();
    element.scrollIntoView({ block: "nearest", inline: "nearest" });
    const { left, top, width, height } = dom.rect(element);
    const frame = document.createElement("div");
    frame.className = "ask";
    frame.style.cssText = `width:${width + 6}px;height:${height + 6}px;transform:translate(${left - 6}px,${top - 6}px)`;
    const words = document.createElement("span");
    words.textContent = this.ground.text.ask ?? "";
    dom.append(frame, words);
    dom.append(this.ground.root, frame);
    this.#asked = frame;
    const done = (): void => frame.remove();
    dom.timeout(done, ASK_MS);
    for (const type of ["pointerdown", "scroll"])
      dom.listen(window, type, done, { capture: true, passive: true, once: true });
    this.ground.raise();
  }

  #placeMarks(): void {
    let shown = 0;
    for (const element of this.ground.found) {
      if (!dom.isConnected(element)) {
        this.ground.found.delete(element);
        continue;
      }
      if (shown === MAX_MARKS || !this.#showsMarks) break;
      const spot = visibleSpot(element);
      if (!spot) continue;
      const mark = this.#marks[shown] ?? this.#newMark(this.#marks, "hidden", EYE_OFF);
      mark.style.transform = `translate(${spot.x}px,${spot.y}px)`;
      mark.hidden = false;
      shown++;
    }
    for (const mark of this.#marks.splice(shown)) mark.remove();
  }

  /** A padlock on the corner of what only the customer can press. */
  #placeLocks(): void {
    const shows = this.#showsMarks && this.#showsLocks;
    const now = performance.now();
    if (shows && now - this.#looked >= LOCKS_MS) {
      this.#looked = now;
      const lock = this.ground.locks();
      const all = Array.from(dom.query(document, LOCKABLE));
      this.#locked = all
        .filter((element) => isInWindow(element) && lock(element) !== null)
        .slice(0, MAX_MARKS);
      // What changes until then is looked at then.
      dom.timeout(
        guard(() => this.ground.moved()),
        LOCKS_MS + 50,
      );
    }
    let shown = 0;
    for (const element of shows ? this.#locked : []) {
      const box = dom.isConnected(element) ? boxOf(element) : null;
      if (!box?.width || !box.height) continue;
      const mark = this.#locks[shown] ?? this.#newMark(this.#locks, "locked", PADLOCK);
      mark.style.transform = `translate(${Math.round(box.left + box.width - 11)}px,${Math.round(box.top - 7)}px)`;
      shown++;
    }
    for (const mark of this.#locks.splice(shown)) mark.remove();
  }

  #newMark(marks: HTMLElement[], what: "hidden" | "locked", path: string): HTMLElement {
    const mark = document.createElement("div");
    mark.className = `mark ${what}`;
    mark.title = this.ground.text[what] ?? "";
    const line = { fill: "none", stroke: "currentColor", "stroke-width": "2.2", "stroke-linecap": "round" };
    dom.append(mark, drawing(path, "0 0 24 24", line));
    dom.append(this.ground.root, mark);
    marks.push(mark);
    return mark;
  }
}

/** Where an element of the page or of a frame in it is in the window. */
function boxOf(element: Element): Box | null {
  const { left, top, width, height } = dom.rect(element);
  if (!width && !height) return null;
  const box = { left, top, width, height };
  for (let view = dom.viewOf(dom.ownerDocument(element) as Document); view && view !== window; ) {
    const { frameElement } = view;
    if (!frameElement) return null;
    const outer = dom.rect(frameElement);
    box.left += outer.left;
    box.top += outer.top;
    view = dom.viewOf(dom.ownerDocument(frameElement) as Document);
  }
  return box;
}

function isInWindow(element: Element): boolean {
  const { left, top, width, height } = dom.rect(element);
  return (
    width > 0 && height > 0 && left < innerWidth && top < innerHeight && left + width > 0 && top + height > 0
  );
}

/** Where a mark goes: on the right edge of what is hidden, inside the window. */
function visibleSpot(element: Element): { x: number; y: number } | null {
  const box = boxOf(element);
  if (!box?.width || !box.height) return null;
  const { left, top, width, height } = box;
  const x = left + width;
  if (x < 0 || top + height < 0 || left > innerWidth || top > innerHeight) return null;
  return { x: Math.round(x - 22), y: Math.round(top + Math.min(height / 2, 20) - 9) };
}

function drawing(path: string, box: string, attributes: Record<string, string>): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", box);
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  for (const [name, value] of Object.entries(attributes)) line.setAttribute(name, value);
  svg.append(line);
  return svg;
}
