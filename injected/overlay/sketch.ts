// What people draw over a page, as shapes that hold on to elements: under scrolling, resizing and on other screens they
// stay where they belong. The customer's page and the agents' viewers show it alike. Nothing here takes a press.

import { type Drawing, type Shape, ShapeTag } from "../protocol/messages";

/** Told apart on light and dark pages, and by people who see few colours. */
export const PALETTE = ["#e03131", "#1971c2", "#2b8a3e", "#c2410c", "#7048e8", "#212529"] as const;

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Where an element is at the moment, in the CSS pixels of the sketch; null when it is gone or not to be seen. */
export type Hold = () => Box | null;

export interface Paper {
  /** Takes hold of a node, now or when it is there. */
  hold(node: number): Hold;
  later(run: () => void, ms: number): void;
  /** A ping has come: the page scrolls to it. */
  look(node: number): void;
  /** A participant's name with the role that matters. */
  label(name: string, role: string): string;
  words: { look: string };
}

const VANISHES = 6000;
const TRAIL = 900;
const PADDING = 5;
const SVG = "http://www.w3.org/2000/svg";

export const SKETCH_STYLE = `
.sketch { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; pointer-events: none; }
.sketch path { fill: none; stroke: var(--c); stroke-width: 4; stroke-linecap: round; stroke-linejoin: round;
  filter: drop-shadow(0 0 1px #fff) drop-shadow(0 0 2px rgb(255 255 255 / .8)); }
.sketch .area { fill: color-mix(in srgb, var(--c) 12%, transparent); stroke-width: 3; }
.sketch .trail { stroke: #ff2d2d; stroke-width: 6; filter: drop-shadow(0 0 4px #ff2d2d); animation: lado-fade ${TRAIL}ms ease-in forwards; }
.tag { position: absolute; left: 0; top: 0; max-width: 260px; padding: 2px 9px; border-radius: 11px; background: var(--c);
  color: #fff; font: 500 12px/18px system-ui, sans-serif; box-shadow: 0 1px 3px rgb(0 0 0 / .3); pointer-events: none;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.tag.text { padding: 4px 10px; border-radius: 8px; font: 600 15px/20px system-ui, sans-serif; white-space: pre-wrap; }
.ring { position: absolute; left: -22px; top: -22px; width: 44px; height: 44px; border: 4px solid var(--c);
  border-radius: 50%; box-sizing: border-box; pointer-events: none; animation: lado-ring 1.2s ease-out infinite; }
.ripple { position: absolute; left: -18px; top: -18px; width: 36px; height: 36px; border: 3px solid var(--c);
  border-radius: 50%; box-sizing: border-box; pointer-events: none; animation: lado-ripple 600ms ease-out forwards; }
@keyframes lado-fade { from { opacity: 1; } to { opacity: 0; } }
@keyframes lado-ring { 0% { scale: .4; opacity: 1; } 100% { scale: 1.3; opacity: 0; } }
@keyframes lado-ripple { from { scale: .2; opacity: 1; } to { scale: 1.2; opacity: 0; } }
@media (prefers-reduced-motion: reduce) { .ring, .ripple, .sketch .trail { animation-duration: 1ms; animation-iteration-count: 1; }
  .ring { animation: none; opacity: 1; } }
`;

interface Drawn {
  drawing: Drawing;
  hold: Hold;
  path: SVGPathElement | null;
  tag: HTMLElement | null;
  ring: HTMLElement | null;
}

export class Sketch {
  readonly #svg: SVGSVGElement;
  readonly #drawn = new Map<string, Drawn>();

