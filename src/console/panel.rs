//! The customer's panel: a JSON socket that shows who watches and takes the customer's decisions.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::Console;
use super::error::{ApiError, Reason};
use super::sessions::{LevelName, rfc3339};
use crate::id::SessionId;
use crate::respond::{self, Socket};
use crate::session::{Agent, EndedBy, Session, State as SessionState, Ticket};

const HELLO: Duration = Duration::from_secs(10);
/// The customer sees within three seconds that the connection is gone.
const HEARTBEAT: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_secs(30);
const SEND: Duration = Duration::from_secs(10);
const MAX_MESSAGE: usize = 4 * 1024;
/// A person decides a few times a minute.
const MAX_PER_MINUTE: u32 = 120;

/// What the panel says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    /// First; with the ticket of the panel's door, or the token that a socket before was given.
    Hello {
        #[serde(default)]
        ticket: Option<String>,
        #[serde(default)]
        token: Option<String>,
    },
    Level {
        level: LevelName,
    },
    /// Blanks what agents see, or shows it again.
    Pause {
        paused: bool,
    },
    /// Another PIN, the one before having expired.
    Pin {},
    End {},
}

/// What Lado says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Told<'a> {
    Token {
        token: String,
    },
    State(Box<PanelState<'a>>),
    Ended,
    /// Every second.
    Beat {},
    Error {
        error: Reason,
    },
}

#[derive(Debug, Serialize)]
struct PanelState<'a> {
    phase: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin_expires: Option<String>,
    level: LevelName,
    /// The customer has blanked the view.
    paused: bool,
    company: PanelCompany<'a>,
    /// Who made the link.
    agent: Person<'a>,
    /// The agents who have entered the PIN.
    agents: Vec<Person<'a>>,
    viewers: usize,
    online: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_started: Option<String>,
}

#[derive(Debug, Serialize)]
struct PanelCompany<'a> {
    name: &'a str,
    color: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Person<'a> {
    display: &'a str,
    role: &'static str,
}

/// Why a panel's socket was closed.
#[derive(Debug, thiserror::Error)]
enum PanelError {
    #[error("downstream said no hello in time")]
    NoHello,
    #[error("downstream's message is not one of the panel's")]
    NoMessage,
    #[error("downstream says too much")]
    Flood,
    #[error("downstream was silent for too long")]
    Silent,
    #[error("downstream reads too slowly")]
    Slow,
    #[error("downstream left")]
    Left,
    #[error("downstream's socket failed: {0}")]
    Socket(#[from] tokio_tungstenite::tungstenite::Error),
}

/// Who showed what.
enum Shown {
    Panel(Arc<Session>),
    /// The session is over: the panel says so and stops asking.
    Ended,
    Nothing,
}

/// Opens the panel's socket: JSON text both ways, beginning with the panel's `hello`.
#[utoipa::path(
    get, path = "/api/panel/socket", security(()),
    responses(
        (status = SWITCHING_PROTOCOLS, description = "a WebSocket; the ticket is in the first message"),
        (status = FORBIDDEN, body = super::error::Refused, description = "`other_origin`"),
        (status = UPGRADE_REQUIRED, body = super::error::Refused, description = "`not_websocket`"),
    ),
)]
pub(super) async fn socket(State(console): State<Arc<Console>>, mut request: Request) -> Result<Response, ApiError> {
    if !respond::is_websocket(&request) {
        return Err(ApiError::NotWebSocket);
    }
    // Browsers apply no same-origin policy to WebSockets.
    if !super::is_from(request.headers(), console.origin()) {
        return Err(ApiError::OtherOrigin);
    }
    let (response, socket) = respond::websocket(&mut request).map_err(|_| ApiError::NotWebSocket)?;
    tokio::spawn(async move {
        match socket.await {
            Ok(socket) => run(&console, socket).await,
            Err(error) => tracing::debug!(%error, "a panel's socket did not open"),
        }
    });
    Ok(response.map(axum::body::Body::new).into_response())
}

async fn run(console: &Console, mut socket: Socket) {
    if let Err(error) = talk(console, &mut socket).await {
        tracing::debug!(%error, "a panel's socket was closed");
    }
    let _ = timeout(Duration::from_secs(2), socket.close(None)).await;
}

async fn talk(console: &Console, socket: &mut Socket) -> Result<(), PanelError> {
    let hello = timeout(HELLO, first(socket)).await.map_err(|_| PanelError::NoHello)??;
    let session = match shown(console, &hello) {
        Shown::Panel(session) => session,
        Shown::Ended => return tell(socket, &Told::Ended).await,
        Shown::Nothing => {
            let message = "the panel's ticket is used up or expired: reload the page".to_owned();
            return tell(socket, &Told::Error { error: Reason { code: "bad_ticket".into(), message } }).await;
        }
    };
    tell(socket, &Told::Token { token: session.panel_token() }).await?;
    follow(console, &session, socket).await
}

async fn first(socket: &mut Socket) -> Result<Said, PanelError> {
    loop {
        if let Some(said) = hear(socket.next().await)? {
            return Ok(said);
        }
    }
}

