//! The bytes of one connection: inspected before hyper reads them, and never waiting for ever on either side.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::Held;
use super::counts::{Counts, Refused};
use super::frames::Frames;
use super::guard::{Activity, Protocol};
use super::scan::{Read, Scan};

/// A connection that hyper speaks HTTP on.
pub struct Wire<S> {
    stream: S,
    reading: Reading,
    /// What came behind a request to upgrade.
    ahead: Vec<u8>,
    activity: Arc<Activity>,
    counts: Arc<Counts>,
    times: Times,
    /// Runs from the first byte of a head to its last.
    head: Timer,
    /// Runs while the peer takes nothing of what is there for it.
    write: Timer,
    _held: Held,
}

/// How long a peer may take.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    pub head: Duration,
    pub write: Duration,
}

type Timer = Option<Pin<Box<Sleep>>>;

enum Reading {
    Http1(Scan),
    /// The response to a request to upgrade says how to read on.
    Undecided(Scan),
    Http2(Frames),
    /// The protocol of a WebSocket is none of our business.
    Tunnel,
    Refused,
}

impl<S> Wire<S> {
    pub fn new(stream: S, http2: bool, activity: Arc<Activity>, times: Times, counts: Arc<Counts>, held: Held) -> Self {
        let reading =
            if http2 { Reading::Http2(Frames::new(PREFACE, Instant::now())) } else { Reading::Http1(Scan::default()) };
        let (ahead, head, write) = (Vec::new(), None, None);
        Self { stream, reading, ahead, activity, counts, times, head, write, _held: held }
    }

    /// Judges what has come: how much of it hyper may see. The rest has been put aside or made unreadable.
    fn inspect(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match &mut self.reading {
            Reading::Http1(scan) => match scan.read(bytes) {
                Read::Whole => {
                    if !scan.in_head() {
                        self.head = None;
                    } else if self.head.is_none() {
                        self.head = Some(Box::pin(sleep(self.times.head)));
                    }
                    Ok(bytes.len())
                }
                Read::Upgrade(at) => {
                    let mut rest = bytes[at..].to_vec();
                    rest.append(&mut self.ahead);
                    self.ahead = rest;
                    self.head = None;
                    self.activity.expect();
                    self.reading = Reading::Undecided(std::mem::take(scan));
                    Ok(at)
                }
                Read::Http2 { at, preface } => {
                    let mut frames = Frames::new(preface, Instant::now());
                    let counted = frames.read(&bytes[at..], Instant::now);
                    self.head = None;
                    self.reading = Reading::Http2(frames);
                    counted.map(|()| bytes.len()).map_err(io::Error::other)
                }
                Read::Refused(at, violation) => {
                    tracing::debug!(reason = %violation, "refused a request's bytes");
                    self.counts.refuse(Refused::Malformed);
                    // hyper answers 400 in its turn, after the responses that are still due.
                    bytes[at..].fill(0);
                    self.head = None;
                    self.reading = Reading::Refused;
                    Ok(bytes.len())
                }
            },
            Reading::Http2(frames) => match frames.read(bytes, Instant::now) {
                Ok(()) => Ok(bytes.len()),
                Err(flood) => {
                    tracing::debug!(reason = %flood, "closing an HTTP/2 connection");
                    self.counts.refuse(Refused::Flood);
                    Err(io::Error::other(flood))
                }
            },
            Reading::Undecided(_) | Reading::Tunnel | Reading::Refused => Ok(bytes.len()),
        }
    }
}

/// `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n` (RFC 9113 §3.4).
const PREFACE: usize = 24;

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.reading {
            Reading::Refused => return Poll::Ready(Ok(())),
            Reading::Undecided(scan) => {
                this.reading = match ready!(this.activity.poll_decision(cx)) {
                    Protocol::Http => Reading::Http1(std::mem::take(scan)),
                    Protocol::Other => Reading::Tunnel,
                };
            }
            _ => {}
        }
        let before = buf.filled().len();
        if this.ahead.is_empty() {
            if Pin::new(&mut this.stream).poll_read(cx, buf)?.is_pending() {
                return expired(&mut this.head, cx, "downstream takes too long to send a head").map(Err);
            }
            this.counts.received.fetch_add((buf.filled().len() - before) as u64, Relaxed);
        } else {
            let taken = this.ahead.len().min(buf.remaining());
            buf.put_slice(&this.ahead[..taken]);
            this.ahead.drain(..taken);
        }
        let shown = this.inspect(&mut buf.filled_mut()[before..])?;
        buf.set_filled(before + shown);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    fn write<T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
        written: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        let this = self.get_mut();
        match write(Pin::new(&mut this.stream), cx) {
            Poll::Ready(result) => {
                this.write = None;
                let bytes = result.as_ref().map_or(0, written);
                this.counts.sent.fetch_add(bytes as u64, Relaxed);
                Poll::Ready(result)
            }
            Poll::Pending => {
                let limit = this.times.write;
                this.write.get_or_insert_with(|| Box::pin(sleep(limit)));
                expired(&mut this.write, cx, "downstream does not read").map(Err)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write(cx, bytes), |written| *written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write_vectored(cx, slices), |written| *written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(cx, |stream, cx| stream.poll_flush(cx), |()| 0)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(cx, |stream, cx| stream.poll_shutdown(cx), |()| 0)
    }
}

fn expired(timer: &mut Timer, cx: &mut Context<'_>, reason: &'static str) -> Poll<io::Error> {
    use std::future::Future as _;
    match timer {
        Some(timer) => timer.as_mut().poll(cx).map(|()| io::Error::new(io::ErrorKind::TimedOut, reason)),
        None => Poll::Pending,
    }
}
