// Style sheets and declarations made by scripts, and the texts of `<style>`.

import { type Any, natives } from "../natives";
import { accessor, argument, type Context, construction, method } from "./replace";

/** Interface → method → which argument is CSS. */
const METHODS: [string, string, number][] = [
  ["CSSStyleSheet", "insertRule", 0],
  ["CSSStyleSheet", "addRule", 1],
  ["CSSStyleSheet", "replace", 0],
  ["CSSStyleSheet", "replaceSync", 0],
  ["CSSGroupingRule", "insertRule", 0],
  ["CSSStyleRule", "insertRule", 0],
  ["CSSKeyframesRule", "appendRule", 0],
  ["CSSStyleDeclaration", "setProperty", 1],
];

const TYPED = /^\s*(?:importmap|speculationrules)\s*$/i;

/** What the text inside of `element` has to become, when it is a text with URLs. */
export function textOf({ texts }: Context, element: Any): ((text: string) => string) | undefined {
  const tag = element?.localName;
  if (tag === "style") return texts.css;
  if (tag === "script" && TYPED.test(natives.getAttribute(element, "type") ?? "")) return texts.json;
}

export function hookStyles(context: Context): void {
  const { realm, texts } = context;
  const css = (value: Any) => texts.value(value, texts.css);
  for (const [type, name, index] of METHODS) method(realm[type]?.prototype, name, argument(index, css));
  accessor(realm.CSSStyleDeclaration?.prototype, "cssText", { read: texts.read, write: css });
  // Or bytes, which hold no addresses.
  construction(
    realm,
    "FontFace",
    argument(1, (source) => (typeof source === "string" ? css(source) : source)),
  );

  const inner = (value: Any, element: Any) => {
    const change = textOf(context, element);
    return change ? texts.value(value, change) : value;
  };
  const read = (value: Any, element: Any) => (textOf(context, element) ? texts.read(value) : value);
  accessor(realm.Node?.prototype, "textContent", { read, write: inner });
  for (const name of ["innerText", "text"])
    for (const type of ["HTMLElement", "HTMLScriptElement"])
      if (realm[type] && Object.hasOwn(realm[type].prototype, name))
        accessor(realm[type].prototype, name, { read, write: inner });
  const write = (value: Any, self: Any) => inner(value, self.parentNode);
  accessor(realm.CharacterData?.prototype, "data", { write });
  accessor(realm.Node?.prototype, "nodeValue", { write });
}
