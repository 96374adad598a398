//! Plants unique secrets in every carrier, by every trick, under every kind of rule, and looks for them in what viewers get.
//!
//! Each plant is a small page of its own: what is told of it is decoded, folded, unescaped and searched. The same is done
//! in a browser by `tests/browser/plants.spec.ts`; this is the quick half, which runs with the other unit tests.

mod plants;
mod play;
mod secrets;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::tests::folded;
use crate::protocol::MASK;
use plants::{Carrier, Kind, Moment, Plant, plants};
use secrets::Datum;

#[test]
fn no_planted_secret_reaches_a_viewer() {
    let all = chosen();
    assert!(all.len() >= 2_000, "{} plants", all.len());
    let leak = |plant: &Plant| plant.found(&plant.play()).map(|form| format!("{form}: {plant:?} {:?}", plant.text()));
    let enough = if asked("first") { 1 } else { usize::MAX };
    let leaks: Vec<String> = std::thread::scope(|scope| {
        let parts: Vec<_> = all
            .chunks(all.len().div_ceil(4))
            .map(|part| scope.spawn(move || part.iter().filter_map(leak).take(enough).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    if !leaks.is_empty() {
        let shown = leaks.iter().take(80).map(String::as_str).collect::<Vec<_>>().join("\n");
        panic!("{} of {} plants leak:\n{shown}", leaks.len(), all.len());
    }
}

/// Without a rule every plant that viewers could read is read: the search finds what there is to find.
#[test]
fn the_search_finds_what_is_not_hidden() {
    let (mut seen, mut plain) = (0, 0);
    for plant in plants().into_iter().step_by(17) {
        // The carriers that viewers get nothing of, whatever rules say.
        let dropped = matches!(
            plant.carrier,
            Carrier::Attr(
                "meta"
                    | "iframe"
                    | "a"
                    | "form"
                    | "object"
                    | "use"
                    | "img"
                    | "source"
                    | "video"
                    | "body"
                    | "image"
                    | "link",
                _
            ) | Carrier::Attr(_, "onclick" | "formaction" | "src")
                | Carrier::Query
                | Carrier::Hash
        );
        if dropped || plant.moment == Moment::Typed {
            continue;
        }
        let open = Plant { kind: Kind::Field("class", "open"), ..plant };
        // A word of no meaning stands for the datum: no detector knows it.
        let told = open.play();
        plain += 1;
        seen += usize::from(open.found(&told).is_some());
    }
    assert!(plain > 150 && seen * 100 >= plain * 98, "{seen} of {plain} found");
}

#[test]
fn a_token_says_nothing_of_what_it_hides() {
    let told = |plant: &Plant| plant.kind == Kind::Selector && plant.moment == Moment::Born;
    for plant in plants().into_iter().filter(told).step_by(3) {
        let one = plant.play();
        let other = Plant { number: plant.number + 90_000, ..plant }.play();
        assert_eq!(one.concat().replace(MASK, ""), other.concat().replace(MASK, ""), "{plant:?}");
    }
}

/// Those that every run of the tests plays: each third. `LADO_LEAK=all` plays them all; with `first`, until one leaks.
fn chosen() -> Vec<Plant> {
    let all = plants();
    let step = if asked("all") { 1 } else { 3 };
    all.into_iter().step_by(step).collect()
}

fn asked(what: &str) -> bool {
    std::env::var("LADO_LEAK").is_ok_and(|asked| asked == what)
}

impl Plant {
    /// In which form the secret is in what a viewer was told, if it is.
    fn found(&self, told: &[String]) -> Option<&'static str> {
        let secret = self.secret();
        // Of more than one piece each says too much.
        let parts: Vec<&str> = match self.datum() {
            Datum::Lines => secret.lines().collect(),
            Datum::Long => vec![&secret[..60], &secret[secret.len() - 60..]],
            _ => vec![&secret],
        };
        parts.into_iter().find_map(|part| self.said(part, told))
    }

    fn said(&self, secret: &str, told: &[String]) -> Option<&'static str> {
        let joined = told.concat();
        if joined.contains(secret) {
            return Some("raw");
        }
        let letters = |text: &str| -> String {
            // What is told by ops does not read on in the snapshot.
            folded(text).chars().filter(|c| c.is_alphanumeric() || *c == '\0').flat_map(char::to_lowercase).collect()
        };
        let wanted = letters(secret);
        if letters(&joined).contains(&wanted) {
            return Some("folded");
        }
        let mut decoded = joined.clone();
        for _ in 0..3 {
            decoded = percent_encoding::percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
            if letters(&decoded).contains(&wanted) {
                return Some("percent");
            }
        }
        for text in told {
            for token in
                text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/_-".contains(c))).filter(|token| token.len() > 7)
            {
                for from in 0..4.min(token.len()) {
                    let token = &token[from..];
                    let token = &token[..token.len() - usize::from(token.len() % 4 == 1)];
                    for packed in [STANDARD_NO_PAD.decode(token), URL_SAFE_NO_PAD.decode(token)].into_iter().flatten() {
                        if letters(&String::from_utf8_lossy(&packed)).contains(&wanted) {
                            return Some("base64");
                        }
                    }
                }
            }
        }
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        if matches!(
            self.datum(),
            Datum::Email | Datum::Word | Datum::Password | Datum::Signs | Datum::Lines | Datum::Long
        ) {
            return None;
        }
        let number = digits(secret);
        // While it is typed, no more of it than the six digits that a card may show.
        if self.moment == Moment::Typed && number.len() > 8 && digits(&joined).contains(&number[..7]) {
            return Some("half");
        }
        (number.len() > 8 && digits(&folded(&joined)).contains(&number)).then_some("digits")
    }
}
