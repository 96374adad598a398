//! The one subset of CSS selectors that stamps, page and mirror evaluate alike.
//!
//! Type selectors and `*`, `#id`, `.class`, `[attr]` with `=`, `~=`, `|=`, `^=`, `$=`, `*=` and the `i` flag,
//! `:not(compound)`, the descendant and child combinators, and lists. Everything else (sibling combinators, other
//! pseudo-classes, pseudo-elements, namespaces) is refused: a streaming rewriter could not know it, and three
//! evaluations that differ are a leak. Case rules are those of browsers outside quirks mode (Selectors 4 §3.6,
//! WHATWG HTML "Case-sensitivity of selectors").

use std::borrow::Cow;

/// An element that selectors are matched against.
pub trait Element: Sized {
    /// The local name, lower case for HTML elements.
    fn tag(&self) -> &str;
    /// The decoded value of an attribute; selectors ask with lower-case names.
    fn attr(&self, name: &str) -> Option<Cow<'_, str>>;
    /// The parent element inside the same document or shadow tree.
    fn parent(&self) -> Option<Self>;
}

/// A selector list, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    alternatives: Vec<Complex>,
}

/// Why a selector is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}, at character {at} of `{selector}`")]
pub struct SelectorError {
    pub selector: String,
    /// From 1.
    pub at: usize,
    pub reason: &'static str,
}

/// Compounds from the element itself outwards.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Complex {
    subject: Compound,
    outer: Vec<(Combinator, Compound)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Combinator {
    Descendant,
    Child,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Compound {
    tag: Option<String>,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Id(String),
    Class(String),
    Attr { name: String, test: Test, value: String, fold: bool },
    Not(Compound),
}

/// What an element cannot match without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key<'s> {
    /// An attribute with exactly this value.
    Equal(&'s str, &'s str),
    /// An attribute with this among its words.
    Word(&'s str, &'s str),
    /// A tag, in lower case.
    Tag(&'s str),
    /// An attribute, whatever its value.
    Present(&'s str),
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Present,
    Equals,
    Word,
    Dash,
    Prefix,
    Suffix,
    Contains,
}

impl Selector {
    /// # Errors
    /// [`SelectorError`] for bad syntax and for what is outside the subset.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        Parser { text, at: 0 }.list().map_err(|(at, reason)| SelectorError {
            selector: text.to_owned(),
            at: text.get(..at).map_or(0, |before| before.chars().count()) + 1,
            reason,
        })
    }

    pub fn matches<E: Element>(&self, element: &E) -> bool {
        self.alternatives.iter().any(|complex| complex.subject.matches(element) && outer(&complex.outer, element))
    }

    /// One key for each alternative: an element that has none of them does not match.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        self.alternatives.iter().map(|complex| complex.subject.key())
    }

    /// The attributes that the element itself is asked for.
    pub fn attrs(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.alternatives.iter().for_each(|complex| complex.subject.attrs(&mut names));
        names
    }

    /// The attributes that the elements around it are asked for; `None` where nothing is asked of them.
    pub fn outer_attrs(&self) -> Option<Vec<&str>> {
        let mut outer = self.alternatives.iter().flat_map(|complex| &complex.outer).peekable();
        outer.peek()?;
        let mut names = Vec::new();
        outer.for_each(|(_, compound)| compound.attrs(&mut names));
        Some(names)
    }
}

fn outer<E: Element>(rest: &[(Combinator, Compound)], element: &E) -> bool {
    let Some(((combinator, compound), rest)) = rest.split_first() else { return true };
    let mut next = element.parent();
    while let Some(ancestor) = next {
        if compound.matches(&ancestor) && outer(rest, &ancestor) {
            return true;
        }
        if *combinator == Combinator::Child {
            return false;
        }
        next = ancestor.parent();
    }
    false
}

impl Compound {
    fn matches<E: Element>(&self, element: &E) -> bool {
        self.tag.as_ref().is_none_or(|tag| tag.eq_ignore_ascii_case(element.tag()))
            && self.parts.iter().all(|part| part.matches(element))
    }

    /// What the fewest elements have of all that this asks for.
    fn key(&self) -> Key<'_> {
        let keys = self.parts.iter().filter_map(Part::key).chain(self.tag.as_deref().map(Key::Tag));
        keys.min_by_key(|key| match key {
            Key::Equal("id", _) => 0,
            Key::Equal(..) => 1,
            Key::Word(..) => 2,
            Key::Tag(_) => 3,
            Key::Present(_) => 4,
            Key::Any => 5,
        })
        .unwrap_or(Key::Any)
    }

    fn attrs<'a>(&'a self, names: &mut Vec<&'a str>) {
        for part in &self.parts {
            match part {
                Part::Id(_) => names.push("id"),
                Part::Class(_) => names.push("class"),
                Part::Attr { name, .. } => names.push(name),
                Part::Not(compound) => compound.attrs(names),
            }
        }
    }
}

