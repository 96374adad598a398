// HTML given as text: innerHTML and friends, document.write, parsers.

import { type Any, apply, guard, natives } from "../natives";
import { insertedFrames } from "./frame";
import { accessor, argument, type Context, method, replaceMethod } from "./replace";
import { textOf } from "./style";

/** Interface → method → which argument is HTML. */
const METHODS: [string, string, number][] = [
  ["Element", "insertAdjacentHTML", 1],
  ["Element", "setHTML", 0],
  ["Element", "setHTMLUnsafe", 0],
  ["ShadowRoot", "setHTML", 0],
  ["ShadowRoot", "setHTMLUnsafe", 0],
  ["Range", "createContextualFragment", 0],
  ["Document", "execCommand", 2],
];

export function hookHtml(context: Context): void {
  const { realm, texts } = context;
  const html = (value: Any) => texts.value(value, texts.html);
  const frames = (_: Any, self: Any, args: Any[]) => {
    insertedFrames(context, self.parentNode ?? self, args);
    return _;
  };

  for (const type of ["Element", "ShadowRoot"]) {
    for (const name of ["innerHTML", "outerHTML"]) {
      if (!realm[type] || !Object.hasOwn(realm[type].prototype, name)) continue;
      accessor(realm[type].prototype, name, {
        read: texts.read,
        write: (value, self) =>
          texts.value(value, (name === "innerHTML" && textOf(context, self)) || texts.html),
        wrote: (self, value) => insertedFrames(context, self.parentNode ?? self, [value]),
      });
    }
  }
  for (const [type, name, index] of METHODS)
    method(realm[type]?.prototype, name, argument(index, html), frames);

  method(realm.DOMParser?.prototype, "parseFromString", (args) => {
    if (/html/i.test(args[1])) args[0] = html(args[0]);
  });
  for (const name of ["parseHTMLUnsafe", "parseHTML"]) method(realm.Document, name, argument(0, html));
  hookWrite(context, frames);
}

/**
 * One call's arguments are one text, and a tag may begin in one call and end in the next: what is unfinished waits for
 * it. Whatever does not come is written when the script has ended, before the parser goes on.
 */
function hookWrite({ realm, texts }: Context, after: (_: Any, self: Any, args: Any[]) => Any): void {
  const held = new WeakMap<Any, string>();
  for (const name of ["write", "writeln"])
    replaceMethod(realm.Document?.prototype, name, (native) => {
      const release = (document: Any) => {
        const rest = held.get(document);
        held.delete(document);
        if (rest) apply(native, document, [rest]);
      };
      const { hook } = {
        hook(this: Any, ...args: Any[]) {
          if (!args.every((part) => typeof part === "string")) {
            guard(() => release(this), undefined);
            const trusted = args.map((part) => guard(() => texts.value(part, texts.html), part));
            return after(apply(native, this, trusted), this, trusted);
          }
          const whole = (held.get(this) ?? "") + args.join("") + (name === "writeln" ? "\n" : "");
          held.delete(this);
          const cut = guard(() => unfinished(whole), whole.length);
          if (cut < whole.length) {
            held.set(this, whole.slice(cut));
            natives.queueMicrotask(() => guard(() => release(this), undefined));
          }
          const ready = guard(() => texts.html(whole.slice(0, cut)), whole.slice(0, cut));
          const result = apply(native, this, [ready]);
          return after(result, this, [ready]);
        },
      };
      return hook;
    });
  method(realm.Document?.prototype, "close", (_, self) => {
    const rest = held.get(self);
    held.delete(self);
    if (rest) self.write(rest);
  });
}

/** Where a tag begins that the text does not end; the text's length when there is none. */
function unfinished(text: string): number {
  const at = text.lastIndexOf("<");
  if (at < 0 || !/^<[a-z][^<]*$/i.test(text.slice(at))) return text.length;
  // Quotes may hold a `>`, and a text like `a < b` that no letter follows is none.
  const rest = text.slice(at).replace(/=\s*(?:"[^"]*"|'[^']*')/g, "=");
  return /^[^"'>]*>/.test(rest) ? text.length : at;
}
