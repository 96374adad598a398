// Writes docs/support.md from the cases: what works through Lado, and the page that shows it.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

export const FOLDER = path.resolve("tests/site");

/** The part of a case's name before its first hyphen → the heading of its table. */
const GROUPS: Record<string, string> = {
  request: "Requests as the site sees them",
  header: "Response headers",
  policy: "Security policies",
  cookie: "Cookies",
  storage: "Storage",
  fetch: "fetch",
  xhr: "XMLHttpRequest",
  stream: "Streams and codings",
  socket: "WebSocket",
  events: "Server-sent events",
  beacon: "Beacons and pings",
  worker: "Workers",
  window: "Windows and tabs",
  navigation: "Navigation",
  frame: "Frames and messages",
  address: "Addresses that a page reads",
  markup: "Markup",
  module: "Modules",
  dom: "DOM written by scripts",
  css: "Style sheets",
  charset: "Encodings",
  media: "Media",
};

/** The page, fresh. */
export function support(known: Record<string, string>): string {
  const cases = readdirSync(FOLDER)
    .filter((name) => name.endsWith(".html"))
    .map((name) => name.slice(0, -".html".length))
    .sort();
  const homeless = cases.filter((name) => !GROUPS[group(name)]);
  if (homeless.length) throw new Error(`no heading for ${homeless.join(", ")}`);
  const works = cases.length - Object.keys(known).length;
  const out = [
    "# What works through Lado",
    "",
    "Made from the pages in `tests/site/` by `LADO_WRITE=1 npx playwright test site -g table`; do not edit.",
    "",
    "Each page does one thing, in Chromium, direct and in a session, and both times has to report the same. " +
      `${cases.length} pages, ${works} the same. A page cannot be given another \`location\`: what it reads there is the view host's address, and cases do not count that as a difference.`,
  ];
  for (const [key, heading] of Object.entries(GROUPS)) {
    const rows = cases.filter((name) => group(name) === key);
    if (!rows.length) continue;
    out.push("", `## ${heading}`, "", "| what | | page |", "| --- | --- | --- |");
    for (const name of rows) {
      const reason = known[name];
      const link = `[${name}](../tests/site/${name}.html)`;
      out.push(`| ${escaped(title(name))} | ${reason ? `no: ${escaped(reason)}` : "yes"} | ${link} |`);
    }
  }
  return `${out.join("\n")}\n`;
}

export function title(name: string): string {
  return /<title>(.*?)<\/title>/.exec(readFileSync(`${FOLDER}/${name}.html`, "utf8"))?.[1] ?? name;
}

const group = (name: string) => name.split("-")[0] ?? "";
const escaped = (text: string) => text.replace(/[|<*_]/g, (c) => `\\${c}`);
