//! Connects the pages and viewers of each session: mirrors, queues, fan-out.
//!
//! The hub knows no sockets: `sync` runs those, tells the hub what came in and sends what the hub's queues hold. What
//! goes to viewers is a [`mask::Frame`], what goes to pages is a [`lock::Frame`](crate::lock::Frame), and nothing else.

mod beat;
mod by_hand;
mod counts;
mod drawing;
mod drift;
mod frames;
mod hubs;
mod page;
mod pages;
pub mod queue;
mod tabs;
mod viewers;

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::lock::Control;
use crate::mirror::Limits;
use crate::protocol::{Cap, FrameAt, Level, Meeting, Refusal, ViewerNotice};
use crate::session::{Agent, Session, lock, try_lock};
use crate::span::Span;
use crate::{lock as locks, mask};
pub use counts::{Counts, Open, REFUSALS};
pub use hubs::Hubs;
use page::Page;
pub use pages::PageLink;
use queue::{PageQueue, ViewerQueue};
pub use viewers::ViewerLink;

/// What one session may hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Pages that one customer may have open; the one longest out of sight goes when there are more.
    pub max_pages: usize,
    /// Documents in frames of other origins that are shown to agents.
    pub max_frames: usize,
    pub max_viewers: usize,
    pub max_nodes_per_page: usize,
    /// Text, attribute values and style sheets of one page.
    pub max_bytes_per_page: usize,
    /// How long a page is kept when its socket has dropped.
    pub grace: Span,
    /// Processor's time that a page may take at once; for long, it may take a quarter of a processor.
    pub work_per_page: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_pages: 8,
            max_frames: 16,
            max_viewers: 16,
            max_nodes_per_page: 300_000,
            max_bytes_per_page: 32 * 1024 * 1024,
            grace: Span(Duration::from_secs(60)),
            work_per_page: Span(Duration::from_secs(2)),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    #[error("the session is over")]
    Over,
    #[error("downstream named its page or tab with nothing, or with more than 64 bytes")]
    PageName,
    #[error("downstream's socket has been replaced by a newer one of the same page")]
    Replaced,
    #[error("downstream's batches never fit its own page: it was asked for a snapshot too often")]
    Resyncs,
    #[error("the session has as many viewers as it may have")]
    Viewers,
    #[error("the session has as many frames as it may have")]
    Frames,
    #[error("the agent may not watch, or may not any more")]
    NotAdmitted,
}

/// A socket that drops and is back this soon was never away: pages go from one to the next.
const AWAY: Duration = Duration::from_secs(2);
/// A page that was not slowed for this long is as fast as any.
const CALM: Duration = Duration::from_secs(3);
/// A page that has not answered an action by then will not.
const ACT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the pages and viewers of one session meet.
pub struct Hub {
    session: Arc<Session>,
    config: Config,
    counts: Arc<Counts>,
    leaving: Leaving,
    gate: Semaphore,
    inner: Mutex<Inner>,
}

/// What the customer met, until another page comes.
struct Met {
    notice: ViewerNotice,
    /// It is a page with a mirror: the name of that, empty until the page says it.
    page: Option<String>,
}

impl Met {
    /// Whether it still holds when the page of this name shows.
    fn is_of(&mut self, page: &str) -> bool {
        self.page.as_mut().is_some_and(|known| {
            if known.is_empty() {
                page.clone_into(known);
            }
            known == page
        })
    }
}

#[derive(Default)]
struct Inner {
    /// By the name that each page gave itself.
    pages: HashMap<String, Page>,
    /// The page that the customer has in front: what viewers see that follow.
    front: Option<String>,
    viewers: HashMap<u32, Viewer>,
    /// The names of agents who have watched, in the order of their numbers from 1.
    participants: Vec<String>,
    /// Of pages that are gone, and of refusals.
    evidence: mask::Evidence,
    /// Actions that a page has not answered yet, by the hub's own number.
    acts: HashMap<u32, Act>,
    /// Of the frames with ops that viewers got.
    seq: u32,
    /// Counts up whenever node ids may mean something else than before.
    epoch: u32,
    shown: u64,
    connections: u64,
    next_viewer: u32,
    next_act: u32,
    next_tab: u32,
    /// How often the customer has hidden something by hand.
    hidden: u64,
    /// What the customer has met since the last page.
    met: Option<Met>,
    /// Whether viewers have been told that the customer is there.
    online: bool,
    over: bool,
}

