//! Secrets that no other plant has, and the writings that people and machines give them.

use std::fmt::Write as _;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datum {
    Card,
    Amex,
    Cpf,
    Cnpj,
    Iban,
    Email,
    Phone,
    Ssn,
    Nino,
    Dni,
    /// A word that means nothing.
    Word,
    /// What people choose.
    Password,
    /// With signs at its ends and inside.
    Signs,
    /// Several lines.
    Lines,
    /// More than anybody would read again.
    Long,
}

/// A datum that no other plant has, as a person writes it without separators.
pub fn datum(kind: Datum, number: usize) -> String {
    let n = number as u64 * 7919 + 13;
    match kind {
        Datum::Card => luhn(&format!("4539{:011}", n * 31 % 100_000_000_000)),
        Datum::Amex => luhn(&format!("37{:012}", n * 97 % 1_000_000_000_000)),
        Datum::Cpf => {
            let mut digits: Vec<u32> =
                format!("{:09}", 123_000_000 + n % 800_000_000).bytes().map(|b| u32::from(b - b'0')).collect();
            mod11(&mut digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
            mod11(&mut digits, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
            digits.iter().map(u32::to_string).collect()
        }
        Datum::Cnpj => {
            let mut digits: Vec<u32> =
                format!("{:08}0001", 11_000_000 + n % 80_000_000).bytes().map(|b| u32::from(b - b'0')).collect();
            mod11(&mut digits, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
            mod11(&mut digits, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
            digits.iter().map(u32::to_string).collect()
        }
        Datum::Iban => {
            let account = format!("{:018}", 370_400_440_000_000_000u64 + n);
            let rest = format!("{account}131400").bytes().fold(0u64, |rest, b| (rest * 10 + u64::from(b - b'0')) % 97);
            format!("DE{:02}{account}", 98 - rest)
        }
        Datum::Email => format!("maria{n}@casa{n}.example"),
        Datum::Phone => format!("+55 11 9{:04}-{:04}", n / 10_000 % 10_000, n % 10_000),
        Datum::Ssn => format!("{:03}-{:02}-{:04}", 100 + n % 500, 1 + n / 500 % 99, 1 + n % 9000),
        Datum::Nino => format!("AB{:06}C", n % 1_000_000),
        Datum::Dni => {
            let n = 10_000_000 + n % 80_000_000;
            format!("{n}{}", b"TRWAGMYFPDXBNJZSQVHLCKE"[(n % 23) as usize] as char)
        }
        Datum::Word => format!("Qz{n}Kx"),
        Datum::Password => format!("Azul-{n}-mar!"),
        Datum::Signs => format!("!*Azul@{n}_mar$!"),
        Datum::Lines => format!("Rua Azul {n}\nCasa {n}x\nPorta {n}y"),
        Datum::Long => (0..80).map(|word| format!("azul{n}mar{word} ")).collect::<String>().trim_end().to_owned(),
    }
}

/// In groups, as printed on a card.
pub fn groups(secret: &str, kind: Datum) -> Vec<String> {
    if kind == Datum::Lines {
        return secret.lines().map(str::to_owned).collect();
    }
    let sizes: &[usize] = match kind {
        Datum::Amex => &[4, 6, 5],
        Datum::Cpf => &[3, 3, 3, 2],
        Datum::Cnpj => &[2, 3, 3, 4, 2],
        Datum::Nino => &[2, 2, 2, 2, 1],
        _ => &[4],
    };
    let characters: Vec<char> = secret.chars().collect();
    let (mut out, mut at, mut which) = (Vec::new(), 0, 0);
    while at < characters.len() {
        let end = (at + sizes[which % sizes.len()]).min(characters.len());
        out.push(characters[at..end].iter().collect());
        (at, which) = (end, which + 1);
    }
    out
}

pub fn full_width(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() { char::from_u32(c as u32 + 0xfee0).unwrap() } else { c }).collect()
}

pub fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        let _ = write!(out, "%{b:02X}");
        out
    })
}

pub fn between(text: &str, mark: char) -> String {
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        out.push(mark);
    }
    out
}

fn luhn(body: &str) -> String {
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let digit = u32::from(b - b'0');
            if i % 2 == 1 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn mod11(digits: &mut Vec<u32>, weights: &[u32]) {
    let sum: u32 = digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum();
    digits.push(if sum % 11 < 2 { 0 } else { 11 - sum % 11 });
}
