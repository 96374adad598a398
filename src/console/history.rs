//! What agents keep: their favourite sites, the history of their sessions, notes and outcome.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use url::Position;
use utoipa::ToSchema;

use super::Console;
use super::error::{ApiError, Refused};
use super::record::{of_ended, of_open};
use super::sign_in::Caller;
use super::text::{address, rfc3339, shown};
use crate::id::SessionId;
use crate::mask::Mask;
use crate::session::{Found, Role};
use crate::store::{Favourite, MAX_NOTES, Notes, Outcome, Past, Record, Search, Via, Who};

/// Sessions in one answer.
const PAGE: u32 = 20;
/// In characters.
const MAX_NAME: usize = 80;
const MAX_SEARCH: usize = 100;

#[derive(Serialize, ToSchema)]
pub(super) struct Favourites {
    favourites: Vec<FavouriteView>,
}

#[derive(Serialize, ToSchema)]
struct FavouriteView {
    #[schema(example = "https://www.example.com")]
    site: String,
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFavourite {
    /// An address of the site: its query and fragment are not kept.
    #[schema(example = "https://www.example.com")]
    site: String,
    /// Without one, the site's host.
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFavourite {
    /// As the list of favourites has it.
    site: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    search: String,
    #[serde(default)]
    before: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct History {
    /// Newest first.
    sessions: Vec<PastView>,
    /// There are older ones: ask for those before the last.
    more: bool,
}

/// A session as its history tells it.
#[derive(Serialize, ToSchema)]
struct PastView {
    id: String,
    /// The host where it began.
    #[schema(example = "www.example.com")]
    site: String,
    via: Via,
    /// RFC 3339.
    created: String,
    /// From the first PIN to the end; nothing while it goes on, or when nobody joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
    /// An agent has joined.
    joined: bool,
    /// `customer`, `agent`, `declined`, `expired`, `idle`, or `restart` when Lado was stopped; nothing while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<String>,
    /// The agents who took part, as others read of them.
    people: Vec<String>,
    /// Whether the caller may write the notes.
    mine: bool,
    notes: String,
    outcome: Option<Outcome>,
}

/// What an agent has written about a session.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NotesView {
    notes: String,
    #[serde(default)]
    outcome: Option<Outcome>,
}

/// The caller's favourite sites, by name.
#[utoipa::path(
    get, path = "/api/favourites", security(("agent" = [])),
    responses(
        (status = OK, body = Favourites),
        (status = UNAUTHORIZED, body = Refused),
        (status = SERVICE_UNAVAILABLE, body = Refused, description = "`not_kept`"),
    ),
)]
pub(super) async fn favourites(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Favourites>, ApiError> {
    let favourites = console.store.favourites(who(&caller)).await?;
    let view = |Favourite { site, name }| FavouriteView { site, name };
    Ok(Json(Favourites { favourites: favourites.into_iter().map(view).collect() }))
}

/// Keeps a site as the caller's favourite, or gives it another name.
#[utoipa::path(
    post, path = "/api/favourites", request_body = NewFavourite, security(("agent" = [])),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Refused),
        (status = CONFLICT, body = Refused, description = "`too_many_favourites`"),
        (status = UNPROCESSABLE_ENTITY, body = Refused, description = "`bad_address`"),
        (status = SERVICE_UNAVAILABLE, body = Refused, description = "`not_kept`"),
    ),
)]
pub(super) async fn add_favourite(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewFavourite>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(NewFavourite { site, name }) = body?;
    let mut site = address(&site).ok_or(ApiError::BadAddress)?;
    site.set_query(None);
    site.set_fragment(None);
    let host = site[Position::BeforeHost..Position::AfterPort].trim_start_matches("www.").to_owned();
    let name = name.map(|name| name.trim().chars().take(MAX_NAME).collect::<String>());
    let name = name.filter(|name| !name.is_empty()).unwrap_or(host);
    console.store.add_favourite(who(&caller), &Favourite { site: shown(&site), name }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes one of the caller's favourites.
#[utoipa::path(
    post, path = "/api/favourites/remove", request_body = NoFavourite, security(("agent" = [])),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Refused),
        (status = SERVICE_UNAVAILABLE, body = Refused, description = "`not_kept`"),
    ),
)]
pub(super) async fn remove_favourite(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NoFavourite>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(NoFavourite { site }) = body?;
    console.store.remove_favourite(who(&caller), &site).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's past and present sessions; for supervisors and admins, the company's.
#[utoipa::path(
    get, path = "/api/history", security(("agent" = [])),
    params(
        ("search" = Option<String>, Query, description = "in site, notes and names"),
        ("before" = Option<String>, Query, description = "only sessions older than that with this id"),
    ),
    responses(
        (status = OK, body = History),
        (status = UNAUTHORIZED, body = Refused),
        (status = SERVICE_UNAVAILABLE, body = Refused, description = "`not_kept`"),
    ),
)]
pub(super) async fn history(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<History>, ApiError> {
    let Query(Wanted { search, before }) = wanted.map_err(|error| ApiError::BadRequest(error.body_text()))?;
    let text: String = search.trim().chars().take(MAX_SEARCH).collect();
    let before = before.map(|id| SessionId::parse(&id)).transpose().map_err(|_| ApiError::NoSession)?;
    let agent = (!oversees(&caller)).then_some(caller.agent.name.as_str());
    let search = Search { company: &caller.company.id, agent, text: &text, before, limit: PAGE + 1 };
    let mut found = console.store.past(search).await?;
    let more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    Ok(Json(History { sessions: found.into_iter().map(|past| PastView::of(past, &caller)).collect(), more }))
}

/// Notes and outcome of a session, while it goes on and later.
#[utoipa::path(
    get, path = "/api/sessions/{id}/notes", params(("id" = String, Path)), security(("agent" = [])),
    responses(
        (status = OK, body = NotesView),
        (status = UNAUTHORIZED, body = Refused),
        (status = NOT_FOUND, body = Refused, description = "`no_session`"),
        (status = SERVICE_UNAVAILABLE, body = Refused, description = "`not_kept`"),
    ),
)]
pub(super) async fn notes(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<NotesView>, ApiError> {
    let (live, past) = console.known(&id?.0, &caller).await?;
    let may = |record: &&Record| oversees(&caller) || took_part(record, &caller);
    either(live.as_ref(), past.as_ref()).find(may).ok_or(ApiError::NoSession)?;
    Ok(Json(past.map(|past| past.notes.into()).unwrap_or_default()))
}

/// Writes notes and outcome. Private data that detectors find in them is not kept.
#[utoipa::path(
    post, path = "/api/sessions/{id}/notes", params(("id" = String, Path)), request_body = NotesView,
    security(("agent" = [])),
    responses(
        (status = OK, body = NotesView, description = "as it was kept"),
        (status = UNAUTHORIZED, body = Refused),
        (status = NOT_FOUND, body = Refused, description = "`no_session`"),
        (status = SERVICE_UNAVAILABLE, body = Refused, description = "`not_kept`"),
    ),
)]
pub(super) async fn write_notes(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    body: Result<Json<NotesView>, JsonRejection>,
) -> Result<Json<NotesView>, ApiError> {
    let (live, past) = console.known(&id?.0, &caller).await?;
    let may = |record: &&Record| writes(record, &caller);
    let record = either(live.as_ref(), past.as_ref()).find(may).ok_or(ApiError::NoSession)?;
    let Json(NotesView { notes, outcome }) = body?;
    if notes.chars().count() > MAX_NOTES {
        return Err(ApiError::BadRequest(format!("notes have at most {MAX_NOTES} characters")));
    }
    let text = Mask::new(caller.company.rules.for_site(host(&record.site))).words(notes.trim()).as_ref().clone();
    let notes = Notes { text, outcome };
    if let Some(live) = &live {
        console.store.record(live).await?;
    }
    console.store.note(record.id, &notes).await?;
    Ok(Json(notes.into()))
}

