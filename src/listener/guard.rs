//! What the listener itself watches over: malformed requests, silent and idle connections.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, UPGRADE};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::ext::Protocol as Extended;
use memchr::memchr;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use super::scan::is_twin;
use super::unread::{self, Unread};
use crate::upstream::{Body, BodyError};

/// Refuses what hyper lets through and RFC 9112 §3.2 tells to refuse: without one clear Host nothing can be routed.
///
/// What only the bytes of an HTTP/1 request show is `scan`'s to refuse.
pub fn check<B: HttpBody>(request: &Request<B>) -> Result<(), &'static str> {
    if request.headers().keys().any(|name| is_twin(name.as_str().as_bytes())) {
        return Err("an underscore in the name of a framing header field");
    }
    if request.headers().contains_key(UPGRADE) && !request.body().is_end_stream() {
        return Err("an upgrade with a body");
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err("more than one Host");
    }
    let authority = request.uri().authority();
    if host.is_some_and(|host| !is_authority(host.as_bytes()))
        || authority.is_some_and(|authority| !is_authority(authority.as_str().as_bytes()))
    {
        return Err("a Host that is none");
    }
    match (host, authority) {
        (None, None) => Err("no Host"),
        (Some(host), Some(authority)) if !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => {
            Err("Host disagrees with the address")
        }
        // WebSockets over HTTP/2 come as CONNECT too (RFC 8441), with a protocol.
        _ if request.method() == Method::CONNECT && request.extensions().get::<Extended>().is_none() => {
            Err("Lado is no forward proxy")
        }
        _ => Ok(()),
    }
}

/// `uri-host [ ":" port ]` (RFC 9112 §3.2): what stands here is quoted to upstreams, and must mean one host to everybody.
fn is_authority(text: &[u8]) -> bool {
    let (named, port) = if text.first() == Some(&b'[') {
        let Some(end) = memchr(b']', text) else { return false };
        let inner = &text[1..end];
        (inner.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')), &text[end + 1..])
    } else {
        let (name, port) = text.split_at(memchr(b':', text).unwrap_or(text.len()));
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(byte);
        (name.iter().all(is_name), port)
    };
    named && port.split_first().is_none_or(|(colon, digits)| *colon == b':' && digits.iter().all(u8::is_ascii_digit))
}

/// The connection of a request that should not have come is closed behind the refusal.
pub fn refusal(status: StatusCode, reason: &'static str, version: Version) -> Response<Body> {
    let mut response = Response::new(Body::from(reason));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
    } else if version < Version::HTTP_2 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What happens on one connection, to know when it has been silent for too long.
///
/// hyper waits for ever on a connection that never speaks or sends half an HTTP/2 preface.
pub struct Activity {
    born: Instant,
    /// Since when no request has run, in milliseconds after `born`; [`BUSY`] while one does.
    idle: AtomicU64,
    /// Its place is needed.
    evicted: AtomicBool,
    unread: Arc<Unread>,
    /// Requests whose response has not been sent to its end.
    running: AtomicUsize,
    /// A whole request has arrived.
    spoke: AtomicBool,
    first: Notify,
    /// A stream of an HTTP/2 connection has become a WebSocket: its pings tell whether the other side still lives.
    tunnels: AtomicBool,
    changed: Notify,
    /// What an HTTP/1 connection speaks after a request to upgrade; [`UNDECIDED`] until its response is known.
    decision: AtomicU8,
    decided: AtomicWaker,
}

/// What follows a request to upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http,
    Other,
}

const BUSY: u64 = u64::MAX;
/// A connection that has not said anything yet has this long before its place is taken for idle.
const JUST_COME: u64 = 1000;

const UNDECIDED: u8 = 0;
const HTTP: u8 = 1;
const OTHER: u8 = 2;

