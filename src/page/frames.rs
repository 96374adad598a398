//! Where the frames of a WebSocket that Lado only passes on begin and end (RFC 6455 §5.2): between two of them a word of
//! Lado's own may stand.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A browser's end of a WebSocket; what is written to it is followed frame by frame.
pub struct Framed<S> {
    stream: S,
    frames: Frames,
}

impl<S> Framed<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, frames: Frames::default() }
    }

    /// The frame that closes the socket with `code`; nothing in the middle of a frame, or after the site has closed.
    pub fn close(&self, code: u16) -> Option<[u8; 4]> {
        let [high, low] = code.to_be_bytes();
        self.frames.is_between().then_some([FIN | CLOSE, 2, high, low])
    }
}

const FIN: u8 = 0x80;
const CLOSE: u8 = 0x8;
const MASKED: u8 = 0x80;

/// Two bytes, eight more of length, four of mask.
const LONGEST_HEAD: usize = 14;

#[derive(Default)]
struct Frames {
    head: [u8; LONGEST_HEAD],
    /// How much of a head has passed.
    known: usize,
    /// How much of a payload is to pass.
    left: u64,
    closed: bool,
}

impl Frames {
    fn pass(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let part = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= part as u64;
                bytes = &bytes[part..];
                continue;
            }
            self.head[self.known] = *first;
            self.known += 1;
            bytes = rest;
            if let Some(length) = self.length() {
                self.closed |= self.head[0] & 0xf == CLOSE;
                (self.known, self.left) = (0, length);
            }
        }
    }

    /// The payload's, once the head is whole.
    fn length(&self) -> Option<u64> {
        let head = self.head.get(..self.known)?;
        let short = head.get(1)? & !MASKED;
        let mask = if head[1] & MASKED == 0 { 0 } else { 4 };
        let more = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let length = head.get(2..2 + more)?;
        if head.len() < 2 + more + mask {
            return None;
        }
        Some(if more == 0 { short.into() } else { length.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)) })
    }

    fn is_between(&self) -> bool {
        self.known == 0 && self.left == 0 && !self.closed
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Framed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Framed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.frames.pass(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(opcode: u8, length: usize, mask: &[u8]) -> Vec<u8> {
        let masked = if mask.is_empty() { 0 } else { MASKED };
        let mut bytes = vec![opcode];
        match length {
            0..=125 => bytes.push(masked | u8::try_from(length).unwrap()),
            126..=0xffff => {
                bytes.push(masked | 126);
                bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                bytes.push(masked | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(mask);
        bytes.extend(std::iter::repeat_n(0x88, length));
        bytes
    }

    #[test]
    fn only_between_two_frames_is_there_room_for_a_word_however_bytes_arrive() {
        for mask in [&[][..], &[1, 2, 3, 4]] {
            for length in [0, 1, 125, 126, 65_535, 65_536] {
                let bytes = frame(0x82, length, mask);
                for step in [1, 7, 4096, bytes.len()] {
                    let mut frames = Frames::default();
                    let mut passed = 0;
                    for piece in bytes.chunks(step) {
                        frames.pass(piece);
                        passed += piece.len();
                        assert_eq!(frames.is_between(), passed == bytes.len(), "{length} in {step}, after {passed}");
                    }
                }
            }
        }
        let mut frames = Frames::default();
        frames.pass(&[frame(0x82, 5, &[]), frame(0x8a, 0, &[])].concat());
        assert!(frames.is_between());
    }

    #[test]
    fn a_site_that_has_closed_has_had_the_last_word() {
        let mut framed = Framed::new(());
        assert_eq!(framed.close(1012), Some([0x88, 2, 3, 0xf4]));
        framed.frames.pass(&frame(0x88, 2, &[]));
        assert_eq!(framed.close(1012), None);
    }
}
