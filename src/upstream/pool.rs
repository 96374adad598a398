//! The way to the addresses behind a front host: kept connections, health, and the least busy one first.
//!
//! The operator has named these addresses, so the guard, which judges what strangers ask for, has no say here.

use std::cell::RefCell;
use std::collections::HashMap;
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
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
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

/// The PROXY protocol header that begins each connection to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyProtocol {
    #[default]
    Off,
    V1,
    V2,
}

/// The addresses of one front.
pub struct Pool {
    id: usize,
    targets: Vec<Arc<Target>>,
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

/// After a failed connection an address rests for this long.
const REST: Duration = Duration::from_secs(2);
/// Kept connections of each thread to each address.
const MAX_KEPT: usize = 64;
/// A connection that has been idle for longer may be closed by the other side at this very moment.
const FRESH: Duration = Duration::from_secs(1);

thread_local! {
    /// By pool and address. A thread of its own for each connection: no lock, and the connection's task is often here too.
    static KEPT: RefCell<HashMap<(usize, usize), Vec<Kept>>> = RefCell::default();
}

struct Kept {
    sender: SendRequest<Body>,
    since: Instant,
}

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
        let retry = may_repeat(&request);
        let mut left = self.targets.len();
        loop {
            let target = self.choose();
            let lease = Lease::new(target);
            let (mut sender, again) = match self.kept(target) {
                Some(Kept { sender, since }) => {
                    // The other side may be closing a connection that has been idle for a while.
                    let doubtful = retry && since.elapsed() > FRESH;
                    (sender, doubtful.then(|| clone(&request)))
                }
                None => match self.open(target, from).await {
                    Ok(sender) => (sender, None),
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
            if sender.ready().await.is_err() {
                continue;
            }
            let progress = Progress::default();
            let sent = sender.try_send_request(request.map(|body| progress.watch(body)));
            let answer = tokio::select! {
                answer = sent => answer,
                () = progress.stalled(self.times.first_byte) => {
                    return Err(UpstreamError::FirstByte(self.times.first_byte));
                }
            };
            match answer {
                Ok(response) => {
                    let mut response = framed(response);
                    response.extensions_mut().insert(Waited(begin.elapsed()));
                    let home = Home { pool: self.id, target: target.index, keep_alive: self.times.keep_alive };
                    let home = (self.proxy == ProxyProtocol::Off).then_some(home);
                    return Ok(
                        response.map(|body| Body::Pooled(Pooled::new(body, self.times.idle, sender, home, lease)))
                    );
                }
                Err(mut error) => match error.take_message().or(again) {
                    Some(unsent) => request = unsent,
                    None => return Err(classify_hyper(error.error())),
                },
            }
        }
    }

    /// Sends a request that asks for an upgrade, on a connection of its own.
    ///
    /// # Errors
    /// [`UpstreamError`] when no response began.
    pub async fn upgrade(&self, request: Request<Body>, from: Ends) -> Result<Response<Body>, UpstreamError> {
        let target = self.choose();
        let mut sender = self.open(target, from).await?;
        match timeout(self.times.first_byte, sender.send_request(request)).await {
            Ok(answer) => Ok(framed(answer.map_err(|error| classify_hyper(&error))?).map(Body::from)),
            Err(_) => Err(UpstreamError::FirstByte(self.times.first_byte)),
        }
    }

    /// The least busy address of those that are up; of all, when none is.
    fn choose(&self) -> &Arc<Target> {
        let least = |up: bool| {
            let targets = self.targets.iter().filter(|target| !up || target.is_up());
            targets.min_by_key(|target| target.busy.load(Ordering::Relaxed))
        };
        least(true).or_else(|| least(false)).unwrap_or(&self.targets[0])
    }

    fn kept(&self, target: &Target) -> Option<Kept> {
        if self.proxy != ProxyProtocol::Off {
            return None;
        }
        KEPT.with_borrow_mut(|kept| {
            let list = kept.get_mut(&(self.id, target.index))?;
            // The one that was used last is the least likely to be closed.
            while let Some(one) = list.pop() {
                if !one.sender.is_closed() && one.since.elapsed() < self.times.keep_alive {
                    return Some(one);
                }
            }
            None
        })
    }

    async fn open(&self, target: &Target, from: Ends) -> Result<SendRequest<Body>, UpstreamError> {
        let opened = timeout(self.times.connect, self.dial(target, from)).await;
        let result = opened.unwrap_or(Err(ConnectError::Timeout(self.times.connect)));
        if let Err(error) = &result {
            tracing::warn!(upstream = %target.address, %error, "cannot connect");
            target.rest();
        }
        Ok(result?)
    }

    async fn dial(&self, target: &Target, from: Ends) -> Result<SendRequest<Body>, ConnectError> {
        let Address { secure, name, port } = &target.address;
        let mut stream = tcp(name, *port).await.map_err(|error| connect::tcp_problem(&error))?;
        let _ = stream.set_nodelay(true);
        if let Some(header) = proxy_header(self.proxy, from) {
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
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to an upstream ended early");
            }
        });
        Ok(sender)
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
            let mut sender = self.dial(target, None).await.ok()?;
            let mut request = Request::get(&health.path).body(Body::Empty).ok()?;
            let Address { name, port, .. } = &target.address;
            request.headers_mut().insert(HOST, HeaderValue::try_from(format!("{name}:{port}")).ok()?);
            let response = sender.send_request(request).await.ok()?;
            Some(response.status() < StatusCode::INTERNAL_SERVER_ERROR)
        };
        timeout(health.every.0.max(Duration::from_secs(1)), ask).await.ok().flatten().unwrap_or(false)
    }
}

