//! A start tag as it stands in the document: its name, where its attributes are, and what changes in it.
//!
//! lol_html has found where the tag begins and ends. Its own attributes are strings of their own, each name and value,
//! and one that changes has the whole tag written anew: both together cost more than reading the bytes once more.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use encoding_rs::{Encoding, UTF_8};
use memchr::memchr;

use super::entity;
use crate::rules::selector;

pub(super) struct Tag<'t> {
    pub raw: &'t [u8],
    /// In lower case.
    pub name: Cow<'t, str>,
    /// Where the name ends.
    pub end: usize,
    pub attributes: &'t [Attribute],
    encoding: &'static Encoding,
}

/// Where an attribute stands in its tag.
pub(super) struct Attribute {
    name: Range<usize>,
    /// Without quotes; empty where there is none.
    value: Range<usize>,
    /// Behind the closing quote, where there is one.
    end: usize,
}

impl<'t> Tag<'t> {
    /// Reads a whole start tag, `<` to `>` (HTML standard §13.2.5.8 and §13.2.5.32 to 39). `attributes` is room for what it
    /// finds.
    pub(super) fn read(raw: &'t [u8], encoding: &'static Encoding, attributes: &'t mut Vec<Attribute>) -> Self {
        attributes.clear();
        let end = run(raw, 1, |b| is_space(b) || matches!(b, b'/' | b'>'));
        let mut at = end;
        loop {
            at = run(raw, at, |b| !is_space(b) && b != b'/');
            if matches!(raw.get(at), None | Some(b'>')) {
                break;
            }
            // An equals sign may begin a name.
            let name = at..run(raw, at + 1, |b| is_space(b) || matches!(b, b'/' | b'>' | b'='));
            at = name.end;
            let mut value = at..at;
            let equals = run(raw, at, |b| !is_space(b));
            if raw.get(equals) == Some(&b'=') {
                let start = run(raw, equals + 1, |b| !is_space(b));
                match raw.get(start) {
                    Some(quote @ (b'"' | b'\'')) => {
                        let rest = &raw[start + 1..];
                        let length = memchr(*quote, rest).unwrap_or(rest.len());
                        value = start + 1..start + 1 + length;
                        at = (value.end + 1).min(raw.len());
                    }
                    _ => {
                        value = start..run(raw, start, |b| is_space(b) || b == b'>');
                        at = value.end;
                    }
                }
            }
            attributes.push(Attribute { name, value, end: at });
        }
        let name = lower(text(&raw[1..end], encoding));
        Self { raw, name, end, attributes, encoding }
    }

    pub(super) fn raw_name(&self, attribute: &Attribute) -> &'t [u8] {
        &self.raw[attribute.name.clone()]
    }

    pub(super) fn raw_value(&self, attribute: &Attribute) -> &'t [u8] {
        &self.raw[attribute.value.clone()]
    }

    /// In lower case.
    pub(super) fn name_of(&self, attribute: &Attribute) -> Cow<'t, str> {
        lower(text(self.raw_name(attribute), self.encoding))
    }

    /// As browsers' parsers give it.
    pub(super) fn value_of(&self, attribute: &Attribute) -> Cow<'t, str> {
        match text(self.raw_value(attribute), self.encoding) {
            Cow::Borrowed(raw) => entity::decode(raw),
            Cow::Owned(raw) => Cow::Owned(entity::decode(&raw).into_owned()),
        }
    }

    /// The first attribute of this name (in lower case): browsers drop the others.
    pub(super) fn find(&self, name: &str) -> Option<&'t Attribute> {
        self.attributes.iter().find(|attribute| {
            let raw = self.raw_name(attribute);
            raw.eq_ignore_ascii_case(name.as_bytes()) || !name.is_ascii() && self.name_of(attribute) == name
        })
    }

    pub(super) fn get(&self, name: &str) -> Option<Cow<'t, str>> {
        self.find(name).map(|attribute| self.value_of(attribute))
    }

    /// The bytes of a text in the document's encoding, with references for what it cannot say.
    pub(super) fn bytes(&self, text: &str) -> Vec<u8> {
        self.encoding.encode(text).0.into_owned()
    }
}

/// An element as the rules see it: alone, for a stream knows no tree. Combinators are left to the page.
impl selector::Element for &Tag<'_> {
    fn tag(&self) -> &str {
        &self.name
    }

    fn attr(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name)
    }

    fn parent(&self) -> Option<Self> {
        None
    }
}

/// What changes in a tag, in the order of its bytes.
#[derive(Default)]
pub(super) struct Edits(Vec<(Range<usize>, New)>);

enum New {
    Front(Arc<str>),
    Bytes(Vec<u8>),
}

impl Edits {
    /// The beginning of an address, `length` bytes from `skipped` on in the value of an attribute.
    pub(super) fn front(&mut self, attribute: &Attribute, skipped: usize, length: usize, front: Arc<str>) {
        let start = attribute.value.start + skipped;
        self.0.push((start..start + length, New::Front(front)));
    }

    pub(super) fn value(&mut self, tag: &Tag<'_>, attribute: &Attribute, value: &str) {
        let value = entity::encode(value).replace('"', "&quot;");
        self.0.push((attribute.name.end..attribute.end, New::Bytes(tag.bytes(&format!("=\"{value}\"")))));
    }

