//! Reads an HTTP/1 connection beside hyper and finds what hyper lets through and others read differently.
//!
//! Two readings of one message are how requests are smuggled: whatever may be read in two ways is refused (RFC 9112
//! §2.2, §5.1, §6.3, §11.2). Nothing is copied: a violation is found at the latest at the empty line that ends a head,
//! which hyper has not seen by then.

use memchr::{memchr, memchr2};

/// What is wrong with the bytes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("a line ends without CR")]
    BareLf,
    #[error("a CR or NUL inside a line")]
    Control,
    #[error("a folded header field")]
    Folded,
    #[error("a header field without a clean name")]
    Name,
    #[error("an underscore in the name of a framing header field")]
    Twin,
    #[error("Content-Length beside Transfer-Encoding")]
    LengthAndCoding,
    #[error("more than one Content-Length, or none that is a number")]
    Length,
    #[error("a Transfer-Encoding other than chunked")]
    Coding,
    #[error("Transfer-Encoding on HTTP/1.0")]
    CodingOnOld,
    #[error("chunks that are not framed as they must be")]
    Chunk,
    #[error("a line that does not end")]
    TooLong,
}

/// What the scanner makes of a piece of the connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// Everything may go on to hyper.
    Whole,
    /// A request to upgrade ends here. What follows is the next request or the new protocol's: it must wait until the
    /// response says which.
    Upgrade(usize),
    /// The connection speaks HTTP/2: its frames begin after this many bytes and what is left of the preface.
    Http2 { at: usize, preface: usize },
    /// From here on nothing may be read as a request.
    Refused(usize, Violation),
}

/// hyper's own limits are lower for heads; this one is for trailers and chunk extensions too.
const MAX_LINE: usize = 64 * 1024;
const MAX_CHUNK_LINE: usize = 1024;
/// The line of the HTTP/2 connection preface that looks like a request, and what follows it (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0";
const PREFACE_REST: usize = b"\r\nSM\r\n\r\n".len();

/// Names under which a neighbour that reads `_` as `-` (CGI does) would find framing or routing.
const FRAMING: [&[u8]; 9] = [
    b"content-length",
    b"transfer-encoding",
    b"host",
    b"connection",
    b"upgrade",
    b"te",
    b"trailer",
    b"expect",
    b"keep-alive",
];

#[derive(Debug, Default)]
pub struct Scan {
    state: State,
    head: Head,
    /// A line that has begun in an earlier piece.
    line: Vec<u8>,
    /// A request has been read to the end of its head.
    spoke: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Request line or header fields.
    #[default]
    Head,
    Body(u64),
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailer,
}

#[derive(Debug, Default)]
struct Head {
    begun: bool,
    old: bool,
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
}

impl Scan {
    /// A request's head has begun and is not complete.
    pub fn in_head(&self) -> bool {
        self.state == State::Head && (self.head.begun || !self.line.is_empty())
    }

