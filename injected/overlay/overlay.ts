// What Lado shows on the customer's page, in one element of its own: the panel, and over the page what `Signs` puts there.
// It has no place in the page's layout and is not captured.

import type { Boot } from "../boot";
import * as dom from "../capture/dom";
import { failed, guard } from "../guard";
import type { Rules } from "../rules";
import type { Late } from "../shared";
import type { Signs } from "./signs";

const EDGE = 12;
const FAREWELL = 8000;
/** When the late script may be asked for again after it has not come. */
const RETRY_MS = 5000;
/** A panel thinner than this is a pill, and stays one on phones. */
const PILL = 64;

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
  iframe.small { top: 62%; max-width: 44px; }
  iframe:not(.small) { right: 0; bottom: 0; width: 100% !important; max-width: 100%; max-height: 70%;
    border-radius: 14px 14px 0 0; }
}
.probe { position: absolute; width: 99px; height: 99px; overflow: scroll; visibility: hidden; }
[hidden] { display: none !important; }
@media print { :host { display: none !important; } }
`;

/** Outlines take no room. */
const OUTLINE =
  "[data-lado-mask]{outline:1.5px dashed rgb(15 110 110/.65)!important;outline-offset:1px!important}";

/** Where the customer has moved the panel to, for the next page of the tab. */
const PLACE = "__lado_panel";

/** What the overlay asks of the rest of the script. */
export interface Page {
  /** The node that a drawing belongs to. */
  node(id: number): Node | null;
  /** The customer hides an element from everybody else. */
  hide(element: Element): void;
  /** The late script. */
  late(): Promise<Late>;
}

export class Overlay {
  readonly element: HTMLElement;
  /** Outlines what is hidden; every root of the page gets it, and none is told. */
  readonly sheet: CSSStyleSheet;
  #root: ShadowRoot;
  #panel: HTMLIFrameElement;
  #waiting = false;
  #removed = false;
  #top = false;
  #showsMarks = true;
  /** How far the customer has moved the panel. */
  #shift = remembered();
  #signs: Signs | null = null;
  #coming: Promise<Signs> | undefined;

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

  /** Puts something over the page, as soon as the script for that is there. */
  show(run: (signs: Signs) => void): void {
    const { boot, rules, page } = this;
    if (!this.#coming) {
      this.#coming = page.late().then(({ Signs }) => {
        this.#signs = new Signs({
          root: this.#root,
          text: boot.text,
          found: rules.found,
          node: (id) => page.node(id),
          hide: (element) => page.hide(element),
          moved: () => this.moved(),
          raise: () => this.raise(),
        });
        this.#signs.showMarks(this.#showsMarks);
        return this.#signs;
      });
      this.#coming.catch((error) => {
        failed(error);
        dom.timeout(() => {
          this.#coming = undefined;
        }, RETRY_MS);
      });
    }
    this.#coming.then(guard(run), () => {});
  }

  /** Over what the page has brought to the front since. */
  private raise(): void {
    if (this.#top) this.element.hidePopover();
    this.#top = false;
    this.moved();
  }

  /** The session is over and the page goes on: the panel says so for a while, and all else goes. */
  farewell(): void {
    this.#showsMarks = false;
    this.#signs?.clear();
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

  #showMarks(shown: boolean): void {
    this.#showsMarks = shown;
    this.sheet.replaceSync(shown ? OUTLINE : "");
    this.#signs?.showMarks(shown);
    this.moved();
  }

  #onMessage = guard((event: MessageEvent) => {
    if (event.origin !== this.boot.console || !event.source || event.source !== this.#panel.contentWindow)
      return;
    // The page is not to see what it did not ask for.
    event.stopImmediatePropagation();
    const { lado, width, height, hide, marks, move, corner } = (event.data ?? {}) as Record<string, unknown>;
    if (lado === "panel" && hide === true) this.show((signs) => signs.choose());
    if (lado === "panel" && typeof marks === "boolean") this.#showMarks(marks);
    if (lado === "panel" && Array.isArray(move)) this.#move(Number(move[0]) || 0, Number(move[1]) || 0);
    if (lado === "panel" && corner === true) this.#turn();
    if (lado !== "panel" || !(Number(width) >= 0) || !(Number(height) >= 0)) return;
    const { style, classList } = this.#panel;
    style.width = `${Math.min(Number(width), 640)}px`;
    style.height = `${Math.min(Number(height), 900)}px`;
    classList.toggle("small", Math.min(Number(width), Number(height)) < PILL);
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
    if (this.#signs) this.#signs.place();
    else if (this.rules.found.size && this.#showsMarks && !this.#coming) this.show((signs) => signs.place());
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
