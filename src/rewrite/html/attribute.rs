//! Maps the URLs inside attribute values of every kind but documents: lists, image candidates, refreshes, scripts' maps.

use serde_json::Value;

/// Answers the new address of a URL, or `None` to leave it alone.
pub type Map<'m> = dyn FnMut(&str) -> Option<String> + 'm;

/// URLs separated by white space (`ping`), origins among other words and semicolons (`allow`).
pub fn urls(value: &str, map: &mut Map<'_>) -> Option<String> {
    let words = value.split_ascii_whitespace().map(|word| word.trim_end_matches(';'));
    let spans = words.map(|url| (offset(value, url), url));
    replace(value, spans.collect(), map)
}

/// The addresses of image candidates.
pub fn srcset(value: &str, map: &mut Map<'_>) -> Option<String> {
    let spans = candidates(value.as_bytes()).map(|(at, url)| (at, &value[at..at + url.len()]));
    replace(value, spans.collect(), map)
}

/// The addresses of image candidates, and where each stands (HTML standard §4.8.4.2.1, "parse a srcset attribute"), in
/// any encoding that ASCII is a part of.
pub fn candidates(value: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += value[at..].iter().take_while(|b| b.is_ascii_whitespace() || **b == b',').count();
        let start = at;
        at += value[at..].iter().take_while(|b| !b.is_ascii_whitespace()).count();
        let word = &value[start..at];
        let commas = word.iter().rev().take_while(|b| **b == b',').count();
        if commas == 0 {
            at += descriptors(&value[at..]);
        }
        (!word.is_empty()).then(|| (start, &word[..word.len() - commas]))
    })
}

/// The length of a candidate's descriptors: up to a comma outside parentheses.
fn descriptors(text: &[u8]) -> usize {
    let mut open = false;
    for (at, b) in text.iter().enumerate() {
        match b {
            b'(' => open = true,
            b')' => open = false,
            b',' if !open => return at,
            _ => {}
        }
    }
    text.len()
}

/// The `content` of `<meta http-equiv=refresh>` and the value of the `Refresh` header (HTML standard §4.2.5.3).
pub fn refresh(value: &str, map: &mut Map<'_>) -> Option<String> {
    let rest = value.trim_start().trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let rest = rest.trim_start();
    let rest = rest.strip_prefix([';', ',']).unwrap_or(rest).trim_start();
    let mut url = rest;
    if rest.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("url"))
        && let Some(after) = rest[3..].trim_start().strip_prefix('=')
    {
        url = after.trim_start();
    }
    if let Some(quote) = url.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        url = &url[1..];
        url = &url[..url.find(quote).unwrap_or(url.len())];
    }
    replace(value, vec![(offset(value, url), url)], map)
}

/// The values of an SVG animation of `href`: addresses separated by semicolons.
pub fn animated(value: &str, map: &mut Map<'_>) -> Option<String> {
    let spans = value.split(';').map(|url| (offset(value, url), url));
    replace(value, spans.collect(), map)
}

/// An import map: addresses, and the URLs that scopes and integrity are keyed by. Specifiers stay, because scripts are
/// not rewritten and ask for them by their own names.
pub fn import_map(text: &str, map: &mut Map<'_>) -> Option<String> {
    let mut root: Value = serde_json::from_str(text).ok()?;
    let top = root.as_object_mut()?;
    let mut changed = top.get_mut("imports").is_some_and(|imports| addresses(imports, map));
    if let Some(scopes) = top.get_mut("scopes") {
        changed |= keys(scopes, map);
        for scope in scopes.as_object_mut().into_iter().flat_map(|scopes| scopes.values_mut()) {
            changed |= addresses(scope, map);
        }
    }
    changed |= top.get_mut("integrity").is_some_and(|integrity| keys(integrity, map));
    // `</script` inside of a string would end the element.
    changed.then(|| root.to_string().replace("</", "<\\/"))
}

fn addresses(object: &mut Value, map: &mut Map<'_>) -> bool {
    let mut changed = false;
    for value in object.as_object_mut().into_iter().flat_map(|object| object.values_mut()) {
        if let Some(new) = value.as_str().and_then(&mut *map) {
            *value = Value::String(new);
            changed = true;
        }
    }
    changed
}

fn keys(object: &mut Value, map: &mut Map<'_>) -> bool {
    let Some(object) = object.as_object_mut() else { return false };
    let mut changed = false;
    for (key, value) in std::mem::take(object) {
        let new = map(&key);
        changed |= new.is_some();
        object.insert(new.unwrap_or(key), value);
    }
    changed
}

fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr() as usize - whole.as_ptr() as usize
}

/// Puts mapped URLs in their places; `None` when nothing was mapped.
fn replace(value: &str, spans: Vec<(usize, &str)>, map: &mut Map<'_>) -> Option<String> {
    let mut out = String::new();
    let mut copied = 0;
    for (start, url) in spans {
        if let Some(new) = map(url) {
            out.push_str(&value[copied..start]);
            out.push_str(&new);
            copied = start + url.len();
        }
    }
    if copied == 0 {
        return None;
    }
    out.push_str(&value[copied..]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(raw: &str) -> Option<String> {
        raw.trim().strip_prefix("https://").map(|rest| format!("view/{rest}"))
    }

    #[test]
    fn image_candidates_keep_their_descriptors() {
        for (before, after) in [
            ("https://a/1.png 1x, https://a/2.png 2x", "view/a/1.png 1x, view/a/2.png 2x"),
            ("https://a/1.png, https://a/2.png 480w", "view/a/1.png, view/a/2.png 480w"),
            ("https://a/x,y.png 1x,b.png 2x", "view/a/x,y.png 1x,b.png 2x"),
            (" ,https://a/1,, https://a/2 (a, b) 1x,https://a/3", " ,view/a/1,, view/a/2 (a, b) 1x,view/a/3"),
            ("data:image/png;base64,AA== 1x, https://a/2 2x", "data:image/png;base64,AA== 1x, view/a/2 2x"),
        ] {
            assert_eq!(srcset(before, &mut map).as_deref(), Some(after));
        }
        assert_eq!(srcset("a.png 1x, b.png 2x", &mut map), None);
    }

    #[test]
    fn a_refresh_keeps_its_delay() {
        for (before, after) in [
            ("5; url=https://a/", "5; url=view/a/"),
            ("0;URL='https://a/x'", "0;URL='view/a/x'"),
            ("3,https://a/", "3,view/a/"),
            (" 1.5 ; url = \"https://a/\" x", " 1.5 ; url = \"view/a/\" x"),
        ] {
            assert_eq!(refresh(before, &mut map).as_deref(), Some(after));
        }
        assert_eq!(refresh("5", &mut map), None);
        assert_eq!(refresh("", &mut map), None);
    }

    #[test]
    fn an_import_map_keeps_its_specifiers() {
        let before = r#"{"imports":{"a":"https://a/a.js","https://b/":"./b/","c":null},"scopes":{"https://a/":{"x":"https://x/"}}}"#;
        let after = import_map(before, &mut map).unwrap();
        let after: Value = serde_json::from_str(&after).unwrap();
        let expected = serde_json::json!({
            "imports": {"a": "view/a/a.js", "https://b/": "./b/", "c": null},
            "scopes": {"view/a/": {"x": "view/x/"}},
        });
        assert_eq!(after, expected);
        assert_eq!(import_map("{\"imports\":{\"a\":\"/a.js\"}}", &mut map), None);
        assert_eq!(import_map("not json", &mut map), None);
    }
}
