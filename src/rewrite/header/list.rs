//! URLs inside header values that hold several: Link, origin lists, permission policies.

use crate::rewrite::url::{Site, ViewMap};

type Map<'m> = dyn FnMut(&str) -> Option<String> + 'm;

/// The targets of a `Link` header (RFC 8288 §3). A style sheet's digest goes: its bytes change.
pub fn links(value: &str, map: &mut Map<'_>) -> Option<String> {
    let mut out = Vec::new();
    let mut changed = false;
    for link in split(value, ',') {
        let mapped =
            link.find('<').zip(link.find('>')).filter(|(open, close)| open < close).and_then(|(open, close)| {
                let new = map(&link[open + 1..close])?;
                Some(format!("{}<{new}>{}", &link[..open], &link[close + 1..]))
            });
        let link = mapped.map_or_else(
            || link.to_owned(),
            |new| {
                changed = true;
                new
            },
        );
        let parts = split(&link, ';');
        let is = |part: &&str, name: &str, value: &str| {
            part.split_once('=').is_some_and(|(key, actual)| {
                key.trim().eq_ignore_ascii_case(name) && actual.trim().trim_matches('"').eq_ignore_ascii_case(value)
            })
        };
        let digest = |part: &&str| part.trim_start().to_ascii_lowercase().starts_with("integrity");
        let styled = parts.iter().any(|part| is(part, "as", "style") || is(part, "rel", "stylesheet"));
        if styled && parts.iter().any(digest) {
            changed = true;
            out.push(parts.into_iter().filter(|part| !digest(part)).collect::<Vec<_>>().join(";"));
        } else {
            out.push(link);
        }
    }
    changed.then(|| out.join(","))
}

/// Origins as they are, separated by commas, or `*` or `null`.
pub fn origins(value: &str, map: &ViewMap) -> Option<String> {
    let mut changed = false;
    let origins = value.split(',').map(|origin| match Site::parse(origin.trim()) {
        Some(site) => {
            changed = true;
            map.origin(&site)
        }
        None => origin.trim().to_owned(),
    });
    let origins: Vec<String> = origins.collect();
    changed.then(|| origins.join(", "))
}

/// The quoted origins of a `Permissions-Policy`.
pub fn quoted(value: &str, map: &mut Map<'_>) -> Option<String> {
    let mut changed = false;
    let parts: Vec<String> = value
        .split('"')
        .enumerate()
        .map(|(at, part)| match map(part).filter(|_| at % 2 == 1) {
            Some(new) => {
                changed = true;
                new
            }
            None => part.to_owned(),
        })
        .collect();
    changed.then(|| parts.join("\""))
}

/// The origins among words separated by blanks, commas and semicolons (`Feature-Policy`).
pub fn words(value: &str, map: &mut Map<'_>) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    let mut changed = false;
    for piece in value.split_inclusive([' ', ',', ';']) {
        let word = piece.trim_end_matches([' ', ',', ';']);
        let new = map(word);
        changed |= new.is_some();
        out.push_str(new.as_deref().unwrap_or(word));
        out.push_str(&piece[word.len()..]);
    }
    changed.then_some(out)
}

/// Splits outside of quotes and angle brackets.
fn split(value: &str, at: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut bracketed, mut escaped) = (Vec::new(), 0, false, false, false);
    for (index, c) in value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => bracketed = true,
            '>' if !quoted => bracketed = false,
            c if c == at && !quoted && !bracketed => {
                parts.push(&value[start..index]);
                start = index + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&value[start..]);
    parts
}
