// What a browser has to fetch before it shows something, compressed.

import { gzipSync } from "node:zlib";
import { expect, test } from "@playwright/test";
import { appDocument, bundleApp, bundleInjected, bundleLate } from "../../web/build.mjs";

for (const [name, limit] of [
  ["join", 30_000],
  ["panel", 48_000],
  ["viewer", 60_200],
  ["console", 150_000],
] as const) {
  test(`${name} loads in ${limit} bytes`, async () => {
    const app = { name, base: "/" };
    const files = await bundleApp(app);
    const all = [Buffer.from(appDocument(app, files)), ...files.map(({ bytes }) => bytes)];
    expect(all.reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0)).toBeLessThan(limit);
  });
}

for (const [what, bundle, limit] of [
  ["into every proxied page", () => bundleInjected("injected/main.ts"), 34_800],
  ["into every page under the site's own name", () => bundleInjected("injected/front.ts"), 24_600],
  ["into the pages that somebody watches, beside that,", bundleLate, 18_600],
] as const) {
  test(`what Lado puts ${what} loads in ${limit} bytes`, async () => {
    const { length } = gzipSync(await bundle(), { level: 9 });
    process.stdout.write(`${length} bytes\n`);
    expect(length).toBeLessThan(limit);
  });
}
