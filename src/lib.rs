//! Lado: agent and customer see the same web page, side by side, with nothing to install.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Instant;

use http::Method;
use http::header::HOST;
use tokio::sync::Notify;
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
pub mod load;
pub mod lock;
pub mod mask;
pub mod metrics;
pub mod mirror;
pub mod page;
pub mod protocol;
pub mod reload;
pub mod respond;
pub mod rewrite;
pub mod route;
pub mod rules;
pub mod script;
pub mod session;
pub mod span;
pub mod store;
pub mod sync;
pub mod translate;
pub mod upstream;

use config::Config;
use console::Console;
use console::password::PasswordError;
use front::{FrontError, Fronts};
use hub::Hubs;
use listener::{ListenError, Listener};
use load::Load;
use metrics::{Metrics, Readiness, Sources};
use page::Pages;
use page::boot::Boots;
use reload::Reload;
use respond::{Asker, Failure, RECONNECT, Request, Response, Sockets};
use route::{Face, Hosts};
use script::Scripts;
use session::{Companies, CompanyError, Found, SessionError, Sessions};
use span::Span;
use store::Sqlite;
use translate::{LibreTranslate, Translator};
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
    store: Arc<Sqlite>,
    /// How long the history of a session is kept.
    keep: std::time::Duration,
    load: Arc<Load>,
    metrics: Arc<Metrics>,
    reload: Reload,
    sockets: Sockets,
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
        let sockets = Sockets::default();
        let boots = Arc::new(Boots::new(hosts.console()));
        let parts = front::Parts {
            console: hosts.console(),
            sessions: sessions.clone(),
            hubs: hubs.clone(),
            boots: boots.clone(),
            max_page: config.page.max_page,
            sockets: sockets.clone(),
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
        );
        let names: Vec<String> = config.fronts.iter().flat_map(|front| front.hosts.clone()).collect();
        let store = Arc::new(Sqlite::new(&config.store));
        let origin = hosts.console();
        let translator = LibreTranslate::new(&config.translator, &config.upstream.extra_ca)?;
        let parts = console::Parts {
            sessions: sessions.clone(),
            hubs: hubs.clone(),
            store: store.clone(),
            translator: translator.map(|service| Arc::new(service) as Arc<dyn Translator>),
            sockets: sockets.clone(),
        };
        let console = Console::new(config.console.clone(), parts, origin, &names)?;
        let reload = Reload::new(config, sessions.clone(), hubs.clone(), console.clone());
        let console = console.router();
        let load = Load::new(&config.overload);
        let metrics = Metrics::new(Sources {
            load: load.clone(),
            sessions: sessions.clone(),
            hubs: hubs.clone(),
            pools: fronts.pools(),
            sockets: sockets.clone(),
        });
        let lado = Self {
            hosts,
            console,
            pages,
            fronts,
            scripts,
            sessions,
            hubs,
            upstream,
            store,
            keep: config.store.keep.0,
            load,
            metrics,
            reload,
            sockets,
        };
        Ok(Arc::new(lado))
    }

    /// Answers one request. Every failure has become a response.
    pub async fn answer(&self, request: Request) -> Response {
        let begin = Instant::now();
        let asker = Asker::of(&request);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let face = self.hosts.face(&host(&request));
        let name = face.as_ref().map_or("unknown", Face::name);
        let answering = self.metrics.request(face.as_ref().ok());
        let result = match face {
            Ok(face) if self.load.is_full() && self.can_wait(&face, &request) => {
                self.load.refuse();
                Err(Failure::Overloaded)
            }
            Ok(face) => self.meet(face, request).await,
            Err(misdirected) => Err(misdirected.into()),
        };
        let response = result.unwrap_or_else(|failure| {
            self.metrics.failed(&failure);
            respond::rescue(&failure, asker)
        });
        let mut response = respond::until(response, &self.sockets);
        answering.answered(&mut response);
        tracing::info!(
            target: "lado::access",
            face = name,
            %method,
            path = %told(name, &path),
            status = response.status().as_u16(),
            ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
        );
        response
    }

    /// Whether a request begins something new. Who is in a session goes on, whatever there is to do.
    fn can_wait(&self, face: &Face, request: &Request) -> bool {
        let path = request.uri().path();
        match face {
            // The way from the consent to the page has no cookie yet, but a ticket.
            Face::Front(_) if path == ENTER => false,
            Face::Front(_) => !matches!(self.sessions.of_customer(request.headers()), Some(Found::Open(_))),
            Face::Console => *request.method() == Method::POST && path == "/api/sessions" || Scripts::begins(path),
            Face::View(..) | Face::Viewer(_) | Face::Panel(_) => false,
        }
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
    /// `ready` is called once requests are answered, and operations are told so.
    pub async fn serve(self: Arc<Self>, listener: Listener, ready: impl FnOnce(), shutdown: impl Future<Output = ()>) {
        if let Ok(address) = listener.address() {
            self.upstream.refuse_own(address);
        }
        if let Err(error) = self.store.open().await {
            tracing::error!(%error, "history, notes and favourites are not kept until this is mended");
        }
        let history =
            tokio::spawn(console::record::follow(Arc::downgrade(&self.sessions), self.store.clone(), self.keep));
        let sessions = tokio::spawn(Sessions::tend(Arc::downgrade(&self.sessions)));
        let health = tokio::spawn(upstream::pool::watch(self.fronts.pools()));
        let hubs = tokio::spawn(Hubs::tend(Arc::downgrade(&self.hubs)));
        let files = tokio::spawn(follow_files(Arc::downgrade(&self)));
        let memory = tokio::spawn(Load::watch(Arc::downgrade(&self.load)));
        self.metrics.listens(listener.counts().clone());
        self.reload.serves(listener.certificates());
        let closing = CancellationToken::new();
        let lado = self.clone();
        let handler = move |request| {
            let lado = lado.clone();
            async move { lado.answer(request).await }
        };
        let grace = listener.grace();
        let serving = listener.serve(handler, closing.clone());
        self.metrics.becomes(Readiness::Ready);
        ready();
        let stopping = async {
            shutdown.await;
            self.metrics.becomes(Readiness::Draining);
            tracing::info!("draining");
            closing.cancel();
            self.hubs.drain(RECONNECT);
            self.sockets.drain(grace).await;
        };
        tokio::join!(serving, stopping);
        sessions.abort();
        history.abort();
        hubs.abort();
        health.abort();
        memory.abort();
        files.abort();
    }

    /// Sends plain requests to https, for every host that Lado answers to, until `stop`.
    pub async fn redirect(self: Arc<Self>, listener: Listener, stop: CancellationToken) {
        if let Ok(address) = listener.address() {
            self.upstream.refuse_own(address);
        }
        let handler = move |request: Request| {
            let host = host(&request);
            let answer = match self.hosts.face(&host) {
                Ok(_) => front::to_https(&host, &request),
                Err(misdirected) => respond::rescue(&misdirected.into(), Asker::of(&request)),
            };
            std::future::ready(answer)
        };
        listener.serve(handler, stop).await;
    }

    /// Answers operations on a listener of their own until `stop`: also before Lado serves, and while it drains.
    pub async fn operate(self: Arc<Self>, listener: Listener, stop: CancellationToken) {
        if let Ok(address) = listener.address() {
            self.upstream.refuse_own(address);
        }
        let handler = move |request| {
            let metrics = self.metrics.clone();
            async move { metrics.answer(&request) }
        };
        listener.serve(handler, stop).await;
    }

    /// Reads configuration, rules and certificates again. Mistakes are told, and what was before stays.
    pub fn reload(&self) {
        self.reload.read(&self.fronts);
    }
}

