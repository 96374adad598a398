//! Takes connections from browsers: TCP or TLS, HTTP/1.1 and HTTP/2, with limits, timers and a graceful end.

pub mod certs;
mod counts;
mod frames;
mod guard;
pub mod hop;
mod limits;
mod scan;
mod tls;
mod unread;
mod wire;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, UPGRADE};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::span::Span;
use crate::upstream::{Body, Caps, Timed, keep_alive};
pub use counts::{Counts, REFUSED};
use counts::{Open, Refused};
use guard::{Activity, Patience, Protocol, Watched};
pub use guard::{AtEnd, Watching};
use hop::{Hops, Net};
pub use limits::Rate;
use limits::{Addresses, Place};
use tls::Tls;
pub use tls::{Certificates, check_certificate};
use wire::{Times, Wire};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub address: SocketAddr,
    /// Where plain requests come that are sent to https: `0.0.0.0:80`.
    pub plain: Option<SocketAddr>,
    /// The certificate whose names match is shown; the first where none does. Empty: plain HTTP.
    pub certificates: Vec<CertificateConfig>,
    /// Connections open at a time, WebSockets among them; more wait in the system's queue.
    pub max_connections: usize,
    /// Header fields of a request.
    pub max_headers: usize,
    /// Bytes of a request's line and header fields.
    pub max_header_bytes: usize,
    /// Requests that run at once on one HTTP/2 connection.
    pub max_streams: u32,
    /// For the TLS handshake and for the first complete request.
    pub header_timeout: Span,
    /// How long a connection may stay open between requests.
    pub idle_timeout: Span,
    /// The longest pause within a request's body.
    pub body_timeout: Span,
    /// Bytes a second that a request's body must bring, once Lado has waited `body_timeout` for it.
    pub min_body_rate: u64,
    /// Bytes of a request's body.
    pub max_body: u64,
    /// How long a browser may take nothing of a response.
    pub write_timeout: Span,
    /// Connections of one address at a time (of one /64 with IPv6). 0: as many as it likes.
    pub connections_per_address: usize,
    /// Requests of one address each second, and how many it may save up. 0: as many as it likes.
    pub requests_per_address: u32,
    pub requests_burst: u32,
    /// Proxies in front of Lado, whose word about addresses and schemes counts.
    pub trusted: Vec<Net>,
    /// Connections from `trusted` begin with a PROXY protocol header, version 1 or 2.
    pub proxy_protocol: bool,
    /// How long open responses have to finish after SIGTERM.
    pub grace: Span,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateConfig {
    /// PEM: the certificate, then its intermediates.
    pub chain: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 7070)),
            plain: None,
            certificates: Vec::new(),
            max_connections: 20_000,
            max_headers: 100,
            max_header_bytes: 64 * 1024,
            max_streams: 200,
            header_timeout: Span(Duration::from_secs(10)),
            idle_timeout: Span(Duration::from_secs(75)),
            body_timeout: Span(Duration::from_secs(60)),
            min_body_rate: 100,
            max_body: 16 * 1024 * 1024 * 1024,
            write_timeout: Span(Duration::from_secs(60)),
            connections_per_address: 1000,
            requests_per_address: 1000,
            requests_burst: 5000,
            trusted: Vec::new(),
            proxy_protocol: false,
            grace: Span(Duration::from_secs(10)),
        }
    }
}

/// Who is at the other end of the connection that a request came on; an extension of every request.
#[derive(Debug, Clone, Copy)]
pub struct Downstream {
    /// The other end, as the PROXY protocol tells it where it is spoken.
    pub address: SocketAddr,
    /// The end of Lado's own.
    pub local: Option<SocketAddr>,
    /// Who asks, as far as trusted hops tell.
    pub asker: IpAddr,
    /// The other end is a trusted hop: what it forwards is believed.
    pub trusted: bool,
    /// A trusted hop has brought the connection, whoever is at its other end: what it says of the scheme is believed.
    pub says_scheme: bool,
    /// The browser came by TLS, to Lado or to a trusted hop.
    pub tls: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("cannot listen on {address}: {source}; is another program using the port?")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("{path}: {reason}")]
    Certificate { path: PathBuf, reason: String },
}