impl Part {
    fn key(&self) -> Option<Key<'_>> {
        match self {
            Self::Id(id) => Some(Key::Equal("id", id)),
            Self::Class(class) => Some(Key::Word("class", class)),
            Self::Attr { name, test: Test::Equals, value, fold: false } => Some(Key::Equal(name, value)),
            // Nothing stands for a word that is none.
            Self::Attr { name, test: Test::Word, value, fold: false } if is_word(value) => Some(Key::Word(name, value)),
            Self::Attr { name, .. } => Some(Key::Present(name)),
            Self::Not(_) => None,
        }
    }

    fn matches<E: Element>(&self, element: &E) -> bool {
        match self {
            Self::Id(id) => element.attr("id").is_some_and(|value| value == id.as_str()),
            Self::Class(class) => element.attr("class").is_some_and(|value| words(&value).any(|word| word == class)),
            Self::Attr { name, test, value, fold } => {
                element.attr(name).is_some_and(|actual| test.holds(&actual, value, *fold))
            }
            Self::Not(compound) => !compound.matches(element),
        }
    }
}

impl Test {
    fn holds(self, actual: &str, wanted: &str, fold: bool) -> bool {
        if self == Self::Present {
            return true;
        }
        // What is wanted was folded when it was parsed.
        if fold && actual.bytes().any(|b| b.is_ascii_uppercase()) {
            return self.compare(&actual.to_ascii_lowercase(), wanted);
        }
        self.compare(actual, wanted)
    }

    /// Selectors 4 §6: an empty value never matches as word, prefix, suffix or part.
    fn compare(self, actual: &str, wanted: &str) -> bool {
        match self {
            Self::Present => true,
            Self::Equals => actual == wanted,
            Self::Dash => actual.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')),
            _ if wanted.is_empty() => false,
            Self::Word => words(actual).any(|word| word == wanted),
            Self::Prefix => actual.starts_with(wanted),
            Self::Suffix => actual.ends_with(wanted),
            Self::Contains => contains(actual, wanted),
        }
    }
}

/// What is compared is short: a searcher costs more to set up than it saves.
fn contains(actual: &str, wanted: &str) -> bool {
    match wanted.as_bytes() {
        _ if actual.len() < wanted.len() => false,
        _ if actual.len() > 64 => actual.contains(wanted),
        [] => true,
        wanted @ [first, ..] => {
            actual.as_bytes().windows(wanted.len()).any(|window| window[0] == *first && window == wanted)
        }
    }
}

fn is_word(value: &str) -> bool {
    words(value).next() == Some(value)
}

/// ASCII whitespace alone separates classes (WHATWG Infra).
pub(super) fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| c.is_ascii_whitespace()).filter(|word| !word.is_empty())
}

/// Attributes whose values browsers compare without case in HTML (WHATWG HTML 4.17.2).
const CASELESS: [&str; 46] = [
    "accept",
    "accept-charset",
    "align",
    "alink",
    "axis",
    "bgcolor",
    "charset",
    "checked",
    "clear",
    "codetype",
    "color",
    "compact",
    "declare",
    "defer",
    "dir",
    "direction",
    "disabled",
    "enctype",
    "face",
    "frame",
    "hreflang",
    "http-equiv",
    "lang",
    "language",
    "link",
    "media",
    "method",
    "multiple",
    "nohref",
    "noresize",
    "noshade",
    "nowrap",
    "readonly",
    "rel",
    "rev",
    "rules",
    "scope",
    "scrolling",
    "selected",
    "shape",
    "target",
    "text",
    "type",
    "valign",
    "valuetype",
    "vlink",
];

