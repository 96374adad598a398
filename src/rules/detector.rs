//! Finds personal data in text: card numbers, identity numbers, addresses, by pattern and check digits.
//!
//! Patterns see normalised text (see [`Text`]): digits of other scripts as ASCII, white space as one space, what does
//! not show left out. Patterns for numbers match the longest run of digits; the check then looks for numbers in it.

use std::ops::Range;

use regex::Regex;

/// A `[[detector]]`, compiled. Its pattern means the same to the regex crate and to JavaScript with the `u` flag.
#[derive(Debug, Clone)]
pub struct Detector {
    pub id: String,
    pub pattern: String,
    pub check: Check,
    regex: Regex,
    /// The pattern has a group: what stands in it is the datum, the rest says what it is.
    pub labelled: bool,
}

/// What must hold of a match for it to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    None,
    /// A payment card of 13 to 19 digits (ISO/IEC 7812, Luhn).
    Luhn,
    /// The two check digits of a Brazilian person's number.
    Cpf,
    /// The two check digits of a Brazilian company's number.
    Cnpj,
    /// An IBAN of its country's length (ISO 13616).
    Mod97,
    /// A number by itself: at least four digits, and no letter or digit right before or behind.
    Number,
    /// By itself, and an American social security number that may have been given out (20 CFR 422.103).
    Ssn,
    /// By itself, and a British national insurance number with a prefix in use.
    Nino,
    /// By itself, and a Spanish DNI or NIE with the right letter.
    Dni,
}

impl Check {
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "" => Self::None,
            "luhn" => Self::Luhn,
            "cpf" => Self::Cpf,
            "cnpj" => Self::Cnpj,
            "mod97" => Self::Mod97,
            "number" => Self::Number,
            "ssn" => Self::Ssn,
            "nino" => Self::Nino,
            "dni" => Self::Dni,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Luhn => "luhn",
            Self::Cpf => "cpf",
            Self::Cnpj => "cnpj",
            Self::Mod97 => "mod97",
            Self::Number => "number",
            Self::Ssn => "ssn",
            Self::Nino => "nino",
            Self::Dni => "dni",
        }
    }

    /// Text with fewer digits than this cannot pass: most text is spared the search.
    fn digits(self) -> usize {
        match self {
            Self::None => 0,
            Self::Number => 4,
            Self::Luhn => 13,
            Self::Ssn => 9,
            Self::Nino => 6,
            Self::Dni => 7,
            Self::Cpf => 11,
            Self::Cnpj => 14,
            Self::Mod97 => 2,
        }
    }

    fn lengths(self) -> Range<usize> {
        match self {
            Self::Luhn => 13..20,
            Self::Cpf => 11..12,
            Self::Cnpj => 14..15,
            _ => 0..0,
        }
    }

    /// Whether numbers are written in these groups inside longer runs of digits.
    fn groups(self, groups: &[usize]) -> bool {
        matches!(
            (self, groups),
            (_, [_])
                | (Self::Luhn, [4, 6, 4 | 5] | [4, 4, 4, 1..=7] | [4, 4, 4, 4, 1..=3])
                | (Self::Cpf, [3, 3, 3, 2] | [9, 2])
                | (Self::Cnpj, [2, 3, 3, 4, 2] | [8, 4, 2] | [12, 2])
        )
    }

    fn holds(self, digits: &[u8]) -> bool {
        match self {
            Self::Luhn => (2..=9).contains(&digits[0]) && luhn(digits),
            Self::Cpf => varied(digits) && check_digits(digits, 9, 11),
            Self::Cnpj => varied(digits) && check_digits(digits, 12, 9),
            _ => false,
        }
    }

    /// Whether a match of the pattern counts, for the checks that look at the whole of it.
    fn accepts(self, found: &str) -> bool {
        let letters = || found.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase());
        match self {
            Self::Ssn => {
                let digits: String = letters().collect();
                digits.len() == 9
                    && !matches!(&digits[..3], "000" | "666")
                    && !digits.starts_with('9')
                    && &digits[3..5] != "00"
                    && &digits[5..] != "0000"
            }
            Self::Nino => {
                let text: String = letters().collect();
                let (prefix, first) = (&text[..2.min(text.len())], |bad: &str, at: usize| {
                    text.chars().nth(at).is_some_and(|c| bad.contains(c))
                });
                !first("DFIQUV", 0)
                    && !first("DFIQUVO", 1)
                    && !matches!(prefix, "BG" | "GB" | "KN" | "NK" | "NT" | "TN" | "ZZ")
            }
            Self::Dni => {
                let text: String = letters().collect();
                let (body, letter) = text.split_at(text.len().saturating_sub(1));
                // The first letter of a foreigner's number stands for a digit.
                let body: String =
                    body.chars().map(|c| "XYZ".find(c).map_or(c, |at| char::from(b'0' + at as u8))).collect();
                let letters = b"TRWAGMYFPDXBNJZSQVHLCKE";
                body.len() == 8 && body.parse::<u32>().is_ok_and(|n| letter.as_bytes() == [letters[(n % 23) as usize]])
            }
            _ => true,
        }
    }
}

