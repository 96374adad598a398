// Maps addresses between sites and the view hosts of one session: the page's half of src/rewrite/url.rs.

import type { Boot } from "./boot";
import { NativeRequest, place as placeOf } from "./natives";

export type MapConfig = Pick<Boot, "session" | "site" | "view" | "aliases" | "fronts">;

export interface SiteMap {
  /** Every view address holds it. */
  readonly session: string;
  /** The origin of the site that the document belongs to. */
  readonly site: string;
  /** The origin of its view host. */
  readonly view: string;
  /**
   * An absolute or scheme-relative http(s) or ws(s) URL moved to its view host; anything else unchanged. Only scheme
   * and authority change: the rest stays as the page wrote it, but for what it says of its own address.
   */
  toView(url: string): string;
  /** `text` with every view address of this session in it replaced by the site's own. */
  toSite(text: string): string;
  /** Whether an absolute URL leads out of the view domain although it has a view. */
  escapes(url: string): boolean;
}

/** A DNS label holds 63 octets; the session and its hyphen take 17 of them. */
const MAX_LABEL = 46;
const MAX_REMEMBERED = 1000;
const ALIAS = /^0a[a-z2-7]{10}$/;
const ABSOLUTE = /^(?:(https?|wss?):)?([\\/]*)([^\\/?#]*)/i;

/** `.` → `-`, `-` → `--`, then `-0h{port}` or `-0s{port}` for what is not https on 443. `undefined`: needs an alias. */
export function encodeLabel(origin: string): string | undefined {
  const [scheme, , authority = ""] = origin.split("/");
  const [, host = "", port = ""] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? [];
  const suffix = scheme === "http:" ? `-0h${port}` : port && `-0s${port}`;
  const label = host.replace(/[.-]/g, (c) => (c === "." ? "-" : "--")) + suffix;
  return decodeLabel(label) === origin ? label : undefined;
}

/** The origin that a label stands for; `undefined` for aliases and for what `encodeLabel` never makes. */
export function decodeLabel(label: string): string | undefined {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(label) || label.endsWith("-") || label.length > MAX_LABEL) return;
  if (label === "viewer" || label === "panel" || ALIAS.test(label)) return;
  const [, plain = label, kind, port = ""] = /^(.*[^-])-0([hs])(\d*)$/.exec(label) ?? [];
  if (kind === "s" && !port) return;
  let odd = false;
  const host = plain.replace(/-+/g, (run) => {
    odd ||= run.length > 1 && run.length % 2 === 1; // `.-` and `-.` would read the same
    return run.length === 1 ? "." : run.slice(run.length / 2);
  });
  const origin = `${kind === "h" ? "http" : "https"}://${host}${port && `:${port}`}`;
  try {
    return !odd && placeOf(origin).origin === origin ? origin : undefined;
  } catch {
    return;
  }
}

export function createMap({ session, site, view, aliases, fronts = [] }: MapConfig): SiteMap {
  const siteScheme = site.slice(0, site.indexOf(":")).toLowerCase();
  const labels = new Map<string, string | undefined>(Object.entries(aliases));
  const origins = new Map<string, string | undefined>(Object.entries(aliases).map(([o, l]) => [l, o]));
  /** Scheme and authority as written → authority in the view; `""` for what is left alone. */
  const known = new Map<string, string>();
  const domain = view.domain.replace(/\W/g, "\\$&");
  const anyView = new RegExp(
    `((?:https?|wss?):)?//([^\\s/@"'<>]*@)?${session}-([a-z0-9-]+)\\.${domain}(?![\\w.:-])`,
    "gi",
  );

  const COLON = "(:|%(?:25)*3a)";
  /** A view address in a query or fragment, where it may be percent-encoded. */
  const said = new RegExp(
    `(https?|wss?)${COLON}((?:/|%(?:25)*2f){2})${session}-([a-z0-9-]+)\\.${domain.replace("\\:", COLON)}(?![\\w.:-])`,
    "gi",
  );

  const inScheme = (given: string, own: string) => (/^ws/i.test(given) ? own.replace("http", "ws") : own);

  /** Pages make such addresses of `location`; other sites compare them with who speaks to them. */
  const tell = (rest: string) =>
    rest.includes(session)
      ? rest.replace(said, (whole, scheme: string, colon: string, slashes: string, name: string) => {
          const [own = "", , authority = ""] = (origins.get(name) ?? decodeLabel(name) ?? "").split("/");
          if (!own) return whole;
          return inScheme(scheme, own.slice(0, -1)) + colon + slashes + authority.replace(":", colon);
        })
      : rest;

  function label(origin: string): string | undefined {
    if (!labels.has(origin)) {
      const found = encodeLabel(origin) ?? ask(origin);
      if (labels.size > MAX_REMEMBERED) labels.clear();
      labels.set(origin, found);
      if (found) origins.set(found, origin);
    }
    return labels.get(origin);
  }

  /** Rare: names that do not fit into a label. It blocks, because so do the callers: an attribute has to be right now. */
  function ask(origin: string): string | undefined {
    try {
      const request = new NativeRequest();
      request.open("POST", `${ownView}/__lado/alias`, false);
      request.send(origin);
      return JSON.parse(request.responseText).label;
    } catch {
      return;
    }
  }

  function place(scheme: string, authority: string): string {
    const key = `${scheme}:${authority}`;
    let placed = known.get(key);
    if (placed === undefined) {
      placed = "";
      try {
        const { host, origin } = placeOf(`${scheme.replace("ws", "http")}://${authority}`);
        const found =
          host !== view.domain &&
          !host.endsWith(`.${view.domain}`) &&
          !fronts.includes(origin) &&
          label(origin);
        if (found) placed = `${session}-${found}.${view.domain}`;
      } catch {
        // Not an authority: the browser will refuse it too.
      }
      if (known.size > MAX_REMEMBERED) known.clear();
      known.set(key, placed);
    }
    return placed;
  }

  function toView(raw: string): string {
    // As the URL standard's parser sees it: no C0 controls or spaces around, no tabs or newlines inside.
    const url = /^[\0- ]|[\t\n\r]/.test(raw) ? raw.replace(/^[\0- ]+|[\t\n\r]/g, "") : raw;
    const match = ABSOLUTE.exec(url);
    const [prefix = "", written, slashes = "", authority = ""] = match ?? [];
    if (!written && slashes.length < 2) return raw;
    const scheme = written?.toLowerCase() ?? siteScheme;
    // `https:path` is relative to an https base, and the view's scheme may differ from the site's.
    if (slashes.length < 2 && scheme === siteScheme) return url.slice(scheme.length + 1);
    const at = authority.lastIndexOf("@") + 1;
    const placed = authority && place(scheme, authority.slice(at));
    if (!placed) return raw;
    const inView = scheme.startsWith("ws") ? view.scheme.replace("http", "ws") : view.scheme;
    return `${written ? `${inView}:` : ""}//${authority.slice(0, at)}${placed}${tell(url.slice(prefix.length))}`;
  }

  function toSite(text: string): string {
    if (!text.includes(session)) return text;
    return text.replace(anyView, (whole, scheme = "", credentials = "", name: string) => {
      const lower = name.toLowerCase();
      const origin = origins.get(lower) ?? decodeLabel(lower);
      if (!origin) return whole;
      const [own, rest] = [origin.slice(0, origin.indexOf(":")), origin.slice(origin.indexOf("//") + 2)];
      return `${scheme || own !== siteScheme ? `${inScheme(scheme, own)}:` : ""}//${credentials}${rest}`;
    });
  }

  const escapes = (url: string) => /^(?:https?|wss?):/i.test(url) && toView(url) !== url;

  // A site that needs an alias cannot be asked for before its view host is known: it is in `aliases` from the start.
  const ownLabel = labels.get(site) ?? encodeLabel(site) ?? "";
  origins.set(ownLabel, site);
  const ownView = `${view.scheme}://${session}-${ownLabel}.${view.domain}`;
  return { session, site, view: ownView, toView, toSite, escapes };
}
