// What the platform tells a page about addresses: it reads the site's own, not the view host's.

import { type Any, natives, place } from "../natives";
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
  HashChangeEvent: "oldURL newURL",
  NavigationHistoryEntry: "url",
  NavigationDestination: "url",
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
  Headers: "get",
  XMLHttpRequest: "getResponseHeader getAllResponseHeaders",
  WorkerLocation: "toString",
};

export function hookAddresses({ realm, map, texts }: Context): void {
  for (const [type, names] of Object.entries(READS))
    for (const name of names.split(" ")) accessor(realm[type]?.prototype, name, { read: texts.read });
  for (const [type, names] of Object.entries(ANSWERS))
    for (const name of names.split(" ")) method(realm[type]?.prototype, name, undefined, texts.read);

  const own = place(map.site);
  for (const name of ["host", "hostname", "port", "protocol"] as const)
    accessor(realm.WorkerLocation?.prototype, name, { read: () => own[name] });

  // A worker's `location` is the site's; a document's cannot be redefined, and what pages compare with it has to agree:
  // `new URL(link.href).origin === location.origin`, `event.origin === origin`.
  if (realm.document) {
    const view = place(map.view);
    for (const part of ["origin", "protocol", "host", "hostname", "port"] as const)
      accessor(realm.URL?.prototype, part, {
        read: (value, url) => (natives.urlOrigin.get(url) === map.site ? view[part] : value),
      });
  } else accessor(realm, "origin", { read: texts.read });
  accessor(realm.Document?.prototype, "domain", {
    read: () => own.hostname,
    write: () => realm.location.hostname,
  });

  for (const type of ["FeaturePolicy", "DOMFeaturePolicy"]) {
    method(
      realm[type]?.prototype,
      "allowsFeature",
      argument(1, (origin) => texts.value(origin, map.toView)),
    );
    method(realm[type]?.prototype, "getAllowlistForFeature", undefined, (list) => list.map(texts.read));
  }
  for (const type of ["PerformanceEntry", "PerformanceResourceTiming", "PerformanceNavigationTiming"])
    method(realm[type]?.prototype, "toJSON", undefined, (entry: Any) => {
      entry.name = texts.read(entry.name);
      return entry;
    });
  method(
    realm.Performance?.prototype,
    "getEntriesByName",
    argument(0, (name) => texts.value(name, map.toView)),
  );
}