impl Detector {
    /// # Errors
    /// What is wrong with the pattern.
    pub fn new(id: &str, pattern: &str, check: Check) -> Result<Self, String> {
        let regex = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|e| e.to_string())?;
        if regex.is_match("") {
            return Err("the pattern matches nothing at all, which is everywhere".into());
        }
        let labelled = regex.captures_len() > 1;
        Ok(Self { id: id.into(), pattern: pattern.into(), check, regex, labelled })
    }

    /// Whether the pattern could find something in a text with this many digits.
    pub fn may_find(&self, digits: usize) -> bool {
        digits >= self.check.digits()
    }

    /// What it finds, as byte ranges of the original text, in order.
    pub fn find(&self, text: &Text<'_>, found: &mut Vec<Range<usize>>) {
        if text.digits < self.check.digits() {
            return;
        }
        let plain = text.plain();
        match self.check {
            Check::None if !self.labelled => {
                found.extend(self.regex.find_iter(plain).map(|m| text.original(m.range())));
            }
            Check::None | Check::Number | Check::Ssn | Check::Nino | Check::Dni => {
                let mut from = 0;
                while let Some(groups) = self.regex.captures_at(plain, from) {
                    let Some(whole) = groups.get(0) else { return };
                    let m = groups.get(1).unwrap_or(whole);
                    if self.check == Check::None || (alone(plain, m.range(), text) && self.check.accepts(m.as_str())) {
                        from = whole.end();
                        found.push(text.original(m.range()));
                    } else {
                        // It may have swallowed the beginning of one that counts.
                        from = whole.start() + first_char(&plain[whole.start()..]);
                    }
                }
            }
            Check::Mod97 => {
                let mut from = 0;
                while let Some(candidate) = self.regex.find_at(plain, from) {
                    match iban(candidate.as_str()) {
                        Some(length) => {
                            let range = candidate.start()..candidate.start() + length;
                            from = range.end;
                            found.push(text.original(range));
                        }
                        // One that is none may have swallowed the beginning of one that is.
                        None => from = candidate.start() + first_char(candidate.as_str()),
                    }
                }
            }
            Check::Luhn | Check::Cpf | Check::Cnpj => {
                for run in self.regex.find_iter(plain) {
                    self.numbers(text, run.range(), found);
                }
            }
        }
    }

    /// Looks for numbers in a run of digits with single separators. A number begins and ends where a group does, or
    /// where one node ends and the next begins; a run that is one number as a whole may be grouped in any way.
    fn numbers(&self, text: &Text<'_>, run: Range<usize>, found: &mut Vec<Range<usize>>) {
        let plain = text.plain();
        let places: Vec<usize> = run.clone().filter(|&at| plain.as_bytes()[at].is_ascii_digit()).collect();
        let digits: Vec<u8> = places.iter().map(|&at| plain.as_bytes()[at] - b'0').collect();
        let spaced = |i: usize| i > 0 && places[i] > places[i - 1] + 1;
        let border = |i: usize| i == 0 || i == digits.len() || spaced(i) || text.seam(places[i]);
        let before = found.len();
        let mut start = 0;
        while start < digits.len() {
            let end = self.check.lengths().rev().map(|length| start + length).find(|&end| {
                end <= digits.len() && border(start) && border(end) && self.check.holds(&digits[start..end]) && {
                    let whole = start == 0 && end == digits.len();
                    whole || self.check.groups(&groups((start..end).map(|i| i > start && spaced(i))))
                }
            });
            match end {
                Some(end) => {
                    found.push(text.original(places[start]..places[end - 1] + 1));
                    start = end;
                }
                None => start += 1,
            }
        }
        if self.check == Check::Luhn && found.len() == before {
            glued(&digits, |range| found.push(text.original(places[range.start]..places[range.end - 1] + 1)));
        }
    }
}

