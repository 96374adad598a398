// fetch, Request, sendBeacon and the Cache API.

import type { Any } from "../natives";
import { type Before, type Context, construction, method } from "./replace";

export function hookFetch({ realm, map, texts }: Context): void {
  const address = (input: Any) =>
    // A Request may come from a child frame's realm: it is told by what it has, and its URL is mapped already.
    input && typeof input === "object" && "clone" in input ? input : texts.value(input, map.toView);

  const request: Before = (args) => {
    if (!args.length) return;
    args[0] = address(args[0]);
    const init = args[1];
    if (!init || typeof init !== "object") return;
    if (typeof init.referrer === "string") args[1] = { ...init, referrer: map.toView(init.referrer) };
  };

  method(realm, "fetch", request);
  method(realm, "fetchLater", request);
  construction(realm, "Request", request);
  method(realm.Navigator?.prototype, "sendBeacon", request);

  const first: Before = (args) => {
    if (args.length) args[0] = Array.isArray(args[0]) ? args[0].map(address) : address(args[0]);
  };
  for (const owner of [realm.Cache, realm.CacheStorage]) {
    for (const name of ["add", "addAll", "put", "match", "matchAll", "delete", "keys"])
      if (owner !== realm.CacheStorage || name === "match") method(owner?.prototype, name, first);
  }
}
