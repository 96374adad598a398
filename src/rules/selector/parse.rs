//! Reads selectors, and says where and why one is outside the subset.

use super::{Combinator, Complex, Compound, Part, Selector, Test};

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

pub(super) type Fault = (usize, &'static str);

/// Selectors nest and chain no deeper than this: matching is bounded by it.
const MAX_COMPOUNDS: usize = 16;

pub(super) struct Parser<'a> {
    pub text: &'a str,
    pub at: usize,
}

impl Parser<'_> {
    pub fn list(&mut self) -> Result<Selector, Fault> {
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