/// Cards at the beginning or the end of more digits than a card has, or with a code behind them: by issuers in use, for
/// any long number holds something that passes Luhn.
fn glued(digits: &[u8], mut found: impl FnMut(Range<usize>)) {
    if digits.len() < 17 {
        return;
    }
    for length in [16, 15] {
        for start in [0, digits.len() - length] {
            let card = &digits[start..start + length];
            if issued(card) && luhn(card) {
                found(start..start + length);
                return;
            }
        }
    }
}

/// Issuers of the cards people have: Visa, Mastercard, American Express, Discover, Elo, Hipercard.
fn issued(card: &[u8]) -> bool {
    let prefix = card.iter().take(4).fold(0u32, |n, digit| n * 10 + u32::from(*digit));
    match card.len() {
        15 => matches!(prefix / 100, 34 | 37),
        16 => {
            matches!(prefix, 4000..=4999 | 5100..=5599 | 2221..=2720 | 6011 | 6062 | 6440..=6599 | 5060..=5069 | 6360..=6369)
        }
        _ => false,
    }
}

/// Whether pieces that stand one below or beside the other read as one number: in the groups that it is written in, or
/// digit by digit. Anything else would find numbers in every table.
pub fn stacked(pieces: &[&str]) -> bool {
    // No number that is looked for has more pieces than a card or a company's number has digits.
    let mut sizes = [0; 20];
    if !(2..=sizes.len()).contains(&pieces.len()) {
        return false;
    }
    pieces.iter().zip(&mut sizes).for_each(|(piece, size)| *size = piece.len());
    let sizes = &sizes[..pieces.len()];
    let single = sizes.iter().all(|size| *size == 1);
    let number = |check: Check| {
        let digits: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes()).map(|b| b.wrapping_sub(b'0')).collect();
        digits.iter().all(|digit| *digit < 10) && check.holds(&digits) && (check != Check::Luhn || issued(&digits))
    };
    match sizes {
        [4, 4, 4, 4] | [4, 6, 5] if number(Check::Luhn) => true,
        [3, 3, 3, 2] | [9, 2] => number(Check::Cpf),
        [2, 3, 3, 4, 2] | [8, 4, 2] => number(Check::Cnpj),
        _ if single => match sizes.len() {
            11 => number(Check::Cpf),
            14 => number(Check::Cnpj),
            15 | 16 => number(Check::Luhn),
            _ => false,
        },
        [first @ .., last] if *last <= 4 && first.iter().all(|size| *size == 4) => {
            let text = pieces.concat();
            iban(&text) == Some(text.len())
        }
        _ => false,
    }
}

/// Whether no letter or digit stands right beside a match; where one node ends and the next begins is an end, too.
fn alone(plain: &str, found: Range<usize>, text: &Text<'_>) -> bool {
    let before = plain[..found.start].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
    let behind = plain[found.end..].chars().next().is_none_or(|c| !c.is_alphanumeric());
    (before || text.seam(found.start)) && (behind || text.seam(found.end))
}

fn groups(spaced: impl Iterator<Item = bool>) -> Vec<usize> {
    let mut groups = Vec::new();
    for spaced in spaced {
        match groups.last_mut() {
            Some(last) if !spaced => *last += 1,
            _ => groups.push(1),
        }
    }
    groups
}

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

    fn original(&self, range: Range<usize>) -> Range<usize> {
        let start = self.place(range.start);
        // The end of the last character, not the beginning of the next: what was left out between them stays.
        let last = self.place(range.end.saturating_sub(1));
        start..last + first_char(&self.original[last..])
    }

    fn seam(&self, at: usize) -> bool {
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

fn first_char(text: &str) -> usize {
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
        // Full-width ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => digit(c).unwrap_or(c),
    })
}