/// A bound socket with everything that is needed to serve on it.
pub struct Listener {
    socket: TcpListener,
    tls: Option<Tls>,
    shared: Arc<Shared>,
}

impl Listener {
    /// # Errors
    /// [`ListenError`] when the address is taken or a certificate cannot be used.
    pub async fn bind(config: &Config) -> Result<Self, ListenError> {
        let socket = TcpListener::bind(config.address)
            .await
            .map_err(|source| ListenError::Bind { address: config.address, source })?;
        Self::new(socket, config)
    }

    /// Serves on a socket of a service manager, which keeps it while Lado restarts.
    ///
    /// # Errors
    /// [`ListenError`] when it is no TCP socket or a certificate cannot be used.
    pub fn inherit(socket: std::net::TcpListener, config: &Config) -> Result<Self, ListenError> {
        let address = socket.local_addr().unwrap_or(config.address);
        let socket = socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket));
        Self::new(socket.map_err(|source| ListenError::Bind { address, source })?, config)
    }

    /// Serves on a socket that is bound.
    ///
    /// # Errors
    /// [`ListenError::Certificate`] when a certificate cannot be used.
    pub fn new(socket: TcpListener, config: &Config) -> Result<Self, ListenError> {
        let tls = (!config.certificates.is_empty()).then(|| Tls::new(&config.certificates)).transpose()?;
        // Connections have it from the socket that they come by.
        keep_alive(&socket);
        Ok(Self { socket, tls, shared: Arc::new(Shared::new(config.clone())) })
    }

    /// Has its places, limits and counts in common with another.
    #[must_use]
    pub fn beside(self, other: &Self) -> Self {
        Self { shared: other.shared.clone(), ..self }
    }

    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub fn counts(&self) -> &Arc<Counts> {
        &self.shared.counts
    }

    /// What puts other certificates in the place of these, while connections go on; nothing without TLS.
    pub fn certificates(&self) -> Option<Arc<Certificates>> {
        self.tls.as_ref().map(|tls| tls.certificates.clone())
    }

    /// How long open responses have once draining has begun.
    pub fn grace(&self) -> Duration {
        self.shared.config.grace.0
    }

    /// Serves until `drain` is cancelled; then open responses have the configured grace to finish.
    pub async fn serve<H, F>(self, handler: H, drain: CancellationToken)
    where
        H: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let Self { socket, tls, shared } = self;
        let tls = tls.map(|tls| tls.acceptor);
        let grace = shared.config.grace.0;
        let connections = TaskTracker::new();
        loop {
            let accepted = async {
                // The permit comes first, so that at the limit new connections wait in the system's queue.
                let permit = loop {
                    match timeout(MAKE_ROOM, shared.places.clone().acquire_owned()).await {
                        Ok(permit) => break permit,
                        Err(_) => shared.make_room(),
                    }
                };
                (permit, socket.accept().await)
            };
            let (Ok(permit), accepted) = (tokio::select! {
                accepted = accepted => accepted,
                () = drain.cancelled() => break,
            }) else {
                break;
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, or a connection that was gone at once. The pause keeps a lasting
                    // error from taking the processor.
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let trusted = shared.hops.trusts(address.ip());
            // A trusted hop brings everybody's connections: the addresses that it forwards are counted instead.
            let place = (!trusted).then(|| shared.addresses.connection(address.ip()));
            if place.as_ref().is_some_and(Option::is_none) {
                tracing::debug!("refused a connection: its address has too many");
                shared.counts.refuse(Refused::Connections);
                continue;
            }
            let local = stream.local_addr().ok();
            let tls = tls.clone();
            let downstream =
                Downstream { address, local, asker: address.ip(), trusted, says_scheme: trusted, tls: tls.is_some() };
            let held = Held { _permit: permit, place: place.flatten(), _open: shared.counts.connection() };
            let (handler, drain, shared) = (handler.clone(), drain.clone(), shared.clone());
            connections.spawn(connection(stream, downstream, held, tls, handler, shared, drain));
        }
        drop(socket);
        connections.close();
        if timeout(grace, connections.wait()).await.is_err() {
            tracing::warn!(open = connections.len(), "closing connections that outlived the grace");
        }
    }
}

