//! Character references in attribute values: read before an address is mapped, written again after.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

const SOURCE: &str = include_str!("../../../rules/entities.txt");

/// Name (with its semicolon, where it has one) → text.
static NAMED: LazyLock<HashMap<&'static str, String>> = LazyLock::new(|| {
    let lines = SOURCE.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (name, points) = line.split_once(' ')?;
            let chars = points.split(' ').map(|hex| u32::from_str_radix(hex, 16).ok().and_then(char::from_u32));
            Some((name, chars.collect::<Option<String>>()?))
        })
        .collect()
});

/// The longest name is `CounterClockwiseContourIntegral;`.
const LONGEST: usize = 32;

/// The value that a browser's parser gives an attribute (HTML standard §13.2.5.72, "in an attribute").
pub fn decode(raw: &str) -> Cow<'_, str> {
    let Some(first) = raw.find('&') else { return Cow::Borrowed(raw) };
    let mut out = String::with_capacity(raw.len());
    out.push_str(&raw[..first]);
    let mut rest = &raw[first..];
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = reference(rest, &mut out).unwrap_or_else(|| {
            out.push('&');
            1
        });
        rest = &rest[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Writes ampersands so that [`decode`] gives the same value. The rewriter writes the quotes.
pub fn encode(value: &str) -> Cow<'_, str> {
    if value.contains('&') { Cow::Owned(value.replace('&', "&amp;")) } else { Cow::Borrowed(value) }
}

/// Reads the reference that `text` starts with and returns its length.
fn reference(text: &str, out: &mut String) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(1) == Some(&b'#') {
        let hex = matches!(bytes.get(2), Some(b'x' | b'X'));
        let start = if hex { 3 } else { 2 };
        let digit = |b: &u8| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() };
        let digits = bytes[start..].iter().take_while(|b| digit(b)).count();
        if digits == 0 {
            return None;
        }
        let end = start + digits;
        let code = u32::from_str_radix(&text[start..end], if hex { 16 } else { 10 }).unwrap_or(u32::MAX);
        out.push(numeric(code));
        return Some(if bytes.get(end) == Some(&b';') { end + 1 } else { end });
    }
    let letters = bytes[1..].iter().take(LONGEST).take_while(|b| b.is_ascii_alphanumeric()).count();
    let end = 1 + letters;
    if bytes.get(end) == Some(&b';')
        && let Some(found) = NAMED.get(&text[1..=end])
    {
        out.push_str(found);
        return Some(end + 1);
    }
    // Without a semicolon: the longest old name, unless `=` or a letter follows (a query like `?a&copy=1`).
    let length = (1..=letters).rev().find(|length| NAMED.contains_key(&text[1..=*length]))?;
    if matches!(bytes.get(1 + length), Some(b) if *b == b'=' || b.is_ascii_alphanumeric()) {
        return None;
    }
    out.push_str(NAMED.get(&text[1..=length])?);
    Some(1 + length)
}

/// HTML standard §13.2.5.80: windows-1252 for C1 controls, U+FFFD for what is no character.
fn numeric(code: u32) -> char {
    match code {
        0 => char::REPLACEMENT_CHARACTER,
        0x80..=0x9F => {
            let byte = [u8::try_from(code).unwrap_or_default()];
            encoding_rs::WINDOWS_1252.decode_without_bom_handling(&byte).0.chars().next().unwrap_or('\u{FFFD}')
        }
        code => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_browsers_read_them_in_attributes() {
        for (raw, value) in [
            ("a&amp;b", "a&b"),
            ("a&b", "a&b"),
            ("&#x68;&#116;tps&colon;&sol;/x", "https://x"),
            ("?a&copy=1&copy;&copy", "?a&copy=1©©"),
            ("&ampx &amp", "&ampx &"),
            ("&notit; &notin;", "&notit; ∉"),
            ("&#0;&#x80;&#xD800;&#9999999999;&#;&#x;", "\u{FFFD}€\u{FFFD}\u{FFFD}&#;&#x;"),
            ("&", "&"),
            ("&é;", "&é;"),
        ] {
            assert_eq!(decode(raw), value, "{raw}");
            assert_eq!(decode(&encode(value)), value, "{value}");
        }
    }
}