struct Viewer {
    agent: Agent,
    /// The agent's number in this session, whatever viewer they come with.
    participant: u32,
    /// Nothing has come through the socket for too long.
    quiet: bool,
    queue: Arc<ViewerQueue>,
    /// The tab that the agent has chosen, by number; without one the viewer follows the customer.
    chosen: Option<u32>,
    /// It shows what is in a frame of what another viewer of the agent's shows: the number of that page, for good.
    frame: Option<u32>,
    /// The page that the viewer shows, and the epoch of its last snapshot.
    showing: Option<String>,
    epoch: u32,
    /// The epoch that the viewer is known to have reached: what it asks for, it asks of that page.
    seen: Option<u32>,
    /// What it was last told of tabs.
    told: Option<ViewerNotice>,
    /// The frames that it was last told of.
    frames: Vec<FrameAt>,
}

struct Act {
    viewer: u32,
    /// The viewer's own number.
    id: u32,
    page: String,
    since: Instant,
}

impl Hub {
    /// Processor's time that a page may take at once.
    pub fn work_per_page(&self) -> Duration {
        self.config.work_per_page.0
    }

    /// One socket's message at a time: sockets wait for it here without keeping a thread of the runtime, where a large
    /// page holds the hub for long. Nothing if the hub is gone.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.gate.acquire().await.ok()
    }

    /// The same, where nobody else is at it.
    pub fn turn_now(&self) -> Option<SemaphorePermit<'_>> {
        self.gate.try_acquire().ok()
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The customer decides what agents may do; both sides are told, and what waits under the old permission is dropped.
    pub fn set_level(&self, level: Level) {
        let mut inner = lock(&self.inner);
        if inner.over {
            return;
        }
        self.session.set_level(level);
        for link in inner.pages.values().filter_map(|page| page.link.as_ref()) {
            if level < Level::Control {
                link.queue.drop_acts();
            }
            link.queue.control(locks::Frame::control(&Control::SetLevel { level }));
            if !locks::may_point(level) {
                for (id, viewer) in &inner.viewers {
                    link.queue.pointer(*id, viewers::pointer(*id, &viewer.agent, None));
                }
            }
        }
        inner.tell(&ViewerNotice::SetLevel { level });
        if level < Level::Control {
            inner.answer_all_of(None, Refusal::NotAllowed);
        }
        if !locks::may_point(level) {
            inner.erase_all();
        }
    }

    /// The customer blanks the view, or shows it again. What agents have on their screens goes at once.
    pub fn pause(&self, paused: bool) {
        let mut inner = lock(&self.inner);
        if inner.over || !self.session.set_paused(paused) {
            return;
        }
        inner.tell(&ViewerNotice::Paused { paused });
        for link in inner.pages.values().filter_map(|page| page.link.as_ref()) {
            link.queue.drop_acts();
            link.queue.control(locks::Frame::control(&Control::Paused { paused }));
            for (id, viewer) in &inner.viewers {
                link.queue.pointer(*id, viewers::pointer(*id, &viewer.agent, None));
            }
        }
        inner.answer_all_of(None, Refusal::Paused);
        // Everybody starts over with another snapshot; of frames, nothing is left.
        inner.viewers.values_mut().filter(|viewer| viewer.frame.is_none()).for_each(|viewer| viewer.showing = None);
        self.bring_to_front(&mut inner);
    }

    /// What rules have done in the session so far.
    pub fn evidence(&self) -> mask::Evidence {
        lock(&self.inner).evidence()
    }

    /// The company has other rules: they hold at once, and what they hide is taken back.
    pub fn rules_changed(&self) {
        self.session.judge_again();
        let mut inner = lock(&self.inner);
        let mut retracted = Vec::new();
        for (name, page) in &mut inner.pages {
            let json = self.session.company.rules.for_site(page.site.host()).page_json().to_string();
            if let Some(link) = &page.link {
                link.queue.control(locks::Frame::control(&Control::Rules { json }));
            }
            retracted.push((name.clone(), page.rules_changed(&self.session)));
        }
        for (name, ops) in retracted {
            self.pass_on(&mut inner, &name, &ops, false, true);
        }
    }

    /// Looks after time-outs. Returns the company when its rules have become stricter.
    pub fn tend(&self, now: Instant) -> Option<String> {
        // One that is busy is looked after next time: the others need not wait for it.
        let mut inner = try_lock(&self.inner)?;
        let drifted = self.watch_drift(&mut inner, now);
        let calm = |page: &Page| page.fast.is_some_and(|since| now.saturating_duration_since(since) >= CALM);
        let calmed: Vec<String> =
            inner.pages.iter().filter(|(_, page)| calm(page)).map(|(name, _)| name.clone()).collect();
        for name in calmed {
            if let Some(page) = inner.pages.get_mut(&name) {
                page.fast = None;
            }
            inner.tell_of(&name, &ViewerNotice::Limited { cap: None });
        }
        let old = |since: Instant, limit: Duration| now.saturating_duration_since(since) >= limit;
        let gone: Vec<String> = inner
            .pages
            .iter()
            .filter(|(_, page)| page.lost.is_some_and(|lost| old(lost, self.config.grace.0)))
            .map(|(name, _)| name.clone())
            .chain(inner.left_frames(now))
            .collect();
        for name in gone {
            inner.drop_page(&name);
        }
        self.bring_to_front(&mut inner);
        for page in inner.pages.values_mut() {
            let due = page.capped.as_mut().filter(|capped| old(capped.since, capped.wait));
            if let (Some(capped), Some(link)) = (due, &page.link) {
                capped.since = now;
                link.queue.control(locks::Frame::control(&Control::Resync));
            }
        }
        self.check_online(&mut inner);
        let late: Vec<u32> =
            inner.acts.iter().filter(|(_, act)| old(act.since, ACT_TIMEOUT)).map(|(number, _)| *number).collect();
        for number in late {
            inner.answer(number, Some(Refusal::NotPossible));
        }
        drifted.then(|| self.session.company.id.clone())
    }

    /// Everything of the session is over: the last word to everybody, and nothing is kept.
    fn end(&self) {
        let mut inner = lock(&self.inner);
        let evidence = inner.evidence();
        tracing::info!(
            session = %self.session.id,
            masked = evidence.rules.values().map(|counts| counts.masked).sum::<u64>(),
            locked = evidence.rules.values().map(|counts| counts.locked).sum::<u64>(),
            refused = evidence.rules.values().map(|counts| counts.refused).sum::<u64>(),
            corrections = evidence.corrections,
            "evidence of the session"
        );
        self.session.keep_evidence(evidence);
        for link in inner.pages.values().filter_map(|page| page.link.as_ref()) {
            link.queue.drop_acts();
            link.queue.control(locks::Frame::control(&Control::Ended));
            link.queue.close();
        }
        for viewer in inner.viewers.values() {
            viewer.queue.no_page(mask::Frame::notice(&ViewerNotice::NoPage {}));
            viewer.queue.notice(mask::Frame::notice(&ViewerNotice::Ended {}));
            viewer.queue.close();
        }
        *inner = Inner { over: true, ..Inner::default() };
    }

    /// The customer has opened something that the stage cannot show, or a wall.
    pub fn met(&self, what: Meeting, site: String) {
        let mut inner = lock(&self.inner);
        if inner.over || self.session.is_paused() {
            return;
        }
        let notice = ViewerNotice::Met { what, site };
        inner.tell(&notice);
        let page = matches!(what, Meeting::BotWall | Meeting::SignIn).then(String::new);
        inner.met = Some(Met { notice, page });
    }

    /// The page in front is the one that came there last, of those whose tree is here. One that is asked for its tree
    /// again stays in front meanwhile. Viewers turn to it, but for those whose agent has chosen a tab.
    fn bring_to_front(&self, inner: &mut Inner) {
        let now = Instant::now();
        let shown = |name: &String, page: &Page| page.shows() || inner.front.as_ref() == Some(name);
        let ready = inner.pages.iter().filter(|(name, page)| page.framed.is_none() && shown(name, page));
        let front = ready.max_by_key(|(_, page)| (page.is_here(now), page.shown)).map(|(name, _)| name.clone());
        inner.front = front;
        inner.place_frames();
        self.turn_viewers(inner, now);
        self.describe_front(inner);
        self.count_hidden(inner);
    }

    /// What lists of sessions may say of the page in front.
    fn describe_front(&self, inner: &Inner) {
        let front = inner.front.as_ref().and_then(|name| inner.pages.get(name));
        if front.is_some_and(|page| !page.ready()) {
            return;
        }
        let info = front.filter(|_| !self.session.is_paused()).map(Page::info);
        if self.session.state().page != info {
            self.session.update(|state| {
                state.page = info;
                true
            });
        }
    }

    /// Online is a customer of whom a page is connected, or was a moment ago.
    fn check_online(&self, inner: &mut Inner) {
        let here = |page: &Page| match page.lost {
            Some(lost) => lost.elapsed() < AWAY,
            None => page.link.is_some() && !page.quiet,
        };
        let online = inner.pages.values().any(here);
        self.set_online(inner, online);
    }

    fn set_online(&self, inner: &mut Inner, online: bool) {
        if std::mem::replace(&mut inner.online, online) != online {
            inner.tell(&ViewerNotice::Online { online });
            self.session.update(|state| std::mem::replace(&mut state.online, online) != online);
        }
    }

    /// Tells pages and panel who watches.
    fn count_viewers(&self, inner: &Inner) {
        let people = || inner.viewers.iter().filter(|(_, viewer)| viewer.frame.is_none());
        let mut watching: Vec<_> = people().filter(|(_, viewer)| !viewer.quiet).collect();
        watching.sort_by_key(|(id, _)| **id);
        let watching = watching.into_iter().map(|(_, viewer)| viewer.agent.clone()).collect();
        self.session.update(|state| {
            state.watching = watching;
            true
        });
        let viewers = inner.watched();
        for link in inner.pages.values().filter_map(|page| page.link.as_ref()) {
            link.queue.control(locks::Frame::control(&Control::Watched { viewers }));
        }
    }

    /// The page takes more of Lado's time than it may, and is read more slowly.
    pub fn slowed(&self, from: &PageLink) {
        let mut inner = lock(&self.inner);
        let Ok(page) = inner.page_of(from) else { return };
        if page.fast.replace(Instant::now()).is_none() {
            self.counts.slowed.fetch_add(1, Relaxed);
            tracing::warn!(session = %self.session.id, "the page changes faster than Lado follows");
            inner.tell_of(from.name(), &ViewerNotice::Limited { cap: Some(Cap::Changes) });
        }
    }

    fn limits(&self) -> Limits {
        Limits { nodes: self.config.max_nodes_per_page, bytes: self.config.max_bytes_per_page, ..Limits::default() }
    }
}

