//! The way to the sites: guarded addresses, pooled connections, verified TLS.

mod body;
mod connect;
pub mod guard;
pub mod pool;
mod resolve;

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{Request, Response, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Deserialize;
use tokio::time::sleep;

use crate::span::Span;
pub use body::{Abused, Body, BodyError, Caps, Stalled, Timed};
use connect::{Alpn, Connector};
pub use connect::{ConnectError, TlsProblem, authorities, keep_alive};
use guard::{Exception, Guard};
use pool::Pool;
use resolve::Names;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Addresses that may be reached although they are not public.
    pub allow_private: Vec<Exception>,
    /// PEM files with certificate authorities that are trusted beside the system's.
    pub extra_ca: Vec<PathBuf>,
    /// Names that Lado resolves by itself. The guard judges their addresses like any other.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
    /// For name, connection and TLS handshake together.
    pub connect_timeout: Span,
    /// From the last byte of the request to the first of the response.
    pub first_byte_timeout: Span,
    /// The longest pause within a response.
    pub idle_timeout: Span,
    /// How long an unused connection is kept, and how many of them for each site.
    pub keep_alive: Span,
    pub keep_alive_per_site: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allow_private: Vec::new(),
            extra_ca: Vec::new(),
            hosts: BTreeMap::new(),
            connect_timeout: Span(Duration::from_secs(10)),
            first_byte_timeout: Span(Duration::from_secs(120)),
            idle_timeout: Span(Duration::from_secs(600)),
            keep_alive: Span(Duration::from_secs(55)),
            keep_alive_per_site: 32,
        }
    }
}

/// Why a site's answer did not come. Each names the side that it lies on.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("upstream did not begin to answer within {0:?}")]
    FirstByte(Duration),
    #[error("upstream sent something that is no HTTP: {0}")]
    Protocol(String),
    #[error("upstream closed the connection before it answered: {0}")]
    Closed(String),
    #[error("downstream gave up its request: {0}")]
    Downstream(String),
}

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("{path}: {reason}")]
    Authority { path: PathBuf, reason: String },
    #[error("cannot read the system's DNS configuration: {0}")]
    Dns(String),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// How long the site took to begin its answer: an extension of each response.
#[derive(Debug, Clone, Copy)]
pub struct Waited(pub Duration);

/// Sends requests to sites.
#[derive(Clone)]
pub struct Upstream {
    pooled: Client<Connector, Body>,
    /// WebSockets need HTTP/1.1: no HTTP/2 is offered, nothing is pooled.
    upgrades: Client<Connector, Body>,
    guard: Guard,
    first_byte: Duration,
    idle: Duration,
    /// By host name: sites that Lado itself is in front of.
    fronts: Arc<RwLock<HashMap<String, Arc<Pool>>>>,
}

impl Upstream {
    /// # Errors
    /// [`SetupError`] when a certificate authority or the system's DNS configuration cannot be read.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        let guard = Guard::new(&config.allow_private);
        let names = Arc::new(Names::new(&config.hosts)?);
        let timeout = config.connect_timeout.0;
        let connector = |alpn| -> Result<Connector, SetupError> {
            let tls = connect::tls(&config.extra_ca, alpn)?;
            Ok(Connector::new(guard.clone(), names.clone(), tls, timeout))
        };
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.keep_alive.0)
            .pool_max_idle_per_host(config.keep_alive_per_site)
            // Browsers write them so on HTTP/1.1, and some sites take anything else for a robot.
            .http1_title_case_headers(true)
            .http1_max_headers(256)
            .http2_initial_stream_window_size(1024 * 1024)
            .http2_initial_connection_window_size(4 * 1024 * 1024)
            .http2_max_header_list_size(256 * 1024)
            .http2_keep_alive_interval(Duration::from_secs(30))
            .set_host(false);
        let pooled = builder.build(connector(Alpn::Any)?);
        let upgrades = builder.pool_max_idle_per_host(0).build(connector(Alpn::Http1)?);
        let (first_byte, idle) = (config.first_byte_timeout.0, config.idle_timeout.0);
        Ok(Self { pooled, upgrades, guard, first_byte, idle, fronts: Arc::default() })
    }

    /// Requests to `host` go where its front's go: its name leads to Lado itself.
    pub fn serve_host(&self, host: &str, pool: Arc<Pool>) {
        self.fronts.write().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned(), pool);
    }

    fn front(&self, uri: &Uri) -> Option<Arc<Pool>> {
        let fronts = self.fronts.read().unwrap_or_else(PoisonError::into_inner);
        fronts.get(uri.host()?).cloned()
    }

    /// Never connect to Lado's own listener.
    pub fn refuse_own(&self, listener: SocketAddr) {
        self.guard.refuse_own(listener);
    }

    /// Sends a request whose URI is absolute; `Host` is the caller's to set.
    ///
    /// # Errors
    /// [`UpstreamError`] when no response began.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>, UpstreamError> {
        if let Some(pool) = self.front(request.uri()) {
            let mut request = request;
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).parse();
            *request.uri_mut() = path.map_err(|_| ConnectError::Address)?;
            return pool.send(request, None).await;
        }
        let begin = Instant::now();
        let mut response = self.exchange(&self.pooled, request).await?;
        response.extensions_mut().insert(Waited(begin.elapsed()));
        Ok(response.map(|body| Body::Timed(Timed::new(body, self.idle))))
    }

    /// Sends a request that asks for an upgrade. With status 101 take the stream by [`hyper::upgrade::on`].
    ///
    /// # Errors
    /// [`UpstreamError`] when no response began.
    pub async fn upgrade(&self, request: Request<Body>) -> Result<Response<Body>, UpstreamError> {
        Ok(self.exchange(&self.upgrades, request).await?.map(Body::from))
    }

    async fn exchange(
        &self,
        client: &Client<Connector, Body>,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let progress = Progress::default();
        let request = request.map(|body| progress.watch(body));
        let answer = client.request(request);
        tokio::select! {
            response = answer => response.map(framed).map_err(classify),
            () = progress.stalled(self.first_byte) => Err(UpstreamError::FirstByte(self.first_byte)),
        }
    }
}

