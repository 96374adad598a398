import { defineConfig } from "@playwright/test";

/** What a browser in a container needs, and no traffic of its own. */
export const launch = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
  ],
};

export default defineConfig({
  testDir: "tests",
  testMatch: ["unit/**/*.test.ts", "browser/**/*.spec.ts"],
  forbidOnly: Boolean(process.env.CI),
  // Each worker has a Lado of its own and two browsers: more of them need more than two cores.
  workers: 1,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: { actionTimeout: 15_000, navigationTimeout: 30_000, trace: "off", launchOptions: launch },
});
