//! What a page says of its own address in the body of a request, like the `redirect_uri` of a sign-in: a page reads its
//! view host's in `location`, and the site is told its own.

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http_body_util::{BodyExt as _, Limited};

use crate::respond::{Body, Failure};
use crate::rewrite::url::ViewMap;

/// A larger body holds more than answers and addresses, and passes as it comes.
const MAX: usize = 64 * 1024;

/// With one of these a page has signed its bytes.
const SIGNED: [&str; 5] = ["content-digest", "content-md5", "digest", "signature", "x-amz-content-sha256"];

/// The body with the sites' addresses; `headers` then tell its new length.
///
/// # Errors
/// [`Failure::Malformed`] when the body does not come as its head has promised.
pub async fn told(views: &ViewMap, headers: &mut HeaderMap, body: Body) -> Result<Body, Failure> {
    if !may_say(headers) {
        return Ok(body);
    }
    let body = Limited::new(body, MAX).collect().await;
    let bytes = body.map_err(|_| Failure::Malformed("the body"))?.to_bytes();
    let Some(told) = views.unmap_said(&bytes) else { return Ok(bytes.into()) };
    headers.insert(CONTENT_LENGTH, HeaderValue::from(told.len()));
    Ok(told.into())
}

/// Whether the body is a form or JSON, plain and of bounded size: never a file.
fn may_say(headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_ascii_lowercase();
    let kind = headers.get(CONTENT_TYPE).map(text).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let length = headers.get(CONTENT_LENGTH).and_then(|value| text(value).parse::<usize>().ok());
    (matches!(kind, "application/x-www-form-urlencoded" | "application/json") || kind.ends_with("+json"))
        && length.is_some_and(|length| length <= MAX)
        && !headers.contains_key(CONTENT_ENCODING)
        && SIGNED.iter().all(|name| !headers.contains_key(*name))
}
