// What the browser shows outside the page: message boxes, choosers, permission questions, print, downloads. Agents see
// none of it in the tree, so it is told in words. Part of the late script.

import { guard } from "../guard";
import { Native } from "../protocol/messages";
import { around } from "./around";
import * as dom from "./dom";

type Realm = Window & typeof globalThis;
type Say = (native: Native, shown: boolean, text: string) => unknown;

/** More than Lado tells: it sees what stands where it cuts. */
const MAX_TEXT = 500;
/** What has no end that a page hears of is told for this long. */
const MOMENT_MS = 4000;

const CHOOSERS: Record<string, Native> = {
  file: Native.File,
  date: Native.Date,
  time: Native.Date,
  month: Native.Date,
  week: Native.Date,
  "datetime-local": Native.Date,
  color: Native.Color,
};

export class Outside {
  #chooser: Element | null = null;

  /** `hides` says whether agents see nothing of an element; `pause` blanks everything for them. */
  constructor(
    private readonly say: Say,
    private readonly hides: (element: Element) => boolean,
    pause: () => unknown,
  ) {
    const on = (type: string, run: (event: Event) => void, capture = true): void =>
      dom.listen(window, type, guard(run), { capture });
    on("beforeprint", () => say(Native.Print, true, ""));
    on("afterprint", () => say(Native.Print, false, ""));
    on("click", (event) => this.#clicked(event));
    on("keydown", (event) => {
      if (event.isTrusted && (event as KeyboardEvent).key === "Pause") pause();
    });
    for (const type of ["change", "cancel", "focusout", "pointerdown"])
      on(type, ({ target }) => {
        if (this.#chooser && (target === this.#chooser || type === "pointerdown")) this.#chosen();
      });
    // A listener that is added while the event is on its way down comes after all of the page's.
    const last = guard((event: BeforeUnloadEvent) => {
      if (event.defaultPrevented || event.returnValue) this.#moment(Native.Leave, "");
    });
    on("beforeunload", () => {
      window.removeEventListener("beforeunload", last);
      dom.listen(window, "beforeunload", last);
    });
  }

  /** Watches a window's own functions for it. */
  patch(realm: Realm): void {
    const box = (name: "alert" | "confirm" | "prompt", native: Native): void =>
      around(realm, name, (text) => {
        this.say(native, true, text === undefined ? "" : short(text));
        return () => this.say(native, false, "");
      });
    box("alert", Native.Alert);
    box("confirm", Native.Confirm);
    box("prompt", Native.Prompt);
    around(realm.HTMLInputElement?.prototype, "showPicker", (_, input) => {
      this.#choosing(input as Element);
    });
    const ask = (owner: object | undefined, name: string, permission: string): void =>
      around(owner, name, () => this.#asking(permission));
    ask(realm.Geolocation?.prototype, "getCurrentPosition", "geolocation");
    ask(realm.Geolocation?.prototype, "watchPosition", "geolocation");
    ask(realm.Notification, "requestPermission", "notifications");
    around(realm.MediaDevices?.prototype, "getUserMedia", (wanted) => {
      const { audio, video } = (wanted ?? {}) as MediaStreamConstraints;
      if (video) this.#asking("camera");
      else if (audio) this.#asking("microphone");
    });
    around(realm.MediaDevices?.prototype, "getDisplayMedia", () =>
      this.#moment(Native.Permission, "display"),
    );
    around(realm.Navigator?.prototype, "share", () => this.#moment(Native.Share, ""));
    around(realm.CredentialsContainer?.prototype, "get", () => this.#moment(Native.Credential, ""));
  }

  #clicked(event: Event): void {
    const target = event.composedPath()[0] as Node;
    const element = dom.isElement(target) ? target : dom.parentNode(target);
    if (!event.isTrusted || !element || !dom.isElement(element)) return;
    // Files of the site are seen on their way; these never leave the browser.
    const link = element.closest("a[download][href^='blob:'],a[download][href^='data:']");
    if (link)
      this.#moment(Native.Download, this.hides(link) ? "" : (dom.getAttribute(link, "download") ?? ""));
    else this.#choosing(element.closest("label")?.control ?? element);
  }

  #choosing(element: Element): void {
    if (dom.localName(element) !== "input") return;
    const native = CHOOSERS[dom.input.type(element as HTMLInputElement)];
    if (native === undefined || dom.matches(element, ":disabled")) return;
    this.#chosen();
    this.#chooser = element;
    this.say(native, true, "");
  }

  #chosen(): void {
    const native = this.#chooser && CHOOSERS[dom.input.type(this.#chooser as HTMLInputElement)];
    this.#chooser = null;
    if (native) this.say(native, false, "");
  }

  /** Only where the browser does ask, and until the customer has answered. */
  #asking(permission: string): void {
    navigator.permissions.query({ name: permission as PermissionName }).then(
      guard((status: PermissionStatus) => {
        if (status.state !== "prompt") return;
        this.say(Native.Permission, true, permission);
        dom.listen(
          status,
          "change",
          guard(() => this.say(Native.Permission, false, permission)),
        );
      }),
      () => {},
    );
  }

  #moment(native: Native, text: string): void {
    this.say(native, true, short(text));
    dom.timeout(
      guard(() => this.say(native, false, "")),
      MOMENT_MS,
    );
  }
}

function short(text: unknown): string {
  return String(text).slice(0, MAX_TEXT);
}
