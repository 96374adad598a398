//! What browsers take a document for that came without a content type (MIME Sniffing standard §7.1).

/// Bytes that decide at most.
pub const ENOUGH: usize = 1445;

/// Patterns of HTML, each followed by a space or `>`.
const TAGS: [&str; 17] = [
    "<!DOCTYPE HTML",
    "<HTML",
    "<HEAD",
    "<SCRIPT",
    "<IFRAME",
    "<H1",
    "<DIV",
    "<FONT",
    "<TABLE",
    "<A",
    "<STYLE",
    "<TITLE",
    "<B",
    "<BODY",
    "<BR",
    "<P",
    "<!--",
];

/// The content type of a document whose own says nothing; `None` where a browser does not make a page of it.
pub fn document(start: &[u8]) -> Option<&'static str> {
    let body = start.trim_ascii_start();
    let is = |pattern: &&str| {
        let starts = body.get(..pattern.len()).is_some_and(|head| head.eq_ignore_ascii_case(pattern.as_bytes()));
        starts && (*pattern == "<!--" || matches!(body.get(pattern.len()), Some(b' ' | b'>')))
    };
    if TAGS.iter().any(is) {
        return Some("text/html");
    }
    [(&b"<?xml"[..], "text/xml"), (b"%PDF-", "application/pdf")]
        .into_iter()
        .find_map(|(pattern, kind)| (body.starts_with(pattern)).then_some(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_without_a_content_type_are_told_from_other_files() {
        for (start, kind) in [
            ("<!doctype html><p>x", Some("text/html")),
            ("\r\n\t <HTML lang=en>", Some("text/html")),
            ("<!-- a page --><p>", Some("text/html")),
            ("<body class=x>", Some("text/html")),
            ("<a href=/>", Some("text/html")),
            ("<abbr>", None),
            ("<p", None),
            ("<?xml version='1.0'?>", Some("text/xml")),
            ("%PDF-1.7", Some("application/pdf")),
            ("just a text with <p> in it", None),
            ("", None),
        ] {
            assert_eq!(document(start.as_bytes()), kind, "{start:?}");
        }
    }
}
