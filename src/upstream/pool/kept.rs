//! Connections to upstreams that wait for the next request, and close when none comes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::now;
use crate::upstream::Body;

/// Pool and address.
pub type Home = (usize, usize);

/// Kept connections of each thread to each address.
const MAX_KEPT: usize = 64;
/// A kept connection takes a request at once, or something is wrong with it.
const AT_ONCE: Duration = Duration::from_millis(200);

thread_local! {
    /// A thread of its own for each connection: no lock, and the connection's task is often here too.
    static KEPT: RefCell<HashMap<Home, Vec<Line>>> = RefCell::default();
}

/// A connection to an upstream.
pub struct Line {
    pub sender: SendRequest<Body>,
    pub idle: Arc<Idle>,
}

impl Line {
    /// A kept connection, and for how many milliseconds it has been idle.
    pub fn take(home: Home) -> Option<(Self, u64)> {
        KEPT.with_borrow_mut(|kept| {
            let list = kept.get_mut(&home)?;
            // The one that was used last is the least likely to be closed.
            while let Some(line) = list.pop() {
                if let Some(age) = line.idle.take().filter(|_| !line.sender.is_closed()) {
                    return Some((line, age));
                }
            }
            None
        })
    }

    /// Whether it takes a request now. Its task may have the end of the last response still before it.
    pub async fn is_free(&mut self) -> bool {
        if self.sender.is_ready() {
            return true;
        }
        yield_now().await;
        self.sender.is_ready() || matches!(timeout(AT_ONCE, self.sender.ready()).await, Ok(Ok(())))
    }

    pub fn keep(self, home: Home) {
        // At the end of a thread there is nothing to keep.
        let _ = KEPT.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            let list = kept.entry(home).or_default();
            if list.len() >= MAX_KEPT {
                list.retain(|line| !line.sender.is_closed());
            }
            if list.len() < MAX_KEPT {
                self.idle.begin();
                list.push(self);
            }
        });
    }
}

/// Since when a connection is idle, in milliseconds of [`now`]: its own task closes it when that is too long.
pub struct Idle(AtomicU64);

const BUSY: u64 = u64::MAX;
const OVER: u64 = u64::MAX - 1;

impl Default for Idle {
    fn default() -> Self {
        Self(AtomicU64::new(BUSY))
    }
}

impl Idle {
    /// For how long it has been idle; `None` when it closes. From here on it is busy.
    fn take(&self) -> Option<u64> {
        let since = self.0.swap(BUSY, Ordering::AcqRel);
        (since != OVER).then(|| now().saturating_sub(since))
    }

    fn begin(&self) {
        self.0.store(now(), Ordering::Release);
    }

    /// Resolves when it has been idle for so long. Nobody gets it then.
    pub async fn too_long(&self, most: Duration) {
        let mut left = most;
        loop {
            sleep(left).await;
            let since = self.0.load(Ordering::Acquire);
            if since == BUSY {
                left = most;
                continue;
            }
            left = most.saturating_sub(Duration::from_millis(now().saturating_sub(since)));
            if left.is_zero() && self.0.compare_exchange(since, OVER, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return;
            }
        }
    }
}
