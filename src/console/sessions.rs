//! An agent's sessions: make, find, join by PIN, watch, end.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Extension, Path, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::broadcast::error::RecvError;
use url::Url;
use utoipa::ToSchema;

use super::Console;
use super::drift::Alarms;
use super::error::{ApiError, Refused};
use super::sign_in::Caller;
use super::talk::AskView;
use crate::id::SessionId;
use crate::mask::Counts;
use crate::protocol::Level;
use crate::session::{Agent, Ended, EndedBy, Escape, Found, Phase, Role, Session, Ticket};

/// A session as its agents see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SessionView {
    #[schema(example = "k5uwqy3b7zr2mxa4")]
    id: String,
    /// Where the link leads.
    #[schema(example = "https://www.example.com")]
    site: String,
    state: PhaseName,
    /// RFC 3339.
    created: String,
    agent: AgentName,
    /// To send to the customer: only for the agent who made it, while nobody has used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// When the link stops working, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    level: LevelName,
    /// Whether the customer's browser is connected.
    online: bool,
    /// How many viewers are connected.
    viewers: usize,
    /// The agents who have been let in.
    people: Vec<Participant>,
    /// The customer has blanked the view.
    paused: bool,
    /// What an agent has asked the customer, until it is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestView>,
    /// Since when an agent watches, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    active_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<PageView>,
    /// Requests of the customer's pages that went past Lado, by report of their browser: the most frequent kinds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    escaped: Vec<EscapeView>,
    /// Who or what ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<EndedName>,
}

/// An agent in the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Participant {
    name: String,
    display: String,
    role: Role,
    /// Whether their viewer shows the page at the moment.
    here: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct RequestView {
    by: AgentName,
    #[serde(flatten)]
    ask: AskView,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct EscapeView {
    /// The page's site.
    #[schema(example = "https://www.example.com")]
    site: String,
    /// What kind of request, as policies name it.
    #[schema(example = "img-src")]
    kind: String,
    /// The origin that was asked.
    #[schema(example = "https://cdn.example.net")]
    target: String,
    count: u64,
}

impl From<Escape> for EscapeView {
    fn from(Escape { site, kind, target, count }: Escape) -> Self {
        Self { site, kind, target, count }
    }
}

/// Kinds of escaped requests that a session's details name.
const MAX_ESCAPES: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct AgentName {
    name: String,
    display: String,
}

/// The page in front, masked as the mirror is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct PageView {
    title: String,
    url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PhaseName {
    Invited,
    Waiting,
    Active,
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum LevelName {
    Look,
    Point,
    Control,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum EndedName {
    Customer,
    Agent,
    Declined,
    Expired,
    Idle,
}

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
    ),
)]
pub(super) async fn end(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    match console.own(&id?.0, &caller) {
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
    Event::default().event("drift").json_data(Alarms::of(&caller.company)).unwrap_or_default()
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
            Found::Ended(ended) if was_of(&ended, caller) => Some(farewell(&ended)),
            _ => None,
        }
    }

    fn view(&self, session: &Session, caller: &Caller) -> SessionView {
        let state = session.state();
        let link = self.sessions.link(session).filter(|_| session.agent.name == caller.agent.name);
        SessionView {
            id: session.id.to_string(),
            site: shown(&session.start),
            state: state.phase.into(),
            created: rfc3339(session.created),
            agent: AgentName::of(&session.agent),
            expires: link.as_ref().map(|_| rfc3339(session.link_expires)),
            link: link.map(|token| format!("{}/j/{token}", self.origin)),
            level: state.level.into(),
            online: state.online,
            viewers: state.watching.len(),
            people: state.admitted.iter().map(|agent| Participant::of(agent, &state.watching)).collect(),
            paused: state.paused,
            request: state
                .request
                .as_ref()
                .map(|request| RequestView { by: AgentName::of(&request.by), ask: AskView::of(&request.ask) }),
            active_since: state.active_since.map(rfc3339),
            page: state
                .page
                .filter(|_| session.admits(&caller.agent))
                .map(|page| PageView { title: page.title, url: page.url }),
            escaped: session.escapes(MAX_ESCAPES).1.into_iter().map(EscapeView::from).collect(),
            ended_by: None,
        }
    }
}

fn farewell(ended: &Ended) -> SessionView {
    SessionView {
        id: ended.id.to_string(),
        site: shown(&ended.start),
        state: PhaseName::Ended,
        created: rfc3339(ended.created),
        agent: AgentName::of(&ended.agent),
        link: None,
        expires: None,
        level: LevelName::Look,
        online: false,
        viewers: 0,
        people: Vec::new(),
        paused: false,
        request: None,
        active_since: ended.active_since.map(rfc3339),
        page: None,
        escaped: Vec::new(),
        ended_by: Some(ended.by.into()),
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

/// An address as people write it.
pub(super) fn address(text: &str) -> Option<Url> {
    let text = text.trim();
    if text.is_empty() || text.len() > 4096 || text.contains(char::is_whitespace) {
        return None;
    }
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("https://{text}")) }.ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    (plain && matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// An address as people read it.
pub(super) fn shown(url: &Url) -> String {
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if bare { url.as_str().trim_end_matches('/').to_owned() } else { url.as_str().to_owned() }
}

pub(super) fn rfc3339(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_default()
}

impl Participant {
    fn of(agent: &Agent, watching: &[Agent]) -> Self {
        Self {
            name: agent.name.clone(),
            display: agent.display.clone(),
            role: agent.role,
            here: watching.iter().any(|other| other.name == agent.name),
        }
    }
}

impl AgentName {
    fn of(agent: &Agent) -> Self {
        Self { name: agent.name.clone(), display: agent.display.clone() }
    }
}

impl From<Phase> for PhaseName {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Invited => Self::Invited,
            Phase::Waiting => Self::Waiting,
            Phase::Active => Self::Active,
            Phase::Ended => Self::Ended,
        }
    }
}

impl From<Level> for LevelName {
    fn from(level: Level) -> Self {
        match level {
            Level::Look => Self::Look,
            Level::Point => Self::Point,
            Level::Control => Self::Control,
        }
    }
}

impl From<LevelName> for Level {
    fn from(level: LevelName) -> Self {
        match level {
            LevelName::Look => Self::Look,
            LevelName::Point => Self::Point,
            LevelName::Control => Self::Control,
        }
    }
}

impl From<EndedBy> for EndedName {
    fn from(by: EndedBy) -> Self {
        match by {
            EndedBy::Customer => Self::Customer,
            EndedBy::Agent => Self::Agent,
            EndedBy::Declined => Self::Declined,
            EndedBy::Expired => Self::Expired,
            EndedBy::Idle => Self::Idle,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, url) in [
            ("https://www.shop.com/cart", "https://www.shop.com/cart"),
            (" www.shop.com ", "https://www.shop.com/"),
            ("shop.com:8443/x", "https://shop.com:8443/x"),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4000/"),
        ] {
            assert_eq!(address(text).unwrap().as_str(), url);
        }
        for text in ["", "  ", "ftp://x.com", "javascript:alert(1)", "https://u:p@shop.com", "two words", "https://"] {
            assert_eq!(address(text), None, "{text}");
        }
        assert_eq!(shown(&Url::parse("https://shop.com/").unwrap()), "https://shop.com");
        assert_eq!(shown(&Url::parse("https://shop.com/a/").unwrap()), "https://shop.com/a/");
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00Z");
    }
}
