//! Sessions: who takes part, what they may do, and what is gone when one ends.

mod ask;
mod asset;
pub mod company;
pub mod drift;
mod escape;
pub mod limit;
mod link;
mod pin;
pub mod talk;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError, Weak};
use std::time::{Duration, Instant, SystemTime};

use http::header::{COOKIE, HeaderMap};
use serde::Deserialize;
use tokio::sync::{broadcast, watch};
use url::Url;

use crate::id::{Pin, Secret, SessionId};
use crate::mask::{Evidence, Mask, Masked, Taint};
use crate::protocol::Level;
use crate::rewrite::cookie::Jar;
use crate::rewrite::url::{Scheme, Site, ViewDomain, ViewMap};
use crate::span::Span;

pub use ask::{Ask, AskError, Request};
pub use company::{Account, Agent, AgentConfig, Companies, Company, CompanyConfig, CompanyError, Mode, Role};
pub use escape::{Escape, Escapes};
pub use link::LinkError;
pub use pin::PinError;
use talk::{Event, Speaker, Talk, TalkError};

/// How long sessions live and how many there may be.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Signs links: 43 characters of base64url. Without it a key is made at each start, and links die with the process.
    pub link_key: Option<String>,
    pub link_expires: Span,
    /// A session in which nobody does anything for this long ends.
    pub idle: Span,
    pub max_sessions: usize,
    pub max_sessions_per_company: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            link_key: None,
            link_expires: Span(Duration::from_secs(24 * 3600)),
            idle: Span(Duration::from_secs(30 * 60)),
            max_sessions: 10_000,
            max_sessions_per_company: 1_000,
        }
    }
}

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
    /// Signs the capability URLs of the mirror's assets.
    pub asset_key: Secret,
    pub jar: Mutex<Jar>,
    /// What authorises the customer's browser: the value of the HttpOnly cookie on the view domain.
    customer: Secret,
    /// What the customer's panel connects again with.
    panel: Secret,
    /// What authorises a page that loads Lado's script.
    page: Secret,
    assets: Mutex<asset::Assets>,
    escapes: Mutex<Escapes>,
    tickets: Mutex<HashMap<String, (Ticket, Instant)>>,
    /// Where the customer's browser has called from, the latest first.
    places: Mutex<Vec<IpAddr>>,
    /// What rules did, when it is over.
    evidence: Arc<Mutex<Evidence>>,
    /// What the customer has put into masked fields: gone, and overwritten, when the session ends.
    taint: Mutex<Arc<Taint>>,
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HomeKind {
    /// A front host: Lado serves the site.
    Front,
    /// A page that loads Lado's script: Lado serves the script only.
    Script,
}

/// How long a customer who has asked for help may think about the consent.
const ASKED: Duration = Duration::from_secs(15 * 60);

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
    /// Whether a page of the customer is connected at the moment.
    pub online: bool,
    /// What the agent may know of the page in front, masked.
    pub page: Option<PageInfo>,
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

/// What a single-use ticket opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ticket {
    /// Sets the customer's cookie on the view domain.
    Enter,
    /// The customer's panel.
    Panel,
    /// The viewer of this agent.
    Viewer(Agent),
}

/// Tickets travel through one redirect or one page load.
const TICKET_LIFETIME: Duration = Duration::from_secs(60);
/// More tickets than this at once means that something asks in a loop: the oldest go.
const MAX_TICKETS: usize = 64;
/// Places that a customer's browser may call from at once: two families of addresses, at home and on the way.
const MAX_PLACES: usize = 8;

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

/// Ended sessions are remembered this long, at most this many.
const FAREWELL: Duration = Duration::from_secs(24 * 3600);
const MAX_ENDED: usize = 20_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("sessions start at http:// or https:// addresses")]
    Address,
    #[error("{0} is not on the list of sites that your company co-browses")]
    NotAllowed(String),
    #[error("your company has {0} open sessions, as many as it may have: end some")]
    CompanyFull(usize),
    #[error("Lado has {0} open sessions, as many as it may have: try again later")]
    Full(usize),
    #[error("link_key must be 43 characters of base64url (32 random bytes)")]
    LinkKey,
}

