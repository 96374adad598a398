// How values are laid out on the wire: the words in which messages.ts says what each message holds.

import type { Reader, Tree, Writer } from "./wire";

export interface Layout<T> {
  write(w: Writer, value: T): void;
  read(r: Reader): T;
}

type Fields<T> = { [K in Exclude<keyof T, "tag">]: Layout<T[K]> };

// biome-ignore lint/suspicious/noExplicitAny: the fields of any message
type Any = any;

export const u32: Layout<number> = { write: (w, value) => w.u32(value), read: (r) => r.u32() };
export const i32: Layout<number> = { write: (w, value) => w.i32(value), read: (r) => r.i32() };
/** A node's id, told as what lies between it and the one told before it in the same message. */
export const node: Layout<number> = { write: (w, value) => w.node(value), read: (r) => r.node() };
/** A choice of few, which is a number here and has a name in messages.ts. */
export const byte: Layout<Any> = { write: (w, value) => w.byte(value), read: (r) => r.byte() };
export const flag: Layout<boolean> = { write: (w, value) => w.bool(value), read: (r) => r.bool() };
export const string: Layout<string> = { write: (w, value) => w.string(value), read: (r) => r.string() };
export const bytes: Layout<Uint8Array> = { write: (w, value) => w.bytes(value), read: (r) => r.bytes() };
export const tree: Layout<Tree> = { write: (w, value) => w.tree(value), read: (r) => r.tree() };

export function list<T>(of: Layout<T>): Layout<readonly T[]> {
  return {
    write: (w, values) => w.list(values, (value) => of.write(w, value)),
    read: (r) => r.list(() => of.read(r)),
  };
}

export function option<T>(of: Layout<T>): Layout<T | null> {
  return {
    write: (w, value) => w.option(value, (value) => of.write(w, value)),
    read: (r) => r.option(() => of.read(r)),
  };
}

export function record<T>(fields: Fields<T>): Layout<T> {
  const all: [string, Layout<Any>][] = Object.entries(fields);
  return {
    write(w, value: Any) {
      for (const [name, layout] of all) layout.write(w, value[name]);
    },
    read(r) {
      const value: Any = {};
      for (const [name, layout] of all) value[name] = layout.read(r);
      return value;
    },
  };
}

/** One of several records, told apart by a byte in front. */
export function tagged<T extends { tag: number }>(
  name: string,
  variants: { [K in T["tag"]]: Fields<Extract<T, { tag: K }>> },
): Layout<T> {
  const all = new Map<number, Layout<Any>>();
  for (const [tag, fields] of Object.entries(variants)) all.set(Number(tag), record(fields as Any));
  return {
    write(w, value) {
      w.byte(value.tag);
      all.get(value.tag)?.write(w, value);
    },
    read(r) {
      const tag = r.byte();
      const layout = all.get(tag) ?? r.fail(name, tag);
      return { tag, ...layout.read(r) };
    },
  };
}
