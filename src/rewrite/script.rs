//! Maps the addresses that modules import by: `import … from "https://…"`, `export … from`, `import("https://…")`.
//!
//! No hook can stand before these, because they are syntax. A scanner tells code from strings, templates, comments and
//! regular expressions well enough: where it is wrong about a slash, a line later it is right again, and all that it
//! ever changes is an absolute URL in quotes behind `import`, `from` or `import(`.

/// Answers the new address of a URL, or `None` to leave it alone.
pub type Map<'m> = dyn FnMut(&str) -> Option<String> + 'm;

/// Rewrites a script as it comes, holding back one unfinished word or address at most.
///
/// Any ASCII-compatible encoding will do.
pub struct ScriptRewriter {
    kind: Kind,
    held: Vec<u8>,
    mode: Mode,
    before: Before,
    /// Inside of what may become `import … from` or `export … from`.
    clause: bool,
    /// An `import` or `export` of addresses has shown that this is a module.
    module: bool,
    /// Open `${` of templates, each with the braces that are open in it.
    templates: Vec<usize>,
}

/// What is known of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In a document, or a worker's: nothing checks its bytes, so `import()` is mapped whatever the script is.
    Inline,
    /// In a file, which may be a classic script that has to keep its digest: `import()` is mapped only in what must be a
    /// module.
    File,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Code,
    Quoted(u8),
    Template,
    Line,
    Block,
    /// `true` inside of brackets.
    Regex(bool),
}

/// The last token, as far as it matters.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    /// An operator, an opening bracket or nothing: what follows is an expression, and a slash begins a regex.
    Operator,
    /// The end of an expression: a slash divides.
    Value,
    Dot,
    Import,
    From,
    /// `import(`
    Call,
}

/// A longer word or address passes as it comes, so that the hold-back is bounded.
const MAX_TOKEN: usize = 8 * 1024;
const MAX_DEPTH: usize = 256;

enum Step {
    To(usize),
    Replace(usize, String),
    Wait,
}

