// What stands over the page beside the panel: agents' pointers and drawings, marks on what is hidden, what customers are
// asked to do or choose. Part of the late script: it comes when there is something of it.

import type { Capture } from "../capture/capture";
import * as dom from "../capture/dom";
import { guard } from "../guard";
import { type Drawing, type PageMessage, PageMessageTag, ShapeTag } from "../protocol/messages";
import type { Rules } from "../rules";
import type { Veil } from "../veil";
import { type Box, type Hold, SKETCH_STYLE, Sketch } from "./sketch";

const MAX_MARKS = 100;
/** What is looked at for locks, and how often. */
const LOCKABLE = "a,area,button,input,select,summary,option,label,form,[role],[onclick],[data-lado-lock]";
const LOCKS_MS = 700;
const ASK_MS = 15_000;

/** What the arrow keys choose: the next element, the one before, the one around. */
const AROUND = 2;
const STEPS: Record<string, number> = {
  Tab: 1,
  ArrowDown: 1,
  ArrowRight: 1,
  ArrowUp: -1,
  ArrowLeft: AROUND,
};
/** Elements that are something to people: those that nothing is in, and those that are more than what is in them. */
const THINGS = ":not(:has(*),svg *),h1,h2,h3,h4,h5,h6,p,li,td,th,dt,dd,label,a,button,select,svg,table,form";

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
  white-space: pre-line; width: max-content; max-width: min(92vw, 34em); text-align: center; box-sizing: border-box; }
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
  readonly rules: Rules;
  /** What knows the page's nodes. */
  capture(): Capture;
  /** Tells now what has changed. */
  flush(): void;
  /** Tells Lado; 0 where that cannot be now. */
  tell(message: PageMessage): number;
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
  /** Ends the choice of an element. */
  #stop: (() => void) | null = null;
  /** What the customer has hidden by hand, the last one last, and what stood over it before. */
  #hidden: { element: Element; before: Veil; number: number }[] = [];
  #hides = 0;
  #over = false;

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
    this.#over = true;
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
      const arrow = this.#part("pointer");
      arrow.style.setProperty("--c", COLOURS[participant % COLOURS.length] ?? "#0f6e6e");
      const label = document.createElement("span");
      dom.append(
        arrow,
        drawing(ARROW, "0 0 18 22", { fill: "currentColor", stroke: "#fff", "stroke-width": "1.5" }),
      );
      dom.append(arrow, label);
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
    const found = this.ground.capture().node(id);
    const element = found && dom.isElement(found) ? found : null;
    return () => (element && dom.isConnected(element) ? boxOf(element) : null);
  }

  /** Brings what an agent points at into sight. */
  #look(id: number): void {
    const node = this.ground.capture().node(id);
    if (!node || !dom.isElement(node)) return;
    const box = boxOf(node);
    if (box && box.top >= 0 && box.top + Math.min(box.height, innerHeight) <= innerHeight) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    node.scrollIntoView({ block: "center", inline: "nearest", behavior: still ? "auto" : "smooth" });
  }

  /**
   * The customer chooses an element, to hide it or to point it out: what lies under the pointer is framed, or where the
   * arrow keys lead; a press or Enter takes it. With nothing to choose for, the choice is given up.
   */
  choose(what: string): void {
    this.#stop?.();
    const words = this.ground.text[`choose_${what}`];
    if (!words) return;
    const [glass, aim, say] = [this.#part("glass"), this.#part("aim"), this.#part("say")];
    say.setAttribute("role", "status");
    say.textContent = words;
    let chosen: Element | null = null;
    const frame = (element: Element | null): void => {
      const whole = element === document.documentElement || element === document.body;
      const box = element && !whole ? boxOf(element) : null;
      chosen = box && element;
      aim.hidden = !box;
      if (!box) return;
      aim.style.transform = `translate(${box.left}px,${box.top}px)`;
      aim.style.width = `${box.width}px`;
      aim.style.height = `${box.height}px`;
    };
    const move = guard((event: PointerEvent) => {
      glass.style.pointerEvents = "none";
      frame(document.elementFromPoint(event.clientX, event.clientY));
      glass.style.pointerEvents = "";
    });
    const take = (event?: MouseEvent): void => {
      const element = chosen;
      this.#stop?.();
      if (!element) return;
      if (what === "hide") this.#hide(element);
      else this.#point(element, event);
      this.ground.moved();
    };
    const press = guard((event: MouseEvent) => {
      move(event as PointerEvent);
      event.preventDefault();
      take(event);
    });
    const key = guard((event: KeyboardEvent) => {
      const { key, shiftKey } = event;
      const step = STEPS[key === "Tab" && shiftKey ? "ArrowUp" : key];
      if (!step && key !== "Escape" && key !== "Enter") return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (step) {
        frame((step === AROUND ? chosen?.parentElement : along(chosen, step)) ?? null);
        chosen?.scrollIntoView({ block: "nearest", behavior: "instant" });
        frame(chosen);
        say.textContent = chosen ? `${words}\n${nameOf(chosen)}` : words;
        return;
      }
      if (key === "Enter") take();
      else this.#stop?.();
      // Back to where the choice began.
      this.ground.root.querySelector("iframe")?.focus();
    });
    glass.ariaLabel = words;
    // Out of the panel's frame, so that keys are heard here.
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

  #hide(element: Element): void {
    if (!this.ground.capture().id(element) || this.#hidden.some((one) => one.element === element)) return;
    this.#hidden.push({ element, before: this.#veil(element), number: ++this.#hides });
    this.#count(element);
  }

  /** Puts a veil over an element, or back what stood over it: it is told anew. Returns what stood over it. */
  #veil(element: Element, veil?: Veil): Veil {
    const { rules, capture, flush } = this.ground;
    const before = rules.veil(element, veil);
    capture().mend(capture().id(element) ?? 0);
    flush();
    return before;
  }

  /** What the customer has hidden last shows again, if it is still that, and as far as no rule hides it, too. */
  show(number: number): void {
    this.#gone();
    const last = this.#hidden.at(-1);
    if (last?.number === number) {
      this.#hidden.pop();
      this.#veil(last.element, last.before);
    }
    this.#count();
    this.ground.moved();
  }

  #gone(): void {
    this.#hidden = this.#hidden.filter(({ element }) => dom.isConnected(element));
  }

  /** On a new line: Lado may have forgotten the page meanwhile. */
  again(): void {
    if (this.#hides) this.#count();
  }

  /** Tells what has been hidden, and how much can be shown again: now, or when the line is back. */
  #count(hides?: Element): void {
    this.#gone();
    const { tell, capture } = this.ground;
    const [count, last] = [this.#hidden.length, this.#hidden.at(-1)?.number ?? 0];
    // Under the number that it has been told anew with.
    const node = hides && capture().id(hides);
    const told = node ? tell({ tag: PageMessageTag.Hide, node }) : !hides || !dom.isConnected(hides);
    if (this.#over || (told && tell({ tag: PageMessageTag.Hidden, count, last }))) return;
    dom.timeout(
      guard(() => this.#count(hides)),
      LOCKS_MS,
    );
  }

  /** At the place that was pressed, or in the middle. */
  #point(element: Element, event?: MouseEvent): void {
    const node = this.ground.capture().id(element);
    const box = boxOf(element);
    if (!node || !box) return;
    const part = (at: number, from: number, size: number): number => Math.round(((at - from) * 1000) / size);
    const x = event ? part(event.clientX, box.left, box.width) : 500;
    const y = event ? part(event.clientY, box.top, box.height) : 500;
    this.ground.tell({ tag: PageMessageTag.Look, node, x, y });
    const shape = { tag: ShapeTag.Ping, node, x, y } as const;
    this.draw({ participant: 0, name: "", role: "", id: 1, colour: 3, stays: false, shape });
  }

  /** Asks the customer to do something with an element that only people can do. */
  ask(element: Element): void {
    this.#asked?.remove();
    element.scrollIntoView({ block: "nearest", inline: "nearest" });
    const { left, top, width, height } = dom.rect(element);
    const frame = this.#part("ask");
    frame.style.cssText = `width:${width + 6}px;height:${height + 6}px;transform:translate(${left - 6}px,${top - 6}px)`;
    const words = document.createElement("span");
    words.textContent = this.ground.text.ask ?? "";
    dom.append(frame, words);
    this.#asked = frame;
    const done = (): void => frame.remove();
    dom.timeout(done, ASK_MS);
    for (const type of ["pointerdown", "scroll"])
      dom.listen(window, type, done, { capture: true, passive: true, once: true });
    this.ground.raise();
  }

  #placeMarks(): void {
    let shown = 0;
    for (const element of this.ground.rules.found) {
      if (!dom.isConnected(element)) {
        this.ground.rules.found.delete(element);
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
      const all = Array.from(dom.query(document, LOCKABLE));
      this.#locked = all
        .filter((element) => isInWindow(element) && this.ground.rules.lock(element) !== null)
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

  /** A piece of the overlay. */
  #part(name: string): HTMLElement {
    const part = document.createElement("div");
    part.className = name;
    dom.append(this.ground.root, part);
    return part;
  }

  #newMark(marks: HTMLElement[], what: "hidden" | "locked", path: string): HTMLElement {
    const mark = this.#part(`mark ${what}`);
    mark.title = this.ground.text[what] ?? "";
    const line = { fill: "none", stroke: "currentColor", "stroke-width": "2.2", "stroke-linecap": "round" };
    dom.append(mark, drawing(path, "0 0 24 24", line));
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

/** The next thing of the page in its order, or the one before; the first on the screen where none is chosen. */
function along(from: Element | null, step: number): Element | undefined {
  const things = Array.from(dom.query(document.body, THINGS)).filter((thing) => dom.rect(thing).width);
  const at = things.indexOf(from as Element);
  return at < 0
    ? things.find((thing) => (from ? dom.contains(from, thing) : isInWindow(thing)))
    : things[(at + step + things.length) % things.length];
}

function nameOf(element: Element): string {
  const { textContent, ariaLabel } = element;
  const name = ariaLabel || dom.getAttribute(element, "alt") || textContent || "";
  return name.trim().replace(/\s+/g, " ").slice(0, 60) || dom.localName(element);
}
