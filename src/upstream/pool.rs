//! The way to the addresses behind a front host: kept connections, health, and the least busy one first.
//!
//! The operator has named these addresses, so the guard, which judges what strangers ask for, has no say here.

mod kept;
mod proxy;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};
use tokio_rustls::TlsConnector;
use tokio_util::either::Either;

use super::body::{BodyError, Timed};
use super::{Body, Config, ConnectError, Progress, SetupError, UpstreamError, Waited, classify_hyper, connect, framed};
use crate::span::Span;
use kept::{Home, Idle, Line};
pub use proxy::{Ends, ProxyProtocol};

/// One address behind a front host, like `http://10.0.0.5:8080`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address {
    secure: bool,
    name: String,
    port: u16,
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no upstream; write scheme, name and port only, like http://10.0.0.5:8080")]
pub struct NoAddress(String);

impl TryFrom<String> for Address {
    type Error = NoAddress;

    fn try_from(text: String) -> Result<Self, NoAddress> {
        let url = url::Url::parse(&text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.path() == "/"
                && url.query().is_none()
                && url.username().is_empty()
        });
        let parts = url.and_then(|url| {
            let name = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
            Some(Self { secure: url.scheme() == "https", name, port: url.port_or_known_default()? })
        });
        parts.ok_or(NoAddress(text))
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.name, self.port)
    }
}

/// How an address is found to be up or down, beside what requests meet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Asked for with GET; every answer below 500 is good.
    pub path: String,
    #[serde(default = "every")]
    pub every: Span,
    /// So many bad answers in a row take an address out.
    #[serde(default = "fall")]
    pub fall: u32,
    /// So many good ones bring it back.
    #[serde(default = "rise")]
    pub rise: u32,
}

fn every() -> Span {
    Span(Duration::from_secs(5))
}

fn fall() -> u32 {
    3
}

fn rise() -> u32 {
    2
}

/// The addresses of one front.
pub struct Pool {
    id: usize,
    targets: Vec<Arc<Target>>,
    /// Where the next search begins: of addresses that are equally busy each has its turn.
    turn: AtomicUsize,
    health: Option<Health>,
    proxy: ProxyProtocol,
    tls: TlsConnector,
    times: Times,
}

#[derive(Clone, Copy)]
struct Times {
    connect: Duration,
    first_byte: Duration,
    idle: Duration,
    keep_alive: Duration,
}

struct Target {
    index: usize,
    address: Address,
    /// Requests on their way.
    busy: AtomicUsize,
    healthy: AtomicBool,
    /// Milliseconds after [`begin`] until which nobody is sent there who has a choice.
    resting: AtomicU64,
}

/// After a failure an address rests for this long.
const REST: Duration = Duration::from_secs(2);
/// A connection that has been idle for longer may be closed by the other side at this very moment.
const FRESH: u64 = 1000;