/// Chunks overrule a length that is said beside them (RFC 9112 §6.3); hyper reads by the chunks and leaves the length.
fn framed<B>(mut response: Response<B>) -> Response<B> {
    if response.headers().contains_key(TRANSFER_ENCODING) {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    response
}

/// When the request last moved: an upload may take hours, but it may not stand still.
#[derive(Clone, Default)]
struct Progress(Arc<Mark>);

struct Mark {
    begin: Instant,
    moved: AtomicU64,
    /// All of the request's body is on its way.
    sent: AtomicBool,
}

impl Default for Mark {
    fn default() -> Self {
        Self { begin: Instant::now(), moved: AtomicU64::new(0), sent: AtomicBool::new(false) }
    }
}

impl Progress {
    fn watch(&self, body: Body) -> Body {
        let body = if body.is_end_stream() { Body::Empty } else { body };
        if matches!(body, Body::Empty | Body::Full(_)) {
            self.0.sent.store(true, Ordering::Relaxed);
            return body;
        }
        Body::stream(Watched { body, mark: self.0.clone() })
    }

    /// A site may answer before it has read the request: its connection is still in the middle of it then.
    fn is_sent(&self) -> bool {
        self.0.sent.load(Ordering::Relaxed)
    }

    async fn stalled(&self, limit: Duration) {
        loop {
            let moved = Duration::from_millis(self.0.moved.load(Ordering::Relaxed));
            let still = self.0.begin.elapsed().saturating_sub(moved);
            match limit.checked_sub(still).filter(|left| !left.is_zero()) {
                Some(left) => sleep(left).await,
                None => return,
            }
        }
    }
}

/// A request's body that says when it moves, and when nothing of it is left.
struct Watched {
    body: Body,
    mark: Arc<Mark>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let mark = &self.mark;
        mark.moved.store(mark.begin.elapsed().as_millis() as u64, Ordering::Relaxed);
        if frame.is_none() || self.body.is_end_stream() {
            mark.sent.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    /// The one that a Content-Length goes with.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// hyper wraps causes in causes: find ours, else say which side misbehaved.
fn classify(error: hyper_util::client::legacy::Error) -> UpstreamError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(connect) = inner.downcast_ref::<ConnectError>() {
            return UpstreamError::Connect(connect.clone());
        }
        if let Some(hyper) = inner.downcast_ref::<hyper::Error>() {
            return classify_hyper(hyper);
        }
        cause = inner.source();
    }
    UpstreamError::Closed(error.to_string())
}

fn classify_hyper(error: &hyper::Error) -> UpstreamError {
    let text = describe(error);
    if error.is_user() || error.is_body_write_aborted() {
        UpstreamError::Downstream(text)
    } else if error.is_parse() {
        UpstreamError::Protocol(text)
    } else {
        UpstreamError::Closed(text)
    }
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
