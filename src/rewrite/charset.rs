//! Which encoding a document is in, and UTF-8 out of the ones that cannot be rewritten as they are.

use encoding_rs::{CoderResult, Decoder, Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The encoding that a `Content-Type` names.
pub fn of_content_type(value: &str) -> Option<&'static Encoding> {
    let (_, parameters) = value.split_once(';')?;
    let charset = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })?;
    Encoding::for_label(charset.as_bytes())
}

/// How the bytes of a document come to the rewriter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// As they are, in this encoding.
    Certain(&'static Encoding),
    /// As they are, in this encoding unless a meta element says otherwise.
    Guessed(&'static Encoding),
    /// Transcoded to UTF-8, which a byte order mark tells the browser.
    Transcoded(&'static Encoding),
    /// In an encoding that browsers refuse to decode; nothing to rewrite.
    Opaque,
}

/// UTF-8's byte order mark goes before header and meta in every browser.
pub const BOM: &[u8] = b"\xEF\xBB\xBF";

impl Charset {
    /// By byte order mark, then by header (HTML standard §13.2.3.2). `None`: more bytes are needed to tell.
    pub fn sniff(start: &[u8], header: Option<&'static Encoding>, last: bool) -> Option<Self> {
        let undecided = matches!(start, [] | [0xEF] | [0xEF, 0xBB] | [0xFE] | [0xFF]);
        Some(match start {
            [0xEF, 0xBB, 0xBF, ..] => Self::Certain(UTF_8),
            [0xFE, 0xFF, ..] => Self::Transcoded(UTF_16BE),
            [0xFF, 0xFE, ..] => Self::Transcoded(UTF_16LE),
            _ if undecided && !last => return None,
            _ => match header {
                Some(encoding) if encoding.is_ascii_compatible() => Self::Certain(encoding),
                Some(encoding) if encoding == encoding_rs::REPLACEMENT => Self::Opaque,
                Some(encoding) => Self::Transcoded(encoding),
                // Every byte has a character in windows-1252, and the way back: what is not declared passes unharmed.
                None => Self::Guessed(WINDOWS_1252),
            },
        })
    }
}

/// UTF-8 out of the pieces of a document in another encoding.
pub struct Transcoder {
    decoder: Decoder,
}

impl Transcoder {
    pub fn new(encoding: &'static Encoding) -> Self {
        Self { decoder: encoding.new_decoder_with_bom_removal() }
    }

    pub fn write(&mut self, mut chunk: &[u8], last: bool, out: &mut Vec<u8>) {
        let mut text = String::with_capacity(chunk.len() * 2 + 16);
        loop {
            let (result, read, _) = self.decoder.decode_to_string(chunk, &mut text, last);
            chunk = &chunk[read..];
            match result {
                CoderResult::InputEmpty => break,
                CoderResult::OutputFull => text.reserve(chunk.len() * 2 + 16),
            }
        }
        out.extend_from_slice(text.as_bytes());
    }
}

/// Looks for `<meta charset=iso-2022-jp>` in a document whose encoding is only guessed: its double bytes look like
/// markup, so everything behind that tag has to be transcoded.
#[derive(Default)]
pub struct MetaScan {
    seen: Vec<u8>,
    done: bool,
}

/// Browsers look for a meta declaration in the first 1,024 bytes; ours and a long licence comment may come first.
const MAX_SCAN: usize = 4096;

impl MetaScan {
    /// How much of `chunk` comes before the end of such a tag; `None` while there was none.
    pub fn find(&mut self, chunk: &[u8]) -> Option<usize> {
        if self.done {
            return None;
        }
        let before = self.seen.len();
        self.seen.extend_from_slice(&chunk[..chunk.len().min(MAX_SCAN - before)]);
        let found = tag_end(&self.seen);
        if found.is_some() || self.seen.len() >= MAX_SCAN {
            self.done = true;
            self.seen = Vec::new();
        }
        // Found in an earlier piece means it was reported then.
        found.map(|end| end - before)
    }
}

fn tag_end(seen: &[u8]) -> Option<usize> {
    // A quick look first: hardly any page names the encoding at all.
    memchr::memmem::find(seen, b"2022")?;
    let lower = seen.to_ascii_lowercase();
    let mut from = 0;
    while let Some(start) = memchr::memmem::find(&lower[from..], b"<meta") {
        let start = from + start;
        let end = start + memchr::memchr(b'>', &lower[start..])? + 1;
        let tag = &lower[start..end];
        if let Some(at) = memchr::memmem::find(tag, b"charset") {
            let value = tag[at + 7..].trim_ascii_start();
            if let Some(value) = value.strip_prefix(b"=") {
                let value = value.trim_ascii_start();
                let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
                let length = value.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')).count();
                return (Encoding::for_label(&value[..length]) == Some(ISO_2022_JP)).then_some(end);
            }
        }
        from = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_goes_before_the_header() {
        let header = Some(encoding_rs::SHIFT_JIS);
        assert_eq!(Charset::sniff(b"\xEF\xBB\xBF<p>", header, false), Some(Charset::Certain(UTF_8)));
        assert_eq!(Charset::sniff(b"\xFF\xFE<\0", header, false), Some(Charset::Transcoded(UTF_16LE)));
        assert_eq!(Charset::sniff(b"<p>", header, false), Some(Charset::Certain(encoding_rs::SHIFT_JIS)));
        assert_eq!(Charset::sniff(b"<p>", None, false), Some(Charset::Guessed(WINDOWS_1252)));
        assert_eq!(Charset::sniff(b"\xEF\xBB", None, false), None);
        assert_eq!(Charset::sniff(b"\xEF\xBB", None, true), Some(Charset::Guessed(WINDOWS_1252)));
    }

    #[test]
    fn content_types_name_encodings() {
        assert_eq!(of_content_type("text/html; charset=utf-8"), Some(UTF_8));
        assert_eq!(of_content_type("text/html; a=b; CharSet=\"shift_jis\""), Some(encoding_rs::SHIFT_JIS));
        assert_eq!(of_content_type("text/html"), None);
        assert_eq!(of_content_type("text/html; charset=nonsense"), None);
    }

    #[test]
    fn only_a_meta_element_makes_a_page_japanese() {
        let mut scan = MetaScan::default();
        assert_eq!(scan.find(b"<p>2022</p><meta name=a>"), None);
        assert_eq!(scan.find(b"<META charset='ISO-20"), None);
        assert_eq!(scan.find(b"22-JP'>rest"), Some(7));
        assert_eq!(scan.find(b"<meta charset=iso-2022-jp>"), None);
    }
}
