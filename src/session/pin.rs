//! PINs: six digits that belong to one company, work once, and cannot be guessed in number.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::limit::Limiter;
use crate::id::{Pin, SessionId};

pub const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Wrong guesses are counted over this long.
const WINDOW: Duration = Duration::from_secs(5 * 60);
const WRONG_PER_AGENT: usize = 5;
const WRONG_PER_COMPANY: usize = 50;

/// The PINs that are out, and who has guessed wrong lately.
pub(super) struct Pins {
    out: HashMap<(String, Pin), (SessionId, Instant)>,
    wrong_by_agent: Limiter,
    wrong_by_company: Limiter,
}

impl Default for Pins {
    fn default() -> Self {
        Self {
            out: HashMap::new(),
            wrong_by_agent: Limiter::new(WRONG_PER_AGENT, WINDOW),
            wrong_by_company: Limiter::new(WRONG_PER_COMPANY, WINDOW),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// Wrong, expired, used, or another company's: the caller cannot tell which.
    #[error("this PIN is not valid: ask the customer to read it again, or for a new one")]
    Invalid,
    #[error("too many wrong PINs: wait {} s and try again", .0.as_secs().max(1))]
    TooMany(Duration),
}

impl Pins {
    /// A fresh PIN for `session`; the one before stops working.
    pub(super) fn issue(&mut self, company: &str, session: SessionId, now: Instant) -> (Pin, Instant) {
        self.forget(session);
        self.out.retain(|_, (_, expires)| *expires > now);
        loop {
            let key = (company.to_owned(), Pin::random());
            if !self.out.contains_key(&key) {
                let expires = now + LIFETIME;
                self.out.insert(key.clone(), (session, expires));
                return (key.1, expires);
            }
        }
    }

    /// The session whose PIN an agent of `company` has typed. The PIN is then used up.
    pub(super) fn enter(
        &mut self,
        company: &str,
        agent: &str,
        text: &str,
        now: Instant,
    ) -> Result<SessionId, PinError> {
        self.wrong_by_agent.check(agent, now).map_err(PinError::TooMany)?;
        self.wrong_by_company.check(company, now).map_err(PinError::TooMany)?;
        // What is not six digits is a slip of the hand, not a guess.
        let pin = Pin::parse(text).map_err(|_| PinError::Invalid)?;
        match self.out.remove(&(company.to_owned(), pin)) {
            Some((session, expires)) if expires > now => Ok(session),
            _ => {
                self.wrong_by_agent.failed(agent, now);
                self.wrong_by_company.failed(company, now);
                Err(PinError::Invalid)
            }
        }
    }

    pub(super) fn forget(&mut self, session: SessionId) {
        self.out.retain(|_, (of, _)| *of != session);
    }

    /// Drops what time has made meaningless.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.out.retain(|_, (_, expires)| *expires > now);
        self.wrong_by_agent.sweep(now);
        self.wrong_by_company.sweep(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other_than(pin: &Pin) -> String {
        loop {
            let other = Pin::random();
            if other != *pin {
                return other.reveal().to_owned();
            }
        }
    }

    #[test]
    fn a_pin_works_once_in_its_own_company() {
        let (mut pins, now, id) = (Pins::default(), Instant::now(), SessionId::random());
        let (pin, _) = pins.issue("sol", id, now);
        assert_eq!(pins.enter("outra", "caio", pin.reveal(), now), Err(PinError::Invalid));
        assert_eq!(pins.enter("sol", "ana", pin.reveal(), now), Ok(id));
        assert_eq!(pins.enter("sol", "ana", pin.reveal(), now), Err(PinError::Invalid));
    }

    #[test]
    fn a_pin_expires_after_ten_minutes() {
        let (mut pins, now) = (Pins::default(), Instant::now());
        let (pin, expires) = pins.issue("sol", SessionId::random(), now);
        assert_eq!(expires, now + LIFETIME);
        assert_eq!(pins.enter("sol", "ana", pin.reveal(), now + LIFETIME), Err(PinError::Invalid));
    }

    #[test]
    fn a_new_pin_replaces_the_one_before() {
        let (mut pins, now, id) = (Pins::default(), Instant::now(), SessionId::random());
        let (old, _) = pins.issue("sol", id, now);
        let (new, _) = pins.issue("sol", id, now);
        if old != new {
            assert_eq!(pins.enter("sol", "ana", old.reveal(), now), Err(PinError::Invalid));
        }
        assert_eq!(pins.enter("sol", "ana", new.reveal(), now), Ok(id));
    }

    #[test]
    fn after_five_wrong_pins_an_agent_waits_and_the_right_one_does_not_help() {
        let (mut pins, now, id) = (Pins::default(), Instant::now(), SessionId::random());
        let (pin, _) = pins.issue("sol", id, now);
        for _ in 0..WRONG_PER_AGENT {
            assert_eq!(pins.enter("sol", "ana", &other_than(&pin), now), Err(PinError::Invalid));
        }
        assert_eq!(pins.enter("sol", "ana", pin.reveal(), now), Err(PinError::TooMany(WINDOW)));
        assert_eq!(pins.enter("sol", "bia", pin.reveal(), now), Ok(id), "a colleague is not held up");
        let (pin, _) = pins.issue("sol", id, now + WINDOW);
        assert_eq!(pins.enter("sol", "ana", pin.reveal(), now + WINDOW), Ok(id));
    }

    #[test]
    fn many_agents_together_cannot_guess_either() {
        let (mut pins, now) = (Pins::default(), Instant::now());
        let (pin, _) = pins.issue("sol", SessionId::random(), now);
        for guess in 0..WRONG_PER_COMPANY {
            let _ = pins.enter("sol", &format!("agent{guess}"), &other_than(&pin), now);
        }
        assert!(matches!(pins.enter("sol", "fresh", pin.reveal(), now), Err(PinError::TooMany(_))));
        assert_eq!(pins.enter("outra", "caio", "000000", now), Err(PinError::Invalid), "others are not held up");
    }

    #[test]
    fn a_slip_of_the_hand_is_not_counted_as_a_guess() {
        let (mut pins, now, id) = (Pins::default(), Instant::now(), SessionId::random());
        let (pin, _) = pins.issue("sol", id, now);
        for _ in 0..20 {
            assert_eq!(pins.enter("sol", "ana", "12345", now), Err(PinError::Invalid));
        }
        assert_eq!(pins.enter("sol", "ana", pin.reveal(), now), Ok(id));
    }
}