/// Where a customer who has said yes comes to a front host.
const ENTER: &str = "/__lado/enter";

async fn follow_files(lado: Weak<Lado>) {
    let mut every = tokio::time::interval(reload::EVERY);
    loop {
        every.tick().await;
        let Some(lado) = lado.upgrade() else { return };
        lado.reload.look(&lado.fronts);
    }
}

/// How long a scrape that has begun may take when all else is over.
const OPERATIONS: Span = Span(std::time::Duration::from_millis(500));

/// HTTP/2 has the host in its address.
fn host(request: &Request) -> String {
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    request.uri().authority().map(|authority| authority.as_str()).or(header).unwrap_or_default().to_owned()
}

/// What the log says of a path. Capabilities and links authorise whoever has them, and sites put names, addresses and
/// tokens into theirs: of a site's path only the first word is told.
fn told(face: &str, path: &str) -> String {
    for prefix in ["/__lado/a/", "/j/", "/api/join/"] {
        if path.starts_with(prefix) {
            return format!("{prefix}…");
        }
    }
    if !matches!(face, "view" | "front") || path.starts_with("/__lado/") {
        return path.to_owned();
    }
    let inner = path.strip_prefix('/').unwrap_or(path);
    let (first, rest) = inner.split_once('/').unwrap_or((inner, ""));
    let word = first.len() <= 24 && first.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_' | b'.'));
    match (word, rest.is_empty()) {
        (true, true) => path.to_owned(),
        (true, false) => format!("/{first}/…"),
        (false, _) => "/…".to_owned(),
    }
}

