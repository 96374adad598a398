// Documents in frames of other origins, and the pages around them. The frame's script says a nonce, which Lado gave it, to
// the page around it; that page's script tells Lado on which element it has heard it. Nothing else goes between the two.

import { boot } from "./boot";
import { createMap } from "./map";
import { type Any, apply, defineProperty, guard, natives, sandboxToken } from "./natives";

const PREFIX = "__lado_frame:";
/** Under this name a window keeps what documents in it, which its capture includes, have heard. */
const HEARD = "__lado_heard";

const { slice } = String.prototype;

const scope: Any = globalThis;
const above: Any = scope.parent && scope.parent !== scope ? scope.parent : null;
/** Whether the page above can look into this document: then this one is part of its capture. */
const isInside = above !== null && guard(() => !!above.document, false);
/** A document with a line of its own, in a frame. */
export const isFramed = above !== null && !isInside;

const nonces = new WeakMap<Any, string>();
let run: ((frame: object) => void) | undefined;

function heard(frame: Any, nonce: string): void {
  if (!isInside) {
    nonces.set(frame, nonce);
    run?.(frame);
    return;
  }
  for (let at = above; at; at = at.parent === at ? null : at.parent)
    if (at[HEARD]) {
      at[HEARD](frame, nonce);
      return;
    }
}

/** Listens before any script of the page, which sees nothing of it. */
export function hearFrames(realm: Any): void {
  if (realm === window) guard(() => defineProperty(realm, HEARD, { value: heard }), undefined);
  natives.addEventListener(
    realm,
    "message",
    (event: Any) =>
      guard(() => {
        const said = event.isTrusted && natives.messageData.get(event);
        if (typeof said !== "string" || apply(slice, said, [0, PREFIX.length]) !== PREFIX) return;
        natives.stopImmediately(event);
        heard(natives.messageSource.get(event), apply(slice, said, [PREFIX.length]));
      }, undefined),
    true,
  );
}

/** What the capture asks of this. */
export interface Framing {
  /** The document is in a frame itself. */
  readonly isFramed: boolean;
  /** Says to the page around which frame this is. */
  say(nonce: string): void;
  /** What the document in a frame's window has said of itself. */
  nonceOf(frame: object): string;
  /** Some document has said it: `run` gets its window. */
  onHeard(run: (frame: object) => void): void;
  /** The origin that Lado's own files are at, where the document's address does not say it. */
  readonly origin: string;
  /** What goes behind the socket's address. */
  readonly query: string;
}

/** A document of no origin has no cookie to show. */
const isSandboxed = isFramed && scope.origin === "null";

export const framing: Framing = {
  isFramed,
  origin: isSandboxed ? createMap(boot).view : location.origin,
  query: isSandboxed ? `?frame=${sandboxToken}` : "",
  say: (nonce) => above.postMessage(PREFIX + nonce, "*"),
  nonceOf: (frame) => nonces.get(frame) ?? "",
  onHeard: (then) => {
    run = then;
  },
};

/** Runs when a person can see something of the document: frames without a size are there to count. */
export function whenSeen(start: () => void): void {
  const isSeen = () => window.innerWidth > 1 && window.innerHeight > 1;
  if (isSeen()) return start();
  const look = () => {
    if (!isSeen()) return;
    natives.removeEventListener(window, "resize", look);
    start();
  };
  natives.addEventListener(window, "resize", look);
}
