// XMLHttpRequest.

import { argument, type Context, method } from "./replace";

export function hookXhr({ realm, map, texts }: Context): void {
  method(
    realm.XMLHttpRequest?.prototype,
    "open",
    argument(1, (url) => texts.value(url, map.toView)),
  );
}