/// What a session id leads to.
#[derive(Clone)]
pub enum Found {
    Open(Arc<Session>),
    Ended(Arc<Ended>),
    Unknown,
}

/// Since Lado started.
#[derive(Debug, Default)]
pub struct Counts {
    pub begun: AtomicU64,
    /// Requests that pages made past Lado.
    pub escaped: AtomicU64,
}

type AtEnd = Box<dyn Fn(&Session) + Send + Sync>;

/// Every session of this process, open and lately ended.
pub struct Sessions {
    config: Config,
    domain: ViewDomain,
    key: link::LinkKey,
    companies: RwLock<Arc<Companies>>,
    open: RwLock<HashMap<SessionId, Arc<Session>>>,
    ended: Mutex<VecDeque<Arc<Ended>>>,
    pins: Mutex<pin::Pins>,
    changes: broadcast::Sender<SessionId>,
    counts: Arc<Counts>,
    at_end: Mutex<Vec<AtEnd>>,
}

impl Sessions {
    /// # Errors
    /// [`SessionError::LinkKey`] when the configured key has the wrong shape.
    pub fn new(config: Config, companies: Companies, domain: ViewDomain) -> Result<Arc<Self>, SessionError> {
        let secret = config.link_key.as_deref().map(Secret::parse).transpose().map_err(|_| SessionError::LinkKey)?;
        Ok(Arc::new(Self {
            key: link::LinkKey::new(secret.as_ref()),
            config,
            domain,
            companies: RwLock::new(Arc::new(companies)),
            open: RwLock::default(),
            ended: Mutex::default(),
            pins: Mutex::default(),
            changes: broadcast::channel(1024).0,
            counts: Arc::default(),
            at_end: Mutex::default(),
        }))
    }

    pub fn domain(&self) -> &ViewDomain {
        &self.domain
    }

