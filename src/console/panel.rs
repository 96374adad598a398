//! The customer's panel: a JSON socket that shows who watches and takes the customer's decisions.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::Console;
use super::brand::{self, BrandView};
use super::error::{ApiError, Reason};
use super::line::{self, Heard, Line, LineError};
use super::talk::{AskView, Teller};
use super::text::rfc3339;
use super::view::{LevelName, PhaseName};
use crate::id::SessionId;
use crate::protocol::Level;
use crate::session::talk::{Language, Speaker};
use crate::session::{Agent, Ask, EndedBy, Phase, Request, Session, State as SessionState, Ticket};

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
        /// Entries of the conversation up to this number are known already.
        #[serde(default)]
        after: u64,
        /// The language that the customer reads.
        #[serde(default)]
        language: Option<Language>,
    },
    /// The customer reads another language.
    Language {
        language: Language,
    },
    Level {
        level: LevelName,
    },
    /// Blanks what agents see, or shows it again.
    Pause {
        paused: bool,
    },
    /// Shows again what was hidden by hand last, if that is still what the panel's `hidden_last` named.
    Show {
        last: String,
    },
    /// Another PIN, the one before having expired.
    Pin {},
    Say {
        /// The panel's own name for the message: one that is sent again is not said twice.
        key: String,
        text: String,
    },
    Typing {},
    /// How far the panel has got, and how far the customer has read.
    Got {
        delivered: u64,
        read: u64,
    },
    /// Yes or no to what an agent has asked.
    Answer {
        id: u32,
        yes: bool,
    },
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
    /// What finds private data in a text, for a warning before it is sent.
    Detectors {
        detectors: serde_json::Value,
    },
    /// Something that could not be done.
    Refused {
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        error: Reason,
    },
    Error {
        error: Reason,
    },
}

#[derive(Debug, Serialize)]
struct PanelState<'a> {
    phase: PhaseName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin_expires: Option<String>,
    level: LevelName,
    /// The customer has blanked the view.
    paused: bool,
    /// How many elements the customer has hidden by hand and can show again.
    hidden: u32,
    /// Names what was hidden last of those.
    #[serde(skip_serializing_if = "str::is_empty")]
    hidden_last: &'a str,
    company: BrandView,
    /// Who made the link.
    agent: Person,
    /// The agents who have been let in.
    agents: Vec<Watcher>,
    /// What one of them asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Asked>,
    viewers: usize,
    online: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_started: Option<String>,
}

/// An agent as others read of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct Person {
    display: String,
    role: &'static str,
}

#[derive(Debug, Serialize)]
struct Watcher {
    #[serde(flatten)]
    person: Person,
    /// Whether they see the page at the moment.
    here: bool,
    /// A path on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    photo: Option<String>,
}

