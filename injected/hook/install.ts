// Installs the hooks that keep a page believing it is on its own site, and its requests inside the view domain.

import type { Boot } from "../boot";
import { createMap, type SiteMap } from "../map";
import { type Any, defineProperty, guard, HOOKED, ownScript } from "../natives";
import { hookAddresses } from "./address";
import { hookCookies } from "./cookie";
import { hookElements } from "./element";
import { hookFetch } from "./fetch";
import { hookFrames } from "./frame";
import { hookHistory } from "./history";
import { hookHtml } from "./html";
import { hookNavigation } from "./navigate";
import { hookMutations, hookShadowRoots, observe } from "./observer";
import { type Context, hideSources, original, type Realm } from "./replace";
import { hookSockets } from "./socket";
import { hookStyles } from "./style";
import { createTexts } from "./text";
import { hookWorkers } from "./worker";
import { hookXhr } from "./xhr";

const SHARED = [hideSources, hookFetch, hookXhr, hookSockets, hookWorkers, hookAddresses, hookCookies];
const DOCUMENT = [
  hookElements,
  hookStyles,
  hookHtml,
  hookFrames,
  hookShadowRoots,
  hookMutations,
  hookHistory,
  hookNavigation,
];

export function installHooks(boot: Boot, realm: Window & typeof globalThis): void {
  install(boot, createMap(boot), realm, [...SHARED, ...DOCUMENT]);
  // The page finds its own first script where it expects it.
  ownScript?.remove();
}

/** The part that works without a document. */
export function installWorkerHooks(boot: Boot, realm: Any): void {
  install(boot, createMap(boot), realm, SHARED);
}

function install(boot: Boot, map: SiteMap, realm: Realm, hooks: ((context: Context) => void)[]): void {
  const context: Context = {
    boot,
    map,
    realm,
    texts: createTexts(map, realm.trustedTypes),
    // A window of another origin throws here: its own document brings its hooks.
    reach: (window) => guard(() => window?.document && install(boot, map, window, hooks), undefined),
  };
  if (!Object.hasOwn(realm, HOOKED)) {
    defineProperty(realm, HOOKED, { value: original });
    for (const hook of hooks) guard(() => hook(context), undefined);
  }
  if (realm.document) observe(context, realm.document);
}
