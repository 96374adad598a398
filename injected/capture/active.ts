// Where the keyboard goes.

import * as dom from "./dom";

/** The element with keyboard focus, in whatever shadow root or frame. */
export function activeElement(): Element | null {
  let active = dom.activeIn(document);
  for (;;) {
    if (!active) return null;
    const shadow = dom.shadowOf(active);
    const inner = shadow ? dom.activeInShadow(shadow) : innerActive(active);
    if (!inner) return active;
    active = inner;
  }
}

function innerActive(frame: Element): Element | null {
  const inner = dom.documentIn(frame);
  const active = inner ? dom.activeIn(inner) : null;
  return active && inner && active !== inner.body ? active : null;
}