/// Decimal digits (Unicode category Nd) of the scripts people write numbers in, and of mathematics.
fn digit(c: char) -> Option<char> {
    const ZEROS: [u32; 16] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040,
    ];
    let code = u32::from(c);
    let value = match code {
        0x1d7ce..=0x1d7ff => (code - 0x1d7ce) % 10,
        0x2460..=0x2468 => code - 0x2460 + 1,
        0x2080..=0x2089 => code - 0x2080,
        0x2070 | 0x2074..=0x2079 => code - 0x2070,
        0xb9 => 1,
        0xb2 | 0xb3 => code - 0xb0,
        _ => ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)).map(|zero| code - zero)?,
    };
    char::from_digit(value, 10)
}

/// ISO/IEC 7812-1 annex B.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, &digit)| {
            let digit = u32::from(digit);
            if i % 2 == 0 { digit } else { digit * 2 - if digit > 4 { 9 } else { 0 } }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// CPF and CNPJ alike: the weighted sum of the digits before, modulo 11; weights fall to 2, from `top` where they wrap.
fn check_digits(digits: &[u8], body: usize, top: u32) -> bool {
    (body..digits.len()).all(|place| {
        let sum: u32 = digits[..place]
            .iter()
            .rev()
            .enumerate()
            .map(|(i, &digit)| u32::from(digit) * (2 + i as u32 % (top - 1)))
            .sum();
        let check = 11 - sum % 11;
        u32::from(digits[place]) == if check > 9 { 0 } else { check }
    })
}

/// 111.111.111-11 has the right check digits and is nobody's.
fn varied(digits: &[u8]) -> bool {
    digits.iter().any(|digit| *digit != digits[0])
}

/// How many bytes of `text` are an IBAN that it begins with.
fn iban(text: &str) -> Option<usize> {
    let country = text.get(..2)?.to_ascii_uppercase();
    let (_, length) = IBAN.iter().find(|(code, _)| *code == country)?;
    let characters: Vec<(usize, u8)> =
        text.bytes().enumerate().filter(|(_, b)| b.is_ascii_alphanumeric()).take(*length).collect();
    if characters.len() < *length {
        return None;
    }
    let mut rest = 0u32;
    for (_, b) in characters[4..].iter().chain(&characters[..4]) {
        let value = (*b as char).to_digit(36)?;
        rest = if value > 9 { rest * 100 + value } else { rest * 10 + value } % 97;
    }
    (rest == 1).then(|| characters[*length - 1].0 + 1)
}