impl Console {
    /// A session of the caller's company: as it is in memory, and as the store has it.
    async fn known(&self, id: &str, caller: &Caller) -> Result<(Option<Record>, Option<Past>), ApiError> {
        let id = SessionId::parse(id).map_err(|_| ApiError::NoSession)?;
        let live = match self.sessions.find(id) {
            Found::Open(session) => Some(of_open(&session)),
            Found::Ended(ended) => Some(of_ended(&ended)),
            Found::Unknown => None,
        };
        if live.as_ref().is_some_and(|record| record.company != caller.company.id) {
            return Err(ApiError::NoSession);
        }
        Ok((live, self.store.past_one(&caller.company.id, id).await?))
    }
}

/// Without the port: rules name hosts.
fn host(site: &str) -> &str {
    let with_port = site.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    with_port.map_or(site, |(host, _)| host)
}

/// Who has left a session that goes on is only in its history.
fn either<'a>(live: Option<&'a Record>, past: Option<&'a Past>) -> impl Iterator<Item = &'a Record> {
    live.into_iter().chain(past.map(|past| &past.record))
}

fn who(caller: &Caller) -> Who<'_> {
    Who { company: &caller.company.id, agent: &caller.agent.name }
}

/// Whether the history of the whole company is the caller's to read.
fn oversees(caller: &Caller) -> bool {
    matches!(caller.agent.role, Role::Supervisor | Role::Admin)
}

fn writes(record: &Record, caller: &Caller) -> bool {
    caller.agent.role == Role::Admin || took_part(record, caller)
}

fn took_part(record: &Record, caller: &Caller) -> bool {
    record.people.iter().any(|person| person.name == caller.agent.name)
}

impl PastView {
    fn of(past: Past, caller: &Caller) -> Self {
        let Past { record, cut_off, notes } = past;
        let mine = writes(&record, caller);
        let length = record.active.zip(record.end.as_ref()).and_then(|(from, end)| end.at.duration_since(from).ok());
        Self {
            id: record.id.to_string(),
            site: record.site,
            via: record.via,
            created: rfc3339(record.created),
            seconds: length.map(|length| length.as_secs()),
            joined: record.active.is_some(),
            mine,
            ended_by: record.end.map(|end| end.by).or_else(|| cut_off.then(|| "restart".into())),
            people: record.people.into_iter().map(|person| person.display).collect(),
            notes: notes.text,
            outcome: notes.outcome,
        }
    }
}

impl From<Notes> for NotesView {
    fn from(Notes { text, outcome }: Notes) -> Self {
        Self { notes: text, outcome }
    }
}
