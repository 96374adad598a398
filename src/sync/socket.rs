//! One socket: its heartbeat, its deadlines, and how fast it is read.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::SyncError;
use super::allowance::Allowance;

/// People see within three seconds that a connection is gone.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Longer than a heartbeat and a slow line's round trip, shorter than two heartbeats.
const QUIET: Duration = Duration::from_millis(1900);
/// A large message on a slow line keeps pongs waiting behind it, so silence is not judged quickly.
const SILENCE: Duration = Duration::from_secs(60);
/// What is sent is bounded, so a line that does not take it in this long is dead.
const SEND: Duration = Duration::from_secs(30);
const CLOSE: Duration = Duration::from_secs(2);
/// Close reasons fit a control frame (RFC 6455 §5.5).
const MAX_REASON: usize = 123;

/// People see that something is late.
const NOTICEABLE: Duration = Duration::from_millis(250);

pub(super) enum Incoming {
    Message(Bytes),
    Pong(Bytes),
    /// A second has passed.
    Beat,
    /// The other side has closed.
    Left,
}

pub(super) struct Connection<S> {
    socket: WebSocketStream<S>,
    allowance: Allowance,
    /// Nothing is read before then.
    read_at: Instant,
    heard: Instant,
    heartbeat: Interval,
    born: Instant,
    latency: Option<Duration>,
}

impl<S> Connection<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(socket: WebSocketStream<S>, allowance: Allowance) -> Self {
        let now = Instant::now();
        let mut heartbeat = interval_at(now + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { socket, allowance, read_at: now, heard: now, heartbeat, born: now, latency: None }
    }

    /// The last round trip.
    pub(super) fn latency(&self) -> Option<Duration> {
        self.latency
    }

    /// Nothing has come in for so long that the line is likely to be dead.
    pub(super) fn quiet(&self) -> bool {
        self.read_at <= Instant::now() && self.heard.elapsed() > QUIET
    }

    /// Finishes the work that a message has made. The other side hears `beat` each second meanwhile: however much it has
    /// given to do, the line is not dead.
    pub(super) async fn beat_while<T>(&mut self, work: impl Future<Output = T>, beat: &Bytes) -> Result<T, SyncError> {
        let mut work = std::pin::pin!(work);
        let mut lost = None;
        // Where the line is lost the work is finished all the same: others wait for its turn to end.
        let done = loop {
            tokio::select! {
                biased;
                done = &mut work => break done,
                sent = self.beat(beat), if lost.is_none() => lost = sent.err(),
            }
        };
        // Nobody has listened since.
        self.heard = Instant::now();
        lost.map_or(Ok(done), Err)
    }

    async fn beat(&mut self, beat: &Bytes) -> Result<(), SyncError> {
        self.heartbeat.tick().await;
        self.send(beat.clone()).await
    }

    /// What comes in next. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Incoming, SyncError> {
        loop {
            let waits = self.read_at > Instant::now();
            tokio::select! {
                () = sleep_until(self.read_at), if waits => {}
                message = self.socket.next(), if !waits => {
                    self.heard = Instant::now();
                    match message {
                        Some(Ok(Message::Binary(bytes))) => {
                            self.read_at = self.heard + self.allowance.take(bytes.len());
                            return Ok(Incoming::Message(bytes));
                        }
                        Some(Ok(Message::Pong(payload))) => match <[u8; 8]>::try_from(payload.as_ref()) {
                            Ok(sent) => {
                                let sent = Duration::from_micros(u64::from_be_bytes(sent));
                                let sent = self.born.checked_add(sent);
                                self.latency = sent.and_then(|sent| self.heard.checked_duration_since(sent));
                            }
                            Err(_) => return Ok(Incoming::Pong(payload)),
                        },
                        // tungstenite answers by itself; a flood of pings is a flood.
                        Some(Ok(Message::Ping(payload))) => {
                            self.read_at = self.heard + self.allowance.take(payload.len());
                        }
                        Some(Ok(Message::Text(_))) => return Err(SyncError::Text),
                        Some(Ok(Message::Frame(_))) => {}
                        Some(Ok(Message::Close(_))) | None => return Ok(Incoming::Left),
                        Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => return Ok(Incoming::Left),
                        Some(Err(error)) => return Err(error.into()),
                    }
                }
                _ = self.heartbeat.tick() => {
                    if !waits && self.heard.elapsed() > SILENCE {
                        return Err(SyncError::Silent);
                    }
                    let now = u64::try_from(self.born.elapsed().as_micros()).unwrap_or(u64::MAX);
                    self.ping(now.to_be_bytes().to_vec()).await?;
                    return Ok(Incoming::Beat);
                }
            }
        }
    }

    /// Puts what a message cost on the account of who sent it. True when the next is read noticeably later for that.
    pub(super) fn charge(&mut self, worked: Duration) -> bool {
        let wait = self.allowance.work(worked);
        self.read_at = self.read_at.max(Instant::now() + wait);
        wait > NOTICEABLE
    }

    pub(super) async fn send(&mut self, bytes: Bytes) -> Result<(), SyncError> {
        self.put(Message::Binary(bytes)).await
    }

    pub(super) async fn ping(&mut self, payload: Vec<u8>) -> Result<(), SyncError> {
        self.put(Message::Ping(payload.into())).await
    }

    /// Says goodbye, and waits a moment for the other side to hear it.
    pub(super) async fn close(mut self, code: u16, reason: &str) {
        let end = (0..=MAX_REASON.min(reason.len())).rev().find(|at| reason.is_char_boundary(*at)).unwrap_or(0);
        let frame = CloseFrame { code: code.into(), reason: reason[..end].to_owned().into() };
        let goodbye = async {
            if self.socket.close(Some(frame)).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _ = timeout(CLOSE, goodbye).await;
    }

    async fn put(&mut self, message: Message) -> Result<(), SyncError> {
        timeout(SEND, self.socket.send(message)).await.map_err(|_| SyncError::Slow)??;
        Ok(())
    }
}