impl Default for Activity {
    fn default() -> Self {
        Self {
            born: Instant::now(),
            idle: AtomicU64::new(0),
            evicted: AtomicBool::new(false),
            unread: Arc::default(),
            running: AtomicUsize::new(0),
            spoke: AtomicBool::new(false),
            first: Notify::new(),
            tunnels: AtomicBool::new(false),
            changed: Notify::new(),
            decision: AtomicU8::new(UNDECIDED),
            decided: AtomicWaker::new(),
        }
    }
}

impl Activity {
    /// For how many milliseconds the connection has been idle; `None` while it is needed.
    pub fn idle_for(&self) -> Option<u64> {
        let idle = Some(self.idle.load(Ordering::Relaxed)).filter(|since| *since != BUSY && !self.is_busy());
        let idle = idle.map(|since| self.millis(Instant::now()).saturating_sub(since));
        idle.filter(|idle| self.spoke.load(Ordering::Relaxed) || *idle > JUST_COME)
    }

    /// Closes the connection if it is still idle.
    pub fn evict(&self) {
        self.evicted.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    fn is_busy(&self) -> bool {
        self.running.load(Ordering::Relaxed) > 0 || self.tunnels.load(Ordering::Relaxed)
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.born).as_millis()).unwrap_or(BUSY - 1)
    }

    /// A request to upgrade has come: its response will decide.
    pub fn expect(&self) {
        self.decision.store(UNDECIDED, Ordering::Release);
    }

    pub fn decide(&self, protocol: Protocol) {
        let decision = if protocol == Protocol::Http { HTTP } else { OTHER };
        self.decision.store(decision, Ordering::Release);
        self.decided.wake();
    }

    pub fn poll_decision(&self, cx: &mut Context<'_>) -> Poll<Protocol> {
        self.decided.register(cx.waker());
        match self.decision.load(Ordering::Acquire) {
            UNDECIDED => Poll::Pending,
            HTTP => Poll::Ready(Protocol::Http),
            _ => Poll::Ready(Protocol::Other),
        }
    }

    /// Counts a request as running until its [`Watched`] body is gone.
    pub fn start<B>(self: &Arc<Self>, request: &Request<B>) -> Running {
        if !self.spoke.swap(true, Ordering::Relaxed) {
            self.first.notify_one();
        }
        let multiplexed = request.version() == Version::HTTP_2;
        if multiplexed {
            self.unread.begin();
        }
        self.running.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_one();
        Running { of: self.clone(), multiplexed }
    }

    /// A stream becomes a WebSocket.
    pub fn tunnel(&self) {
        self.tunnels.store(true, Ordering::Relaxed);
    }

    /// Resolves when the first request has arrived, or has taken so long.
    pub async fn first(&self, patience: Duration) {
        if !self.spoke.load(Ordering::Relaxed) {
            let _ = timeout(patience, self.first.notified()).await;
        }
    }

    /// Resolves when the connection should be closed: no request within `first`, none running for `idle` or while
    /// others need its place, or nothing read for `unread` of what runs.
    pub async fn overdue(&self, Patience { first, idle, unread }: Patience) {
        let begin = Instant::now();
        let (mut deadline, mut look) = (begin + first, begin + unread / 4);
        loop {
            if self.is_busy() {
                self.idle.store(BUSY, Ordering::Relaxed);
                self.evicted.store(false, Ordering::Relaxed);
                if self.unread.is_used() {
                    tokio::select! {
                        () = sleep_until(look) => {
                            // What goes through a tunnel is read, as far as anybody knows.
                            let tunnels = usize::from(self.tunnels.load(Ordering::Relaxed));
                            if self.unread.is_given_up(unread, self.running.load(Ordering::Relaxed) + tunnels) {
                                return;
                            }
                            look = Instant::now() + unread / 4;
                        }
                        () = self.changed.notified() => {}
                    }
                } else {
                    self.changed.notified().await;
                }
            } else {
                tokio::select! {
                    () = sleep_until(deadline) => return,
                    () = self.changed.notified() => {}
                }
                if self.evicted.swap(false, Ordering::Relaxed) && !self.is_busy() {
                    return;
                }
            }
            let now = Instant::now();
            self.idle.store(self.millis(now), Ordering::Relaxed);
            deadline = now + idle;
        }
    }
}

