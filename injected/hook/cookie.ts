// document.cookie and cookieStore: the browser keeps host-only replicas, Lado's jar is told what scripts set.

import { type Any, apply, type Fn, getOwnPropertyDescriptor, guard, natives, place } from "../natives";
import { accessor, type Context, method, replaceMethod } from "./replace";

/** Lado's own cookies, which no script of the page sees. */
const OWN = /^(?:__)?lado_/;
/** Long enough for the next request to carry it; Lado expires it as soon as it has read it. */
const MARKER_LIFE = 120;

let count = 0;

export function hookCookies({ realm, map, boot }: Context): void {
  const site = place(map.site).hostname;
  const host = place(map.view).hostname;
  const secure = boot.view.scheme === "https";
  // The window may get another document: `about:blank` hands its window on.
  const write = (text: string) => natives.cookie.set(realm.document, text);
  /** Cookie's name, domain and path → its marker: only the last write of a cookie counts. */
  const markers = new Map<string, string>();
  let telling = false;

  /** `location` answers with the view host: a Domain that is made of it means the site's. */
  const sited = (text: string) =>
    text.replace(/(;\s*domain\s*=\s*\.?)([^;\s:]+)(?::\d+)?/gi, (whole, before, domain) => {
      const given = domain.toLowerCase();
      if (given === host) return before + site;
      return given.includes(".") && host.endsWith(`.${given}`) ? before + boot.registrable : whole;
    });

  /** A cookie without a path belongs to the directory of its page, which the request that tells of it may not name. */
  function placed(text: string): string {
    const given = text.match(/;\s*path\s*=[^;]*/gi)?.pop() ?? "";
    const page = realm.location.pathname;
    if (/=\s*\//.test(given) || /^\s*__host-/i.test(text) || !/^\/[^;]*$/.test(page)) return text;
    return `${text}; path=${page.slice(0, page.lastIndexOf("/")) || "/"}`;
  }

  /** The cookie as the view host may hold it; `undefined` when the site's own browser would refuse it. */
  function replica(text: string): string | undefined {
    const [pair = "", ...attributes] = text.split(";");
    const name = pair.slice(0, Math.max(pair.indexOf("="), 0)).trim();
    if (OWN.test(name)) return;
    // Domain is taken off below, so the browser cannot refuse these by it (RFC 6265bis §4.1.3).
    if (/^__host-/i.test(name) && attributes.some((attribute) => /^\s*domain\s*=\s*[^\s]/i.test(attribute)))
      return;
    const prefixed = /^__(?:host|secure)-/i.test(name);
    const kept = [pair];
    for (const attribute of attributes) {
      const [key = "", value = ""] = attribute.split("=").map((part) => part.trim().toLowerCase());
      if (key === "httponly") return;
      if (key === "domain") {
        const domain = value.replace(/^\./, "");
        // Without the public suffix list: a name without a dot is one. The jar knows the others.
        if (domain && domain !== site && !(site.endsWith(`.${domain}`) && domain.includes("."))) return;
        continue;
      }
      if (
        !secure &&
        !prefixed &&
        (/^(?:secure|partitioned)$/.test(key) || (key === "samesite" && value === "none"))
      )
        continue;
      kept.push(attribute);
    }
    return kept.join(";");
  }

  /**
   * The marker's number sorts by the time of writing over all tabs: milliseconds (13 digits), a count (4), chance (2).
   * It fits into 64 bits.
   */
  function mark(written: string): void {
    const text = placed(written);
    const now = Math.floor(performance.timeOrigin + performance.now());
    const digits = (value: number, length: number) => String(Math.floor(value)).padStart(length, "0");
    const name = `__lado_w${now}${digits(count++ % 10_000, 4)}${digits(Math.random() * 100, 2)}`;
    const path = /;\s*path\s*=([^;]*)/i.exec(text)?.[1] ?? "";
    const domain = /;\s*domain\s*=([^;]*)/i.exec(text)?.[1] ?? "";
    const key = [text.slice(0, Math.max(text.indexOf("="), 0)), domain, path].join(";");
    const earlier = markers.get(key);
    if (earlier) write(`${earlier}=; path=/; max-age=0`);
    markers.set(key, name);
    // Only what a cookie's value cannot hold is escaped, because a cookie holds 4096 bytes with its name.
    const value = text.replace(/[^!#-+\--:<-[\]-~]|%/gu, encodeURIComponent);
    write(`${name}=${value}; path=/; max-age=${MARKER_LIFE}`);
    if (domain && !telling) natives.queueMicrotask(tell);
    telling ||= domain !== "";
  }

  /** Other hosts of the site may be asked next, and their requests carry nothing of this one's: Lado is told at once. */
  function tell(): void {
    telling = false;
    const told = natives.fetch(`${map.view}/__lado/noted`, {
      method: "POST",
      keepalive: true,
      // The path of a cookie without one is its page's.
      referrerPolicy: "same-origin",
    });
    told.catch(() => {});
  }

  const visible = (cookies: string) =>
    cookies
      .split("; ")
      .filter((cookie) => !OWN.test(cookie))
      .join("; ");

  const found = getOwnPropertyDescriptor(realm.Document?.prototype ?? {}, "cookie");
  if (found) {
    accessor(realm.Document.prototype, "cookie", {
      read: visible,
      write(value) {
        const text = sited(String(value));
        const kept = replica(text);
        // An empty cookie string sets nothing: what the site's own browser would have done with a refused one.
        if (kept === undefined) return "lado_=; max-age=0";
        mark(text);
        return kept;
      },
    });
  }

  const store = realm.CookieStore?.prototype;
  const own = (cookie: Any) => !!cookie && OWN.test(cookie.name);
  method(store, "getAll", undefined, async (list) => (await list).filter((cookie: Any) => !own(cookie)));
  method(store, "get", undefined, async (found) => {
    const cookie = await found;
    return own(cookie) ? null : cookie;
  });
  for (const list of ["changed", "deleted"])
    accessor(realm.CookieChangeEvent?.prototype, list, {
      read: (cookies: Any[]) => Object.freeze(cookies.filter((cookie) => !own(cookie))),
    });
  if (realm.cookieStore)
    natives.addEventListener(realm.cookieStore, "change", (event: Any) => {
      // Before any listener of the page: a change of Lado's own cookies only is none to it.
      guard(
        () => !event.changed.length && !event.deleted.length && event.stopImmediatePropagation(),
        undefined,
      );
    });
  // What the store sets is told through the same text form, so that the jar reads one syntax.
  const asText = (removed: boolean) => (native: Fn) =>
    ({
      async hook(this: Any, ...args: Any[]) {
        const given = typeof args[0] === "object" ? args[0] : { name: args[0], value: args[1] };
        const { domain, ...rest } = given;
        const { name, value = "", path = "/", sameSite, partitioned } = given;
        const expires = removed ? 0 : given.expires;
        const parts = [
          `${name}=${value}`,
          domain && `domain=${domain}`,
          `path=${path}`,
          "secure",
          sameSite && `samesite=${sameSite}`,
          partitioned && "partitioned",
          expires !== undefined && expires !== null && `expires=${new Date(Number(expires)).toUTCString()}`,
        ];
        const text = sited(parts.filter(Boolean).join("; "));
        if (replica(text) === undefined) return apply(native, this, args);
        const result = await apply(native, this, [rest]);
        if (realm.document) mark(text);
        return result;
      },
    }).hook;
  replaceMethod(store, "set", asText(false));
  replaceMethod(store, "delete", asText(true));
}
