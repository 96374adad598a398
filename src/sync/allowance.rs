//! How much a socket may send, and what it may cost: a burst, then a steady rate. Who sends more is read more slowly; TCP does the rest.

use std::time::Duration;

use tokio::time::Instant;

/// The share of a processor that a socket's messages may take for long.
const SHARE: f64 = 0.25;

pub(super) struct Allowance {
    /// Seconds of work, in the same way.
    work: f64,
    most_work: f64,
    worked: Instant,
    /// Bytes that may be taken at once; negative when more was.
    left: f64,
    burst: f64,
    per_second: f64,
    /// Every message costs this much more than its bytes.
    message: f64,
    since: Instant,
}

impl Allowance {
    /// A page may send a large snapshot or two at once, then 4 MiB or 1,000 messages a second.
    pub(super) fn of_page(work: Duration) -> Self {
        Self::new(work, 48.0 * 1024.0 * 1024.0, 4.0 * 1024.0 * 1024.0, 4096.0)
    }

    /// A hand makes some hundred pointer moves a second at the most.
    pub(super) fn of_viewer(work: Duration) -> Self {
        Self::new(work, 1024.0 * 1024.0, 256.0 * 1024.0, 1024.0)
    }

    fn new(work: Duration, burst: f64, per_second: f64, message: f64) -> Self {
        let now = Instant::now();
        let most_work = work.as_secs_f64();
        Self { work: most_work, most_work, worked: now, left: burst, burst, per_second, message, since: now }
    }

    /// Takes the time that a message took to be dealt with; the answer is how long to wait before the next is read.
    pub(super) fn work(&mut self, took: Duration) -> Duration {
        let now = Instant::now();
        let earned = now.duration_since(self.worked).as_secs_f64() * SHARE;
        self.worked = now;
        self.work = (self.work + earned).min(self.most_work) - took.as_secs_f64();
        if self.work >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-self.work / SHARE) }
    }

    /// Takes one message of `bytes`; the answer is how long to wait before the next is read.
    pub(super) fn take(&mut self, bytes: usize) -> Duration {
        let now = Instant::now();
        let earned = now.duration_since(self.since).as_secs_f64() * self.per_second;
        self.since = now;
        self.left = (self.left + earned).min(self.burst) - bytes as f64 - self.message;
        if self.left >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-self.left / self.per_second) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_costs_too_much_is_read_a_quarter_of_the_time() {
        let mut allowance = Allowance::of_page(Duration::from_secs(2));
        assert_eq!(allowance.work(Duration::from_millis(1_900)), Duration::ZERO);
        let wait = allowance.work(Duration::from_millis(600));
        assert!(wait > Duration::from_millis(1_900) && wait < Duration::from_millis(2_100), "{wait:?}");
    }

    #[test]
    fn a_burst_is_free_and_a_flood_waits() {
        let mut allowance = Allowance::new(Duration::ZERO, 10_000.0, 1_000.0, 100.0);
        assert_eq!(allowance.take(9_000), Duration::ZERO);
        let wait = allowance.take(2_000);
        assert!(wait > Duration::from_millis(1_100) && wait < Duration::from_millis(1_300), "{wait:?}");
    }
}
