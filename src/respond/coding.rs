//! Content codings: undoes what a site has compressed and compresses what a browser takes, chunk by chunk.

use std::io;

use async_compression::Level;
use async_compression::codecs::brotli::params::EncoderParams as BrotliParams;
use async_compression::codecs::{
    BrotliDecoder, BrotliEncoder, DecodeV2, DeflateDecoder, EncodeV2, GzipDecoder, GzipEncoder, ZlibDecoder,
    ZlibEncoder, ZstdDecoder, ZstdEncoder, flate::params::FlateEncoderParams, zstd::params::DParameter,
};
use async_compression::core::util::{PartialBuffer, WriteBuffer};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// The coding of a response; `None` for one (or a stack of several) that Lado does not undo.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut found = Self::Identity;
        for value in headers.get_all(CONTENT_ENCODING) {
            for token in value.to_str().ok()?.split(',') {
                let coding = Self::parse(token.trim())?;
                match (found, coding) {
                    (_, Self::Identity) => {}
                    (Self::Identity, coding) => found = coding,
                    _ => return None,
                }
            }
        }
        Some(found)
    }

    /// The cheapest good coding that a browser takes: zstd 1 and gzip 1 cost a quarter of the rewriting, brotli 4 more
    /// than all of it.
    pub fn for_browser(headers: &HeaderMap) -> Self {
        let mut taken = Vec::new();
        for value in headers.get_all(ACCEPT_ENCODING) {
            for token in value.to_str().unwrap_or("").split(',') {
                let (name, quality) = token.split_once(';').unwrap_or((token, ""));
                let refused = quality.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0);
                if let Some(coding) = Self::parse(name.trim()).filter(|_| !refused) {
                    taken.push(coding);
                }
            }
        }
        let best = [Self::Zstd, Self::Gzip, Self::Brotli].into_iter().find(|coding| taken.contains(coding));
        best.unwrap_or(Self::Identity)
    }

    fn parse(token: &str) -> Option<Self> {
        Some(match token.to_ascii_lowercase().as_str() {
            "" | "identity" => Self::Identity,
            "gzip" | "x-gzip" => Self::Gzip,
            "deflate" => Self::Deflate,
            "br" => Self::Brotli,
            "zstd" => Self::Zstd,
            _ => return None,
        })
    }

    /// The value of Content-Encoding; `None` for identity.
    pub fn token(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Deflate => Some("deflate"),
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// Output is made in steps of this size, so that a bomb never unpacks further than it is read.
const STEP: usize = 32 * 1024;

/// Undoes one content coding.
pub struct Decoder {
    codec: Undo,
    /// The stream is at its end: browsers ignore what follows.
    done: bool,
    started: bool,
}

enum Undo {
    Identity,
    /// Whether "deflate" means zlib (RFC 9110 §8.4.1.2) or bare deflate, as some sites send, shows in the first byte.
    Unsure,
    Codec(Box<dyn DecodeV2 + Send>),
}

impl Decoder {
    pub fn new(coding: Coding) -> Self {
        let codec: Undo = match coding {
            Coding::Identity => Undo::Identity,
            Coding::Gzip => Undo::Codec(Box::new(GzipDecoder::new())),
            Coding::Deflate => Undo::Unsure,
            Coding::Brotli => Undo::Codec(Box::new(BrotliDecoder::new())),
            // RFC 9659: 8 MiB windows are the most that browsers take.
            Coding::Zstd => Undo::Codec(Box::new(ZstdDecoder::new_with_params(&[DParameter::window_log_max(23)]))),
        };
        Self { codec, done: false, started: false }
    }

    /// Decodes from the front of `input` until it is empty or about [`STEP`] bytes have come out; returns how many bytes
    /// of `input` are used up.
    ///
    /// # Errors
    /// When `input` is not what the coding says.
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<usize> {
        self.started |= !input.is_empty();
        if self.done {
            return Ok(input.len());
        }
        if let (Undo::Unsure, Some(first)) = (&self.codec, input.first()) {
            let zlib = first & 0x0f == 8 && first >> 4 <= 7;
            self.codec = Undo::Codec(if zlib { Box::new(ZlibDecoder::new()) } else { Box::new(DeflateDecoder::new()) });
        }
        let Undo::Codec(codec) = &mut self.codec else {
            out.extend_from_slice(input);
            return Ok(input.len());
        };
        let before = out.len();
        out.resize(before + STEP, 0);
        let mut from = PartialBuffer::new(input);
        let mut to = WriteBuffer::new_initialized(&mut out[before..]);
        let result = run(codec.as_mut(), &mut from, &mut to);
        let (used, made) = (from.written_len(), to.written_len());
        out.truncate(before + made);
        if result? {
            self.done = true;
            return Ok(input.len());
        }
        Ok(used)
    }

    /// Whether more may come out without any further input.
    pub fn is_full(&self, made: usize) -> bool {
        made >= STEP && !self.done && matches!(self.codec, Undo::Codec(_))
    }

    /// # Errors
    /// When the body stopped in the middle.
    pub fn end(&self) -> io::Result<()> {
        // A body of no bytes at all is what sites send with HEAD-like answers: browsers take it for empty.
        if self.done || !self.started || !matches!(self.codec, Undo::Codec(_)) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the compressed body is cut off"))
    }
}

/// Runs the codec until it needs more input, its output is full, or its stream is at its end.
fn run(codec: &mut dyn DecodeV2, from: &mut PartialBuffer<&[u8]>, to: &mut WriteBuffer<'_>) -> io::Result<bool> {
    loop {
        // At least once: with all input in, the codec may still have to notice that its stream is at its end. Some take
        // it for a mistake to be asked without input when nothing is left; a damaged stream never gets to its end.
        let asked = from.unwritten().is_empty();
        match codec.decode(from, to) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(_) if asked => {}
            Err(error) => return Err(error),
        }
        if from.unwritten().is_empty() || to.has_no_spare_space() {
            break;
        }
    }
    // What has arrived must leave: codecs hold decoded bytes back until they are asked.
    while !to.has_no_spare_space() {
        if codec.flush(to)? {
            break;
        }
    }
    Ok(false)
}

