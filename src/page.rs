//! The life of a request on a view host, read top to bottom: session, participant, site, upstream, rewrite, respond.

mod body;
pub mod boot;
mod escaped;
mod fetched;
mod frames;
mod meet;
mod own;
mod said;
mod standing;
pub mod tunnel;
mod viewer;
mod visit;

use std::sync::Arc;

use http::Method;
use http::header::HeaderValue;
use serde::Deserialize;

use crate::hub::Hubs;
use crate::id::SessionId;
use crate::respond::{self, Asker, Failure, Farewell, Request, Response, Sockets};
use crate::rewrite::cookie::farewell;
use crate::rewrite::header::{Destination, Exchange};
use crate::rewrite::url::{Label, Scheme};
use crate::route::Hosts;
use crate::session::{Found, Session, Sessions, Ticket};
use crate::upstream::Upstream;
use boot::Boots;
use fetched::Fetched;
pub use own::PREFIX;
use own::{is_sandboxed, is_script};
use standing::{Standing, standing};
use viewer::{Assets, shows};
use visit::Visit;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The most bytes that a rewritten page may unpack to.
    pub max_page: u64,
    /// Bytes of the assets that viewers have loaded, and as many of those that customers' browsers have.
    pub asset_cache: u64,
    /// The largest asset that a viewer may load, in bytes.
    pub max_asset: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_page: 128 * 1024 * 1024, asset_cache: 64 * 1024 * 1024, max_asset: 32 * 1024 * 1024 }
    }
}

/// Answers on view, viewer and panel hosts.
pub struct Pages {
    config: Config,
    /// The console's origin, without a slash at its end.
    console: String,
    scheme: Scheme,
    sessions: Arc<Sessions>,
    hubs: Arc<Hubs>,
    upstream: Upstream,
    boots: Arc<Boots>,
    assets: Arc<Assets>,
    fetched: Fetched,
    sockets: Sockets,
}

impl Pages {
    pub fn new(
        config: Config,
        hosts: &Hosts,
        sessions: Arc<Sessions>,
        hubs: Arc<Hubs>,
        upstream: Upstream,
        boots: Arc<Boots>,
        sockets: Sockets,
    ) -> Self {
        let assets = Arc::new(Assets::new(&config));
        let fetched = Fetched::new(config.asset_cache);
        let kept = (assets.clone(), fetched.clone());
        sessions.at_end(move |session| {
            kept.0.forget(session.id);
            kept.1.forget(session.id);
        });
        let (console, scheme) = (hosts.console(), hosts.view().scheme);
        Self { config, console, scheme, sessions, hubs, upstream, boots, assets, fetched, sockets }
    }

    /// The life of a request of the customer's browser.
    ///
    /// # Errors
    /// [`Failure`] for [`respond::rescue`].
    pub async fn view(&self, id: SessionId, label: &Label, request: Request) -> Result<Response, Failure> {
        let session = self.session(id, &request)?;
        let own = request.uri().path().strip_prefix(PREFIX).map(str::to_owned);
        if own.as_deref() == Some("enter") {
            return self.enter(&session, &request);
        }
        if own.as_deref() == Some("sync")
            && let Some(site) = session.views.site(label).filter(|site| is_sandboxed(&session, site, &request))
        {
            return self.sync_sandboxed(&session, site, request);
        }
        let standing = standing(&session, &request).ok_or(Failure::NotCustomer)?;
        let site = session.views.site(label).ok_or(Failure::NoSite)?;
        if let Some(path) = own {
            if standing == Standing::Anonymous && !is_script(&path) {
                return Err(Failure::NotCustomer);
            }
            return self.own(&session, &site, &path, request).await;
        }
        if request.headers().contains_key("service-worker") {
            // A service worker would stand between the page and Lado, and outlive the session.
            return Err(Failure::Forbidden("service workers do not run in a session"));
        }
        let visit = self.visit(&session, &site, &request, standing)?;
        if respond::is_websocket(&request) && standing == Standing::Customer {
            check_allowed(&session, &visit)?;
            return self.tunnel(&session, visit, request).await;
        }
        let result = self.browse(&session, &visit, request).await;
        self.meet(&session, &visit, &result);
        result
    }

