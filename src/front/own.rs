//! Lado's own paths on front hosts: the launcher, the way into a session, its script, socket and panel, the way out.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use http::{Method, StatusCode};
use url::Url;

use super::{Front, Fronts, is_home};
use crate::assets;
use crate::id::Secret;
use crate::listener::Downstream;
use crate::respond::{self, Body, Failure, Locale, Request, Response};
use crate::rewrite::url::Site;
use crate::session::{EndedBy, Found, Home, HomeKind, Session, SessionError, Ticket};
use crate::sync::{self, Opener};

impl Fronts {
    pub(super) async fn own(
        &self,
        front: &Front,
        site: &Site,
        path: &str,
        downstream: Downstream,
        request: Request,
    ) -> Result<Response, Failure> {
        match (request.method(), path) {
            (&Method::GET, "help") => return self.help(front, site, downstream, &request),
            (&Method::GET, "enter") => return self.enter(site, &request),
            (&Method::GET, _) if path.starts_with("launcher.") => return Ok(launcher(path)),
            _ => {}
        }
        let session = match self.sessions.of_customer(request.headers()) {
            Some(Found::Open(session)) if is_home(&session, site) => session,
            _ => return Err(Failure::NotCustomer),
        };
        match (request.method(), path) {
            (_, "sync") => self.sync(&session, site, request),
            (&Method::GET, "panel") => self.panel(&session, &request),
            (&Method::GET, "leave") => self.leave(front, &session, site, &request),
            (&Method::POST, "end") if same_origin(request.headers()) => {
                self.sessions.end(&session, EndedBy::Customer);
                Ok(respond::status(StatusCode::NO_CONTENT))
            }
            (&Method::GET, _) if path.starts_with("boot.") && path.ends_with(".js") => {
                let scripts = self.boots.scripts(&session, site, Locale::of(request.headers()));
                Ok(script(scripts.boot.bytes.clone().into(), "no-store"))
            }
            (&Method::GET, _) if path.starts_with("late.") && path.ends_with(".js") => Ok(late(path)),
            _ => Err(Failure::NotFound),
        }
    }

    /// *Get help* has been pressed: a session begins, and the console asks for the customer's consent.
    fn help(&self, front: &Front, site: &Site, downstream: Downstream, request: &Request) -> Result<Response, Failure> {
        // Another site's link must not begin anything here.
        if !same_origin(request.headers()) {
            return Ok(respond::redirect("/"));
        }
        if !self.asking.allows(downstream.asker) {
            return Err(Failure::Busy);
        }
        let at = query(request, "at").filter(|at| at.starts_with('/') && !at[1..].starts_with(['/', '\\']));
        let start = Url::parse(&format!("{}{}", site.origin(), at.as_deref().unwrap_or("/")));
        let start = start.map_err(|_| Failure::Malformed("the page's address"))?;
        let others = front.hosts.iter().filter_map(|host| site.with_host(host));
        let sites = std::iter::once(site.clone()).chain(others.filter(|other| other != site)).collect();
        let company = self.sessions.companies().get(&front.company).ok_or(Failure::NotFound)?;
        match self.sessions.ask(&company, start, Home { sites, kind: HomeKind::Front, asked: Secret::random() }) {
            Ok((session, token)) => {
                let mut response = respond::redirect(&format!("{}/j/{token}", self.console));
                let cookie = session.asked_cookie(site.scheme()).and_then(|cookie| HeaderValue::try_from(cookie).ok());
                response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
                Ok(response)
            }
            Err(SessionError::Full(_) | SessionError::CompanyFull(_)) => Err(Failure::Busy),
            Err(_) => Err(Failure::Forbidden("sessions do not start here")),
        }
    }