/// Applies one content coding, with everything out after each chunk.
pub struct Encoder(Option<Box<dyn EncodeV2 + Send>>);

impl Encoder {
    pub fn new(coding: Coding) -> Self {
        let fast = FlateEncoderParams::from(Level::Fastest);
        Self(match coding {
            Coding::Identity => None,
            Coding::Gzip => Some(Box::new(GzipEncoder::new(fast))),
            Coding::Deflate => Some(Box::new(ZlibEncoder::new(fast))),
            Coding::Brotli => {
                let params = BrotliParams::default().quality(Level::Precise(3)).window_size(18).text_mode();
                Some(Box::new(BrotliEncoder::new(params)))
            }
            Coding::Zstd => Some(Box::new(ZstdEncoder::new(1))),
        })
    }

    /// Encodes `input` and flushes, so that the browser can show all of it.
    ///
    /// # Errors
    /// When the codec fails; none does with memory at hand.
    pub fn encode(&mut self, input: Vec<u8>, out: &mut Vec<u8>) -> io::Result<()> {
        let Some(codec) = &mut self.0 else {
            if out.is_empty() {
                *out = input;
            } else {
                out.extend_from_slice(&input);
            }
            return Ok(());
        };
        let mut from = PartialBuffer::new(input.as_slice());
        while !from.unwritten().is_empty() {
            step(out, |to| codec.encode(&mut from, to).map(|()| true))?;
        }
        while !step(out, |to| codec.flush(to))? {}
        Ok(())
    }

    /// # Errors
    /// When the codec fails.
    pub fn end(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let Some(codec) = &mut self.0 else { return Ok(()) };
        while !step(out, |to| codec.finish(to))? {}
        Ok(())
    }
}

