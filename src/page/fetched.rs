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
use crate::session::{Session, lock};

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
        // Else their memory waits for whoever uses the cache next.
        self.0.kept.run_pending_tasks();
    }

    /// A session that ends is marked as over before what is kept of it is forgotten: whichever comes first, nothing stays.
    fn put(&self, session: &Session, key: Key, piece: Piece) {
        self.0.kept.insert(key.clone(), piece);
        if session.is_over() {
            self.0.kept.invalidate(&key);
        }
    }

    /// The site's response on its way to the customer, kept where viewers may ask for it. `shows` tells whether viewers
    /// may load this kind of content at all.
    pub fn keep(
        &self,
        session: &Arc<Session>,
        method: &Method,
        url: &Url,
        response: Response,
        shows: impl FnOnce(&HeaderValue) -> bool,
    ) -> Response {
        if *method != Method::GET {
            return response;
        }
        let key = key(session.id, url);
        let header = |name| response.headers().get(name);
        if response.status().is_redirection() {
            let target = header(LOCATION).and_then(|to| to.to_str().ok()).and_then(|to| url.join(to).ok());
            if let Some(to) = target {
                self.put(session, key, Piece::Moved(to));
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
            let (session, kept, gathered) = (Arc::clone(session), self.clone(), Some(Vec::new()));
            Body::stream(Teed { body, session, kept, key, file, gathered, size: 0, _landed: landed })
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
    session: Arc<Session>,
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
        if self.size > MAX_FILE || all > self.kept.0.max || self.session.is_over() {
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
        self.kept.put(&self.session, self.key.clone(), self.file.clone());
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{BodyExt as _, StreamBody};
    use tokio::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::rewrite::url::ViewDomain;
    use crate::session::{self, Companies, EndedBy, Sessions};

    const COMPANY: &str = "id = 'sol'\nname = 'Sol'\nallow = ['*']\n[[agents]]\nname = 'ana'\n\
                           password = '$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$Wjw6GbOd2JBjJ7bzRBQ9Wg'";

    struct Stage {
        sessions: Arc<Sessions>,
        session: Arc<Session>,
        fetched: Fetched,
        picture: Url,
    }

    impl Stage {
        fn set() -> Self {
            let companies = Companies::load(&[toml::from_str(COMPANY).unwrap()]).unwrap();
            let domain = ViewDomain::parse("http://view.localhost:7070").unwrap();
            let sessions = Sessions::new(session::Config::default(), companies, domain).unwrap();
            let (company, account) = sessions.companies().account("ana").unwrap();
            let start = Url::parse("https://www.shop.com/").unwrap();
            let session = sessions.create(&company, &account.agent, start.clone()).unwrap();
            let fetched = Fetched::new(1 << 20);
            sessions.at_end({
                let fetched = fetched.clone();
                move |session| fetched.forget(session.id)
            });
            Self { sessions, session, fetched, picture: start.join("/face.png").unwrap() }
        }

        /// The picture on its way to the customer, as slow as the test wants it.
        fn comes(&self) -> (Sender<&'static str>, Body) {
            let (sender, mut receiver) = channel::<&'static str>(4);
            let pieces = futures_util::stream::poll_fn(move |cx| {
                receiver.poll_recv(cx).map(|piece| Some(Ok::<_, Infallible>(Frame::data(piece?.into()))))
            });
            let mut response = Response::new(Body::stream(StreamBody::new(pieces)));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/png"));
            (sender, self.keeps(response).into_body())
        }

        fn keeps(&self, response: Response) -> Response {
            self.fetched.keep(&self.session, &Method::GET, &self.picture, response, |_| true)
        }

        fn held(&self) -> (u64, usize, usize) {
            let Inner { kept, flights, gathered, .. } = &*self.fetched.0;
            kept.run_pending_tasks();
            (kept.entry_count(), lock(flights).len(), gathered.load(Ordering::Relaxed))
        }
    }

    #[tokio::test]
    async fn what_is_on_its_way_when_a_session_ends_is_not_kept() {
        let stage = Stage::set();
        let (sender, body) = stage.comes();
        sender.try_send("a face").unwrap();
        drop(sender);
        body.collect().await.unwrap();
        assert_eq!(stage.held(), (1, 0, 0), "a session that goes on keeps it");

        let (sender, mut body) = stage.comes();
        sender.try_send("a fa").unwrap();
        body.frame().await.unwrap().unwrap();
        stage.sessions.end(&stage.session, EndedBy::Customer);
        assert_eq!(stage.held().0, 0);
        sender.try_send("ce").unwrap();
        drop(sender);
        assert_eq!(body.collect().await.unwrap().to_bytes(), "ce", "the customer's browser gets it whole");
        assert_eq!(stage.held(), (0, 0, 0));
    }

    #[tokio::test]
    async fn an_answer_that_comes_after_the_end_is_not_kept() {
        let stage = Stage::set();
        stage.sessions.end(&stage.session, EndedBy::Customer);
        let (sender, body) = stage.comes();
        sender.try_send("a face").unwrap();
        drop(sender);
        body.collect().await.unwrap();
        let mut moved = Response::new(Body::Empty);
        *moved.status_mut() = StatusCode::FOUND;
        moved.headers_mut().insert(LOCATION, HeaderValue::from_static("/other.png"));
        stage.keeps(moved);
        assert_eq!(stage.held(), (0, 0, 0));
    }
}
