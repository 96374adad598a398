// Lado's capture as the page's script runs it, with the line cut off: what it would send is kept, and timed.

import { boot } from "../../injected/boot";
import { Capture, nextFrame } from "../../injected/capture/capture";
import * as late from "../../injected/late";
import { type Op, PageMessage, PageMessageTag } from "../../injected/protocol/messages";
import { Typing } from "../../injected/protocol/typed";
import { Writer } from "../../injected/protocol/wire";
import { Rules } from "../../injected/rules";

const writer = new Writer();
const messages: Uint8Array[] = [];
const typing = new Typing();
let seq = 0;

const send = (ops: readonly Op[]): void => {
  if (!ops.length) return;
  const letter = typing.of(ops);
  seq++;
  PageMessage.write(
    writer,
    letter ? { tag: PageMessageTag.Typed, letter } : { tag: PageMessageTag.Batch, seq, ops },
  );
  messages.push(writer.take());
};

const capture = new Capture(
  new Rules(boot.rules),
  document.createElement("lado-overlay"),
  new CSSStyleSheet(),
  {
    changed: () => nextFrame(() => send(capture.flush())),
    moved() {},
    late: (run) => run(late),
    drawn() {},
    blob: (_element, _name, address) => address,
    entered() {},
    nonceOf: () => "",
  },
);

capture.watched(late, {
  outside: () => 0,
  pause: () => 0,
  ready: () => false,
  flush() {},
  say() {},
  put: (element) => document.documentElement.append(element),
});

Object.assign(window, {
  bench: {
    /** From nothing to bytes that could be sent. */
    start(): void {
      send(capture.snapshot());
    },
    /** What would have been sent since the last time, as base64. */
    take(): string[] {
      return messages.splice(0).map((bytes) => {
        let text = "";
        for (let i = 0; i < bytes.length; i += 8192)
          text += String.fromCharCode(...bytes.subarray(i, i + 8192));
        return btoa(text);
      });
    },
  },
});
