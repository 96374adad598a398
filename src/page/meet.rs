//! Tells agents what the customer opened that the stage cannot show, or not alone: files, failures, sites outside the
//! list, pages that may not let a session through.

use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderMap};

use super::Pages;
use super::body::is_download;
use super::visit::Visit;
use crate::protocol::Meeting;
use crate::respond::{Failure, Response};
use crate::rewrite::header::{self, Destination};
use crate::rules::wall::{self, Walls};
use crate::session::Session;

impl Pages {
    /// Looks at what a top-level page became. What has a mirror is not told, walls aside: viewers see it.
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
            let site = visit.exchange.site.origin();
            tracing::info!(session = %session.id, site, met = ?what, "the customer met");
            hub.met(what, site);
        }
    }
}

fn opened(visit: &Visit, response: &Response) -> Option<Meeting> {
    let status = response.status();
    let shows = !status.is_redirection() && !matches!(status.as_u16(), 204 | 205);
    if !shows || visit.exchange.body(status, response.headers()) == header::Body::Html {
        // An attached page is saved, whatever it is.
        let saved = shows && is_download(response.headers());
        return if saved { Some(Meeting::Download) } else { wall(visit, response).filter(|_| shows) };
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

/// A page that is mirrored as any other, but may not let the customer on.
fn wall(visit: &Visit, response: &Response) -> Option<Meeting> {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let exchange = &visit.exchange;
    let kind = Walls::presets().judge(exchange.site.host(), exchange.url.path(), response.status().as_u16(), header)?;
    Some(match kind {
        wall::Kind::Bot => Meeting::BotWall,
        wall::Kind::SignIn => Meeting::SignIn,
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
