//! Chat, requests and events: what both apps are told of them, and the socket of the agents' side.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, Request, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;

use super::Console;
use super::error::{ApiError, Reason, Refused};
use super::line::{self, Heard, Line, LineError};
use super::panel::Person;
use super::sign_in::Caller;
use super::text::{address, rfc3339, shown};
use super::translate;
use super::view::LevelName;
use crate::session::talk::{Entry, Event, Language, Marks, Message, Signal, Speaker, Translated, What};
use crate::session::{Agent, Ask, Session};

/// What an agent's app says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    /// First. Entries up to number `after` are known already.
    Hello {
        #[serde(default)]
        after: u64,
        /// The language that the agent reads.
        #[serde(default)]
        language: Option<Language>,
    },
    /// The agent reads another language.
    Language {
        language: Language,
    },
    Say {
        /// The app's own name for the message: one that is sent again is not said twice.
        key: String,
        text: String,
    },
    Typing {},
    /// How far the app has got, and how far the agent has read.
    Got {
        delivered: u64,
        read: u64,
    },
    Ask(Wanted),
    Withdraw {},
}

/// What an agent asks the customer for.
#[derive(Debug, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum Wanted {
    Control,
    Open {
        url: String,
    },
    HandOver {
        /// The colleague's sign-in name.
        who: String,
    },
    Invite {
        who: String,
    },
}

/// What an agent's app is told.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Told {
    /// A question could not be asked, or a message not be taken.
    Refused {
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        error: Reason,
    },
    Ended,
}

/// An entry as one side may read it.
#[derive(Debug, Serialize, Default)]
struct EntryView {
    id: u64,
    /// RFC 3339.
    at: String,
    /// Of a message: `customer` or `agent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<Person>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The reader's own message, by its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Something private in the reader's own message is hidden from the others.
    #[serde(skip_serializing_if = "is_false")]
    hidden: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    translation: Option<TranslationView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<LevelName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ask: Option<AskView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    yes: Option<bool>,
}

/// A message in the reader's language.
#[derive(Debug, Serialize)]
struct TranslationView {
    to: Language,
    /// Without it, the message could not be translated.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// ISO 639.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
}