fn shown(console: &Console, hello: &Said) -> Shown {
    let Said::Hello { ticket, token } = hello else { return Shown::Nothing };
    let ended = |text: &str| {
        let id = text.split_once('.').and_then(|(id, _)| SessionId::parse(id).ok());
        // That a session is over is no secret: its view hosts tell everybody.
        if id.is_some_and(|id| console.sessions.ended(id).is_some()) { Shown::Ended } else { Shown::Nothing }
    };
    match (token, ticket) {
        (Some(token), _) => console.sessions.by_panel_token(token).map_or_else(|| ended(token), Shown::Panel),
        (None, Some(ticket)) => match console.sessions.redeem(ticket) {
            Some((session, Ticket::Panel)) => Shown::Panel(session),
            Some(_) => Shown::Nothing,
            None => ended(ticket),
        },
        (None, None) => Shown::Nothing,
    }
}

/// Tells the panel of every change and does what the customer decides, until the session ends or the panel leaves.
async fn follow(console: &Console, session: &Arc<Session>, socket: &mut Socket) -> Result<(), PanelError> {
    let mut changes = session.watch();
    let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    let (mut heard, mut minute, mut said_this_minute) = (Instant::now(), Instant::now(), 0);
    changes.mark_changed();
    loop {
        tokio::select! {
            changed = changes.changed() => {
                let state = changes.borrow_and_update().clone();
                if changed.is_err() || state.phase == crate::session::Phase::Ended {
                    return tell(socket, &Told::Ended).await;
                }
                tell(socket, &Told::State(Box::new(PanelState::of(session, &state)))).await?;
            }
            message = socket.next() => {
                heard = Instant::now();
                if minute.elapsed() > Duration::from_secs(60) {
                    (minute, said_this_minute) = (heard, 0);
                }
                if let Some(said) = hear(message)? {
                    said_this_minute += 1;
                    if said_this_minute > MAX_PER_MINUTE {
                        return Err(PanelError::Flood);
                    }
                    decide(console, session, &said)?;
                }
            }
            _ = heartbeat.tick() => {
                if heard.elapsed() > SILENCE {
                    return Err(PanelError::Silent);
                }
                put(socket, Message::Ping(Vec::new().into())).await?;
                tell(socket, &Told::Beat {}).await?;
            }
        }
    }
}

/// The customer decides.
fn decide(console: &Console, session: &Arc<Session>, said: &Said) -> Result<(), PanelError> {
    match said {
        Said::Hello { .. } => return Err(PanelError::NoMessage),
        Said::Level { level } => {
            if let Some(hub) = console.hubs.of(session) {
                hub.set_level((*level).into());
            }
        }
        Said::Pause { paused } => {
            if let Some(hub) = console.hubs.of(session) {
                hub.pause(*paused);
            }
        }
        Said::Pin {} => console.sessions.renew_pin(session),
        Said::End {} => console.sessions.end(session, EndedBy::Customer),
    }
    Ok(())
}

/// What a WebSocket message says; nothing, when it only shows that the panel is there.
fn hear(message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) -> Result<Option<Said>, PanelError> {
    match message {
        Some(Ok(Message::Text(text))) if text.len() <= MAX_MESSAGE => {
            serde_json::from_str(&text).map(Some).map_err(|_| PanelError::NoMessage)
        }
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Close(_))) | None => Err(PanelError::Left),
        Some(Ok(_)) => Err(PanelError::NoMessage),
        Some(Err(error)) => Err(error.into()),
    }
}

async fn tell(socket: &mut Socket, told: &Told<'_>) -> Result<(), PanelError> {
    let text = serde_json::to_string(told).map_err(|_| PanelError::NoMessage)?;
    put(socket, Message::Text(text.into())).await
}

async fn put(socket: &mut Socket, message: Message) -> Result<(), PanelError> {
    timeout(SEND, socket.send(message)).await.map_err(|_| PanelError::Slow)??;
    Ok(())
}

impl<'a> PanelState<'a> {
    fn of(session: &'a Session, state: &'a SessionState) -> Self {
        use crate::session::Phase;
        Self {
            phase: match state.phase {
                Phase::Invited => "invited",
                Phase::Waiting => "waiting",
                Phase::Active => "active",
                Phase::Ended => "ended",
            },
            pin: state.pin.as_ref().map(|pin| pin.reveal()),
            pin_expires: state.pin_expires.map(|(_, date)| rfc3339(date)),
            level: state.level.into(),
            paused: state.paused,
            company: PanelCompany { name: &session.company.name, color: session.company.color.as_deref() },
            agent: Person::of(&session.agent),
            agents: state.admitted.iter().map(Person::of).collect(),
            viewers: state.watching.len(),
            online: state.online,
            session_started: state.active_since.map(rfc3339),
        }
    }
}

impl<'a> Person<'a> {
    fn of(agent: &'a Agent) -> Self {
        Self { display: &agent.display, role: agent.role.as_str() }
    }
}
