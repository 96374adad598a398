// What Lado shows on the customer's page, in one element of its own: the panel, and over the page what `Signs` puts there.
// It has no place in the page's layout and is not captured.

import type { Boot } from "../boot";
import type { Capture } from "../capture/capture";
import * as dom from "../capture/dom";
import { guard } from "../guard";
import type { PageMessage } from "../protocol/messages";
import type { Rules } from "../rules";
import type { Late } from "../shared";
import type { Carry } from "./carry";
import { EDGE, PLACE } from "./place";
import type { Signs } from "./signs";

/** Whoever has read it closes it. */
const FAREWELL = 120_000;
/** A panel thinner than this is a pill, and stays one on phones: sites keep their own bars and buttons in the corners. */
const PILL = 64;

/** Every page gets it: it is as short as it can be read. */
const STYLE = `
:host{all:initial!important;position:fixed!important;inset:0!important;width:auto!important;height:auto!important;
margin:0!important;padding:0!important;border:0!important;background:none!important;overflow:visible!important;
pointer-events:none!important;z-index:2147483647!important;display:block!important;
contain:layout style size!important;color-scheme:light!important}
iframe{position:absolute;right:${EDGE}px;bottom:${EDGE}px;width:320px;height:160px;border:0;border-radius:14px;
box-shadow:0 8px 28px rgb(0 0 0/.22),0 0 0 1px rgb(0 0 0/.08);background:#fff;pointer-events:auto;
max-width:calc(100% - ${EDGE * 2}px);max-height:calc(100% - ${EDGE * 2}px);visibility:hidden;z-index:1}
iframe.shown{visibility:visible}
iframe.small{bottom:auto;top:50%;right:0;border-radius:14px 0 0 14px}
@media(max-width:480px){iframe.small{top:62%;max-width:44px}iframe:not(.small){right:0;bottom:0;width:100%!important;max-width:100%;
max-height:70%;border-radius:14px 14px 0 0}}
[hidden]{display:none!important}
@media print{:host{display:none!important}}`;

/** Outlines take no room. */
const OUTLINE =
  "[data-lado-mask]{outline:1.5px dashed rgb(15 110 110/.65)!important;outline-offset:1px!important}";

/** What the overlay asks of the rest of the script. */
export interface Page {
  /** What knows the page's nodes. */
  capture(): Capture;
  /** Tells now what has changed. */
  flush(): void;
  /** Tells Lado; 0 where that cannot be now. */
  tell(message: PageMessage): number;
  /** Runs what needs the late script, when it is there. */
  late(run: (late: Late) => void): void;
}

export class Overlay {
  readonly element: HTMLElement;
  /** Outlines what is hidden; every root of the page gets it, and none is told. */
  readonly sheet: CSSStyleSheet;
  #root: ShadowRoot;
  #panel: HTMLIFrameElement;
  #waiting = false;
  #removed = false;
  #over = false;
  #top = false;
  #showsMarks = true;
  #carry: Carry | null = null;
  /** What stands over the page, once there is something. */
  signs: Signs | null = null;
  #asked = false;

  constructor(
    private readonly boot: Boot,
    private readonly rules: Rules,
    private readonly page: Page,
    /** The page has the panel, and the documents in its frames have none. */
    hasPanel: boolean,
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
    if (hasPanel) {
      this.#panel.src = boot.panel;
      dom.append(this.#root, this.#panel);
      dom.listen(window, "message", this.#onMessage, true);
    }
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
    // Where it has been moved on an earlier page.
    if (hasPanel && isMoved()) this.#carried(() => {});
  }

  /** Puts an element of Lado's own over the page. */
  put(element: Element): void {
    dom.append(this.#root, element);
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
    this.#asked = true;
    page.late(({ Signs }) => {
      if (!this.signs) {
        this.signs = new Signs({
          ...page,
          root: this.#root,
          text: boot.text,
          rules,
          moved: () => this.moved(),
          raise: () => this.raise(),
        });
        this.signs.showMarks(this.#showsMarks);
      }
      run(this.signs);
    });
  }

  #carried(run: (carry: Carry) => void): void {
    this.page.late(({ Carry }) => {
      this.#carry ??= new Carry(this.#panel);
      run(this.#carry);
    });
  }

  /** Over what the page has brought to the front since. */
  private raise(): void {
    if (this.#top) this.element.hidePopover();
    this.#top = false;
    this.moved();
  }

  /** The session is over and the page goes on: the panel says so for a while, and all else goes. */
  farewell(): void {
    this.#over = true;
    this.#showsMarks = false;
    this.signs?.clear();
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
    this.signs?.showMarks(shown);
    this.moved();
  }

  #onMessage = guard((event: MessageEvent) => {
    if (event.origin !== this.boot.console || !event.source || event.source !== this.#panel.contentWindow)
      return;
    // The page is not to see what it did not ask for.
    event.stopImmediatePropagation();
    const { lado, width, height, choose, marks, move, corner, close } = (event.data ?? {}) as Record<
      string,
      unknown
    >;
    if (lado !== "panel") return;
    if (typeof choose === "string") this.show((signs) => signs.choose(choose));
    if (close === true && this.#over) this.remove();
    if (typeof marks === "boolean") this.#showMarks(marks);
    if (Array.isArray(move)) this.#carried((carry) => carry.move(Number(move[0]) || 0, Number(move[1]) || 0));
    if (corner === true) this.#carried((carry) => carry.turn());
    if (!(Number(width) >= 0) || !(Number(height) >= 0)) return;
    const { style, classList } = this.#panel;
    style.width = `${Math.min(Number(width), 640)}px`;
    style.height = `${Math.min(Number(height), 900)}px`;
    classList.toggle("small", Math.min(Number(width), Number(height)) < PILL);
    classList.add("shown");
    this.#carry?.move(0, 0);
  });

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
    if (this.signs) this.signs.place();
    else if (this.rules.found.size && this.#showsMarks && !this.#asked) this.show((signs) => signs.place());
  }
}

function isMoved(): boolean {
  try {
    return !!sessionStorage.getItem(PLACE);
  } catch {
    return false;
  }
}
