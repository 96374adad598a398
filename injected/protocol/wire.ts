// Bytes: varints, strings with a dictionary, lists. The TypeScript half of src/protocol/wire.rs and tree.rs.

import { MAX_ENTRIES, MAX_STRING, NodeKind } from "./messages";

export type TreeNode =
  | { kind: NodeKind.Html | NodeKind.Svg | NodeKind.MathMl; tag: string; attrs: [string, string][] }
  | { kind: NodeKind.Text; text: string }
  /** The next node takes this id, and counting goes on from there. */
  | { kind: NodeKind.At; id: number }
  | { kind: NodeKind.Shadow | NodeKind.Document | NodeKind.End };

/** Written by a function that walks the page's own nodes; read as a list in document order (trees.ts). */
export type Tree = ((w: Writer) => void) | readonly TreeNode[];

export class WireError extends Error {}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** One direction of one connection: strings of 1 to MAX_STRING bytes are learnt on both sides alike. */
export class Writer {
  #bytes = new Uint8Array(4096);
  #length = 0;
  #known = new Map<string, number>();
  #learnt = 0;
  #learntBefore = 0;
  #node = 0;

  /** The message written so far; the next one starts empty with the same dictionary. */
  take(): Uint8Array<ArrayBuffer> {
    const message = this.#bytes.slice(0, this.#length);
    this.#length = this.#node = 0;
    this.#learntBefore = this.#learnt;
    return message;
  }

  /** The message written so far is not sent: the other side learns nothing from it. */
  undo(): void {
    for (const [text, known] of this.#known) if (known >= this.#learntBefore) this.#known.delete(text);
    this.#learnt = this.#learntBefore;
    this.#length = this.#node = 0;
    this.#bytes = new Uint8Array(4096);
  }

  get length(): number {
    return this.#length;
  }

  #room(bytes: number): void {
    const need = this.#length + bytes;
    if (need <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  u32(value: number): void {
    this.#room(5);
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  i32(value: number): void {
    const whole = value | 0;
    this.u32((whole << 1) ^ (whole >> 31));
  }

  node(id: number): void {
    this.i32(id - this.#node);
    this.#node = id;
  }

  bool(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  string(text: string): void {
    // A string of more code units than MAX_STRING has more bytes than that, too.
    const short = text.length <= MAX_STRING;
    if (short) {
      const number = this.#known.get(text);
      if (number !== undefined) {
        this.u32(number + 1);
        return;
      }
    }
    this.byte(0);
    if (short) {
      this.#room(text.length * 3 + 5);
      const bytes = this.#ascii(text) ? text.length : this.#literal(encoder.encode(text));
      if (bytes > 0 && bytes <= MAX_STRING && this.#learnt < MAX_ENTRIES)
        this.#known.set(text, this.#learnt++);
      return;
    }
    this.#literal(encoder.encode(text));
  }

  bytes(bytes: Uint8Array): void {
    this.#literal(bytes);
  }

  #literal(bytes: Uint8Array): number {
    this.u32(bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return bytes.length;
  }

  /** Most short strings are ASCII: a loop over them costs a third of a call into the encoder. */
  #ascii(text: string): boolean {
    const { length } = text;
    const start = this.#length + 1;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      this.#bytes[start + i] = code;
    }
    this.#bytes[this.#length] = length;
    this.#length = start + length;
    return true;
  }

  list<T>(items: readonly T[], write: (item: T) => void): void {
    this.u32(items.length);
    for (const item of items) write(item);
  }

  option<T>(value: T | null, write: (value: T) => void): void {
    this.bool(value !== null);
    if (value !== null) write(value);
  }

  tree(tree: Tree): void {
    if (typeof tree === "function") tree(this);
    this.byte(NodeKind.End);
  }
}

/** Reads one message after the other of one connection; or one message alone, with a dictionary of its own. */
export class Reader {
  #bytes: Uint8Array;
  #at = 0;
  #known: string[] = [];
  #node = 0;

  constructor(bytes: Uint8Array = new Uint8Array()) {
    this.#bytes = bytes;
  }

  next(bytes: Uint8Array): this {
    this.#bytes = bytes;
    this.#at = this.#node = 0;
    return this;
  }

  fail(type: string, tag: number): never {
    throw new WireError(`${tag} is not a tag of ${type}`);
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new WireError("truncated");
    return value;
  }

  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffffffff) break;
        return value;
      }
    }
    throw new WireError("a number does not fit 32 bits");
  }

  i32(): number {
    const value = this.u32();
    return (value >>> 1) ^ -(value & 1);
  }

  node(): number {
    this.#node = (this.#node + this.i32()) >>> 0;
    return this.#node;
  }

  bool(): boolean {
    return this.byte() === 1;
  }

  string(): string {
    const number = this.u32();
    if (number > 0) {
      const known = this.#known[number - 1];
      if (known === undefined) throw new WireError("a string is not in the dictionary");
      return known;
    }
    const length = this.u32();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new WireError("truncated");
    const text = decoder.decode(this.#bytes.subarray(this.#at, end));
    this.#at = end;
    if (length > 0 && length <= MAX_STRING && this.#known.length < MAX_ENTRIES) this.#known.push(text);
    return text;
  }

  bytes(): Uint8Array {
    const end = this.u32() + this.#at;
    if (end > this.#bytes.length) throw new WireError("truncated");
    const bytes = this.#bytes.slice(this.#at, end);
    this.#at = end;
    return bytes;
  }

  list<T>(read: () => T): T[] {
    const count = this.u32();
    if (count > this.#bytes.length - this.#at) throw new WireError("truncated");
    return Array.from({ length: count }, read);
  }

  option<T>(read: () => T): T | null {
    return this.bool() ? read() : null;
  }

  /** Pages are told no trees: `TreeReader` (trees.ts) reads them. */
  tree(): TreeNode[] {
    return this.fail("Tree", this.byte());
  }
}
