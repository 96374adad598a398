// HTML given as text: innerHTML and friends, document.write, parsers.

import type { Any } from "../natives";
import { insertedFrames } from "./frame";
import { accessor, argument, type Context, method } from "./replace";
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
  for (const name of ["write", "writeln"])
    method(
      realm.Document?.prototype,
      name,
      // One call's arguments are one text: a tag may begin in one and end in the next.
      (args) => {
        if (args.every((part) => typeof part === "string"))
          args.splice(0, args.length, texts.html(args.join("")));
        else for (const [i, part] of args.entries()) args[i] = html(part);
      },
      frames,
    );
}
