//! The agents' side of a hub: viewers come, watch, and ask.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use url::Url;

use super::queue::ViewerQueue;
use super::{Act, Hub, HubError, Inner, Viewer, nothing, viewer_leaves};
use crate::lock::{self as locks, Control, Denied};
use crate::mask::Frame;
use crate::protocol::{self, Action, Refusal, ViewerNotice};
use crate::rewrite::url::Site;
use crate::session::{Agent, Role, lock};

/// Actions on their way to a page; an agent's hand makes a few.
const MAX_ACTS: usize = 256;

/// A viewer's socket, as the hub knows it.
#[derive(Clone)]
pub struct ViewerLink {
    id: u32,
    pub queue: Arc<ViewerQueue>,
}

impl ViewerLink {
    pub(super) fn id(&self) -> u32 {
        self.id
    }
}

impl Inner {
    /// An agent's number in this session.
    fn number(&mut self, name: &str) -> u32 {
        let at = self.participants.iter().position(|known| known == name).unwrap_or_else(|| {
            self.participants.push(name.to_owned());
            self.participants.len() - 1
        });
        u32::try_from(at + 1).unwrap_or(u32::MAX)
    }
}

impl Hub {
    /// An agent's viewer has said hello, with a ticket that was good. `frame` is the number of the frame's page that it is
    /// to show, where it shows no more than one.
    ///
    /// # Errors
    /// [`HubError`] when the session is over or has too many viewers.
    pub fn viewer(&self, agent: Agent, frame: Option<u32>) -> Result<ViewerLink, HubError> {
        let mut inner = lock(&self.inner);
        if inner.over {
            return Err(HubError::Over);
        }
        // A ticket may be older than the customer's yes to somebody else.
        if !self.session.admits(&agent) {
            return Err(HubError::NotAdmitted);
        }
        let most = if frame.is_none() { 1 } else { self.config.max_frames } * self.config.max_viewers;
        let alike = inner.viewers.values().filter(|viewer| viewer.frame.is_none() == frame.is_none());
        if alike.count() >= most {
            return Err(HubError::Viewers);
        }
        self.session.touch();
        inner.next_viewer += 1;
        let id = inner.next_viewer;
        let queue = Arc::new(ViewerQueue::default());
        let welcome = ViewerNotice::Welcome { version: protocol::VERSION, level: self.session.level() };
        queue.notice(Frame::notice(&welcome));
        queue.notice(Frame::notice(&ViewerNotice::Online { online: inner.online }));
        if self.session.is_paused() {
            queue.notice(Frame::notice(&ViewerNotice::Paused { paused: true }));
        }
        if frame.is_none() {
            tracing::info!(session = %self.session.id, agent = %agent.name, "viewer connected");
        }
        let link = ViewerLink { id, queue: Arc::clone(&queue) };
        if let Some(met) = &inner.met {
            queue.notice(Frame::notice(&met.notice));
        }
        let participant = inner.number(&agent.name);
        let viewer = Viewer {
            agent,
            participant,
            quiet: false,
            queue,
            chosen: None,
            frame,
            showing: None,
            epoch: inner.epoch,
            seen: None,
            told: None,
            frames: Vec::new(),
        };
        inner.viewers.insert(id, viewer);
        self.bring_to_front(&mut inner);
        // Nobody has turned a viewer without a page yet.
        if inner.viewers.get(&id).is_some_and(|viewer| viewer.showing.is_none()) {
            self.show_all(&inner, &link);
        }
        if frame.is_none() {
            self.count_viewers(&inner);
        }
        if let Some(after) = self.leaving.get() {
            viewer_leaves(&link.queue, *after);
        }
        Ok(link)
    }

    /// A viewer's tree went wrong.
    pub fn viewer_wrong(&self) {
        self.counts.viewer_resyncs.fetch_add(1, Relaxed);
    }

    /// The viewer needs the whole page: it has fallen behind, or its tree went wrong.
    pub fn resync(&self, to: &ViewerLink) {
        self.show_all(&lock(&self.inner), to);
    }

    /// The viewer has all of an epoch's snapshot: node ids now mean to it what they mean to the hub.
    pub fn seen(&self, from: &ViewerLink, epoch: u32) {
        if let Some(viewer) = lock(&self.inner).viewers.get_mut(&from.id) {
            viewer.seen = Some(epoch);
        }
    }

    /// The agent chooses a tab, or goes with the customer again.
    pub fn watch(&self, from: &ViewerLink, tab: Option<u32>) {
        let mut inner = lock(&self.inner);
        let Some(viewer) = inner.viewers.get_mut(&from.id) else { return };
        self.session.touch();
        viewer.chosen = tab;
        // Also where nothing changes: the viewer has shown its agent's wish already, and may have to take it back.
        viewer.told = None;
        self.bring_to_front(&mut inner);
    }

