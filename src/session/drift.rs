//! Notices when a rule no longer matches where it did: a site's markup has changed under it.
//!
//! Remembered for each page pattern, a host with a path whose numbers and codes are left open: how often a rule matched,
//! and how long it was not seen in between. A firm mask that was always there and misses once makes the pattern private
//! until an admin has looked; another rule is reported when it misses for longer than it ever did.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;

use tokio::sync::broadcast;

use super::lock;

/// A rule that has matched this often is expected to.
const ENOUGH: u32 = 3;
/// Misses in a row of a rule that is not firm.
const PATIENCE: u32 = 3;
/// Page patterns and rules that are remembered for a company: the patterns longest out of sight go.
const MAX_PATTERNS: usize = 1000;
const MAX_RULES: usize = 64;
const MAX_ALARMS: usize = 100;
const MAX_SEGMENTS: usize = 6;
const MAX_SEGMENT: usize = 32;

/// What a company's rules have matched.
#[derive(Debug)]
pub struct Drift {
    inner: Mutex<Inner>,
    changes: broadcast::Sender<()>,
}

#[derive(Debug, Default)]
struct Inner {
    known: HashMap<Pattern, Known>,
    /// Counts the pages that were observed.
    clock: u64,
    alarms: Vec<Alarm>,
    version: u64,
}

#[derive(Debug, Default)]
struct Known {
    rules: BTreeMap<String, Seen>,
    last: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    hits: u32,
    missed: u32,
    /// Misses in a row that were followed by a match, or by somebody who looked: what is usual.
    usual: u32,
}

/// Pages that are built alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern {
    pub host: String,
    /// A glob over paths: `/orders/*/pay`.
    pub path: String,
}

/// A rule that no longer matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    pub rule: String,
    pub pattern: Pattern,
    /// On how many pages it did match.
    pub seen: u32,
    /// Everything there is masked until somebody has looked.
    pub private: bool,
}

/// What is at stake when a rule misses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It is there to protect, whatever a company says: a firm mask.
    Firm,
    Other,
}

impl Default for Drift {
    fn default() -> Self {
        Self { inner: Mutex::default(), changes: broadcast::channel(16).0 }
    }
}

impl Drift {
    /// A page has settled; `matched` are the rules that hold for something on it. `weigh` says nothing of rules that are
    /// no more. Returns what is new.
    pub fn observe(
        &self,
        pattern: &Pattern,
        matched: &BTreeSet<String>,
        weigh: impl Fn(&str) -> Option<Weight>,
    ) -> Vec<Alarm> {
        let mut inner = lock(&self.inner);
        inner.clock += 1;
        let clock = inner.clock;
        inner.make_room(pattern);
        let known = inner.known.entry(pattern.clone()).or_default();
        known.last = clock;
        for rule in matched {
            if known.rules.len() < MAX_RULES || known.rules.contains_key(rule) {
                let seen = known.rules.entry(rule.clone()).or_default();
                seen.hits = seen.hits.saturating_add(1);
                seen.usual = seen.usual.max(seen.missed);
                seen.missed = 0;
            }
        }
        let mut fresh = Vec::new();
        known.rules.retain(|rule, seen| {
            let Some(weight) = weigh(rule) else { return false };
            if matched.contains(rule) {
                return true;
            }
            seen.missed += 1;
            let patience = if weight == Weight::Firm { 1 } else { PATIENCE };
            if seen.hits >= ENOUGH && seen.missed == patience.max(2 * seen.usual + 1) {
                let private = weight == Weight::Firm;
                fresh.push(Alarm { rule: rule.clone(), pattern: pattern.clone(), seen: seen.hits, private });
            }
            true
        });
        fresh.retain(|alarm| !inner.alarms.iter().any(|old| old.rule == alarm.rule && old.pattern == alarm.pattern));
        if !fresh.is_empty() {
            inner.alarms.extend(fresh.iter().cloned());
            // What is private stays so, however many alarms there are.
            while inner.alarms.len() > MAX_ALARMS {
                let Some(at) = inner.alarms.iter().position(|alarm| !alarm.private) else { break };
                inner.alarms.remove(at);
            }
            inner.version += 1;
            drop(inner);
            let _ = self.changes.send(());
        }
        fresh
    }

    /// Somebody has looked: the pattern is shown again, and the rule has to miss more often to be reported. False when
    /// there is no such alarm.
    pub fn looked(&self, rule: &str, pattern: &Pattern) -> bool {
        let mut inner = lock(&self.inner);
        let before = inner.alarms.len();
        inner.alarms.retain(|alarm| alarm.rule != rule || alarm.pattern != *pattern);
        if inner.alarms.len() == before {
            return false;
        }
        if let Some(seen) = inner.known.get_mut(pattern).and_then(|known| known.rules.get_mut(rule)) {
            *seen = Seen { hits: seen.hits, missed: 0, usual: seen.usual.max(seen.missed).max(PATIENCE) };
        }
        inner.version += 1;
        drop(inner);
        let _ = self.changes.send(());
        true
    }

    /// The alarms that nobody has looked at yet, the oldest first.
    pub fn alarms(&self) -> Vec<Alarm> {
        lock(&self.inner).alarms.clone()
    }

    /// The globs of a host's paths where all is private, and the rules that made them so.
    pub fn private_paths(&self, host: &str) -> Vec<(String, String)> {
        let inner = lock(&self.inner);
        let there = inner.alarms.iter().filter(|alarm| alarm.private && alarm.pattern.host.eq_ignore_ascii_case(host));
        there.map(|alarm| (alarm.rule.clone(), alarm.pattern.path.clone())).collect()
    }

