// What a browser has to fetch before it shows something, compressed.

import { gzipSync } from "node:zlib";
import { expect, test } from "@playwright/test";
import { appDocument, bundleApp, bundleInjected } from "../../web/build.mjs";

for (const [name, limit] of [
  ["join", 30_000],
  ["panel", 48_000],
  ["viewer", 60_000],
  ["console", 150_000],
] as const) {
  test(`${name} loads in ${limit} bytes`, async () => {
    const app = { name, base: "/" };
    const files = await bundleApp(app);
    const all = [Buffer.from(appDocument(app, files)), ...files.map(({ bytes }) => bytes)];
    expect(all.reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0)).toBeLessThan(limit);
  });
}

test("what Lado puts into every page loads in 38,500 bytes", async () => {
  const script = await bundleInjected("injected/main.ts");
  expect(gzipSync(script, { level: 9 }).length).toBeLessThan(38_500);
});