/// When Lado is about to stop: after how many milliseconds everybody should be back.
type Leaving = Arc<OnceLock<u32>>;

fn page_leaves(queue: &PageQueue, after: u32) {
    queue.control(locks::Frame::control(&Control::Reconnect { after }));
    queue.close();
}

fn viewer_leaves(queue: &ViewerQueue, after: u32) {
    queue.notice(mask::Frame::notice(&ViewerNotice::Reconnect { after }));
    queue.close();
}

impl Viewer {
    /// Whether that is new.
    fn beat(&mut self, quiet: bool) -> bool {
        std::mem::replace(&mut self.quiet, quiet) != quiet
    }
}

/// What viewers are told in place of a page.
fn nothing(front: Option<&Page>) -> ViewerNotice {
    match front.and_then(|page| page.capped) {
        Some(capped) => ViewerNotice::Limited { cap: Some(capped.cap) },
        None => ViewerNotice::NoPage {},
    }
}

impl Inner {
    /// Tells every viewer.
    fn tell(&self, notice: &ViewerNotice) {
        let frame = mask::Frame::notice(notice);
        self.viewers.values().for_each(|viewer| viewer.queue.notice(frame.clone()));
    }

    /// How many people watch.
    fn watched(&self) -> u32 {
        let people = self.viewers.values().filter(|viewer| viewer.frame.is_none()).count();
        u32::try_from(people).unwrap_or(u32::MAX)
    }

