//! An agent's sessions: make, find, join by PIN, watch, end.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Extension, Path, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use utoipa::ToSchema;

use super::Console;
use super::drift::Alarms;
use super::error::{ApiError, Refused};
use super::sign_in::Caller;
use super::text::address;
use super::view::SessionView;
use crate::id::SessionId;
use crate::mask::Counts;
use crate::session::{Agent, AskError, Ended, EndedBy, Found, Phase, Role, Session, Ticket};

#[derive(Serialize, ToSchema)]
pub(super) struct SessionList {
    sessions: Vec<SessionView>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSession {
    /// An address of the site; without a scheme, https is meant.
    #[schema(example = "https://www.example.com")]
    site: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EnteredPin {
    /// Six digits; spaces and hyphens do not matter.
    #[schema(example = "123 456")]
    pin: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ViewerAddress {
    /// The viewer's document, with a ticket in its fragment that works once and within a minute.
    url: String,
}

/// Makes a session and its link.
#[utoipa::path(
    post, path = "/api/sessions", request_body = NewSession, security(("agent" = [])),
    responses(
        (status = CREATED, body = SessionView),
        (status = UNAUTHORIZED, body = Refused),
        (status = FORBIDDEN, body = Refused, description = "`not_allowed`: the site is not on the company's list"),
        (status = UNPROCESSABLE_ENTITY, body = Refused, description = "`bad_address`"),
    ),
)]
pub(super) async fn create(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewSession>, JsonRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Json(NewSession { site }) = body?;
    let start = address(&site).ok_or(ApiError::BadAddress)?;
    let session = console.sessions.create(&caller.company, &caller.agent, start)?;
    Ok((StatusCode::CREATED, Json(console.view(&session, &caller))))
}

/// The company's open sessions that are the caller's own; for admins, all of them.
#[utoipa::path(
    get, path = "/api/sessions", security(("agent" = [])),
    responses((status = OK, body = SessionList), (status = UNAUTHORIZED, body = Refused)),
)]
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
) -> Json<SessionList> {
    Json(SessionList { sessions: console.views(&caller) })
}