    pub fn companies(&self) -> Arc<Companies> {
        self.companies.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The configuration has been read again. Returns the ids of companies whose rules are others now.
    pub fn replace_companies(&self, companies: Companies) -> Vec<String> {
        let mut now = self.companies.write().unwrap_or_else(PoisonError::into_inner);
        let (companies, changed) = companies.instead_of(&now);
        *now = Arc::new(companies);
        changed
    }

    /// A new session of `agent`, whose link leads to `start`.
    ///
    /// # Errors
    /// [`SessionError`] when the company does not co-browse that site, or there are too many sessions.
    pub fn create(&self, company: &Arc<Company>, agent: &Agent, start: Url) -> Result<Arc<Session>, SessionError> {
        self.begin(company, agent, start, None)
    }

    /// A new session that the customer has asked for on a front host or by a page's script. It has no agent yet: the
    /// company speaks for itself. Returns the token of its link, with which the customer says yes.
    ///
    /// # Errors
    /// [`SessionError`] when the company does not co-browse that site, or there are too many sessions.
    pub fn ask(&self, company: &Arc<Company>, start: Url, home: Home) -> Result<(Arc<Session>, String), SessionError> {
        let agent = Agent { name: String::new(), display: company.name.clone(), role: Role::Agent };
        let session = self.begin(company, &agent, start, Some(home))?;
        let token = self.key.sign(session.id, session.link_expires);
        Ok((session, token))
    }

    fn begin(
        &self,
        company: &Arc<Company>,
        agent: &Agent,
        start: Url,
        home: Option<Home>,
    ) -> Result<Arc<Session>, SessionError> {
        if !matches!(start.scheme(), "http" | "https") || start.host_str().is_none() {
            return Err(SessionError::Address);
        }
        // Where the customer asks for help is the company's own, by its configuration.
        if home.is_none() && !company.allows(&start) {
            return Err(SessionError::NotAllowed(start.origin().ascii_serialization()));
        }
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= self.config.max_sessions {
            return Err(SessionError::Full(open.len()));
        }
        let of_company = open.values().filter(|session| session.company.id == company.id).count();
        if of_company >= self.config.max_sessions_per_company {
            return Err(SessionError::CompanyFull(of_company));
        }
        let id = loop {
            let id = SessionId::random();
            if !open.contains_key(&id) {
                break id;
            }
        };
        let session = Arc::new(self.make(id, company, agent, start, home));
        open.insert(id, Arc::clone(&session));
        drop(open);
        self.counts.begun.fetch_add(1, Ordering::Relaxed);
        tracing::info!(session = %id, company = %company.id, agent = %agent.name, "session created");
        let _ = self.changes.send(id);
        Ok(session)
    }

    fn make(&self, id: SessionId, company: &Arc<Company>, agent: &Agent, start: Url, home: Option<Home>) -> Session {
        let created = SystemTime::now();
        // Who has asked for help is there: the link is for them alone, and for now.
        let link_expires =
            if home.is_some() { ASKED.min(self.config.link_expires.0) } else { self.config.link_expires.0 };
        let fronts = home.as_ref().map_or_else(Vec::new, |home| home.sites.clone());
        Session {
            id,
            company: Arc::clone(company),
            agent: agent.clone(),
            start,
            created,
            link_expires: created + link_expires,
            views: ViewMap::beside(self.domain.clone(), id, fronts),
            home,
            asset_key: Secret::random(),
            jar: Mutex::default(),
            customer: Secret::random(),
            panel: Secret::random(),
            page: Secret::random(),
            assets: Mutex::default(),
            escapes: Mutex::default(),
            tickets: Mutex::default(),
            places: Mutex::default(),
            evidence: Arc::default(),
            taint: Mutex::default(),
            talk: Talk::default(),
            state: watch::Sender::new(State {
                phase: Phase::Invited,
                level: Level::Look,
                paused: false,
                pin: None,
                pin_expires: None,
                admitted: Vec::new(),
                watching: Vec::new(),
                active_since: None,
                request: None,
                asked: 0,
                online: false,
                page: None,
            }),
            changes: self.changes.clone(),
            counts: self.counts.clone(),
            born: Instant::now(),
            touched: AtomicU64::new(0),
        }
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many open sessions are how far.
    pub fn phases(&self) -> [(&'static str, usize); 3] {
        let mut phases = [("invited", 0), ("waiting", 0), ("active", 0)];
        for session in self.open.read().unwrap_or_else(PoisonError::into_inner).values() {
            match session.phase() {
                Phase::Invited => phases[0].1 += 1,
                Phase::Waiting => phases[1].1 += 1,
                Phase::Active => phases[2].1 += 1,
                Phase::Ended => {}
            }
        }
        phases
    }

    /// An open session.
    pub fn get(&self, id: SessionId) -> Option<Arc<Session>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// A session that is over.
    pub fn ended(&self, id: SessionId) -> Option<Arc<Ended>> {
        lock(&self.ended).iter().find(|ended| ended.id == id).cloned()
    }

    pub fn find(&self, id: SessionId) -> Found {
        match self.get(id) {
            Some(session) => Found::Open(session),
            None => self.ended(id).map_or(Found::Unknown, Found::Ended),
        }
    }

    /// The open sessions of a company, newest first.
    pub fn of_company(&self, company: &str) -> Vec<Arc<Session>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let mut sessions: Vec<_> = open.values().filter(|session| session.company.id == company).cloned().collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.created));
        sessions
    }

    /// Ids of sessions that began, changed or ended. A receiver that lags should look at all of them again.
    pub fn changes(&self) -> broadcast::Receiver<SessionId> {
        self.changes.subscribe()
    }

    /// Runs `gone` for every session that ends, before its end is announced.
    pub fn at_end(&self, gone: impl Fn(&Session) + Send + Sync + 'static) {
        lock(&self.at_end).push(Box::new(gone));
    }

    /// The token of a session's link, while nobody has used it.
    pub fn link(&self, session: &Session) -> Option<String> {
        let unused = session.phase() == Phase::Invited && session.link_expires > SystemTime::now();
        unused.then(|| self.key.sign(session.id, session.link_expires))
    }