impl TranslationView {
    fn of(message: &Message, to: Option<Language>) -> Option<Self> {
        let to = to?;
        match message.translated.get(&to)? {
            Translated::Text { text, from } => {
                Some(Self { to, text: Some(text.as_ref().clone()), from: Some(from.clone()) })
            }
            Translated::Failed => Some(Self { to, text: None, from: None }),
            Translated::Asked | Translated::Same => None,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct AskView {
    /// `control`, `open`, `hand_over` or `invite`.
    pub what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<Person>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(it: &bool) -> bool {
    !it
}

impl AskView {
    pub(super) fn of(ask: &Ask) -> Self {
        let view = |what| Self { what, url: None, who: None };
        match ask {
            Ask::Control => view("control"),
            Ask::Open(url) => Self { url: Some(shown(url)), ..view("open") },
            Ask::HandOver(who) => Self { who: Some(Person::of(who)), ..view("hand_over") },
            Ask::Invite(who) => Self { who: Some(Person::of(who)), ..view("invite") },
        }
    }
}

impl EntryView {
    fn of(entry: &Entry, reader: &Speaker, language: Option<Language>) -> Self {
        let view = Self { id: entry.id, at: rfc3339(entry.at), ..Self::default() };
        match &entry.what {
            What::Said(message) => {
                Self { translation: TranslationView::of(message, language), ..view.said(message, reader) }
            }
            What::Happened(event) => view.happened(event),
        }
    }

    fn said(self, message: &Message, reader: &Speaker) -> Self {
        let Message { by, text, shown, key, translated: _ } = message;
        let own = by == reader;
        let (text, hidden) = match by {
            Speaker::Customer if own => (text, text != shown.as_ref()),
            Speaker::Customer => (shown.as_ref(), false),
            Speaker::Agent(_) => (text, false),
        };
        let person = match by {
            Speaker::Customer => None,
            Speaker::Agent(agent) => Some(Person::of(agent)),
        };
        Self {
            by: Some(if person.is_some() { "agent" } else { "customer" }),
            person,
            text: Some(text.clone()),
            key: own.then(|| key.clone()),
            hidden,
            ..self
        }
    }

    fn happened(self, event: &Event) -> Self {
        let person = |agent: &Agent| Some(Person::of(agent));
        match event {
            Event::Came => Self { event: Some("came"), ..self },
            Event::Entered(agent) => Self { event: Some("entered"), person: person(agent), ..self },
            Event::Allowed(level) => Self { event: Some("allowed"), level: Some((*level).into()), ..self },
            Event::Paused(paused) => Self { event: Some(if *paused { "paused" } else { "resumed" }), ..self },
            Event::Asked(agent, ask) => {
                Self { event: Some("asked"), person: person(agent), ask: Some(AskView::of(ask)), ..self }
            }
            Event::Answered(ask, yes) => {
                Self { event: Some("answered"), ask: Some(AskView::of(ask)), yes: Some(*yes), ..self }
            }
            Event::Withdrew(agent) => Self { event: Some("withdrew"), person: person(agent), ..self },
        }
    }
}

/// Keeps one reader up to date.
pub(super) struct Teller {
    reader: Speaker,
    language: Option<Language>,
    sent: u64,
    marks: Option<Marks>,
}

/// What both apps are told of the conversation.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum News {
    Said {
        entries: Vec<EntryView>,
        /// How far the reader has read before.
        read: u64,
    },
    /// How far the others have got with the reader's messages.
    Marks { delivered: u64, read: u64 },
    Typing {
        /// Nobody, when it is the customer.
        #[serde(skip_serializing_if = "Option::is_none")]
        person: Option<Person>,
    },
    /// A message that was told before.
    Translated { id: u64, translation: TranslationView },
}

impl Teller {
    pub(super) fn new(reader: Speaker, after: u64, language: Option<Language>) -> Self {
        Self { reader, language, sent: after, marks: None }
    }

    /// The reader reads another language.
    pub(super) async fn read_in(
        &mut self,
        language: Language,
        console: &Console,
        session: &Arc<Session>,
        line: &mut Line,
    ) -> Result<(), LineError> {
        self.language = Some(language);
        translate::begin(console, session, &self.reader, self.language);
        for entry in session.talk.since(0) {
            if let What::Said(message) = &entry.what {
                self.tell_translation(entry.id, message, line).await?;
            }
        }
        Ok(())
    }

    async fn tell_translation(&self, id: u64, message: &Message, line: &mut Line) -> Result<(), LineError> {
        let view = TranslationView::of(message, self.language).filter(|_| id <= self.sent && message.by != self.reader);
        match view {
            Some(translation) => line.tell(&News::Translated { id, translation }).await,
            None => Ok(()),
        }
    }

    /// Tells what is new.
    pub(super) async fn catch_up(
        &mut self,
        console: &Console,
        session: &Arc<Session>,
        line: &mut Line,
    ) -> Result<(), LineError> {
        let talk = &session.talk;
        translate::begin(console, session, &self.reader, self.language);
        let entries = talk.since(self.sent);
        if let Some(last) = entries.last() {
            self.sent = last.id;
            let entries = entries.iter().map(|entry| EntryView::of(entry, &self.reader, self.language)).collect();
            line.tell(&News::Said { entries, read: talk.read_by(&self.reader) }).await?;
        }
        let marks = talk.marks(&self.reader);
        if self.marks.replace(marks) != Some(marks) {
            line.tell(&News::Marks { delivered: marks.delivered, read: marks.read }).await?;
        }
        Ok(())
    }

    /// Tells what a signal says. One that is missed is made up for by the next.
    pub(super) async fn hear(
        &mut self,
        signal: Result<Signal, RecvError>,
        console: &Console,
        session: &Arc<Session>,
        line: &mut Line,
    ) -> Result<(), LineError> {
        match signal {
            Ok(Signal::Translated(_, to)) if Some(to) != self.language => Ok(()),
            Ok(Signal::Translated(id, _)) => match session.talk.message(id) {
                Some(message) => self.tell_translation(id, &message, line).await,
                None => Ok(()),
            },
            Ok(Signal::Typing(by)) if by == self.reader => Ok(()),
            Ok(Signal::Typing(by)) => {
                let person = match &by {
                    Speaker::Customer => None,
                    Speaker::Agent(agent) => Some(Person::of(agent)),
                };
                line.tell(&News::Typing { person }).await
            }
            Ok(Signal::Changed) | Err(RecvError::Lagged(_)) => self.catch_up(console, session, line).await,
            Err(RecvError::Closed) => Err(LineError::Left),
        }
    }
}

/// Opens the socket of an agent's side of the conversation: JSON text both ways, beginning with the app's `hello`.
#[utoipa::path(
    get, path = "/api/sessions/{id}/talk", params(("id" = String, Path)), security(("agent" = [])),
    responses(
        (status = SWITCHING_PROTOCOLS, description = "a WebSocket"),
        (status = UNAUTHORIZED, body = Refused),
        (status = FORBIDDEN, body = Refused, description = "`other_origin`"),
        (status = NOT_FOUND, body = Refused, description = "`no_session`"),
        (status = CONFLICT, body = Refused, description = "`not_active` or `ended`"),
        (status = UPGRADE_REQUIRED, body = Refused, description = "`not_websocket`"),
    ),
)]
pub(super) async fn socket(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    mut request: Request,
) -> Result<Response, ApiError> {
    let session = console.own(&id?.0, &caller)?;
    if !session.admits(&caller.agent) {
        return Err(ApiError::NotActive);
    }
    line::serve(console, &mut request, "an agent", move |console, mut line| async move {
        let end = talk(&console, &session, &caller, &mut line).await;
        line.close(end).await;
    })
}

async fn talk(console: &Console, session: &Arc<Session>, caller: &Caller, line: &mut Line) -> Result<(), LineError> {
    let Said::Hello { after, language } = line.hello().await? else { return Err(LineError::NoMessage) };
    let me = Speaker::Agent(caller.agent.clone());
    let mut signals = session.talk.signals();
    let mut state = session.watch();
    let mut teller = Teller::new(me.clone(), after, language);
    teller.catch_up(console, session, line).await?;
    loop {
        tokio::select! {
            signal = signals.recv() => teller.hear(signal, console, session, line).await?,
            changed = state.changed() => {
                if changed.is_err() || session.is_over() {
                    return line.tell(&Told::Ended).await;
                }
                // A colleague has taken over.
                if !session.admits(&caller.agent) {
                    return Err(LineError::Out);
                }
            }
            heard = line.next() => match heard? {
                Heard::Beat if !caller.stands(console) => return Err(LineError::Out),
                Heard::Beat => {}
                Heard::Said(Said::Language { language }) => teller.read_in(language, console, session, line).await?,
                Heard::Said(said) => {
                    let key = match &said {
                        Said::Say { key, .. } => Some(key.clone()),
                        _ => None,
                    };
                    if let Err(error) = do_it(console, session, &me, caller, said) {
                        line.tell(&Told::Refused { key, error: error.body().error }).await?;
                    }
                }
            },
        }
    }
}

fn do_it(console: &Console, session: &Arc<Session>, me: &Speaker, caller: &Caller, said: Said) -> Result<(), ApiError> {
    match said {
        Said::Hello { .. } | Said::Language { .. } => return Err(ApiError::BadRequest("hello is said once".into())),
        Said::Say { key, text } => session.say(me.clone(), &key, &text)?,
        Said::Typing {} => session.talk.typing(me.clone()),
        Said::Got { delivered, read } => session.talk.got(me, delivered, read),
        Said::Ask(wanted) => session.ask(&caller.agent, wanted.into_ask(console, caller)?)?,
        Said::Withdraw {} => session.withdraw(&caller.agent),
    }
    Ok(())
}

impl Wanted {
    fn into_ask(self, console: &Console, caller: &Caller) -> Result<Ask, ApiError> {
        let colleague = |who: &str| {
            let found = console.sessions.companies().account(who);
            let found = found.filter(|(company, _)| company.id == caller.company.id);
            found.map(|(_, account)| account.agent.clone()).ok_or(ApiError::NoColleague)
        };
        Ok(match self {
            Self::Control => Ask::Control,
            Self::Open { url } => Ask::Open(address(&url).ok_or(ApiError::BadAddress)?),
            Self::HandOver { who } => Ask::HandOver(colleague(&who)?),
            Self::Invite { who } => Ask::Invite(colleague(&who)?),
        })
    }
}
