//! Which attribute of which element holds which kind of URL: `rules/urls.toml`, for Rust and for the page's hooks.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// How the URLs stand in an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Url,
    Urls,
    Srcset,
    Css,
    Html,
    Refresh,
    Animated,
}

const SOURCE: &str = include_str!("../../rules/urls.toml");

type Rows = BTreeMap<String, BTreeMap<String, Kind>>;

/// Tag → attributes. The rows of `*` stand in every other row, so that one look-up answers.
static TABLE: LazyLock<HashMap<String, Vec<(String, Kind)>>> = LazyLock::new(|| {
    let rows = rows();
    let everywhere = rows.get("*").cloned().unwrap_or_default();
    let with_everywhere = |own: BTreeMap<String, Kind>| {
        let mut all = everywhere.clone();
        all.extend(own);
        all.into_iter().collect()
    };
    rows.into_iter().map(|(tag, own)| (tag, with_everywhere(own))).collect()
});

/// The URL-bearing attributes of a tag (lower case).
pub fn attributes(tag: &str) -> &'static [(String, Kind)] {
    TABLE.get(tag).or_else(|| TABLE.get("*")).map(Vec::as_slice).unwrap_or_default()
}

/// The file `injected/hook/urls.ts`.
pub fn typescript() -> String {
    let kinds = ["url", "urls", "srcset", "css", "html", "refresh", "animated"];
    let mut out = String::from(
        "// Generated from rules/urls.toml by `LADO_WRITE=1 cargo test -q url_attributes`. Do not edit.\n\n",
    );
    let union: Vec<String> = kinds.iter().map(|kind| format!("\"{kind}\"")).collect();
    let _ = writeln!(out, "export type UrlKind = {};\n", union.join(" | "));
    out.push_str("/** Tag (lower case, or \"*\" for every element) → attribute → how URLs stand in it. */\n");
    out.push_str("export const URL_ATTRIBUTES: Record<string, Record<string, UrlKind>> = {\n");
    for (tag, attributes) in rows() {
        let _ = writeln!(out, "  {}: {{", key(&tag));
        for (attribute, kind) in attributes {
            let _ = writeln!(out, "    {}: \"{}\",", key(&attribute), format!("{kind:?}").to_lowercase());
        }
        out.push_str("  },\n");
    }
    out.push_str("};\n");
    out
}

fn rows() -> Rows {
    toml::from_str(SOURCE).expect("rules/urls.toml is compiled in, and a test reads it")
}

fn key(name: &str) -> String {
    if name.bytes().all(|b| b.is_ascii_lowercase()) { name.to_owned() } else { format!("\"{name}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_url_attributes_is_fresh_in_typescript() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/injected/hook/urls.ts");
        let fresh = typescript();
        if std::env::var_os("LADO_WRITE").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/injected/hook")).unwrap();
            std::fs::write(path, &fresh).unwrap();
        }
        let stored = std::fs::read_to_string(path).unwrap_or_default();
        assert!(stored == fresh, "{path} is stale: run LADO_WRITE=1 cargo test -q url_attributes");
    }

    #[test]
    fn every_element_may_carry_a_style_and_some_carry_urls() {
        let kind = |tag: &str, name: &str| attributes(tag).iter().find(|(n, _)| n == name).map(|(_, kind)| *kind);
        assert_eq!(kind("div", "style"), Some(Kind::Css));
        assert_eq!(kind("a", "style"), Some(Kind::Css));
        assert_eq!(kind("a", "href"), Some(Kind::Url));
        assert_eq!(kind("img", "srcset"), Some(Kind::Srcset));
        assert_eq!(kind("div", "href"), None);
    }
}