/// Lengths of the IBAN registry (SWIFT, release 98), the countries most seen.
const IBAN: [(&str, usize); 45] = [
    ("AD", 24),
    ("AE", 23),
    ("AT", 20),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BR", 29),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("ES", 24),
    ("FI", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IS", 26),
    ("IT", 27),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("MC", 27),
    ("MT", 31),
    ("NL", 18),
    ("NO", 15),
    ("PL", 28),
    ("PT", 25),
    ("RO", 24),
    ("SA", 24),
    ("SE", 24),
    ("SI", 19),
    ("TR", 26),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{PathRules, RuleSet};
    use std::sync::LazyLock;

    fn found(text: &str) -> Vec<(String, &str)> {
        static RULES: LazyLock<PathRules> = LazyLock::new(|| RuleSet::presets().unwrap().for_site("x").at("/"));
        let rules = &*RULES;
        let seen = Text::new(text);
        let mut out = Vec::new();
        for detector in rules.detectors() {
            let mut ranges = Vec::new();
            detector.find(&seen, &mut ranges);
            out.extend(ranges.into_iter().map(|range| (detector.id.clone(), &text[range])));
        }
        out
    }

    #[test]
    fn personal_data_is_found_in_every_usual_writing() {
        for (text, id, what) in [
            ("card 4111111111111111.", "card", "4111111111111111"),
            ("4111 1111 1111 1111", "card", "4111 1111 1111 1111"),
            ("x4111-1111-1111-1111x", "card", "4111-1111-1111-1111"),
            ("3782 822463 10005", "card", "3782 822463 10005"),
            ("12 4111 1111 1111 1111 12/28", "card", "4111 1111 1111 1111"),
            ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "card", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"),
            ("4111\u{a0}\n 1111  1111\t1111", "card", "4111\u{a0}\n 1111  1111\t1111"),
            ("４１１１１１１１１１１１１１１１", "card", "４１１１１１１１１１１１１１１１"),
            ("4111\u{200b}11\u{202e}1111111111", "card", "4111\u{200b}11\u{202e}1111111111"),
            ("CPF 529.982.247-25!", "cpf", "529.982.247-25"),
            ("52998224725", "cpf", "52998224725"),
            ("529 982 247 25", "cpf", "529 982 247 25"),
            ("CNPJ: 11.222.333/0001-81", "cnpj", "11.222.333/0001-81"),
            ("my DE89 3704 0044 0532 0130 00 is", "iban", "DE89 3704 0044 0532 0130 00"),
            ("AB12DE89370400440532013000", "iban", "DE89370400440532013000"),
            ("card 4111111111111111 and code: 4111111111111111123", "card", "4111111111111111"),
            ("SSN 123-45-6789.", "ssn", "123-45-6789"),
            ("NI ab 12 34 56 c", "nino", "ab 12 34 56 c"),
            ("DNI: 12345678Z", "dni", "12345678Z"),
            ("NIE X1234567L", "dni", "X1234567L"),
            ("ligue +55 11 99999-0000!", "phone", "+55 11 99999-0000"),
            ("call (212) 555-0143", "phone-area", "(212) 555-0143"),
            ("01 23 45 67 89", "phone-area", "01 23 45 67 89"),
            ("RG: 12.345.678-9", "rg", "12.345.678-9"),
            ("Data de nascimento: 12/03/1980", "birth-date", "12/03/1980"),
            ("Date of birth 12 March 1980", "birth-date", "12 March 1980"),
            ("Geburtsdatum: 12.03.1980", "birth-date", "12.03.1980"),
            ("write to joão.silva+x@loja.com.br, please", "email", "joão.silva+x@loja.com.br"),
        ] {
            let all = found(text);
            assert!(all.iter().any(|(i, w)| i == id && *w == what), "{text}: {all:?}");
        }
    }

    #[test]
    fn ordinary_numbers_are_left_alone() {
        for text in [
            "4111111111111112",
            "1760000000000 ms",
            "0000 0000 0000 0000",
            "529.982.247-26",
            "111.111.111-11",
            "11.222.333/0001-82",
            "DE88 3704 0044 0532 0130 00",
            "2026-01-31 12:30:59",
            "R$ 1.234.567,89",
            "41111111111111121111111",
            "000-12-3456",
            "x123-45-6789",
            "GB123456A",
            "12345678A",
            "2026-01-31 (123) 456",
            "1.234-5678",
            "joão at loja",
            "@media (min-width: 10px)",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn a_number_next_to_digits_of_another_node_is_found_at_the_seam() {
        let text = "4111 1111 1111 1111123";
        let detector = Detector::new("card", r"[0-9](?:[ .\-/]?[0-9]){12,}", Check::Luhn).unwrap();
        let mut ranges = Vec::new();
        detector.find(&Text::joined(text, &[19]), &mut ranges);
        assert_eq!(ranges.iter().map(|range| &text[range.clone()]).collect::<Vec<_>>(), ["4111 1111 1111 1111"]);
    }

    proptest::proptest! {
        #[test]
        fn found_ranges_are_inside_the_text_at_characters(text in "[0-9 .@a-z\\-\\n１é\u{200b}]{0,80}") {
            for (_, what) in found(&text) {
                assert!(!what.is_empty());
            }
        }

        #[test]
        fn cards_of_an_independent_generator_are_found(body in "[2-9][0-9]{11,17}") {
            let doubled = |c: u32| if c > 4 { c * 2 - 9 } else { c * 2 };
            let sum: u32 = body.bytes().rev().enumerate().map(|(i, b)| {
                let digit = u32::from(b - b'0');
                if i % 2 == 0 { doubled(digit) } else { digit }
            }).sum();
            let card = format!("{body}{}", (10 - sum % 10) % 10);
            assert!(found(&format!("n {card}.")).iter().any(|(_, what)| *what == card));
        }
    }
}
