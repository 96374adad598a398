//! Collects what browsers report of requests that left the mapping: rewriting that misses something shows here.

use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use url::Url;

use crate::respond::{self, Failure, Request, Response};
use crate::rewrite::url::Site;
use crate::session::Session;

/// A report repeats its policy, and addresses of a few kilobytes.
const MAX_REPORT: usize = 32 * 1024;

/// The body that `report-uri` gets (CSP3 §5.3).
#[derive(Deserialize)]
struct Reported {
    #[serde(rename = "csp-report")]
    report: Report,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    blocked_uri: String,
    #[serde(default)]
    effective_directive: String,
    #[serde(default)]
    violated_directive: String,
}

/// Counts one. Page scripts can send such reports, too: what they say is counted, bounded, and believed no further.
pub(super) async fn escaped(session: &Session, site: &Site, request: Request) -> Result<Response, Failure> {
    if !is_report(request.headers()) {
        return Err(Failure::Forbidden("only browsers report here"));
    }
    let body = Limited::new(request.into_body(), MAX_REPORT).collect().await;
    let body = body.map_err(|_| Failure::Malformed("a report"))?.to_bytes();
    let Reported { report } = serde_json::from_slice(&body).map_err(|_| Failure::Malformed("a report"))?;
    if let (Some(target), Some(kind)) = (target(&report.blocked_uri), kind(&report)) {
        session.escaped(&site.origin(), kind, &target);
    }
    Ok(respond::status(StatusCode::NO_CONTENT))
}

fn is_report(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let json = text("content-type").starts_with("application/csp-report");
    json && matches!(text("sec-fetch-site"), "same-origin" | "")
}

/// Whom the request was for: nothing of the address but its origin. Inline code and `data:` ask nobody.
fn target(blocked: &str) -> Option<String> {
    let url = Url::parse(blocked).ok().filter(|url| matches!(url.scheme(), "http" | "https" | "ws" | "wss"))?;
    Some(url.origin().ascii_serialization())
}

fn kind(report: &Report) -> Option<&str> {
    let directive =
        if report.effective_directive.is_empty() { &report.violated_directive } else { &report.effective_directive };
    let name = directive.split(' ').next().unwrap_or_default();
    let good = !name.is_empty() && name.len() <= 40 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    good.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_to_somebody_are_counted_and_nothing_of_their_path() {
        assert_eq!(target("https://x.test/a?card=1").as_deref(), Some("https://x.test"));
        assert_eq!(target("ws://x.test:81").as_deref(), Some("ws://x.test:81"));
        for nobody in ["inline", "eval", "data", "blob:https://x.test/1", ""] {
            assert_eq!(target(nobody), None, "{nobody}");
        }
    }
}
