//! The one subset of CSS selectors that stamps, page and mirror evaluate alike.
//!
//! Type selectors and `*`, `#id`, `.class`, `[attr]` with `=`, `~=`, `|=`, `^=`, `$=`, `*=` and the `i` flag,
//! `:not(compound)`, the descendant and child combinators, and lists. Everything else (sibling combinators, other
//! pseudo-classes, pseudo-elements, namespaces) is refused: a streaming rewriter could not know it, and three
//! evaluations that differ are a leak. Case rules are those of browsers outside quirks mode (Selectors 4 §3.6,
//! WHATWG HTML "Case-sensitivity of selectors").

mod parse;

use std::borrow::Cow;

use parse::Parser;

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