impl Pool {
    /// # Errors
    /// [`SetupError`] when a certificate authority cannot be read.
    pub fn new(
        addresses: &[Address],
        health: Option<Health>,
        proxy: ProxyProtocol,
        config: &Config,
    ) -> Result<Arc<Self>, SetupError> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let target = |(index, address): (usize, &Address)| {
            let (busy, healthy, resting) = (AtomicUsize::new(0), AtomicBool::new(true), AtomicU64::new(0));
            Arc::new(Target { index, address: address.clone(), busy, healthy, resting })
        };
        Ok(Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            targets: addresses.iter().enumerate().map(target).collect(),
            turn: AtomicUsize::new(0),
            health,
            proxy,
            tls: TlsConnector::from(connect::tls(&config.extra_ca, connect::Alpn::Http1)?),
            times: Times {
                connect: config.connect_timeout.0,
                first_byte: config.first_byte_timeout.0,
                idle: config.idle_timeout.0,
                keep_alive: config.keep_alive.0,
            },
        }))
    }

    /// How many addresses are up, and how many there are.
    pub fn up(&self) -> (usize, usize) {
        (self.targets.iter().filter(|target| target.is_up()).count(), self.targets.len())
    }

    /// Sends a request in origin form to the least busy address. `from`: who asks and what they connected to.
    ///
    /// # Errors
    /// [`UpstreamError`] when no response began.
    pub async fn send(&self, mut request: Request<Body>, from: Ends) -> Result<Response<Body>, UpstreamError> {
        let begin = Instant::now();
        let repeats = may_repeat(&request);
        let (mut left, mut keeps) = (self.targets.len(), true);
        // Each turn takes the last kept connection that is tried, or one address.
        loop {
            let lease = Lease::new(self.choose());
            let target = &lease.0;
            let home = (self.proxy == ProxyProtocol::Off).then_some((self.id, target.index));
            let kept = home.filter(|_| keeps).and_then(Line::take);
            let (old, age) = kept.map_or((None, 0), |(line, age)| (Some(line), age));
            let is_old = old.is_some();
            let mut line = match old {
                Some(mut line) => {
                    if !line.is_free().await {
                        keeps = false;
                        continue;
                    }
                    line
                }
                None => match self.open(target, from).await {
                    Ok(line) => line,
                    // Nothing has been sent: the next address may have more luck.
                    Err(error) => {
                        left -= 1;
                        if left == 0 {
                            return Err(error);
                        }
                        continue;
                    }
                },
            };
            // The other side may be closing a connection that has been idle for a while; and another may do better.
            let again = (repeats && (age > FRESH || left > 1)).then(|| clone(&request));
            let progress = Progress::default();
            let sent = line.sender.try_send_request(request.map(|body| progress.watch(body)));
            let answer = tokio::select! {
                answer = sent => answer.map_err(|mut error| (error.take_message(), classify_hyper(error.error()))),
                () = progress.stalled(self.times.first_byte) => {
                    Err((None, UpstreamError::FirstByte(self.times.first_byte)))
                }
            };
            let (unsent, error) = match answer {
                Ok(response) => {
                    let mut response = framed(response);
                    response.extensions_mut().insert(Waited(begin.elapsed()));
                    let idle = self.times.idle;
                    return Ok(response.map(|body| {
                        Body::Pooled(Pooled {
                            body: Timed::new(body, idle),
                            line: Some(line),
                            home,
                            progress,
                            _lease: lease,
                        })
                    }));
                }
                Err(failed) => failed,
            };
            if is_old && !matches!(error, UpstreamError::FirstByte(_)) {
                keeps = false;
            } else {
                target.failed(&error);
                left -= 1;
            }
            match unsent.or(again) {
                Some(unsent) if left > 0 => request = unsent,
                _ => return Err(error),
            }
        }
    }

    /// Sends a request that asks for an upgrade, on a connection of its own. The lease lasts as long as what follows.
    ///
    /// # Errors
    /// [`UpstreamError`] when no response began.
    pub async fn upgrade(&self, request: Request<Body>, from: Ends) -> Result<(Response<Body>, Lease), UpstreamError> {
        let mut left = self.targets.len();
        loop {
            let lease = Lease::new(self.choose());
            let copy = clone(&request);
            let handshake = async {
                let mut line = self.open(&lease.0, from).await?;
                match timeout(self.times.first_byte, line.sender.send_request(copy)).await {
                    Ok(answer) => answer.map_err(|error| classify_hyper(&error)),
                    Err(_) => Err(UpstreamError::FirstByte(self.times.first_byte)),
                }
            };
            match handshake.await {
                Ok(response) => return Ok((framed(response).map(Body::from), lease)),
                Err(error) => {
                    lease.0.failed(&error);
                    left -= 1;
                    if left == 0 {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// The least busy address of those that are up; when none is, the one that has rested longest.
    fn choose(&self) -> &Arc<Target> {
        if self.targets.len() == 1 {
            return &self.targets[0];
        }
        let (before, after) = self.targets.split_at(self.turn.fetch_add(1, Ordering::Relaxed) % self.targets.len());
        let targets = || after.iter().chain(before);
        let up = targets().filter(|target| target.is_up()).min_by_key(|target| target.busy.load(Ordering::Relaxed));
        let rested = || targets().min_by_key(|target| (!target.is_healthy(), target.resting.load(Ordering::Relaxed)));
        up.or_else(rested).unwrap_or(&self.targets[0])
    }

    async fn open(&self, target: &Target, from: Ends) -> Result<Line, UpstreamError> {
        let opened = timeout(self.times.connect, self.dial(target, from)).await;
        let result = opened.unwrap_or(Err(ConnectError::Timeout(self.times.connect)));
        if let Err(error) = &result {
            tracing::warn!(upstream = %target.address, %error, "cannot connect");
            target.rest();
        }
        Ok(result?)
    }

    async fn dial(&self, target: &Target, from: Ends) -> Result<Line, ConnectError> {
        let Address { secure, name, port } = &target.address;
        let mut stream = tcp(name, *port).await.map_err(|error| connect::tcp_problem(&error))?;
        let _ = stream.set_nodelay(true);
        if let Some(header) = proxy::header(self.proxy, from) {
            stream.write_all(&header).await.map_err(|error| connect::tcp_problem(&error))?;
        }
        let stream = if *secure {
            let name = ServerName::try_from(name.clone()).map_err(|_| ConnectError::Address)?;
            Either::Right(self.tls.connect(name, stream).await.map_err(connect::tls_problem)?)
        } else {
            Either::Left(stream)
        };
        let (sender, connection) = http1::Builder::new()
            .max_headers(256)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| ConnectError::Unreachable(error.to_string()))?;
        let idle = Arc::<Idle>::default();
        let (watched, keep_alive) = (idle.clone(), self.times.keep_alive);
        tokio::spawn(async move {
            tokio::select! {
                biased;
                ended = connection.with_upgrades() => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection to an upstream ended early");
                },
                () = watched.too_long(keep_alive) => {}
            }
        });
        Ok(Line { sender, idle })
    }

    /// Asks every address for its health, again and again.
    pub async fn watch(self: Arc<Self>) {
        let Some(health) = self.health.clone() else { return };
        let mut every = interval(health.every.0);
        let mut rows = vec![(0, 0); self.targets.len()];
        loop {
            every.tick().await;
            let asked = self.targets.iter().map(|target| self.is_well(target, &health));
            let answers = futures_util::future::join_all(asked).await;
            for ((target, good), (up, down)) in self.targets.iter().zip(answers).zip(&mut rows) {
                (*up, *down) = if good { (*up + 1, 0) } else { (0, *down + 1) };
                let was = target.healthy.load(Ordering::Relaxed);
                if was && *down >= health.fall {
                    target.healthy.store(false, Ordering::Relaxed);
                    tracing::warn!(upstream = %target.address, "taken out: it does not answer its health check");
                } else if !was && *up >= health.rise {
                    target.healthy.store(true, Ordering::Relaxed);
                    tracing::info!(upstream = %target.address, "brought back");
                }
            }
        }
    }

    async fn is_well(&self, target: &Arc<Target>, health: &Health) -> bool {
        let ask = async {
            let mut line = self.dial(target, None).await.ok()?;
            let mut request = Request::get(&health.path).body(Body::Empty).ok()?;
            let Address { name, port, .. } = &target.address;
            request.headers_mut().insert(HOST, HeaderValue::try_from(format!("{name}:{port}")).ok()?);
            let response = line.sender.send_request(request).await.ok()?;
            Some(response.status() < StatusCode::INTERNAL_SERVER_ERROR)
        };
        timeout(health.every.0.max(Duration::from_secs(1)), ask).await.ok().flatten().unwrap_or(false)
    }
}

#[expect(clippy::disallowed_methods, reason = "the operator has named this address")]
async fn tcp(name: &str, port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((name, port)).await?;
    connect::keep_alive(&stream);
    Ok(stream)
}

/// Only what has no body and changes nothing may be sent twice.
fn may_repeat(request: &Request<Body>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) && request.body().is_end_stream()
}

fn clone(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(Body::Empty);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

impl Target {
    fn is_up(&self) -> bool {
        self.is_healthy() && self.resting.load(Ordering::Relaxed) <= now()
    }

    fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// It took a connection and did not answer on it: others may do better for a while.
    fn failed(&self, error: &UpstreamError) {
        // What the visitor has broken off says nothing of the address.
        if !matches!(error, UpstreamError::Downstream(_)) {
            self.rest();
        }
    }

    fn rest(&self) {
        let rest = u64::try_from(REST.as_millis()).unwrap_or(u64::MAX);
        self.resting.store(now() + rest, Ordering::Relaxed);
    }
}

/// Milliseconds since the first call.
fn now() -> u64 {
    static BEGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    u64::try_from(BEGIN.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Counts a request, or the tunnel that it has become, as on its way.
pub struct Lease(Arc<Target>);

impl Lease {
    fn new(target: &Arc<Target>) -> Self {
        target.busy.fetch_add(1, Ordering::Relaxed);
        Self(target.clone())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of a pooled connection's response: at its end the connection can be used again.
pub struct Pooled {
    body: Timed,
    line: Option<Line>,
    /// Where the connection is kept.
    home: Option<Home>,
    /// Of the request.
    progress: Progress,
    _lease: Lease,
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let (Some(line), Some(home)) = (self.line.take(), self.home) else { return };
        // A body that was not read to its end takes its connection with it, and a request's that was not sent to its own.
        if !self.body.is_end_stream() || !self.progress.is_sent() || line.sender.is_closed() {
            return;
        }
        line.keep(home);
    }
}

impl HttpBody for Pooled {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Health checks of all pools, for as long as Lado runs.
pub fn watch(pools: impl IntoIterator<Item = Arc<Pool>>) -> impl Future<Output = ()> {
    let watching: Vec<_> = pools.into_iter().map(Pool::watch).collect();
    async move {
        futures_util::future::join_all(watching).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_an_origin_and_nothing_more() {
        let address = |text: &str| Address::try_from(text.to_owned());
        assert_eq!(address("http://10.0.0.5:8080").unwrap().to_string(), "http://10.0.0.5:8080");
        assert_eq!(address("https://shop.internal").unwrap().to_string(), "https://shop.internal:443");
        for wrong in ["10.0.0.5:8080", "ftp://x", "http://x/path", "http://u@x", ""] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn the_least_busy_address_that_is_up_is_taken() {
        let addresses = ["http://a.test", "http://b.test"].map(|text| Address::try_from(text.to_owned()).unwrap());
        let pool = Pool::new(&addresses, None, ProxyProtocol::Off, &Config::default()).unwrap();
        let first = Lease::new(pool.choose());
        assert_eq!(pool.choose().index, 1);
        let _second = Lease::new(pool.choose());
        drop(first);
        assert_eq!(pool.choose().index, 0);
        pool.targets[0].rest();
        assert_eq!((pool.choose().index, pool.up()), (1, (1, 2)));
        pool.targets[1].healthy.store(false, Ordering::Relaxed);
        assert_eq!(pool.choose().index, 0);
    }
}
