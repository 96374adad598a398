// Writes a subtree of the page as the protocol's tree, masked, in one pass over the DOM.

import { NodeKind } from "../protocol/messages";
import type { Tree, Writer } from "../protocol/wire";
import * as dom from "./dom";

/** The document's own id. */
export const PAGE = 1;

/** A tree as flat data, so that it can be encoded again on another connection: kinds, counts and strings in order. */
export type Tokens = (string | number)[];

export function tree(tokens: Tokens): Tree {
  return (w: Writer) => {
    for (let i = 0; i < tokens.length; ) {
      const kind = tokens[i++] as NodeKind;
      w.byte(kind);
      if (kind === NodeKind.Text) {
        w.string(tokens[i++] as string);
      } else if (kind === NodeKind.Html || kind === NodeKind.Svg || kind === NodeKind.MathMl) {
        w.string(tokens[i++] as string);
        const attributes = tokens[i++] as number;
        w.u32(attributes);
        for (const end = i + attributes * 2; i < end; i++) w.string(tokens[i] as string);
      }
    }
  };
}

const SVG = "http://www.w3.org/2000/svg";
const MATHML = "http://www.w3.org/1998/Math/MathML";

export function kindOf(element: Element): NodeKind.Html | NodeKind.Svg | NodeKind.MathMl {
  const namespace = dom.namespaceUri(element);
  return namespace === SVG ? NodeKind.Svg : namespace === MATHML ? NodeKind.MathMl : NodeKind.Html;
}

/** Elements whose text agents have no use for: it is not shown, or it is not text. */
export function isOpaque(name: string): boolean {
  return name === "script" || name === "noscript" || name === "template";
}

const INLINE = new Set(
  "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark nobr q s samp small span strike strong sub sup time tt u var wbr tspan textpath".split(
    " ",
  ),
);

/** Whether text before, in and after the element reads on as one line: what detectors look at together. */
export function isInline(name: string): boolean {
  return INLINE.has(name);
}

export function isFrame(name: string): boolean {
  return name === "iframe" || name === "frame";
}
