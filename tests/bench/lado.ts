// Lado's capture as the page's script runs it, with the line cut off: what it would send is kept, and timed.

import { boot } from "../../injected/boot";
import { Capture, nextFrame } from "../../injected/capture/capture";
import { type Op, PageMessage, PageMessageTag } from "../../injected/protocol/messages";
import { Writer } from "../../injected/protocol/wire";
import { Rules } from "../../injected/rules";

const writer = new Writer();
const messages: Uint8Array[] = [];
let seq = 0;

const send = (ops: readonly Op[]): void => {
  if (!ops.length) return;
  PageMessage.write(writer, { tag: PageMessageTag.Batch, seq: ++seq, ops });
  messages.push(writer.take());
};

const capture = new Capture(
  new Rules(boot.rules),
  document.createElement("lado-overlay"),
  new CSSStyleSheet(),
  {
    changed: () => nextFrame(() => send(capture.flush())),
    moved() {},
    outside() {},
    drawn() {},
    blob() {},
    entered() {},
  },
);

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
