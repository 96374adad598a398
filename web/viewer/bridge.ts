// Talk between the viewer and the console that frames it. Only the console can frame it (frame-ancestors), so the parent
// is the console; its origin is learnt from its first message and checked from then on.

import type { Refusal } from "../../injected/protocol/messages";
import type { Permission } from "../shared/api";
import type { Tool } from "./tool";

export type FromViewer =
  | { type: "ready" }
  | { type: "page"; title: string; url: string; width: number; height: number }
  | { type: "nopage" }
  | { type: "level"; level: Permission }
  /** `label` is what the refused element says, as far as the mirror shows it. */
  | { type: "refused"; refusal: Refusal; rule: string; label: string }
  | { type: "online"; online: boolean }
  | { type: "ended" }
  /** Round trips in milliseconds, as far as they are known. */
  | { type: "latency"; agent: number | null; customer: number | null }
  | { type: "connection"; state: "connecting" | "open" | "lost" }
  /** The customer points something out; `label` is what it says, as far as the mirror shows it. */
  | { type: "look"; label: string }
  /** Drawings that were made while the connection was away are not kept. */
  | { type: "undrawn" }
  | { type: "ticket?" }
  /** Alt+Shift and this key were pressed over the page. */
  | { type: "shortcut"; code: string }
  /** F6: the keyboard goes back to the console. */
  | { type: "leave" };

export type FromConsole =
  | { type: "mode"; fit: boolean }
  | { type: "act"; action: "back" | "forward" | "reload" | "navigate"; url?: string }
  | { type: "locale"; locale: string }
  | { type: "tool"; tool: Tool; colour: number; stays: boolean }
  | { type: "undo" }
  | { type: "clear" }
  | { type: "ticket"; ticket: string };

export class Bridge {
  #origin: string | null = null;
  /** What was said before the console's origin was known. */
  #early: FromViewer[] = [];

  constructor(receive: (message: FromConsole) => void) {
    addEventListener("message", (event) => {
      if (event.source !== window.parent || window.parent === window) return;
      if (this.#origin !== null && event.origin !== this.#origin) return;
      const data = event.data as { lado?: unknown } & FromConsole;
      if (typeof data !== "object" || data === null || data.lado !== "console") return;
      if (this.#origin === null) {
        this.#origin = event.origin;
        for (const message of this.#early.splice(0)) this.send(message);
      }
      receive(data);
    });
  }

  send(message: FromViewer): void {
    if (this.#origin === null) this.#early.push(message);
    else window.parent.postMessage({ lado: "viewer", ...message }, this.#origin);
  }
}
