// Addresses as the site knows them: what leaves the page names sites, never view hosts.

import { boot } from "../boot";
import { createMap } from "../map";

const map = createMap(boot);

/** Replaces every view host's origin in a text by the site's. */
export const outward = map.toSite;

/** An address as the site has it, where this browser can open it. */
export const inward = boot.leave ? leaving : map.toView;

/** Under the site's own name only other sites' addresses change: Lado knows whether they have a view. */
function leaving(url: string): string {
  try {
    const { origin, protocol, href } = new URL(url, location.href);
    const other = origin !== location.origin && /^https?:$/.test(protocol);
    return other ? `${boot.leave}to=${encodeURIComponent(href)}` : url;
  } catch {
    return url;
  }
}

/** The address of this page on its site. */
export function pageUrl(): string {
  return boot.site + location.href.slice(location.origin.length);
}

/** The address that relative URLs start from, on the site. */
export function baseUrl(base: string): string {
  return base.startsWith(location.origin) ? boot.site + base.slice(location.origin.length) : outward(base);
}