impl ScriptRewriter {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            held: Vec::new(),
            mode: Mode::Code,
            before: Before::Operator,
            clause: false,
            module: false,
            templates: Vec::new(),
        }
    }

    pub fn write(&mut self, chunk: &[u8], map: &mut Map<'_>, out: &mut Vec<u8>) {
        let mut text = std::mem::take(&mut self.held);
        if text.is_empty() {
            let rest = self.run(chunk, false, map, out);
            self.held.extend_from_slice(&chunk[rest..]);
        } else {
            text.extend_from_slice(chunk);
            let rest = self.run(&text, false, map, out);
            text.drain(..rest);
            self.held = text;
        }
    }

    pub fn end(&mut self, map: &mut Map<'_>, out: &mut Vec<u8>) {
        let text = std::mem::take(&mut self.held);
        let rest = self.run(&text, true, map, out);
        out.extend_from_slice(&text[rest..]);
    }

    fn run(&mut self, text: &[u8], last: bool, map: &mut Map<'_>, out: &mut Vec<u8>) -> usize {
        let (mut at, mut copied) = (0, 0);
        while at < text.len() {
            match self.step(text, at, last, map) {
                Step::To(next) => at = next,
                Step::Replace(next, new) => {
                    out.extend_from_slice(&text[copied..at]);
                    out.extend_from_slice(new.as_bytes());
                    at = next;
                    copied = next;
                }
                Step::Wait if last || text.len() - at > MAX_TOKEN => at += 1,
                Step::Wait => break,
            }
        }
        out.extend_from_slice(&text[copied..at]);
        at
    }

    fn step(&mut self, text: &[u8], at: usize, last: bool, map: &mut Map<'_>) -> Step {
        let next = text.get(at + 1).copied();
        match (self.mode, text[at]) {
            (Mode::Code, _) => return self.code(text, at, last, map),
            (Mode::Line, b'\n' | b'\r') => self.mode = Mode::Code,
            (Mode::Line, _) => {}
            (Mode::Block, b'*') => match next {
                Some(b'/') => {
                    self.mode = Mode::Code;
                    return Step::To(at + 2);
                }
                None => return Step::Wait,
                _ => {}
            },
            (Mode::Block, _) => {}
            // An escape is two bytes; of a longer character the rest is never special.
            (_, b'\\') => return if next.is_some() { Step::To(at + 2) } else { Step::Wait },
            // A string or a regex ends with its line at the latest.
            (Mode::Quoted(_) | Mode::Regex(_), b'\n' | b'\r') => self.mode = Mode::Code,
            (Mode::Quoted(quote), b) if b == quote => self.value(),
            (Mode::Quoted(_), _) => {}
            (Mode::Template, b'`') => self.value(),
            (Mode::Template, b'$') => match next {
                Some(b'{') if self.templates.len() < MAX_DEPTH => {
                    self.templates.push(0);
                    self.mode = Mode::Code;
                    self.before = Before::Operator;
                    return Step::To(at + 2);
                }
                None => return Step::Wait,
                _ => {}
            },
            (Mode::Template, _) => {}
            (Mode::Regex(_), b'[') => self.mode = Mode::Regex(true),
            (Mode::Regex(_), b']') => self.mode = Mode::Regex(false),
            (Mode::Regex(false), b'/') => self.value(),
            (Mode::Regex(_), _) => {}
        }
        Step::To(at + 1)
    }

    fn value(&mut self) {
        self.mode = Mode::Code;
        self.before = Before::Value;
    }

    fn code(&mut self, text: &[u8], at: usize, last: bool, map: &mut Map<'_>) -> Step {
        match text[at] {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'/' => return self.slash(text.get(at + 1).copied(), at, last),
            quote @ (b'"' | b'\'') => return self.string(text, at, quote, map),
            b'`' => {
                self.clause = false;
                self.mode = Mode::Template;
            }
            b if is_word(b) => return self.word(text, at, last),
            b'.' => {
                self.clause = false;
                self.before = Before::Dot;
            }
            b'(' => {
                self.before = if self.before == Before::Import { Before::Call } else { Before::Operator };
                self.clause = false;
            }
            b'{' => {
                if let Some(depth) = self.templates.last_mut() {
                    *depth += 1;
                }
                self.before = Before::Operator;
            }
            b'}' => match self.templates.last_mut() {
                Some(0) => {
                    self.templates.pop();
                    self.mode = Mode::Template;
                }
                open => {
                    if let Some(depth) = open {
                        *depth -= 1;
                    }
                    self.before = Before::Value;
                }
            },
            b')' | b']' => {
                self.clause = false;
                self.before = Before::Value;
            }
            b',' | b'*' => self.before = Before::Operator,
            _ => {
                self.clause = false;
                self.before = Before::Operator;
            }
        }
        Step::To(at + 1)
    }

    fn slash(&mut self, next: Option<u8>, at: usize, last: bool) -> Step {
        match next {
            Some(b'/') => self.mode = Mode::Line,
            Some(b'*') => {
                self.mode = Mode::Block;
                return Step::To(at + 2);
            }
            None if !last => return Step::Wait,
            _ => {
                self.clause = false;
                if self.before == Before::Value {
                    self.before = Before::Operator;
                } else {
                    self.mode = Mode::Regex(false);
                }
            }
        }
        Step::To(at + 1)
    }

    fn word(&mut self, text: &[u8], at: usize, last: bool) -> Step {
        let end = at + text[at..].iter().take_while(|b| is_word(**b)).count();
        if end == text.len() && !last {
            return if end - at > MAX_TOKEN { Step::To(end) } else { Step::Wait };
        }
        self.before = match &text[at..end] {
            _ if self.before == Before::Dot => Before::Value,
            b"import" => {
                self.clause = true;
                Before::Import
            }
            b"export" => {
                self.clause = true;
                Before::Operator
            }
            b"from" if self.clause => Before::From,
            b"return" | b"typeof" | b"instanceof" | b"in" | b"of" | b"new" | b"delete" | b"void" | b"throw"
            | b"case" | b"do" | b"else" | b"yield" | b"await" => Before::Operator,
            _ => Before::Value,
        };
        Step::To(end)
    }

    fn string(&mut self, text: &[u8], at: usize, quote: u8, map: &mut Map<'_>) -> Step {
        let fixed = self.clause && matches!(self.before, Before::Import | Before::From);
        let called = self.before == Before::Call && (self.kind == Kind::Inline || self.module);
        if !fixed && !called {
            self.mode = Mode::Quoted(quote);
            return Step::To(at + 1);
        }
        let Some(length) = text[at + 1..].iter().position(|b| *b == quote || matches!(b, b'\\' | b'\n' | b'\r')) else {
            return Step::Wait;
        };
        let end = at + 1 + length;
        if text[end] != quote {
            self.mode = Mode::Quoted(quote);
            return Step::To(at + 1);
        }
        self.module |= fixed;
        self.clause = false;
        self.before = Before::Value;
        let new = str::from_utf8(&text[at + 1..end]).ok().and_then(map);
        match new.filter(|new| !new.contains(['"', '\'', '\\', '\n', '\r'])) {
            Some(new) => Step::Replace(end + 1, format!("{0}{new}{0}", char::from(quote))),
            None => Step::To(end + 1),
        }
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$') || b >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrite(script: &str, kind: Kind, piece: usize) -> String {
        let map = &mut |url: &str| url.strip_prefix("https://").map(|rest| format!("http://view/{rest}"));
        let mut rewriter = ScriptRewriter::new(kind);
        let mut out = Vec::new();
        for chunk in script.as_bytes().chunks(piece) {
            rewriter.write(chunk, map, &mut out);
        }
        rewriter.end(map, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Whole, byte by byte and in between.
    fn check(script: &str, kind: Kind, expected: &str) {
        for piece in [script.len().max(1), 1, 2, 3, 7] {
            assert_eq!(rewrite(script, kind, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn addresses_that_a_module_imports_by_are_mapped() {
        for (script, expected) in [
            ("import 'https://a/b.js'", "import 'http://view/a/b.js'"),
            ("import x from \"https://a/b\";", "import x from \"http://view/a/b\";"),
            ("import{a as b}from\"https://a/b\"", "import{a as b}from\"http://view/a/b\""),
            ("import*as x from'https://a'", "import*as x from'http://view/a'"),
            (
                "import x, { y } /* from */ from // \"\n 'https://a'",
                "import x, { y } /* from */ from // \"\n 'http://view/a'",
            ),
            (
                "export * from 'https://a'; export { x } from \"https://b\"",
                "export * from 'http://view/a'; export { x } from \"http://view/b\"",
            ),
            ("import d from 'https://a' with { type: 'json' }", "import d from 'http://view/a' with { type: 'json' }"),
            ("import { from } from 'https://a'", "import { from } from 'http://view/a'"),
            ("import './x.js';import 'y';", "import './x.js';import 'y';"),
            ("let a = 1 / 2; import 'https://a'", "let a = 1 / 2; import 'http://view/a'"),
            ("x = /['\"`]/; import 'https://a'", "x = /['\"`]/; import 'http://view/a'"),
            ("x = a[0] / b; y = \"/\"; import 'https://a'", "x = a[0] / b; y = \"/\"; import 'http://view/a'"),
            ("`${ {a: `'${1}`} }'`; import 'https://a'", "`${ {a: `'${1}`} }'`; import 'http://view/a'"),
            ("return /[/'\"]/.test(x);\nimport 'https://a'", "return /[/'\"]/.test(x);\nimport 'http://view/a'"),
        ] {
            check(script, Kind::File, expected);
            check(script, Kind::Inline, expected);
        }
    }

    #[test]
    fn whatever_only_looks_like_an_import_stays() {
        for script in [
            "'import \"https://a\"'",
            "// import 'https://a'",
            "/* import 'https://a' */",
            "`import 'https://a'`",
            "`${x}import 'https://a'`",
            "/import 'https:\\/\\/a'/",
            "x.import('https://a')",
            "x.from('https://a')",
            "export const from = 'https://a'",
            "export default 'https://a'",
            "Array.from('https://a'); from 'https://a'",
            "important 'https://a'; $import('https://a'); reimport('https://a')",
            "import.meta.resolve('https://a')",
            "fetch('https://a')",
            "import 'https\\://a'",
            "",
            "é = 'ü'",
        ] {
            check(script, Kind::Inline, script);
        }
    }

    #[test]
    fn a_call_of_import_is_mapped_where_no_digest_can_break() {
        let call = "const m = await import(\"https://a/m.js\"); f(() => import( 'https://b/' + x))";
        check(
            call,
            Kind::Inline,
            "const m = await import(\"http://view/a/m.js\"); f(() => import( 'http://view/b/' + x))",
        );
        check(call, Kind::File, call);
        let module = format!("import './x.js';\n{call}");
        let expected = rewrite(call, Kind::Inline, 1000);
        check(&module, Kind::File, &format!("import './x.js';\n{expected}"));
    }

    #[test]
    fn long_strings_are_not_held_back() {
        let long = "x".repeat(3 * MAX_TOKEN);
        let script = format!("import '{long}'; import 'https://a'");
        let mut rewriter = ScriptRewriter::new(Kind::File);
        let mut out = Vec::new();
        rewriter.write(&script.as_bytes()[..2 * MAX_TOKEN], &mut |_| None, &mut out);
        assert!(out.len() > MAX_TOKEN / 2, "{}", out.len());
    }
}
