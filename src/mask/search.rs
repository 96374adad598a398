//! Looks for what is private in a text, as it stands there or packed as addresses and attributes carry it.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{Mask, run};
use crate::protocol::MASK;
use crate::rules::detector::{Text, normal};

impl Mask {
    /// Every detector passes here: what is private in a text, in no particular order.
    pub(super) fn find(&self, text: &Text<'_>) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for detector in self.rules.detectors() {
            detector.find(text, &mut found);
        }
        self.taint.find(text.raw(), &mut found);
        found
    }

    /// Whether something private is in a value, as it is or packed as addresses and attributes carry it.
    pub(super) fn finds(&self, text: &str) -> bool {
        said_somehow(text, |text| !self.find(&Text::new(text)).is_empty())
    }

    /// A text of its own with what is private in it replaced; all of it where that is packed.
    pub(super) fn cover(&self, text: &str) -> String {
        let found = run::merged(self.find(&Text::new(text)));
        let shown = run::cover(text, 0, &found).unwrap_or_else(|| text.to_owned());
        if self.finds(&shown) { MASK.to_owned() } else { shown }
    }
}

/// Whether `tells` holds of a text as it is, or as it is packed in addresses and attributes.
pub(super) fn said_somehow(text: &str, tells: impl Fn(&str) -> bool) -> bool {
    let tells = |text: &str| !text.is_empty() && tells(text);
    if tells(text) {
        return true;
    }
    let plain = decoded(text);
    (matches!(plain, Cow::Owned(_)) && tells(&plain)) || unpacked(&plain).any(|text| tells(&text))
}

/// Without percent encoding, be it done twice.
fn decoded(text: &str) -> Cow<'_, str> {
    let once = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    match once {
        Cow::Owned(once) => Cow::Owned(percent_encoding::percent_decode_str(&once).decode_utf8_lossy().into_owned()),
        borrowed => borrowed,
    }
}

/// The texts that pieces of a text are the base64 of, of either alphabet.
fn unpacked(text: &str) -> impl Iterator<Item = String> {
    const SHORTEST: usize = 8;
    let packed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    // A slash is of the alphabet, and separates the segments of a path.
    let pieces = text.split(move |c| !packed(c)).flat_map(|piece| std::iter::once(piece).chain(piece.split('/')));
    // Packed text is full of capitals; what classes and ids are called seldom has any.
    let likely = |piece: &&str| piece.len() >= SHORTEST && piece.bytes().any(|b| b.is_ascii_uppercase());
    pieces.filter(likely).filter_map(|piece| {
        let plain: String = piece
            .chars()
            .map(|c| {
                if c == '-' {
                    '+'
                } else if c == '_' {
                    '/'
                } else {
                    c
                }
            })
            .collect();
        let bytes = STANDARD_NO_PAD.decode(&plain[..plain.len() - usize::from(plain.len() % 4 == 1)]).ok()?;
        String::from_utf8(bytes).ok().filter(|text| text.chars().all(|c| !c.is_control()))
    })
}

/// Whether a field's value may become a number or an address of somebody's as it is typed: more digits in a row than may
/// be shown of a card (six, PCI DSS 3.4.1), or an @ behind a word.
pub(super) fn is_growing(value: &str) -> bool {
    let mut row = 0;
    let mut parted = false;
    let mut before = ' ';
    for c in value.chars().filter_map(normal) {
        if c == '@' && before != ' ' {
            return true;
        }
        before = c;
        match c {
            c if c.is_ascii_digit() => (row, parted) = (row + 1, false),
            ' ' => {}
            '.' | '-' | '/' | ',' | '_' | '|' if !parted => parted = true,
            _ => (row, parted) = (0, false),
        }
        if row > 6 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_growing;

    #[test]
    fn what_may_become_private_is_told_from_what_cannot() {
        for value in [
            "4111 111",
            "4111  111",
            "4111 - 111",
            "4111, 111",
            "1-2-3-4-5-6-7",
            "４１１１１１１",
            "maria.silva@",
            "a@b",
        ] {
            assert!(is_growing(value), "{value}");
        }
        for value in ["", "411111", "12 345 and 67", "1234 -- 5678", "@maria", "2 @ 5", "maria.silva"] {
            assert!(!is_growing(value), "{value}");
        }
    }
}
