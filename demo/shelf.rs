//! What the shop sells, and the arithmetic of prices, CPF and card numbers.

use std::sync::LazyLock;

use serde::Deserialize;

use super::template::Lang;

#[derive(Deserialize)]
pub struct Product {
    pub slug: String,
    pub cents: u64,
    #[serde(rename = "pt-BR")]
    pt: Text,
    en: Text,
}

#[derive(Deserialize)]
pub struct Text {
    pub name: String,
    pub line: String,
    pub more: String,
}

impl Product {
    pub fn text(&self, lang: Lang) -> &Text {
        match lang {
            Lang::Pt => &self.pt,
            Lang::En => &self.en,
        }
    }
}

pub fn products() -> &'static [Product] {
    #[derive(Deserialize)]
    struct Shelf {
        product: Vec<Product>,
    }
    static SHELF: LazyLock<Vec<Product>> = LazyLock::new(|| {
        toml::from_str::<Shelf>(include_str!("shelf.toml")).map(|shelf| shelf.product).unwrap_or_default()
    });
    &SHELF
}

pub fn product(slug: &str) -> Option<&'static Product> {
    products().iter().find(|product| product.slug == slug)
}

pub fn money(cents: u64, lang: Lang) -> String {
    let (whole, part) = (cents / 100, cents % 100);
    match lang {
        Lang::Pt => format!("R$ {whole},{part:02}"),
        Lang::En => format!("R${whole}.{part:02}"),
    }
}

pub fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

/// Two check digits, each the weighted sum of those before it modulo 11.
pub fn is_cpf(text: &str) -> bool {
    let d = digits(text);
    let check = |n: usize| {
        let sum: u32 = d.iter().take(n).zip((2..=n as u32 + 1).rev()).map(|(digit, weight)| digit * weight).sum();
        sum * 10 % 11 % 10
    };
    d.len() == 11 && d.iter().any(|digit| *digit != d[0]) && check(9) == d[9] && check(10) == d[10]
}

/// ISO/IEC 7812-1: every second digit from the right is doubled.
pub fn is_card(text: &str) -> bool {
    let d = digits(text);
    let sum: u32 = d.iter().rev().enumerate().map(|(i, n)| if i % 2 == 1 { n * 2 / 10 + n * 2 % 10 } else { *n }).sum();
    (13..=19).contains(&d.len()) && sum.is_multiple_of(10)
}

/// `MM/YY`, with or without spaces.
pub fn is_expiry(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let Some((month, year)) = text.split_once('/') else { return false };
    matches!(month.parse(), Ok(1u8..=12)) && matches!(year.len(), 2 | 4) && year.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shelf_is_full() {
        assert_eq!(products().len(), 8);
    }

    #[test]
    fn check_digits_are_checked() {
        assert!(is_cpf("529.982.247-25"));
        assert!(!is_cpf("529.982.247-26"));
        assert!(!is_cpf("111.111.111-11"));
        assert!(is_card("4111 1111 1111 1111"));
        assert!(!is_card("4111 1111 1111 1112"));
        assert!(is_expiry("09/29") && is_expiry("9 / 2029") && !is_expiry("13/29") && !is_expiry("0929"));
    }
}
