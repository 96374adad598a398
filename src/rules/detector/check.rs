//! Check digits and the like: what tells a number that somebody has from any other.

use std::ops::Range;

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
    pub(super) fn digits(self) -> usize {
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

    pub(super) fn lengths(self) -> Range<usize> {
        match self {
            Self::Luhn => 13..20,
            Self::Cpf => 11..12,
            Self::Cnpj => 14..15,
            _ => 0..0,
        }
    }

    /// Whether numbers are written in these groups inside longer runs of digits.
    pub(super) fn groups(self, groups: &[usize]) -> bool {
        matches!(
            (self, groups),
            (_, [_])
                | (Self::Luhn, [4, 6, 4 | 5] | [4, 4, 4, 1..=7] | [4, 4, 4, 4, 1..=3])
                | (Self::Cpf, [3, 3, 3, 2] | [9, 2])
                | (Self::Cnpj, [2, 3, 3, 4, 2] | [8, 4, 2] | [12, 2])
        )
    }

    pub(super) fn holds(self, digits: &[u8]) -> bool {
        match self {
            Self::Luhn => (2..=9).contains(&digits[0]) && luhn(digits),
            Self::Cpf => varied(digits) && check_digits(digits, 9, 11),
            Self::Cnpj => varied(digits) && check_digits(digits, 12, 9),
            _ => false,
        }
    }

    /// Whether a match of the pattern counts, for the checks that look at the whole of it.
    pub(super) fn accepts(self, found: &str) -> bool {
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

/// Issuers of the cards people have: Visa, Mastercard, American Express, Discover, Elo, Hipercard.
pub(super) fn issued(card: &[u8]) -> bool {
    let prefix = card.iter().take(4).fold(0u32, |n, digit| n * 10 + u32::from(*digit));
    match card.len() {
        15 => matches!(prefix / 100, 34 | 37),
        16 => {
            matches!(prefix, 4000..=4999 | 5100..=5599 | 2221..=2720 | 6011 | 6062 | 6440..=6599 | 5060..=5069 | 6360..=6369)
        }
        _ => false,
    }
}

/// ISO/IEC 7812-1 annex B.
pub(super) fn luhn(digits: &[u8]) -> bool {
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
pub(super) fn iban(text: &str) -> Option<usize> {
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
