//! Every session of this process: how one begins, is found, and ends.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant, SystemTime};

use http::header::{COOKIE, HeaderMap};
use serde::Deserialize;
use tokio::sync::{broadcast, watch};
use url::Url;

use super::link::{self, LinkError};
use super::pin::{self, PinError};
use super::talk::{Event, Talk};
use super::{Agent, Companies, Company, Ended, EndedBy, Hidden, Home, Phase, Role, Session, State, Ticket, lock};
use crate::id::{Secret, SessionId};
use crate::protocol::Level;
use crate::rewrite::url::{ViewDomain, ViewMap};
use crate::span::Span;

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

impl Config {
    /// # Errors
    /// [`SessionError::LinkKey`] when the configured key has the wrong shape.
    pub fn key(&self) -> Result<Option<Secret>, SessionError> {
        self.link_key.as_deref().map(Secret::parse).transpose().map_err(|_| SessionError::LinkKey)
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

type AtEnd = Box<dyn Fn(&Session) + Send + Sync>;

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

/// How long a customer who has asked for help may think about the consent.
pub(super) const ASKED: Duration = Duration::from_secs(15 * 60);

/// Ended sessions are remembered this long, at most this many.
const FAREWELL: Duration = Duration::from_secs(24 * 3600);
const MAX_ENDED: usize = 20_000;

impl Sessions {
    /// # Errors
    /// [`SessionError::LinkKey`] when the configured key has the wrong shape.
    pub fn new(config: Config, companies: Companies, domain: ViewDomain) -> Result<Arc<Self>, SessionError> {
        let secret = config.key()?;
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
            jar: Mutex::default(),
            customer: Secret::random(),
            panel: Secret::random(),
            page: Secret::random(),
            sandbox: Secret::random(),
            assets: Mutex::default(),
            escapes: Mutex::default(),
            tickets: Mutex::default(),
            places: Mutex::default(),
            visited: Mutex::default(),
            evidence: Arc::default(),
            taint: Mutex::default(),
            judged: AtomicU64::new(0),
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
                hidden: Hidden::default(),
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
            start: session.began_at(),
            created: session.created,
            ended: SystemTime::now(),
            by,
            admitted,
            active_since,
            expired_cookie: session.expired_cookie(),
            visited: session.visited(),
            evidence: Arc::clone(&session.evidence),
            customer: session.customer.clone(),
        });
        // First: who keeps something after it was looked for below sees that the session is over.
        session.close();
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