/// One session, open or lately ended.
#[utoipa::path(
    get, path = "/api/sessions/{id}", params(("id" = String, Path)), security(("agent" = [])),
    responses(
        (status = OK, body = SessionView),
        (status = UNAUTHORIZED, body = Refused),
        (status = NOT_FOUND, body = Refused, description = "`no_session`"),
    ),
)]
pub(super) async fn get(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<SessionView>, ApiError> {
    let id = SessionId::parse(&id?.0).map_err(|_| ApiError::NoSession)?;
    console.view_of(id, &caller).map(Json).ok_or(ApiError::NoSession)
}

/// What rules did in a session: numbers, never values.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EvidenceView {
    /// By rule, in order of their ids.
    rules: Vec<RuleEvidence>,
    /// How often a page sent what it should have masked itself, and the server did.
    corrections: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct RuleEvidence {
    rule: String,
    /// Elements, or texts and values in which a detector found something.
    masked: u64,
    locked: u64,
    /// Agents' actions that were refused.
    refused: u64,
}

/// What rules masked, locked and refused in a session, open or lately ended.
#[utoipa::path(
    get, path = "/api/sessions/{id}/evidence", params(("id" = String, Path)), security(("agent" = [])),
    responses(
        (status = OK, body = EvidenceView),
        (status = UNAUTHORIZED, body = Refused),
        (status = NOT_FOUND, body = Refused, description = "`no_session`"),
    ),
)]
pub(super) async fn evidence(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<EvidenceView>, ApiError> {
    let id = SessionId::parse(&id?.0).map_err(|_| ApiError::NoSession)?;
    let evidence = match console.sessions.find(id) {
        Found::Open(session) if is_of(&session, &caller) => {
            console.hubs.of(&session).map(|hub| hub.evidence()).unwrap_or_default()
        }
        Found::Ended(ended) if was_of(&ended, &caller) => ended.evidence(),
        _ => return Err(ApiError::NoSession),
    };
    let rule = |(rule, counts): (String, Counts)| RuleEvidence {
        rule,
        masked: counts.masked,
        locked: counts.locked,
        refused: counts.refused,
    };
    let corrections = evidence.corrections;
    Ok(Json(EvidenceView { rules: evidence.rules.into_iter().map(rule).collect(), corrections }))
}

/// Ends a session for everybody.
#[utoipa::path(
    post, path = "/api/sessions/{id}/end", params(("id" = String, Path)), security(("agent" = [])),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Refused),
        (status = NOT_FOUND, body = Refused, description = "`no_session`"),
        (status = FORBIDDEN, body = Refused, description = "`supervisor`: they watch only"),
    ),
)]
pub(super) async fn end(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    match console.own(&id?.0, &caller) {
        Ok(session) if caller.agent.role == Role::Supervisor && session.agent.name != caller.agent.name => {
            return Err(AskError::Supervisor.into());
        }
        Ok(session) => console.sessions.end(&session, EndedBy::Agent),
        // Over is what the caller wants it to be.
        Err(ApiError::Ended) => {}
        Err(error) => return Err(error),
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Lets the caller into the session whose customer has read out this PIN.
#[utoipa::path(
    post, path = "/api/pin", request_body = EnteredPin, security(("agent" = [])),
    responses(
        (status = OK, body = SessionView),
        (status = UNAUTHORIZED, body = Refused),
        (status = NOT_FOUND, body = Refused, description = "`invalid_pin`"),
        (status = TOO_MANY_REQUESTS, body = Refused, description = "`too_many_attempts`"),
    ),
)]
pub(super) async fn pin(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<EnteredPin>, JsonRejection>,
) -> Result<Json<SessionView>, ApiError> {
    let Json(EnteredPin { pin }) = body?;
    let session = console.sessions.enter_pin(&caller.company, &caller.agent, &pin)?;
    Ok(Json(console.view(&session, &caller)))
}

/// The address of a viewer for a session that the caller has entered the PIN of.
#[utoipa::path(
    post, path = "/api/sessions/{id}/viewer", params(("id" = String, Path)), security(("agent" = [])),
    responses(
        (status = OK, body = ViewerAddress),
        (status = UNAUTHORIZED, body = Refused),
        (status = NOT_FOUND, body = Refused, description = "`no_session`"),
        (status = CONFLICT, body = Refused, description = "`not_active` or `ended`"),
    ),
)]
pub(super) async fn viewer(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<ViewerAddress>, ApiError> {
    let session = console.own(&id?.0, &caller)?;
    if session.phase() != Phase::Active || !session.admits(&caller.agent) {
        return Err(ApiError::NotActive);
    }
    let ticket = session.ticket(Ticket::Viewer(caller.agent));
    Ok(Json(ViewerAddress { url: format!("{}/__lado/viewer#{ticket}", session.views.viewer_origin()) }))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Colleagues {
    colleagues: Vec<Colleague>,
}

#[derive(Serialize, ToSchema)]
struct Colleague {
    name: String,
    display: String,
    role: Role,
}

/// Who else is an agent of the caller's company.
#[utoipa::path(
    get, path = "/api/colleagues", security(("agent" = [])),
    responses((status = OK, body = Colleagues), (status = UNAUTHORIZED, body = Refused)),
)]
pub(super) async fn colleagues(Extension(caller): Extension<Caller>) -> Json<Colleagues> {
    let agents = caller.company.agents.iter().map(|account| &account.agent);
    let others = agents.filter(|agent| agent.name != caller.agent.name);
    let colleague =
        |agent: &Agent| Colleague { name: agent.name.clone(), display: agent.display.clone(), role: agent.role };
    Json(Colleagues { colleagues: others.map(colleague).collect() })
}

