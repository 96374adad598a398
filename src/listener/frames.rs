//! Counts the frames of an HTTP/2 connection that cost Lado more than they cost their sender.
//!
//! The h2 crate bounds memory; what it does not bound is how often a peer may make it work for nothing: resets, pings,
//! settings, priorities, empty data, header blocks in crumbs (CVE-2019-9512, -9513, -9515, -9518, CVE-2023-44487,
//! CVE-2024-27316).

use std::time::{Duration, Instant};

/// What a peer has done too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flood {
    #[error("too many resets")]
    Resets,
    #[error("too many pings")]
    Pings,
    #[error("too many settings")]
    Settings,
    #[error("too many priorities")]
    Priorities,
    #[error("too many empty data frames")]
    Empty,
    #[error("a header block in too many pieces")]
    Continuations,
}

const DATA: u8 = 0;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;

/// Frames of 16 KiB: more than any head that Lado takes.
const MAX_CONTINUATIONS: u8 = 16;

#[derive(Debug)]
pub struct Frames {
    /// Bytes until the next frame header.
    skip: usize,
    header: [u8; 9],
    have: usize,
    continuations: u8,
    resets: Budget,
    pings: Budget,
    settings: Budget,
    priorities: Budget,
    empty: Budget,
}

impl Frames {
    /// `preface` bytes come before the first frame.
    pub fn new(preface: usize, now: Instant) -> Self {
        Self {
            skip: preface,
            header: [0; 9],
            have: 0,
            continuations: 0,
            // A page that is left cancels all that it was loading.
            resets: Budget::new(400, 50, now),
            pings: Budget::new(100, 10, now),
            settings: Budget::new(20, 1, now),
            priorities: Budget::new(1000, 100, now),
            empty: Budget::new(200, 20, now),
        }
    }

    /// # Errors
    /// [`Flood`] when the connection should be closed.
    pub fn read(&mut self, mut bytes: &[u8], now: impl Fn() -> Instant) -> Result<(), Flood> {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return Ok(());
            }
            let taken = (9 - self.have).min(bytes.len());
            self.header[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            self.have += taken;
            bytes = &bytes[taken..];
            if self.have == 9 {
                self.have = 0;
                self.skip = self.frame(&now)?;
            }
        }
    }

    /// The length of the frame whose header has come.
    fn frame(&mut self, now: &impl Fn() -> Instant) -> Result<usize, Flood> {
        let [high, middle, low, kind, flags, ..] = self.header;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        self.continuations = if kind == CONTINUATION { self.continuations.saturating_add(1) } else { 0 };
        let within = match kind {
            DATA if length == 0 && flags & END_STREAM == 0 => self.empty.spend(now(), Flood::Empty),
            PRIORITY => self.priorities.spend(now(), Flood::Priorities),
            RST_STREAM => self.resets.spend(now(), Flood::Resets),
            SETTINGS => self.settings.spend(now(), Flood::Settings),
            PING => self.pings.spend(now(), Flood::Pings),
            CONTINUATION if self.continuations > MAX_CONTINUATIONS => Err(Flood::Continuations),
            _ => Ok(()),
        };
        within.map(|()| length)
    }
}

/// So many at once, and so many more each second.
#[derive(Debug)]
struct Budget {
    left: u32,
    most: u32,
    per_second: u32,
    filled: Instant,
}

impl Budget {
    fn new(most: u32, per_second: u32, now: Instant) -> Self {
        Self { left: most, most, per_second, filled: now }
    }

    fn spend(&mut self, now: Instant, flood: Flood) -> Result<(), Flood> {
        let seconds = now.duration_since(self.filled).as_secs();
        if seconds > 0 {
            let more = u32::try_from(seconds).unwrap_or(u32::MAX).saturating_mul(self.per_second);
            self.left = self.left.saturating_add(more).min(self.most);
            self.filled += Duration::from_secs(seconds);
        }
        self.left = self.left.checked_sub(1).ok_or(flood)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        bytes.resize(9 + payload, 0);
        bytes
    }

    fn flood(kind: u8, flags: u8, payload: usize) -> Option<Flood> {
        let begin = Instant::now();
        let mut frames = Frames::new(0, begin);
        (0..2000).find_map(|_| frames.read(&frame(kind, flags, payload), || begin).err())
    }

    #[test]
    fn every_costly_frame_has_its_budget() {
        assert_eq!(flood(RST_STREAM, 0, 4), Some(Flood::Resets));
        assert_eq!(flood(PING, 0, 8), Some(Flood::Pings));
        assert_eq!(flood(SETTINGS, 0, 6), Some(Flood::Settings));
        assert_eq!(flood(PRIORITY, 0, 5), Some(Flood::Priorities));
        assert_eq!(flood(DATA, 0, 0), Some(Flood::Empty));
        assert_eq!(flood(CONTINUATION, 0, 1), Some(Flood::Continuations));
        assert_eq!(flood(DATA, 0, 100), None);
        assert_eq!(flood(DATA, END_STREAM, 0), None);
        assert_eq!(flood(1, 4, 100), None);
    }

    #[test]
    fn a_budget_fills_up_again() {
        let begin = Instant::now();
        let mut frames = Frames::new(0, begin);
        for second in 0..1000 {
            for _ in 0..10 {
                let now = begin + Duration::from_secs(second);
                assert_eq!(frames.read(&frame(PING, 0, 8), || now), Ok(()));
            }
        }
    }

    proptest! {
        /// Where the network cuts must not change what is counted.
        #[test]
        fn cuts_change_nothing(sizes in prop::collection::vec((0u8..10, 0usize..50), 1..300), cut in 1usize..40) {
            let begin = Instant::now();
            let bytes: Vec<u8> = sizes.iter().flat_map(|(kind, size)| frame(*kind, 0, *size)).collect();
            let whole = Frames::new(0, begin).read(&bytes, || begin);
            let mut frames = Frames::new(0, begin);
            let pieces = bytes.chunks(cut).try_for_each(|piece| frames.read(piece, || begin));
            prop_assert_eq!(whole, pieces);
        }
    }
}
