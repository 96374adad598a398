//! Reads a `Set-Cookie` value as browsers do (RFC 6265bis §5.6), dates included.

use std::time::{Duration, SystemTime};

use super::SameSite;

pub(super) struct SetCookie {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// Lower case, without a leading dot.
    pub(super) domain: Option<String>,
    /// Only where the attribute names an absolute path.
    pub(super) path: Option<String>,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) same_site: SameSite,
    max_age: Option<i64>,
    expires: Option<SystemTime>,
}

/// RFC 6265bis §5.6: name and value together, and each attribute's value.
const MAX_PAIR: usize = 4096;
const MAX_ATTRIBUTE: usize = 1024;

impl SetCookie {
    /// `None` for what a browser ignores as a whole.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        if text.iter().any(|&b| matches!(b, 0..=8 | 10..=31 | 127)) {
            return None;
        }
        let mut parts = text.split(|&b| b == b';');
        let pair = parts.next().unwrap_or_default();
        let (name, value) = match pair.iter().position(|&b| b == b'=') {
            Some(at) => (trim(&pair[..at]), trim(&pair[at + 1..])),
            None => (&b""[..], trim(pair)),
        };
        if name.is_empty() && value.is_empty() || name.len() + value.len() > MAX_PAIR {
            return None;
        }
        let mut cookie = Self {
            name: name.to_vec(),
            value: value.to_vec(),
            domain: None,
            path: None,
            secure: false,
            http_only: false,
            same_site: SameSite::Unset,
            max_age: None,
            expires: None,
        };
        for part in parts {
            let (name, value) = match part.iter().position(|&b| b == b'=') {
                Some(at) => (trim(&part[..at]), trim(&part[at + 1..])),
                None => (trim(part), &b""[..]),
            };
            if value.len() <= MAX_ATTRIBUTE {
                cookie.attribute(&name.to_ascii_lowercase(), &String::from_utf8_lossy(value));
            }
        }
        Some(cookie)
    }

    /// What the prefixes `__Host-` and `__Secure-` are looked for in: a nameless cookie shows its value where its name
    /// would stand.
    pub(super) fn identity(&self) -> &[u8] {
        if self.name.is_empty() { &self.value } else { &self.name }
    }

    /// When the cookie ends: Max-Age before Expires, at most `longest` from now. `None`: with the session.
    pub(super) fn expiry(&self, now: SystemTime, longest: Duration) -> Option<SystemTime> {
        let latest = now + longest;
        match self.max_age {
            Some(seconds) if seconds <= 0 => Some(SystemTime::UNIX_EPOCH),
            Some(seconds) => {
                let age = Duration::from_secs(seconds.unsigned_abs());
                Some(now.checked_add(age).map_or(latest, |at| at.min(latest)))
            }
            None => self.expires.map(|at| at.min(latest)),
        }
    }

    fn attribute(&mut self, name: &[u8], value: &str) {
        match name {
            b"domain" => self.domain = Some(value.strip_prefix('.').unwrap_or(value).to_ascii_lowercase()),
            b"path" => self.path = value.starts_with('/').then(|| value.to_owned()),
            b"secure" => self.secure = true,
            b"httponly" => self.http_only = true,
            b"expires" => self.expires = date(value).or(self.expires),
            b"max-age" => {
                let digits = value.strip_prefix('-').unwrap_or(value);
                if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
                    // More digits than fit mean forever, or long ago.
                    self.max_age = Some(value.parse().unwrap_or(if value.starts_with('-') { -1 } else { i64::MAX }));
                }
            }
            b"samesite" => {
                self.same_site = match value.to_ascii_lowercase().as_str() {
                    "strict" => SameSite::Strict,
                    "lax" => SameSite::Lax,
                    "none" => SameSite::None,
                    _ => SameSite::Unset,
                }
            }
            _ => {}
        }
    }
}

pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let start = bytes.iter().position(|b| !blank(b)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|b| !blank(b)).map_or(start, |at| at + 1);
    &bytes[start..end]
}

/// RFC 6265 §5.1.1: forgiving about order and separators, strict about ranges.
fn date(text: &str) -> Option<SystemTime> {
    let delimiter = |c: char| matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~');
    let (mut clock, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(delimiter).filter(|token| !token.is_empty()) {
        if clock.is_none()
            && let Some(found) = time_of_day(token)
        {
            clock = Some(found);
        } else if day.is_none()
            && let Some(found) = number(token, 1, 2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_of(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = number(token, 2, 4)
        {
            year = Some(found);
        }
    }
    let (hour, minute, second) = clock?;
    let year = match year? {
        short @ 70..=99 => short + 1900,
        short @ 0..=69 => short + 2000,
        old @ ..=1600 => return (old > 1600).then_some(SystemTime::UNIX_EPOCH),
        year => year,
    };
    let day = u8::try_from(day?).ok()?;
    let date = time::Date::from_calendar_date(i32::try_from(year).ok()?, month?, day).ok()?;
    let clock = time::Time::from_hms(hour, minute, second).ok()?;
    Some(time::PrimitiveDateTime::new(date, clock).assume_utc().into())
}

fn time_of_day(token: &str) -> Option<(u8, u8, u8)> {
    let mut parts = token.splitn(3, ':');
    let mut next = || number(parts.next()?, 1, 2).and_then(|n| u8::try_from(n).ok());
    Some((next()?, next()?, next()?))
}

/// The number that a token starts with, when it has `least` to `most` digits and then something else or nothing.
fn number(token: &str, least: usize, most: usize) -> Option<u32> {
    let digits = token.bytes().take_while(u8::is_ascii_digit).count();
    (least..=most).contains(&digits).then(|| token[..digits].parse().ok())?
}

fn month_of(token: &str) -> Option<time::Month> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = token.get(..3)?.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| *month == start)?;
    time::Month::try_from(u8::try_from(at + 1).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<u64> {
        date(text).map(|at| at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
    }

    #[test]
    fn dates_of_all_the_usual_spellings_are_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "06 nov 1994 08:49:37",
            "1994 November 6, 8:49:37",
        ] {
            assert_eq!(seconds(text), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn impossible_dates_are_ignored() {
        for text in ["", "0", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "06 Nov 08:49:37"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn control_characters_and_giants_are_refused() {
        assert!(SetCookie::parse(b"a=b\x00c").is_none());
        assert!(SetCookie::parse(b"a=b\nSet-Cookie: c").is_none());
        assert!(SetCookie::parse(format!("a={}", "x".repeat(4096)).as_bytes()).is_none());
        assert!(SetCookie::parse(format!("a={}", "x".repeat(4095)).as_bytes()).is_some());
        assert!(SetCookie::parse(b" = ; Path=/").is_none());
    }
}