    /// A page or a part of one, from its site.
    async fn browse(&self, session: &Arc<Session>, visit: &Visit, request: Request) -> Result<Response, Failure> {
        check_allowed(session, visit)?;
        let page =
            matches!(visit.exchange.destination, Destination::Document | Destination::Frame | Destination::Unknown);
        session.visits(&visit.exchange.site, page);
        let (mut parts, body) = request.into_parts();
        let dest = parts.headers.get("sec-fetch-dest").cloned();
        visit.head(session, &mut parts)?;
        let body = said::told(&session.views, &mut parts.headers, body).await?;
        let response = self
            .upstream
            .send(Request::from_parts(parts, body))
            .await
            .map_err(|cause| Failure::Upstream { site: visit.exchange.site.origin(), cause })?;
        let response = body::sniffed(visit, response).await?;
        let Exchange { method, url, .. } = &visit.exchange;
        let response = self.fetched.keep(session, method, url, response, |kind| shows(kind, dest.as_ref()));
        body::begun(visit, self.answer(session, visit, response)).await
    }

    /// The door to the customer's panel: it lets the panel's frame through, with a ticket, and nothing else.
    ///
    /// # Errors
    /// [`Failure`] for [`respond::rescue`].
    pub fn panel(&self, id: SessionId, request: &Request) -> Result<Response, Failure> {
        let session = self.session(id, request)?;
        let in_frame = request.headers().get("sec-fetch-dest").is_some_and(|dest| dest == "iframe");
        if request.uri().path() != "/" || request.method() != Method::GET {
            return Err(Failure::NotFound);
        }
        if !in_frame {
            return Err(Failure::Forbidden("the panel opens inside a page only"));
        }
        if !session.is_customer(request.headers()) {
            return Err(Failure::NotCustomer);
        }
        let mut response = respond::redirect(&format!("{}/panel#{}", self.console, session.ticket(Ticket::Panel)));
        // Pages that isolate themselves take only what says that it may be taken (Fetch, "CORP check").
        response.headers_mut().insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
        Ok(response)
    }

    fn session(&self, id: SessionId, request: &Request) -> Result<Arc<Session>, Failure> {
        match self.sessions.find(id) {
            Found::Open(session) => Ok(session),
            Found::Ended(_) | Found::Unknown => Err(self.ended(id, request)),
        }
    }

    /// The farewell: what the session left in the browser goes with it.
    fn ended(&self, id: SessionId, request: &Request) -> Failure {
        let headers = request.headers().get_all(http::header::COOKIE).iter().map(HeaderValue::as_bytes);
        let mut cookies = farewell(headers, request.uri().path(), self.scheme);
        let ended = self.sessions.ended(id);
        // The cookie that proves who may read the farewell goes with it, not with a request that comes before.
        if let Some(ended) = ended.as_ref().filter(|_| Asker::of(request).reads()) {
            cookies.extend(HeaderValue::try_from(ended.expired_cookie.as_str()).ok());
        }
        // The session's id is no secret: who watched is told to the customer alone.
        let own = ended.filter(|ended| ended.was_customer(request.headers()));
        let farewell = own.map(|ended| Farewell {
            company: ended.company.name.clone(),
            agents: ended.admitted.iter().map(|agent| agent.display.clone()).collect(),
            lasted: ended.active_since.and_then(|since| ended.ended.duration_since(since).ok()),
            visited: ended.visited().to_vec(),
        });
        Failure::Ended { cookies, farewell }
    }
}

/// The company's list holds for what the customer opens. What a page loads from elsewhere is the page's own business.
fn check_allowed(session: &Session, visit: &Visit) -> Result<(), Failure> {
    let exchange = &visit.exchange;
    if exchange.destination != Destination::Document || session.company.allows(&exchange.url) {
        return Ok(());
    }
    let back = session.way_back();
    Err(Failure::NotAllowed { site: exchange.site.origin(), back })
}
