//! Counts failures over a window of time, so that nobody can guess in number.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Names that are counted at once; what would be more is not counted until the window has passed for others.
const MAX_KEYS: usize = 50_000;

#[derive(Debug)]
pub struct Limiter {
    most: usize,
    window: Duration,
    failures: HashMap<String, VecDeque<Instant>>,
}

impl Limiter {
    /// At most `most` failures in any `window`.
    pub fn new(most: usize, window: Duration) -> Self {
        Self { most, window, failures: HashMap::new() }
    }

    /// # Errors
    /// How long `key` has to wait.
    pub fn check(&mut self, key: &str, now: Instant) -> Result<(), Duration> {
        let Some(times) = self.failures.get_mut(key) else { return Ok(()) };
        while times.front().is_some_and(|first| now.saturating_duration_since(*first) >= self.window) {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= self.most => Err(self.window - now.saturating_duration_since(*first)),
            _ => Ok(()),
        }
    }

    pub fn failed(&mut self, key: &str, now: Instant) {
        if self.failures.len() >= MAX_KEYS {
            self.sweep(now);
        }
        if self.failures.len() < MAX_KEYS || self.failures.contains_key(key) {
            let times = self.failures.entry(key.to_owned()).or_default();
            times.push_back(now);
            if times.len() > self.most {
                times.pop_front();
            }
        }
    }

    /// Drops what time has made meaningless.
    pub fn sweep(&mut self, now: Instant) {
        let window = self.window;
        self.failures.retain(|_, times| times.back().is_some_and(|last| now.saturating_duration_since(*last) < window));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_for_as_long_as_the_window_is() {
        let (mut limiter, now) = (Limiter::new(2, Duration::from_secs(10)), Instant::now());
        limiter.failed("ana", now);
        assert_eq!(limiter.check("ana", now), Ok(()));
        limiter.failed("ana", now + Duration::from_secs(4));
        assert_eq!(limiter.check("ana", now + Duration::from_secs(4)), Err(Duration::from_secs(6)));
        assert_eq!(limiter.check("bia", now), Ok(()));
        assert_eq!(limiter.check("ana", now + Duration::from_secs(10)), Ok(()));
        limiter.sweep(now + Duration::from_secs(20));
        assert!(limiter.failures.is_empty());
    }
}
