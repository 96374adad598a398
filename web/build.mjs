// Bundles the apps and the injected scripts into a folder, with a manifest that src/assets.rs includes.
//
//   node web/build.mjs OUT

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Each app's entry is web/{name}/main.tsx; `base` is where its files are served on its own host. */
const APPS = [
  { name: "console", base: "/assets/" },
  { name: "join", base: "/assets/" },
  { name: "panel", base: "/assets/" },
  { name: "viewer", base: "/__lado/" },
];

/** Scripts that get their configuration in front when they are served, so they have no hash of their own here. */
const INJECTED = {
  boot: "injected/main.ts",
  front: "injected/front.ts",
  worker: "injected/worker.ts",
  launcher: "injected/launcher.ts",
};

const TYPES = { ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8" };

const COMMON = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  write: false,
  target: ["es2022"],
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  tsconfig: "tsconfig.json",
};

/** The bundles as [{ name: "console.0123456789abcdef.js", app, bytes, type }]. */
export async function bundleApp({ name, base }) {
  const entry = `web/${name}/main.tsx`;
  if (!existsSync(path.join(root, entry))) return [];
  const { outputFiles } = await build({
    ...COMMON,
    entryPoints: { [name]: entry },
    outdir: "/",
    format: "esm",
    publicPath: base,
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return outputFiles.map(({ path: file, contents }) => {
    const { name: stem, ext } = path.parse(file);
    const hash = createHash("sha256").update(contents).digest("hex").slice(0, 16);
    return { name: `${stem}.${hash}${ext}`, bytes: contents, type: TYPES[ext], ext };
  });
}

export async function bundleInjected(entry) {
  if (!existsSync(path.join(root, entry))) return new Uint8Array();
  const { outputFiles } = await build({ ...COMMON, entryPoints: [entry], format: "iife" });
  return outputFiles[0].contents;
}

/** Modules of which there is one in a page: the late script gets them from the first one (injected/shared.ts). */
const SHARED = /^(\.\/|\.\.\/)*(capture\/)?(active|address|dom|fields|guard|name|tree)$/;

/** The late script: a module whose default export takes what it shares and gives what it has. */
export async function bundleLate() {
  const { outputFiles } = await build({
    ...COMMON,
    entryPoints: ["injected/late.ts"],
    format: "esm",
    plugins: [
      {
        name: "shared",
        setup(bundler) {
          bundler.onResolve({ filter: SHARED }, () => ({ path: "shared", namespace: "shared" }));
          const [, names] = /shared = \{([^}]*)\}/.exec(
            readFileSync(path.join(root, "injected/shared.ts"), "utf8"),
          );
          bundler.onLoad({ filter: /./, namespace: "shared" }, () => ({
            contents: `export const {${names}} = SHARED`,
          }));
        },
      },
    ],
  });
  // What a module exports a function returns.
  const text = outputFiles[0].text.replace(
    /export\{([^}]*)\};\s*$/,
    (_, all) => `return{${all.replace(/([$\w]+) as (\w+)/g, "$2:$1")}}`,
  );
  return Buffer.from(`export default(SHARED)=>{${text}}`);
}

/** No inline script or style: the apps' content security policies allow none. */
export function appDocument({ base }, files) {
  const of = (ext) => files.filter((file) => file.ext === ext);
  const styles = of(".css").map(({ name }) => `<link rel="stylesheet" href="${base}${name}">`);
  const scripts = of(".js").map(({ name }) => `<script type="module" src="${base}${name}"></script>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Lado</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect x='2' y='5' width='17' height='22' rx='5' fill='%230f6e6e'/%3E%3Crect x='13' y='5' width='17' height='22' rx='5' fill='%23f0a04b' fill-opacity='.88'/%3E%3C/svg%3E">
${[...styles, ...scripts].join("\n")}
</head>
<body><div id="app"></div></body>
</html>
`;
}

async function main(out) {
  mkdirSync(out, { recursive: true });
  const manifest = { files: [], apps: [] };
  for (const app of APPS) {
    const files = await bundleApp(app);
    for (const file of files) {
      writeFileSync(path.join(out, file.name), file.bytes);
      manifest.files.push(file);
    }
    writeFileSync(path.join(out, `${app.name}.html`), appDocument(app, files));
  }
  for (const [name, entry] of Object.entries(INJECTED)) {
    writeFileSync(path.join(out, `${name}.js`), await bundleInjected(entry));
  }
  writeFileSync(path.join(out, "late.js"), await bundleLate());
  const rows = manifest.files.map(
    ({ name, type }) =>
      `    ("${name}", "${type}", include_bytes!(concat!(env!("OUT_DIR"), "/web/${name}"))),\n`,
  );
  // The fragment is included as an expression by src/assets.rs.
  writeFileSync(path.join(out, "files.rs"), `&[\n${rows.join("")}]\n`);
}

const [, script, out] = process.argv;
if (script && path.resolve(script) === fileURLToPath(import.meta.url)) {
  if (!out) {
    console.error("usage: node web/build.mjs OUT");
    process.exit(2);
  }
  try {
    readFileSync(path.join(root, "tsconfig.json"));
    await main(out);
  } catch (error) {
    // esbuild has already printed its own errors, with file and line.
    if (!error.errors) console.error(error);
    process.exit(1);
  }
}