/// Server-sent events: `session` with a `SessionView`, first for every open session, then for each change; `drift` with
/// the company's `Alarms`, as often as they change.
#[utoipa::path(
    get, path = "/api/events", security(("agent" = [])),
    responses(
        (status = OK, content_type = "text/event-stream", body = SessionView),
        (status = UNAUTHORIZED, body = Refused),
    ),
)]
pub(super) async fn events(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
) -> impl IntoResponse {
    let changes = console.sessions.changes();
    let drift = caller.company.rules.drift.changes();
    let mut waiting: VecDeque<Event> = console.views(&caller).iter().map(changed).collect();
    if !caller.company.rules.drift.alarms().is_empty() {
        waiting.push_back(drifted(&caller));
    }
    let events = stream::unfold(
        (console, caller, changes, drift, waiting),
        |(console, caller, mut changes, mut drift, mut waiting)| async move {
            let event = loop {
                if let Some(event) = waiting.pop_front() {
                    break event;
                }
                tokio::select! {
                    id = changes.recv() => match id {
                        Ok(id) => waiting.extend(console.view_of(id, &caller).iter().map(changed)),
                        Err(RecvError::Lagged(_)) => waiting.extend(console.views(&caller).iter().map(changed)),
                        Err(RecvError::Closed) => return None,
                    },
                    // Late or not: what there is now is told.
                    _ = drift.recv() => waiting.push_back(drifted(&caller)),
                }
            };
            if !caller.stands(&console) {
                return None;
            }
            Some((Ok::<_, Infallible>(event), (console, caller, changes, drift, waiting)))
        },
    );
    Sse::new(events).keep_alive(KeepAlive::default())
}

fn changed(view: &SessionView) -> Event {
    Event::default().event("session").json_data(view).unwrap_or_default()
}

fn drifted(caller: &Caller) -> Event {
    Event::default().event("drift").json_data(Alarms::of(caller)).unwrap_or_default()
}

impl Console {
    /// A session that the caller may act on.
    pub(super) fn own(&self, id: &str, caller: &Caller) -> Result<Arc<Session>, ApiError> {
        let id = SessionId::parse(id).map_err(|_| ApiError::NoSession)?;
        match self.sessions.find(id) {
            Found::Open(session) if is_of(&session, caller) => Ok(session),
            Found::Ended(ended) if was_of(&ended, caller) => Err(ApiError::Ended),
            _ => Err(ApiError::NoSession),
        }
    }

    fn views(&self, caller: &Caller) -> Vec<SessionView> {
        let sessions = self.sessions.of_company(&caller.company.id);
        sessions.iter().filter(|session| is_of(session, caller)).map(|session| self.view(session, caller)).collect()
    }

    /// What the caller may know of a session: nothing, when it is not theirs.
    fn view_of(&self, id: SessionId, caller: &Caller) -> Option<SessionView> {
        match self.sessions.find(id) {
            Found::Open(session) if is_of(&session, caller) => Some(self.view(&session, caller)),
            Found::Ended(ended) if was_of(&ended, caller) => Some(SessionView::farewell(&ended)),
            _ => None,
        }
    }

    fn view(&self, session: &Session, caller: &Caller) -> SessionView {
        let own = session.agent.name == caller.agent.name;
        let link = self.sessions.link(session).filter(|_| own).map(|token| format!("{}/j/{token}", self.origin));
        SessionView::of(session, caller, link)
    }
}

/// Made or joined by the caller, or of the company whose admin the caller is.
fn is_of(session: &Session, caller: &Caller) -> bool {
    session.company.id == caller.company.id
        && (caller.agent.role == Role::Admin
            || session.agent.name == caller.agent.name
            || session.admits(&caller.agent))
}

fn was_of(ended: &Ended, caller: &Caller) -> bool {
    let named = |agent: &Agent| agent.name == caller.agent.name;
    ended.company.id == caller.company.id
        && (caller.agent.role == Role::Admin || named(&ended.agent) || ended.admitted.iter().any(named))
}
