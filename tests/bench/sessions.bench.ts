// What sessions cost the server: memory where nobody does anything, delay where many pages change at once.
//
//   LADO_BIN=… npx playwright test --config tests/bench/config.ts sessions        IDLE_SESSIONS, ACTIVE_SESSIONS: how many

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "@playwright/test";
import {
  NodeKind,
  type Op,
  OpTag,
  PageMessage,
  PageMessageTag,
  VERSION,
  ViewerRequest,
  ViewerRequestTag,
} from "../../injected/protocol/messages";
import { TreeWriter } from "../../injected/protocol/trees";
import { type TreeNode, Writer } from "../../injected/protocol/wire";
import { Client } from "./client";
import { ask, bench, free, ladoBefore } from "./stand.mjs";

const IDLE = Number(process.env.IDLE_SESSIONS ?? 5000);
const ACTIVE = Number(process.env.ACTIVE_SESSIONS ?? 200);
const SECONDS = 10;
const A_SECOND = 10;
/** Rows of the mirrored page, of eight nodes each. */
const ROWS = 60;

const lines: string[] = [];
test.afterAll(() => void process.stdout.write(`\n${lines.join("\n")}\n\n`));

function report(what: string, found: number, unit: string, most: number): void {
  const met = found <= most ? "met" : "missed";
  lines.push(`${what}: ${found.toFixed(1)} ${unit} (goal: at most ${most}, ${met})`);
}

const resident = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

/** Milliseconds on a processor, of all threads. */
const busy = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

/** A number without digits, which no detector takes for somebody's. */
const letters = (number: number): string =>
  [...number.toString(26)].map((digit) => "abcdefghijklmnopqrstuvwxyz"[Number.parseInt(digit, 26)]).join("");

const element = (tag: string, attrs: [string, string][], children: TreeNode[]): TreeNode[] => [
  { kind: NodeKind.Html, tag, attrs },
  ...children,
  { kind: NodeKind.End },
];
const text = (words: string): TreeNode => ({ kind: NodeKind.Text, text: words });

/** The text that changes is node 5: document, html, body, p, text. */
function snapshot(url: string): Op {
  const row = (n: number): TreeNode[] =>
    element(
      "tr",
      [["class", "row"]],
      [
        ...element("td", [], [text(`Order ${letters(n)} of the shop`)]),
        ...element("td", [["class", "state"]], [text("on its way")]),
        ...element("td", [], element("button", [["type", "button"]], [text("Details")])),
      ],
    );
  const rows = Array.from({ length: ROWS }, (_, n) => row(n)).flat();
  const body = [...element("p", [], [text("nothing yet")]), ...element("table", [], rows)];
  return {
    tag: OpTag.Snapshot,
    epoch: 1,
    base: 2,
    url,
    baseUrl: url,
    title: "Orders",
    quirks: false,
    viewport: { width: 1280, height: 800, density: 1000 },
    scrollX: 0,
    scrollY: 0,
    tree: element("html", [], element("body", [], body)),
  };
}

interface Seat {
  page: Client;
  viewer: Client;
  writer: TreeWriter;
  seq: number;
}

type Ready = Awaited<ReturnType<typeof ladoBefore>>;

/** The PIN is where a customer reads it: in the panel. */
async function pinOf(own: number, ready: Ready, host: string, cookie: string): Promise<string> {
  const door = host.replace(/^([^-]*)-[^.]*/, "$1-panel");
  const opened = await ask(own, door, { path: "/", headers: { cookie, "sec-fetch-dest": "iframe" } });
  const ticket = String(opened.headers.location).split("#")[1];
  const panel = await Client.open(own, ready.console, "/api/panel/socket", `http://${ready.console}`);
  const pin = await new Promise<string>((resolve) => {
    panel.heard = (message) => {
      const told = JSON.parse(message.toString());
      if (told.type === "state" && told.pin) resolve(told.pin);
    };
    panel.say(JSON.stringify({ type: "hello", ticket, language: "en" }));
  });
  panel.close();
  return pin;
}

