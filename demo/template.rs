//! Fills the shop's templates: `{{t.word}}` from the language's words, `{{name}}` from the fields, everything escaped.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// Markup that is safe to send: made by [`fill`] alone.
#[derive(Clone, Default)]
pub struct Html(String);

impl Html {
    pub fn into_string(self) -> String {
        self.0
    }

    pub fn join(parts: impl IntoIterator<Item = Html>) -> Self {
        Self(parts.into_iter().map(|part| part.0).collect())
    }

    /// JSON for a `<script type="application/json">`: no `<` can end it early.
    pub fn json(value: &serde_json::Value) -> Self {
        Self(value.to_string().replace('<', "\\u003c"))
    }
}

/// What a field may hold.
pub enum Field<'a> {
    Text(&'a str),
    Number(u64),
    Markup(Html),
}

impl<'a> From<&'a str> for Field<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}
impl<'a> From<&'a String> for Field<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}
impl From<u64> for Field<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}
impl From<Html> for Field<'_> {
    fn from(markup: Html) -> Self {
        Self::Markup(markup)
    }
}

pub fn fill(lang: Lang, template: &str, fields: &[(&str, Field<'_>)]) -> Html {
    let mut out = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (key, after) = after.split_once("}}").unwrap_or((after, ""));
        rest = after;
        if let Some(word) = key.strip_prefix("t.") {
            escape(&mut out, lang.word(word));
        } else if key == "lang" {
            out.push_str(lang.code());
        } else {
            match fields.iter().find(|(name, _)| *name == key).map(|(_, field)| field) {
                Some(Field::Text(text)) => escape(&mut out, text),
                Some(Field::Number(number)) => {
                    let _ = write!(out, "{number}");
                }
                Some(Field::Markup(markup)) => out.push_str(&markup.0),
                None => debug_assert!(false, "the template wants {{{{{key}}}}}"),
            }
        }
    }
    out.push_str(rest);
    Html(out)
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lang {
    Pt,
    En,
}

impl Lang {
    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "pt-BR" => Some(Self::Pt),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    pub fn code(self) -> &'static str {
        match self {
            Self::Pt => "pt-BR",
            Self::En => "en",
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::Pt => Self::En,
            Self::En => Self::Pt,
        }
    }

    pub fn word(self, key: &str) -> &'static str {
        static PT: LazyLock<Words> = LazyLock::new(|| words(include_str!("words/pt-BR.toml")));
        static EN: LazyLock<Words> = LazyLock::new(|| words(include_str!("words/en.toml")));
        let words = match self {
            Self::Pt => &PT,
            Self::En => &EN,
        };
        let word = words.get(key).map(String::as_str);
        debug_assert!(word.is_some(), "no word {key}");
        word.unwrap_or_default()
    }
}

type Words = HashMap<String, String>;

/// The words are part of the binary: that they parse is shown by the test below.
fn words(toml: &str) -> Words {
    toml::from_str(toml).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_the_same_words() {
        let keys = |text| {
            let mut keys: Vec<_> = toml::from_str::<Words>(text).unwrap().into_keys().collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(include_str!("words/pt-BR.toml")), keys(include_str!("words/en.toml")));
    }

    #[test]
    fn what_a_visitor_typed_is_text() {
        let html = fill(Lang::En, "<p title=\"{{a}}\">{{a}}</p>", &[("a", "<b>\"'&".into())]);
        assert_eq!(html.into_string(), "<p title=\"&lt;b&gt;&quot;&#39;&amp;\">&lt;b&gt;&quot;&#39;&amp;</p>");
    }
}
