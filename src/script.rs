//! The life of a page that Lado does not serve and that loads its script: launcher, consent, sync script, socket, panel.

use std::num::NonZeroU32;
use std::sync::Arc;

use governor::Quota;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN};
use http::{Method, StatusCode};
use url::Url;

use crate::assets;
use crate::hub::Hubs;
use crate::id::Secret;
use crate::listener::{Downstream, Rate};
use crate::page::boot::Boots;
use crate::respond::{self, Body, Failure, Locale, Request, Response, Sockets};
use crate::rewrite::url::Site;
use crate::session::{EndedBy, Home, HomeKind, Phase, Session, SessionError, Sessions, Ticket};
use crate::sync::{self, Opener};

/// Where the one script that pages load is, on the console's host.
pub const LOADER: &str = "/lado.js";
/// Where everything else is that those pages need.
pub const PREFIX: &str = "/script/";

/// Answers on the console's host for pages of other hosts.
pub struct Scripts {
    /// The console's origin, without a slash at its end.
    console: String,
    sessions: Arc<Sessions>,
    hubs: Arc<Hubs>,
    boots: Arc<Boots>,
    /// New sessions of one address.
    asking: Rate,
    sockets: Sockets,
}

/// Somebody who asks for help more often than this is no somebody.
const ASKS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("not zero");

impl Scripts {
    pub fn new(console: String, sessions: Arc<Sessions>, hubs: Arc<Hubs>, boots: Arc<Boots>, sockets: Sockets) -> Self {
        let asking = Rate::new(Quota::per_minute(ASKS_PER_MINUTE));
        Self { console, sessions, hubs, boots, asking, sockets }
    }

    /// Whether a path of the console's host is for pages of other hosts.
    pub fn serves(path: &str) -> bool {
        path == LOADER || path.starts_with(PREFIX)
    }

    /// Whether a path begins a session.
    pub fn begins(path: &str) -> bool {
        path.strip_prefix(PREFIX) == Some("help")
    }

