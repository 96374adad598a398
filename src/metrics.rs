//! What operations watch: requests are counted and timed here, everything else is read where it is counted anyway.
//!
//! Labels are words of this program. Nothing that a visitor chooses becomes one: no host, no path, no session.

mod exposition;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU8, AtomicU64};
use std::time::{Duration, Instant};

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use prometheus_client::metrics::histogram::Histogram;
use serde::Deserialize;

use crate::hub::Hubs;
use crate::listener::{self, AtEnd, Watching};
use crate::load::{Load, Running};
use crate::respond::{self, Failure, Request, Response, Sockets};
use crate::route::Face;
use crate::session::Sessions;
use crate::upstream::pool::Pool;
use crate::upstream::{ConnectError, UpstreamError, Waited};

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where `/metrics`, `/healthz` and `/readyz` are; nothing: nowhere.
    pub listen: Option<SocketAddr>,
}

/// Counts, and everything that keeps counts of its own.
pub struct Metrics {
    faces: [PerFace; FACES.len()],
    /// By [`KINDS`].
    failures: [AtomicU64; KINDS.len()],
    readiness: AtomicU8,
    begin: Instant,
    sources: Sources,
    /// Known once there is a listener.
    listener: OnceLock<Arc<listener::Counts>>,
}

/// What counts for itself.
pub struct Sources {
    pub load: Arc<Load>,
    pub sessions: Arc<Sessions>,
    pub hubs: Arc<Hubs>,
    pub pools: Vec<Arc<Pool>>,
    pub sockets: Sockets,
}

struct PerFace {
    /// By the first digit of the status.
    requests: [AtomicU64; CLASSES.len()],
    /// By [`PHASES`].
    phases: [Histogram; PHASES.len()],
}

const FACES: [&str; 6] = ["console", "view", "viewer", "panel", "front", "unknown"];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// Until the site began to answer, until Lado did, until the last byte had left.
const PHASES: [&str; 3] = ["upstream", "head", "whole"];
/// Why a site's answer did not come, or not whole.
const KINDS: [&str; 12] = [
    "name",
    "dns",
    "guarded",
    "refused",
    "unreachable",
    "connect_timeout",
    "tls",
    "address",
    "first_byte",
    "protocol",
    "closed",
    "body",
];
const BUCKETS: [f64; 15] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Whether a balancer should send visitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    Starting,
    Ready,
    Draining,
}

impl Metrics {
    pub fn new(sources: Sources) -> Arc<Self> {
        let face =
            |_| PerFace { requests: Default::default(), phases: std::array::from_fn(|_| Histogram::new(BUCKETS)) };
        Arc::new(Self {
            faces: std::array::from_fn(face),
            failures: Default::default(),
            readiness: AtomicU8::new(Readiness::Starting as u8),
            begin: Instant::now(),
            sources,
            listener: OnceLock::new(),
        })
    }

    /// A request has come; `None` where its host is nobody's.
    pub fn request(self: &Arc<Self>, face: Option<&Face>) -> Answering {
        let face = face.map_or(FACES.len() - 1, number);
        let running = self.sources.load.request();
        Answering { metrics: self.clone(), face, begin: Instant::now(), _running: running }
    }

    /// A request has failed.
    pub fn failed(&self, failure: &Failure) {
        let kind = match failure {
            Failure::Upstream { cause, .. } => kind(cause),
            Failure::Body { .. } => Some("body"),
            _ => None,
        };
        if let Some(kind) = kind {
            self.count_failure(kind);
        }
    }

    fn count_failure(&self, kind: &str) {
        if let Some(at) = KINDS.iter().position(|known| *known == kind) {
            self.failures[at].fetch_add(1, Relaxed);
        }
    }

    pub fn listens(&self, counts: Arc<listener::Counts>) {
        let _ = self.listener.set(counts);
    }

    pub fn becomes(&self, readiness: Readiness) {
        self.readiness.store(readiness as u8, Relaxed);
    }

    fn readiness(&self) -> Readiness {
        [Readiness::Starting, Readiness::Ready, Readiness::Draining][usize::from(self.readiness.load(Relaxed)).min(2)]
    }

    /// The listener of operations: metrics, whether the process lives, whether it should get visitors.
    pub fn answer(self: &Arc<Self>, request: &Request) -> Response {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return respond::status(StatusCode::METHOD_NOT_ALLOWED);
        }
        match request.uri().path() {
            "/metrics" => {
                let mut response = Response::new(exposition::write(self).into());
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(exposition::TYPE));
                response
            }
            "/healthz" => respond::text(StatusCode::OK, "alive\n"),
            "/readyz" => match self.readiness() {
                Readiness::Starting => {
                    respond::text(StatusCode::SERVICE_UNAVAILABLE, "starting: nothing is listened on yet\n")
                }
                Readiness::Draining => respond::text(StatusCode::SERVICE_UNAVAILABLE, "draining: about to stop\n"),
                Readiness::Ready => respond::text(StatusCode::OK, "ready\n"),
            },
            _ => respond::status(StatusCode::NOT_FOUND),
        }
    }
}

fn number(face: &Face) -> usize {
    match face {
        Face::Console => 0,
        Face::View(..) => 1,
        Face::Viewer(_) => 2,
        Face::Panel(_) => 3,
        Face::Front(_) => 4,
    }
}

/// Nothing where it was not the site that failed.
fn kind(cause: &UpstreamError) -> Option<&'static str> {
    Some(match cause {
        UpstreamError::Connect(cause) => match cause {
            ConnectError::NoSuchName => "name",
            ConnectError::Dns(_) => "dns",
            ConnectError::Guarded(_) => "guarded",
            ConnectError::Refused => "refused",
            ConnectError::Unreachable(_) => "unreachable",
            ConnectError::Timeout(_) => "connect_timeout",
            ConnectError::Tls(_) => "tls",
            ConnectError::Address => "address",
        },
        UpstreamError::FirstByte(_) => "first_byte",
        UpstreamError::Protocol(_) => "protocol",
        UpstreamError::Closed(_) => "closed",
        UpstreamError::Downstream(_) => return None,
    })
}

/// A request on its way, from its head to the last byte of its response.
pub struct Answering {
    metrics: Arc<Metrics>,
    face: usize,
    begin: Instant,
    _running: Running,
}

impl Answering {
    /// There is a response: its last byte ends the request.
    pub fn answered(self, response: &mut Response) {
        let of_face = &self.metrics.faces[self.face];
        let class = usize::from(response.status().as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        of_face.requests[class].fetch_add(1, Relaxed);
        if let Some(Waited(upstream)) = response.extensions_mut().remove() {
            observe(&of_face.phases[0], upstream);
        }
        observe(&of_face.phases[1], self.begin.elapsed());
        response.extensions_mut().insert(AtEnd(Arc::new(self)));
    }
}

impl Watching for Answering {
    fn broke_off(&self) {
        self.metrics.count_failure("body");
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        observe(&self.metrics.faces[self.face].phases[2], self.begin.elapsed());
    }
}

fn observe(histogram: &Histogram, took: Duration) {
    histogram.observe(took.as_secs_f64());
}
