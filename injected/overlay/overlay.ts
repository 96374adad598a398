// What Lado shows on the customer's page, in one element of its own: the panel, the agents' pointers, marks on what is
// hidden. It has no place in the page's layout and is not captured.

import type { Boot } from "../boot";
import * as dom from "../capture/dom";
import { guard } from "../guard";
import type { Drawing } from "../protocol/messages";
import type { Rules } from "../rules";
import { type Box, type Hold, SKETCH_STYLE, Sketch } from "./sketch";

const MAX_MARKS = 100;
const EDGE = 12;
const ASK_MS = 15_000;
const FAREWELL = 8000;
/** A panel less high than this is a pill, and stays one on phones. */
const PILL = 64;

const COLOURS = ["#0f6e6e", "#b4500f", "#6d3fb5", "#1d5fae"];

const STYLE = `
:host { all: initial !important; position: fixed !important; inset: 0 !important; width: auto !important;
  height: auto !important; margin: 0 !important; padding: 0 !important; border: 0 !important;
  background: none !important; overflow: visible !important; pointer-events: none !important;
  z-index: 2147483647 !important; display: block !important; contain: layout style size !important;
  color-scheme: light !important; }
iframe { position: absolute; right: ${EDGE}px; bottom: ${EDGE}px; width: 320px; height: 160px; border: 0; border-radius: 14px;
  box-shadow: 0 8px 28px rgb(0 0 0 / .22), 0 0 0 1px rgb(0 0 0 / .08); background: #fff; pointer-events: auto;
  max-width: calc(100% - ${EDGE * 2}px); max-height: calc(100% - ${EDGE * 2}px); visibility: hidden; z-index: 1; }
iframe.shown { visibility: visible; }
/* Sites keep their own bars and buttons in the corners. */
iframe.small { bottom: auto; top: 50%; right: 0; border-radius: 14px 0 0 14px; }
@media (max-width: 480px) {
  iframe.small { top: 62%; }
  iframe:not(.small) { right: 0; bottom: 0; width: 100% !important; max-width: 100%; max-height: 70%;
    border-radius: 14px 14px 0 0; }
}
.pointer { position: absolute; left: 0; top: 0; will-change: transform; display: flex; align-items: flex-start;
  transition: transform 60ms linear; color: var(--c); }
.pointer svg { width: 20px; height: 22px; flex: none; filter: drop-shadow(0 1px 1px rgb(0 0 0 / .35)); }
.pointer span { margin: 16px 0 0 -4px; padding: 2px 9px; border-radius: 11px; background: var(--c); color: #fff;
  font: 500 12px/18px system-ui, sans-serif; white-space: nowrap; box-shadow: 0 1px 3px rgb(0 0 0 / .3); }
.probe { position: absolute; width: 99px; height: 99px; overflow: scroll; visibility: hidden; }
.ask { position: absolute; left: 0; top: 0; border: 3px solid #0f6e6e; border-radius: 8px; box-shadow: 0 0 0 4px rgb(15 110 110 / .25); }
.ask span { position: absolute; left: -3px; top: calc(100% + 7px); padding: 4px 10px; border-radius: 8px; background: #0f6e6e; color: #fff;
  font: 500 13px/18px system-ui, sans-serif; white-space: nowrap; }
.mark { position: absolute; left: 0; top: 0; width: 18px; height: 18px; border-radius: 9px; background: #fff;
  box-shadow: 0 0 0 1px rgb(0 0 0 / .12); color: #0f6e6e; display: grid; place-items: center; }
.mark svg { width: 12px; height: 12px; }
[hidden] { display: none !important; }
.glass { position: absolute; inset: 0; pointer-events: auto; cursor: crosshair; }
.aim { position: absolute; left: 0; top: 0; border: 2px solid #0f6e6e; border-radius: 4px; background: rgb(15 110 110 / .14);
  box-sizing: border-box; pointer-events: none; }
.say { position: absolute; left: 50%; top: 16px; transform: translateX(-50%); padding: 8px 16px; border-radius: 18px;
  background: #14211f; color: #f1f6f5; font: 500 14px/20px system-ui, sans-serif; box-shadow: 0 4px 16px rgb(0 0 0 / .3);
  white-space: nowrap; max-width: 92vw; overflow: hidden; text-overflow: ellipsis; }
@media (prefers-reduced-motion: reduce) { .pointer { transition: none; } }
${SKETCH_STYLE}
@media print { :host { display: none !important; } }
`;

