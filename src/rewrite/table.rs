//! Which attribute of which element holds which kind of URL: `rules/urls.toml`, for Rust and for the page's hooks.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use foldhash::HashMap;

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

/// The names of all attributes that hold URLs on some element.
pub fn names() -> Names {
    static NAMES: LazyLock<Names> =
        LazyLock::new(|| Names::default().with(TABLE.values().flatten().map(|(name, _)| name.as_str())));
    *NAMES
}

/// A set of attributes' names that knows most others to be none of them by their length and first letter.
#[derive(Clone, Copy, Default)]
pub struct Names {
    by_length: [u64; 32],
    /// There is one that encodings write differently.
    any: bool,
}

impl Names {
    /// The same with other names, in lower case.
    #[must_use]
    pub fn with<'n>(mut self, names: impl Iterator<Item = &'n str>) -> Self {
        for name in names {
            let (length, letter) = Self::place(name.as_bytes());
            self.by_length[length] |= letter;
            self.any |= !name.is_ascii();
        }
        self
    }

    /// Of a name as it stands in a document.
    pub fn may_hold(&self, name: &[u8]) -> bool {
        let (length, letter) = Self::place(name);
        self.any || self.by_length[length] & letter != 0
    }

    fn place(name: &[u8]) -> (usize, u64) {
        let first = name.first().copied().unwrap_or_default().to_ascii_lowercase();
        (name.len().min(31), 1 << (first & 63))
    }
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
    fn the_names_hold_each_other_and_few_besides() {
        let own = names().with(["data-test", "größe"].into_iter());
        for name in ["href", "HREF", "xlink:href", "style", "data-test"] {
            assert!(names().with(["data-test"].into_iter()).may_hold(name.as_bytes()), "{name}");
        }
        for name in ["class", "id", "alt", "data-id", "", "width"] {
            assert!(!names().may_hold(name.as_bytes()), "{name}");
        }
        assert!(own.may_hold("größe".as_bytes()) && own.may_hold(b"gr\xf6\xdfe"));
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