    /// Tells every viewer that shows this page.
    fn tell_of(&self, page: &str, notice: &ViewerNotice) {
        let frame = mask::Frame::notice(notice);
        let watching = self.viewers.values().filter(|viewer| viewer.showing.as_deref() == Some(page));
        watching.for_each(|viewer| viewer.queue.notice(frame.clone()));
    }

    /// Tells a viewer what became of its action.
    fn answer(&mut self, number: u32, refusal: Option<Refusal>) {
        let Some(act) = self.acts.remove(&number) else { return };
        if let Some(viewer) = self.viewers.get(&act.viewer) {
            let notice = ViewerNotice::Acted { id: act.id, refusal, rule: String::new() };
            viewer.queue.notice(mask::Frame::notice(&notice));
        }
    }

    /// Answers the actions that a page took with it.
    fn answer_all_of(&mut self, page: Option<&str>, refusal: Refusal) {
        let of_page = |act: &Act| page.is_none_or(|page| act.page == page);
        let numbers: Vec<u32> = self.acts.iter().filter(|(_, act)| of_page(act)).map(|(number, _)| *number).collect();
        for number in numbers {
            self.answer(number, Some(refusal));
        }
    }

    fn evidence(&self) -> mask::Evidence {
        let mut sum = self.evidence.clone();
        self.pages.values().for_each(|page| sum.add(&page.mask.evidence()));
        sum
    }

    fn drop_page(&mut self, name: &str) {
        let Some(page) = self.pages.remove(name) else { return };
        if let Some(link) = &page.link {
            link.queue.close();
        }
        page.natives_away().iter().for_each(|notice| self.tell_of(name, notice));
        self.answer_all_of(Some(name), Refusal::Gone);
        self.evidence.add(&page.mask.evidence());
        let corrections = page.mask.corrections();
        if corrections > 0 {
            tracing::warn!(corrections, "the page sent what it should have masked itself");
        }
    }
}