    /// Another number for other alarms.
    pub fn version(&self) -> u64 {
        lock(&self.inner).version
    }

    pub fn changes(&self) -> broadcast::Receiver<()> {
        self.changes.subscribe()
    }
}

impl Inner {
    fn make_room(&mut self, coming: &Pattern) {
        if self.known.len() >= MAX_PATTERNS && !self.known.contains_key(coming) {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.last).map(|(pattern, _)| pattern.clone());
            oldest.map(|pattern| self.known.remove(&pattern));
        }
    }
}

impl Pattern {
    /// Of a page's host (no port) and path.
    pub fn of(host: &str, path: &str) -> Self {
        let mut out = String::new();
        for (at, segment) in path.split('/').skip(1).enumerate() {
            if at == MAX_SEGMENTS {
                out.push_str("/**");
                break;
            }
            out.push('/');
            out.push_str(if is_word(segment) { segment } else { "*" });
        }
        if out.is_empty() {
            out.push('/');
        }
        Self { host: host.to_ascii_lowercase(), path: out }
    }
}

/// What is part of how a site is built, and no number, code or name of something.
fn is_word(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    segment.len() <= MAX_SEGMENT
        && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && digits <= 2
        && (segment.is_empty() || digits < segment.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str) -> Pattern {
        Pattern::of("shop.example", path)
    }

    fn weigh(rule: &str) -> Option<Weight> {
        match rule {
            "card" => Some(Weight::Firm),
            "gone" => None,
            _ => Some(Weight::Other),
        }
    }

    fn see(drift: &Drift, path: &str, rules: &[&str]) -> Vec<Alarm> {
        drift.observe(&at(path), &rules.iter().map(|rule| (*rule).to_owned()).collect(), weigh)
    }

    #[test]
    fn numbers_and_codes_of_a_path_are_left_open() {
        for (path, pattern) in [
            ("/", "/"),
            ("/checkout", "/checkout"),
            ("/orders/18273/pay", "/orders/*/pay"),
            ("/orders/9/pay", "/orders/*/pay"),
            ("/v2/cart", "/v2/cart"),
            ("/u/f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "/u/*"),
            ("/p/caf%C3%A9", "/p/*"),
            ("/a/b/c/d/e/f/g/h", "/a/b/c/d/e/f/**"),
            ("/a*b/", "/*/"),
        ] {
            assert_eq!(at(path).path, pattern, "{path}");
        }
    }

    #[test]
    fn a_firm_mask_that_misses_once_closes_the_pages_that_are_built_alike() {
        let drift = Drift::default();
        for order in 100..103 {
            assert_eq!(see(&drift, &format!("/orders/{order}/pay"), &["card"]), []);
        }
        let alarms = see(&drift, "/orders/103/pay", &[]);
        assert_eq!(alarms.len(), 1);
        assert_eq!((alarms[0].rule.as_str(), alarms[0].seen, alarms[0].private), ("card", 3, true));
        assert_eq!(drift.private_paths("Shop.example"), [("card".to_owned(), "/orders/*/pay".to_owned())]);
        assert_eq!(see(&drift, "/orders/104/pay", &[]), [], "told once");
        assert_eq!(see(&drift, "/orders/105/pay", &["card"]), []);
        assert_eq!(drift.alarms().len(), 1, "until somebody has looked");
        assert!(drift.looked("card", &at("/orders/1/pay")) && !drift.looked("card", &at("/orders/1/pay")));
        assert!(drift.private_paths("shop.example").is_empty());
        for order in 0..6 {
            assert_eq!(see(&drift, &format!("/orders/{order}/pay"), &[]), [], "somebody knows that it may miss");
        }
        assert_eq!(see(&drift, "/orders/9/pay", &[]).len(), 1);
    }

    #[test]
    fn another_rule_may_miss_now_and_then() {
        let drift = Drift::default();
        for _ in 0..5 {
            assert_eq!(see(&drift, "/cart", &["buy"]), []);
            assert_eq!(see(&drift, "/cart", &[]), []);
            assert_eq!(see(&drift, "/cart", &[]), []);
        }
        assert_eq!((see(&drift, "/cart", &[]), see(&drift, "/cart", &[])), (vec![], vec![]));
        let alarms = see(&drift, "/cart", &[]);
        assert_eq!((alarms.len(), alarms[0].private), (1, false));
        assert!(drift.private_paths("shop.example").is_empty());
    }

    #[test]
    fn a_password_field_that_one_address_shows_now_and_then_is_not_missed() {
        let drift = Drift::default();
        for _ in 0..6 {
            assert_eq!((see(&drift, "/", &["card"]), see(&drift, "/", &[])), (vec![], vec![]));
        }
    }

    #[test]
    fn a_rule_that_is_no_more_and_one_that_was_seldom_there_are_not_missed() {
        let drift = Drift::default();
        for _ in 0..3 {
            see(&drift, "/a", &["gone"]);
        }
        see(&drift, "/b", &["card"]);
        see(&drift, "/b", &["card"]);
        assert_eq!((see(&drift, "/a", &[]), see(&drift, "/b", &[])), (vec![], vec![]));
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let drift = Drift::default();
        let name = |n: usize| (0..4).map(|at| char::from(b'a' + (n >> (4 * at) & 15) as u8)).collect::<String>();
        for n in 0..2 * MAX_PATTERNS {
            see(&drift, &format!("/{}", name(n)), &["card"]);
        }
        for n in 0..2 * MAX_RULES {
            see(&drift, "/a", &[&name(n)]);
        }
        let inner = lock(&drift.inner);
        assert_eq!(inner.known.len(), MAX_PATTERNS);
        assert_eq!(inner.known[&at("/a")].rules.len(), MAX_RULES);
    }
}
