//! Tells agents what the customer opened that the stage cannot show: files, failures, sites outside the list.

use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderMap};

use super::Pages;
use super::body::is_download;
use super::visit::Visit;
use crate::protocol::Meeting;
use crate::respond::{Failure, Response};
use crate::rewrite::header::{self, Destination};
use crate::session::Session;

impl Pages {
    /// Looks at what a top-level page became. What has a mirror is not told: viewers see it.
    pub(super) fn meet(&self, session: &Arc<Session>, visit: &Visit, result: &Result<Response, Failure>) {
        if visit.exchange.destination != Destination::Document {
            return;
        }
        let met = match result {
            Ok(response) => opened(visit, response),
            Err(Failure::NotAllowed { .. }) => Some(Meeting::NotAllowed),
            Err(Failure::Upstream { .. } | Failure::Body { .. }) => Some(Meeting::Failed),
            Err(_) => None,
        };
        if let (Some(what), Some(hub)) = (met, self.hubs.of(session)) {
            hub.met(what, visit.exchange.site.origin());
        }
    }
}

fn opened(visit: &Visit, response: &Response) -> Option<Meeting> {
    let status = response.status();
    let shows = !status.is_redirection() && !matches!(status.as_u16(), 204 | 205);
    if !shows || visit.exchange.body(status, response.headers()) == header::Body::Html {
        // An attached page is saved, whatever it is.
        return (shows && is_download(response.headers())).then_some(Meeting::Download);
    }
    if is_download(response.headers()) {
        return Some(Meeting::Download);
    }
    let essence = essence(response.headers());
    let family = essence.split('/').next().unwrap_or_default();
    Some(match (family, essence.as_str()) {
        (_, "application/pdf") => Meeting::Pdf,
        ("image", _) => Meeting::Image,
        ("text" | "audio" | "video", _) | (_, "application/json" | "application/xml" | "") => Meeting::Document,
        (_, other) if other.ends_with("+xml") || other.ends_with("+json") => Meeting::Document,
        // Browsers save what they cannot show.
        _ => Meeting::Download,
    })
}

fn essence(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_essence_of_a_content_type_has_no_parameters() {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, "Application/PDF; name=x".parse().unwrap())]);
        assert_eq!(essence(&headers), "application/pdf");
        assert_eq!(essence(&HeaderMap::new()), "");
    }
}
