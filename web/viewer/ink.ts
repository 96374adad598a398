// The agent's drawing tools over the stage: what is drawn holds on to the element below it and shows on both sides.

import { type Box, PALETTE, SKETCH_STYLE, Sketch } from "../../injected/overlay/sketch";
import { type Drawing, Level, type Shape, ShapeTag } from "../../injected/protocol/messages";
import { boxOf, hit, type Target } from "./input";
import type { Stage } from "./stage";
import type { Tool } from "./tool";

export interface Hand {
  stage(): Stage | null;
  scale(): number;
  level(): Level;
  draw(id: number, colour: number, stays: boolean, shape: Shape): void;
  erase(id: number): void;
  /** The customer has not allowed pointing. */
  denied(): void;
  /** What was drawn while the connection was away has no place any more. */
  undrawn(): void;
  label(name: string, role: string): string;
  words: { look: string; text: string };
}

const TRAIL_EVERY = 60;
const STEP = 2;
const MAX_POINTS = 1500;
/** The one who draws is told of their own drawings by nobody. */
const OWN = 0;
/** Not one of the agents' numbers; in orange, as the customer's pointer. */
const CUSTOMER = 0xffff_ffff;
const CUSTOMERS = 3;
/** What the next press would do. */
const PREVIEW = 0xffff_ffff;
/** After this long on a line that stands, Lado has what was sent. */
const SURE = 3000;
/** As many drawings as Lado keeps of a page. */
const MAX_UNSURE = 100;
/** So small an element would make a coarse measure: the one around it is taken. */
const SMALL = 24;

/** Drawn or erased, and maybe lost with the connection. */
interface Unsure {
  at: number;
  id: number;
  /** Nothing: erased. */
  drawn: { colour: number; stays: boolean; shape: Shape; on: string } | null;
}

export class Ink {
  tool: Tool = "hand";
  colour = 0;
  stays = false;
  readonly sketch: Sketch;
  #mine: number[] = [];
  /** In order. */
  #unsure: Unsure[] = [];
  #away = false;
  #next = Math.floor(Math.random() * 1000) + 1;
  #start: { anchor: Target; x: number; y: number; points: number[]; sent: number } | null = null;
  #field: HTMLInputElement | null = null;
  #loop = 0;

