// Addresses as the site knows them: what leaves the page names sites, never view hosts.

import { boot } from "../boot";

const escaped = boot.view.domain.replace(/[.]/g, "\\.");
const ours = new RegExp(`(https?|wss?)://${boot.session}-([a-z0-9-]+)\\.${escaped}`, "g");
const aliased = new Map(Object.entries(boot.aliases).map(([origin, label]) => [label, origin]));

/** Replaces every view host's origin in a text by the site's. Most texts have none, and cost one search. */
export function outward(text: string): string {
  if (text.length < 16 || !text.includes(boot.session)) return text;
  return text.replace(ours, (whole, scheme: string, label: string) => {
    const site = siteOf(label);
    return site ? (scheme.startsWith("ws") ? site.replace(/^http/, "ws") : site) : whole;
  });
}

/** An address of this site where this browser can open it; others are mapped by the hooks as the page navigates. */
export function inward(url: string): string {
  return url.startsWith(`${boot.site}/`) || url === boot.site
    ? location.origin + url.slice(boot.site.length)
    : url;
}

/** The address of this page on its site. */
export function pageUrl(): string {
  return boot.site + location.href.slice(location.origin.length);
}

/** The address that the page's relative URLs start from, on its site. */
export function baseUrl(base: string): string {
  return base.startsWith(location.origin) ? boot.site + base.slice(location.origin.length) : outward(base);
}

/** `www-shop-com` → `https://www.shop.com`; see `map` and `unmap` in src/rewrite/url.rs. */
function siteOf(label: string): string | null {
  const alias = aliased.get(label);
  if (alias) return alias;
  if (label.startsWith("0a")) return null;
  const [, name = label, scheme, port] = /^(.+)-0([hs])(\d*)$/.exec(label) ?? [];
  const host = name.replace(/--?/g, (run) => (run === "-" ? "." : "-"));
  return `http${scheme === "h" ? "" : "s"}://${host}${port ? `:${port}` : ""}`;
}
