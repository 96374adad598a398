//! What every request to the console passes: who may ask from where, and what browsers are told to refuse.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{Extensions, Method};

use super::Console;
use super::error::ApiError;

/// Refuses requests that change something unless they are JSON of the console's own apps.
///
/// `SameSite=Strict` keeps other sites out already; this keeps out what shares the console's site, too.
pub(super) async fn same_origin(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::CONNECT);
    match changes.then(|| check(request.headers(), console.origin())) {
        Some(Err(error)) => error.into_response(),
        _ => next.run(request).await,
    }
}

fn check(headers: &HeaderMap, origin: &str) -> Result<(), ApiError> {
    let json = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| {
            value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        })
    };
    if !headers.get(CONTENT_TYPE).is_some_and(json) {
        return Err(ApiError::NotJson);
    }
    let from_here = headers.get_all(ORIGIN).iter().all(|value| value.as_bytes() == origin.as_bytes());
    let same_origin = |value: &HeaderValue| matches!(value.as_bytes(), b"same-origin" | b"none");
    if from_here && headers.get_all("sec-fetch-site").iter().all(same_origin) {
        Ok(())
    } else {
        Err(ApiError::OtherOrigin)
    }
}

/// Marks the response whose document may stand in frames of the view domain: the panel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Framed;

/// Marks a picture from elsewhere: should it be opened as a document, it has no scripts and no origin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture;

const PICTURE: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// Tells browsers what to refuse. Every response gets it, whoever made it.
pub(super) async fn headers(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let framed = take::<Framed>(response.extensions_mut());
    let picture = take::<Picture>(response.extensions_mut());
    let policy = if picture { PICTURE.to_owned() } else { console.policy(framed) };
    let headers = response.headers_mut();
    let fixed = |headers: &mut HeaderMap, name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    fixed(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
    fixed(headers, REFERRER_POLICY, "no-referrer");
    fixed(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    fixed(
        headers,
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()",
    );
    if framed {
        // A site may demand both of what it frames (HTML, "cross-origin embedder policy").
        fixed(headers, HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
        fixed(headers, HeaderName::from_static("cross-origin-embedder-policy"), "require-corp");
    } else {
        fixed(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
        fixed(headers, HeaderName::from_static("x-frame-options"), "DENY");
    }
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn take<T: Send + Sync + Clone + 'static>(extensions: &mut Extensions) -> bool {
    extensions.remove::<T>().is_some()
}
