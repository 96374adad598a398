//! The one body type that travels through Lado, in either direction.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep, timeout};

use super::pool::Pooled;

/// Whatever a body failed with. Only [`crate::respond::rescue`] and the log look inside.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A message body: nothing, bytes at hand, bytes as they arrive from a socket, or any other stream.
///
/// The common kinds are variants of their own, so that passing a site's bytes on costs no allocation and no
/// dynamic call.
#[derive(Default)]
pub enum Body {
    #[default]
    Empty,
    Full(Bytes),
    Incoming(Incoming),
    /// A site's bytes, which must not stop for longer than a while.
    Timed(Timed),
    /// The same, on a connection that a front host keeps.
    Pooled(Pooled),
    Stream(UnsyncBoxBody<Bytes, BodyError>),
    /// A body whose first bytes are here already.
    Begun(Box<Begun>),
}

/// What [`Body::begin`] has read, and what is still to come.
pub struct Begun {
    first: Option<Frame<Bytes>>,
    rest: Body,
}

impl Body {
    /// Waits a while for the first bytes, so that a body that cannot be read is known of before its head has left. One
    /// that takes longer goes its way.
    ///
    /// # Errors
    /// What the first bytes failed with.
    pub async fn begin(mut self, patience: Duration) -> Result<Self, BodyError> {
        let first = match timeout(patience, self.frame()).await {
            Ok(Some(frame)) => Some(frame?),
            Ok(None) => return Ok(Self::Empty),
            Err(_) => None,
        };
        Ok(Self::Begun(Box::new(Begun { first, rest: self })))
    }

    /// A body of another kind: a rewriting stream, an axum body.
    pub fn stream<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        Self::Stream(body.map_err(Into::into).boxed_unsync())
    }
}

impl Body {
    /// The bytes that have been read ahead.
    pub fn first(&self) -> Option<&[u8]> {
        let Self::Begun(begun) = self else { return None };
        begun.first.as_ref().and_then(Frame::data_ref).map(Bytes::as_ref)
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Incoming(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Timed(body) => Pin::new(body).poll_frame(cx),
            Self::Pooled(body) => Pin::new(body).poll_frame(cx),
            Self::Stream(body) => Pin::new(body).poll_frame(cx),
            Self::Begun(body) => match body.first.take() {
                Some(first) => Poll::Ready(Some(Ok(first))),
                None => Pin::new(&mut body.rest).poll_frame(cx),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(bytes) => bytes.is_empty(),
            Self::Incoming(body) => body.is_end_stream(),
            Self::Timed(body) => body.is_end_stream(),
            Self::Pooled(body) => body.is_end_stream(),
            Self::Stream(body) => body.is_end_stream(),
            Self::Begun(body) => body.first.is_none() && body.rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Incoming(body) => body.size_hint(),
            Self::Timed(body) => body.size_hint(),
            Self::Pooled(body) => body.size_hint(),
            Self::Stream(body) => body.size_hint(),
            // What came first is gone from the rest's own hint.
            Self::Begun(_) => SizeHint::default(),
        }
    }
}

/// Bytes from a socket that fail when nothing has come for `idle`, or too little, or too much.
pub struct Timed {
    incoming: Incoming,
    idle: Duration,
    /// Made when the body first has to wait: most never do.
    timer: Option<Pin<Box<Sleep>>>,
    caps: Caps,
    came: u64,
    waited: Duration,
    /// When it began to wait, while it waits.
    since: Option<Instant>,
}

/// What a body has to keep to.
#[derive(Debug, Clone, Copy)]
pub struct Caps {
    pub most: u64,
    /// Bytes a second over the time that Lado has waited for it; asked for once that has been `idle` in all.
    pub least: u64,
}

impl Caps {
    pub const NONE: Self = Self { most: u64::MAX, least: 0 };
}

/// The other side sent a body as nobody sends one who means well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Abused {
    #[error("a body of more than {0} bytes")]
    TooLarge(u64),
    #[error("a body of fewer than {0} bytes a second")]
    Drips(u64),
}

/// The other side stopped in the middle of a body.
#[derive(Debug, thiserror::Error)]
#[error("nothing came for {0:?} in the middle of a body")]
pub struct Stalled(Duration);

impl Timed {
    pub fn new(incoming: Incoming, idle: Duration) -> Self {
        Self::capped(incoming, idle, Caps::NONE)
    }

    pub fn capped(incoming: Incoming, idle: Duration, caps: Caps) -> Self {
        Self { incoming, idle, timer: None, caps, came: 0, waited: Duration::ZERO, since: None }
    }

    fn judge(&mut self, frame: &Frame<Bytes>) -> Result<(), Abused> {
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
        self.came += frame.data_ref().map_or(0, |data| data.len() as u64);
        if self.came > self.caps.most {
            return Err(Abused::TooLarge(self.caps.most));
        }
        if self.waited >= self.idle && self.came < self.waited.as_secs() * self.caps.least {
            return Err(Abused::Drips(self.caps.least));
        }
        Ok(())
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }

    pub(super) fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(cx) {
            this.timer = None;
            return Poll::Ready(frame.map(|result| {
                let frame = result?;
                this.judge(&frame)?;
                Ok(frame)
            }));
        }
        let idle = this.idle;
        this.since.get_or_insert_with(Instant::now);
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(idle)));
        timer.as_mut().poll(cx).map(|()| Some(Err(Stalled(idle).into())))
    }
}

impl From<Incoming> for Body {
    fn from(body: Incoming) -> Self {
        Self::Incoming(body)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Full(bytes)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::Full(text.into())
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::Full(text.into())
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Full(bytes.into())
    }
}

impl From<axum::body::Body> for Body {
    fn from(body: axum::body::Body) -> Self {
        Self::stream(body)
    }
}
