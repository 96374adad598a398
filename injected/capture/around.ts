// Stands before functions that pages call.

/** Replaces a function by one that calls `before` first, and what that answers when the original is done. */
export function around(
  owner: object | undefined,
  name: string,
  // biome-ignore lint/suspicious/noConfusingVoidType: most answer nothing
  before: (first: unknown, self: unknown) => (() => void) | void,
): void {
  const found = owner && Object.getOwnPropertyDescriptor(owner, name);
  const original = found?.value as ((...args: never[]) => unknown) | undefined;
  if (!found?.configurable || typeof original !== "function" || !owner) return;
  const replacement = {
    [name](this: unknown, ...args: unknown[]): unknown {
      let after: (() => void) | undefined;
      try {
        after = before(args[0], this) ?? undefined;
      } catch {
        // What the page asks for comes first.
      }
      const result = Reflect.apply(original, this, args);
      after?.();
      return result;
    },
  }[name] as (...args: unknown[]) => unknown;
  Object.defineProperty(replacement, "length", { value: original.length, configurable: true });
  Object.defineProperty(owner, name, { ...found, value: replacement });
}
