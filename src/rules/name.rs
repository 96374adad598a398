//! Compares accessible names with the names in rules, whatever their case, accents, spacing and punctuation.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// A name longer than this is a text, not a button: phrases in it do not count.
pub const MAX: usize = 80;

/// Words of letters and digits in lower case without accents, one space between them.
///
/// In JavaScript: `s.replace(/\p{Cf}/gu, "").normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
/// .replace(/[^\p{L}\p{N}]+/gu, " ").trim()`.
pub fn normal(text: &str) -> String {
    let mut out = String::new();
    // A name is short; the rest of a long text cannot make it one.
    let visible = text.chars().filter(|c| !invisible(*c)).take(64 * MAX);
    for c in visible.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Whether a normalised name holds a normalised phrase: several words anywhere as whole words, a single word only where
/// the name begins with it (*Pagar* locks "Pagar R$ 10", and neither "Pagamento" nor "Como pagar").
pub fn holds(name: &str, phrase: &str) -> bool {
    fits(name, phrase) && (begins(name, phrase) || phrase.contains(' ') && is_within(name, phrase))
}

/// Whether what a field is called says a normalised phrase, anywhere as whole words: "Your card's CVV" says *CVV*. A phrase
/// behind `=` is the whole name.
pub fn says(name: &str, phrase: &str) -> bool {
    match phrase.strip_prefix('=') {
        Some(whole) => name == whole,
        None => fits(name, phrase) && (begins(name, phrase) || is_within(name, phrase)),
    }
}

fn fits(name: &str, phrase: &str) -> bool {
    // Bytes are no fewer than characters, and quicker to count.
    !phrase.is_empty() && phrase.len() <= name.len() && (name.len() <= MAX || name.chars().count() <= MAX)
}

fn begins(name: &str, phrase: &str) -> bool {
    name.strip_prefix(phrase).is_some_and(|behind| behind.is_empty() || behind.starts_with(' '))
}

fn is_within(name: &str, phrase: &str) -> bool {
    name.match_indices(' ').any(|(at, _)| begins(&name[at + 1..], phrase))
}

/// Format characters: soft hyphens, joiners, bidi marks.
fn invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_accents_and_spacing() {
        for name in
            ["Concluir  Transação", "CONCLUIR\u{a0}TRANSACAO", " concluir-transação! ", "Con\u{ad}cluir transação"]
        {
            assert_eq!(normal(name), "concluir transacao", "{name}");
        }
        assert_eq!(normal("Ｂｕｙ ｎｏｗ"), "buy now");
    }

    #[test]
    fn phrases_count_anywhere_and_single_words_at_the_beginning() {
        for (name, phrase) in [
            ("buy now", "buy now"),
            ("yes buy now please", "buy now"),
            ("pay", "pay"),
            ("pay 10 00", "pay"),
            ("1 comprar agora", "comprar agora"),
        ] {
            assert!(holds(name, phrase), "{name} / {phrase}");
        }
        for (name, phrase) in [
            ("buy nowhere", "buy now"),
            ("rebuy now", "buy now"),
            ("payment", "pay"),
            ("how to pay", "pay"),
            ("", "pay"),
            ("pay", ""),
        ] {
            assert!(!holds(name, phrase), "{name} / {phrase}");
        }
        assert!(!holds(&format!("buy now {}", "x".repeat(MAX)), "buy now"));
    }

    #[test]
    fn a_field_says_a_word_wherever_it_stands_in_its_name() {
        for (name, phrase) in [
            ("cvv", "cvv"),
            ("codigo cvv", "cvv"),
            ("digite o cvv aqui", "cvv"),
            ("enter the card number", "card number"),
            ("mm aa", "=mm aa"),
        ] {
            assert!(says(name, phrase), "{name} / {phrase}");
        }
        for (name, phrase) in [
            ("cvvs", "cvv"),
            ("xcvv", "cvv"),
            ("spin the wheel", "pin"),
            ("dd mm aa", "=mm aa"),
            ("", "=mm"),
            ("cvv", ""),
        ] {
            assert!(!says(name, phrase), "{name} / {phrase}");
        }
        assert!(!says(&format!("cvv {}", "x".repeat(MAX)), "cvv"));
    }
}