type Fault = (usize, &'static str);

/// Selectors nest and chain no deeper than this: matching is bounded by it.
const MAX_COMPOUNDS: usize = 16;

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn list(&mut self) -> Result<Selector, Fault> {
        let mut alternatives = Vec::new();
        loop {
            self.space();
            alternatives.push(self.complex()?);
            match self.peek() {
                None => return Ok(Selector { alternatives }),
                Some(',') => self.at += 1,
                Some(_) => return Err((self.at, "unexpected character")),
            }
        }
    }

    fn complex(&mut self) -> Result<Complex, Fault> {
        let mut subject = self.compound()?;
        let mut outer = Vec::new();
        loop {
            let spaced = self.space();
            let combinator = match self.peek() {
                None | Some(',') => return Ok(Complex { subject, outer }),
                Some('>') => {
                    self.at += 1;
                    self.space();
                    Combinator::Child
                }
                Some('+' | '~') => return Err((self.at, "sibling combinators are outside the subset")),
                Some('|') => return Err((self.at, "namespaces are outside the subset")),
                Some(_) if spaced => Combinator::Descendant,
                Some(_) => return Err((self.at, "unexpected character")),
            };
            if outer.len() + 1 >= MAX_COMPOUNDS {
                return Err((self.at, "more than 16 compounds in a row"));
            }
            outer.insert(0, (combinator, std::mem::replace(&mut subject, self.compound()?)));
        }
    }

    fn compound(&mut self) -> Result<Compound, Fault> {
        let start = self.at;
        let mut compound = Compound::default();
        if self.peek() == Some('*') {
            self.at += 1;
        } else if self.starts_ident() {
            compound.tag = Some(self.ident()?.to_ascii_lowercase());
        }
        loop {
            match self.peek() {
                Some('#') => {
                    self.at += 1;
                    compound.parts.push(Part::Id(self.ident()?));
                }
                Some('.') => {
                    self.at += 1;
                    compound.parts.push(Part::Class(self.ident()?));
                }
                Some('[') => compound.parts.push(self.attribute()?),
                Some(':') => compound.parts.push(self.not()?),
                Some('|') => return Err((self.at, "namespaces are outside the subset")),
                _ if self.at == start => return Err((self.at, "a selector is missing here")),
                _ => return Ok(compound),
            }
        }
    }

    fn not(&mut self) -> Result<Part, Fault> {
        let at = self.at;
        if self.text[at..].starts_with("::") {
            return Err((at, "pseudo-elements are outside the subset"));
        }
        let inner = self.text[at..].get(..5).filter(|head| head.eq_ignore_ascii_case(":not("));
        if inner.is_none() {
            return Err((at, "of the pseudo-classes only :not() is in the subset"));
        }
        self.at += 5;
        self.space();
        if self.peek() == Some(':') {
            return Err((self.at, ":not() takes one compound without pseudo-classes"));
        }
        let compound = self.compound()?;
        if compound.parts.iter().any(|part| matches!(part, Part::Not(_))) {
            return Err((at, ":not() takes one compound without pseudo-classes"));
        }
        self.space();
        if self.peek() != Some(')') {
            return Err((self.at, ":not() takes one compound"));
        }
        self.at += 1;
        Ok(Part::Not(compound))
    }

    fn attribute(&mut self) -> Result<Part, Fault> {
        self.at += 1;
        self.space();
        let name = self.ident()?.to_ascii_lowercase();
        self.space();
        let test = match self.peek() {
            Some(']') => {
                self.at += 1;
                return Ok(Part::Attr { name, test: Test::Present, value: String::new(), fold: false });
            }
            Some('=') => Test::Equals,
            Some('~') => Test::Word,
            Some('|') => Test::Dash,
            Some('^') => Test::Prefix,
            Some('$') => Test::Suffix,
            Some('*') => Test::Contains,
            _ => return Err((self.at, "expected ] or an attribute test")),
        };
        self.at += 1;
        if test != Test::Equals {
            if self.peek() != Some('=') {
                return Err((self.at, "expected = after the attribute test"));
            }
            self.at += 1;
        }
        self.space();
        let value = match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            _ => self.ident()?,
        };
        self.space();
        let mut fold = CASELESS.contains(&name.as_str());
        if let Some('i' | 'I') = self.peek() {
            self.at += 1;
            self.space();
            fold = true;
        }
        if self.peek() != Some(']') {
            return Err((self.at, "expected ]"));
        }
        self.at += 1;
        let value = if fold { value.to_ascii_lowercase() } else { value };
        Ok(Part::Attr { name, test, value, fold })
    }

    fn quoted(&mut self, quote: char) -> Result<String, Fault> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            match self.peek() {
                None | Some('\n' | '\r' | '\x0c') => return Err((start, "the string is not closed")),
                Some('\\') => out.push(self.escape()?),
                Some(c) => {
                    self.at += c.len_utf8();
                    if c == quote {
                        return Ok(out);
                    }
                    out.push(c);
                }
            }
        }
    }

    fn starts_ident(&self) -> bool {
        let mut rest = self.text[self.at..].chars();
        match rest.next() {
            Some('-') => rest.next().is_some_and(|c| c == '-' || c == '\\' || ident_start(c)),
            Some(c) => c == '\\' || ident_start(c),
            None => false,
        }
    }

    /// CSS Syntax 3 §4.3.11, with escapes.
    fn ident(&mut self) -> Result<String, Fault> {
        if !self.starts_ident() {
            return Err((self.at, "expected a name (quote values that are not names)"));
        }
        let mut out = String::new();
        while let Some(c) = self.peek() {
            if c == '\\' {
                out.push(self.escape()?);
            } else if ident_start(c) || c.is_ascii_digit() || c == '-' {
                out.push(c);
                self.at += c.len_utf8();
            } else {
                break;
            }
        }
        Ok(out)
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let start = self.at;
        self.at += 1;
        let hex: String = self.text[self.at..].chars().take_while(char::is_ascii_hexdigit).take(6).collect();
        if hex.is_empty() {
            let c = self.peek().filter(|c| !matches!(c, '\n' | '\r' | '\x0c'));
            let c = c.ok_or((start, "nothing is escaped"))?;
            self.at += c.len_utf8();
            return Ok(c);
        }
        self.at += hex.len();
        if self.peek().is_some_and(|c| c.is_ascii_whitespace()) {
            self.at += 1;
        }
        let code = u32::from_str_radix(&hex, 16).ok().filter(|&code| code != 0).and_then(char::from_u32);
        Ok(code.unwrap_or('\u{fffd}'))
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn space(&mut self) -> bool {
        let before = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_whitespace()) {
            self.at += 1;
        }
        self.at > before
    }
}

