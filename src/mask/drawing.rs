//! What drawings say: the texts of SVG pictures, and which attributes hold coordinates rather than words.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Mask;
use super::attribute::starts;
use crate::mirror::NodeRef;
use crate::protocol::Namespace;

/// Where detectors look for numbers in vain: drawings and lists of coordinates.
const DRAWN: [&str; 17] = [
    "d",
    "points",
    "viewbox",
    "transform",
    "values",
    "keytimes",
    "keysplines",
    "coords",
    "x",
    "y",
    "dx",
    "dy",
    "rotate",
    "stroke-dasharray",
    "gradienttransform",
    "patterntransform",
    "tablevalues",
];

/// Whether an attribute is full of numbers that are nobody's. Coordinates are of few letters: words are looked at,
/// whatever the attribute is called.
pub(super) fn is_drawn(node: NodeRef<'_>, name: &str, value: &str) -> bool {
    const WORDS: [&str; 8] = ["matrix", "translate", "scale", "rotate", "skewX", "skewY", "auto", ""];
    let steps = |word: &str| word.len() <= 3 && word.bytes().all(|b| b"MZLHVCSQTAE".contains(&b.to_ascii_uppercase()));
    let place = DRAWN.contains(&name) && (node.namespace() != Namespace::Html || matches!(name, "coords" | "viewbox"));
    place
        && value.is_ascii()
        && value.split(|c: char| !c.is_ascii_alphabetic()).all(|word| steps(word) || WORDS.contains(&word))
}

impl Mask {
    /// Whether a drawing inside a `data:` URL says something private: its text is text.
    pub(super) fn drawing_tells(&self, url: &str) -> bool {
        if !starts(url, "data:image/svg") {
            return false;
        }
        let Some((head, body)) = url.split_once(',') else { return true };
        let body: Cow<'_, [u8]> = percent_encoding::percent_decode_str(body).into();
        let decoded = if head.to_ascii_lowercase().contains("base64") {
            let packed: Vec<u8> = body.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
            match STANDARD.decode(packed) {
                Ok(decoded) => decoded,
                Err(_) => return true,
            }
        } else {
            body.into_owned()
        };
        self.picture_tells(&decoded)
    }

    /// Whether an SVG picture says something private.
    pub(super) fn picture_tells(&self, bytes: &[u8]) -> bool {
        let (drawing, ..) = encoding_rs::UTF_8.decode(bytes);
        // Between tags alone: coordinates are full of digits.
        let mut said = String::new();
        for piece in drawing.split('<').skip(1) {
            said.push_str(match piece.strip_prefix("![CDATA[") {
                Some(text) => text.trim_end_matches("]]>"),
                None => piece.split_once('>').map_or("", |(_, text)| text),
            });
        }
        // Entities of its own, or an encoding without a mark, would have to be read as an XML parser reads them.
        drawing.contains('\0')
            || (drawing.contains("<!ENTITY") && said.contains('&'))
            || self.finds(&without_references(&said))
    }
}

/// A text without character references (XML 1.0 §4.1).
fn without_references(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some((name, after)) = rest.split_once(';').filter(|(name, _)| name.len() <= 16) else {
            out.push('&');
            continue;
        };
        let code = match name.strip_prefix('#') {
            Some(number) => match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => number.parse().ok(),
            },
            None => Some(u32::from(match name {
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                _ => '&',
            })),
        };
        out.push(code.and_then(char::from_u32).unwrap_or('\u{fffd}'));
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}
