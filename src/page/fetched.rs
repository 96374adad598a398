//! What the customer's browser has fetched, kept for the viewers of its session: the site sees one fetch for two views.
//!
//! This is no HTTP cache. A viewer shows what the customer sees, so it gets the very bytes that the customer's browser got
//! last, whatever they say of how long others may keep them; and nobody but the viewers of that session gets them.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, LOCATION};
use http::{Method, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use moka::sync::Cache;
use tokio::sync::watch;
use tokio::time::timeout;
use url::Url;

use crate::id::SessionId;
use crate::respond::{Body, BodyError, Response};
use crate::session::lock;

/// Larger files are rare among what a page shows, and would push out many small ones.
const MAX_FILE: usize = 8 * 1024 * 1024;
/// A viewer learns of an image as soon as the page has it: the customer's browser may be about to ask for it, too.
const PATIENCE: Duration = Duration::from_millis(150);
/// A customer on a slow line does not hold up the agent for longer.
const IN_FLIGHT: Duration = Duration::from_secs(10);
/// As browsers count them.
const MAX_REDIRECTS: usize = 5;

type Key = (SessionId, String);

#[derive(Clone)]
pub struct Fetched(Arc<Inner>);

struct Inner {
    kept: Cache<Key, Piece>,
    /// What is on its way to a customer. Whoever waits is woken when the sender goes.
    flights: Mutex<HashMap<Key, watch::Receiver<()>>>,
    /// Bytes of all flights, which the cache does not know of yet.
    gathered: AtomicUsize,
    max: usize,
    /// Wakes viewers that ask a moment too early.
    begun: watch::Sender<()>,
}

#[derive(Clone)]
enum Piece {
    File { content_type: HeaderValue, coding: Option<HeaderValue>, bytes: Bytes },
    Moved(Url),
}

impl Fetched {
    /// Keeps at most `max` bytes.
    pub fn new(max: u64) -> Self {
        let weight = |key: &Key, piece: &Piece| {
            let bytes = match piece {
                Piece::File { bytes, .. } => bytes.len(),
                Piece::Moved(to) => to.as_str().len(),
            };
            u32::try_from(bytes + key.1.len() + 256).unwrap_or(u32::MAX)
        };
        let kept = Cache::builder().weigher(weight).max_capacity(max).support_invalidation_closures().build();
        Self(Arc::new(Inner {
            kept,
            flights: Mutex::default(),
            gathered: AtomicUsize::new(0),
            max: usize::try_from(max).unwrap_or(usize::MAX),
            begun: watch::Sender::new(()),
        }))
    }

    /// Nothing of an ended session is kept.
    pub fn forget(&self, session: SessionId) {
        // Fails only where closures are not supported, and they are.
        let _ = self.0.kept.invalidate_entries_if(move |(of, _), _| *of == session);
    }

    /// The site's response on its way to the customer, kept where viewers may ask for it. `shows` tells whether viewers
    /// may load this kind of content at all.
    pub fn keep(
        &self,
        session: SessionId,
        method: &Method,
        url: &Url,
        response: Response,
        shows: impl FnOnce(&HeaderValue) -> bool,
    ) -> Response {
        if *method != Method::GET {
            return response;
        }
        let key = key(session, url);
        let header = |name| response.headers().get(name);
        if response.status().is_redirection() {
            let target = header(LOCATION).and_then(|to| to.to_str().ok()).and_then(|to| url.join(to).ok());
            if let Some(to) = target {
                self.0.kept.insert(key, Piece::Moved(to));
            }
            return response;
        }
        let Some(content_type) = header(CONTENT_TYPE).filter(|_| response.status() == StatusCode::OK).cloned() else {
            return response;
        };
        let large = response.body().size_hint().lower() > MAX_FILE as u64;
        if large || !shows(&content_type) {
            return response;
        }
        let coding = header(CONTENT_ENCODING).cloned();
        let (landed, flight) = watch::channel(());
        lock(&self.0.flights).insert(key.clone(), flight);
        self.0.begun.send_replace(());
        let file = Piece::File { content_type, coding, bytes: Bytes::new() };
        response.map(|body| {
            let gathered = Some(Vec::new());
            Body::stream(Teed { body, kept: self.clone(), key, file, gathered, size: 0, _landed: landed })
        })
    }

    /// What the customer's browser got at `url`, as if the site had just sent it; the address is where it was found.
    /// Waits for what is on its way.
    pub async fn find(&self, session: SessionId, url: &Url) -> Option<(Url, Response)> {
        let mut url = url.clone();
        let mut begun = self.0.begun.subscribe();
        for _ in 0..=MAX_REDIRECTS {
            let key = key(session, &url);
            let soon = async { while !self.knows(&key) && begun.changed().await.is_ok() {} };
            timeout(PATIENCE, soon).await.ok()?;
            let flight = lock(&self.0.flights).get(&key).cloned();
            if let Some(mut flight) = flight {
                // An error says that the sender is gone: the file has landed, or was given up.
                let _ = timeout(IN_FLIGHT, async { while flight.changed().await.is_ok() {} }).await;
            }
            match self.0.kept.get(&key)? {
                Piece::Moved(to) => url = to,
                Piece::File { content_type, coding, bytes } => {
                    let mut response = Response::new(Body::from(bytes));
                    response.headers_mut().insert(CONTENT_TYPE, content_type);
                    if let Some(coding) = coding {
                        response.headers_mut().insert(CONTENT_ENCODING, coding);
                    }
                    return Some((url, response));
                }
            }
        }
        None
    }

    fn knows(&self, key: &Key) -> bool {
        self.0.kept.contains_key(key) || lock(&self.0.flights).contains_key(key)
    }
}

fn key(session: SessionId, url: &Url) -> Key {
    (session, url[..url::Position::AfterQuery].to_owned())
}

/// A body on its way to the customer, of which a copy stays.
struct Teed {
    body: Body,
    kept: Fetched,
    key: Key,
    file: Piece,
    /// `None` once it is kept, or too much to be.
    gathered: Option<Vec<Bytes>>,
    size: usize,
    _landed: watch::Sender<()>,
}

impl Teed {
    fn gather(&mut self, bytes: &Bytes) {
        let Some(gathered) = &mut self.gathered else { return };
        gathered.push(bytes.clone());
        self.size += bytes.len();
        let all = self.kept.0.gathered.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        if self.size > MAX_FILE || all > self.kept.0.max {
            self.let_go();
        }
    }

    fn complete(&mut self) {
        let Some(gathered) = self.gathered.take() else { return };
        let mut whole = BytesMut::with_capacity(self.size);
        gathered.iter().for_each(|bytes| whole.extend_from_slice(bytes));
        if let Piece::File { bytes, .. } = &mut self.file {
            *bytes = whole.freeze();
        }
        self.kept.0.kept.insert(self.key.clone(), self.file.clone());
        self.let_go();
    }

    fn let_go(&mut self) {
        self.gathered = None;
        self.kept.0.gathered.fetch_sub(std::mem::take(&mut self.size), Ordering::Relaxed);
        lock(&self.kept.0.flights).remove(&self.key);
    }
}

impl Drop for Teed {
    fn drop(&mut self) {
        // A body that was given up half-way is not kept.
        if self.gathered.is_some() {
            self.let_go();
        }
    }
}

impl HttpBody for Teed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(bytes) = frame.data_ref() {
                    self.gather(bytes);
                }
                // Who knows the length asks no further.
                if self.body.is_end_stream() {
                    self.complete();
                }
            }
            Poll::Ready(None) => self.complete(),
            Poll::Ready(Some(Err(_))) => self.let_go(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