  constructor(
    private readonly glass: HTMLElement,
    layer: ShadowRoot,
    private readonly hand: Hand,
  ) {
    const style = new CSSStyleSheet();
    style.replaceSync(SKETCH_STYLE);
    layer.adoptedStyleSheets = [style];
    this.sketch = new Sketch(layer, {
      hold: (node) => () => this.#box(node),
      later: (run, ms) => setTimeout(run, ms),
      look: () => {},
      label: hand.label,
      words: hand.words,
    });
    glass.addEventListener("pointerdown", (event) => this.#down(event));
    glass.addEventListener("pointermove", (event) => this.#move(event));
    glass.addEventListener("pointerup", (event) => this.#up(event));
    glass.addEventListener("pointercancel", () => this.#drop());
    glass.addEventListener("pointerleave", () => this.sketch.erase(OWN, PREVIEW));
    glass.addEventListener("wheel", (event) => event.preventDefault(), { passive: false });
    this.#follow();
  }

  take(tool: Tool): void {
    this.tool = tool;
    this.#field?.remove();
    this.#drop();
    this.glass.classList.toggle("on", tool !== "hand");
    this.glass.dataset.tool = tool;
  }

  undo(): void {
    const id = this.#mine.pop();
    if (id === undefined) return;
    this.#erase(id);
  }

  clear(): void {
    this.#mine = [];
    this.#erase(0);
  }

  #erase(id: number): void {
    this.sketch.erase(OWN, id);
    this.#unsure = this.#unsure.filter((one) => id && one.id !== id);
    this.#unsure.push({ at: performance.now(), id, drawn: null });
    this.hand.erase(id);
  }

  /** The line to Lado has gone, or another one has been made. */
  lost(): void {
    this.#away = true;
  }

  /** Lado has been heard. */
  heard(): void {
    const sure = performance.now() - SURE;
    if (!this.#away) this.#unsure = this.#unsure.filter(({ at }) => at > sure);
  }

  /** The line that was silent stands: what was sent has arrived. */
  found(): void {
    this.#away = false;
  }

  /** The page shows again on a new line: what may have been lost goes out once more, where it still has a place. */
  again(): void {
    this.#away = false;
    let lost = false;
    for (const { id, drawn } of this.#unsure.splice(0)) {
      if (!drawn) this.#erase(id);
      else if (this.#sign(drawn.shape.node) === drawn.on) this.#put(id, drawn);
      else lost = true;
    }
    if (lost) this.hand.undrawn();
  }

  /** Lado did not let the last one through. */
  refused(): void {
    const id = this.#mine.pop();
    if (id !== undefined) this.sketch.erase(OWN, id);
  }

  /** What the customer points out. */
  shown(name: string, shape: Shape): void {
    const by = { participant: CUSTOMER, name, role: "", id: this.#next++, colour: CUSTOMERS };
    this.sketch.draw({ ...by, stays: false, shape });
  }

  stop(): void {
    cancelAnimationFrame(this.#loop);
  }

  #follow(): void {
    this.#loop = requestAnimationFrame(() => {
      if (!this.sketch.empty) this.sketch.place();
      this.#follow();
    });
  }

  #box(node: number): Box | null {
    const stage = this.hand.stage();
    const element = stage?.node(node) as Element | undefined;
    if (!element?.isConnected || element.nodeType !== Node.ELEMENT_NODE) return null;
    const { left, top, width, height } = boxOf(element).box;
    const scale = this.hand.scale();
    return { left: left * scale, top: top * scale, width: width * scale, height: height * scale };
  }

  /** Where the pointer is on the page, in CSS pixels of its window. */
  #at(event: PointerEvent): { x: number; y: number } {
    const box = this.glass.getBoundingClientRect();
    const scale = this.hand.scale();
    return { x: (event.clientX - box.left) / scale, y: (event.clientY - box.top) / scale };
  }

  #under(x: number, y: number): Target | null {
    const stage = this.hand.stage();
    const target = stage && hit(stage, x, y);
    if (!stage || !target) return null;
    let { element } = target;
    while (this.tool !== "highlight" && element.parentElement && stage.id(element.parentElement)) {
      const { width, height } = element.getBoundingClientRect();
      if (width >= SMALL && height >= SMALL) break;
      element = element.parentElement;
    }
    const node = stage.id(element);
    return node === undefined ? null : { ...target, node, element, ...boxOf(element) };
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0 || this.tool === "hand") return;
    event.preventDefault();
    if (this.hand.level() < Level.Point) return this.hand.denied();
    const { x, y } = this.#at(event);
    const anchor = this.#under(x, y);
    if (!anchor) return;
    const [ax, ay] = measure(anchor.box, x, y);
    switch (this.tool) {
      case "highlight":
        return this.#draw({ tag: ShapeTag.Highlight, node: anchor.node });
      case "look":
        return this.#draw({ tag: ShapeTag.Ping, node: anchor.node, x: ax, y: ay });
      case "text":
        return this.#write(anchor, x, y);
      default:
        this.glass.setPointerCapture(event.pointerId);
        this.#start = { anchor, x, y, points: [ax, ay], sent: 0 };
    }
  }

  #move(event: PointerEvent): void {
    const { x, y } = this.#at(event);
    if (this.tool === "highlight") return this.#aim(x, y);
    if (this.tool === "laser" && !this.#start && this.hand.level() >= Level.Point) {
      const anchor = this.#under(x, y);
      if (anchor) this.#start = { anchor, x, y, points: measure(anchor.box, x, y), sent: performance.now() };
      return;
    }
    const start = this.#start;
    if (!start || Math.hypot(x - start.x, y - start.y) < STEP) return;
    const to = measure(start.anchor.box, x, y);
    if (this.tool === "laser") {
      start.points.push(...to);
      const now = performance.now();
      if (now - start.sent < TRAIL_EVERY) return;
      this.#draw({ tag: ShapeTag.Trail, node: start.anchor.node, points: start.points });
      this.#start = { ...start, x, y, points: to, sent: now };
      return;
    }
    if (this.tool === "pen") {
      if (start.points.length < 2 * MAX_POINTS) start.points.push(...to);
      start.x = x;
      start.y = y;
    }
    const shape = this.#shape(to);
    if (shape) this.sketch.draw(this.#drawing(PREVIEW, shape, true));
  }

