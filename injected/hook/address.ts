// What the platform tells a page about addresses: it reads the site's own, not the view host's.

import type { Any } from "../natives";
import { accessor, argument, type Context, method } from "./replace";

/** Interface → read-only attributes that hold an address or a text with addresses. */
const READS: Record<string, string> = {
  Document: "URL documentURI referrer",
  Node: "baseURI",
  Response: "url",
  Request: "url referrer",
  XMLHttpRequest: "responseURL",
  WebSocket: "url",
  EventSource: "url",
  PerformanceEntry: "name",
  StyleSheet: "href",
  CSSImportRule: "href",
  CSSRule: "cssText",
  StorageEvent: "url",
  ErrorEvent: "filename",
  SecurityPolicyViolationEvent: "blockedURI documentURI sourceFile referrer",
  HTMLImageElement: "currentSrc",
  HTMLMediaElement: "currentSrc",
  SVGAnimatedString: "animVal",
  // A worker's location can be replaced, unlike a window's.
  WorkerLocation: "href origin",
};

/** Methods that answer with such a text. */
const ANSWERS: Record<string, string> = {
  XMLSerializer: "serializeToString",
  Element: "getHTML",
  ShadowRoot: "getHTML",
  CSSStyleDeclaration: "getPropertyValue",
  HTMLAnchorElement: "toString",
  HTMLAreaElement: "toString",
  WorkerLocation: "toString",
};

export function hookAddresses({ realm, map, texts }: Context): void {
  for (const [type, names] of Object.entries(READS))
    for (const name of names.split(" ")) accessor(realm[type]?.prototype, name, { read: texts.read });
  for (const [type, name] of Object.entries(ANSWERS))
    method(realm[type]?.prototype, name, undefined, texts.read);

  const { URL } = realm;
  const own = new URL(map.site);
  for (const name of ["host", "hostname", "port", "protocol"])
    accessor(realm.WorkerLocation?.prototype, name, { read: () => own[name] });

  accessor(realm, "origin", { read: texts.read });
  accessor(realm.Document?.prototype, "domain", {
    read: () => own.hostname,
    write: () => realm.location.hostname,
  });

  method(realm.PerformanceEntry?.prototype, "toJSON", undefined, (entry: Any) => {
    entry.name = texts.read(entry.name);
    return entry;
  });
  method(
    realm.Performance?.prototype,
    "getEntriesByName",
    argument(0, (name) => texts.value(name, map.toView)),
  );
}
