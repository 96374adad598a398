// Checksums are alike on both sides of the sockets.

import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { BASIS, text } from "../../injected/protocol/sum";

const known = JSON.parse(readFileSync(new URL("../fixtures/sums.json", import.meta.url), "utf8"));

test("texts add up as in Lado", () => {
  for (const [value, sum] of known as [string, number][]) expect(text(BASIS, value) >>> 0).toBe(sum);
  // Half a pair arrives as U+FFFD.
  expect(text(BASIS, "a\ud83d!")).toBe(text(BASIS, "a\ufffd!"));
  expect(text(BASIS, "\ude00")).toBe(text(BASIS, "\ufffd"));
});
