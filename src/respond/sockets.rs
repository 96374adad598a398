//! Sockets and tunnels: they outlive the requests that they began with, and hear when Lado is about to stop.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

/// When who is told to come back should do so: whoever starts next needs a moment.
pub const RECONNECT: Duration = Duration::from_secs(1);

/// Clones stand for the same sockets.
#[derive(Clone, Default)]
pub struct Sockets {
    open: TaskTracker,
    drain: CancellationToken,
}

impl Sockets {
    /// Runs a socket to its end.
    pub fn spawn(&self, socket: impl Future<Output = ()> + Send + 'static) {
        self.open.spawn(socket);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Until Lado is about to stop.
    pub fn drained(&self) -> WaitForCancellationFutureOwned {
        self.drain.clone().cancelled_owned()
    }

    /// Lado is about to stop: waits until each has said its last word, for as long as `grace`.
    pub async fn drain(&self, grace: Duration) {
        self.drain.cancel();
        self.open.close();
        let _ = timeout(grace, self.open.wait()).await;
    }
}
