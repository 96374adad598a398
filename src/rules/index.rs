//! Finds the rules whose selectors an element may match without asking each of them.

use std::borrow::Cow;
use std::sync::Arc;

use foldhash::HashMap;

use super::selector::{Element, Key, words};
use super::{By, Rule};

/// Rules by what their selectors cannot do without: an attribute's value, a word of it, a tag, an attribute.
#[derive(Debug, Default)]
pub(super) struct Index {
    rules: Vec<Arc<Rule>>,
    tags: HashMap<String, Vec<usize>>,
    attrs: HashMap<String, Values>,
    any: Vec<usize>,
}

#[derive(Debug, Default)]
struct Values {
    present: Vec<usize>,
    equal: HashMap<String, Vec<usize>>,
    words: HashMap<String, Vec<usize>>,
}

impl Index {
    /// Rules without a selector are found by nobody here.
    pub(super) fn add(&mut self, rule: &Arc<Rule>) {
        let By::Selector(_, selector) = &rule.by else { return };
        let place = self.rules.len();
        self.rules.push(Arc::clone(rule));
        for key in selector.keys() {
            let places = match key {
                Key::Equal(name, value) => self.values(name).equal.entry(value.to_owned()).or_default(),
                Key::Word(name, word) => self.values(name).words.entry(word.to_owned()).or_default(),
                Key::Tag(tag) => self.tags.entry(tag.to_owned()).or_default(),
                Key::Present(name) => &mut self.values(name).present,
                Key::Any => &mut self.any,
            };
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
    }

    fn values(&mut self, name: &str) -> &mut Values {
        self.attrs.entry(name.to_owned()).or_default()
    }

    /// The first of the rules that `wanted` names and whose selector matches, in the order they were added.
    pub(super) fn first<E: Element>(&self, element: &E, wanted: impl Fn(&Rule) -> bool) -> Option<&Rule> {
        let mut first: Option<(usize, &Rule)> = None;
        self.candidates(element, |place| {
            let rule = &*self.rules[place];
            if first.is_none_or(|(before, _)| place < before) && wanted(rule) && rule.selects(element) {
                first = Some((place, rule));
            }
        });
        first.map(|(_, rule)| rule)
    }

    fn candidates<E: Element>(&self, element: &E, mut found: impl FnMut(usize)) {
        let mut all = |places: Option<&Vec<usize>>| places.into_iter().flatten().for_each(|place| found(*place));
        all(self.tags.get(element.tag()));
        for (name, values) in &self.attrs {
            let Some(value) = element.attr(name) else { continue };
            all(Some(&values.present));
            all(values.equal.get(&*value));
            if !values.words.is_empty() {
                words(&value).for_each(|word| all(values.words.get(word)));
            }
        }
        all(Some(&self.any));
    }

    /// Whether an element may match for its tag alone.
    pub(super) fn minds_tag(&self, tag: &str) -> bool {
        !self.any.is_empty() || self.tags.contains_key(tag)
    }

    /// Whether an element may match for having an attribute with this value.
    pub(super) fn minds<'v>(&self, attr: &str, value: impl FnOnce() -> Cow<'v, str>) -> bool {
        let Some(values) = self.attrs.get(attr) else { return false };
        if !values.present.is_empty() {
            return true;
        }
        let value = value();
        values.equal.contains_key(&*value)
            || !values.words.is_empty() && words(&value).any(|word| values.words.contains_key(word))
    }

    /// The attributes that [`Index::minds`] may say yes to.
    pub(super) fn attrs(&self) -> impl Iterator<Item = &str> {
        self.attrs.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::{RuleSet, Source};

    struct Alone<'a> {
        tag: &'a str,
        attrs: &'a [(&'a str, &'a str)],
    }

    impl Element for Alone<'_> {
        fn tag(&self) -> &str {
            self.tag
        }
        fn attr(&self, name: &str) -> Option<Cow<'_, str>> {
            self.attrs.iter().find(|(known, _)| *known == name).map(|(_, value)| Cow::Borrowed(*value))
        }
        fn parent(&self) -> Option<Self> {
            None
        }
    }

    const SELECTORS: [&str; 14] = [
        "input",
        "*",
        "#a",
        ".a",
        ".b.a",
        "p.a, #b",
        "[name=a]",
        "[name=A i]",
        "[name]",
        "[name~=b]",
        "[type=a]",
        ":not(.a)",
        "input[name^=a]",
        "p:not(#a)",
    ];

    proptest! {
        #[test]
        fn whatever_is_looked_up_is_what_asking_every_rule_finds(
            which in prop::collection::vec(0..SELECTORS.len(), 1..8),
            tag in prop::sample::select(vec!["p", "input"]),
            values in prop::collection::vec(prop::sample::select(vec!["", "a", "A", "b", "a b", " b"]), 4),
            present in any::<u8>(),
        ) {
            let rule = |(place, which): (usize, &usize)| {
                format!("[[rule]]\nid = \"r{place}\"\naction = \"lock\"\nselector = \"{}\"\n", SELECTORS[*which])
            };
            let text: String = which.iter().enumerate().map(rule).collect();
            let set = RuleSet::load(&[Source { file: "t.toml", text: &text }], &[]).unwrap();
            let names = ["id", "class", "name", "type"].into_iter().zip(values).enumerate();
            let attrs: Vec<_> = names.filter(|(bit, _)| present & 1 << bit != 0).map(|(_, pair)| pair).collect();
            let element = Alone { tag, attrs: &attrs };
            let asked = set.rules.iter().find(|rule| rule.selects(&element)).map(|rule| rule.id.as_str());
            let rules = set.for_site("h").at("/");
            prop_assert_eq!(rules.lock(&element), asked);
            let minded = rules.minds_tag(tag) || attrs.iter().any(|(name, value)| rules.minds(name, || (*value).into()));
            prop_assert!(minded || asked.is_none());
        }
    }
}
