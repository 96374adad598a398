//! Sessions: who takes part, what they may do, and what is gone when one ends.

mod ask;
mod asset;
pub mod brand;
pub mod company;
mod customer;
pub mod drift;
mod escape;
pub mod limit;
mod link;
mod pin;
mod registry;
pub mod talk;
mod ticket;
mod visited;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use tokio::sync::{broadcast, watch};
use url::Url;

use crate::id::{Pin, Secret, SessionId};
use crate::mask::{Evidence, Mask, Masked, Taint};
use crate::protocol::Level;
use crate::rewrite::cookie::Jar;
use crate::rewrite::url::{Site, ViewMap};

pub use ask::{Ask, AskError, Request};
pub use asset::{Asset, Showing};
pub use company::{Account, Agent, AgentConfig, Companies, Company, CompanyConfig, CompanyError, Mode, Role};
pub use customer::has_cookie;
pub use escape::{Escape, Escapes};
pub use link::LinkError;
pub use pin::PinError;
pub use registry::{Config, Counts, Found, SessionError, Sessions};
use talk::{Event, Speaker, Talk, TalkError};
pub use ticket::Ticket;

/// One co-browsing conversation, from the link to the end.
pub struct Session {
    pub id: SessionId,
    pub company: Arc<Company>,
    /// The agent who made the link.
    pub agent: Agent,
    /// The address that the link leads to, at the site.
    pub start: Url,
    pub created: SystemTime,
    pub link_expires: SystemTime,
    /// Maps between sites and this session's view hosts.
    pub views: ViewMap,
    /// Where the customer asked for help under the site's own name.
    pub home: Option<Home>,
    pub jar: Mutex<Jar>,
    /// What authorises the customer's browser: the value of the HttpOnly cookie on the view domain.
    customer: Secret,
    /// What the customer's panel connects again with.
    panel: Secret,
    /// What authorises a page that loads Lado's script.
    page: Secret,
    /// What the tokens of sandboxed frames are made of.
    sandbox: Secret,
    assets: Mutex<asset::Assets>,
    escapes: Mutex<Escapes>,
    tickets: Mutex<HashMap<String, (Ticket, Instant)>>,
    /// Where the customer's browser has called from, the latest first.
    places: Mutex<Vec<IpAddr>>,
    visited: Mutex<visited::Visited>,
    /// What rules did, when it is over.
    evidence: Arc<Mutex<Evidence>>,
    /// What the customer has put into masked fields: gone, and overwritten, when the session ends.
    taint: Mutex<Arc<Taint>>,
    /// Counts up when more may be private than before.
    judged: AtomicU64,
    /// Chat, and what has happened.
    pub talk: Talk,
    state: watch::Sender<State>,
    changes: broadcast::Sender<SessionId>,
    counts: Arc<Counts>,
    born: Instant,
    /// Milliseconds after `born` at which somebody last did something.
    touched: AtomicU64,
}

/// Sites that a session goes on at without a view host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    pub sites: Vec<Site>,
    pub kind: HomeKind,
    /// Known to the browser that has asked for help: a ticket that somebody has been sent opens nothing for them.
    pub asked: Secret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HomeKind {
    /// A front host: Lado serves the site.
    Front,
    /// A page that loads Lado's script: Lado serves the script only.
    Script,
}

/// What everybody who watches a session needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub phase: Phase,
    pub level: Level,
    /// The customer has blanked the view.
    pub paused: bool,
    /// Shown in the customer's panel until the agent has entered it.
    pub pin: Option<Pin>,
    pub pin_expires: Option<(Instant, SystemTime)>,
    /// The agents who have entered the PIN: they may open a viewer.
    pub admitted: Vec<Agent>,
    /// Agents whose viewer is connected at the moment, once for each viewer.
    pub watching: Vec<Agent>,
    /// When the first PIN was entered.
    pub active_since: Option<SystemTime>,
    /// What an agent has asked the customer, until it is answered.
    pub request: Option<Request>,
    /// How many questions there have been.
    asked: u32,
    pub hidden: Hidden,
    /// Whether a page of the customer is connected at the moment.
    pub online: bool,
    /// What the agent may know of the page in front, masked.
    pub page: Option<PageInfo>,
}

/// What the customer has hidden by hand and can show again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hidden {
    /// So many elements.
    pub count: u32,
    /// Names what was hidden last of those.
    pub last: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The link is out, the customer has not come yet.
    Invited,
    /// The customer is in and reads out the PIN.
    Waiting,
    /// An agent has entered the PIN.
    Active,
    Ended,
}

