//! Lado's own paths on view hosts: the way in, the injected scripts, the sync socket, aliases.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE};
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde_json::json;
use url::Url;

use super::Pages;
use super::escaped::escaped;
use super::standing::Standing;
use crate::assets;
use crate::respond::{self, Body, Failure, Locale, Request, Response};
use crate::rewrite::url::Site;
use crate::session::{Home, HomeKind, Session, Ticket};
use crate::sync::{self, Opener};

/// Everything under this is Lado's own, on view and on viewer hosts.
pub const PREFIX: &str = "/__lado/";

/// An origin is a scheme, a host name of at most 255 octets, and a port.
const MAX_ORIGIN: usize = 512;

impl Pages {
    /// Lets the customer's browser in: the ticket of the accepted link becomes a cookie.
    pub(super) fn enter(&self, session: &Session, request: &Request) -> Result<Response, Failure> {
        let address = format!("http://lado{}", request.uri());
        let address = Url::parse(&address).map_err(|_| Failure::Malformed("the ticket's address"))?;
        let query =
            |name: &str| address.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let redeemed = query("ticket").and_then(|ticket| self.sessions.redeem(&ticket));
        let entered = matches!(redeemed, Some((of, Ticket::Enter)) if of.id == session.id);
        // Who comes back to this address (history, reload) is in already.
        if !entered && !session.is_customer(request.headers()) {
            return Err(Failure::NotCustomer);
        }
        let start = match &session.home {
            None => session.way_back(),
            // On the view domain the customer is known now; the site under its own name comes next.
            Some(Home { kind: HomeKind::Front, .. }) => to_front(session),
            Some(Home { kind: HomeKind::Script, .. }) => to_script(session),
        };
        let own = |to: &String| session.home.is_none() && to.starts_with('/') && !to[1..].starts_with(['/', '\\']);
        let to = query("to").filter(own).unwrap_or(start);
        let mut response = respond::redirect(&to);
        if entered && let Ok(cookie) = HeaderValue::try_from(session.cookie()) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// What the customer's browser asks for under [`PREFIX`].
    pub(super) async fn own(
        &self,
        session: &Arc<Session>,
        site: &Site,
        path: &str,
        request: Request,
    ) -> Result<Response, Failure> {
        match (request.method(), path) {
            (_, "sync") => self.sync(session, site.clone(), request),
            (&Method::POST, "alias") => alias(session, site, request).await,
            (&Method::POST, "escaped") => escaped(session, site, request).await,
            (&Method::POST, "noted") => self.noted(session, site, &request),
            (&Method::GET, "farewell") => Ok(respond::redirect("/")),
            (&Method::GET, _) => self.script(session, site, path, &request),
            _ => Err(Failure::NotFound),
        }
    }

    /// A script has set a cookie that other hosts of the site share, and says so before one of them is asked: what the
    /// page has noted is among the cookies of this very request.
    fn noted(&self, session: &Session, site: &Site, request: &Request) -> Result<Response, Failure> {
        if !sync::is_from(request.headers(), &session.views.origin(site)) {
            return Err(Failure::Forbidden("notes are for the view host's own pages"));
        }
        self.visit(session, site, request, Standing::Customer)?;
        Ok(respond::status(StatusCode::NO_CONTENT))
    }

    /// The socket of a page: only the view host's own documents may open it.
    fn sync(&self, session: &Arc<Session>, site: Site, request: Request) -> Result<Response, Failure> {
        if !sync::is_from(request.headers(), &session.views.origin(&site)) {
            return Err(Failure::Forbidden("the sync socket is for the view host's own pages"));
        }
        self.synced(session, site, Opener::Page, request)
    }

    /// The socket of a sandboxed frame, which is of no origin and has no cookie.
    pub(super) fn sync_sandboxed(
        &self,
        session: &Arc<Session>,
        site: Site,
        request: Request,
    ) -> Result<Response, Failure> {
        self.synced(session, site, Opener::Sandboxed, request)
    }

    fn synced(
        &self,
        session: &Arc<Session>,
        site: Site,
        opener: Opener,
        mut request: Request,
    ) -> Result<Response, Failure> {
        let Some(hub) = self.hubs.of(session) else { return Err(self.ended(session.id, &request)) };
        let (response, socket) = respond::websocket(&mut request)?;
        self.sockets.spawn(async move {
            match socket.await {
                Ok(socket) => sync::page(hub, site, opener, socket).await,
                Err(error) => tracing::debug!(%error, "a page's socket did not open"),
            }
        });
        Ok(response)
    }

    /// `boot.{hash}.js`, `worker.{hash}.js` and `late.{hash}.js`; a worker, which knows no hash, asks for `worker.js`.
    fn script(&self, session: &Session, site: &Site, path: &str, request: &Request) -> Result<Response, Failure> {
        let scripts = self.boots.scripts(session, site, Locale::of(request.headers()));
        let late = assets::late();
        let stem = path.strip_suffix(".js").ok_or(Failure::NotFound)?;
        let (name, asked) = stem.split_once('.').unwrap_or((stem, ""));
        let (hash, bytes) = match name {
            "boot" => (&scripts.boot.hash, scripts.boot.bytes.clone()),
            "worker" => (&scripts.worker.hash, scripts.worker.bytes.clone()),
            "late" => (&late.hash, Bytes::from_static(&late.bytes)),
            _ => return Err(Failure::NotFound),
        };
        // A page that was loaded before a new alias came asks for an older script: it gets today's, but not to keep.
        let keep = if asked == hash { "private, max-age=31536000, immutable" } else { "no-store" };
        let mut response = Response::new(Body::from(bytes));
        let headers = response.headers_mut();
        if name == "late" {
            // A module; everybody's, and the same in every session.
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
        headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
        // Pages under COEP take only what says that it is theirs, and a sandboxed frame is of no origin.
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
        Ok(response)
    }
}

/// The scripts that Lado puts into pages and workers, by their paths: sandboxed frames ask for them without a cookie.
pub fn is_script(path: &str) -> bool {
    path.ends_with(".js") && ["boot.", "worker.", "late."].iter().any(|name| path.starts_with(name))
}

/// Whether a sandboxed frame of `site` opens its socket: it says that it is of no origin, and knows what only documents of
/// the site were told.
pub fn is_sandboxed(session: &Session, site: &Site, request: &Request) -> bool {
    let token = request.uri().query().and_then(|query| query.strip_prefix("frame="));
    sync::is_from(request.headers(), "null") && token.is_some_and(|token| session.is_sandbox_token(site, token))
}

/// The front host's own way in.
fn to_front(session: &Session) -> String {
    let origin = Site::of(&session.start).map_or_else(String::new, |site| site.origin());
    format!("{origin}/__lado/enter?ticket={}", session.ticket(Ticket::Enter))
}

/// Back to the page, whose launcher knows what to do with the ticket.
fn to_script(session: &Session) -> String {
    let page = &session.start[..url::Position::AfterQuery];
    format!("{page}#lado={}", session.ticket(Ticket::Enter))
}

/// Gives out the label of a site whose name does not fit into one.
async fn alias(session: &Session, site: &Site, request: Request) -> Result<Response, Failure> {
    // The label is no secret, but the session's aliases are bounded: other pages may not use them up.
    if !sync::is_from(request.headers(), &session.views.origin(site)) {
        return Err(Failure::Forbidden("aliases are for the view host's own pages"));
    }
    let body = Limited::new(request.into_body(), MAX_ORIGIN).collect().await;
    let body = body.map_err(|_| Failure::Malformed("the alias's origin"))?.to_bytes();
    let site = str::from_utf8(&body).ok().and_then(Site::parse).ok_or(Failure::Malformed("the alias's origin"))?;
    Ok(respond::json(StatusCode::OK, &json!({ "label": session.views.label(&site) })))
}
