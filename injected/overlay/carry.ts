// Where the customer has moved the panel: by dragging it, or from corner to corner. Part of the late script.

import { EDGE, PLACE } from "./place";

export class Carry {
  #shift = remembered();

  constructor(private readonly panel: HTMLElement) {
    this.move(0, 0);
  }

  /** The customer drags the panel; it stays inside the window. */
  move(dx: number, dy: number): void {
    const shift = this.#shift;
    const box = this.panel.getBoundingClientRect();
    const inside = (wish: number, from: number, size: number, room: number): number =>
      Math.max(EDGE - from, Math.min(wish, room - EDGE - size - from));
    // A sheet has the whole width, and a pill at the edge stays there until it is moved.
    if (!dx && !dy && !shift.x && !shift.y) return;
    const left = box.left - shift.x;
    const top = box.top - shift.y;
    shift.x = box.width > innerWidth - 2 * EDGE ? 0 : inside(shift.x + dx, left, box.width, innerWidth);
    shift.y = box.width > innerWidth - 2 * EDGE ? 0 : inside(shift.y + dy, top, box.height, innerHeight);
    this.panel.style.translate = `${shift.x}px ${shift.y}px`;
    try {
      sessionStorage.setItem(PLACE, `${Math.round(shift.x)} ${Math.round(shift.y)}`);
    } catch {
      // Then the next page begins where it always does.
    }
  }

  /** On to the next corner: for those who do not drag. */
  turn(): void {
    const box = this.panel.getBoundingClientRect();
    const right = box.left + box.width / 2 > innerWidth / 2;
    const low = box.top + box.height / 2 > innerHeight / 2;
    const far = innerWidth + innerHeight;
    // From the low right to the low left, the high left, the high right.
    if (right === low) this.move(right ? -far : far, 0);
    else this.move(0, low ? -far : far);
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
