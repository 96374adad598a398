//! Lado: agent and customer see the same web page, side by side, with nothing to install.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::HOST;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub mod assets;
pub mod config;
pub mod console;
pub mod demo;
pub mod front;
pub mod hub;
pub mod id;
pub mod listener;
pub mod lock;
pub mod mask;
pub mod mirror;
pub mod page;
pub mod protocol;
pub mod respond;
pub mod rewrite;
pub mod route;
pub mod rules;
pub mod script;
pub mod session;
pub mod span;
pub mod sync;
pub mod upstream;

use config::Config;
use console::Console;
use console::password::PasswordError;
use front::{FrontError, Fronts};
use hub::Hubs;
use listener::{ListenError, Listener};
use page::Pages;
use page::boot::Boots;
use respond::{Asker, Failure, Request, Response};
use route::{Face, Hosts};
use script::Scripts;
use session::{Companies, CompanyError, SessionError, Sessions};
use upstream::{SetupError, Upstream};

/// Why Lado does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Upstream(#[from] SetupError),
    #[error(transparent)]
    Company(#[from] CompanyError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Front(#[from] FrontError),
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// Everything that answers requests.
pub struct Lado {
    hosts: Hosts,
    console: axum::Router,
    pages: Pages,
    fronts: Fronts,
    scripts: Scripts,
    pub sessions: Arc<Sessions>,
    hubs: Arc<Hubs>,
    upstream: Upstream,
    /// Sockets and tunnels.
    sockets: TaskTracker,
    drain: CancellationToken,
}

impl Lado {
    /// # Errors
    /// [`StartError`] when the configuration cannot be followed.
    pub fn new(config: &Config) -> Result<Arc<Self>, StartError> {
        let hosts = Hosts::new(&config.hosts).with_fronts(config.fronts.iter().map(|front| front.hosts.as_slice()));
        let companies = Companies::load(&config.company_configs())?;
        let sessions = Sessions::new(config.session.clone(), companies, hosts.view().clone())?;
        let hubs = Hubs::new(&sessions, config.hub.clone());
        let upstream = Upstream::new(&config.upstream)?;
        let (sockets, drain) = (TaskTracker::new(), CancellationToken::new());
        let boots = Arc::new(Boots::new(hosts.console()));
        let parts = front::Parts {
            console: hosts.console(),
            sessions: sessions.clone(),
            hubs: hubs.clone(),
            boots: boots.clone(),
            max_page: config.page.max_page,
            sockets: sockets.clone(),
            drain: drain.clone(),
        };
        let fronts = Fronts::new(&config.fronts, &config.upstream, parts)?;
        fronts.announce(&upstream);
        let scripts = Scripts::new(hosts.console(), sessions.clone(), hubs.clone(), boots.clone(), sockets.clone());
        let pages = Pages::new(
            config.page.clone(),
            &hosts,
            sessions.clone(),
            hubs.clone(),
            upstream.clone(),
            boots,
            sockets.clone(),
            drain.clone(),
        );
        let names: Vec<String> = config.fronts.iter().flat_map(|front| front.hosts.clone()).collect();
        let console =
            Console::new(config.console.clone(), sessions.clone(), hubs.clone(), hosts.console(), &names)?.router();
        Ok(Arc::new(Self { hosts, console, pages, fronts, scripts, sessions, hubs, upstream, sockets, drain }))
    }

    /// Answers one request. Every failure has become a response.
    pub async fn answer(&self, request: Request) -> Response {
        let begin = Instant::now();
        let asker = Asker::of(&request);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let face = self.hosts.face(&host(&request));
        let name = face.as_ref().map_or("unknown", Face::name);
        let result = match face {
            Ok(face) => self.meet(face, request).await,
            Err(misdirected) => Err(misdirected.into()),
        };
        let response = result.unwrap_or_else(|failure| respond::rescue(&failure, asker));
        let response = respond::until(response, &self.drain);
        // Capabilities and links authorise whoever has them: of Lado's own paths only the kind is told.
        tracing::info!(
            target: "lado::access",
            face = name,
            %method,
            path = told(&path),
            status = response.status().as_u16(),
            ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
        );
        response
    }

    async fn meet(&self, face: Face, request: Request) -> Result<Response, Failure> {
        match face {
            Face::Front(number) => self.fronts.answer(number, request).await,
            Face::Console if Scripts::serves(request.uri().path()) => self.scripts.answer(request),
            Face::Console => Ok(respond::router(&self.console, request).await),
            Face::View(session, label) => self.pages.view(session, &label, request).await,
            Face::Viewer(session) => self.pages.viewer(session, request).await,
            Face::Panel(session) => self.pages.panel(session, &request),
        }
    }

    /// Serves on `listener` until `shutdown`, then lets open responses finish and tells sockets to come back later.
    pub async fn serve(self: Arc<Self>, listener: Listener, shutdown: impl Future<Output = ()>) {
        if let Ok(address) = listener.address() {
            self.upstream.refuse_own(address);
        }
        let sessions = tokio::spawn(Sessions::tend(Arc::downgrade(&self.sessions)));
        let health = tokio::spawn(upstream::pool::watch(self.fronts.pools()));
        let hubs = tokio::spawn(Hubs::tend(Arc::downgrade(&self.hubs)));
        let closing = CancellationToken::new();
        let lado = self.clone();
        let handler = move |request| {
            let lado = lado.clone();
            async move { lado.answer(request).await }
        };
        let grace = listener.grace();
        let serving = listener.serve(handler, closing.clone());
        let stopping = async {
            shutdown.await;
            tracing::info!("draining");
            closing.cancel();
            self.drain.cancel();
            self.hubs.drain(RECONNECT);
            self.sockets.close();
            let _ = tokio::time::timeout(grace, self.sockets.wait()).await;
        };
        tokio::join!(serving, stopping);
        sessions.abort();
        hubs.abort();
        health.abort();
    }
}

/// When sockets that were told to come back should do so: whoever starts next needs a moment.
const RECONNECT: std::time::Duration = std::time::Duration::from_secs(1);

/// HTTP/2 has the host in its address.
fn host(request: &Request) -> String {
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    request.uri().authority().map(|authority| authority.as_str()).or(header).unwrap_or_default().to_owned()
}

fn told(path: &str) -> &str {
    for (prefix, kind) in [("/__lado/a/", "/__lado/a/…"), ("/j/", "/j/…"), ("/api/join/", "/api/join/…")] {
        if path.starts_with(prefix) {
            return kind;
        }
    }
    path
}

/// Serves as `config` says until `shutdown`. `ready` hears the address once requests are taken.
///
/// # Errors
/// [`StartError`] when the configuration cannot be followed.
pub async fn serve(
    config: &Config,
    ready: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()>,
) -> Result<(), StartError> {
    let listener = Listener::bind(&config.listener).await?;
    let lado = Lado::new(config)?;
    ready(listener.address().unwrap_or(config.listener.address));
    lado.serve(listener, shutdown).await;
    Ok(())
}
