//! Globs over hosts and paths, as patterns that Rust and JavaScript read alike.

use regex::Regex;

#[derive(Debug, Clone)]
pub(super) struct Glob(Regex);

impl Glob {
    /// `*` and `**` stand for any characters.
    pub(super) fn host(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.contains(['/', ':']) {
            return Err(format!("`{text}` is not a host: leave scheme, port and path out"));
        }
        Self::compile(&text.to_ascii_lowercase(), ".*")
    }

    /// `*` stays inside a segment, `**` does not.
    pub(super) fn path(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') && !text.starts_with('*') {
            return Err(format!("`{text}` is not a path: it begins with / or *"));
        }
        Self::compile(text, "[^/]*")
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    pub(super) fn source(&self) -> &str {
        self.0.as_str()
    }

    fn compile(text: &str, star: &str) -> Result<Self, String> {
        let mut pattern = String::from("^");
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '*' if rest.peek() == Some(&'*') => {
                    rest.next();
                    pattern.push_str(".*");
                }
                '*' => pattern.push_str(star),
                // The characters that JavaScript lets a pattern with the `u` flag escape, and no others.
                '^' | '$' | '\\' | '.' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' => {
                    pattern.push('\\');
                    pattern.push(c);
                }
                c => pattern.push(c),
            }
        }
        pattern.push('$');
        Regex::new(&pattern).map(Self).map_err(|e| e.to_string())
    }
}