/** Outlines take no room. */
const OUTLINE =
  "[data-lado-mask]{outline:1.5px dashed rgb(15 110 110/.65)!important;outline-offset:1px!important}";

const SVG = "http://www.w3.org/2000/svg";
const ARROW = "M2 1.5 L2 18 L6.6 13.6 L9.6 20.4 L12.4 19.2 L9.5 12.6 L16 12.2 Z";
const EYE_OFF =
  "M2 2l20 20M6.7 6.7C4.6 8 3 10 2 12c2 4 5.6 7 10 7 1.9 0 3.7-.5 5.3-1.4M10 5.2C10.7 5.1 11.3 5 12 5c4.4 0 8 3 10 7-.5 1-1.1 1.9-1.8 2.7M9.9 9.9a3 3 0 0 0 4.2 4.2";

/** Where the customer has moved the panel to, for the next page of the tab. */
const PLACE = "__lado_panel";

/** What the overlay asks of the rest of the script. */
export interface Page {
  /** The node that a drawing belongs to. */
  node(id: number): Node | null;
  /** The customer hides an element from everybody else. */
  hide(element: Element): void;
}

export class Overlay {
  readonly element: HTMLElement;
  /** Outlines what is hidden; every root of the page gets it, and none is told. */
  readonly sheet: CSSStyleSheet;
  #root: ShadowRoot;
  #panel: HTMLIFrameElement;
  #pointers = new Map<number, { arrow: HTMLElement; label: HTMLElement; x: number; y: number }>();
  #marks: HTMLElement[] = [];
  #waiting = false;
  #removed = false;
  #top = false;
  #showsMarks = true;
  /** How far the customer has moved the panel. */
  #shift = remembered();
  #sketch: Sketch;
  /** Ends the choice of an element to hide. */
  #stop: (() => void) | null = null;

