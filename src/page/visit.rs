//! One request of the customer's browser and its response, between the view host and the site.

use std::time::SystemTime;

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use http::{Version, request};
use url::Url;

use super::Pages;
use super::body::Kind;
use super::standing::Standing;
use crate::id::Secret;
use crate::respond::{Coding, Failure, Locale, Request, Response};
use crate::rewrite::cookie::{Seen, Source};
use crate::rewrite::csp;
use crate::rewrite::header::{self, Exchange};
use crate::rewrite::url::Site;
use crate::session::{Session, lock};
use crate::upstream::Waited;

/// What is known of a request, and needed when its response comes.
pub struct Visit {
    pub exchange: Exchange,
    standing: Standing,
    /// The browser's cookies for the view host, as they came.
    seen: Seen,
    /// What a rewritten body may be packed with.
    pub coding: Coding,
    pub locale: Locale,
}

impl Pages {
    /// Reads the request. What scripts have written into cookies goes to the jar.
    pub(super) fn visit(
        &self,
        session: &Session,
        site: &Site,
        request: &Request,
        standing: Standing,
    ) -> Result<Visit, Failure> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        // Joined as text: a path like `//x` must not become another host.
        let address = format!("{}{path}", site.origin());
        let mut url = Url::parse(&address).map_err(|_| Failure::Malformed("the address"))?;
        header::tell_own(&mut url, &session.views);
        let headers = request.headers();
        let known = |site: &Site| session.knows_only(site);
        let exchange = Exchange::of(headers, request.method(), &url, &session.views, &self.console, known)
            .ok_or(Failure::Malformed("the address"))?;
        let cookies = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
        let cookies = cookies.filter(|_| standing == Standing::Customer);
        let seen = lock(&session.jar).merge(cookies, &url, exchange.document.as_ref(), SystemTime::now());
        Ok(Visit { standing, seen, coding: Coding::for_browser(headers), locale: Locale::of(headers), exchange })
    }

    /// The site's response as the browser gets it.
    pub(super) fn answer(&self, session: &Session, visit: &Visit, response: Response) -> Response {
        let (mut parts, body) = response.into_parts();
        parts.version = Version::HTTP_11;
        // Only this means the same downstream.
        let waited: Option<Waited> = parts.extensions.remove();
        parts.extensions = http::Extensions::new();
        waited.map(|waited| parts.extensions.insert(waited));
        let kind = Kind::of(visit, &parts);
        let context = csp::Context {
            map: session.views.clone(),
            site: visit.exchange.site.clone(),
            console: self.console.clone(),
            nonce: Some(Secret::random().reveal()),
        };
        let kept = header::response(&mut parts.headers, &visit.exchange, kind.body(), &context);
        visit.keep(session, &mut parts.headers, &kept);
        let body = self.body(session, visit, kind, &mut parts, body, context);
        Response::from_parts(parts, body)
    }
}

impl Visit {
    /// The request's head as the site gets it.
    ///
    /// # Errors
    /// [`Failure::Malformed`] when the address cannot be sent.
    pub fn head(&self, session: &Session, parts: &mut request::Parts) -> Result<(), Failure> {
        let Exchange { url, relation, .. } = &self.exchange;
        parts.uri = url[..url::Position::AfterQuery].parse().map_err(|_| Failure::Malformed("the address"))?;
        parts.version = Version::HTTP_11;
        header::request(&mut parts.headers, &self.exchange);
        if self.standing == Standing::Customer
            && let Some(cookies) = lock(&session.jar).header(url, *relation, SystemTime::now())
        {
            parts.headers.insert(COOKIE, cookies);
        }
        Ok(())
    }

    /// Cookies go into the jar, and what scripts may see of them to the browser.
    pub fn keep(&self, session: &Session, headers: &mut HeaderMap, kept: &header::Kept) {
        let Exchange { url, relation, .. } = &self.exchange;
        let now = SystemTime::now();
        let mut jar = lock(&session.jar);
        // The session may have ended while the site answered: then nothing is kept of it.
        if session.is_over() || self.standing == Standing::Anonymous {
            return;
        }
        if kept.clear {
            jar.clear(url);
        }
        for value in &kept.cookies {
            jar.store(value.as_bytes(), url, Source::Http, *relation, now);
        }
        let view = session.views.domain().scheme;
        for value in jar.replicate(url, &self.seen, view, self.exchange.freshness(), now) {
            headers.append(SET_COOKIE, value);
        }
    }
}
