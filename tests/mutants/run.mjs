// Shows that the leak harness can fail: breaks the mask in one place after the other and runs the harness on each.
//
// All faults go into one copy of the sources, each behind a number, so that one build serves them all:
// `LADO_MUTANT=3` turns the third one on. A fault that no test notices is an error, and so is one whose place is gone.

import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const target = path.resolve(process.env.CARGO_TARGET_DIR ?? path.join(root, "target"));
const copy = path.join(target, "mutants");
const tests = [
  "mask::leak_tests::no_planted_secret_reaches_a_viewer",
  "lock::tests::",
  "mask::tests::",
  "mask::sheet::",
  "mask::smuggle_tests::",
];

/** Each: what breaks, the file, an expression that occurs once, and what stands in its place. */
const faults = JSON.parse(readFileSync(path.join(root, "tests/mutants/faults.json"), "utf8"));

mkdirSync(copy, { recursive: true });
for (const part of [
  "src",
  "rules",
  "injected",
  "web",
  "demo",
  "benches",
  "Cargo.toml",
  "Cargo.lock",
  "build.rs",
  "package.json",
  "tsconfig.json",
]) {
  cpSync(path.join(root, part), path.join(copy, part), { recursive: true });
}
mkdirSync(path.join(copy, "tests"), { recursive: true });
cpSync(path.join(root, "tests/fixtures"), path.join(copy, "tests/fixtures"), { recursive: true });
try {
  symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"));
} catch (error) {
  if (error.code !== "EEXIST") throw error;
}

// Another version: cargo would take the copy's binaries for those of the project, in the same target folder.
for (const file of ["Cargo.toml", "Cargo.lock"]) {
  const text = readFileSync(path.join(root, file), "utf8");
  const other = text.replace(/^(name = "lado"\nversion = ")[^"]*/m, "$10.0.0-mutants");
  if (other === text) throw new Error(`${file} does not say the version of lado right after its name`);
  writeFileSync(path.join(copy, file), other);
}

const texts = new Map();
faults.forEach(({ what, file, find, put }, at) => {
  const text = texts.get(file) ?? readFileSync(path.join(root, file), "utf8");
  if (text.split(find).length !== 2) throw new Error(`${what}: ${file} does not have \`${find}\` once`);
  texts.set(
    file,
    text.replace(find, () => `(if crate::mutant(${at + 1}) { ${put} } else { ${find} })`),
  );
});
for (const [file, text] of texts) writeFileSync(path.join(copy, file), text);
writeFileSync(
  path.join(copy, "src/lib.rs"),
  `${readFileSync(path.join(root, "src/lib.rs"), "utf8")}
/// Whether a fault is turned on.
pub fn mutant(number: u32) -> bool {
    static ON: std::sync::LazyLock<u32> =
        std::sync::LazyLock::new(|| std::env::var("LADO_MUTANT").ok().and_then(|n| n.parse().ok()).unwrap_or(0));
    *ON == number
}
`,
);

const env = { ...process.env, CARGO_TARGET_DIR: target, RUSTFLAGS: process.env.RUSTFLAGS ?? "" };
const built = execFileSync(
  "cargo",
  [
    "test",
    "--lib",
    "--no-run",
    "--message-format=json",
    "--manifest-path",
    path.join(copy, "Cargo.toml"),
    "-j2",
  ],
  { env, maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "inherit"] },
);
const binary = String(built)
  .split("\n")
  .filter((line) => line.includes('"executable":"'))
  .map((line) => JSON.parse(line))
  .find(({ target: { name } }) => name === "lado").executable;

const caughtBy = (number) => {
  for (const name of tests) {
    const run = spawnSync(binary, [name, "-q"], {
      cwd: copy,
      env: { ...env, LADO_MUTANT: String(number), LADO_LEAK: "first" },
      encoding: "utf8",
    });
    if (run.status !== 0)
      return `${name} ${/(\d+ of \d+ plants leak)/.test(run.stdout + run.stderr) ? "by a leak" : ""}`;
  }
  return null;
};

if (caughtBy(0)) throw new Error("the tests fail without any fault");
const only = process.argv.slice(2).map(Number);
let missed = 0;
faults.forEach(({ what }, at) => {
  if (only.length && !only.includes(at + 1)) return;
  const by = caughtBy(at + 1);
  if (!by) missed++;
  console.log(`${by ? "caught" : "MISSED"}  ${at + 1}  ${what}${by ? `  (${by.trim()})` : ""}`);
});
console.log(`${faults.length - missed} of ${faults.length} faults caught`);
process.exit(missed ? 1 : 0);
