// The panel's frame in the page around it, which moves and sizes it: it knows the frame, and learns nothing else.

/** The pill is no wider; the panel is narrower, and has the whole width of a phone (panel.css). */
const WIDTH = 328;
const STEP = 24;
export const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};

/** The page around knows the panel's frame, and learns nothing from this but what was pressed. */
export function tellPage(message: object): void {
  if (window.parent !== window) window.parent.postMessage({ lado: "panel", ...message }, "*");
}

/** Moves the frame with the pointer. The frame goes with it, so that only the screen's own measure holds still. */
let last: { x: number; y: number } | null = null;
export const dragged = {
  onPointerDown: (event: PointerEvent & { currentTarget: HTMLElement }) => {
    if ((event.target as Element).closest("button") || event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    last = { x: event.screenX, y: event.screenY };
  },
  onPointerMove: (event: PointerEvent) => {
    if (!last) return;
    tellPage({ move: [event.screenX - last.x, event.screenY - last.y] });
    last = { x: event.screenX, y: event.screenY };
  },
  onPointerUp: () => {
    last = null;
  },
  onPointerCancel: () => {
    last = null;
  },
};

/** Tells the page around the frame how large the panel is, and nothing else. */
export function announceSize(root: HTMLElement | null): (() => void) | undefined {
  if (!root || window.parent === window) return undefined;
  const say = () => {
    const { width, height } = root.getBoundingClientRect();
    const wanted = Math.min(Math.ceil(width), WIDTH);
    tellPage({ width: wanted, height: Math.ceil(height) });
  };
  const watcher = new ResizeObserver(say);
  watcher.observe(root);
  // Browsers do not draw a frame of another site while it is hidden, so nothing observes its first size.
  say();
  return () => watcher.disconnect();
}
