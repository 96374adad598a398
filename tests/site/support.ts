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

/** What no page can show of itself: the story of each stands in a Rust test, in tests/it/<file>.rs. */
const WIRE: [what: string, file: string, test: string][] = [
  [
    "Expect: 100-continue: an upload begins when the site wants it",
    "streams",
    "an_upload_begins_when_the_site_wants_it",
  ],
  [
    "Expect: nobody is asked for an upload that has nowhere to go",
    "streams",
    "nobody_is_asked_for_an_upload_that_has_nowhere_to_go",
  ],
  ["Range and If-Range of what is not rewritten", "proxy", "ranges_pass_byte_for_byte"],
  ["Trailers, both ways", "streams", "trailers_pass_in_both_directions"],
  ["HTTP/2 towards a site that speaks it", "streams", "a_site_that_speaks_http_2_is_spoken_to_so"],
  [
    "WebSocket over HTTP/2 (RFC 8441)",
    "streams",
    "a_websocket_over_http_2_echoes_under_the_subprotocol_that_the_site_chose",
  ],
  ["2 GB down and 2 GB up in flat memory", "streams", "two_gigabytes_down_and_two_up_pass_with_flat_memory"],
  ["A slow reader holds the site back", "streams", "a_slow_reader_holds_the_site_back"],
  ["Long polls", "streams", "an_answer_to_a_long_poll_comes_when_the_site_gives_it"],
  [
    "TLS failures, bombs, cut off and unreadable answers are clear pages; the session lives on",
    "failures",
    "each_failure_of_a_site_is_a_clear_page_or_an_intact_answer_and_the_session_lives_on",
  ],
  [
    "A site outside the company's list is a page with a way back",
    "proxy",
    "a_site_outside_the_list_is_a_page_with_a_way_back",
  ],
  ["Private addresses are refused, by redirect and WebSocket, too", "guard", "private_addresses_are_refused"],
];

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
  out.push("", "## On the wire", "", "| what | | test |", "| --- | --- | --- |");
  for (const [what, file, test] of WIRE) {
    const home = `tests/it/${file}.rs`;
    if (!readFileSync(home, "utf8").includes(`async fn ${test}()`)) throw new Error(`${home} has no ${test}`);
    out.push(`| ${escaped(what)} | yes | [${escaped(test)}](../${home}) |`);
  }
  return `${out.join("\n")}\n`;
}

export function title(name: string): string {
  return /<title>(.*?)<\/title>/.exec(readFileSync(`${FOLDER}/${name}.html`, "utf8"))?.[1] ?? name;
}

const group = (name: string) => name.split("-")[0] ?? "";
const escaped = (text: string) => text.replace(/[|<*_]/g, (c) => `\\${c}`);
