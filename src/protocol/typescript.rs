//! Writes `injected/protocol/messages.ts`, the TypeScript half of the protocol.
//!
//! `cargo test` fails when the file is stale; `LADO_WRITE=1 cargo test -q typescript` writes it anew.

use std::fmt::Write as _;

use super::wire::Wire;
use super::{Dictionary, MASK, MAX_DEPTH, MAX_MESSAGE, VERSION, message, tree};

/// Tells the bundler that a script which does not use the layout can do without it.
pub(super) const PURE: &str = "/* @__PURE__ */ ";

/// The whole generated file.
pub fn generate() -> String {
    let mut out = String::from(
        "// Generated from src/protocol by `LADO_WRITE=1 cargo test -q typescript`. Do not edit.\n\n\
         import { byte, bytes, flag, i32, type Layout, list, node, option, record, string, tagged, tree, u32 } from \"./layout\";\n\
         import type { Tree } from \"./wire\";\n\n",
    );
    let _ = writeln!(out, "export const VERSION = {VERSION};");
    let _ = writeln!(out, "export const MASK = \"{MASK}\";");
    let _ = writeln!(out, "export const MAX_DEPTH = {MAX_DEPTH};");
    let _ = writeln!(out, "export const MAX_MESSAGE = {MAX_MESSAGE};");
    let _ = writeln!(out, "export const MAX_STRING = {};", Dictionary::MAX_STRING);
    let _ = writeln!(out, "export const MAX_ENTRIES = {};", Dictionary::MAX_ENTRIES);
    let _ = writeln!(out, "export const SUM_GROUP = {};", super::SUM_GROUP);
    out.push_str(&choice("NodeKind", &tree::KINDS));
    out.push_str(&message::typescript());
    out
}

pub(super) struct Field {
    name: String,
    ts: String,
    layout: String,
}

impl Field {
    pub(super) fn of<T: Wire>(name: &str) -> Self {
        Self { name: camel(name), ts: T::ts_type(), layout: T::ts_layout_as(name) }
    }
}

/// `{ width: u32, height: u32 }`
fn layouts(fields: &[Field]) -> String {
    let fields: Vec<String> = fields.iter().map(|field| format!("{}: {}", field.name, field.layout)).collect();
    if fields.is_empty() { "{}".into() } else { format!("{{ {} }}", fields.join(", ")) }
}

pub(super) struct Variant {
    pub(super) tag: u8,
    pub(super) name: &'static str,
    pub(super) fields: Vec<Field>,
}

pub(super) fn record(name: &str, fields: &[Field]) -> String {
    let mut out = format!("\nexport interface {name} {{\n");
    for field in fields {
        let _ = writeln!(out, "  {}: {};", field.name, field.ts);
    }
    let _ = writeln!(out, "}}\n\nexport const {name}: Layout<{name}> = {PURE}record({});", layouts(fields));
    out
}

pub(super) fn choice(name: &str, variants: &[(&str, u8)]) -> String {
    let mut out = format!("\nexport const enum {name} {{\n");
    for (variant, value) in variants {
        let _ = writeln!(out, "  {variant} = {value},");
    }
    out.push_str("}\n");
    out
}

pub(super) fn tagged(name: &str, variants: &[Variant]) -> String {
    let pairs: Vec<(&str, u8)> = variants.iter().map(|v| (v.name, v.tag)).collect();
    let mut out = choice(&format!("{name}Tag"), &pairs);
    let _ = write!(out, "\nexport type {name} =");
    for variant in variants {
        let _ = write!(out, "\n  | {{ tag: {name}Tag.{}", variant.name);
        for field in &variant.fields {
            let _ = write!(out, "; {}: {}", field.name, field.ts);
        }
        out.push_str(" }");
    }
    let _ = writeln!(out, ";\n\nexport const {name}: Layout<{name}> = {PURE}tagged(\"{name}\", {{");
    for variant in variants {
        let _ = writeln!(out, "  [{name}Tag.{}]: {},", variant.name, layouts(&variant.fields));
    }
    out.push_str("});\n");
    out
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        out.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_typescript_half_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/injected/protocol/messages.ts");
        let fresh = super::generate();
        if std::env::var_os("LADO_WRITE").is_some() {
            std::fs::write(path, &fresh).unwrap();
        }
        let stored = std::fs::read_to_string(path).unwrap_or_default();
        assert!(stored == fresh, "{path} is stale: run LADO_WRITE=1 cargo test -q typescript");
    }
}
