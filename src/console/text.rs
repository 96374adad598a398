//! Addresses and times, as people write and read them.

use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

/// An address as people write it.
pub(super) fn address(text: &str) -> Option<Url> {
    let text = text.trim();
    if text.is_empty() || text.len() > 4096 || text.contains(char::is_whitespace) {
        return None;
    }
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("https://{text}")) }.ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    (plain && matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// An address as people read it.
pub(super) fn shown(url: &Url) -> String {
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if bare { url.as_str().trim_end_matches('/').to_owned() } else { url.as_str().to_owned() }
}

pub(super) fn rfc3339(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, url) in [
            ("https://www.shop.com/cart", "https://www.shop.com/cart"),
            (" www.shop.com ", "https://www.shop.com/"),
            ("shop.com:8443/x", "https://shop.com:8443/x"),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4000/"),
        ] {
            assert_eq!(address(text).unwrap().as_str(), url);
        }
        for text in ["", "  ", "ftp://x.com", "javascript:alert(1)", "https://u:p@shop.com", "two words", "https://"] {
            assert_eq!(address(text), None, "{text}");
        }
        assert_eq!(shown(&Url::parse("https://shop.com/").unwrap()), "https://shop.com");
        assert_eq!(shown(&Url::parse("https://shop.com/a/").unwrap()), "https://shop.com/a/");
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00Z");
    }
}