fn step(out: &mut Vec<u8>, make: impl FnOnce(&mut WriteBuffer<'_>) -> io::Result<bool>) -> io::Result<bool> {
    const ROOM: usize = 8 * 1024;
    let before = out.len();
    out.resize(before + ROOM, 0);
    let mut to = WriteBuffer::new_initialized(&mut out[before..]);
    let result = make(&mut to);
    let made = to.written_len();
    out.truncate(before + made);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODINGS: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

    fn encoded(coding: Coding, chunks: &[&[u8]]) -> Vec<u8> {
        let mut encoder = Encoder::new(coding);
        let mut out = Vec::new();
        for chunk in chunks {
            encoder.encode(chunk.to_vec(), &mut out).unwrap();
        }
        encoder.end(&mut out).unwrap();
        out
    }

    fn decode_all(decoder: &mut Decoder, mut input: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        loop {
            let before = out.len();
            let used = decoder.decode(input, &mut out)?;
            input = &input[used..];
            if input.is_empty() && !decoder.is_full(out.len() - before) {
                return Ok(out);
            }
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let long: Vec<u8> = (0..300_000u32).flat_map(|n| n.to_string().into_bytes()).collect();
        for coding in CODINGS {
            let bytes = encoded(coding, &[b"first ", &long, b""]);
            let mut decoder = Decoder::new(coding);
            let text = decode_all(&mut decoder, &bytes).unwrap();
            assert!(text == [b"first ", &long[..]].concat(), "{coding:?}");
            decoder.end().unwrap();
            for piece in [1, 7] {
                let mut decoder = Decoder::new(coding);
                let mut text = Vec::new();
                for piece in bytes.chunks(piece).take(5000) {
                    text.extend(decode_all(&mut decoder, piece).unwrap());
                }
                assert!(long.starts_with(&text[6..]), "{coding:?}");
            }
        }
    }

    #[test]
    fn each_chunk_comes_out_before_the_next_goes_in() {
        for coding in CODINGS {
            let (mut encoder, mut decoder) = (Encoder::new(coding), Decoder::new(coding));
            for text in ["<p>one", "<p>two", "<p>three"] {
                let mut wire = Vec::new();
                encoder.encode(text.into(), &mut wire).unwrap();
                assert_eq!(decode_all(&mut decoder, &wire).unwrap(), text.as_bytes(), "{coding:?}");
            }
        }
    }

    /// Servers read files in pieces of 64 KiB and flush each: nothing is left over when the output is just full.
    #[test]
    fn pieces_that_fill_the_output_to_the_last_byte_are_decoded() {
        for coding in CODINGS {
            for size in [STEP - 1, STEP, 2 * STEP, 2 * STEP + 1] {
                let piece: Vec<u8> = (0..size).map(|n| u8::try_from(n * n % 251).unwrap()).collect();
                let (mut encoder, mut decoder) = (Encoder::new(coding), Decoder::new(coding));
                for _ in 0..3 {
                    let mut wire = Vec::new();
                    encoder.encode(piece.clone(), &mut wire).unwrap();
                    assert!(decode_all(&mut decoder, &wire).unwrap() == piece, "{coding:?} {size}");
                }
                let mut wire = Vec::new();
                encoder.end(&mut wire).unwrap();
                assert!(decode_all(&mut decoder, &wire).unwrap().is_empty(), "{coding:?} {size}");
                decoder.end().unwrap();
            }
        }
    }

    #[test]
    fn a_cut_or_damaged_body_is_an_error() {
        for coding in CODINGS {
            let bytes = encoded(coding, &[b"some text that is long enough to be cut in two"]);
            let mut decoder = Decoder::new(coding);
            let _ = decode_all(&mut decoder, &bytes[..bytes.len() / 2]).unwrap();
            assert!(decoder.end().is_err(), "{coding:?}");
            assert!(decode_all(&mut Decoder::new(coding), b"this was never compressed at all, not one byte").is_err());
        }
        assert!(Decoder::new(Coding::Gzip).end().is_ok());
    }

    #[test]
    fn deflate_is_read_with_and_without_its_zlib_head() {
        use async_compression::codecs::DeflateEncoder;
        let text = b"deflate, deflate, deflate";
        let codecs: [Box<dyn EncodeV2 + Send>; 2] = [
            Box::new(ZlibEncoder::new(FlateEncoderParams::from(Level::Default))),
            Box::new(DeflateEncoder::new(FlateEncoderParams::from(Level::Default))),
        ];
        for codec in codecs {
            let mut encoder = Encoder(Some(codec));
            let mut wire = Vec::new();
            encoder.encode(text.to_vec(), &mut wire).unwrap();
            encoder.end(&mut wire).unwrap();
            assert_eq!(decode_all(&mut Decoder::new(Coding::Deflate), &wire).unwrap(), text);
        }
    }

    #[test]
    fn codings_are_read_from_headers() {
        let headers = |name, value: &str| HeaderMap::from_iter([(name, value.parse().unwrap())]);
        assert_eq!(Coding::of(&headers(CONTENT_ENCODING, "br")), Some(Coding::Brotli));
        assert_eq!(Coding::of(&headers(CONTENT_ENCODING, "GZip")), Some(Coding::Gzip));
        assert_eq!(Coding::of(&headers(CONTENT_ENCODING, "gzip, br")), None);
        assert_eq!(Coding::of(&headers(CONTENT_ENCODING, "compress")), None);
        assert_eq!(Coding::of(&HeaderMap::new()), Some(Coding::Identity));
        assert_eq!(Coding::for_browser(&headers(ACCEPT_ENCODING, "gzip, deflate, br, zstd")), Coding::Zstd);
        assert_eq!(Coding::for_browser(&headers(ACCEPT_ENCODING, "gzip, deflate, br;q=1, zstd;q=0")), Coding::Gzip);
        assert_eq!(Coding::for_browser(&headers(ACCEPT_ENCODING, "br")), Coding::Brotli);
        assert_eq!(Coding::for_browser(&HeaderMap::new()), Coding::Identity);
    }
}
