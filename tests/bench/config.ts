import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: ".",
  testMatch: "*.bench.ts",
  workers: 1,
  timeout: 900_000,
  expect: { timeout: 30_000 },
  reporter: [["line"]],
});
