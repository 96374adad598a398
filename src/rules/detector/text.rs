//! Text as detectors see it: digits of other scripts as ASCII, white space as one space, what does not show left out.

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

/// Text as detectors see it, with the way back to where everything stood.
#[derive(Debug)]
pub struct Text<'a> {
    original: &'a str,
    /// Absent when the text is plain already.
    changed: Option<(String, Vec<u32>)>,
    digits: usize,
    /// Byte offsets in the original at which a new node begins, ascending.
    seams: &'a [usize],
}

impl<'a> Text<'a> {
    pub fn new(original: &'a str) -> Self {
        Self::joined(original, &[])
    }

    /// Several nodes' text, one after the other; `seams` are the offsets of all but the first.
    pub fn joined(original: &'a str, seams: &'a [usize]) -> Self {
        if is_plain(original) {
            let digits = original.bytes().filter(u8::is_ascii_digit).count();
            return Self { original, changed: None, digits, seams };
        }
        let mut plain = String::with_capacity(original.len());
        let mut places = Vec::with_capacity(original.len() + 1);
        for (at, c) in original.char_indices() {
            let Some(c) = normal(c) else { continue };
            if c == ' ' && plain.ends_with(' ') {
                continue;
            }
            plain.push(c);
            places.resize(plain.len(), at as u32);
        }
        let digits = plain.bytes().filter(u8::is_ascii_digit).count();
        Self { original, changed: Some((plain, places)), digits, seams }
    }

    /// How many digits there are in it.
    pub fn digits(&self) -> usize {
        self.digits
    }

    /// As it was given.
    pub fn raw(&self) -> &'a str {
        self.original
    }

    /// As detectors see it.
    pub fn plain(&self) -> &str {
        self.changed.as_ref().map_or(self.original, |(plain, _)| plain)
    }

    fn place(&self, at: usize) -> usize {
        self.changed.as_ref().map_or(at, |(_, places)| places.get(at).map_or(self.original.len(), |&at| at as usize))
    }

    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        let start = self.place(range.start);
        // The end of the last character, not the beginning of the next: what was left out between them stays.
        let last = self.place(range.end.saturating_sub(1));
        start..last + first_char(&self.original[last..])
    }

    pub(super) fn seam(&self, at: usize) -> bool {
        if self.seams.is_empty() {
            return false;
        }
        // What was left out between two characters may hold the seam.
        let here = self.place(at);
        let before = at.checked_sub(1).map_or(0, |at| self.place(at));
        let first = self.seams.partition_point(|&seam| seam <= before);
        self.seams.get(first).is_some_and(|&seam| seam <= here)
    }
}

pub(super) fn first_char(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

fn is_plain(text: &str) -> bool {
    let mut space = false;
    text.bytes().all(|b| {
        let doubled = space && b == b' ';
        space = b == b' ';
        b.is_ascii() && !doubled && !b.is_ascii_control()
    })
}

/// One character as detectors see it; nothing for what does not show.
pub fn normal(c: char) -> Option<char> {
    if c.is_ascii() {
        return match c {
            '\t' | '\n' | '\r' | '\x0b' | '\x0c' => Some(' '),
            c if c.is_ascii_control() => None,
            c => Some(c),
        };
    }
    Some(match c {
        // Soft hyphen, joiners, zero-width spaces, bidi marks and isolates, variation selectors, tags.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => return None,
        '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => return None,
        '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}' => return None,
        c if c.is_whitespace() => ' ',
        '\u{2800}' | '\u{3164}' | '\u{ffa0}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{fe58}' | '\u{fe63}' => '-',
        '\u{2024}' | '\u{3002}' | '\u{b7}' | '\u{2022}' | '\u{2027}' | '\u{30fb}' => '.',
        '\u{2044}' | '\u{2215}' => '/',
        '\u{fe6b}' => '@',
        // Full-width ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        // Marks on the character before: accents, strokes, keycaps.
        c if is_combining_mark(c) => return None,
        c => digit(c).unwrap_or(c),
    })
}

/// Decimal digits of every script, and the raised, lowered and circled ones.
fn digit(c: char) -> Option<char> {
    let code = u32::from(c);
    let value = match code {
        0x2460..=0x2468 => code - 0x2460 + 1,
        0x2080..=0x2089 => code - 0x2080,
        0x2070 | 0x2074..=0x2079 => code - 0x2070,
        0x24ea => 0,
        0xb9 => 1,
        0xb2 | 0xb3 => code - 0xb0,
        _ => {
            let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= code)].last()?;
            code - zero
        }
    };
    char::from_digit(value, 10)
}

/// The zeros of Unicode's category Nd (17.0), which the other digits follow; ASCII and full width aside.
const ZEROS: [u32; 75] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
    0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0,
    0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0,
    0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50,
    0x11da0, 0x11de0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce, 0x1d7d8, 0x1d7e2,
    0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_are_digits() {
        assert!(ZEROS.is_sorted());
        for zero in ZEROS {
            let text: String = (0..10).filter_map(|n| char::from_u32(zero + n)).collect();
            assert_eq!(Text::new(&text).plain(), "0123456789", "{zero:x}");
            // Unicode's own word for it, as far as Rust's tables know it.
            assert!(text.chars().all(|c| c.is_numeric() || !c.is_alphanumeric()), "{zero:x}");
        }
        assert_eq!(Text::new("\u{24ea}\u{2460}\u{17e4}\u{1813}\u{1fbf7}").plain(), "01437");
        assert_eq!(Text::new("\u{105}\u{4e00}\u{1f600}").digits(), 0);
    }

    #[test]
    fn marks_on_digits_and_around_them_are_not_seen() {
        assert_eq!(Text::new("4\u{fe0f}\u{20e3}1\u{20e3} 1\u{301}1\u{336}").plain(), "41 11");
        assert_eq!(Text::new("ana\u{fe6b}shop.example").plain(), "ana@shop.example");
    }
}