/** A session with a page that has told itself and a viewer that shows it. */
async function seat(own: number, origin: number, ready: Ready): Promise<Seat> {
  const { host, cookie, admit, viewer: door } = await ready.enter("/orders");
  await admit(await pinOf(own, ready, host, cookie));
  const page = await Client.open(own, host, "/__lado/sync", `http://${host}`, cookie);
  const writer = new TreeWriter();
  const url = `http://127.0.0.1:${origin}/orders`;
  PageMessage.write(writer, {
    tag: PageMessageTag.Hello,
    version: VERSION,
    page: "p1",
    tab: "tab",
    url,
    sent: 0,
    visible: true,
  });
  page.say(writer.take());
  const seat = { page, viewer: page, writer, seq: 0 };
  tell(seat, [snapshot(url)]);
  const address = await door();
  seat.viewer = await Client.open(own, address.host, "/__lado/watch", address.origin);
  const hello = new Writer();
  ViewerRequest.write(hello, {
    tag: ViewerRequestTag.Hello,
    version: VERSION,
    ticket: address.hash.slice(1),
  });
  const shown = new Promise<void>((resolve) => {
    seat.viewer.heard = (message) => {
      if (message.includes("on its way")) resolve();
    };
  });
  seat.viewer.say(hello.take());
  await shown;
  seat.viewer.heard = () => {};
  return seat;
}

function tell(seat: Seat, ops: readonly Op[]): void {
  PageMessage.write(seat.writer, { tag: PageMessageTag.Batch, seq: ++seat.seq, ops });
  seat.page.say(seat.writer.take());
}

const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function seats(count: number, own: number, origin: number, ready: Ready): Promise<Seat[]> {
  const all: Seat[] = [];
  let begun = 0;
  const one = async (): Promise<void> => {
    while (begun++ < count) all.push(await seat(own, origin, ready));
  };
  await Promise.all(Array.from({ length: 8 }, one));
  return all;
}

/** Each page changes ten times a second, at times of its own; how long until its viewer is told. */
async function change(all: Seat[]): Promise<number[]> {
  const delays: number[] = [];
  let waiting = 0;
  const one = async (seat: Seat): Promise<void> => {
    const made = new Map<string, number>();
    seat.viewer.heard = (message) => {
      const now = performance.now();
      for (const [mark, at] of made)
        if (message.includes(mark)) {
          delays.push(now - at);
          made.delete(mark);
          waiting--;
        }
    };
    await rest(Math.random() * (1000 / A_SECOND));
    const begin = performance.now();
    for (let n = 0; n < SECONDS * A_SECOND; n++) {
      const mark = `changed ${letters(n)} times`;
      made.set(mark, performance.now());
      waiting++;
      tell(seat, [{ tag: OpTag.SetText, node: 5, text: mark }]);
      await rest(Math.max(0, begin + (n + 1) * (1000 / A_SECOND) - performance.now()));
    }
  };
  await Promise.all(all.map(one));
  await expect.poll(() => waiting, { timeout: 30_000 }).toBe(0);
  return delays.sort((a, b) => a - b);
}

test("sessions", async () => {
  test.setTimeout(900_000);
  const site = createServer((_, response) => response.end("<!doctype html><p>orders")).listen(0, "127.0.0.1");
  await expect.poll(() => site.listening).toBe(true);
  const origin = (site.address() as AddressInfo).port;
  await bench(async () => {
    const own = await free();
    const ready = await ladoBefore(origin, own);
    const { pid } = ready;
    const empty = resident(pid);
    const active = await seats(ACTIVE, own, origin, ready);
    const before = busy(pid);
    const delays = await change(active);
    const spent = (busy(pid) - before) / (SECONDS * 1000);
    const at = (share: number): number => delays[Math.floor(delays.length * share)] ?? Number.NaN;
    const load = `${ACTIVE} sessions, ${A_SECOND} changes a second each, ${delays.length} in all`;
    lines.push(`${load}: p50 ${at(0.5).toFixed(2)} ms, ${spent.toFixed(2)} processors`);
    report(`${load}: p99 from page to viewer`, at(0.99), "ms", 100);

    let gone = 0;
    const idle = await seats(IDLE - ACTIVE, own, origin, ready);
    for (const { page, viewer } of idle) for (const line of [page, viewer]) line.gone = () => void gone++;
    const calm = busy(pid);
    await rest(5000);
    lines.push(
      `${IDLE} sessions in which nobody does anything: ${((busy(pid) - calm) / 5000).toFixed(2)} processors`,
    );
    expect(gone, "no line was dropped").toBe(0);
    report(
      `${IDLE} sessions, a page of ${ROWS * 8 + 6} nodes and two sockets each`,
      resident(pid),
      "MiB",
      1024,
    );
    lines.push(
      `  of which the process alone: ${empty.toFixed(1)} MiB; a session ${(((resident(pid) - empty) * 1024) / IDLE).toFixed(1)} KiB`,
    );
  });
  site.close();
});
