//! Bundles the web apps and the injected scripts with one Node script; `src/assets.rs` embeds what it wrote.

use std::path::Path;
use std::process::{Command, exit};
use std::{env, fs};

fn main() {
    for path in ["web", "injected", "package.json", "tsconfig.json"] {
        println!("cargo::rerun-if-changed={path}");
    }
    if !Path::new("node_modules/esbuild").exists() {
        eprintln!("the web bundler is missing: run make setup");
        exit(1);
    }
    let Some(out) = env::var_os("OUT_DIR").map(|dir| Path::new(&dir).join("web")) else {
        eprintln!("cargo did not say where to build");
        exit(1);
    };
    // Hashed names pile up from build to build otherwise.
    let _ = fs::remove_dir_all(&out);
    match Command::new("node").arg("web/build.mjs").arg(&out).status() {
        Ok(status) if status.success() => {}
        Ok(_) => {
            eprintln!("web/build.mjs failed: its message is above");
            exit(1);
        }
        Err(_) => {
            eprintln!("node is missing: run make setup");
            exit(1);
        }
    }
}
