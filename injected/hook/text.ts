// Finds and maps the URLs inside of longer texts: style sheets, srcset, HTML.

import type { SiteMap } from "../map";
import { type Any, guard, ownTag } from "../natives";
import { URL_ATTRIBUTES, type UrlKind } from "./urls";

export interface Texts {
  /** The kind of URL that an attribute holds, both names in lower case. */
  kind(tag: string, attribute: string): UrlKind | undefined;
  /** An attribute's value as the document has to hold it. */
  attribute(kind: UrlKind, value: string): string;
  css(text: string): string;
  html(text: string): string;
  /** Import maps and speculation rules: the URLs among a JSON text's strings. */
  json(text: string): string;
  /** Any text that the page reads back. */
  read(text: Any): Any;
  /**
   * `change` for whatever a page passes where the platform wants a string: objects are turned into strings once, and
   * trusted types stay trusted.
   */
  value(value: Any, change: (text: string) => string): Any;
}

/** Something that may be an absolute URL; most texts have none. */
const MAYBE = /[\\/]{2}|&#|https?:|wss?:/i;
const URL_REST = "((?:https?:|wss?:)?[\\\\/]{2}[^\\s\"'()<>,;&]+)";
const CSS = new RegExp(
  `((?:url|src)\\(\\s*(?:["']|&quot;|&#3[49];)?|@import\\s+(?:["']|&quot;|&#3[49];)|(?:image-set\\(|,)\\s*(?:["']|&quot;|&#3[49];))\\s*${URL_REST}`,
  "gi",
);
const LIST = new RegExp(`(^|[\\s,])${URL_REST}`, "gi");
const STEPS = new RegExp(`(^|[\\s;])${URL_REST}`, "gi");
const REFRESH = new RegExp(`(url\\s*=\\s*["']?)${URL_REST}`, "i");
const JSON_STRING = /(")((?:https?:)?(?:\\?\/){2}[^"\\]*)/gi;

