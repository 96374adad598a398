//! One JSON socket of an app: its heartbeat, its deadlines, and how much may be said on it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::Console;
use super::error::ApiError;
use crate::respond::{self, RECONNECT, Socket, Sockets};

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
    #[error("Lado is about to stop")]
    Stopping,
    #[error("downstream's socket failed: {0}")]
    Socket(#[from] Error),
}

pub(super) enum Heard<T> {
    Said(T),
    /// A second has passed.
    Beat,
}

/// What every app of this socket understands.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Call {
    Beat,
    /// Lado is about to stop: come back after so many milliseconds.
    Reconnect {
        after: u64,
    },
}

/// One app's end of the conversation.
pub(super) struct Line {
    socket: Socket,
    /// Whose it is, for the log.
    whose: &'static str,
    heartbeat: Interval,
    heard: Instant,
    minute: Instant,
    said: u32,
    drained: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// Answers a request for a socket from one of the console's apps; `talk` goes on with it in a task of its own, and ends with
/// [`Line::close`].
///
/// # Errors
/// [`ApiError`] when no socket is asked for, or by a page of another origin.
pub(super) fn serve<T>(
    console: Arc<Console>,
    request: &mut Request,
    whose: &'static str,
    talk: impl FnOnce(Arc<Console>, Line) -> T + Send + 'static,
) -> Result<Response, ApiError>
where
    T: Future<Output = ()> + Send,
{
    if !respond::is_websocket(request) {
        return Err(ApiError::NotWebSocket);
    }
    // Browsers apply no same-origin policy to WebSockets.
    if !super::is_from(request.headers(), console.origin()) {
        return Err(ApiError::OtherOrigin);
    }
    let (response, socket) = respond::websocket(request).map_err(|_| ApiError::NotWebSocket)?;
    let sockets = console.sockets.clone();
    sockets.clone().spawn(async move {
        match socket.await {
            Ok(socket) => talk(console, Line::new(socket, whose, &sockets)).await,
            Err(error) => tracing::debug!(%error, whose, "a talk socket did not open"),
        }
    });
    Ok(response.map(Body::new))
}

impl Line {
    fn new(socket: Socket, whose: &'static str, sockets: &Sockets) -> Self {
        let now = Instant::now();
        let mut heartbeat = interval_at(now + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let drained = Box::pin(sockets.drained());
        Self { socket, whose, heartbeat, heard: now, minute: now, said: 0, drained }
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
                    self.tell(&Call::Beat).await?;
                    return Ok(Heard::Beat);
                }
                () = &mut self.drained => return Err(LineError::Stopping),
            }
        }
    }

    pub(super) async fn tell<T: Serialize>(&mut self, told: &T) -> Result<(), LineError> {
        let text = serde_json::to_string(told).map_err(|_| LineError::NoMessage)?;
        self.put(Message::Text(text.into())).await
    }

    /// The conversation has come to its end, or to an error.
    pub(super) async fn close(mut self, end: Result<(), LineError>) {
        let mut last = None;
        if let Err(error) = end {
            tracing::debug!(%error, whose = self.whose, "a talk socket was closed");
            if matches!(error, LineError::Stopping) {
                let after = u64::try_from(RECONNECT.as_millis()).unwrap_or(u64::MAX);
                let _ = self.tell(&Call::Reconnect { after }).await;
                last = Some(CloseFrame { code: CloseCode::Restart, reason: "".into() });
            }
        }
        let goodbye = async {
            // What is unread when a connection goes may take with it what was sent last.
            if self.socket.close(last).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _ = timeout(CLOSE, goodbye).await;
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
