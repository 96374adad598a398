//! A company's own look: the logo and the words that its customers meet on the join page and in the panel, and its agents'
//! photos.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// More than that is a large photograph, and join pages are opened on phones.
const MAX_PICTURE: u64 = 128 * 1024;
/// In characters.
const MAX_TEXT: usize = 280;
const LANGUAGES: [&str; 5] = ["en", "pt-BR", "es", "fr", "de"];

/// As it is written in the configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BrandConfig {
    /// A PNG, JPEG, WebP or SVG file.
    pub logo: Option<PathBuf>,
    /// By language: `en`, `pt-BR`, `es`, `fr`, `de`.
    pub texts: BTreeMap<String, Texts>,
}

/// Sentences of the company's own in one language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Texts {
    /// On the join page, under the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join: Option<String>,
    /// In the panel, while the PIN is read out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panel: Option<String>,
}

#[derive(Debug, Default)]
pub struct Brand {
    pub logo: Option<Picture>,
    pub texts: BTreeMap<String, Texts>,
}

#[derive(Debug)]
pub struct Picture {
    pub bytes: Bytes,
    pub content_type: &'static str,
    /// Names this very picture: 16 hexadecimal digits.
    pub name: String,
}

#[derive(Debug, thiserror::Error)]
pub enum BrandError {
    #[error("{0}: {1}")]
    Read(String, std::io::Error),
    #[error("{0} is larger than {max} KiB", max = MAX_PICTURE / 1024)]
    Large(String),
    #[error("{0} is no PNG, JPEG, WebP or plain SVG (without DOCTYPE, in UTF-8)")]
    Kind(String),
    #[error("{0:?} is no language of Lado: write en, pt-BR, es, fr or de")]
    Language(String),
    #[error("the text {0:?} is longer than {MAX_TEXT} characters")]
    Text(String),
}

impl Brand {
    /// What can be shown, and every mistake.
    pub fn load(config: &BrandConfig) -> (Self, Vec<BrandError>) {
        let mut mistakes = Vec::new();
        for (language, texts) in &config.texts {
            if !LANGUAGES.contains(&language.as_str()) {
                mistakes.push(BrandError::Language(language.clone()));
            }
            let long = [&texts.join, &texts.panel].into_iter().flatten().filter(|text| text.chars().count() > MAX_TEXT);
            mistakes.extend(long.map(|text| BrandError::Text(text.chars().take(40).collect::<String>() + "…")));
        }
        let logo =
            config.logo.as_deref().and_then(|path| Picture::read(path).map_err(|error| mistakes.push(error)).ok());
        (Self { logo, texts: config.texts.clone() }, mistakes)
    }
}

impl Picture {
    pub(super) fn read(path: &Path) -> Result<Self, BrandError> {
        let file = || path.display().to_string();
        let failed = |error| BrandError::Read(file(), error);
        if std::fs::metadata(path).map_err(failed)?.len() > MAX_PICTURE {
            return Err(BrandError::Large(file()));
        }
        let bytes = Bytes::from(std::fs::read(path).map_err(failed)?);
        let content_type = sniff(&bytes).ok_or_else(|| BrandError::Kind(file()))?;
        let hash = Sha256::digest(&bytes);
        let name = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { bytes, content_type, name })
    }
}

/// By what is in the file alone: its name says nothing.
fn sniff(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.get(12..16) == Some(b"IHDR") {
        return Some("image/png");
    }
    if bytes.starts_with(b"\xff\xd8\xff") {
        return Some("image/jpeg");
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    is_svg(bytes).then_some("image/svg+xml")
}

/// Whether the first element is `svg`. What a DOCTYPE could declare is not looked into: it is refused.
fn is_svg(bytes: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(bytes) else { return false };
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let end = match rest {
            comment if comment.starts_with("<!--") => "-->",
            declaration if declaration.starts_with("<?xml") => "?>",
            _ => break,
        };
        let Some((_, after)) = rest.split_once(end) else { return false };
        rest = after.trim_start();
    }
    rest.strip_prefix("<svg").is_some_and(|after| after.starts_with([' ', '\t', '\r', '\n', '>', '/']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logo_is_what_its_bytes_say() {
        let png = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &[0; 20]].concat();
        for (bytes, kind) in [
            (png.as_slice(), Some("image/png")),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a logo -->\n<svg viewBox='0 0 1 1'/>", Some("image/svg+xml")),
            (b"<svg>", Some("image/svg+xml")),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", Some("image/jpeg")),
            (b"<svgx>", None),
            (b"<!DOCTYPE svg [<!ENTITY x 'y'>]><svg/>", None),
            (b"<html><svg></svg></html>", None),
            (b"\x89PNG\r\n\x1a\nnothing", None),
            (b"GIF89a", None),
            (b"RIFF\x10\0\0\0WAVE", None),
            (b"<!-- never ends <svg>", None),
            (b"\xff\xfe<\0s\0v\0g\0>\0", None),
            (b"", None),
        ] {
            assert_eq!(sniff(bytes), kind, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn what_cannot_be_shown_is_refused_at_start() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let brand = |texts: &[(&str, &str)]| {
            let text = |(language, join): &(&str, &str)| {
                ((*language).to_owned(), Texts { join: Some((*join).to_owned()), panel: None })
            };
            let texts = texts.iter().map(text).collect();
            let (brand, mut mistakes) = Brand::load(&BrandConfig { logo: Some(file.path().to_owned()), texts });
            mistakes.pop().map_or(Ok(brand), Err)
        };
        std::fs::write(file.path(), "<svg/>".to_owned() + &" ".repeat(200 * 1024)).unwrap();
        assert!(matches!(brand(&[]), Err(BrandError::Large(_))));
        std::fs::write(file.path(), "hello").unwrap();
        assert!(matches!(brand(&[]), Err(BrandError::Kind(_))));
        std::fs::write(file.path(), "<svg/>").unwrap();
        assert_eq!(brand(&[("de", "Willkommen")]).unwrap().logo.unwrap().name.len(), 16);
        assert!(matches!(brand(&[("it", "Ciao")]), Err(BrandError::Language(_))));
        assert!(matches!(brand(&[("en", &"x".repeat(300))]), Err(BrandError::Text(_))));
    }
}
