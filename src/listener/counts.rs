//! What the listener counts: connections, bytes, refusals.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Since the listener began; `open` at the moment.
#[derive(Debug, Default)]
pub struct Counts {
    pub open: AtomicU64,
    pub accepted: AtomicU64,
    /// Bytes from and to browsers, as HTTP has them: without TLS.
    pub received: AtomicU64,
    pub sent: AtomicU64,
    /// By [`REFUSED`].
    pub refused: [AtomicU64; REFUSED.len()],
}

/// Why the listener refuses a connection or a request, as metrics name it.
pub const REFUSED: [&str; 8] = ["connections", "requests", "malformed", "too_large", "flood", "tls", "hop", "full"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The address has too many connections.
    Connections,
    /// The address asks too often.
    Requests,
    Malformed,
    TooLarge,
    /// HTTP/2 frames beyond the budgets.
    Flood,
    /// The handshake failed.
    Tls,
    /// A trusted hop did not say who it speaks for.
    Hop,
    /// All places were taken: an idle connection made room.
    Full,
}

impl Counts {
    pub fn refuse(&self, why: Refused) {
        self.refused[why as usize].fetch_add(1, Relaxed);
    }

    pub fn connection(self: &Arc<Self>) -> Open {
        self.accepted.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
        Open(self.clone())
    }
}

/// An open connection.
pub struct Open(Arc<Counts>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}
