//! What the customer has put into masked fields, to be hidden wherever it shows again.
//!
//! Values are compared as letters and digits alone, whatever their case and width: "4111 1111" is "41111111". Of several
//! lines each counts that says something by itself, and of a long value every piece.
//! They live in memory only and are overwritten when the last holder lets go.

use std::collections::HashMap;
use std::ops::Range;

use zeroize::Zeroizing;

use crate::rules::detector::normal;

/// Shorter values are anywhere: nobody could read a page without them.
const SHORTEST: usize = 3;
/// Shorter values than this count as whole words only.
const LONG: usize = 6;
/// A longer text is known by its beginning: what follows that is hidden, too. Pages tell no more (`secrets.ts`).
const LONGEST: usize = 1000;
/// Longer values are known by pieces of this many letters: who quotes one seldom quotes all of it.
const PIECE: usize = 256;
/// Lines that are remembered of one value.
const MOST_LINES: usize = 16;
/// Values that are remembered of one site, and of all: the oldest go, of the site that has most. A page that makes up
/// fields drives out none of another site's.
const MOST_OF_SITE: usize = 256;
const MOST: usize = 1024;

/// The values of one session.
#[derive(Debug, Clone, Default)]
pub struct Taint {
    held: Vec<Held>,
}

#[derive(Clone)]
struct Held {
    site: u64,
    /// Who said it: a page, and its number for the field.
    of: (u64, u32),
    folded: Zeroizing<String>,
    /// As it was written, where there are signs in it that nobody would leave out; else nothing.
    written: Zeroizing<String>,
    /// It goes on where nobody knows.
    cut: bool,
    /// The customer has left the field; until then it grows.
    done: bool,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("of", &self.of).field("done", &self.done).finish_non_exhaustive()
    }
}

impl Taint {
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Takes a field's value; true when something is hidden now that was not. What a field held while it was typed into
    /// gives way to what it holds then; what it held when it was left stays.
    ///
    /// `site` is what the page's socket was opened on, which the page cannot make up; `page` and `field` are its own names.
    pub fn learn(&mut self, site: u64, of: (u64, u32), value: &str, done: bool) -> bool {
        let mut fresh = self.keep(site, of, value, done);
        if value.trim().contains(['\n', '\r']) {
            for line in value.lines().filter(|line| says_something(line)).take(MOST_LINES) {
                fresh |= self.keep(site, of, line, done);
            }
        }
        fresh
    }

    fn keep(&mut self, site: u64, of: (u64, u32), value: &str, done: bool) -> bool {
        let whole = Zeroizing::new(fold(value).0);
        let folded = Zeroizing::new(whole.chars().take(LONGEST).collect::<String>());
        if folded.chars().count() < SHORTEST {
            return false;
        }
        let written = written(value);
        if let Some(known) = self.held.iter_mut().find(|held| held.folded == folded && held.written == written) {
            let left = done && !known.done;
            known.done |= done;
            return left;
        }
        let grows = |held: &Held| {
            let before = held.folded.as_str();
            held.site == site && held.of == of && !held.done && (folded.starts_with(before) || folded.ends_with(before))
        };
        self.held.retain(|held| !grows(held));
        self.make_room(site);
        let cut = folded.len() < whole.len() || value.encode_utf16().count() >= LONGEST;
        self.held.push(Held { site, of, folded, written, cut, done });
        true
    }

    fn make_room(&mut self, site: u64) {
        let mut counts: HashMap<u64, usize> = HashMap::new();
        self.held.iter().for_each(|held| *counts.entry(held.site).or_default() += 1);
        let from = if counts.get(&site).is_some_and(|count| *count >= MOST_OF_SITE) {
            site
        } else if self.held.len() >= MOST {
            counts.into_iter().max_by_key(|(_, count)| *count).map_or(site, |(site, _)| site)
        } else {
            return;
        };
        if let Some(oldest) = self.held.iter().position(|held| held.site == from) {
            self.held.remove(oldest);
        }
    }

    /// Whether a text says any of it.
    pub fn is_in(&self, text: &str) -> bool {
        let mut found = Vec::new();
        self.find(text, &mut found);
        !found.is_empty()
    }

