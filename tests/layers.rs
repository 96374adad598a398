//! The layer table of ARCHITECTURE.md, checked against every `crate::` path in `src/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn modules_import_only_from_below_or_from_their_left() {
    let layers = Layers::read();
    let mut wrong = Vec::new();
    for source in sources() {
        for path in source.paths() {
            if !layers.may(&source.module, &path) {
                wrong.push(format!("{}: {} may not use crate::{path}", source.name, source.module));
            }
        }
    }
    assert!(wrong.is_empty(), "against the layers of ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

/// `super` out of a top module would reach a neighbour unseen by the test above.
#[test]
fn no_module_reaches_its_neighbours_through_super() {
    for source in sources() {
        let reach = "super::".repeat(source.depth);
        let code = source.without_tests();
        assert!(!code.contains(&reach), "{}: write crate:: instead of {reach}", source.name);
    }
}

#[test]
fn engines_know_no_sockets_no_clock_and_no_files() {
    let banned = [
        "tokio::",
        "tokio_util::",
        "hyper::",
        "hyper_util::",
        "axum::",
        "std::fs",
        "std::net::Tcp",
        "std::process",
        "std::thread",
        "Instant::now",
        "SystemTime::now",
    ];
    let layers = Layers::read();
    for source in sources().into_iter().filter(|source| layers.place(&source.module).0 <= 1) {
        let code = source.without_tests();
        for word in banned {
            assert!(!code.contains(word), "{}: {word} has no place in an engine", source.name);
        }
    }
}

#[test]
fn the_table_names_exactly_the_modules_there_are() {
    let layers = Layers::read();
    let mut there: Vec<String> = sources().into_iter().map(|source| source.module).collect();
    there.sort();
    there.dedup();
    let told: Vec<String> = layers.0.keys().cloned().collect();
    assert_eq!(told, there);
}

/// Module → layer and place in its row.
struct Layers(BTreeMap<String, (usize, usize)>);

impl Layers {
    fn read() -> Self {
        let text = fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
        let mut modules = BTreeMap::new();
        for line in text.lines() {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, layer, names, _] = cells[..] else { continue };
            let Some(layer) = layer.chars().next().and_then(|c| c.to_digit(10)) else { continue };
            for (place, name) in names.split(',').enumerate() {
                modules.insert(name.trim().to_owned(), (layer as usize, place));
            }
        }
        assert!(!modules.is_empty(), "ARCHITECTURE.md has no layer table");
        Self(modules)
    }

    fn place(&self, module: &str) -> (usize, usize) {
        *self.0.get(module).unwrap_or_else(|| panic!("{module} is not in the layer table of ARCHITECTURE.md"))
    }

    /// A name that is no module is an item of lib.rs.
    fn may(&self, module: &str, used: &str) -> bool {
        let used = if self.0.contains_key(used) { used } else { "lib" };
        let ((layer, place), (below, left)) = (self.place(module), self.place(used));
        module == used || below < layer || (below == layer && left < place)
    }
}

struct Source {
    name: String,
    module: String,
    /// How many `super::` lead to the crate's root.
    depth: usize,
    /// Without comments.
    code: String,
}

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    walk(&Path::new(ROOT).join("src"), &mut files);
    files
        .into_iter()
        .map(|file| {
            let within = file.strip_prefix(Path::new(ROOT).join("src")).expect("under src").to_path_buf();
            let name = within.display().to_string();
            let module = name.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&file).expect("a source file");
            let code = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>();
            Source { depth: within.components().count(), code: code.join("\n"), name, module }
        })
        .collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            files.push(path);
        }
    }
}

impl Source {
    /// The first name after every `crate::` (`lado::` in main.rs), groups in braces included.
    fn paths(&self) -> Vec<String> {
        let root = if self.module == "main" { "lado::" } else { "crate::" };
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices(root) {
            let before = self.code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '$')) {
                continue;
            }
            let rest = &self.code[at + root.len()..];
            match rest.strip_prefix('{') {
                None => found.push(word(rest)),
                Some(group) => found.extend(members(group)),
            }
        }
        found
    }

    fn without_tests(&self) -> &str {
        if self.name.ends_with("tests.rs") {
            return "";
        }
        self.code.split("#[cfg(test)]").next().unwrap_or_default()
    }
}

/// The first word of each member of a `{a::b, c::{d, e}}` group.
fn members(group: &str) -> Vec<String> {
    let mut found = vec![word(group.trim_start())];
    let mut depth = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => found.push(word(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn groups_of_imports_are_taken_apart() {
    assert_eq!(members("a::b, c::{d, e}, f}; g, h"), ["a", "c", "f"]);
    assert_eq!(word("rules::selector::Selector"), "rules");
}
