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
  // Long enough for a machine that is busy otherwise: nothing here is about time.
  timeout: 180_000,
  expect: { timeout: 30_000, toPass: { timeout: 60_000 } },
  // A busy machine loses a race now and then, and the report says so: "flaky". What guards a secret gets no second go.
  retries: 1,
  reporter: [["list"]],
  use: { actionTimeout: 30_000, navigationTimeout: 60_000, trace: "off", launchOptions: launch },
});
