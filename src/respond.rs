//! Makes responses: plain constructors, `rescue` for every failure, rewritten bodies, WebSocket upgrades.

mod coding;
mod rescue;
mod sockets;
mod stream;
mod until;
mod websocket;
mod words;

use axum::Router;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use tower::ServiceExt as _;

pub use crate::upstream::{Body, BodyError};
pub use coding::Coding;
pub use rescue::{Asker, Failure, Farewell, Locale, rescue};
pub use sockets::{RECONNECT, Sockets};
pub use stream::{Limits, Rewritten, Transform};
pub use until::until;
pub use websocket::{Socket, UpgradeError, is_websocket, websocket};

pub type Request = http::Request<Body>;
pub type Response = http::Response<Body>;

/// An HTML document of Lado's own: never cached, never sniffed, never a referrer.
pub fn html(status: StatusCode, document: impl Into<Body>) -> Response {
    with_type(status, "text/html; charset=utf-8", document.into())
}

/// A JSON value. A value that does not serialise is a mistake in Lado and answers 500.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => with_type(status, "application/json", bytes.into()),
        Err(error) => {
            tracing::error!(%error, "a response does not serialise");
            self::status(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// A status with its name as plain text, for answers that no person waits for.
pub fn status(status: StatusCode) -> Response {
    let text = status.canonical_reason().unwrap_or("");
    if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = status;
        return response;
    }
    self::text(status, text)
}

/// A line for whoever asks by hand, or by script.
pub fn text(status: StatusCode, text: &'static str) -> Response {
    with_type(status, "text/plain; charset=utf-8", text.into())
}

/// The first value of a name in the query.
pub fn query(request: &Request, name: &str) -> Option<String> {
    let query = request.uri().query()?;
    url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// 303 to another address: the browser fetches it with GET whatever the method was (RFC 9110 §15.4.4).
pub fn redirect(location: &str) -> Response {
    let Ok(value) = HeaderValue::try_from(location) else {
        return status(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut response = status(StatusCode::SEE_OTHER);
    response.headers_mut().insert(LOCATION, value);
    response
}

/// Hands a request to an axum router and takes its response back.
pub async fn router(router: &Router, request: Request) -> Response {
    match router.clone().oneshot(request.map(axum::body::Body::new)).await {
        Ok(response) => response.map(Body::from),
        Err(never) => match never {},
    }
}

fn with_type(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    response
}
