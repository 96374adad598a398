//! A body that is decoded, rewritten and encoded as it streams by: what came in leaves before the next chunk is asked for.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};

use super::coding::{Decoder, Encoder};
use super::{Body, BodyError, Coding};

/// Rewrites a stream of bytes.
pub trait Transform: Send {
    /// Takes the next piece and appends what can leave.
    ///
    /// # Errors
    /// When the stream cannot go on.
    fn write(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError>;

    /// The input is at its end: appends what is left.
    ///
    /// # Errors
    /// When the stream cannot end so.
    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError>;
}

/// How far a body may unpack before it counts as a bomb.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Decoded bytes in all.
    pub bytes: u64,
    /// Decoded bytes for each encoded one, once more than a few megabytes have come out.
    pub ratio: u64,
}

/// Below this a high ratio is a boring page, not a bomb.
const HARMLESS: u64 = 8 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("upstream sent a body that is not what its Content-Encoding says: {0}")]
    Coding(std::io::Error),
    #[error("upstream sent a body that unpacks to more than {0} bytes")]
    TooLarge(u64),
    #[error("upstream sent a body that unpacks to more than {0} times its size")]
    Bomb(u64),
}

/// A site's body on its way through a [`Transform`].
pub struct Rewritten<T> {
    body: Body,
    decoder: Decoder,
    transform: T,
    encoder: Encoder,
    limits: Limits,
    /// What has arrived and is not decoded yet.
    arrived: Bytes,
    /// The decoder stopped because its output was full.
    full: bool,
    came: u64,
    made: u64,
    state: State,
    /// Kept between chunks, so that most need no allocation.
    decoded: Vec<u8>,
}

#[derive(PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Failed,
}

impl<T: Transform> Rewritten<T> {
    pub fn new(body: Body, from: Coding, transform: T, to: Coding, limits: Limits) -> Self {
        Self {
            body,
            decoder: Decoder::new(from),
            transform,
            encoder: Encoder::new(to),
            limits,
            arrived: Bytes::new(),
            full: false,
            came: 0,
            made: 0,
            state: State::Open,
            decoded: Vec::new(),
        }
    }

    /// Brings the arrived bytes one step further; `None` when the step produced nothing.
    fn advance(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.decoded.clear();
        let used = self.decoder.decode(&self.arrived, &mut self.decoded).map_err(StreamError::Coding)?;
        let _ = self.arrived.split_to(used);
        self.full = self.decoder.is_full(self.decoded.len());
        self.made += self.decoded.len() as u64;
        self.check_size()?;
        if self.decoded.is_empty() {
            return Ok(None);
        }
        let mut plain = Vec::with_capacity(self.decoded.len() + self.decoded.len() / 8);
        self.transform.write(&self.decoded, &mut plain)?;
        self.leave(plain)
    }

    fn check_size(&self) -> Result<(), StreamError> {
        if self.made > self.limits.bytes {
            return Err(StreamError::TooLarge(self.limits.bytes));
        }
        if self.made > HARMLESS && self.made / self.came.max(1) > self.limits.ratio {
            return Err(StreamError::Bomb(self.limits.ratio));
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.decoder.end().map_err(StreamError::Coding)?;
        let mut plain = Vec::new();
        self.transform.end(&mut plain)?;
        let mut out = Vec::new();
        if !plain.is_empty() {
            self.encoder.encode(plain, &mut out)?;
        }
        self.encoder.end(&mut out)?;
        Ok((!out.is_empty()).then(|| out.into()))
    }

    fn leave(&mut self, plain: Vec<u8>) -> Result<Option<Bytes>, BodyError> {
        if plain.is_empty() {
            return Ok(None);
        }
        let mut out = Vec::new();
        self.encoder.encode(plain, &mut out)?;
        Ok((!out.is_empty()).then(|| out.into()))
    }

    fn fail(&mut self, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        tracing::warn!(cause = %error, "a rewritten body broke off");
        self.state = State::Failed;
        Poll::Ready(Some(Err(error)))
    }
}

impl<T: Transform + Unpin> HttpBody for Rewritten<T> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if this.state != State::Open {
            return Poll::Ready(None);
        }
        loop {
            while !this.arrived.is_empty() || this.full {
                match this.advance() {
                    Ok(Some(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                    Ok(None) => {}
                    Err(error) => return this.fail(error),
                }
            }
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                // Trailers speak of the bytes as the site sent them (digests): they go no further.
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        this.came += bytes.len() as u64;
                        this.arrived = bytes;
                    }
                }
                Some(Err(error)) => return this.fail(error),
                None => {
                    this.state = State::Ended;
                    return match this.finish() {
                        Ok(Some(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                        Ok(None) => Poll::Ready(None),
                        Err(error) => this.fail(error),
                    };
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.state != State::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    struct Shout;

    impl Transform for Shout {
        fn write(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
            out.extend(piece.iter().map(u8::to_ascii_uppercase));
            Ok(())
        }

        fn end(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
            out.extend_from_slice(b"!");
            Ok(())
        }
    }

    const LIMITS: Limits = Limits { bytes: 64 * 1024 * 1024, ratio: 100 };

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(Coding::Gzip);
        encoder.encode(text.to_vec(), &mut out).unwrap();
        encoder.end(&mut out).unwrap();
        out
    }

    #[tokio::test]
    async fn a_body_is_unpacked_rewritten_and_packed_again() {
        let body = Rewritten::new(gzip(b"hello").into(), Coding::Gzip, Shout, Coding::Zstd, LIMITS);
        let wire = body.collect().await.unwrap().to_bytes();
        let mut text = Vec::new();
        Decoder::new(Coding::Zstd).decode(&wire, &mut text).unwrap();
        assert_eq!(text, b"HELLO!");
    }

    #[tokio::test]
    async fn a_bomb_is_cut_off() {
        let bomb = gzip(&vec![0; 32 * 1024 * 1024]);
        let body = Rewritten::new(bomb.into(), Coding::Gzip, Shout, Coding::Identity, LIMITS);
        let error = body.collect().await.unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(StreamError::Bomb(100))), "{error}");
        let small = Limits { bytes: 1000, ratio: 100 };
        let body = Rewritten::new(vec![0; 2000].into(), Coding::Identity, Shout, Coding::Identity, small);
        assert!(matches!(body.collect().await.unwrap_err().downcast_ref(), Some(StreamError::TooLarge(1000))));
    }

    #[tokio::test]
    async fn a_cut_off_body_fails_and_does_not_end() {
        let wire = gzip(b"hello hello hello");
        let body =
            Rewritten::new(wire[..wire.len() - 9].to_vec().into(), Coding::Gzip, Shout, Coding::Identity, LIMITS);
        assert!(body.collect().await.is_err());
    }
}
