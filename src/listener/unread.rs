//! Responses on HTTP/2 connections that their browser does not read: a window that never opens holds them without end.
//!
//! On HTTP/1 the socket itself fills up. Here pings and other streams go on while one waits: it shows in that nothing
//! more of its body is asked for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The responses of one connection.
pub struct Unread {
    born: Instant,
    slots: Mutex<Slots>,
    /// It is a connection on which there are any.
    used: AtomicBool,
}

#[derive(Default)]
struct Slots {
    all: Vec<Arc<AtomicU64>>,
    free: Vec<usize>,
}

/// It is the site that is waited for, or the slot is nobody's.
const NOT_WAITING: u64 = u64::MAX;
/// A connection on which others are read goes too when one has not been for so many times as long.
const PATIENCE: u64 = 10;

impl Default for Unread {
    fn default() -> Self {
        Self { born: Instant::now(), slots: Mutex::default(), used: AtomicBool::new(false) }
    }
}

impl Unread {
    /// A response whose body is still to be taken.
    pub fn response(self: &Arc<Self>) -> Response {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let at = slots.free.pop().unwrap_or_else(|| {
            slots.all.push(Arc::new(AtomicU64::new(NOT_WAITING)));
            slots.all.len() - 1
        });
        let since = slots.all[at].clone();
        since.store(self.now(), Ordering::Relaxed);
        drop(slots);
        Response { of: self.clone(), at, since }
    }

    /// There will be responses.
    pub fn begin(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    pub fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether the browser has taken nothing for so long of whatever runs, or for much longer of one.
    pub fn is_given_up(&self, most: Duration, running: usize) -> bool {
        let (now, limit) = (self.now(), u64::try_from(most.as_millis()).unwrap_or(NOT_WAITING));
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = slots.all.iter().filter_map(|since| {
            let since = since.load(Ordering::Relaxed);
            (since != NOT_WAITING).then(|| now.saturating_sub(since)).filter(|waited| *waited >= limit)
        });
        let (count, longest) = waits.fold((0, 0), |(count, longest), waited| (count + 1, longest.max(waited)));
        count > 0 && (count >= running || longest >= limit.saturating_mul(PATIENCE))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(NOT_WAITING - 1)
    }
}

/// One response on its way.
pub struct Response {
    of: Arc<Unread>,
    at: usize,
    /// When the browser was last given something, in milliseconds.
    since: Arc<AtomicU64>,
}

impl Response {
    /// The browser has room again, and gets something; or the site has nothing yet.
    pub fn asked(&self, gets: bool) {
        self.since.store(if gets { self.of.now() } else { NOT_WAITING }, Ordering::Relaxed);
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        self.since.store(NOT_WAITING, Ordering::Relaxed);
        self.of.slots.lock().unwrap_or_else(PoisonError::into_inner).free.push(self.at);
    }
}
