//! Single-use tickets: what travels in an address, once, where a cookie cannot.

use std::time::{Duration, Instant};

use super::{Agent, Session, lock};
use crate::id::Secret;

/// What a single-use ticket opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ticket {
    /// Sets the customer's cookie on the view domain.
    Enter,
    /// Sets it on another host of the front, in the browser that has this of it.
    Sibling(Secret),
    /// The customer's panel.
    Panel,
    /// The viewer of this agent.
    Viewer(Agent),
}

/// Tickets travel through one redirect or one page load.
pub(super) const LIFETIME: Duration = Duration::from_secs(60);
/// More tickets than this at once means that something asks in a loop: the oldest go.
const MAX_TICKETS: usize = 64;

impl Session {
    /// A single-use ticket, good for a minute.
    pub fn ticket(&self, opens: Ticket) -> String {
        let text = format!("{}.{}", self.id, Secret::random().reveal());
        let mut tickets = lock(&self.tickets);
        if tickets.len() >= MAX_TICKETS {
            let oldest = tickets.iter().min_by_key(|(_, (_, expires))| *expires).map(|(text, _)| text.clone());
            oldest.and_then(|text| tickets.remove(&text));
        }
        if !self.is_over() {
            tickets.insert(text.clone(), (opens, Instant::now() + LIFETIME));
        }
        text
    }

    pub(super) fn redeem(&self, text: &str) -> Option<Ticket> {
        let (ticket, expires) = lock(&self.tickets).remove(text)?;
        (expires > Instant::now()).then_some(ticket)
    }

    pub(super) fn drop_stale_tickets(&self, now: Instant) {
        lock(&self.tickets).retain(|_, (_, expires)| *expires > now);
    }
}
