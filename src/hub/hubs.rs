//! The hubs of all sessions.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::{Config, Counts, Hub, Leaving, page_leaves, viewer_leaves};
use crate::id::SessionId;
use crate::session::{Session, Sessions, lock, try_lock};

pub struct Hubs {
    config: Config,
    counts: Arc<Counts>,
    sessions: Arc<Sessions>,
    leaving: Leaving,
    hubs: Mutex<HashMap<SessionId, Arc<Hub>>>,
}

impl Hubs {
    pub fn new(sessions: &Arc<Sessions>, config: Config) -> Arc<Self> {
        let counts = Arc::default();
        let hubs = Arc::new(Self {
            config,
            counts,
            sessions: Arc::clone(sessions),
            leaving: Leaving::default(),
            hubs: Mutex::default(),
        });
        let weak = Arc::downgrade(&hubs);
        sessions.at_end(move |session| {
            let hub = weak.upgrade().and_then(|hubs| lock(&hubs.hubs).remove(&session.id));
            if let Some(hub) = hub {
                hub.end();
            }
        });
        hubs
    }

    /// The hub of an open session.
    pub fn of(&self, session: &Arc<Session>) -> Option<Arc<Hub>> {
        let hub = Arc::clone(lock(&self.hubs).entry(session.id).or_insert_with(|| {
            let session = Arc::clone(session);
            let (config, counts) = (self.config.clone(), Arc::clone(&self.counts));
            let leaving = Arc::clone(&self.leaving);
            Arc::new(Hub { session, config, counts, leaving, gate: Semaphore::new(1), inner: Mutex::default() })
        }));
        // The session may have ended while its hub was made: then nobody else takes the hub away.
        if self.sessions.get(session.id).is_none() {
            lock(&self.hubs).remove(&session.id);
            return None;
        }
        Some(hub)
    }

    /// Processor's time that a viewer may take at once: as much as a page.
    pub fn work_per_page(&self) -> Duration {
        self.config.work_per_page.0
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Bytes that wait for viewers, of all and of the one that waits for most. A hub that is busy is left out.
    pub fn waiting(&self) -> (usize, usize) {
        let mut waiting = (0, 0);
        for hub in self.all() {
            let Some(inner) = try_lock(&hub.inner) else { continue };
            for bytes in inner.viewers.values().map(|viewer| viewer.queue.waiting()) {
                waiting = (waiting.0 + bytes, waiting.1.max(bytes));
            }
        }
        waiting
    }

    /// An agent may not watch any more, whatever session.
    pub fn dismiss(&self, agent: &str) {
        self.all().iter().for_each(|hub| hub.dismiss(agent));
    }

    /// A company has other rules.
    pub fn rules_changed(&self, company: &str) {
        self.all().iter().filter(|hub| hub.session.company.id == company).for_each(|hub| hub.rules_changed());
    }

    /// Asks every page and viewer to come back later, also those that are yet to say hello: Lado is about to stop.
    pub fn drain(&self, after: Duration) {
        let after = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
        // First: who comes in after its hub was looked after below has seen this.
        let _ = self.leaving.set(after);
        for hub in self.all() {
            let inner = lock(&hub.inner);
            for link in inner.pages.values().filter_map(|page| page.link.as_ref()) {
                page_leaves(&link.queue, after);
            }
            for viewer in inner.viewers.values() {
                viewer_leaves(&viewer.queue, after);
            }
        }
    }

    /// Looks after time-outs for as long as the hubs live.
    pub async fn tend(hubs: Weak<Self>) {
        let mut every = tokio::time::interval(Duration::from_millis(500));
        loop {
            every.tick().await;
            let Some(hubs) = hubs.upgrade() else { return };
            let now = Instant::now();
            let drifted: BTreeSet<String> = hubs.all().iter().filter_map(|hub| hub.tend(now)).collect();
            drifted.iter().for_each(|company| hubs.rules_changed(company));
        }
    }

    fn all(&self) -> Vec<Arc<Hub>> {
        lock(&self.hubs).values().cloned().collect()
    }
}
