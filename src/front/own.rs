//! Lado's own paths on front hosts: the launcher, the way into a session, its script, socket and panel, the way out.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use http::{Method, StatusCode};
use url::Url;

use super::{Front, Fronts, is_home};
use crate::assets;
use crate::id::Secret;
use crate::listener::Downstream;
use crate::respond::{self, Body, Failure, Locale, Request, Response, query};
use crate::rewrite::url::{Scheme, Site};
use crate::session::{EndedBy, Found, Home, HomeKind, Session, SessionError, Ticket, has_cookie};
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
            (&Method::GET, "enter") => return self.enter(front, site, &request),
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
        let at = path_in(request, "at");
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
    fn enter(&self, front: &Front, site: &Site, request: &Request) -> Result<Response, Failure> {
        if let Some(from) = query(request, "from") {
            return self.ask_sibling(front, site, &from, request);
        }
        let redeemed = query(request, "ticket").and_then(|ticket| self.sessions.redeem(&ticket));
        // A ticket that somebody has been sent would put them into a session that is not theirs.
        let headers = request.headers();
        let own = |(session, ticket): &(Arc<Session>, Ticket)| match ticket {
            Ticket::Enter => is_home(session, site) && session.has_asked(headers),
            Ticket::Sibling(way) => is_home(session, site) && has_cookie(headers, WAY, way),
            Ticket::Panel | Ticket::Viewer(_) => false,
        };
        let Some((session, _)) = redeemed.filter(own) else {
            // Who comes back to this address (history, reload) is in already.
            return match self.sessions.of_customer(request.headers()) {
                Some(Found::Open(session)) if is_home(&session, site) => Ok(respond::redirect("/")),
                _ => Err(Failure::NotCustomer),
            };
        };
        let to = path_in(request, "to").unwrap_or_else(|| session.start[url::Position::BeforePath..].to_owned());
        let mut response = respond::redirect(&to);
        if let Ok(cookie) = HeaderValue::try_from(session.front_cookie(site.scheme())) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        // Pages that the browser keeps from before have the launcher in them.
        response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
        Ok(response)
    }

    /// A page of a sibling host leads here, and says that its browser is in a session. The browser gets something that
    /// only it has, and asks there for a ticket that is good with that alone: a ticket that somebody has been sent, or been
    /// led to by a page of the same site, opens nothing.
    fn ask_sibling(&self, front: &Front, site: &Site, from: &str, request: &Request) -> Result<Response, Failure> {
        let path = path_in(request, "to").unwrap_or_else(|| "/".to_owned());
        if let Some(Found::Open(session)) = self.sessions.of_customer(request.headers())
            && is_home(&session, site)
        {
            return Ok(respond::redirect(&path));
        }
        let from =
            Site::parse(from).filter(|from| is_sibling(front, site, from)).ok_or(Failure::Malformed("the host"))?;
        let way = Secret::random().reveal();
        let to = format!("{}{path}", site.origin());
        let parameters = parameters(&[("way", &way), ("to", &to)]);
        let mut response = respond::redirect(&format!("{}/__lado/leave?{parameters}", from.origin()));
        let secure = if site.scheme() == Scheme::Https { "; Secure" } else { "" };
        let cookie = format!("{WAY}={way}; HttpOnly; Path=/__lado/enter; Max-Age=60; SameSite=Lax{secure}");
        response.headers_mut().extend(HeaderValue::try_from(cookie).ok().map(|cookie| (SET_COOKIE, cookie)));
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
        let to = query(request, "to").and_then(|to| Url::parse(&to).ok()).ok_or(Failure::Malformed("the address"))?;
        let target = Site::of(&to).ok_or(Failure::Malformed("the address"))?;
        let sibling = is_sibling(front, site, &target) && session.views.fronts().contains(&target);
        let path = &to[url::Position::BeforePath..];
        if let Some(way) = query(request, "way").and_then(|way| Secret::parse(&way).ok()).filter(|_| sibling) {
            let ticket = session.ticket(Ticket::Sibling(way));
            let parameters = parameters(&[("ticket", &ticket), ("to", path)]);
            return Ok(respond::redirect(&format!("{}/__lado/enter?{parameters}", target.origin())));
        }
        // Else anybody's link through here would look like the site's own.
        if !same_origin(request.headers()) {
            return Err(Failure::Forbidden("only the site's own pages leave through here"));
        }
        if sibling {
            let parameters = parameters(&[("from", &site.origin()), ("to", path)]);
            return Ok(respond::redirect(&format!("{}/__lado/enter?{parameters}", target.origin())));
        }
        let mapped = session.company.allows(&to).then(|| session.views.map_url(&to)).flatten();
        Ok(respond::redirect(mapped.as_ref().unwrap_or(&to).as_str()))
    }
}

/// What a browser is known by on its way from one host of a front to another.
const WAY: &str = "lado_way";

/// Another host of the front and of the same site: cookies of the one are not strangers to the other.
fn is_sibling(front: &Front, site: &Site, other: &Site) -> bool {
    other != site && other.same_site(site) && front.hosts.iter().any(|host| host == other.host())
}

/// A path of the same host, and not of another by a second slash.
fn path_in(request: &Request, name: &str) -> Option<String> {
    query(request, name).filter(|path| path.starts_with('/') && !path[1..].starts_with(['/', '\\']))
}

fn parameters(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Whether the browser says that a page of this very origin asks.
pub(super) fn same_origin(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
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
