//! Finds personal data in text: card numbers, identity numbers, addresses, by pattern and check digits.
//!
//! Patterns see normalised text (see [`Text`]): digits of other scripts as ASCII, white space as one space, what does
//! not show left out. Patterns for numbers match the longest run of digits; the check then looks for numbers in it.

mod check;
mod text;

use std::ops::Range;

use regex::Regex;

pub use check::{Check, stacked};
use check::{iban, issued, luhn};
use text::first_char;
pub use text::{Text, normal};

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

impl PartialEq for Detector {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern && self.check == other.check
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
        if text.digits() < self.check.digits() {
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

    /// Looks for numbers in a run of digits. A number begins and ends where a group does, or where one node ends and the
    /// next begins; a run that is one number as a whole may be grouped in any way.
    fn numbers(&self, text: &Text<'_>, run: Range<usize>, found: &mut Vec<Range<usize>>) {
        let pieces = narrow(text.plain(), run.clone());
        if pieces.len() > 1 {
            self.wide(text, run, found);
        }
        for piece in pieces {
            self.narrow(text, piece, found);
        }
    }

    /// Numbers whose groups stand far apart. Prices, dates and years stand like that, too: only the groups that numbers
    /// are written in count, and cards only of issuers in use.
    fn wide(&self, text: &Text<'_>, run: Range<usize>, found: &mut Vec<Range<usize>>) {
        let plain = text.plain().as_bytes();
        let places: Vec<usize> = run.filter(|&at| plain[at].is_ascii_digit()).collect();
        let digits: Vec<u8> = places.iter().map(|&at| plain[at] - b'0').collect();
        let begins = (0..digits.len()).filter(|&i| i == 0 || places[i] > places[i - 1] + 1);
        let begins: Vec<usize> = begins.chain(std::iter::once(digits.len())).collect();
        let sizes: Vec<usize> = begins.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for first in 0..sizes.len() {
            for last in first + 1..sizes.len().min(first + MOST_GROUPS) {
                let number = &digits[begins[first]..begins[last + 1]];
                if self.check.lengths().contains(&number.len())
                    && self.check.groups(&sizes[first..=last])
                    && self.check.holds(number)
                    && (self.check != Check::Luhn || issued(number))
                {
                    found.push(text.original(places[begins[first]]..places[begins[last + 1] - 1] + 1));
                }
            }
        }
    }

    fn narrow(&self, text: &Text<'_>, run: Range<usize>, found: &mut Vec<Range<usize>>) {
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

/// The most groups that any number is written in.
const MOST_GROUPS: usize = 5;

/// The pieces of a run of digits in which one sign stands between groups, no more.
fn narrow(plain: &str, run: Range<usize>) -> Vec<Range<usize>> {
    let bytes = plain.as_bytes();
    let mut pieces = Vec::new();
    let mut begin = run.start;
    let mut last = None;
    for at in run.clone().filter(|&at| bytes[at].is_ascii_digit()) {
        if let Some(end) = last.map(|last: usize| last + 1).filter(|end| is_wide(&bytes[*end..at])) {
            pieces.push(begin..end);
            begin = at;
        }
        last = Some(at);
    }
    pieces.push(begin..run.end);
    pieces
}

/// Whether what stands between two digits is more than the one sign between groups.
fn is_wide(gap: &[u8]) -> bool {
    match gap {
        [] => false,
        [one] => matches!(one, b',' | b'_' | b'|'),
        _ => gap.iter().all(|b| matches!(b, b' ' | b'.' | b'-' | b'/' | b',' | b'_' | b'|')),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{PathRules, RuleSet};
    use std::sync::{Arc, LazyLock};

    fn found(text: &str) -> Vec<(String, &str)> {
        static RULES: LazyLock<Arc<PathRules>> = LazyLock::new(|| RuleSet::presets().unwrap().for_site("x").at("/"));
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
            ("4111 - 1111 - 1111 - 1111", "card", "4111 - 1111 - 1111 - 1111"),
            ("4111 / 1111 / 1111 / 1111", "card", "4111 / 1111 / 1111 / 1111"),
            ("4111 \u{b7} 1111 \u{b7} 1111 \u{b7} 1111!", "card", "4111 \u{b7} 1111 \u{b7} 1111 \u{b7} 1111"),
            ("no 12 of 4111, 1111, 1111, 1111, 12, 28", "card", "4111, 1111, 1111, 1111"),
            ("4111_1111_1111_1111", "card", "4111_1111_1111_1111"),
            ("3782 | 822463 | 10005", "card", "3782 | 822463 | 10005"),
            ("12/28 - 41111 11111 111111, 12", "card", "41111 11111 111111"),
            ("CPF 529.982.247 - 25", "cpf", "529.982.247 - 25"),
            ("529 / 982 / 247 / 25", "cpf", "529 / 982 / 247 / 25"),
            ("11.222.333 / 0001 - 81", "cnpj", "11.222.333 / 0001 - 81"),
            ("DE89 - 3704 - 0044 - 0532 - 0130 - 00", "iban", "DE89 - 3704 - 0044 - 0532 - 0130 - 00"),
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
            ("Telefone: 11 99999-0000", "phone-label", "11 99999-0000"),
            ("Celular 11999990000", "phone-label", "11999990000"),
            ("Tel. 020 7946 0958", "phone-label", "020 7946 0958"),
            ("Teléfono: 612 34 56 78", "phone-label", "612 34 56 78"),
            ("SSN: 123456789", "ssn-label", "123456789"),
            ("Social security number 123 45 6789", "ssn-label", "123 45 6789"),
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
            "iPhone 15 128 11112222",
            "Phone order 12345678",
            "Phone 15 Pro 2024-11-23",
            "Mobile: 12 34",
            "Model 11 99999-0000",
            "SKU: 123456789",
            "2019, 2020, 2021, 2022",
            "2.599,80 | 3.899,70 | 1.299,90",
            "23/11/2026 - 24/11/2026",
            "from 23.11.2026 10:00 - 24.11.2026 18:00",
            "2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24",
            "R$ 529.982.247,25",
            "4111 - 1111 - 1111 - 1112",
            "SKU 5501-2244 | 5501-2245 | 5501-2246",
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
