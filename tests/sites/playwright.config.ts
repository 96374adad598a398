import { defineConfig } from "@playwright/test";
import { launch } from "../../playwright.config";

export default defineConfig({
  testDir: ".",
  outputDir: "../../test-results",
  // Made anew by each run: what the applications look like without Lado.
  snapshotPathTemplate: "../../test-results/direct/{testName}/{arg}{ext}",
  testMatch: "*.spec.ts",
  workers: 1,
  timeout: 240_000,
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  use: { actionTimeout: 20_000, navigationTimeout: 45_000, launchOptions: launch },
});