    /// # Errors
    /// [`Failure`] for [`respond::rescue`].
    pub fn answer(&self, request: Request) -> Result<Response, Failure> {
        let path = request.uri().path().to_owned();
        match (request.method(), path.strip_prefix(PREFIX).unwrap_or(&path)) {
            (&Method::GET, LOADER) => Ok(loader()),
            (&Method::GET, "help") => self.help(&request),
            (&Method::GET, "boot.js") => self.boot(&request),
            (&Method::GET, name) if name.starts_with("late.") && name.ends_with(".js") => Ok(late(name)),
            (&Method::GET, "panel") => self.panel(&request),
            (&Method::GET, "leave") => self.leave(&request),
            (_, "sync") => self.sync(request),
            (&Method::POST, "end") => {
                let session = self.session(&request)?;
                let home = check_home(&session, &request)?;
                self.sessions.end(&session, EndedBy::Customer);
                let mut response = respond::status(StatusCode::NO_CONTENT);
                // The page asks with CORS: only so is its origin said under every Referrer-Policy.
                response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, home);
                Ok(response)
            }
            _ => Err(Failure::NotFound),
        }
    }

    /// *Get help* has been pressed: a session begins, and the console asks for the customer's consent.
    fn help(&self, request: &Request) -> Result<Response, Failure> {
        // An image or a frame on somebody's busy page would have every visitor's browser begin a session.
        let says = |name, wanted| request.headers().get(name).is_none_or(|value| value == wanted);
        if !says("sec-fetch-mode", "navigate") || !says("sec-fetch-dest", "document") {
            return Err(Failure::Forbidden("help is asked for by going there"));
        }
        let asker = request.extensions().get::<Downstream>().map(|downstream| downstream.asker);
        if asker.is_some_and(|asker| !self.asking.allows(asker)) {
            return Err(Failure::Busy);
        }
        let company = respond::query(request, "company").ok_or(Failure::NotFound)?;
        let company = self.sessions.companies().get(&company).ok_or(Failure::NotFound)?;
        let start = respond::query(request, "at")
            .and_then(|at| Url::parse(&at).ok())
            .ok_or(Failure::Malformed("the address"))?;
        let site = Site::of(&start).ok_or(Failure::Malformed("the address"))?;
        if !company.loads_script(&site.origin()) {
            return Err(Failure::Forbidden("the company's settings do not name this page's origin under scripts"));
        }
        let asked = respond::query(request, "asked").and_then(|asked| Secret::parse(&asked).ok());
        let asked = asked.ok_or(Failure::Malformed("what the page knows again who has asked by"))?;
        match self.sessions.ask(&company, start, Home { sites: vec![site], kind: HomeKind::Script, asked }) {
            Ok((_, token)) => Ok(respond::redirect(&format!("{}/j/{token}", self.console))),
            Err(SessionError::Full(_) | SessionError::CompanyFull(_)) => Err(Failure::Busy),
            Err(_) => Err(Failure::Forbidden("sessions do not start here")),
        }
    }

    /// The sync script with what it must know: for a ticket from the consent, or the token that came with it.
    fn boot(&self, request: &Request) -> Result<Response, Failure> {
        let session = match respond::query(request, "ticket") {
            Some(ticket) => match self.sessions.redeem(&ticket) {
                // The tab that has asked knows by what: a link that somebody has been sent starts nothing.
                Some((session, Ticket::Enter))
                    if is_of_script(&session)
                        && respond::query(request, "asked").is_some_and(|asked| session.knows_asked(&asked)) =>
                {
                    session
                }
                _ => return Err(Failure::NotCustomer),
            },
            None => self.session(request)?,
        };
        let home = session.home.as_ref().and_then(|home| home.sites.first()).ok_or(Failure::NotFound)?;
        let scripts = self.boots.scripts(&session, home, Locale::of(request.headers()));
        Ok(script(scripts.boot.bytes.clone().into(), "no-store"))
    }

    fn panel(&self, request: &Request) -> Result<Response, Failure> {
        let session = self.session(request)?;
        if request.headers().get("sec-fetch-dest").is_none_or(|dest| dest != "iframe") {
            return Err(Failure::Forbidden("the panel opens inside a page only"));
        }
        Ok(respond::redirect(&format!("{}/panel#{}", self.console, session.ticket(Ticket::Panel))))
    }

    /// A link to another site: to its view host where the company allows it, else where it leads by itself.
    fn leave(&self, request: &Request) -> Result<Response, Failure> {
        let session = self.session(request)?;
        let to = respond::query(request, "to")
            .and_then(|to| Url::parse(&to).ok())
            .ok_or(Failure::Malformed("the address"))?;
        if !matches!(to.scheme(), "http" | "https") {
            return Err(Failure::Malformed("the address"));
        }
        let mapped = session.company.allows(&to).then(|| session.views.map_url(&to)).flatten();
        Ok(respond::redirect(mapped.as_ref().unwrap_or(&to).as_str()))
    }

    fn sync(&self, mut request: Request) -> Result<Response, Failure> {
        let session = self.session(&request)?;
        let home = session.home.as_ref().and_then(|home| home.sites.first()).cloned().ok_or(Failure::NotFound)?;
        if !sync::is_from(request.headers(), &home.origin()) {
            return Err(Failure::Forbidden("the sync socket is for the page's own origin"));
        }
        let Some(hub) = self.hubs.of(&session) else { return Err(Failure::NotCustomer) };
        let (response, socket) = respond::websocket(&mut request)?;
        self.sockets.spawn(async move {
            match socket.await {
                Ok(socket) => sync::page(hub, home, Opener::Page, socket).await,
                Err(error) => tracing::debug!(%error, "a page's socket did not open"),
            }
        });
        Ok(response)
    }

    fn session(&self, request: &Request) -> Result<Arc<Session>, Failure> {
        let token = respond::query(request, "token").ok_or(Failure::NotCustomer)?;
        let session = self.sessions.by_page_token(&token).filter(|session| is_of_script(session));
        session.ok_or(Failure::NotCustomer)
    }
}

/// The origin of the page that asks, if it is the session's own.
fn check_home(session: &Session, request: &Request) -> Result<HeaderValue, Failure> {
    let origin = request.headers().get(ORIGIN);
    let is_home = |origin: &&HeaderValue| {
        session.home.as_ref().is_some_and(|home| home.sites.iter().any(|site| *origin == site.origin().as_str()))
    };
    origin.filter(is_home).cloned().ok_or(Failure::Forbidden("only the page's own origin ends its session"))
}

fn is_of_script(session: &Session) -> bool {
    session.home.as_ref().is_some_and(|home| home.kind == HomeKind::Script)
        && matches!(session.phase(), Phase::Waiting | Phase::Active)
}

/// Pages name it without a version: it is asked for again every five minutes.
fn loader() -> Response {
    script(
        bytes::Bytes::from_static(assets::launcher().bytes).into(),
        "public, max-age=300, stale-while-revalidate=86400",
    )
}

/// What only some pages need of the sync script: a module, which other origins load with CORS only.
fn late(name: &str) -> Response {
    let late = assets::late();
    let current = name.split('.').nth(1) == Some(late.hash.as_str());
    let mut response = script(
        bytes::Bytes::from_static(&late.bytes).into(),
        if current { "private, max-age=31536000, immutable" } else { "no-store" },
    );
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

fn script(bytes: Body, keep: &'static str) -> Response {
    let mut response = Response::new(bytes);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    // Pages of any origin load it, under COEP too.
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}