    /// The customer has said yes, and is known on the view domain: now on this host too.
    fn enter(&self, site: &Site, request: &Request) -> Result<Response, Failure> {
        let redeemed = query(request, "ticket").and_then(|ticket| self.sessions.redeem(&ticket));
        // A ticket that somebody has been sent would put them into a session that is not theirs.
        let headers = request.headers();
        let own = |(session, ticket): &(Arc<Session>, Ticket)| match ticket {
            Ticket::Enter => is_home(session, site) && session.has_asked(headers),
            Ticket::Sibling => is_home(session, site) && same_site(headers),
            Ticket::Panel | Ticket::Viewer(_) => false,
        };
        let Some((session, _)) = redeemed.filter(own) else {
            // Who comes back to this address (history, reload) is in already.
            return match self.sessions.of_customer(request.headers()) {
                Some(Found::Open(session)) if is_home(&session, site) => Ok(respond::redirect("/")),
                _ => Err(Failure::NotCustomer),
            };
        };
        let to = query(request, "to").filter(|to| to.starts_with('/') && !to[1..].starts_with(['/', '\\']));
        let to = to.unwrap_or_else(|| session.start[url::Position::BeforePath..].to_owned());
        let mut response = respond::redirect(&to);
        if let Ok(cookie) = HeaderValue::try_from(session.front_cookie(site.scheme())) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        // Pages that the browser keeps from before have the launcher in them.
        response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
        Ok(response)
    }

    fn sync(&self, session: &Arc<Session>, site: &Site, mut request: Request) -> Result<Response, Failure> {
        if !sync::is_from(request.headers(), &site.origin()) {
            return Err(Failure::Forbidden("the sync socket is for the site's own pages"));
        }
        let Some(hub) = self.hubs.of(session) else { return Err(Failure::NotCustomer) };
        let (response, socket) = respond::websocket(&mut request)?;
        let site = site.clone();
        self.sockets.spawn(async move {
            match socket.await {
                Ok(socket) => sync::page(hub, site, Opener::Page, socket).await,
                Err(error) => tracing::debug!(%error, "a page's socket did not open"),
            }
        });
        Ok(response)
    }

    /// The door to the customer's panel: it lets the panel's frame through, with a ticket, and nothing else.
    fn panel(&self, session: &Session, request: &Request) -> Result<Response, Failure> {
        if request.headers().get("sec-fetch-dest").is_none_or(|dest| dest != "iframe")
            || !same_origin(request.headers())
        {
            return Err(Failure::Forbidden("the panel opens inside a page only"));
        }
        Ok(respond::redirect(&format!("{}/panel#{}", self.console, session.ticket(Ticket::Panel))))
    }

    /// A link to another site: to its view host where the company allows it, else where it leads by itself.
    fn leave(&self, front: &Front, session: &Session, site: &Site, request: &Request) -> Result<Response, Failure> {
        // Else anybody's link through here would look like the site's own.
        if !same_origin(request.headers()) {
            return Err(Failure::Forbidden("only the site's own pages leave through here"));
        }
        let to = query(request, "to").and_then(|to| Url::parse(&to).ok()).ok_or(Failure::Malformed("the address"))?;
        let target = Site::of(&to).ok_or(Failure::Malformed("the address"))?;
        // Of another site the browser could not say that it was this one's page that led there.
        let sibling = target != *site && target.same_site(site) && session.views.fronts().contains(&target);
        if sibling && front.hosts.iter().any(|host| host == target.host()) {
            let path = &to[url::Position::BeforePath..];
            let parameters = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("ticket", &session.ticket(Ticket::Sibling))
                .append_pair("to", path)
                .finish();
            return Ok(respond::redirect(&format!("{}/__lado/enter?{parameters}", target.origin())));
        }
        let mapped = session.company.allows(&to).then(|| session.views.map_url(&to)).flatten();
        Ok(respond::redirect(mapped.as_ref().unwrap_or(&to).as_str()))
    }
}

/// Whether the browser says that a page of this very origin asks.
pub(super) fn same_origin(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
}

/// Whether the browser says that a page of this site has led here.
fn same_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "same-site" || site == "same-origin")
}

fn query(request: &Request, name: &str) -> Option<String> {
    let query = request.uri().query()?;
    url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn launcher(path: &str) -> Response {
    let launcher = assets::launcher();
    // A page that was kept from before an update asks for an older one: it gets today's, but not to keep.
    let current = path.split('.').nth(1) == Some(launcher.hash.as_str());
    script(
        bytes::Bytes::from_static(launcher.bytes).into(),
        if current { "public, max-age=31536000, immutable" } else { "no-cache" },
    )
}

/// What only some pages need of the sync script.
fn late(path: &str) -> Response {
    let late = assets::late();
    let current = path.split('.').nth(1) == Some(late.hash.as_str());
    script(
        bytes::Bytes::from_static(&late.bytes).into(),
        if current { "private, max-age=31536000, immutable" } else { "no-store" },
    )
}

fn script(bytes: Body, keep: &'static str) -> Response {
    let mut response = Response::new(bytes);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}
