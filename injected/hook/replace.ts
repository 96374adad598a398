// Replaces functions, accessors and constructors of a realm so that pages cannot tell by name, length or source.

import type { Boot } from "../boot";
import type { SiteMap } from "../map";
import {
  type Any,
  apply,
  construct,
  defineProperty,
  type Fn,
  get,
  getOwnPropertyDescriptor,
  getPrototypeOf,
} from "../natives";
import type { Texts } from "./text";

/** The global object of a document or a worker. */
export type Realm = Any;

/** What every hook needs to know. */
export interface Context {
  boot: Boot;
  map: SiteMap;
  texts: Texts;
  realm: Realm;
  /** Installs the hooks in a window that has become reachable, when it is of the page's own origin. */
  reach(window: Any): void;
}

/** Changes the arguments in place before the native sees them. */
export type Before = (args: Any[], self: Any) => void;
/** Answers what the page gets instead of the native's result. */
export type After = (result: Any, self: Any, args: Any[]) => Any;

/** Replacement → native, over all realms that this script reached. */
const originals = new WeakMap<Fn, Fn>();

/** The native behind a hook of any realm that this script reached. */
export const original = (hook: Fn): Fn => originals.get(hook) ?? hook;

function disguise(hook: Fn, native: Fn): Fn {
  originals.set(hook, native);
  for (const key of ["name", "length"]) {
    const own = getOwnPropertyDescriptor(native, key);
    if (own) defineProperty(hook, key, own);
  }
  // In a child frame, `fetch instanceof Function` asks for that frame's own Function.
  Object.setPrototypeOf(hook, getPrototypeOf(native));
  return hook;
}

/** The native with a step before and after it. An error in a step leaves the native's own behaviour. */
function around(native: Fn, before?: Before, after?: After): Fn {
  // A method definition has no `prototype` and is no construction, as natives are.
  const { hook } = {
    hook(this: Any, ...args: Any[]) {
      if (before) {
        try {
          before(args, this);
        } catch {}
      }
      const result = apply(native, this, args);
      if (after) {
        try {
          return after(result, this, args);
        } catch {}
      }
      return result;
    },
  };
  return hook;
}

function find(owner: Any, name: string): [Any, PropertyDescriptor] | undefined {
  for (let at = owner; at; at = getPrototypeOf(at)) {
    const found = getOwnPropertyDescriptor(at, name);
    if (found) return found.configurable || found.writable ? [at, found] : undefined;
  }
}

/** Puts steps around a method. Missing APIs are passed over. */
export function method(owner: Any, name: string, before?: Before, after?: After): void {
  replaceMethod(owner, name, (native) => around(native, before, after));
}

/** Replaces a method by a function that decides itself whether to call the native. */
export function replaceMethod(owner: Any, name: string, make: (native: Fn) => Fn): void {
  const [at, found] = find(owner, name) ?? [];
  if (!found || typeof found.value !== "function" || originals.has(found.value)) return;
  defineProperty(at, name, { ...found, value: disguise(make(found.value), found.value) });
}

/** Puts steps around an accessor: `read` answers the page, `write` changes what is written, `wrote` comes after. */
export function accessor(
  owner: Any,
  name: string,
  steps: { read?: After; write?: (value: Any, self: Any) => Any; wrote?: (self: Any, value: Any) => void },
): void {
  const [at, found] = find(owner, name) ?? [];
  if (!found?.get || originals.has(found.get)) return;
  const { read, write, wrote } = steps;
  const change = { ...found };
  if (read) change.get = disguise(around(found.get, undefined, read), found.get);
  if (found.set && (write || wrote)) {
    const before: Before = (args, self) => {
      if (write) args[0] = write(args[0], self);
    };
    change.set = disguise(
      around(found.set, before, wrote && ((_, self, args) => wrote(self, args[0]))),
      found.set,
    );
  }
  defineProperty(at, name, change);
}

/** Puts a step before a constructor; `extends`, `instanceof` and statics see the native. */
export function construction(realm: Realm, name: string, before: Before): void {
  const native = realm[name];
  const found = getOwnPropertyDescriptor(realm, name);
  if (typeof native !== "function" || !found?.configurable) return;
  const hook: Fn = new Proxy(native, {
    construct(target, args, newTarget) {
      try {
        before(args, undefined);
      } catch {}
      return construct(target, args, newTarget);
    },
  });
  originals.set(hook, native);
  defineProperty(realm, name, { ...found, value: hook });
  const prototype = get(native, "prototype");
  // `Image` and `Audio` share the prototype of their elements, whose constructor is another one.
  if (prototype?.constructor === native) prototype.constructor = hook;
}

/** `Function.prototype.toString` shows the native's source for everything replaced here. */
export function hideSources({ realm }: Context): void {
  replaceMethod(realm.Function?.prototype, "toString", (native) => {
    const { hook } = {
      hook(this: Any) {
        return apply(native, originals.get(this) ?? this, []);
      },
    };
    return hook;
  });
}

/** Runs `change` on one argument, when the page gave it. */
export const argument =
  (index: number, change: (value: Any) => Any): Before =>
  (args) => {
    if (args.length > index) args[index] = change(args[index]);
  };
