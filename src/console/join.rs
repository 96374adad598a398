//! The customer's first step: what a link says, and yes or no to it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Serialize;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::Console;
use super::brand::BrandView;
use super::error::{ApiError, Refused};
use super::text::{rfc3339, shown};
use crate::rewrite::url::Site;

/// What the customer reads before saying yes.
#[derive(Serialize, ToSchema)]
pub(super) struct Invitation {
    company: BrandView,
    agent: InvitingAgent,
    site: String,
    /// RFC 3339.
    expires: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct InvitingAgent {
    display: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Entrance {
    /// On the view domain; works once and within a minute.
    url: String,
}

/// Who invites, and to what. Looking uses nothing up.
#[utoipa::path(
    get, path = "/api/join/{token}", params(("token" = String, Path)), security(()),
    responses(
        (status = OK, body = Invitation),
        (status = NOT_FOUND, body = Refused, description = "`invalid_link`"),
        (status = GONE, body = Refused, description = "`link_used` or `link_expired`"),
    ),
)]
pub(super) async fn invitation(
    State(console): State<Arc<Console>>,
    token: Result<Path<String>, PathRejection>,
) -> Result<Json<Invitation>, ApiError> {
    let session = console.sessions.by_link(&token?.0)?;
    Ok(Json(Invitation {
        company: BrandView::of(&session.company),
        agent: InvitingAgent { display: session.agent.display.clone() },
        site: shown(&session.start),
        expires: rfc3339(session.link_expires),
    }))
}

/// The customer says yes: the link is used up.
#[utoipa::path(
    post, path = "/api/join/{token}/accept", params(("token" = String, Path)), security(()),
    responses(
        (status = OK, body = Entrance),
        (status = NOT_FOUND, body = Refused, description = "`invalid_link`"),
        (status = GONE, body = Refused, description = "`link_used` or `link_expired`"),
    ),
)]
pub(super) async fn accept(
    State(console): State<Arc<Console>>,
    token: Result<Path<String>, PathRejection>,
) -> Result<Json<Entrance>, ApiError> {
    let (session, ticket) = console.sessions.accept(&token?.0)?;
    let site = Site::of(&session.start).ok_or(ApiError::BadAddress)?;
    let start = &session.start;
    let query = start.query().map(|query| format!("?{query}")).unwrap_or_default();
    let fragment = start.fragment().map(|fragment| format!("#{fragment}")).unwrap_or_default();
    let parameters = form_urlencoded::Serializer::new(String::new())
        .append_pair("ticket", &ticket)
        .append_pair("to", &format!("{}{query}{fragment}", start.path()))
        .finish();
    Ok(Json(Entrance { url: format!("{}/__lado/enter?{parameters}", session.views.origin(&site)) }))
}

/// The customer says no: the session is over before it began.
#[utoipa::path(
    post, path = "/api/join/{token}/decline", params(("token" = String, Path)), security(()),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, body = Refused, description = "`invalid_link`"),
        (status = GONE, body = Refused, description = "`link_used` or `link_expired`"),
    ),
)]
pub(super) async fn decline(
    State(console): State<Arc<Console>>,
    token: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    console.sessions.decline(&token?.0)?;
    Ok(StatusCode::NO_CONTENT)
}
