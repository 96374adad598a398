//! Rules of the company that no longer match where they did, and what admins make of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Console;
use super::error::{ApiError, Refused};
use super::sign_in::Caller;
use crate::session::drift::{Alarm, Pattern};
use crate::session::{Agent, Role};

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alarms {
    alarms: Vec<AlarmView>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AlarmView {
    rule: String,
    #[schema(example = "www.example.com")]
    host: String,
    /// A glob, for admins alone: addresses may name customers whose pages the caller was never on.
    #[schema(example = "/orders/*/pay")]
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// On how many pages it did match.
    seen: u32,
    /// Everything there is masked until an admin has looked.
    private: bool,
}

impl AlarmView {
    fn of(Alarm { rule, pattern: Pattern { host, path }, seen, private }: Alarm, reader: &Agent) -> Self {
        Self { rule, host, path: (reader.role == Role::Admin).then_some(path), seen, private }
    }
}

impl Alarms {
    pub(super) fn of(caller: &Caller) -> Self {
        let alarms = caller.company.rules.drift.alarms();
        Self { alarms: alarms.into_iter().map(|alarm| AlarmView::of(alarm, &caller.agent)).collect() }
    }
}

/// Which alarm an admin has looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Looked {
    rule: String,
    host: String,
    path: String,
}

/// Rules that no longer match where they did, and at which nobody has looked yet.
#[utoipa::path(
    get, path = "/api/drift", security(("agent" = [])),
    responses((status = OK, body = Alarms), (status = UNAUTHORIZED, body = Refused)),
)]
pub(super) async fn list(Extension(caller): Extension<Caller>) -> Json<Alarms> {
    Json(Alarms::of(&caller))
}

/// An admin has looked: pages that were private because of it are shown again.
#[utoipa::path(
    post, path = "/api/drift/looked", request_body = Looked, security(("agent" = [])),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Refused),
        (status = FORBIDDEN, body = Refused, description = "`not_admin`"),
        (status = NOT_FOUND, body = Refused, description = "`no_alarm`"),
    ),
)]
pub(super) async fn looked(
    State(console): State<Arc<Console>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<Looked>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    if caller.agent.role != Role::Admin {
        return Err(ApiError::NotAdmin);
    }
    let Json(Looked { rule, host, path }) = body?;
    if !caller.company.rules.drift.looked(&rule, &Pattern { host, path }) {
        return Err(ApiError::NoAlarm);
    }
    tracing::info!(company = %caller.company.id, agent = %caller.agent.name, %rule, "somebody has looked at an alarm");
    console.hubs.rules_changed(&caller.company.id);
    Ok(StatusCode::NO_CONTENT)
}