/// How long a connection may do nothing.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Before its first request.
    pub first: Duration,
    /// Between requests.
    pub idle: Duration,
    /// With what it has asked for.
    pub unread: Duration,
}

/// A request that is being answered.
pub struct Running {
    of: Arc<Activity>,
    multiplexed: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.of.running.fetch_sub(1, Ordering::Relaxed);
        self.of.changed.notify_one();
    }
}

/// Kept until the last byte of a response is out, or its browser has gone: an extension of the response.
#[derive(Clone)]
pub struct AtEnd(pub Arc<dyn Watching>);

/// What follows a response to its end, which is its drop.
pub trait Watching: Send + Sync {
    /// The body failed before its end.
    fn broke_off(&self);
}

/// A response body that keeps its connection busy until the last byte is out.
pub struct Watched {
    body: Body,
    at_end: Option<AtEnd>,
    unread: Option<unread::Response>,
    _running: Running,
}

impl Watched {
    pub fn response(mut response: Response<Body>, running: Running) -> Response<Self> {
        let at_end = response.extensions_mut().remove();
        let unread = running.multiplexed.then(|| running.of.unread.response());
        response.map(|body| Self { body, at_end, unread, _running: running })
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let (Poll::Ready(Some(Err(_))), Some(AtEnd(watching))) = (&frame, &self.at_end) {
            watching.broke_off();
        }
        if let Some(unread) = &self.unread {
            unread.asked(frame.is_ready());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, hosts: &[&str]) -> Request<Body> {
        let mut builder = Request::builder().uri(uri);
        for host in hosts {
            builder = builder.header(HOST, *host);
        }
        builder.body(Body::Empty).unwrap()
    }

    #[test]
    fn one_clear_host_is_needed() {
        assert_eq!(check(&request("/", &["a.test"])), Ok(()));
        assert_eq!(check(&request("https://a.test/", &[])), Ok(()));
        assert_eq!(check(&request("http://a.test/", &["A.test"])), Ok(()));
        assert_eq!(check(&request("/", &[])), Err("no Host"));
        assert_eq!(check(&request("/", &["a.test", "a.test"])), Err("more than one Host"));
        assert_eq!(check(&request("http://b.test/", &["a.test"])), Err("Host disagrees with the address"));
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_a_port_of_digits() {
        for host in ["a.test", "a.test:8080", "A_b.test:", "10.0.0.1", "[2001:db8::1]:80", "[::ffff:1.2.3.4]", ""] {
            assert_eq!(check(&request("/", &[host])), Ok(()), "{host}");
        }
        for host in [
            "a.test:80/\", for=6.6.6.6;x=\"",
            "a.test:80@evil.test",
            "u@a.test",
            "a.test:80:80",
            "a test",
            "[::1",
            "[a.test]",
            "[::1]80",
            "a.test/x",
            "a.test?x",
            "a\\b",
        ] {
            assert_eq!(check(&request("/", &[host])), Err("a Host that is none"), "{host}");
        }
        assert_eq!(check(&request("https://u@a.test/", &[])), Err("a Host that is none"));
    }

    #[tokio::test]
    async fn a_silent_connection_is_overdue_and_a_busy_one_is_not() {
        let (first, idle) = (Duration::from_millis(20), Duration::from_millis(60));
        let patience = Patience { first, idle, unread: idle };
        let activity = Arc::new(Activity::default());
        activity.overdue(patience).await;

        let running = activity.start(&request("/", &[]));
        assert!(tokio::time::timeout(idle * 3, activity.overdue(patience)).await.is_err());
        let begin = Instant::now();
        tokio::join!(async { drop(running) }, activity.overdue(patience));
        assert!(begin.elapsed() >= first);
    }
}