#[derive(Debug, Serialize)]
struct Asked {
    id: u32,
    by: Person,
    #[serde(flatten)]
    ask: AskView,
    /// Where the panel leads to when the customer says yes to an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<String>,
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
pub(super) async fn socket(
    State(console): State<Arc<Console>>,
    mut request: axum::extract::Request,
) -> Result<Response, ApiError> {
    line::serve(console, &mut request, "a panel", |console, mut line| async move {
        let end = talk(&console, &mut line).await;
        line.close(end).await;
    })
}

async fn talk(console: &Console, line: &mut Line) -> Result<(), LineError> {
    let hello = line.hello().await?;
    let session = match shown(console, &hello) {
        Shown::Panel(session) => session,
        Shown::Ended => return line.tell(&Told::Ended).await,
        Shown::Nothing => {
            let message = "the panel's ticket is used up or expired: reload the page".to_owned();
            return line.tell(&Told::Error { error: Reason { code: "bad_ticket".into(), message } }).await;
        }
    };
    let (after, language) = if let Said::Hello { after, language, .. } = hello { (after, language) } else { (0, None) };
    line.tell(&Told::Token { token: session.panel_token() }).await?;
    let teller = Teller::new(Speaker::Customer, after, language);
    follow(console, &session, teller, line).await
}

fn shown(console: &Console, hello: &Said) -> Shown {
    let Said::Hello { ticket, token, .. } = hello else { return Shown::Nothing };
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
async fn follow(
    console: &Console,
    session: &Arc<Session>,
    mut teller: Teller,
    line: &mut Line,
) -> Result<(), LineError> {
    let mut changes = session.watch();
    let mut signals = session.talk.signals();
    let state = changes.borrow_and_update().clone();
    line.tell(&Told::State(Box::new(PanelState::of(session, &state)))).await?;
    line.tell(&Told::Detectors { detectors: session.detectors() }).await?;
    teller.catch_up(console, session, line).await?;
    loop {
        tokio::select! {
            changed = changes.changed() => {
                let state = changes.borrow_and_update().clone();
                if changed.is_err() || state.phase == Phase::Ended {
                    return line.tell(&Told::Ended).await;
                }
                line.tell(&Told::State(Box::new(PanelState::of(session, &state)))).await?;
            }
            signal = signals.recv() => teller.hear(signal, console, session, line).await?,
            heard = line.next() => match heard? {
                Heard::Beat => {}
                Heard::Said(Said::Language { language }) => teller.read_in(language, console, session, line).await?,
                Heard::Said(said) => {
                    let key = match &said {
                        Said::Say { key, .. } => Some(key.clone()),
                        _ => None,
                    };
                    if let Err(error) = decide(console, session, said) {
                        line.tell(&Told::Refused { key, error: error.body().error }).await?;
                    }
                }
            },
        }
    }
}

/// The customer decides.
fn decide(console: &Console, session: &Arc<Session>, said: Said) -> Result<(), ApiError> {
    let hub = || console.hubs.of(session).ok_or(ApiError::Ended);
    match said {
        Said::Hello { .. } | Said::Language { .. } => return Err(ApiError::BadRequest("hello is said once".into())),
        Said::Level { level } => hub()?.set_level(level.into()),
        Said::Pause { paused } => hub()?.pause(paused),
        Said::Show { last } => hub()?.show_again(&last),
        Said::Pin {} => console.sessions.renew_pin(session),
        Said::End {} => console.sessions.end(session, EndedBy::Customer),
        Said::Say { key, text } => session.say(Speaker::Customer, &key, &text)?,
        Said::Typing {} => session.talk.typing(Speaker::Customer),
        Said::Got { delivered, read } => session.talk.got(&Speaker::Customer, delivered, read),
        Said::Answer { id, yes } => match session.answer(id, yes).filter(|_| yes) {
            Some(Request { ask: Ask::Control, .. }) => hub()?.set_level(Level::Control),
            Some(Request { ask: Ask::HandOver(_), by, .. }) => hub()?.dismiss(&by.name),
            _ => {}
        },
    }
    Ok(())
}

impl<'a> PanelState<'a> {
    fn of(session: &'a Session, state: &'a SessionState) -> Self {
        Self {
            phase: state.phase.into(),
            pin: state.pin.as_ref().map(|pin| pin.reveal()),
            pin_expires: state.pin_expires.map(|(_, date)| rfc3339(date)),
            level: state.level.into(),
            paused: state.paused,
            hidden: state.hidden.count,
            hidden_last: &state.hidden.last,
            company: BrandView::of(&session.company),
            agent: Person::of(&session.agent),
            agents: state.admitted.iter().map(|agent| Watcher::of(agent, session, state)).collect(),
            request: state.request.as_ref().map(|request| Asked::of(request, session)),
            viewers: state.watching.len(),
            online: state.online,
            session_started: state.active_since.map(rfc3339),
        }
    }
}

impl Person {
    pub(super) fn of(agent: &Agent) -> Self {
        Self { display: agent.display.clone(), role: agent.role.as_str() }
    }
}

impl Watcher {
    fn of(agent: &Agent, session: &Session, state: &SessionState) -> Self {
        Self {
            person: Person::of(agent),
            here: state.watching.iter().any(|other| other.name == agent.name),
            photo: session.company.photo_of(agent).map(brand::path),
        }
    }
}

impl Asked {
    fn of(request: &Request, session: &Session) -> Self {
        let open = match &request.ask {
            Ask::Open(url) => session.views.map_url(url).map(String::from),
            _ => None,
        };
        Self { id: request.id, by: Person::of(&request.by), ask: AskView::of(&request.ask), open }
    }
}
