// Starts the applications of the sites folder, has their journeys run through Lado, and stops what it started.
//
//   node tests/sites/run.mjs [journey…]        SITES_SRC: the folder, ../shared/sites if not given

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../..");
const source = path.resolve(root, process.env.SITES_SRC ?? "../shared/sites");

if (!existsSync(path.join(source, "run.mjs"))) {
  console.log(`No applications to run: ${source} is not there. Set SITES_SRC to their folder.`);
  process.exit(0);
}

const script = (name) => path.join(source, "apps", `${name}.sh`);
const there = readdirSync(path.join(source, "apps"))
  .filter((file) => file.endsWith(".sh") && !file.startsWith("_"))
  .map((file) => file.slice(0, -3));
const journeys = process.argv.slice(2);
const { DIRECT, names } = await import(pathToFileURL(path.join(source, "run.mjs")).href);
const chosen = names().filter((name) => journeys.length === 0 || journeys.includes(name));
const apps = new Set();
for (const name of chosen) {
  const { meta } = await import(pathToFileURL(path.join(source, "journeys", `${name}.mjs`)).href);
  const app = meta?.app ?? name;
  if (there.includes(app)) apps.add(app);
}

const started = [];
let status = 1;
try {
  for (const app of apps) {
    if (await answers(DIRECT[app])) continue;
    console.log(`starting ${app}`);
    started.push(app);
    // A service keeps the pipes it inherits open: its output goes to files of its own.
    execFileSync("bash", [script(app), "start"], { stdio: ["ignore", "ignore", "inherit"] });
    // The first page after a start is slow, and says nothing about Lado.
    await answers(DIRECT[app]);
  }
  const addresses = Object.fromEntries([...apps].map((app) => [app, DIRECT[app]]));
  const config = path.join(here, "playwright.config.ts");
  const run = spawnSync("npx", ["playwright", "test", "--config", config], {
    cwd: root,
    stdio: "inherit",
    env: {
      ...process.env,
      SITES_SRC: source,
      SITES_JOURNEYS: JSON.stringify(chosen),
      SITES_APPS: JSON.stringify(addresses),
    },
  });
  status = run.status ?? 1;
} finally {
  for (const app of started) spawnSync("bash", [script(app), "stop"], { stdio: "ignore" });
}
process.exit(status);

async function answers(address) {
  try {
    await fetch(address, { signal: AbortSignal.timeout(60_000) });
    return true;
  } catch {
    return false;
  }
}
