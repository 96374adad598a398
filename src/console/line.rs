//! One JSON socket of an app: its heartbeat, its deadlines, and how much may be said on it.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::respond::Socket;

const HELLO: Duration = Duration::from_secs(10);
/// People see within three seconds that the connection is gone.
const HEARTBEAT: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_secs(30);
const SEND: Duration = Duration::from_secs(10);
const CLOSE: Duration = Duration::from_secs(2);
/// A chat message of 2,000 characters, each written as an escape.
const MAX_MESSAGE: usize = 16 * 1024;
/// Writing tells so once a second, reading marks what comes; a person does the rest a few times a minute.
const MAX_PER_MINUTE: u32 = 240;

/// Why a socket was closed.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("downstream said no hello in time")]
    NoHello,
    #[error("downstream's message is not one of this socket's")]
    NoMessage,
    #[error("downstream says too much")]
    Flood,
    #[error("downstream was silent for too long")]
    Silent,
    #[error("downstream reads too slowly")]
    Slow,
    #[error("downstream left")]
    Left,
    #[error("downstream may not be here any more")]
    Out,
    #[error("downstream's socket failed: {0}")]
    Socket(#[from] Error),
}

pub(super) enum Heard<T> {
    Said(T),
    /// A second has passed.
    Beat,
}

pub(super) struct Line {
    socket: Socket,
    heartbeat: Interval,
    heard: Instant,
    minute: Instant,
    said: u32,
}

impl Line {
    pub(super) fn new(socket: Socket) -> Self {
        let now = Instant::now();
        let mut heartbeat = interval_at(now + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { socket, heartbeat, heard: now, minute: now, said: 0 }
    }

    /// The first message.
    pub(super) async fn hello<T: DeserializeOwned>(&mut self) -> Result<T, LineError> {
        let first = async {
            loop {
                if let Heard::Said(said) = self.next().await? {
                    return Ok(said);
                }
            }
        };
        timeout(HELLO, first).await.map_err(|_| LineError::NoHello)?
    }

    /// What comes next. Dropping the future loses nothing.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Heard<T>, LineError> {
        loop {
            tokio::select! {
                message = self.socket.next() => {
                    self.heard = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) if text.len() <= MAX_MESSAGE => {
                            self.count()?;
                            return serde_json::from_str(&text).map(Heard::Said).map_err(|_| LineError::NoMessage);
                        }
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Close(_))) | None => return Err(LineError::Left),
                        Some(Ok(_)) => return Err(LineError::NoMessage),
                        Some(Err(error)) => return Err(error.into()),
                    }
                }
                _ = self.heartbeat.tick() => {
                    if self.heard.elapsed() > SILENCE {
                        return Err(LineError::Silent);
                    }
                    self.put(Message::Ping(Vec::new().into())).await?;
                    self.put(Message::Text(r#"{"type":"beat"}"#.into())).await?;
                    return Ok(Heard::Beat);
                }
            }
        }
    }

    pub(super) async fn tell<T: Serialize>(&mut self, told: &T) -> Result<(), LineError> {
        let text = serde_json::to_string(told).map_err(|_| LineError::NoMessage)?;
        self.put(Message::Text(text.into())).await
    }

    pub(super) async fn close(mut self) {
        let _ = timeout(CLOSE, self.socket.close(None)).await;
    }

    fn count(&mut self) -> Result<(), LineError> {
        if self.minute.elapsed() > Duration::from_secs(60) {
            (self.minute, self.said) = (self.heard, 0);
        }
        self.said += 1;
        if self.said > MAX_PER_MINUTE { Err(LineError::Flood) } else { Ok(()) }
    }

    async fn put(&mut self, message: Message) -> Result<(), LineError> {
        timeout(SEND, self.socket.send(message)).await.map_err(|_| LineError::Slow)??;
        Ok(())
    }
}
