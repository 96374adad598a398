// What most batches are while somebody types, in short: a letter in the place of what was selected, the caret behind it.

import { type Op, OpTag } from "./messages";

type Caret = Extract<Op, { tag: OpTag.Caret }>;

export class Typing {
  #caret: Caret | null = null;

  /** The letter that has been typed, where that says all of the next batch; else 0. */
  of(ops: readonly Op[]): number {
    const caret = this.#caret;
    for (const op of ops) {
      if (op.tag === OpTag.Snapshot) this.#caret = null;
      else if (op.tag === OpTag.Caret) this.#caret = op;
    }
    const [splice, behind] = ops;
    if (!caret?.node || ops.length !== 2 || splice?.tag !== OpTag.Splice || behind?.tag !== OpTag.Caret)
      return 0;
    const { text } = splice;
    const { node, start, end } = caret;
    // One character, not half of one.
    return /^[^\ud800-\udfff]$/u.test(text) &&
      splice.node === node &&
      splice.at === start &&
      splice.cut === end - start &&
      behind.node === node &&
      behind.start === behind.end &&
      behind.end === start + text.length
      ? (text.codePointAt(0) ?? 0)
      : 0;
  }
}