/// Title and address of a page as `mask` lets agents read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageInfo {
    pub title: String,
    pub url: String,
}

/// What is remembered of a session that is over: enough for a farewell.
#[derive(Debug, Clone)]
pub struct Ended {
    pub id: SessionId,
    pub company: Arc<Company>,
    pub agent: Agent,
    pub start: Url,
    pub created: SystemTime,
    pub ended: SystemTime,
    pub by: EndedBy,
    /// The agents who had entered the PIN.
    pub admitted: Vec<Agent>,
    /// When an agent started to watch, if one ever did.
    pub active_since: Option<SystemTime>,
    /// The `Set-Cookie` value that takes the customer's cookie away.
    pub expired_cookie: String,
    visited: Vec<String>,
    evidence: Arc<Mutex<Evidence>>,
    customer: Secret,
}

impl Ended {
    /// What rules did in the session.
    pub fn evidence(&self) -> Evidence {
        lock(&self.evidence).clone()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    Customer,
    Agent,
    /// The customer said no to the link.
    Declined,
    /// Nobody used the link in time.
    Expired,
    /// Nobody did anything for too long.
    Idle,
}

impl Session {
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    pub fn phase(&self) -> Phase {
        self.state.borrow().phase
    }

    pub fn level(&self) -> Level {
        self.state.borrow().level
    }

    pub fn is_over(&self) -> bool {
        self.phase() == Phase::Ended
    }

    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Changes the state, all at once, and tells who watches when `change` says that it did something.
    pub fn update(&self, change: impl FnOnce(&mut State) -> bool) -> bool {
        let changed = self.state.send_if_modified(|state| state.phase != Phase::Ended && change(state));
        if changed {
            let _ = self.changes.send(self.id);
        }
        changed
    }

    /// The customer decides what agents may do.
    pub fn set_level(&self, level: Level) {
        self.touch();
        let changed = self.update(|state| {
            // What was asked for is given, or will not be.
            let asked = state.request.take_if(|request| request.ask == Ask::Control && level == Level::Control);
            let changed = std::mem::replace(&mut state.level, level) != level;
            changed || asked.is_some()
        });
        if changed {
            self.talk.happened(Event::Allowed(level));
        }
    }

    /// Somebody writes. What the customer writes is masked for agents.
    ///
    /// # Errors
    /// [`TalkError`] when it is empty or too long.
    pub fn say(&self, by: Speaker, key: &str, text: &str) -> Result<(), TalkError> {
        self.touch();
        self.talk.say(by, key, text, |text| self.masked(text))
    }

    /// Where it began, as others than the customer may know it: the address that help was asked for at is the customer's.
    pub fn began_at(&self) -> Url {
        let mut url = self.start.clone();
        if self.home.is_some() {
            url.set_path("/");
            url.set_query(None);
            url.set_fragment(None);
        }
        url
    }

    /// What finds private data in a text, as the panel and the pages read it.
    pub fn detectors(&self) -> serde_json::Value {
        let mut rules = self.company.rules.for_site(self.start.host_str().unwrap_or_default()).page_json();
        rules["detectors"].take()
    }

    pub fn masked(&self, text: &str) -> Masked<String> {
        self.mask_of(self.start.host_str().unwrap_or_default()).words(text)
    }

    /// What hides the session's secrets on a host, away from any page.
    pub fn mask_of(&self, host: &str) -> Mask {
        let mut mask = Mask::new(self.company.rules.for_site(host));
        mask.set_taint(self.taint());
        mask
    }

    pub fn taint(&self) -> Arc<Taint> {
        Arc::clone(&lock(&self.taint))
    }

    /// The customer has put something into a masked field: what is hidden from now on, when that is more than before.
    /// See [`Taint::learn`].
    pub fn learn(&self, site: u64, of: (u64, u32), value: &str, done: bool) -> Option<Arc<Taint>> {
        let mut taint = lock(&self.taint);
        if self.is_over() || !Arc::make_mut(&mut taint).learn(site, of, value, done) {
            return None;
        }
        let now = Arc::clone(&taint);
        drop(taint);
        self.judge_again();
        if done {
            // Agents who come later do not read it in what was said before.
            self.talk.mask_again(|text| self.masked(text));
        }
        Some(now)
    }

