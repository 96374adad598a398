//! The documents and files of the console's apps.

use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::error::ApiError;
use super::guard::Framed;
use crate::assets;

/// The agents' app. It finds its own way by the path.
pub(super) async fn console() -> Response {
    Html(assets::app("console")).into_response()
}

/// The page behind a link. What the link leads to, the app asks the API.
pub(super) async fn join() -> Response {
    Html(assets::app("join")).into_response()
}

/// The customer's panel, the one document that may be framed: by pages of the view domain. It holds nothing before it
/// has shown a ticket.
pub(super) async fn panel() -> Response {
    let mut response = Html(assets::app("panel")).into_response();
    response.extensions_mut().insert(Framed);
    response
}

pub(super) async fn asset(Path(name): Path<String>) -> Response {
    // What the viewer is made of belongs to viewer hosts.
    let Some(asset) = assets::file(&name).filter(|_| !name.starts_with("viewer.")) else {
        return ApiError::NotFound.into_response();
    };
    let cache = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    ([(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, cache)], asset.bytes).into_response()
}

/// A path that is nobody's: under `/api/` an error, elsewhere the app, which says so.
pub(super) async fn nowhere(uri: http::Uri) -> Response {
    if uri.path().starts_with("/api/") || uri.path().starts_with("/assets/") {
        return ApiError::NotFound.into_response();
    }
    (StatusCode::NOT_FOUND, Html(assets::app("console"))).into_response()
}