/// Who asks, and the address of Lado's that they asked: for the PROXY protocol.
pub type Ends = Option<(std::net::SocketAddr, std::net::SocketAddr)>;

fn proxy_header(version: ProxyProtocol, from: Ends) -> Option<Vec<u8>> {
    use ppp::{v1, v2};
    match (version, from) {
        (ProxyProtocol::Off, _) => None,
        (ProxyProtocol::V1, Some(addresses)) => Some(v1::Addresses::from(addresses).to_string().into_bytes()),
        (ProxyProtocol::V1, None) => Some(b"PROXY UNKNOWN\r\n".to_vec()),
        (ProxyProtocol::V2, Some(addresses)) => {
            v2::Builder::with_addresses(v2::Version::Two | v2::Command::Proxy, v2::Protocol::Stream, addresses)
                .build()
                .ok()
        }
        (ProxyProtocol::V2, None) => v2::Builder::new(v2::Version::Two | v2::Command::Local, 0).build().ok(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the operator has named this address")]
async fn tcp(name: &str, port: u16) -> std::io::Result<TcpStream> {
    TcpStream::connect((name, port)).await
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
        self.healthy.load(Ordering::Relaxed) && self.resting.load(Ordering::Relaxed) <= now()
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

/// Counts a request as on its way.
struct Lease(Arc<Target>);

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

/// Where a connection goes when its response has been read.
struct Home {
    pool: usize,
    target: usize,
    keep_alive: Duration,
}

/// The body of a pooled connection's response: at its end the connection can be used again.
pub struct Pooled {
    body: Timed,
    sender: Option<SendRequest<Body>>,
    home: Option<Home>,
    _lease: Lease,
}

impl Pooled {
    fn new(body: Incoming, idle: Duration, sender: SendRequest<Body>, home: Option<Home>, lease: Lease) -> Self {
        Self { body: Timed::new(body, idle), sender: Some(sender), home, _lease: lease }
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let (Some(sender), Some(home)) = (self.sender.take(), self.home.take()) else { return };
        // A body that was not read to its end takes its connection with it.
        if !self.body.is_end_stream() || sender.is_closed() {
            return;
        }
        // At the end of a thread there is nothing to keep.
        let _ = KEPT.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            let list = kept.entry((home.pool, home.target)).or_default();
            if list.len() >= MAX_KEPT {
                list.retain(|one| !one.sender.is_closed() && one.since.elapsed() < home.keep_alive);
            }
            if list.len() < MAX_KEPT {
                list.push(Kept { sender, since: Instant::now() });
            }
        });
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