  #up(event: PointerEvent): void {
    const start = this.#start;
    if (!start || this.tool === "laser") return;
    const { x, y } = this.#at(event);
    const shape = this.#shape(measure(start.anchor.box, x, y));
    this.#drop();
    if (shape) this.#draw(shape);
  }

  /** Frames what a press would highlight. */
  #aim(x: number, y: number): void {
    const target = this.#under(x, y);
    if (target)
      this.sketch.draw(this.#drawing(PREVIEW, { tag: ShapeTag.Highlight, node: target.node }, true));
  }

  #shape([x2, y2]: [number, number]): Shape | null {
    const start = this.#start;
    if (!start) return null;
    const { node } = start.anchor;
    const [x1 = 0, y1 = 0] = start.points;
    if (this.tool === "pen")
      return start.points.length > 2 ? { tag: ShapeTag.Pen, node, points: start.points } : null;
    if (x1 === x2 && y1 === y2) return null;
    const tag = this.tool === "arrow" ? ShapeTag.Arrow : ShapeTag.Rectangle;
    return { tag, node, x1, y1, x2, y2 };
  }

  #drop(): void {
    this.#start = null;
    this.sketch.erase(OWN, PREVIEW);
  }

  /** A field to write in, on the spot. */
  #write(anchor: Target, x: number, y: number): void {
    this.#field?.remove();
    const field = document.createElement("input");
    this.#field = field;
    field.className = "write";
    field.maxLength = 200;
    field.setAttribute("aria-label", this.hand.words.text);
    field.placeholder = this.hand.words.text;
    const scale = this.hand.scale();
    field.style.left = `${x * scale}px`;
    field.style.top = `${y * scale}px`;
    field.style.borderColor = PALETTE[this.colour] ?? PALETTE[0];
    const [ax = 0, ay = 0] = measure(anchor.box, x, y);
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key !== "Enter" && event.key !== "Escape") return;
      const text = field.value.trim();
      field.remove();
      if (event.key === "Enter" && text)
        this.#draw({ tag: ShapeTag.Text, node: anchor.node, x: ax, y: ay, text });
    });
    for (const type of ["pointerdown", "pointermove", "pointerup"] as const)
      field.addEventListener(type, (event) => event.stopPropagation());
    this.glass.append(field);
    // The press that opened it would take the keyboard away again.
    setTimeout(() => field.focus());
  }

  #draw(shape: Shape): void {
    const id = this.#next++;
    const trail = shape.tag === ShapeTag.Trail;
    const stays = this.stays && !trail && shape.tag !== ShapeTag.Ping;
    if (!trail) this.#mine.push(id);
    this.#put(id, { colour: this.colour, stays, shape, on: this.#sign(shape.node) });
  }

  #put(id: number, drawn: NonNullable<Unsure["drawn"]>): void {
    const { colour, stays, shape } = drawn;
    this.sketch.draw({ ...this.#drawing(id, shape, stays), colour });
    if (shape.tag !== ShapeTag.Trail) this.#unsure.push({ at: performance.now(), id, drawn });
    if (this.#unsure.length > MAX_UNSURE && this.#unsure.shift()?.drawn && this.#away) this.hand.undrawn();
    this.hand.draw(id, colour, stays, shape);
  }

  /** What tells whether a node is still the one that was drawn on: numbers may mean another one by then. */
  #sign(node: number): string {
    const element = this.hand.stage()?.node(node) as Element | undefined;
    return element ? `${element.localName} ${element.textContent?.trim().slice(0, 80)}` : "";
  }

  #drawing(id: number, shape: Shape, stays: boolean): Drawing {
    return { participant: OWN, name: "", role: "", id, colour: this.colour, stays, shape };
  }
}

function measure(box: Target["box"], x: number, y: number): [number, number] {
  const part = (at: number, from: number, size: number) =>
    Math.round(((at - from) / Math.max(size, 1)) * 1000);
  return [part(x, box.left, box.width), part(y, box.top, box.height)];
}