/// What a connection takes up of the listener. It goes where the connection's bytes go, into a WebSocket too.
struct Held {
    _permit: OwnedSemaphorePermit,
    /// `None` for a hop's own connection, which brings anybody's.
    place: Option<Place>,
    _open: Open,
}

/// After waiting so long for a place the longest idle connections give theirs: a hundredth of all, for those behind.
const MAKE_ROOM: Duration = Duration::from_millis(100);
const ROOM: usize = 100;

/// What the connections of a listener have in common.
struct Shared {
    places: Arc<Semaphore>,
    /// Those that speak HTTP, by where their activity is in memory.
    speaking: Mutex<HashMap<usize, Arc<Activity>>>,
    config: Config,
    addresses: Arc<Addresses>,
    hops: Hops,
    counts: Arc<Counts>,
}

impl Shared {
    fn new(config: Config) -> Self {
        let addresses =
            Addresses::new(config.connections_per_address, config.requests_per_address, config.requests_burst);
        Self {
            places: Arc::new(Semaphore::new(config.max_connections)),
            speaking: Mutex::default(),
            addresses,
            hops: Hops::new(&config.trusted),
            counts: Arc::default(),
            config,
        }
    }

    fn speaks(&self, activity: &Arc<Activity>) -> Speaking<'_> {
        let key = Arc::as_ptr(activity).addr();
        self.speaking.lock().unwrap_or_else(PoisonError::into_inner).insert(key, activity.clone());
        Speaking { of: self, key }
    }

    /// All places are taken: the connections that have been idle for longest are closed.
    fn make_room(&self) {
        let speaking = self.speaking.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = speaking.values().filter_map(|activity| Some((activity.idle_for()?, activity)));
        let mut idle: Vec<_> = idle.collect();
        idle.sort_unstable_by_key(|(idle, _)| Reverse(*idle));
        for (_, longest) in idle.into_iter().take((self.config.max_connections / ROOM).max(1)) {
            longest.evict();
            self.counts.refuse(Refused::Full);
        }
    }
}

/// Held while a connection speaks HTTP.
struct Speaking<'s> {
    of: &'s Shared,
    key: usize,
}

impl Drop for Speaking<'_> {
    fn drop(&mut self) {
        self.of.speaking.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

async fn connection<H, F>(
    mut stream: TcpStream,
    mut downstream: Downstream,
    mut held: Held,
    tls: Option<TlsAcceptor>,
    handler: H,
    shared: Arc<Shared>,
    drain: CancellationToken,
) where
    H: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let config = &shared.config;
    if config.proxy_protocol && downstream.trusted {
        match timeout(config.header_timeout.0, hop::proxied(&mut stream)).await {
            Ok(Ok(told)) => {
                if let Some(hop::Brought { from, to, tls }) = told {
                    // What Lado has seen itself goes before what a hop says that has passed it on.
                    let own = downstream.tls;
                    downstream = Downstream {
                        address: from,
                        local: Some(to),
                        asker: from.ip(),
                        trusted: shared.hops.trusts(from.ip()),
                        // What it says here is not for visitors to say again.
                        says_scheme: !own && tls.is_none(),
                        tls: own || tls.unwrap_or(false),
                    };
                    held.place = shared.addresses.connection(from.ip());
                    if held.place.is_none() {
                        shared.counts.refuse(Refused::Connections);
                        return;
                    }
                }
            }
            Ok(Err(error)) => {
                shared.counts.refuse(Refused::Hop);
                return tracing::debug!(%error, "refused a trusted hop's connection");
            }
            Err(_) => {
                shared.counts.refuse(Refused::Hop);
                return tracing::debug!("a trusted hop sent no PROXY protocol header in time");
            }
        }
    }
    let Some(tls) = tls else {
        return speak(stream, false, downstream, held, handler, &shared, drain).await;
    };
    match timeout(config.header_timeout.0, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            speak(stream, http2, downstream, held, handler, &shared, drain).await;
        }
        Ok(Err(error)) => {
            shared.counts.refuse(Refused::Tls);
            tracing::debug!(%error, "TLS handshake failed");
        }
        Err(_) => {
            shared.counts.refuse(Refused::Tls);
            tracing::debug!("TLS handshake timed out");
        }
    }
}

/// How long a connection that was accepted just before the drain has for its first request.
const JUST_LET_IN: Duration = Duration::from_secs(1);