    pub(super) fn remove(&mut self, tag: &Tag<'_>, attribute: &Attribute) {
        // The space before goes too, unless two attributes would then stand together.
        let apart = matches!(tag.raw.get(attribute.end), Some(b) if is_space(*b) || *b == b'>');
        let spaces = tag.raw[..attribute.name.start].iter().rev().take_while(|b| apart && is_space(**b)).count();
        self.0.push((attribute.name.start - spaces..attribute.end, New::Bytes(Vec::new())));
    }

    /// A new attribute before all others: browsers drop what follows by the same name.
    pub(super) fn insert(&mut self, tag: &Tag<'_>, name: &str, value: &str) {
        let value = entity::encode(value).replace('"', "&quot;");
        self.0.push((tag.end..tag.end, New::Bytes(tag.bytes(&format!(" {name}=\"{value}\"")))));
    }

    /// Where the edits up to here end, for [`Edits::undo`].
    pub(super) fn mark(&self) -> usize {
        self.0.len()
    }

    pub(super) fn undo(&mut self, mark: usize) {
        self.0.truncate(mark);
    }

    /// Writes the tag with its changes, and has none after that.
    pub(super) fn write(&mut self, tag: &Tag<'_>, out: &mut Vec<u8>) {
        let mut copied = 0;
        if !self.0.is_sorted_by_key(|(place, _)| place.start) {
            self.0.sort_by_key(|(place, _)| place.start);
        }
        for (place, new) in self.0.drain(..) {
            out.extend_from_slice(&tag.raw[copied..place.start]);
            out.extend_from_slice(match &new {
                New::Front(front) => front.as_bytes(),
                New::Bytes(bytes) => bytes,
            });
            copied = place.end;
        }
        out.extend_from_slice(&tag.raw[copied..]);
    }
}

fn run(raw: &[u8], from: usize, ends: impl Fn(u8) -> bool) -> usize {
    let rest = raw.get(from..).unwrap_or_default();
    rest.iter().position(|b| ends(*b)).map_or(raw.len(), |length| from + length)
}

fn is_space(b: u8) -> bool {
    matches!(b, b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn text<'b>(bytes: &'b [u8], encoding: &'static Encoding) -> Cow<'b, str> {
    if encoding == UTF_8 { String::from_utf8_lossy(bytes) } else { encoding.decode_without_bom_handling(bytes).0 }
}

fn lower(name: Cow<'_, str>) -> Cow<'_, str> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) { Cow::Owned(name.to_ascii_lowercase()) } else { name }
}

#[cfg(test)]
mod tests {
    use lol_html::{HtmlRewriter, Settings, element};
    use proptest::prelude::*;

    use super::*;

    /// Names and values, as lol_html finds them in the first tag and as they are read here.
    fn both(html: &[u8]) -> Option<[Vec<[String; 2]>; 2]> {
        let mut there = None;
        let handler = element!("*", |element| {
            let attributes = element.attributes().iter().map(|attribute| [attribute.name(), attribute.value()]);
            let location = element.source_location().bytes();
            there.get_or_insert((element.tag_name(), attributes.collect::<Vec<_>>(), location));
            Ok(())
        });
        let settings = Settings::new().append_element_content_handler(handler).with_strict(false);
        let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
        rewriter.write(html).unwrap();
        rewriter.end().unwrap();
        let (name, there, place) = there?;
        let mut room = Vec::new();
        let tag = Tag::read(&html[place], UTF_8, &mut room);
        assert_eq!(tag.name, name);
        let raw = |attribute| String::from_utf8_lossy(tag.raw_value(attribute)).into_owned();
        let here = tag.attributes.iter().map(|attribute| [tag.name_of(attribute).into_owned(), raw(attribute)]);
        Some([there, here.collect()])
    }

    proptest! {
        #[test]
        fn attributes_are_where_lol_html_finds_them(
            parts in prop::collection::vec(prop::sample::select(vec![
                "a", "B", "=", " ", "\n", "/", "\"", "'", ">", "<", "é", "href", "x y", "= \"", "&amp;", "\0", "\t=",
            ]), 0..16),
        ) {
            if let Some([there, here]) = both(format!("<a{}", parts.concat()).as_bytes()) {
                prop_assert_eq!(there, here);
            }
        }
    }

    #[test]
    fn what_changes_leaves_the_rest_as_it_was() {
        let raw = b"<a/HREF=x  title='1'integrity=\"a\" b integrity=c>";
        let mut room = Vec::new();
        let tag = Tag::read(raw, UTF_8, &mut room);
        let mut edits = Edits::default();
        edits.value(&tag, tag.find("href").unwrap(), "a&\"b");
        edits.remove(&tag, tag.find("integrity").unwrap());
        edits.remove(&tag, &tag.attributes[4]);
        edits.insert(&tag, "data-lado-mask", "");
        let mut out = Vec::new();
        edits.write(&tag, &mut out);
        let expected = "<a data-lado-mask=\"\"/HREF=\"a&amp;&quot;b\"  title='1' b>";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