fn ident_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain of elements, the innermost last.
    #[derive(Clone, Copy)]
    struct Chain<'a>(&'a [(&'a str, &'a [(&'a str, &'a str)])]);

    impl Element for Chain<'_> {
        fn tag(&self) -> &str {
            self.0.last().unwrap().0
        }
        fn attr(&self, name: &str) -> Option<Cow<'_, str>> {
            let found = self.0.last().unwrap().1.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| Cow::Borrowed(*value))
        }
        fn parent(&self) -> Option<Self> {
            let (_, outer) = self.0.split_last()?;
            (!outer.is_empty()).then_some(Self(outer))
        }
    }

    fn matches(selector: &str, chain: &[(&str, &[(&str, &str)])]) -> bool {
        Selector::parse(selector).unwrap().matches(&Chain(chain))
    }

    #[test]
    fn every_kind_of_selector_matches_what_it_says() {
        let input: &[(&str, &[(&str, &str)])] = &[
            ("form", &[("id", "pay"), ("class", "box wide")]),
            ("div", &[("lang", "pt-BR")]),
            ("input", &[("type", "PASSWORD"), ("name", "cardNumber"), ("class", "a b"), ("data-x", "Q")]),
        ];
        for yes in [
            "*",
            "input",
            "INPUT",
            "#pay input",
            "form > div > input",
            "form input",
            ".a.b",
            "[type=password]",
            "[name^=card][name$=Number]",
            "[name*='CARD' i]",
            "[class~=b]",
            "[lang|=pt] > input",
            ":not(.c)",
            "input:not([type=text])",
            "p, input",
            ".wide input",
            r"#\70 ay input",
            "[data-x=Q]",
            "[data-x=q I]",
        ] {
            assert!(matches(yes, input), "{yes}");
        }
        for no in [
            "form > input",
            "p",
            ".A",
            "#PAY input",
            "[name*=CARD]",
            "[class~='']",
            "[name*='']",
            ":not(input)",
            "[data-x=q]",
            "div form input",
            "[lang|=p] input",
        ] {
            assert!(!matches(no, input), "{no}");
        }
    }

    #[test]
    fn what_is_outside_the_subset_is_refused_with_the_reason() {
        for (selector, reason) in [
            ("a + b", "sibling"),
            ("a ~ b", "sibling"),
            ("a:hover", "only :not()"),
            ("a::before", "pseudo-elements"),
            ("svg|a", "namespaces"),
            (":not(a b)", "one compound"),
            (":not(:not(a))", "one compound"),
            ("a,", "missing"),
            ("", "missing"),
            ("a >", "missing"),
            ("> a", "missing"),
            ("[a=1]", "quote values"),
            ("[a", "expected ]"),
            ("[a='x]", "not closed"),
            ("a:has(b)", "only :not()"),
            ("1a", "missing"),
        ] {
            let error = Selector::parse(selector).unwrap_err();
            assert!(error.to_string().contains(reason), "{selector}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[ a-c.#:*>,\\[\\]=~|^$\"'()\\\\notié1]{0,24}") {
            let _ = Selector::parse(&text);
        }
    }
}
