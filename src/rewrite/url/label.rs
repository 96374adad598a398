//! The part of a view host's name that stands for a site, and the way back.

use std::fmt;

use sha2::{Digest as _, Sha256};
use url::Url;

use super::{Scheme, Site, UrlError};
use crate::id::SessionId;

/// The part of a view host's name that stands for a site: `www-shop-com`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label(pub(super) String);

/// A DNS label holds 63 octets; the session and its hyphen take 17 of them.
pub(super) const MAX_LABEL: usize = 63 - SessionId::LEN - 1;

impl Label {
    /// # Errors
    /// [`UrlError::BadLabel`] unless `text` is an alias or stands for a site.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if is_alias(text) || decode(text).is_some() { Ok(Self(text.to_owned())) } else { Err(UrlError::BadLabel) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `.` → `-`, `-` → `--`, then `-0h{port}` or `-0s{port}` for what is not https on 443. `None`: needs an alias.
pub(super) fn encode(site: &Site) -> Option<String> {
    let mut label = String::with_capacity(MAX_LABEL);
    for c in site.host.chars() {
        match c {
            '.' => label.push('-'),
            '-' => label.push_str("--"),
            c => label.push(c),
        }
    }
    match (site.scheme, site.port) {
        (Scheme::Https, 443) => {}
        (Scheme::Https, port) => label.push_str(&format!("-0s{port}")),
        (Scheme::Http, 80) => label.push_str("-0h"),
        (Scheme::Http, port) => label.push_str(&format!("-0h{port}")),
    }
    let fits = label.len() <= MAX_LABEL && !matches!(label.as_str(), "viewer" | "panel") && !is_alias(&label);
    (fits && decode(&label).as_ref() == Some(site)).then_some(label)
}

/// The inverse of [`encode`]; `None` for what `encode` never makes.
pub(super) fn decode(label: &str) -> Option<Site> {
    let alphabet = label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if !alphabet || label.is_empty() || label.len() > MAX_LABEL || label.starts_with('-') || label.ends_with('-') {
        return None;
    }
    let (name, scheme, port) = split_suffix(label)?;
    let mut host = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('-') {
        host.push_str(&rest[..at]);
        let run = rest[at..].bytes().take_while(|&b| b == b'-').count();
        match run {
            1 => host.push('.'),
            even if even % 2 == 0 => host.extend(std::iter::repeat_n('-', even / 2)),
            // `.-` and `-.` would read the same.
            _ => return None,
        }
        rest = &rest[at + run..];
    }
    host.push_str(rest);
    // Only what the URL standard itself would write: not `1.2.3.4.5`, `0x7f.1` or broken punycode.
    let url = Url::parse(&format!("{}://{host}:{port}/", scheme.as_str())).ok()?;
    Site::of(&url).filter(|site| site.host == host)
}

/// Splits `-0h8080` off. `None` for a suffix that [`encode`] never writes (`-0h80`, `-0s443`, `-0h08`, `-0s`).
fn split_suffix(label: &str) -> Option<(&str, Scheme, u16)> {
    let plain = (label, Scheme::Https, 443);
    let Some(at) = label.rfind('-') else { return Some(plain) };
    let (name, last) = (&label[..at], &label[at + 1..]);
    let Some((scheme, digits)) = last
        .strip_prefix("0h")
        .map(|digits| (Scheme::Http, digits))
        .or_else(|| last.strip_prefix("0s").map(|digits| (Scheme::Https, digits)))
        .filter(|(_, digits)| digits.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with('-'))
    else {
        return Some(plain);
    };
    if digits.is_empty() {
        return (scheme == Scheme::Http).then_some((name, scheme, 80));
    }
    let port: u16 = digits.parse().ok()?;
    (port != scheme.port() && !digits.starts_with('0')).then_some((name, scheme, port))
}

/// `0a` and the first 50 bits of SHA-256 of the origin, in lower-case base32.
pub(super) fn alias(site: &Site) -> String {
    const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let hash = Sha256::digest(site.origin().as_bytes());
    let bits = hash.iter().take(8).fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
    let mut out = String::from("0a");
    out.extend((0..10).map(|i| char::from(BASE32[(bits >> (59 - 5 * i) & 31) as usize])));
    out
}

pub(super) fn is_alias(label: &str) -> bool {
    label.len() == 12
        && label.starts_with("0a")
        && label[2..].bytes().all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b))
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