    /// What was judged under another number may say what is private by now.
    pub fn judged(&self) -> u64 {
        self.judged.load(Ordering::Acquire)
    }

    /// There are other rules, or more is known to be private.
    pub fn judge_again(&self) {
        self.judged.fetch_add(1, Ordering::AcqRel);
    }

    pub fn is_paused(&self) -> bool {
        self.state.borrow().paused
    }

    /// The customer blanks the view, or shows it again; true when that is new.
    pub fn set_paused(&self, paused: bool) -> bool {
        self.touch();
        let changed = self.update(|state| std::mem::replace(&mut state.paused, paused) != paused);
        if changed {
            self.talk.happened(Event::Paused(paused));
        }
        changed
    }

    /// What rules did, for those who ask when the session is over.
    pub fn keep_evidence(&self, evidence: Evidence) {
        *lock(&self.evidence) = evidence;
    }

    /// Whether this agent has entered the session's PIN.
    pub fn admits(&self, agent: &Agent) -> bool {
        self.state.borrow().admitted.iter().any(|admitted| admitted.name == agent.name)
    }

    /// Where a customer's way back leads.
    pub fn way_back(&self) -> String {
        self.views.map_url(&self.start).unwrap_or_else(|| self.start.clone()).into()
    }

    /// What the customer's panel connects again with, for the session's whole life. Never log it.
    pub fn panel_token(&self) -> String {
        format!("{}.{}", self.id, self.panel.reveal())
    }

    /// What a page that loads Lado's script comes back with. It says no more than that the page is of this session.
    pub fn page_token(&self) -> String {
        format!("{}.{}", self.id, self.page.reveal())
    }

    /// What a sandboxed frame of `site` shows in the place of the cookie that browsers leave out: it lets it describe itself,
    /// and no more.
    pub fn sandbox_token(&self, site: &Site) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.sandbox.as_bytes()).expect("HMAC takes a key of any length (RFC 2104)");
        mac.update(site.origin().as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    pub fn is_sandbox_token(&self, site: &Site, token: &str) -> bool {
        bool::from(self.sandbox_token(site).as_bytes().ct_eq(token.as_bytes()))
    }

    /// A page of `site` asked `target` for something past Lado.
    pub fn escaped(&self, site: &str, kind: &str, target: &str) {
        self.counts.escaped.fetch_add(1, Ordering::Relaxed);
        if lock(&self.escapes).count(site, kind, target) {
            tracing::info!(session = %self.id, site, kind, target, "a request left the mapping");
            let _ = self.changes.send(self.id);
        }
    }

    /// How many requests left the mapping, and the most frequent kinds of them.
    pub fn escapes(&self, most: usize) -> (u64, Vec<Escape>) {
        let escapes = lock(&self.escapes);
        (escapes.total(), escapes.top(most))
    }

    /// Somebody did something: the session is not idle.
    pub fn touch(&self) {
        let now = self.born.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        self.touched.fetch_max(now, Ordering::Relaxed);
    }

    fn idle_for(&self, now: Instant) -> Duration {
        let touched = self.born + Duration::from_millis(self.touched.load(Ordering::Relaxed));
        now.saturating_duration_since(touched)
    }

    /// From now on nothing is kept and nobody is let in. Who watches hears of it from [`Session::clear`].
    fn close(&self) {
        self.state.send_if_modified(|state| {
            state.phase = Phase::Ended;
            false
        });
    }

    /// Forgets everything private and tells who watches that the session is over.
    fn clear(&self) {
        *lock(&self.jar) = Jar::default();
        *lock(&self.taint) = Arc::default();
        lock(&self.assets).clear();
        lock(&self.tickets).clear();
        self.talk.clear();
        self.state.send_modify(|state| {
            state.phase = Phase::Ended;
            state.pin = None;
            state.pin_expires = None;
            state.admitted.clear();
            state.watching.clear();
            state.online = false;
            state.page = None;
            state.request = None;
        });
        let _ = self.changes.send(self.id);
    }
}

impl State {
    fn show_pin(&mut self, pin: Pin, expires: Instant) {
        let date = SystemTime::now() + expires.saturating_duration_since(Instant::now());
        self.pin = Some(pin);
        self.pin_expires = Some((expires, date));
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.id).field("company", &self.company.id).finish_non_exhaustive()
    }
}

/// A panic elsewhere leaves these maps as they were: whole. Going on beats taking every session down.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nothing where somebody else holds it.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

#[cfg(test)]
mod tests;
