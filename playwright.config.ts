import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "tests/browser",
  forbidOnly: Boolean(process.env.CI),
  // Each worker has a Lado of its own and two browsers: more of them need more than two cores.
  workers: 1,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: { actionTimeout: 15_000, navigationTimeout: 30_000, trace: "off" },
});
