//! What the customer has put into masked fields, to be hidden wherever it shows again.
//!
//! Values are compared as letters and digits alone, whatever their case and width: "4111 1111" is "41111111".
//! They live in memory only and are overwritten when the last holder lets go.

use std::collections::HashMap;
use std::ops::Range;

use zeroize::Zeroizing;

use crate::rules::detector::normal;

/// Shorter values are anywhere: nobody could read a page without them.
const SHORTEST: usize = 3;
/// Shorter values than this count as whole words only.
const LONG: usize = 6;
/// A longer text is known by its beginning.
const LONGEST: usize = 256;
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
    pub fn learn(&mut self, site: u64, (page, field): (u64, u32), value: &str, done: bool) -> bool {
        let of = (page, field);
        let folded = Zeroizing::new(fold(value).0.chars().take(LONGEST).collect::<String>());
        if folded.chars().count() < SHORTEST {
            return false;
        }
        if let Some(known) = self.held.iter_mut().find(|held| held.folded == folded) {
            known.done |= done;
            return false;
        }
        let grows = |held: &Held| {
            let before = held.folded.as_str();
            held.site == site && held.of == of && !held.done && (folded.starts_with(before) || folded.ends_with(before))
        };
        self.held.retain(|held| !grows(held));
        self.make_room(site);
        self.held.push(Held { site, of, folded, done });
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
        for held in &self.held {
            let wanted = held.folded.as_str();
            let short = wanted.len() < LONG;
            let mut from = 0;
            while let Some(at) = folded[from..].find(wanted).map(|at| at + from) {
                let start = places[at] as usize;
                let last = places[at + wanted.len() - 1] as usize;
                let end = last + text[last..].chars().next().map_or(1, char::len_utf8);
                if !short || is_word(text, start, end) {
                    found.push(start..end);
                }
                from = at + folded[at..].chars().next().map_or(1, char::len_utf8);
            }
        }
    }
}

/// Neither letters nor digits right before or behind, and no gaps inside that a person would not make.
fn is_word(text: &str, start: usize, end: usize) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    edge(text[..start].chars().rev().find(|c| normal(*c).is_some()))
        && edge(text[end..].chars().find(|c| normal(*c).is_some()))
        && text[start..end].chars().all(|c| c.is_alphanumeric() || normal(c).is_none_or(|c| " -./".contains(c)))
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