const OPEN = /<([a-z][^\s/>]*)/iy;
/** A leading `=` belongs to the name (HTML standard, "before attribute name state"). */
const ATTRIBUTE = /[\s/]*([^\s/>][^\s/>=]*)(?:(\s*=\s*)(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*)))?/y;
const OPEN_QUOTE = /\s*=\s*["']/y;
const CLOSE = /[\s/]*>/y;
const RAW_TEXT = /^(?:script|style|textarea|title|xmp|iframe|noembed|noframes)$/;
const TYPED_SCRIPT = /^\s*(?:importmap|speculationrules)\s*$/i;

/** Character references in places where they would hide an absolute URL from us. */
const REFERENCES = /&(?:#x0*(2f|3a|2e|2d)|#0*(47|58|46|45)|(sol|colon|period));?/gi;
const NAMED: Record<string, string> = { sol: "/", colon: ":", period: "." };
const QUOTES: Record<string, string> = { quot: '"', lt: "<", gt: ">", apos: "'", amp: "&" };

const plain = (value: string) =>
  value.replace(REFERENCES, (_, hex, decimal, name) =>
    name ? (NAMED[name.toLowerCase()] ?? "") : String.fromCharCode(hex ? Number.parseInt(hex, 16) : decimal),
  );
const decode = (value: string) =>
  value.replace(/&(?:#x([\da-f]+)|#(\d+)|(quot|lt|gt|apos|amp));?/gi, (_, hex, decimal, name) =>
    name
      ? (QUOTES[name.toLowerCase()] ?? "")
      : String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal)),
  );
const encode = (value: string) => value.replace(/&/g, "&amp;").replace(/"/g, "&quot;");

/** The tags that Lado has put into `srcdoc` texts, in markup or here. */
const OWN_PATH = "/__lado/boot.";
const OWN_TAGS =
  /<script src="[^"]*\/__lado\/boot\.[^"]*"(?: nonce="[^"]*")?(?: data-lado="[^"]*")?><\/script>/g;

export function createTexts(map: SiteMap, trusted: Any): Texts {
  const swap = (text: string, pattern: RegExp) =>
    text.replace(pattern, (_, before: string, url: string) => before + map.toView(url));

  const css = (text: string) => (MAYBE.test(text) ? swap(text, CSS) : text);
  const json = (text: string) =>
    text.replace(JSON_STRING, (_, quote: string, url: string) => quote + map.toView(url.replace(/\\/g, "")));

  function attribute(kind: UrlKind, value: string): string {
    switch (kind) {
      case "html":
        return srcdoc(value);
      case "css":
        return css(value);
      case "srcset":
      case "urls":
        return swap(value, LIST);
      case "animated":
        return swap(value, STEPS);
      case "refresh":
        return swap(value, REFRESH);
      default:
        return map.toView(value);
    }
  }

  const kind = (tag: string, name: string) => {
    const own = URL_ATTRIBUTES[tag];
    return own && Object.hasOwn(own, name) ? own[name] : URL_ATTRIBUTES["*"]?.[name];
  };

  /** The hooks' tag goes after the doctype, which must stay first. */
  const srcdoc = (text: string) =>
    ownTag && !text.includes(ownTag)
      ? html(text).replace(/^(?:\s*<!doctype[^>]*>)?/i, (start) => start + ownTag)
      : html(text);

  /**
   * Walks the tags of `text`, which may begin and end anywhere (`document.write` gets pieces), and maps the attributes
   * in place: whatever is not a mapped URL stays byte for byte.
   */
  function html(text: string): string {
    if (!MAYBE.test(text)) return text;
    let out = "";
    let done = 0;
    let at = text.indexOf("<");
    while (at >= 0) {
      if (text.startsWith("<!--", at)) {
        const end = text.indexOf("-->", at + 2);
        if (end < 0) break;
        at = text.indexOf("<", end + 3);
        continue;
      }
      OPEN.lastIndex = at;
      const name = OPEN.exec(text)?.[1]?.toLowerCase();
      if (!name) {
        at = text.indexOf("<", at + 1);
        continue;
      }
      const start = OPEN.lastIndex;
      const attributes: Found[] = [];
      let end = start;
      for (;;) {
        CLOSE.lastIndex = ATTRIBUTE.lastIndex = end;
        if (CLOSE.test(text)) {
          end = CLOSE.lastIndex;
          break;
        }
        const found = ATTRIBUTE.exec(text);
        OPEN_QUOTE.lastIndex = ATTRIBUTE.lastIndex;
        // An unfinished tag: the next piece of text ends it, and the observer sees the element.
        if (!found || OPEN_QUOTE.test(text)) return out + text.slice(done);
        const value = found[3] ?? found[4] ?? found[5];
        const quote = found[3] !== undefined ? '"' : found[4] !== undefined ? "'" : "";
        const to = ATTRIBUTE.lastIndex;
        if (value !== undefined)
          attributes.push({
            name: (found[1] ?? "").toLowerCase(),
            value,
            quote,
            from: end,
            to,
            whole: found[0],
          });
        end = to;
      }
      for (const found of attributes) {
        const next = mapped(name, found, attributes);
        if (next === undefined) continue;
        out += text.slice(done, found.from) + next;
        done = found.to;
      }
      at = text.indexOf("<", end);
      if (!RAW_TEXT.test(name)) continue;
      const close = new RegExp(`</${name}(?=[\\s/>])`, "gi");
      close.lastIndex = end;
      const stop = close.exec(text)?.index ?? text.length;
      const type = attributes.find((found) => found.name === "type")?.value ?? "";
      const change = name === "style" ? css : name === "script" && TYPED_SCRIPT.test(type) ? json : undefined;
      if (change) {
        out += text.slice(done, end) + change(text.slice(end, stop));
        done = stop;
      }
      at = text.indexOf("<", stop + 1);
    }
    return done ? out + text.slice(done) : text;
  }

  /** The attribute as it has to stand in the tag, or `undefined` where it may stay. */
  function mapped(tagName: string, { name, value, quote, whole }: Found, all: Found[]): string | undefined {
    const has = (other: string, pattern: RegExp) =>
      all.some((found) => found.name === other && pattern.test(found.value));
    // Style sheets are rewritten on their way, so their digests no longer fit.
    if (tagName === "link" && name === "integrity" && has("rel", /stylesheet/i)) return " ";
    const sort = kind(tagName, name);
    if (!sort || (sort === "refresh" && !has("http-equiv", /refresh/i))) return;
    if (sort === "html") {
      const inner = srcdoc(decode(value));
      return `${whole.slice(0, whole.length - value.length - 2 * quote.length)}"${encode(inner)}"`;
    }
    const clear = value.includes("&") ? plain(value) : value;
    const next = attribute(sort, clear);
    if (next === clear) return;
    return whole.slice(0, whole.length - value.length - 2 * quote.length) + quote + next + quote;
  }

  const read = (text: Any) => {
    if (typeof text !== "string" || !(text.includes(map.session) || text.includes(OWN_PATH))) return text;
    return map.toSite(text.includes(OWN_PATH) ? text.replace(OWN_TAGS, "") : text);
  };

  let policy: Any;
  function value(given: Any, change: (text: string) => string): Any {
    if (typeof given === "string") return change(given);
    if (!given || typeof given !== "object") return given;
    const text = String(given);
    const next = change(text);
    const type = trusted && ["HTML", "Script", "ScriptURL"].find((name) => isTrusted(given, name));
    if (!type) return next;
    if (next === text) return given;
    // A policy list that leaves ours out: the value stays as it is, and the observer maps what came of it.
    return guard(() => {
      policy ??= trusted.createPolicy("lado", {
        createHTML: (s: string) => s,
        createScript: (s: string) => s,
        createScriptURL: (s: string) => s,
      });
      return policy[`create${type}`](next);
    }, given);
  }
  const isTrusted = (given: Any, name: string) => trusted[`is${name}`]?.(given);

  return { kind, attribute, css, html, json, read, value };
}

interface Found {
  name: string;
  value: string;
  quote: string;
  whole: string;
  from: number;
  to: number;
}