  constructor(
    private readonly root: ParentNode & Node,
    private readonly paper: Paper,
  ) {
    this.#svg = document.createElementNS(SVG, "svg");
    this.#svg.setAttribute("class", "sketch");
    root.appendChild(this.#svg);
  }

  get empty(): boolean {
    return this.#drawn.size === 0;
  }

  draw(drawing: Drawing): void {
    const key = `${drawing.participant} ${drawing.id}`;
    this.#remove(key);
    const { shape } = drawing;
    const colour = PALETTE[drawing.colour] ?? PALETTE[0];
    const drawn: Drawn = { drawing, hold: this.paper.hold(shape.node), path: null, tag: null, ring: null };
    if (shape.tag !== ShapeTag.Text && shape.tag !== ShapeTag.Ping) {
      drawn.path = document.createElementNS(SVG, "path");
      const area = shape.tag === ShapeTag.Highlight || shape.tag === ShapeTag.Rectangle;
      drawn.path.setAttribute("class", shape.tag === ShapeTag.Trail ? "trail" : area ? "area" : "");
      drawn.path.style.setProperty("--c", colour);
      this.#svg.appendChild(drawn.path);
    }
    const who = this.paper.label(drawing.name, drawing.role);
    const words =
      shape.tag === ShapeTag.Text
        ? shape.text
        : shape.tag === ShapeTag.Ping
          ? [who, this.paper.words.look].filter(Boolean).join(": ")
          : shape.tag === ShapeTag.Highlight || drawing.role === "supervisor"
            ? who
            : "";
    if (words) {
      drawn.tag = this.#element(shape.tag === ShapeTag.Text ? "tag text" : "tag", colour);
      drawn.tag.textContent =
        shape.tag === ShapeTag.Text && drawing.role === "supervisor" ? `${who}: ${words}` : words;
    }
    if (shape.tag === ShapeTag.Ping) {
      drawn.ring = this.#element("ring", colour);
      this.paper.look(shape.node);
    }
    this.#drawn.set(key, drawn);
    this.#put(drawn);
    if (drawing.stays && shape.tag !== ShapeTag.Ping && shape.tag !== ShapeTag.Trail) return;
    this.paper.later(
      () => {
        if (this.#drawn.get(key) === drawn) this.#remove(key);
      },
      shape.tag === ShapeTag.Trail ? TRAIL : VANISHES,
    );
  }

  /** 0 stands for all. */
  erase(participant: number, id: number): void {
    for (const [key, { drawing }] of [...this.#drawn]) {
      if ((!participant || drawing.participant === participant) && (!id || drawing.id === id))
        this.#remove(key);
    }
  }

  /** A press, where it was made. */
  ripple(x: number, y: number, colour: string): void {
    const ripple = this.#element("ripple", colour);
    ripple.style.translate = `${x}px ${y}px`;
    this.paper.later(() => ripple.remove(), 700);
  }

  /** Puts everything where its element is now. */
  place(): void {
    for (const drawn of this.#drawn.values()) this.#put(drawn);
  }

  #put({ drawing: { shape }, hold, path, tag, ring }: Drawn): void {
    const box = hold();
    for (const part of [path, tag, ring]) part?.toggleAttribute("hidden", !box);
    if (path) path.style.display = box ? "" : "none";
    if (!box) return;
    path?.setAttribute("d", outline(shape, box));
    const [x, y] = corner(shape, box);
    if (tag) {
      const above = shape.tag === ShapeTag.Highlight || shape.tag === ShapeTag.Ping ? 26 : 0;
      tag.style.transform = `translate(${Math.max(4, x)}px,${Math.max(4, y - above)}px)`;
    }
    if (ring && shape.tag === ShapeTag.Ping) {
      const [px, py] = at(box, shape.x, shape.y);
      // Not a transform: what grows would take its place along (CSS Transforms 2, "current transformation matrix").
      ring.style.translate = `${px}px ${py}px`;
    }
  }

  #element(name: string, colour: string): HTMLElement {
    const element = document.createElement("div");
    element.className = name;
    element.style.setProperty("--c", colour);
    this.root.appendChild(element);
    return element;
  }

  #remove(key: string): void {
    const drawn = this.#drawn.get(key);
    for (const part of drawn ? [drawn.path, drawn.tag, drawn.ring] : []) part?.remove();
    this.#drawn.delete(key);
  }
}

function at(box: Box, x: number, y: number): [number, number] {
  return [round(box.left + (box.width * x) / 1000), round(box.top + (box.height * y) / 1000)];
}

function corner(shape: Shape, box: Box): [number, number] {
  switch (shape.tag) {
    case ShapeTag.Text:
      return at(box, shape.x, shape.y);
    case ShapeTag.Ping: {
      const [x, y] = at(box, shape.x, shape.y);
      return [x + 14, y - 14];
    }
    case ShapeTag.Arrow:
      return at(box, shape.x1, shape.y1);
    case ShapeTag.Rectangle:
      return at(box, Math.min(shape.x1, shape.x2), Math.min(shape.y1, shape.y2));
    case ShapeTag.Highlight:
      return [round(box.left - PADDING), round(box.top - PADDING)];
    default:
      return at(box, shape.points[0] ?? 0, shape.points[1] ?? 0);
  }
}

function outline(shape: Shape, box: Box): string {
  switch (shape.tag) {
    case ShapeTag.Pen:
    case ShapeTag.Trail: {
      const line: string[] = [];
      for (let i = 0; i + 1 < shape.points.length; i += 2)
        line.push(at(box, shape.points[i] ?? 0, shape.points[i + 1] ?? 0).join(" "));
      return `M${line.join("L")}`;
    }
    case ShapeTag.Arrow: {
      const [x1, y1] = at(box, shape.x1, shape.y1);
      const [x2, y2] = at(box, shape.x2, shape.y2);
      const angle = Math.atan2(y2 - y1, x2 - x1);
      const size = Math.min(18, Math.hypot(x2 - x1, y2 - y1) / 2);
      const head = [angle + 2.6, angle - 2.6].map(
        (way) => `${round(x2 + size * Math.cos(way))} ${round(y2 + size * Math.sin(way))}`,
      );
      return `M${x1} ${y1}L${x2} ${y2}M${head[0]}L${x2} ${y2}L${head[1]}`;
    }
    case ShapeTag.Rectangle: {
      const [x1, y1] = at(box, shape.x1, shape.y1);
      const [x2, y2] = at(box, shape.x2, shape.y2);
      return `M${x1} ${y1}H${x2}V${y2}H${x1}Z`;
    }
    case ShapeTag.Highlight: {
      const { left, top, width, height } = box;
      return `M${round(left - PADDING)} ${round(top - PADDING)}h${round(width + 2 * PADDING)}v${round(height + 2 * PADDING)}h${-round(width + 2 * PADDING)}Z`;
    }
    default:
      return "";
  }
}

const round = (value: number): number => Math.round(value * 10) / 10;
