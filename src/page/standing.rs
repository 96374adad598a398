//! Who asks on a view host: the customer, by a cookie, or a page of the session that asks without cookies.

use std::net::IpAddr;

use http::header::{HeaderMap, ORIGIN, REFERER};
use url::Url;

use crate::listener::Downstream;
use crate::respond::Request;
use crate::rewrite::url::ViewMap;
use crate::session::Session;

/// What a request may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Everything, the session's cookies included.
    Customer,
    /// The way to the site, without cookies in either direction.
    Anonymous,
}

/// Browsers send no cookies with preflights, fonts, module scripts, `crossorigin` media, manifests, whatever a script
/// fetches with `credentials: "omit"` or across origins, and with what a sandboxed frame loads. Such requests say which
/// page they come from, and come from where the customer's browser is.
///
/// `None`: somebody else's request.
pub fn standing(session: &Session, request: &Request) -> Option<Standing> {
    let place = request.extensions().get::<Downstream>().map(|downstream| downstream.asker.to_canonical());
    if session.is_customer(request.headers()) {
        if let Some(place) = place {
            session.called_from(place);
        }
        return Some(Standing::Customer);
    }
    let near = place.is_some_and(|place: IpAddr| session.knows(place));
    (near && is_of_page(request.headers(), &session.views)).then_some(Standing::Anonymous)
}

/// Whether a page of the session loads or fetches something. Navigations and sockets carry the customer's cookie, or are
/// not the customer's.
fn is_of_page(headers: &HeaderMap, views: &ViewMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if !matches!(text("sec-fetch-mode"), Some("cors" | "no-cors" | "same-origin") | None) {
        return false;
    }
    let of_session = |value: &str| Url::parse(value).is_ok_and(|url| views.unmap(&url).is_some());
    // A sandboxed page is of no origin and names none. It knows the view hosts' names, and gets what is everybody's.
    text("sec-fetch-site") == Some("same-origin")
        || text("origin") == Some("null")
        || [ORIGIN, REFERER].iter().any(|name| text(name.as_str()).is_some_and(of_session))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SessionId;
    use crate::rewrite::url::ViewDomain;

    #[test]
    fn a_page_of_the_session_is_told_from_others_by_what_browsers_say() {
        let id = SessionId::random();
        let views = ViewMap::new(ViewDomain::parse("http://view.localhost:7070").unwrap(), id);
        let own = format!("http://{id}-www-shop-com.view.localhost:7070");
        let other = format!("http://{}-www-shop-com.view.localhost:7070", SessionId::random());
        let asked = |pairs: &[(&'static str, &str)]| {
            let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            is_of_page(&headers, &views)
        };
        assert!(asked(&[("sec-fetch-mode", "cors"), ("origin", &own)]), "a fetch of another origin, a preflight");
        assert!(asked(&[("sec-fetch-mode", "no-cors"), ("referer", &own)]), "a picture in a sandboxed frame");
        assert!(asked(&[("sec-fetch-mode", "cors"), ("sec-fetch-site", "same-origin")]), "a fetch that omits cookies");
        assert!(asked(&[("origin", &own)]), "a browser that tells no more");
        assert!(!asked(&[]));
        assert!(!asked(&[("sec-fetch-mode", "cors"), ("origin", &other)]));
        assert!(asked(&[("sec-fetch-mode", "cors"), ("origin", "null")]), "a fetch of a sandboxed page");
        assert!(!asked(&[("sec-fetch-mode", "navigate"), ("origin", "null")]));
        assert!(!asked(&[("sec-fetch-mode", "cors"), ("origin", "https://evil.example")]));
        assert!(!asked(&[("sec-fetch-mode", "navigate"), ("referer", &own)]));
        assert!(!asked(&[("sec-fetch-mode", "websocket"), ("origin", &own)]));
    }
}
