// Elements' URL attributes: written as the site's addresses, held as the view's, read as the site's.

import { type Any, type Fn, getOwnPropertyDescriptor, getPrototypeOf, natives, place } from "../natives";
import { accessor, argument, type Before, type Context, construction, method } from "./replace";
import { URL_ATTRIBUTES } from "./urls";

const NAMES = new Set(Object.values(URL_ATTRIBUTES).flatMap((attributes) => Object.keys(attributes)));
const XLINK = "http://www.w3.org/1999/xlink";

/** The value that `element` has to hold in the attribute `name` (lower case) for what the page gave. */
export function attributeValue({ texts }: Context, element: Any, name: string, value: Any): Any {
  const tag: string = element.localName.toLowerCase();
  // Style sheets are rewritten on their way, so their digests no longer fit.
  if (name === "integrity") return tag === "link" ? "" : value;
  const kind = texts.kind(tag, name);
  if (!kind || (kind === "refresh" && !/refresh/i.test(natives.getAttribute(element, "http-equiv"))))
    return value;
  return texts.value(value, (text) => texts.attribute(kind, text));
}

export function hookElements(context: Context): void {
  const { realm, map, texts } = context;
  const element = realm.Element?.prototype;

  const set =
    (at: number): Before =>
    (args, self) => {
      let name = String(args[at]).toLowerCase();
      if (at) name = args[0] === XLINK ? `xlink:${name.split(":").pop()}` : name;
      if (args.length > at + 1 && (NAMES.has(name) || name === "integrity"))
        args[at + 1] = attributeValue(context, self, name, args[at + 1]);
    };
  method(element, "setAttribute", set(0));
  method(element, "setAttributeNS", set(1));
  for (const name of ["getAttribute", "getAttributeNS"]) method(element, name, undefined, texts.read);
  accessor(realm.Attr?.prototype, "value", {
    read: texts.read,
    write: (value, { ownerElement, name }) =>
      ownerElement ? attributeValue(context, ownerElement, name, value) : value,
  });

  for (const [tag, attributes] of Object.entries(URL_ATTRIBUTES)) {
    const prototypes =
      tag === "*" ? [realm.HTMLElement.prototype, realm.SVGElement?.prototype] : [prototypeOf(realm, tag)];
    for (const prototype of prototypes.flatMap(withParents)) {
      // `formaction` is reflected as `formAction`, `imagesrcset` as `imageSrcset`.
      for (const property of Object.getOwnPropertyNames(prototype ?? {})) {
        const name = property.toLowerCase();
        if (!Object.hasOwn(attributes, name)) continue;
        accessor(prototype, property, {
          read: texts.read,
          write: (value, self) => attributeValue(context, self, name, value),
        });
      }
    }
  }
  accessor(realm.HTMLLinkElement?.prototype, "integrity", { write: () => "" });
  const toView = (value: Any) => texts.value(value, map.toView);
  accessor(realm.SVGAnimatedString?.prototype, "baseVal", { read: texts.read, write: toView });
  construction(realm, "Audio", argument(0, toView));

  hookLinkParts(context, realm.HTMLAnchorElement?.prototype, natives.href);
  hookLinkParts(context, realm.HTMLAreaElement?.prototype, natives.areaHref);
  hookSelectors(context);
}

/** `src` of audio and video is a property of HTMLMediaElement. */
function withParents(prototype: Any): Any[] {
  const all: Any[] = [];
  for (
    let at = prototype;
    at && !/^(?:HTML|SVG)?Element$/.test(at.constructor?.name ?? "");
    at = getPrototypeOf(at)
  )
    all.push(at);
  return all.length ? all : [prototype];
}

function prototypeOf({ document }: Any, tag: string): Any {
  const prototype = getPrototypeOf(natives.createElement(document, tag));
  return /Element$/.test(prototype?.constructor?.name ?? "") ? prototype : undefined;
}

/**
 * Parts of a link's address. A link to another site answers with that site's. A link into the document's own site
 * answers as `location` does, which cannot be redefined: pages tell their own links from foreign ones by comparing
 * the two, and take over the click, add `target=_blank` or report an exit by it.
 */
function hookLinkParts({ map }: Context, prototype: Any, href: { get: Fn; set: Fn }): void {
  const found = prototype && getOwnPropertyDescriptor(prototype, "href");
  if (!found?.get) return;
  for (const part of ["origin", "protocol", "host", "hostname", "port"] as const) {
    const siteOf = (link: Any) => map.toSite(href.get(link));
    accessor(prototype, part, {
      read(value, link) {
        const url = link.href && place(siteOf(link));
        return url && url.origin !== map.site && /^(?:http|ws)/.test(url.protocol) ? url[part] : value;
      },
      write(value, link) {
        const url = new natives.URL(siteOf(link)) as Any;
        url[part] = value;
        href.set(link, map.toView(url.href));
        // The native writes the part once more: give it the one that the view's address has.
        return place(href.get(link))[part];
      },
    });
  }
}

/** `script[src^="https://cdn.example/"]` has to find what the document holds. */
function hookSelectors({ realm, map }: Context): void {
  const change = argument(0, (selector) =>
    typeof selector === "string" && selector.includes("//")
      ? selector.replace(/(=\s*["'])((?:https?:)?\/\/[^"']+)/gi, (_, before, url) => before + map.toView(url))
      : selector,
  );
  for (const type of ["Element", "Document", "DocumentFragment"])
    for (const name of ["querySelector", "querySelectorAll", "matches", "closest"])
      if (realm[type] && Object.hasOwn(realm[type].prototype, name))
        method(realm[type].prototype, name, change);
}