  constructor(
    private readonly boot: Boot,
    private readonly rules: Rules,
    private readonly page: Page,
    /** How wide the browser's scroll bars are, in CSS pixels: 0 where they lie over the page. */
    scrollbar: (width: number) => void,
  ) {
    this.element = document.createElement("lado-overlay");
    this.element.setAttribute("popover", "manual");
    this.#root = this.element.attachShadow({ mode: "closed" });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    this.#root.adoptedStyleSheets = [style];
    this.sheet = new CSSStyleSheet();
    this.sheet.replaceSync(OUTLINE);
    this.#panel = document.createElement("iframe");
    this.#panel.setAttribute("allow", "");
    this.#panel.title = "Lado";
    this.#panel.src = boot.panel;
    this.#sketch = new Sketch(this.#root, {
      hold: (node) => this.#hold(node),
      later: (run, ms) => dom.timeout(guard(run), ms),
      look: (node) => this.#look(node),
      label: (name, role) => this.#label(name, role === "supervisor" ? role : ""),
      words: { look: boot.text.look ?? "Look here" },
    });
    dom.append(this.#root, this.#panel);
    // A box with bars, and what is left in it: the observer is told after the browser's own layout.
    const probe = document.createElement("div");
    probe.className = "probe";
    const room = document.createElement("div");
    dom.append(probe, room);
    dom.append(this.#root, probe);
    new ResizeObserver(
      guard(([entry]: ResizeObserverEntry[]) => scrollbar(99 - Math.round(entry?.contentRect.width ?? 99))),
    ).observe(room);
    dom.listen(window, "message", this.#onMessage, true);
    // A dialog or popover of the page that opens comes to the front of the top layer.
    dom.listen(
      document,
      "toggle",
      guard((event: ToggleEvent) => {
        if (event.newState === "open" && event.target !== this.element) this.raise();
      }),
      true,
    );
    this.moved();
  }

  /** Shows the outlines in a root of the page. */
  entered(root: Document | ShadowRoot): void {
    const sheets = dom.adoptedOf(root);
    // A constructed sheet is for the document that made it (CSSOM §6.1.1), which leaves frames without outlines.
    const own =
      dom.nodeType(root) === dom.DOCUMENT ? root === document : dom.ownerDocument(root) === document;
    if (own && !sheets.includes(this.sheet)) sheets.push(this.sheet);
  }

  /** Something has moved: what stands over the page is put right in the next frame. */
  moved(): void {
    if (this.#waiting || this.#removed) return;
    this.#waiting = true;
    dom.frame(
      guard(() => {
        this.#waiting = false;
        this.#place();
      }),
    );
  }

  /** Over what the page has brought to the front since. */
  private raise(): void {
    if (this.#top) this.element.hidePopover();
    this.#top = false;
    this.moved();
  }

  /** The session is over and the page goes on: the panel says so for a while, and all else goes. */
  farewell(): void {
    for (const { arrow } of this.#pointers.values()) arrow.remove();
    this.#pointers.clear();
    for (const mark of this.#marks.splice(0)) mark.remove();
    this.sheet.replaceSync("");
    dom.timeout(
      guard(() => this.remove()),
      FAREWELL,
    );
  }

  remove(): void {
    this.#removed = true;
    this.element.remove();
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
      dom.append(this.#root, arrow);
      pointer = { arrow, label, x, y };
      this.#pointers.set(participant, pointer);
    }
    const text = this.#label(name, role);
    if (pointer.label.textContent !== text) pointer.label.textContent = text;
    pointer.x = x;
    pointer.y = y;
    this.moved();
  }

  draw(drawing: Drawing): void {
    this.#sketch.draw(drawing);
    this.moved();
  }

  erase(participant: number, id: number): void {
    this.#sketch.erase(participant, id);
  }

  /** An agent's press, in CSS pixels of the window. */
  pressed(x: number, y: number): void {
    this.#sketch.ripple(x, y, COLOURS[0] ?? "");
    this.moved();
  }

  #label(name: string, role: string): string {
    return role ? `${name} · ${this.boot.text[role] ?? role}` : name;
  }

  /** Numbers of nodes change when the page is told anew: what is drawn holds on to the element itself. */
  #hold(id: number): Hold {
    const found = this.page.node(id);
    const element = found && dom.isElement(found) ? found : null;
    return () => (element && dom.isConnected(element) ? boxOf(element) : null);
  }

  /** Brings what an agent points at into sight. */
  #look(id: number): void {
    const node = this.page.node(id);
    if (!node || !dom.isElement(node)) return;
    const box = boxOf(node);
    if (box && box.top >= 0 && box.top + Math.min(box.height, innerHeight) <= innerHeight) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    node.scrollIntoView({ block: "center", inline: "nearest", behavior: still ? "auto" : "smooth" });
  }

  /** The customer chooses an element to hide: what lies under the pointer is framed, and a press hides it. */
  #choose(): void {
    this.#stop?.();
    const glass = document.createElement("div");
    glass.className = "glass";
    const aim = document.createElement("div");
    aim.className = "aim";
    const say = document.createElement("div");
    say.className = "say";
    say.textContent = this.boot.text.choose ?? "";
    for (const part of [glass, aim, say]) dom.append(this.#root, part);
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
      if (element) this.page.hide(element);
      this.moved();
    });
    const key = guard((event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.#stop?.();
    });
    glass.addEventListener("pointermove", move);
    glass.addEventListener("click", press);
    window.addEventListener("keydown", key, true);
    this.#stop = () => {
      window.removeEventListener("keydown", key, true);
      for (const part of [glass, aim, say]) part.remove();
      this.#stop = null;
    };
    this.moved();
  }

  #showMarks(shown: boolean): void {
    this.#showsMarks = shown;
    this.sheet.replaceSync(shown ? OUTLINE : "");
    this.moved();
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
    words.textContent = this.boot.text.ask ?? "";
    dom.append(frame, words);
    dom.append(this.#root, frame);
    this.#asked = frame;
    const done = (): void => frame.remove();
    dom.timeout(done, ASK_MS);
    for (const type of ["pointerdown", "scroll"])
      dom.listen(window, type, done, { capture: true, passive: true, once: true });
    this.raise();
  }
  #asked: HTMLElement | null = null;

  #onMessage = guard((event: MessageEvent) => {
    if (event.origin !== this.boot.console || !event.source || event.source !== this.#panel.contentWindow)
      return;
    // The page is not to see what it did not ask for.
    event.stopImmediatePropagation();
    const { lado, width, height, hide, marks, move, corner } = (event.data ?? {}) as Record<string, unknown>;
    if (lado === "panel" && hide === true) this.#choose();
    if (lado === "panel" && typeof marks === "boolean") this.#showMarks(marks);
    if (lado === "panel" && Array.isArray(move)) this.#move(Number(move[0]) || 0, Number(move[1]) || 0);
    if (lado === "panel" && corner === true) this.#turn();
    if (lado !== "panel" || !(Number(width) >= 0) || !(Number(height) >= 0)) return;
    const { style, classList } = this.#panel;
    style.width = `${Math.min(Number(width), 640)}px`;
    style.height = `${Math.min(Number(height), 900)}px`;
    classList.toggle("small", Number(height) < PILL);
    classList.add("shown");
    this.#move(0, 0);
  });

  /** The customer drags the panel; it stays inside the window. */
  #move(dx: number, dy: number): void {
    const shift = this.#shift;
    const box = this.#panel.getBoundingClientRect();
    const inside = (wish: number, from: number, size: number, room: number): number =>
      Math.max(EDGE - from, Math.min(wish, room - EDGE - size - from));
    // A sheet has the whole width, and a pill at the edge stays there until it is moved.
    if (!dx && !dy && !shift.x && !shift.y) return;
    const left = box.left - shift.x;
    const top = box.top - shift.y;
    shift.x = box.width > innerWidth - 2 * EDGE ? 0 : inside(shift.x + dx, left, box.width, innerWidth);
    shift.y = box.width > innerWidth - 2 * EDGE ? 0 : inside(shift.y + dy, top, box.height, innerHeight);
    this.#panel.style.translate = `${shift.x}px ${shift.y}px`;
    try {
      sessionStorage.setItem(PLACE, `${Math.round(shift.x)} ${Math.round(shift.y)}`);
    } catch {
      // Then the next page begins where it always does.
    }
  }

  /** On to the next corner: for those who do not drag. */
  #turn(): void {
    const box = this.#panel.getBoundingClientRect();
    const right = box.left + box.width / 2 > innerWidth / 2;
    const low = box.top + box.height / 2 > innerHeight / 2;
    const far = innerWidth + innerHeight;
    // From the low right to the low left, the high left, the high right.
    if (right === low) this.#move(right ? -far : far, 0);
    else this.#move(0, low ? -far : far);
  }

  #place(): void {
    const { documentElement } = document;
    if (this.#removed || !documentElement) {
      this.moved();
      return;
    }
    if (!dom.isConnected(this.element)) {
      dom.append(documentElement, this.element);
      this.#top = false;
    }
    if (!this.#top && this.element.showPopover) {
      this.element.showPopover();
      this.#top = true;
    }
    for (const { arrow, x, y } of this.#pointers.values()) {
      arrow.style.transform = `translate(${x - scrollX}px,${y - scrollY}px)`;
    }
    this.#sketch.place();
    this.#placeMarks();
  }

  #placeMarks(): void {
    let shown = 0;
    for (const element of this.rules.found) {
      if (!dom.isConnected(element)) {
        this.rules.found.delete(element);
        continue;
      }
      if (shown === MAX_MARKS || !this.#showsMarks) break;
      const spot = visibleSpot(element);
      if (!spot) continue;
      const mark = this.#marks[shown] ?? this.#newMark();
      mark.style.transform = `translate(${spot.x}px,${spot.y}px)`;
      mark.hidden = false;
      shown++;
    }
    for (const mark of this.#marks.splice(shown)) mark.remove();
  }

  #newMark(): HTMLElement {
    const mark = document.createElement("div");
    mark.className = "mark";
    mark.title = this.boot.text.hidden ?? "";
    const line = { fill: "none", stroke: "currentColor", "stroke-width": "2.2", "stroke-linecap": "round" };
    dom.append(mark, drawing(EYE_OFF, "0 0 24 24", line));
    dom.append(this.#root, mark);
    this.#marks.push(mark);
    return mark;
  }
}

function remembered(): { x: number; y: number } {
  try {
    const [x = 0, y = 0] = (sessionStorage.getItem(PLACE) ?? "").split(" ").map(Number);
    return { x: x || 0, y: y || 0 };
  } catch {
    return { x: 0, y: 0 };
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

/** Where a mark goes: on the right edge of what is hidden, inside the window. */
function visibleSpot(element: Element): { x: number; y: number } | null {
  const box = dom.rect(element);
  let { right: x, top: y } = box;
  if (!box.width || !box.height) return null;
  for (let view = dom.viewOf(dom.ownerDocument(element) as Document); view && view !== window; ) {
    const { frameElement } = view;
    if (!frameElement) return null;
    const outer = dom.rect(frameElement);
    x += outer.left;
    y += outer.top;
    view = dom.viewOf(dom.ownerDocument(frameElement) as Document);
  }
  if (x < 0 || y + box.height < 0 || x - box.width > innerWidth || y > innerHeight) return null;
  return { x: Math.round(x - 22), y: Math.round(y + Math.min(box.height / 2, 20) - 9) };
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
