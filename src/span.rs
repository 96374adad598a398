//! Lengths of time as people write them in the configuration: `90s`, `30m`, `24h`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a length of time: write 90s, 30m or 24h")]
pub struct SpanError(String);

impl Span {
    /// # Errors
    /// [`SpanError`] unless `text` is a whole number followed by ms, s, m, h or d, and at most 366 days.
    pub fn parse(text: &str) -> Result<Self, SpanError> {
        let error = || SpanError(text.to_owned());
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| error())?;
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(error()),
        };
        let total = number.checked_mul(milliseconds).filter(|ms| *ms <= 366 * 86_400_000).ok_or_else(error)?;
        Ok(Self(Duration::from_millis(total)))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        match ms {
            _ if !ms.is_multiple_of(1_000) => write!(f, "{ms}ms"),
            _ if !ms.is_multiple_of(60_000) => write!(f, "{}s", ms / 1_000),
            _ if !ms.is_multiple_of(3_600_000) => write!(f, "{}m", ms / 60_000),
            _ => write!(f, "{}h", ms / 3_600_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("24h", 86400), ("1d", 86400), ("0s", 0)] {
            assert_eq!(Span::parse(text), Ok(Span(Duration::from_secs(seconds))));
        }
        assert_eq!(Span::parse("24h").unwrap().to_string(), "24h");
        for text in ["", "10", "h", "1.5h", "-1s", "1 h", "99999999999999999999s", "400d"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
    }
}
