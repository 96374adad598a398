//! What hubs count, for the metrics.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::protocol::Refusal;

/// What has gone wrong, and what was too much, since Lado started.
#[derive(Debug, Default)]
pub struct Counts {
    /// Comparisons that found a mirror other than its page.
    pub diverged: AtomicU64,
    /// Elements that pages were asked to tell anew.
    pub mends: AtomicU64,
    /// Pages that kept differing, and were left to.
    pub given_up: AtomicU64,
    /// Pages that were asked for a snapshot of all of them.
    pub resyncs: AtomicU64,
    /// Pages that were too much to be mirrored.
    pub capped: AtomicU64,
    /// Pages that were read more slowly because they took too much of Lado's time.
    pub slowed: AtomicU64,
    /// Rules that no longer matched where they had.
    pub drifted: AtomicU64,
    /// Viewers whose queue was dropped because they read too slowly.
    pub viewers_behind: AtomicU64,
    /// Snapshots for viewers whose tree went wrong.
    pub viewer_resyncs: AtomicU64,
    /// Sockets of pages and of viewers that are open.
    pub pages: AtomicU64,
    pub viewers: AtomicU64,
    /// Changes that pages told.
    pub ops: AtomicU64,
    /// What pages should have masked themselves.
    pub corrections: AtomicU64,
    /// Agents' actions, and those that were refused, by [`REFUSALS`].
    pub acts: AtomicU64,
    pub refused: [AtomicU64; REFUSALS.len()],
}

/// Why an agent's action is refused, as metrics name it.
pub const REFUSALS: [&str; 7] = ["locked", "masked", "not_allowed", "gone", "not_possible", "paused", "asked"];

impl Counts {
    pub(super) fn refuse(&self, refusal: Refusal) {
        let at = match refusal {
            Refusal::Locked => 0,
            Refusal::Masked => 1,
            Refusal::NotAllowed => 2,
            Refusal::Gone => 3,
            Refusal::NotPossible => 4,
            Refusal::Paused => 5,
            Refusal::Asked => 6,
        };
        self.refused[at].fetch_add(1, Relaxed);
    }
}

/// A socket that is open, for as long as the value lives.
pub struct Open<'c>(&'c AtomicU64);

impl<'c> Open<'c> {
    pub fn new(count: &'c AtomicU64) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