    /// Where it stands in a text, as byte ranges.
    pub fn find(&self, text: &str, found: &mut Vec<Range<usize>>) {
        if self.held.is_empty() || text.len() < SHORTEST {
            return;
        }
        let (folded, places) = fold(text);
        if folded.len() < SHORTEST {
            return;
        }
        let last_end = |end: usize| {
            let last = places[end - 1] as usize;
            last + text[last..].chars().next().map_or(1, char::len_utf8)
        };
        for held in &self.held {
            let wanted = held.folded.as_str();
            let mut from = 0;
            if wanted.len() > PIECE {
                for piece in pieces(wanted) {
                    from = 0;
                    while let Some(at) = folded[from..].find(&wanted[piece.clone()]).map(|at| at + from) {
                        let (before, behind) = agree(folded.as_bytes(), at, wanted.as_bytes(), &piece);
                        from = at + piece.len();
                        let goes_on = held.cut && piece.end + behind == wanted.len();
                        let end = if goes_on { text.len() } else { last_end(from + behind) };
                        found.push(places[at - before] as usize..end);
                    }
                }
                continue;
            }
            let short = wanted.len() < LONG;
            while let Some(at) = folded[from..].find(wanted).map(|at| at + from) {
                let (start, end) = (places[at] as usize, last_end(at + wanted.len()));
                if !short || is_word(text, start, end, &held.written) {
                    found.push(with_ends(text, start, end, &held.written));
                }
                from = at + folded[at..].chars().next().map_or(1, char::len_utf8);
            }
        }
    }
}

/// Whether a line of several is worth remembering by itself: greetings and single words are anywhere.
fn says_something(line: &str) -> bool {
    let letters = fold(line).0.chars().count();
    let digits = line.chars().filter_map(normal).any(|c| c.is_ascii_digit());
    letters >= LONG && line.split_whitespace().nth(1).is_some() || letters >= SHORTEST + 2 && digits
}

