// history and the Navigation API's methods, for pages that give them their own absolute addresses.

import { argument, type Context, method } from "./replace";

export function hookHistory({ realm, map, texts }: Context): void {
  const toView = (url: unknown) => texts.value(url, map.toView);
  for (const name of ["pushState", "replaceState"])
    method(realm.History?.prototype, name, argument(2, toView));
  method(realm.Navigation?.prototype, "navigate", argument(0, toView));
}