    /// The session of a customer's browser on a front host, by its cookie there.
    pub fn of_customer(&self, headers: &HeaderMap) -> Option<Found> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let ids = cookies.flat_map(|value| value.split(';')).filter_map(|pair| {
            let name = pair.trim().strip_prefix("lado_")?.split('=').next()?;
            SessionId::parse(name).ok()
        });
        let mut ended = None;
        // A few at most: a browser has one for each session it has been in.
        for id in ids.take(8) {
            match self.find(id) {
                Found::Open(session) if session.is_customer(headers) => return Some(Found::Open(session)),
                Found::Ended(of) => ended = Some(Found::Ended(of)),
                _ => {}
            }
        }
        ended
    }

    /// The session that a link leads to. Looking uses nothing up: chat apps fetch links to show previews.
    ///
    /// # Errors
    /// [`LinkError`] when it leads nowhere (any more).
    pub fn by_link(&self, token: &str) -> Result<Arc<Session>, LinkError> {
        let id = self.key.verify(token, SystemTime::now())?;
        match self.get(id) {
            Some(session) if session.phase() == Phase::Invited => Ok(session),
            _ => Err(LinkError::Used),
        }
    }

    /// The customer says yes: uses the link up and hands out the ticket that lets them in.
    ///
    /// # Errors
    /// [`LinkError`] when the link leads nowhere (any more).
    pub fn accept(&self, token: &str) -> Result<(Arc<Session>, String), LinkError> {
        let session = self.by_link(token)?;
        let first = session.update(|state| {
            let invited = state.phase == Phase::Invited;
            if invited {
                state.phase = Phase::Waiting;
            }
            invited
        });
        if !first {
            return Err(LinkError::Used);
        }
        self.renew_pin(&session);
        session.talk.happened(Event::Came);
        tracing::info!(session = %session.id, "link accepted");
        let ticket = session.ticket(Ticket::Enter);
        Ok((session, ticket))
    }

    /// The customer says no.
    ///
    /// # Errors
    /// [`LinkError`] when the link leads nowhere (any more).
    pub fn decline(&self, token: &str) -> Result<(), LinkError> {
        let session = self.by_link(token)?;
        self.end(&session, EndedBy::Declined);
        Ok(())
    }

    /// An agent of `company` has typed a PIN: lets them into the session it belongs to.
    ///
    /// # Errors
    /// [`PinError`], the same for every PIN that does not open a session of this company.
    pub fn enter_pin(&self, company: &Company, agent: &Agent, text: &str) -> Result<Arc<Session>, PinError> {
        let id = lock(&self.pins).enter(&company.id, &agent.name, text, Instant::now())?;
        let session = self.get(id).ok_or(PinError::Invalid)?;
        let entered = session.update(|state| {
            let waiting = state.phase == Phase::Waiting;
            if waiting {
                state.phase = Phase::Active;
                state.active_since = Some(SystemTime::now());
                state.pin = None;
                state.pin_expires = None;
                state.admitted.push(agent.clone());
            }
            waiting
        });
        if !entered {
            return Err(PinError::Invalid);
        }
        session.touch();
        session.talk.happened(Event::Entered(agent.clone()));
        tracing::info!(session = %id, agent = %agent.name, "PIN entered");
        Ok(session)
    }

    /// Another PIN for a customer whose PIN has expired. While one is good it stays.
    pub fn renew_pin(&self, session: &Session) {
        let now = Instant::now();
        let state = session.state();
        let good = state.pin_expires.is_some_and(|(expires, _)| expires > now);
        if state.phase != Phase::Waiting || good {
            return;
        }
        let (pin, expires) = lock(&self.pins).issue(&session.company.id, session.id, now);
        session.update(|state| {
            let waiting = state.phase == Phase::Waiting;
            if waiting {
                state.show_pin(pin, expires);
            }
            waiting
        });
        session.touch();
    }

    /// What a ticket opens. It is used up, whatever comes of it.
    pub fn redeem(&self, text: &str) -> Option<(Arc<Session>, Ticket)> {
        let (id, _) = text.split_once('.')?;
        let session = self.get(SessionId::parse(id).ok()?)?;
        let ticket = session.redeem(text)?;
        Some((session, ticket))
    }

    /// The session of a panel that connects again.
    pub fn by_panel_token(&self, text: &str) -> Option<Arc<Session>> {
        let (id, secret) = text.split_once('.')?;
        let session = self.get(SessionId::parse(id).ok()?)?;
        (Secret::parse(secret).ok()? == session.panel).then_some(session)
    }

    /// The session of a page that loads Lado's script.
    pub fn by_page_token(&self, text: &str) -> Option<Arc<Session>> {
        let (id, secret) = text.split_once('.')?;
        let session = self.get(SessionId::parse(id).ok()?)?;
        (Secret::parse(secret).ok()? == session.page).then_some(session)
    }

    /// Ends a session: what it held is gone when this returns. Ending twice is ending once.
    pub fn end(&self, session: &Session, by: EndedBy) {
        let removed = self.open.write().unwrap_or_else(PoisonError::into_inner).remove(&session.id);
        if removed.is_none() {
            return;
        }
        lock(&self.pins).forget(session.id);
        let State { active_since, admitted, .. } = session.state();
        self.remember(Ended {
            id: session.id,
            company: Arc::clone(&session.company),
            agent: session.agent.clone(),
            start: session.start.clone(),
            created: session.created,
            ended: SystemTime::now(),
            by,
            admitted,
            active_since,
            expired_cookie: session.expired_cookie(),
            evidence: Arc::clone(&session.evidence),
            customer: session.customer.clone(),
        });
        for gone in lock(&self.at_end).iter() {
            gone(session);
        }
        session.clear();
        tracing::info!(session = %session.id, ?by, "session ended");
    }

    fn remember(&self, ended: Ended) {
        let mut list = lock(&self.ended);
        list.push_back(Arc::new(ended));
        while list.len() > MAX_ENDED {
            list.pop_front();
        }
    }

    /// Ends what nobody uses and forgets what is long over. Called every few seconds by [`Sessions::tend`].
    pub fn sweep(&self, now: Instant, date: SystemTime) {
        lock(&self.pins).sweep(now);
        lock(&self.ended).retain(|ended| date.duration_since(ended.ended).is_ok_and(|age| age < FAREWELL));
        let open: Vec<_> = self.open.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for session in open {
            session.drop_stale_tickets(now);
            if session.phase() == Phase::Invited {
                if session.link_expires <= date {
                    self.end(&session, EndedBy::Expired);
                }
            } else if session.idle_for(now) >= self.config.idle.0 {
                self.end(&session, EndedBy::Idle);
            }
        }
    }

    /// Sweeps for as long as the sessions live.
    pub async fn tend(sessions: Weak<Self>) {
        let mut every = tokio::time::interval(Duration::from_secs(5));
        loop {
            every.tick().await;
            let Some(sessions) = sessions.upgrade() else { return };
            sessions.sweep(Instant::now(), SystemTime::now());
        }
    }
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

    /// What finds private data in a text, as the panel and the pages read it.
    pub fn detectors(&self) -> serde_json::Value {
        let mut rules = self.company.rules.for_site(self.start.host_str().unwrap_or_default()).page_json();
        rules["detectors"].take()
    }

    fn masked(&self, text: &str) -> Masked<String> {
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
        if done {
            // Agents who come later do not read it in what was said before.
            self.talk.mask_again(|text| self.masked(text));
        }
        Some(now)
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

    /// Whether a request comes from the customer's own browser: one of its cookies is this session's.
    pub fn is_customer(&self, headers: &HeaderMap) -> bool {
        let customer = !self.is_over() && holds(headers, &self.views.cookie_name(), &self.customer);
        if customer {
            self.touch();
        }
        customer
    }

    /// Remembers where the customer's browser calls from.
    pub fn called_from(&self, place: IpAddr) {
        let mut places = lock(&self.places);
        if places.first() != Some(&place) {
            places.retain(|known| *known != place);
            places.insert(0, place);
            places.truncate(MAX_PLACES);
        }
    }

    /// Whether the customer's browser has called from there, too.
    pub fn knows(&self, place: IpAddr) -> bool {
        !self.is_over() && lock(&self.places).iter().any(|known| near(*known, place))
    }

    /// The `Set-Cookie` value that lets the customer's browser in. Never log it.
    pub fn cookie(&self) -> String {
        format!("{}={}{}", self.views.cookie_name(), self.customer.reveal(), self.cookie_attributes())
    }

    /// The same on a front host of the session: for that host alone.
    pub fn front_cookie(&self, scheme: Scheme) -> String {
        let secure = if scheme == Scheme::Https { "; Secure" } else { "" };
        format!("{}={}; HttpOnly; Path=/; SameSite=Lax{secure}", self.views.cookie_name(), self.customer.reveal())
    }

    /// Where a customer's way back leads.
    pub fn way_back(&self) -> String {
        self.views.map_url(&self.start).unwrap_or_else(|| self.start.clone()).into()
    }

    /// The `Set-Cookie` value that takes it away.
    pub fn expired_cookie(&self) -> String {
        format!("{}={}; Max-Age=0", self.views.cookie_name(), self.cookie_attributes())
    }

    fn cookie_attributes(&self) -> String {
        let domain = self.views.domain();
        let secure = if domain.scheme == Scheme::Https { "; Secure" } else { "" };
        format!("; HttpOnly; Domain={}; Path=/; SameSite=Lax{secure}", domain.host())
    }

    /// A single-use ticket, good for a minute.
    pub fn ticket(&self, opens: Ticket) -> String {
        let text = format!("{}.{}", self.id, Secret::random().reveal());
        let mut tickets = lock(&self.tickets);
        if tickets.len() >= MAX_TICKETS {
            let oldest = tickets.iter().min_by_key(|(_, (_, expires))| *expires).map(|(text, _)| text.clone());
            oldest.and_then(|text| tickets.remove(&text));
        }
        if !self.is_over() {
            tickets.insert(text.clone(), (opens, Instant::now() + TICKET_LIFETIME));
        }
        text
    }

    fn redeem(&self, text: &str) -> Option<Ticket> {
        let (ticket, expires) = lock(&self.tickets).remove(text)?;
        (expires > Instant::now()).then_some(ticket)
    }

    fn drop_stale_tickets(&self, now: Instant) {
        lock(&self.tickets).retain(|_, (_, expires)| *expires > now);
    }

    /// What the customer's panel connects again with, for the session's whole life. Never log it.
    pub fn panel_token(&self) -> String {
        format!("{}.{}", self.id, self.panel.reveal())
    }

    /// What a page that loads Lado's script comes back with. It says no more than that the page is of this session.
    pub fn page_token(&self) -> String {
        format!("{}.{}", self.id, self.page.reveal())
    }

    /// The path on the viewer's host under which the agent may load `url`, and from now on can.
    pub fn capability(&self, url: &Url) -> String {
        lock(&self.assets).capability(&self.asset_key, url)
    }

    /// The address behind a capability's last path segment, if the mirror has shown it.
    pub fn asset(&self, mac: &str) -> Option<Url> {
        lock(&self.assets).get(mac)
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

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("link_key", &self.link_key.as_ref().map(|_| "…"))
            .field("link_expires", &self.link_expires)
            .field("idle", &self.idle)
            .field("max_sessions", &self.max_sessions)
            .field("max_sessions_per_company", &self.max_sessions_per_company)
            .finish()
    }
}

/// Whether two addresses are of one connection's household: a machine changes the lower half of its IPv6 address.
fn near(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V6(one), IpAddr::V6(other)) => one.segments()[..4] == other.segments()[..4],
        _ => one == other,
    }
}

impl Ended {
    /// Whether a request comes from the browser that was the customer's.
    pub fn was_customer(&self, headers: &HeaderMap) -> bool {
        let name = self.expired_cookie.split('=').next().unwrap_or_default();
        holds(headers, name, &self.customer)
    }
}

/// Whether a request carries a cookie of this name with this secret in it.
fn holds(headers: &HeaderMap, name: &str, wanted: &Secret) -> bool {
    // A site's cookies may hold any bytes, beside this one in one header.
    let right = |pair: &[u8]| {
        str::from_utf8(pair)
            .ok()
            .and_then(|pair| pair.trim().split_once('='))
            .is_some_and(|(key, value)| key == name && Secret::parse(value).is_ok_and(|secret| secret == *wanted))
    };
    let mut cookies = headers.get_all(COOKIE).iter();
    cookies.any(|value| value.as_bytes().split(|byte| *byte == b';').any(right))
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
