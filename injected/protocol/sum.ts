// Checksums of trees: the TypeScript half of src/protocol/sum.rs.

import { SUM_GROUP } from "./messages";

/** What a node's sum begins with. */
export const BASIS = 0x811c9dc5 | 0;
const PRIME = 0x01000193;
const { imul } = Math;

export function number(sum: number, value: number): number {
  return imul(sum ^ value, PRIME);
}

export function text(sum: number, value: string): number {
  let total = sum;
  for (let i = 0; i < value.length; i++) {
    let unit = value.charCodeAt(i);
    // Half a pair leaves the page as U+FFFD (Encoding Standard, "UTF-8 encoder").
    if (unit >= 0xd800 && unit < 0xe000) {
      const next = value.charCodeAt(i + 1);
      if (unit < 0xdc00 && next >= 0xdc00 && next < 0xe000) {
        total = imul(total ^ unit, PRIME);
        unit = next;
        i++;
      } else {
        unit = 0xfffd;
      }
    }
    total = imul(total ^ unit, PRIME);
  }
  return total;
}

/** Collects the sums of nodes that follow each other. */
export class Groups {
  readonly sums: number[] = [];
  #open = BASIS;
  #nodes = 0;

  node(sum: number): void {
    this.#open = number(this.#open, sum);
    if (++this.#nodes === SUM_GROUP) this.finish();
  }

  /** The last group may be of fewer nodes: those at the end of a page. */
  finish(): number[] {
    if (this.#nodes) this.sums.push(this.#open >>> 0);
    this.#open = BASIS;
    this.#nodes = 0;
    return this.sums;
  }
}