    pub fn read(&mut self, bytes: &[u8]) -> Read {
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                State::Body(left) | State::ChunkData(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                    at += here;
                    let left = left - here as u64;
                    self.state = match self.state {
                        State::Body(_) if left == 0 => State::Head,
                        State::Body(_) => State::Body(left),
                        _ if left == 0 => State::ChunkEnd,
                        _ => State::ChunkData(left),
                    };
                }
                State::Head | State::ChunkSize | State::ChunkEnd | State::Trailer => {
                    let Some(length) = memchr(b'\n', &bytes[at..]) else {
                        return self.keep(bytes, at);
                    };
                    let end = at + length + 1;
                    let taken = if self.line.is_empty() {
                        self.take(&bytes[at..end])
                    } else {
                        let mut line = std::mem::take(&mut self.line);
                        line.extend_from_slice(&bytes[at..end]);
                        self.take(&line)
                    };
                    match taken {
                        Ok(Next::On) => at = end,
                        Ok(Next::Upgrade) => return Read::Upgrade(end),
                        Ok(Next::Http2) => return Read::Http2 { at: end, preface: PREFACE_REST },
                        Err(violation) => return Read::Refused(at, violation),
                    }
                }
            }
        }
        Read::Whole
    }

    /// The line goes on in the next piece.
    fn keep(&mut self, bytes: &[u8], at: usize) -> Read {
        let most = if self.state == State::Head || self.state == State::Trailer { MAX_LINE } else { MAX_CHUNK_LINE };
        self.line.extend_from_slice(&bytes[at..]);
        if self.line.len() > most { Read::Refused(at, Violation::TooLong) } else { Read::Whole }
    }

    /// One line with its end.
    fn take(&mut self, line: &[u8]) -> Result<Next, Violation> {
        let line = line.strip_suffix(b"\r\n").ok_or(Violation::BareLf)?;
        if memchr2(b'\r', 0, line).is_some() {
            return Err(Violation::Control);
        }
        match self.state {
            State::Head => return self.head_line(line),
            State::ChunkSize => {
                self.state = match chunk_size(line)? {
                    0 => State::Trailer,
                    size => State::ChunkData(size),
                };
            }
            State::ChunkEnd if line.is_empty() => self.state = State::ChunkSize,
            State::ChunkEnd => return Err(Violation::Chunk),
            State::Trailer if line.is_empty() => self.state = State::Head,
            State::Trailer => drop(name(line)?),
            State::Body(_) | State::ChunkData(_) => {}
        }
        Ok(Next::On)
    }

    fn head_line(&mut self, line: &[u8]) -> Result<Next, Violation> {
        if !self.head.begun {
            // Empty lines before a request are allowed (RFC 9112 §2.2).
            if line.is_empty() {
                return Ok(Next::On);
            }
            if line == PREFACE && !self.spoke {
                return Ok(Next::Http2);
            }
            // What follows a CONNECT is nobody's request: it is refused, and nothing more is read.
            self.head.upgrade = line.starts_with(b"CONNECT ");
            self.head.begun = true;
            self.head.old = !line.ends_with(b" HTTP/1.1");
            return Ok(Next::On);
        }
        if line.is_empty() {
            return self.head_end();
        }
        let (name, value) = name(line)?;
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            14 if is(b"content-length") => {
                if self.head.length.is_some() {
                    return Err(Violation::Length);
                }
                self.head.length = Some(length(value)?);
            }
            17 if is(b"transfer-encoding") => {
                if self.head.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Violation::Coding);
                }
                self.head.chunked = true;
            }
            7 if is(b"upgrade") => self.head.upgrade = true,
            _ if is_twin(name) => return Err(Violation::Twin),
            _ => {}
        }
        Ok(Next::On)
    }

    fn head_end(&mut self) -> Result<Next, Violation> {
        let head = std::mem::take(&mut self.head);
        self.spoke = true;
        match (head.chunked, head.length) {
            (true, Some(_)) => return Err(Violation::LengthAndCoding),
            (true, None) if head.old => return Err(Violation::CodingOnOld),
            (true, None) => self.state = State::ChunkSize,
            (false, Some(length)) if length > 0 => self.state = State::Body(length),
            // A body and an upgrade together are no WebSocket: such a request is answered as any other.
            (false, _) if head.upgrade => return Ok(Next::Upgrade),
            (false, _) => {}
        }
        Ok(Next::On)
    }
}

enum Next {
    On,
    Upgrade,
    Http2,
}

/// Name and trimmed value of a header field.
fn name(line: &[u8]) -> Result<(&[u8], &[u8]), Violation> {
    if line[0] == b' ' || line[0] == b'\t' {
        return Err(Violation::Folded);
    }
    let colon = memchr(b':', line).ok_or(Violation::Name)?;
    let name = &line[..colon];
    if name.is_empty() || name.iter().any(|byte| byte.is_ascii_whitespace() || !byte.is_ascii_graphic()) {
        return Err(Violation::Name);
    }
    Ok((name, line[colon + 1..].trim_ascii()))
}

fn length(value: &[u8]) -> Result<u64, Violation> {
    // 18 digits are an exabyte, and cannot overflow.
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Violation::Length);
    }
    Ok(value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// `1*HEXDIG [ chunk-ext ]` (RFC 9112 §7.1), without the space before the extension that some readers allow.
fn chunk_size(line: &[u8]) -> Result<u64, Violation> {
    if line.len() > MAX_CHUNK_LINE {
        return Err(Violation::Chunk);
    }
    let digits = line.iter().position(|byte| *byte == b';').map_or(line, |end| &line[..end]);
    if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Violation::Chunk);
    }
    let digits = str::from_utf8(digits).map_err(|_| Violation::Chunk)?;
    u64::from_str_radix(digits, 16).map_err(|_| Violation::Chunk)
}

