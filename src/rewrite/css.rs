//! Maps the URLs of style sheets: `url()`, `src()`, `@import` and `image-set()`, streaming or whole.
//!
//! A scanner finds where tokens begin and end, whatever pieces the text comes in; cssparser reads and writes the tokens
//! that hold a URL. Everything else passes byte for byte.

use std::borrow::Cow;

use cssparser::{Parser, serialize_string};
use encoding_rs::WINDOWS_1252;
use memchr::{memchr, memchr2, memmem};

/// Answers the new address of a URL, or `None` to leave it alone.
pub type Map<'m> = dyn FnMut(&str) -> Option<String> + 'm;

/// Rewrites a style sheet, or the declarations of a `style` attribute.
pub fn rewrite<'c>(css: &'c str, map: &mut Map<'_>) -> Cow<'c, str> {
    if !may_hold_urls(css.as_bytes()) {
        return Cow::Borrowed(css);
    }
    let mut out = Vec::with_capacity(css.len() + 64);
    let mut scanner = CssRewriter::default();
    scanner.write(css.as_bytes(), map, &mut out);
    scanner.end(map, &mut out);
    Cow::Owned(String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Rewrites a style sheet as it comes, holding back one unfinished token at most.
///
/// Any ASCII-compatible encoding will do: addresses outside ASCII are taken as UTF-8, else kept byte for byte.
#[derive(Default)]
pub struct CssRewriter {
    held: Vec<u8>,
    mode: Mode,
    /// The functions that are open at this point.
    open: Vec<Open>,
    /// How many more are open than are worth remembering.
    deeper: usize,
    /// Between `@import` and its address.
    import: bool,
    begun: bool,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Mode {
    #[default]
    Tokens,
    Comment,
    /// Inside a string that holds no URL to map.
    Quoted(u8),
    /// Inside an unquoted `url()` that is not mapped, such as a long `data:` one.
    Url,
    /// Not in an ASCII-compatible encoding.
    Opaque,
}

/// What strings mean directly inside of an open parenthesis.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Urls,
    Other,
}

/// A URL longer than this passes unmapped, so that the hold-back is bounded.
const MAX_TOKEN: usize = 64 * 1024;
const MAX_DEPTH: usize = 64;

enum Step {
    /// Go on here.
    To(usize),
    /// The bytes up to here become this text.
    Replace(usize, Vec<u8>),
    /// The token at this place is unfinished.
    Wait,
}

impl CssRewriter {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn write(&mut self, chunk: &[u8], map: &mut Map<'_>, out: &mut Vec<u8>) {
        if self.held.is_empty() {
            let rest = self.run(chunk, false, map, out);
            self.held.extend_from_slice(&chunk[rest..]);
        } else {
            let mut text = std::mem::take(&mut self.held);
            text.extend_from_slice(chunk);
            let rest = self.run(&text, false, map, out);
            text.drain(..rest);
            self.held = text;
        }
    }

    pub fn end(mut self, map: &mut Map<'_>, out: &mut Vec<u8>) {
        let text = std::mem::take(&mut self.held);
        let rest = self.run(&text, true, map, out);
        out.extend_from_slice(&text[rest..]);
    }

    /// Rewrites as far as tokens are finished, and returns how far that is.
    fn run(&mut self, text: &[u8], last: bool, map: &mut Map<'_>, out: &mut Vec<u8>) -> usize {
        if !self.begun {
            // A UTF-16 byte order mark; nothing else that browsers accept lacks ASCII.
            match text {
                [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] => self.mode = Mode::Opaque,
                [0xFE | 0xFF] if !last => return 0,
                [] => return 0,
                _ => {}
            }
            self.begun = true;
        }
        let mut at = 0;
        let mut copied = 0;
        while at < text.len() {
            match self.step(text, at, last, map) {
                Step::To(next) => at = next,
                Step::Replace(next, new) => {
                    out.extend_from_slice(&text[copied..at]);
                    out.extend_from_slice(&new);
                    at = next;
                    copied = next;
                }
                Step::Wait => break,
            }
        }
        out.extend_from_slice(&text[copied..at]);
        at
    }

    fn step(&mut self, text: &[u8], at: usize, last: bool, map: &mut Map<'_>) -> Step {
        match self.mode {
            Mode::Tokens => self.token(text, at, last, map),
            Mode::Opaque => Step::To(text.len()),
            Mode::Comment => match memmem::find(&text[at..], b"*/") {
                Some(end) => {
                    self.mode = Mode::Tokens;
                    Step::To(at + end + 2)
                }
                // The star may be the first half of the end.
                None if text.ends_with(b"*") && !last => {
                    if at + 1 == text.len() {
                        Step::Wait
                    } else {
                        Step::To(text.len() - 1)
                    }
                }
                None => Step::To(text.len()),
            },
            Mode::Quoted(quote) => match string_end(text, at, quote) {
                Some(end) => {
                    self.mode = Mode::Tokens;
                    Step::To(end)
                }
                None => pass(text, at, last),
            },
            Mode::Url => match url_end(text, at) {
                Some(end) => {
                    self.mode = Mode::Tokens;
                    Step::To(end)
                }
                None => pass(text, at, last),
            },
        }
    }

    fn token(&mut self, text: &[u8], at: usize, last: bool, map: &mut Map<'_>) -> Step {
        match text[at] {
            b'/' => match text.get(at + 1) {
                Some(b'*') => {
                    self.mode = Mode::Comment;
                    Step::To(at + 2)
                }
                None if !last => Step::Wait,
                _ => Step::To(at + 1),
            },
            quote @ (b'"' | b'\'') => self.string(text, at, quote, last, map),
            b'@' => match name_end(text, at + 1, last) {
                Some(end) => {
                    self.import = text[at + 1..end].eq_ignore_ascii_case(b"import");
                    Step::To(end)
                }
                None => wait(text, at),
            },
            // `#url(x)` is a hash, `1url(x)` a dimension.
            b'#' | b'0'..=b'9' => match name_end(text, at + 1, last) {
                Some(end) => Step::To(end),
                None => wait(text, at),
            },
            b'(' => {
                self.push(Open::Other);
                Step::To(at + 1)
            }
            b')' => {
                if self.deeper > 0 {
                    self.deeper -= 1;
                } else {
                    self.open.pop();
                }
                Step::To(at + 1)
            }
            b';' | b'{' | b'}' => {
                self.import = false;
                Step::To(at + 1)
            }
            b if is_name(b) || b == b'\\' => self.name(text, at, last, map),
            _ => Step::To(at + 1),
        }
    }

    /// An identifier, or a function with its parenthesis.
    fn name(&mut self, text: &[u8], at: usize, last: bool, map: &mut Map<'_>) -> Step {
        let Some(end) = name_end(text, at, last) else { return wait(text, at) };
        if end == at {
            return Step::To(at + 1);
        }
        if text.get(end) != Some(&b'(') {
            return Step::To(end);
        }
        let kind = match &*unescape(&text[at..end]) {
            b"url" => return self.url(text, at, end + 1, last, map),
            b"src" | b"image-set" | b"-webkit-image-set" => Open::Urls,
            _ => Open::Other,
        };
        self.push(kind);
        Step::To(end + 1)
    }

    /// `url(`: a function if a quote follows, else one token up to the closing parenthesis.
    fn url(&mut self, text: &[u8], at: usize, inside: usize, last: bool, map: &mut Map<'_>) -> Step {
        let blank = text[inside..].iter().take_while(|b| b.is_ascii_whitespace()).count();
        match text.get(inside + blank) {
            None if !last => wait(text, at),
            Some(b'"' | b'\'') => {
                self.push(Open::Urls);
                Step::To(inside)
            }
            _ => {
                self.import = false;
                let body = inside + blank;
                match is_data(&text[body..]) {
                    None if !last => return wait(text, at),
                    Some(true) => {
                        self.mode = Mode::Url;
                        return Step::To(body);
                    }
                    _ => {}
                }
                match url_end(text, body) {
                    Some(end) => replaced(text, at, end, map),
                    None if last => replaced(text, at, text.len(), map),
                    None if text.len() - at > MAX_TOKEN => {
                        self.mode = Mode::Url;
                        Step::To(body)
                    }
                    None => Step::Wait,
                }
            }
        }
    }

    fn string(&mut self, text: &[u8], at: usize, quote: u8, last: bool, map: &mut Map<'_>) -> Step {
        let urls = self.deeper == 0 && self.open.last().map_or(self.import, |open| *open == Open::Urls);
        let data = is_data(&text[at + 1..]);
        if urls && data.is_none() && !last && string_end(text, at + 1, quote).is_none() {
            return Step::Wait;
        }
        if !urls || data == Some(true) {
            self.mode = Mode::Quoted(quote);
            self.import = false;
            return Step::To(at + 1);
        }
        match string_end(text, at + 1, quote) {
            Some(end) => {
                self.import = false;
                replaced(text, at, end, map)
            }
            None if last => replaced(text, at, text.len(), map),
            None if text.len() - at > MAX_TOKEN => {
                self.mode = Mode::Quoted(quote);
                Step::To(at + 1)
            }
            None => Step::Wait,
        }
    }

    fn push(&mut self, open: Open) {
        if self.open.len() < MAX_DEPTH {
            self.open.push(open);
        } else {
            self.deeper += 1;
        }
    }
}

/// The finished token between `at` and `end`, with its address mapped. cssparser knows the escapes and the bad ones.
fn replaced(text: &[u8], at: usize, end: usize, map: &mut Map<'_>) -> Step {
    let token = &text[at..end];
    if token.len() > MAX_TOKEN || !may_hold_urls(token) {
        return Step::To(end);
    }
    let (decoded, utf8) = match str::from_utf8(token) {
        Ok(decoded) => (Cow::Borrowed(decoded), true),
        // Every byte has a character in windows-1252, and the way back.
        Err(_) => (WINDOWS_1252.decode_without_bom_handling(token).0, false),
    };
    let mut parser = Parser::new(&decoded);
    let Ok(address) = parser.expect_url_or_string() else { return Step::To(end) };
    let Some(new) = map(&address) else { return Step::To(end) };
    // Pages read their declarations back: what had no quotes gets none where none are needed.
    let bare = !matches!(token[0], b'"' | b'\'') && !token.contains(&b'"') && !token.contains(&b'\'');
    if bare && new.bytes().all(|b| b.is_ascii_graphic() && !b"\"'()\\<".contains(&b)) {
        return Step::Replace(end, format!("url({new})").into_bytes());
    }
    let mut quoted = String::with_capacity(new.len() + 8);
    if serialize_string(&new, &mut quoted).is_err() {
        return Step::To(end);
    }
    // An escaped `</style` must not come out bare inside a style element.
    let quoted = if quoted.contains("</") { quoted.replace("</", "<\\/") } else { quoted };
    let quoted = if matches!(token[0], b'"' | b'\'') { quoted } else { format!("url({quoted})") };
    let bytes = if utf8 { quoted.into_bytes() } else { WINDOWS_1252.encode(&quoted).0.into_owned() };
    Step::Replace(end, bytes)
}

/// Lets an unfinished string or URL pass, but for a backslash at its end that belongs to what follows.
fn pass(text: &[u8], at: usize, last: bool) -> Step {
    let slashes = text[at..].iter().rev().take_while(|&&b| b == b'\\').count();
    if slashes % 2 == 1 && !last {
        return if at + 1 == text.len() { Step::Wait } else { Step::To(text.len() - 1) };
    }
    Step::To(text.len())
}

fn wait(text: &[u8], at: usize) -> Step {
    if text.len() - at > MAX_TOKEN { Step::To(text.len()) } else { Step::Wait }
}

/// Where a string ends, after its quote; a bare newline ends it too.
fn string_end(text: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    while let Some(b) = text.get(at) {
        match b {
            b'\\' => at += 2,
            b'\n' | b'\x0c' => return Some(at),
            b if *b == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

fn url_end(text: &[u8], mut at: usize) -> Option<usize> {
    while let Some(found) = memchr2(b'\\', b')', text.get(at..)?) {
        if text[at + found] == b')' {
            return Some(at + found + 1);
        }
        at += found + 2;
    }
    None
}

/// Where a name ends; `None` when it may go on after this piece.
fn name_end(text: &[u8], mut at: usize, last: bool) -> Option<usize> {
    while let Some(&b) = text.get(at) {
        if is_name(b) {
            at += 1;
        } else if b == b'\\' {
            match text.get(at + 1) {
                None => return last.then_some(text.len()),
                Some(b'\n' | b'\x0c' | b'\r') => return Some(at),
                Some(hex) if hex.is_ascii_hexdigit() => {
                    let digits = text[at + 1..].iter().take(6).take_while(|b| b.is_ascii_hexdigit()).count();
                    at += 1 + digits;
                    match text.get(at) {
                        Some(b) if b.is_ascii_whitespace() => at += 1,
                        None if !last => return None,
                        _ => {}
                    }
                }
                Some(_) => at += 2,
            }
        } else {
            return Some(at);
        }
    }
    last.then_some(text.len())
}

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | 0x80..)
}

/// A function's name in lower case, its escapes read.
fn unescape(name: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\\', name).is_none() && !name.iter().any(u8::is_ascii_uppercase) {
        return Cow::Borrowed(name);
    }
    let text = String::from_utf8_lossy(name);
    let name = Parser::new(&text).expect_ident().map(|name| name.to_ascii_lowercase()).unwrap_or_default();
    Cow::Owned(name.into_bytes())
}

/// Whether an address starts with `data:`; `None` when that much is not here yet.
fn is_data(text: &[u8]) -> Option<bool> {
    let start = &text[..text.len().min(5)];
    if !start.eq_ignore_ascii_case(&b"data:"[..start.len()]) {
        return Some(false);
    }
    (start.len() == 5).then_some(true)
}

/// An address that is mapped has two slashes, or an escape that may stand for them.
pub fn may_hold_urls(text: &[u8]) -> bool {
    memmem::find(text, b"//").is_some() || memchr(b'\\', text).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(raw: &str) -> Option<String> {
        raw.strip_prefix("https://").map(|rest| format!("http://view/{rest}"))
    }

    fn whole(css: &str) -> String {
        rewrite(css, &mut map).into_owned()
    }

    fn in_pieces(css: &[u8], cuts: &[usize]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut scanner = CssRewriter::new();
        let mut start = 0;
        for &cut in cuts.iter().chain([&css.len()]) {
            let cut = cut.clamp(start, css.len());
            scanner.write(&css[start..cut], &mut map, &mut out);
            start = cut;
        }
        scanner.end(&mut map, &mut out);
        out
    }

    const CASES: &[(&str, &str)] = &[
        ("a{b:url(https://x/1.png)}", "a{b:url(http://view/x/1.png)}"),
        ("a{b:url( 'https://x/1' )}", "a{b:url( \"http://view/x/1\" )}"),
        ("a{b:URL(\"https://x/1\")}", "a{b:URL(\"http://view/x/1\")}"),
        ("a{b:u\\72l(https://x/1)}", "a{b:url(http://view/x/1)}"),
        ("a{b:url(https:\\2f\\2fx/1)}", "a{b:url(http://view/x/1)}"),
        ("a{b:url(https://x/a\\)b)}", "a{b:url(\"http://view/x/a)b\")}"),
        ("@import \"https://x/a.css\" layer(base) screen;", "@import \"http://view/x/a.css\" layer(base) screen;"),
        (
            "@import url(https://x/a.css) supports(display: grid);",
            "@import url(http://view/x/a.css) supports(display: grid);",
        ),
        ("@IMPORT'https://x/a.css'", "@IMPORT\"http://view/x/a.css\""),
        ("@namespace \"https://x/\";", "@namespace \"https://x/\";"),
        ("a::after{content:\"https://x/\"}", "a::after{content:\"https://x/\"}"),
        (
            "a{b:image-set(\"https://x/1\" 1x type(\"https://x\"), url(https://x/2) 2x)}",
            "a{b:image-set(\"http://view/x/1\" 1x type(\"https://x\"), url(http://view/x/2) 2x)}",
        ),
        (
            "@font-face{src:url(https://x/f.woff2) format(\"woff2\")}",
            "@font-face{src:url(http://view/x/f.woff2) format(\"woff2\")}",
        ),
        ("/* url(https://x/) */a{b:url(c.png)}", "/* url(https://x/) */a{b:url(c.png)}"),
        ("a{b:'url(https://x/)'}", "a{b:'url(https://x/)'}"),
        ("a{b:#url(https://x/)}", "a{b:#url(https://x/)}"),
        ("a{b:url(data:image/svg+xml;x='https://x/')}", "a{b:url(data:image/svg+xml;x='https://x/')}"),
        ("a{b:url(https://x y)}", "a{b:url(https://x y)}"),
        ("a{b:url(https://x/", "a{b:url(http://view/x/)"),
        ("@import 'https://x/a.css", "@import \"http://view/x/a.css\""),
        ("a{b:url('https://x/\\3c/style>')}", "a{b:url(\"http://view/x/<\\/style>\")}"),
        (
            "a{b:'\\'url(https://x/)'}/**/c{d:url(https://x/é)}",
            "a{b:'\\'url(https://x/)'}/**/c{d:url(\"http://view/x/é\")}",
        ),
        ("a{b:url(https://x/1),\nurl(https://x/2)}//", "a{b:url(http://view/x/1),\nurl(http://view/x/2)}//"),
    ];

    #[test]
    fn urls_are_mapped_wherever_css_has_them_and_nowhere_else() {
        for (before, after) in CASES {
            assert_eq!(whole(before), *after);
        }
    }

    #[test]
    fn the_output_does_not_depend_on_the_pieces() {
        for (before, after) in CASES {
            for size in 1..=4 {
                let cuts: Vec<usize> = (1..before.len()).filter(|cut| cut % size == 0).collect();
                let out = in_pieces(before.as_bytes(), &cuts);
                assert_eq!(String::from_utf8_lossy(&out), *after, "in pieces of {size}");
            }
        }
    }

    #[test]
    fn bytes_outside_utf_8_survive() {
        assert_eq!(in_pieces(b"a{b:url(https://x/\xe9)}", &[]), b"a{b:url(\"http://view/x/\xe9\")}");
    }

    #[test]
    fn a_long_data_url_is_not_held_back() {
        let mut out = Vec::new();
        let mut scanner = CssRewriter::new();
        scanner.write(b"a{b:url(data:", &mut map, &mut out);
        for _ in 0..100 {
            let before = out.len();
            scanner.write(&[b'x'; 1000], &mut map, &mut out);
            assert_eq!(out.len(), before + 1000);
        }
    }

    #[test]
    fn a_token_without_an_end_is_held_back_up_to_a_bound() {
        let mut out = Vec::new();
        let mut scanner = CssRewriter::new();
        scanner.write(b"a{b:url(https://x/", &mut map, &mut out);
        for _ in 0..100 {
            scanner.write(&[b'x'; 1000], &mut map, &mut out);
            assert!(scanner.held.len() <= MAX_TOKEN + 1000);
        }
        scanner.end(&mut map, &mut out);
        assert_eq!(out.len(), "a{b:url(https://x/".len() + 100_000);
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let css = format!("a{{b:{}url(https://x/)", "(".repeat(100_000));
        assert!(whole(&css).ends_with("url(http://view/x/)"));
    }

    proptest! {
        #[test]
        fn random_cuts_change_nothing(
            parts in prop::collection::vec(prop_oneof![
                prop::sample::select(CASES).prop_map(|(before, _)| before.to_owned()),
                "[a-z{}();:@#'\"/*\\\\ \n]{0,12}",
                Just("url(".to_owned()), Just("https://x/".to_owned()),
            ], 0..8),
            cuts in prop::collection::vec(0usize..400, 0..20),
        ) {
            let css = parts.concat();
            let mut cuts = cuts;
            cuts.sort_unstable();
            let expected = in_pieces(css.as_bytes(), &[]);
            let actual = in_pieces(css.as_bytes(), &cuts);
            prop_assert_eq!(String::from_utf8_lossy(&actual), String::from_utf8_lossy(&expected));
        }
    }
}