/// What Lado gets from whoever starts it.
#[derive(Default)]
pub struct Given {
    /// A socket that listens already, in the place of `listener.address`: it outlives this process.
    pub socket: Option<std::net::TcpListener>,
    /// The same in the place of `listener.plain`.
    pub plain: Option<std::net::TcpListener>,
    /// Says when to read the configuration again.
    pub reload: Arc<Notify>,
}

/// Serves as `config` says until `shutdown`. `ready` hears the address once requests are taken.
///
/// # Errors
/// [`StartError`] when the configuration cannot be followed.
pub async fn serve(
    config: &Config,
    given: Given,
    ready: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()>,
) -> Result<(), StartError> {
    let lado = Lado::new(config)?;
    let again = {
        let (lado, reload) = (lado.clone(), given.reload);
        tokio::spawn(async move {
            loop {
                reload.notified().await;
                lado.reload();
            }
        })
    };
    let (stop, operations) = (CancellationToken::new(), TaskTracker::new());
    if let Some(address) = config.metrics.listen {
        let own = Listener::bind(&listener::Config { address, grace: OPERATIONS, ..Default::default() }).await?;
        operations.spawn(lado.clone().operate(own, stop.clone()));
    }
    let listener = match given.socket {
        Some(socket) => Listener::inherit(socket, &config.listener)?,
        None => Listener::bind(&config.listener).await?,
    };
    let address = listener.address().unwrap_or(config.listener.address);
    let open = listener::Config { certificates: Vec::new(), ..config.listener.clone() };
    let plain = match (given.plain, open.plain) {
        (Some(socket), _) => Some(Listener::inherit(socket, &open)?),
        (None, Some(address)) => Some(Listener::bind(&listener::Config { address, ..open }).await?),
        (None, None) => None,
    };
    let draining = CancellationToken::new();
    if let Some(plain) = plain {
        operations.spawn(lado.clone().redirect(plain.beside(&listener), draining.clone()));
    }
    let shutdown = async {
        shutdown.await;
        draining.cancel();
    };
    lado.serve(listener, || ready(address), shutdown).await;
    again.abort();
    stop.cancel();
    operations.close();
    operations.wait().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn the_log_says_no_more_of_a_sites_path_than_its_first_word() {
        for (path, said) in [
            ("/", "/"),
            ("/cart", "/cart"),
            ("/main.css", "/main.css"),
            ("/reset/4f9c", "/reset/…"),
            ("/ana@example.com", "/…"),
            ("/4f9c/x", "/…"),
            ("*", "/…"),
            ("", ""),
            ("/__lado/a/abc", "/__lado/a/…"),
            ("/__lado/sync", "/__lado/sync"),
        ] {
            assert_eq!((told("view", path).as_str(), told("front", path).as_str()), (said, said), "{path}");
        }
        assert_eq!(told("console", "/api/sessions/abc"), "/api/sessions/abc");
        assert_eq!(told("console", "/j/abc"), "/j/…");
    }
}