    /// Checks an agent's action on the mirror and, when it is allowed, asks the page to carry it out.
    pub fn act(&self, from: &ViewerLink, id: u32, action: &Action) {
        let mut inner = lock(&self.inner);
        self.session.touch();
        self.counts.acts.fetch_add(1, Relaxed);
        if let Err(denied) = self.try_act(&mut inner, from, id, action) {
            tracing::info!(session = %self.session.id, refusal = ?denied.refusal, rule = %denied.rule, "action refused");
            self.counts.refuse(denied.refusal);
            if !denied.rule.is_empty() {
                inner.evidence.of(&denied.rule).refused += 1;
            }
            let notice = ViewerNotice::Acted { id, refusal: Some(denied.refusal), rule: denied.rule };
            from.queue.notice(Frame::notice(&notice));
        }
    }

    fn try_act(&self, inner: &mut Inner, from: &ViewerLink, id: u32, action: &Action) -> Result<(), Denied> {
        let refuse = |refusal| Denied { refusal, rule: String::new() };
        let viewer = inner.viewers.get(&from.id).ok_or_else(|| refuse(Refusal::Gone))?;
        if viewer.agent.role == Role::Supervisor {
            return Err(refuse(Refusal::NotAllowed));
        }
        if self.session.is_paused() {
            return Err(refuse(Refusal::Paused));
        }
        let showing = viewer.showing.clone().ok_or_else(|| refuse(Refusal::Gone))?;
        let page = inner.pages.get(&showing).ok_or_else(|| refuse(Refusal::Gone))?;
        // By hand an agent leads the customer nowhere that a session could not start at.
        if let Action::Navigate { url } = action
            && !Url::parse(url).is_ok_and(|url| self.leads_on(&page.site, &url))
        {
            return Err(refuse(Refusal::NotAllowed));
        }
        let allowed = locks::check(&page.mirror, &page.mask, self.session.level(), action)?;
        inner.check_around(page, action)?;
        let link = page.link.as_ref().ok_or_else(|| refuse(Refusal::Gone))?;
        // What the viewer shows is not what the customer sees: the same id may be another element by now.
        if viewer.seen != Some(viewer.epoch) {
            return Err(refuse(Refusal::Gone));
        }
        if inner.acts.len() >= MAX_ACTS {
            return Err(refuse(Refusal::NotPossible));
        }
        inner.next_act = inner.next_act.wrapping_add(1);
        link.queue.act(locks::Frame::act(inner.next_act, &allowed));
        inner.acts.insert(inner.next_act, Act { viewer: from.id, id, page: showing, since: Instant::now() });
        Ok(())
    }

    /// Whether an agent may lead the customer from a page of `site` to `url`.
    fn leads_on(&self, site: &Site, url: &Url) -> bool {
        Site::of(url).as_ref() == Some(site) || self.session.company.allows(url)
    }

    /// The agent's mouse over the mirrored page, or away from it.
    pub fn viewer_pointer(&self, from: &ViewerLink, at: Option<(i32, i32)>) {
        let inner = lock(&self.inner);
        if !locks::may_point(self.session.level()) || self.session.is_paused() {
            return;
        }
        self.session.touch();
        let Some(viewer) = inner.viewers.get(&from.id).filter(|viewer| viewer.agent.role != Role::Supervisor) else {
            return;
        };
        let showing = viewer.showing.as_ref().and_then(|name| inner.pages.get(name));
        if let Some(link) = showing.and_then(|page| page.link.as_ref()) {
            link.queue.pointer(from.id, pointer(from.id, &viewer.agent, at));
        }
    }

    /// An agent may not watch any more.
    pub fn dismiss(&self, name: &str) {
        let inner = lock(&self.inner);
        let theirs = inner.viewers.values().filter(|viewer| viewer.agent.name == name);
        theirs.for_each(|viewer| viewer.queue.dismiss(Frame::notice(&ViewerNotice::Ended {})));
    }

    pub fn viewer_gone(&self, link: &ViewerLink) {
        let mut inner = lock(&self.inner);
        let Some(viewer) = inner.viewers.remove(&link.id) else { return };
        if viewer.frame.is_none() {
            tracing::info!(session = %self.session.id, agent = %viewer.agent.name, "viewer left");
        }
        inner.acts.retain(|_, act| act.viewer != link.id);
        for page in inner.pages.values().filter_map(|page| page.link.as_ref()) {
            page.queue.pointer(link.id, pointer(link.id, &viewer.agent, None));
        }
        self.count_viewers(&inner);
    }

    /// A late joiner needs nothing of the customer's browser: the mirror has it all.
    fn show_all(&self, inner: &Inner, to: &ViewerLink) {
        let Some(viewer) = inner.viewers.get(&to.id) else { return };
        let showing = viewer.showing.as_ref().and_then(|name| inner.pages.get(name));
        match showing.filter(|page| page.ready()) {
            Some(page) => {
                to.queue.snapshot(page.snapshot(inner.seq, &self.session), viewer.epoch);
                page.drawn().into_iter().for_each(|frame| to.queue.notice(frame));
            }
            None => to.queue.no_page(Frame::notice(&nothing(showing))),
        }
    }
}

/// The frame that shows an agent's pointer on the customer's page, or takes it away.
pub(super) fn pointer(participant: u32, agent: &Agent, at: Option<(i32, i32)>) -> locks::Frame {
    let (x, y) = at.unwrap_or_default();
    locks::Frame::control(&Control::Pointer {
        participant,
        name: agent.display.clone(),
        role: agent.role.as_str().to_owned(),
        shown: at.is_some(),
        x,
        y,
    })
}