/// Whether a name becomes a framing header's when `_` is read as `-`. HTTP/2 asks this too.
pub fn is_twin(name: &[u8]) -> bool {
    // No framing name is longer than Transfer-Encoding.
    name.len() <= 17
        && memchr(b'_', name).is_some()
        && FRAMING.iter().any(|framing| {
            let like = |(own, other): (&u8, &u8)| own.eq_ignore_ascii_case(other) || (*own == b'_' && *other == b'-');
            name.len() == framing.len() && name.iter().zip(*framing).all(like)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scan(text: &str) -> Read {
        Scan::default().read(text.as_bytes())
    }

    fn violation(text: &str) -> Option<Violation> {
        match scan(text) {
            Read::Refused(_, violation) => Some(violation),
            _ => None,
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let get = |fields: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        for (text, expected) in [
            (get("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), Violation::LengthAndCoding),
            (get("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), Violation::LengthAndCoding),
            (get("Content-Length: 3\r\nContent-Length: 3\r\n"), Violation::Length),
            (get("Content-Length: 3, 3\r\n"), Violation::Length),
            (get("Content-Length: +3\r\n"), Violation::Length),
            (get("Content-Length: 0x3\r\n"), Violation::Length),
            (get("Content-Length:\r\n"), Violation::Length),
            (get("Transfer-Encoding: gzip, chunked\r\n"), Violation::Coding),
            (get("Transfer-Encoding: xchunked\r\n"), Violation::Coding),
            (get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), Violation::Coding),
            (get("Transfer-Encoding: \x0bchunked\r\n"), Violation::Coding),
            (get("Transfer_Encoding: chunked\r\n"), Violation::Twin),
            (get("content_length: 3\r\n"), Violation::Twin),
            (get("Content-Length : 3\r\n"), Violation::Name),
            (get(" Content-Length: 3\r\n"), Violation::Folded),
            (get("X: a\r\n\tb\r\n"), Violation::Folded),
            (get("X: a\rb\r\n"), Violation::Control),
            (get("X: a\0b\r\n"), Violation::Control),
            (get("no colon\r\n"), Violation::Name),
            ("GET / HTTP/1.1\nHost: a\n\n".into(), Violation::BareLf),
            ("GET / HTTP/1.1\r\nHost: a\n\r\n".into(), Violation::BareLf),
            ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".into(), Violation::CodingOnOld),
            (get("Transfer-Encoding: chunked\r\n") + "3\nabc\r\n0\r\n\r\n", Violation::BareLf),
            (get("Transfer-Encoding: chunked\r\n") + "3 \r\nabc\r\n0\r\n\r\n", Violation::Chunk),
            (get("Transfer-Encoding: chunked\r\n") + "0x3\r\nabc\r\n0\r\n\r\n", Violation::Chunk),
            (get("Transfer-Encoding: chunked\r\n") + "3\r\nabcd\r\n0\r\n\r\n", Violation::Chunk),
            (get("Transfer-Encoding: chunked\r\n") + "ffffffffffffffff3\r\n", Violation::Chunk),
            (get("Content-Length: 2\r\n") + "abGET / HTTP/1.1\nHost: a\r\n\r\n", Violation::BareLf),
        ] {
            assert_eq!(violation(&text), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn proper_messages_pass_one_after_the_other() {
        let text = "\r\nPOST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\na\nb\ncPOST / HTTP/1.1\r\nHost: a\r\n\
                    Transfer-Encoding: Chunked\r\n\r\n5;x=\"y\"\r\n\n\n\n\n\n\r\n0\r\nDigest: x\r\n\r\nGET / HTTP/1.0\r\nX_Y: 1\r\n\r\n";
        let mut scan = Scan::default();
        assert_eq!(scan.read(text.as_bytes()), Read::Whole);
        assert!(!scan.in_head());
        assert_eq!(scan.read(b"GET /"), Read::Whole);
        assert!(scan.in_head());
    }

    #[test]
    fn what_follows_an_upgrade_waits() {
        let head = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        assert_eq!(scan(&format!("{head}GET /hidden HTTP/1.1\r\n\r\n")), Read::Upgrade(head.len()));
    }

    #[test]
    fn http_2_is_known_by_its_preface_and_only_at_the_beginning() {
        assert_eq!(scan("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Read::Http2 { at: 16, preface: 8 });
        let later = "GET / HTTP/1.1\r\nHost: a\r\n\r\nPRI * HTTP/2.0\r\n\r\n";
        assert_eq!(scan(later), Read::Whole);
    }

    proptest! {
        /// Where the network cuts a message must not change how it is read.
        #[test]
        fn cuts_change_nothing(pieces in prop::collection::vec(piece(), 1..12), cuts in prop::collection::vec(0usize..400, 0..20)) {
            let text = pieces.concat();
            let whole = Scan::default().read(text.as_bytes());
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut scan = Scan::default();
            let mut read = Read::Whole;
            for pair in cuts.windows(2) {
                read = match scan.read(&text.as_bytes()[pair[0]..pair[1]]) {
                    Read::Whole => Read::Whole,
                    Read::Upgrade(at) => Read::Upgrade(pair[0] + at),
                    Read::Http2 { at, preface } => Read::Http2 { at: pair[0] + at, preface },
                    Read::Refused(at, violation) => Read::Refused(pair[0] + at, violation),
                };
                if read != Read::Whole {
                    break;
                }
            }
            match (whole, read) {
                // The line of the violation may have begun before the cut: then the refusal begins at the cut.
                (Read::Refused(at, one), Read::Refused(cut, other)) => {
                    prop_assert_eq!(one, other);
                    prop_assert!(at <= cut);
                }
                (one, other) => prop_assert_eq!(one, other),
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            Scan::default().read(&bytes);
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        prop::sample::select(vec![
            "GET / HTTP/1.1\r\n",
            "POST /x HTTP/1.0\r\n",
            "Host: a\r\n",
            "Content-Length: 4\r\n",
            "abcd",
            "\r\n",
            "\n",
            "\r",
            "Transfer-Encoding: chunked\r\n",
            "4\r\nabcd\r\n",
            "0\r\n\r\n",
            "Upgrade: x\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "X: y\r\n",
            " folded\r\n",
            "content_length: 1\r\n",
            "\0",
        ])
        .prop_map(str::to_owned)
    }
}