/// Speaks HTTP on one connection until it closes, idles for too long, or Lado drains.
async fn speak<S, H, F>(
    stream: S,
    http2: bool,
    downstream: Downstream,
    held: Held,
    handler: H,
    shared: &Arc<Shared>,
    drain: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (activity, config) = (Arc::new(Activity::default()), &shared.config);
    let _speaking = shared.speaks(&activity);
    let (pause, caps) = (config.body_timeout.0, Caps { most: config.max_body, least: config.min_body_rate });
    let service = service_fn(|request: Request<Incoming>| {
        let running = activity.start(&request);
        let (handler, activity, shared) = (handler.clone(), activity.clone(), shared.clone());
        async move {
            let mut request = request.map(|body| Body::Timed(Timed::capped(body, pause, caps)));
            let version = request.version();
            let connects = request.method() == Method::CONNECT;
            let upgrades = request.headers().contains_key(UPGRADE) && http_body::Body::is_end_stream(request.body());
            let response = match judge(&mut request, downstream, &shared, caps) {
                Ok(()) => handler(request).await,
                Err((status, reason)) => {
                    tracing::debug!(reason, "refused a request");
                    shared.counts.refuse(match status {
                        StatusCode::TOO_MANY_REQUESTS => Refused::Requests,
                        StatusCode::PAYLOAD_TOO_LARGE => Refused::TooLarge,
                        _ => Refused::Malformed,
                    });
                    guard::refusal(status, reason, version)
                }
            };
            if connects && response.status().is_success() {
                activity.tunnel();
            }
            if upgrades {
                let other = response.status() == StatusCode::SWITCHING_PROTOCOLS;
                activity.decide(if other { Protocol::Other } else { Protocol::Http });
            }
            Ok::<_, Infallible>(Watched::response(response, running))
        }
    });
    let builder = protocols(config);
    let times = Times { head: config.header_timeout.0, write: config.write_timeout.0 };
    let wire = Wire::new(stream, http2, activity.clone(), times, shared.counts.clone(), held);
    let mut conversation = pin!(builder.serve_connection_with_upgrades(TokioIo::new(wire), service));
    let patience =
        Patience { first: config.header_timeout.0, idle: config.idle_timeout.0, unread: config.write_timeout.0 };
    let mut overdue = pin!(activity.overdue(patience));
    // hyper closes a connection that has no request yet, although one may be on its way: whoever was let in is answered.
    let mut leaving = pin!(async {
        drain.cancelled().await;
        activity.first(JUST_LET_IN).await;
    });
    let mut draining = false;
    loop {
        tokio::select! {
            result = conversation.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "connection ended early");
                }
                return;
            }
            () = overdue.as_mut() => return,
            () = leaving.as_mut(), if !draining => {
                draining = true;
                conversation.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Whether a request may go on; it then knows who asks.
fn judge(
    request: &mut Request<Body>,
    downstream: Downstream,
    shared: &Shared,
    caps: Caps,
) -> Result<(), (StatusCode, &'static str)> {
    guard::check(request).map_err(|reason| (StatusCode::BAD_REQUEST, reason))?;
    let headers = request.headers();
    let mut downstream = downstream;
    if downstream.trusted {
        downstream.asker = shared.hops.asker(downstream.asker, headers);
    }
    if downstream.says_scheme {
        downstream.tls = hop::told_secure(headers).unwrap_or(downstream.tls);
    }
    if !shared.hops.trusts(downstream.asker) && !shared.addresses.request(downstream.asker) {
        return Err((StatusCode::TOO_MANY_REQUESTS, "too many requests from this address"));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > caps.most) {
        return Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"));
    }
    request.extensions_mut().insert(downstream);
    Ok(())
}

fn protocols(config: &Config) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // hyper counts the time between two requests in: a slow head after the first is bounded by it too.
        .header_read_timeout(config.idle_timeout.0.max(config.header_timeout.0))
        .max_headers(config.max_headers)
        // hyper refuses less than 8 KiB; the read buffer also holds a request's head.
        .max_buf_size(config.max_header_bytes.max(8 * 1024));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.max_streams)
        .max_header_list_size(u32::try_from(config.max_header_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(100)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_send_buf_size(64 * 1024)
        .enable_connect_protocol();
    builder
}