/// The pieces of a long value, the last one up to its end.
fn pieces(wanted: &str) -> impl Iterator<Item = Range<usize>> {
    let whole = wanted.len();
    let border = move |mut at: usize| {
        while !wanted.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    (0..whole.div_ceil(PIECE)).map(move |n| {
        let start = (n * PIECE).min(whole - PIECE);
        border(start)..border(start + PIECE)
    })
}

/// How far a text agrees with a value before and behind a piece of it that was found at `at`.
fn agree(text: &[u8], at: usize, wanted: &[u8], piece: &Range<usize>) -> (usize, usize) {
    let before = text[..at].iter().rev().zip(wanted[..piece.start].iter().rev()).take_while(|(a, b)| a == b).count();
    let behind = text[at + piece.len()..].iter().zip(&wanted[piece.end..]).take_while(|(a, b)| a == b).count();
    (before, behind)
}

/// Neither letters nor digits right before or behind, and no gaps inside that a person would not make, unless the value
/// was written so.
fn is_word(text: &str, start: usize, end: usize, written: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    let alone = edge(text[..start].chars().rev().find(|c| normal(*c).is_some()))
        && edge(text[end..].chars().find(|c| normal(*c).is_some()));
    let inside = &text[start..end];
    alone
        && (inside.chars().all(|c| c.is_alphanumeric() || normal(c).is_none_or(|c| GAPS.contains(c)))
            || self::written(inside).as_str() == written.trim_matches(|c: char| !c.is_alphanumeric()))
}

/// What people put between letters, or leave out.
const GAPS: &str = " -./";

/// What was found with the signs that stood at the ends of the value.
fn with_ends(text: &str, start: usize, end: usize, written: &str) -> Range<usize> {
    let letters = written.trim_matches(|c: char| !c.is_alphanumeric());
    let Some((head, tail)) = written.split_once(letters).filter(|_| !letters.is_empty()) else { return start..end };
    let same = |(a, b): &(char, char)| normal(*a) == Some(*b);
    let length = |(c, _): (char, char)| c.len_utf8();
    let before: usize = text[..start].chars().rev().zip(head.chars().rev()).take_while(same).map(length).sum();
    let behind: usize = text[end..].chars().zip(tail.chars()).take_while(same).map(length).sum();
    start - before..end + behind
}

/// A value in lower case with the signs in it; nothing where there are none but what people leave out.
fn written(value: &str) -> Zeroizing<String> {
    let signs = |c: char| !c.is_alphanumeric() && !GAPS.contains(c);
    let seen = value.trim().chars().filter_map(normal).take(LONGEST);
    let seen = Zeroizing::new(seen.flat_map(char::to_lowercase).collect::<String>());
    if seen.contains(signs) { seen } else { Zeroizing::default() }
}

/// Letters and digits in lower case, with the place of each byte.
fn fold(text: &str) -> (String, Vec<u32>) {
    let mut folded = String::with_capacity(text.len());
    let mut places = Vec::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let Some(c) = normal(c).filter(|c| c.is_alphanumeric()) else { continue };
        if c.is_ascii() {
            folded.push(c.to_ascii_lowercase());
        } else {
            folded.extend(c.to_lowercase());
        }
        places.resize(folded.len(), u32::try_from(at).unwrap_or(u32::MAX));
    }
    (folded, places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(taint: &Taint, text: &'a str) -> Vec<&'a str> {
        let mut ranges = Vec::new();
        taint.find(text, &mut ranges);
        ranges.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn a_value_is_found_however_it_is_written() {
        let mut taint = Taint::default();
        assert!(taint.learn(1, (1, 1), "Azul-77 do Mar", true));
        for text in [
            "x azul77domar y",
            "AZUL 77 DO MAR",
            "a\u{200b}zul-77-do-ｍａｒ",
            "?p=Azul-77%20do%20Mar".replace("%20", " ").as_str(),
        ] {
            assert_eq!(found(&taint, text).len(), 1, "{text}");
        }
        assert_eq!(found(&taint, "azul 77 do amar"), Vec::<&str>::new());
    }

    #[test]
    fn a_short_value_counts_as_a_word() {
        let mut taint = Taint::default();
        taint.learn(1, (1, 1), "737", true);
        assert_eq!(found(&taint, "CVV 737, not 7370, x737 or 1.737,00; (737)"), ["737", "737", "737"]);
        taint.learn(1, (1, 2), "09", true);
        assert_eq!(found(&taint, "09"), Vec::<&str>::new());
    }

    #[test]
    fn signs_in_a_short_value_are_no_way_around() {
        for (value, text, hidden) in [
            ("p@$$w0rd", "it is p@$$w0rd.", "p@$$w0rd"),
            ("ab#12!", "(AB#12!)", "AB#12!"),
            ("a1_b2", "a1_b2", "a1_b2"),
            ("!!Secret99##", "x !!Secret99## y", "!!Secret99##"),
            ("12,5", "12,5 %", "12,5"),
        ] {
            let mut taint = Taint::default();
            taint.learn(1, (1, 1), value, true);
            assert_eq!(found(&taint, text), [hidden]);
        }
        let mut taint = Taint::default();
        taint.learn(1, (1, 1), "12,5", true);
        assert_eq!(found(&taint, "1,25 and 1 2 5x"), Vec::<&str>::new());
    }

    #[test]
    fn a_long_value_is_hidden_to_its_end_and_in_parts() {
        let words: Vec<String> = (0..90).map(|n| format!("word{n}")).collect();
        let value = words.join(" ");
        assert!(value.len() > 2 * PIECE);
        let mut taint = Taint::default();
        taint.learn(1, (1, 1), &value, true);
        for text in [value.clone(), words[..50].join(", "), words[40..].join("\n"), format!("They wrote: {value}")] {
            let shown = found(&taint, &text).into_iter().max_by_key(|found| found.len()).unwrap_or_default();
            assert!(shown.len() + 14 > text.len(), "{} of {}", shown.len(), text.len());
        }
        let told: String = value.repeat(2).chars().take(LONGEST).collect();
        taint.learn(1, (1, 2), &told, true);
        let text = format!("{told} and what nobody knows");
        assert!(found(&taint, &text).iter().any(|found| found.ends_with("knows")));
    }

    #[test]
    fn each_line_of_a_value_is_hidden_by_itself_unless_anybody_writes_it() {
        let mut taint = Taint::default();
        taint.learn(1, (1, 1), "Hello\nRua Azul 7\r\nCasa 2\n2026\nThanks", true);
        assert_eq!(found(&taint, "Rua Azul 7, Casa 2"), ["Rua Azul 7", "Casa 2"]);
        assert_eq!(found(&taint, "Hello! Thanks for your order in 2026"), Vec::<&str>::new());
    }

    #[test]
    fn a_value_that_is_left_is_looked_for_in_what_was_there_before() {
        let mut taint = Taint::default();
        assert!(taint.learn(1, (1, 1), "correct horse", false));
        assert!(taint.learn(1, (1, 1), "correct horse", true), "it counts as a whole now");
        assert!(!taint.learn(1, (1, 1), "correct horse", true));
    }

    #[test]
    fn what_was_typed_on_the_way_is_forgotten_and_what_was_left_stays() {
        let mut taint = Taint::default();
        for end in 3..=8 {
            taint.learn(1, (1, 1), &"password"[..end], false);
        }
        assert_eq!((found(&taint, "pass"), found(&taint, "a password")), (vec![], vec!["password"]));
        taint.learn(1, (1, 1), "password", true);
        taint.learn(1, (1, 1), "other-secret", true);
        assert_eq!(found(&taint, "password, other secret").len(), 2);
    }

    #[test]
    fn there_is_an_end_to_what_is_remembered() {
        let mut taint = Taint::default();
        for n in 0..2 * MOST_OF_SITE {
            taint.learn(1, (1, u32::try_from(n).unwrap()), &format!("value{n:04}"), true);
        }
        assert_eq!(taint.held.len(), MOST_OF_SITE);
        assert!(found(&taint, "value0000").is_empty() && found(&taint, "value0511").len() == 1);
    }

    #[test]
    fn a_page_that_makes_up_fields_drives_out_nothing_of_another_site() {
        let mut taint = Taint::default();
        taint.learn(7, (1, 1), "correct horse", true);
        for n in 0..3 * MOST {
            taint.learn(8 + n as u64 % 5, (n as u64, 1), &format!("value{n:06}"), true);
        }
        assert_eq!(taint.held.len(), MOST);
        assert_eq!(found(&taint, "correct horse").len(), 1);
    }
}
