//! The customer's side of a hub: pages come, change, and go.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::page::{Link, Page, Taken};
use super::queue::PageQueue;
use super::{Hub, HubError, Inner, page_leaves};
use crate::lock::{Control, Frame};
use crate::mask;
use crate::mirror::Finding;
use crate::protocol::{Cap, Native, Op, Refusal, ViewerNotice};
use crate::rewrite::url::Site;
use crate::session::lock;

/// Names of pages and tabs are random, in no need of more.
const MAX_NAME: usize = 64;
/// A page that is asked for a snapshot this often on one connection does not know its own tree.
const MAX_RESYNCS: u32 = 20;

/// A page's socket, as the hub knows it.
#[derive(Clone)]
pub struct PageLink {
    page: String,
    connection: u64,
    pub queue: Arc<PageQueue>,
}

impl PageLink {
    pub(super) fn name(&self) -> &str {
        &self.page
    }
}

impl Hub {
    /// A page has said hello: takes up where it was, or asks for a snapshot.
    ///
    /// `site` is what the socket's own view host shows; `tab` is empty for a document in a frame; `sent` is the last batch
    /// that the page has made.
    ///
    /// # Errors
    /// [`HubError`] when the session is over or the names are bad.
    pub fn page(&self, site: &Site, page: &str, tab: &str, sent: u32, visible: bool) -> Result<PageLink, HubError> {
        if page.is_empty() || [page, tab].iter().any(|name| name.len() > MAX_NAME) {
            return Err(HubError::PageName);
        }
        let mut inner = lock(&self.inner);
        if inner.over {
            return Err(HubError::Over);
        }
        if tab.is_empty() {
            self.room_for_frame(&mut inner, page)?;
        }
        self.session.touch();
        inner.connections += 1;
        let connection = inner.connections;
        let queue = Arc::new(PageQueue::default());
        // The name is random, so another site's page that gives the same one is a forgery: it starts over.
        if inner.pages.get(page).is_some_and(|known| known.site != *site || known.tab.is_empty() != tab.is_empty()) {
            inner.drop_page(page);
        }
        let number = inner.number_of(tab);
        let taint = self.session.taint();
        let known = inner.pages.entry(page.to_owned()).or_insert_with(|| {
            let mut page = Page::new(tab.to_owned(), number, site.clone(), &self.session, self.limits());
            page.mask.set_taint(taint);
            page
        });
        if let Some(old) = known.link.replace(Link { connection, queue: Arc::clone(&queue), resyncs: 0 }) {
            old.queue.close();
        }
        known.lost = None;
        known.quiet = false;
        known.arrived = connection;
        // A page that counts from further back than the mirror has begun anew.
        known.wants_snapshot |= !known.ready() || sent < known.received;
        if known.wants_snapshot {
            known.received = sent;
        }
        let welcome =
            Control::Welcome { received: known.received, snapshot: known.wants_snapshot, level: self.session.level() };
        queue.control(Frame::control(&welcome));
        if let Some(framed) = &known.framed {
            queue.control(framed.control());
        }
        known.redraw();
        let away = known.put_away();
        queue.control(Frame::control(&Control::Watched { viewers: inner.watched() }));
        if self.session.is_paused() {
            queue.control(Frame::control(&Control::Paused { paused: true }));
        }
        away.iter().for_each(|notice| inner.tell_of(page, notice));
        inner.show(page, visible);
        self.set_online(&mut inner, true);
        self.make_room(&mut inner, page);
        self.bring_to_front(&mut inner);
        if let Some(after) = self.leaving.get() {
            page_leaves(&queue, *after);
        }
        Ok(PageLink { page: page.to_owned(), connection, queue })
    }

    /// Changes of the page, in order.
    ///
    /// # Errors
    /// [`HubError`] when the socket is not the page's any more, or the page cannot keep its own order.
    pub fn batch(&self, from: &PageLink, seq: u32, ops: Vec<Op>) -> Result<(), HubError> {
        self.take(&mut lock(&self.inner), from, seq, ops)
    }

    /// The customer has typed where the page last said that the caret is: the next batch in short.
    ///
    /// # Errors
    /// As [`Hub::batch`].
    pub fn typed(&self, from: &PageLink, letter: u32) -> Result<(), HubError> {
        let mut inner = lock(&self.inner);
        let page = inner.page_of(from)?;
        let (seq, ops) = (page.received.saturating_add(1), page.mirror.typed(letter));
        self.take(&mut inner, from, seq, ops)
    }

    fn take(&self, inner: &mut Inner, from: &PageLink, seq: u32, ops: Vec<Op>) -> Result<(), HubError> {
        let page = inner.page_of(from)?;
        let titled = ops.iter().any(|op| matches!(op, Op::SetTitle { .. } | Op::SetUrl { .. }));
        // A page that only compares itself is nobody at work.
        if !ops.iter().all(|op| matches!(op, Op::Check { .. })) {
            self.session.touch();
        }
        self.counts.ops.fetch_add(ops.len() as u64, Relaxed);
        let (before, given_up) = (page.mask.corrections(), page.is_given_up());
        let taken = page.take(seq, ops, &self.session);
        self.counts.given_up.fetch_add(u64::from(page.is_given_up() && !given_up), Relaxed);
        // A mask that starts over has a count that does.
        self.counts.corrections.fetch_add(page.mask.corrections().saturating_sub(before), Relaxed);
        match taken {
            Taken::Nothing => {}
            Taken::Ops { ops, snapshot, wrong } => {
                self.pass_on(inner, &from.page, &ops, snapshot, titled);
                if let Some(wrong) = wrong {
                    self.mend(from, wrong);
                }
            }
            Taken::Capped(cap) => self.capped(inner, from, cap),
            Taken::Lost => {
                self.counts.resyncs.fetch_add(1, Relaxed);
                return self.ask_again(inner, from);
            }
        }
        let received = inner.page_of(from)?.received;
        from.queue.control(Frame::control(&Control::Ack { seq: received }));
        Ok(())
    }

    /// The page came to the front, or went away.
    ///
    /// # Errors
    /// [`HubError`] when the socket is not the page's any more.
    pub fn visible(&self, from: &PageLink, visible: bool) -> Result<(), HubError> {
        let mut inner = lock(&self.inner);
        inner.page_of(from)?;
        self.session.touch();
        inner.show(&from.page, visible);
        self.bring_to_front(&mut inner);
        Ok(())
    }

    /// The customer's mouse or finger.
    ///
    /// # Errors
    /// [`HubError`] when the socket is not the page's any more.
    pub fn page_pointer(&self, from: &PageLink, x: i32, y: i32) -> Result<(), HubError> {
        let mut inner = lock(&self.inner);
        inner.page_of(from)?;
        self.session.touch();
        let frame = mask::Frame::notice(&ViewerNotice::Pointer { x, y });
        let paused = self.session.is_paused();
        let watching = inner.viewers.values().filter(|viewer| !paused && viewer.showing.as_ref() == Some(&from.page));
        watching.for_each(|viewer| viewer.queue.pointer(frame.clone()));
        Ok(())
    }

    /// The customer has pressed somewhere.
    ///
    /// # Errors
    /// [`HubError`] when the socket is not the page's any more.
    pub fn page_pressed(&self, from: &PageLink, x: i32, y: i32) -> Result<(), HubError> {
        let mut inner = lock(&self.inner);
        inner.page_of(from)?;
        if !self.session.is_paused() {
            inner.tell_of(&from.page, &ViewerNotice::Pressed { x, y });
        }
        Ok(())
    }

    /// The customer has put something into a masked field: it is hidden from now on, wherever in the session it shows.
    ///
    /// # Errors
    /// [`HubError`] when the socket is not the page's any more.
    pub fn secret(&self, from: &PageLink, field: u32, value: &str, done: bool) -> Result<(), HubError> {
        let mut inner = lock(&self.inner);
        let site = number(&inner.page_of(from)?.site);
        self.session.touch();
        let Some(taint) = self.session.learn(site, (number(&from.page), field), value, done) else { return Ok(()) };
        let mut recalled = Vec::new();
        for (name, page) in &mut inner.pages {
            page.mask.set_taint(Arc::clone(&taint));
            // Half of a value is looked for in what comes; the whole in what was there before, too.
            if done && page.ready() {
                recalled.push((name.clone(), page.recall()));
            }
        }
        for (name, ops) in recalled {
            self.pass_on(&mut inner, &name, &ops, false, true);
        }
        Ok(())
    }

    /// The browser shows something outside the page, or has put it away.
    ///
    /// # Errors
    /// [`HubError`] when the socket is not the page's any more.
    pub fn native(&self, from: &PageLink, native: Native, shown: bool, text: &str) -> Result<(), HubError> {
        let mut inner = lock(&self.inner);
        let notice = inner.page_of(from)?.outside(native, shown, text);
        self.session.touch();
        if !self.session.is_paused() {
            inner.tell_of(&from.page, &notice);
        }
        Ok(())
    }

    /// What became of an action.
    ///
    /// # Errors
    /// [`HubError`] when the socket is not the page's any more.
    pub fn done(&self, from: &PageLink, id: u32, refusal: Option<Refusal>) -> Result<(), HubError> {
        let mut inner = lock(&self.inner);
        inner.page_of(from)?;
        // Another page's action is not this one's to answer.
        if inner.acts.get(&id).is_some_and(|act| act.page == from.page) {
            if let Some(refusal) = refusal {
                self.counts.refuse(refusal);
            }
            inner.answer(id, refusal);
        }
        Ok(())
    }

    /// The page no longer has what the hub missed: a snapshot follows.
    ///
    /// # Errors
    /// [`HubError`] when the socket is not the page's any more.
    pub fn restart(&self, from: &PageLink) -> Result<(), HubError> {
        lock(&self.inner).page_of(from)?.wants_snapshot = true;
        Ok(())
    }

    /// The page is more than a message holds.
    ///
    /// # Errors
    /// [`HubError`] when the socket is not the page's any more.
    pub fn too_large(&self, from: &PageLink) -> Result<(), HubError> {
        let mut inner = lock(&self.inner);
        inner.page_of(from)?.too_large(&self.session);
        self.capped(&mut inner, from, Cap::Bytes);
        Ok(())
    }

    /// Viewers are told why they do not see the page, which goes on alone.
    fn capped(&self, inner: &mut Inner, from: &PageLink, cap: Cap) {
        self.counts.capped.fetch_add(1, Relaxed);
        tracing::warn!(session = %self.session.id, ?cap, "the page is more than Lado mirrors");
        inner.answer_all_of(Some(&from.page), Refusal::Gone);
        let notice = mask::Frame::notice(&ViewerNotice::Limited { cap: Some(cap) });
        for viewer in inner.viewers.values().filter(|viewer| viewer.showing.as_ref() == Some(&from.page)) {
            viewer.queue.no_page(notice.clone());
        }
        self.bring_to_front(inner);
    }

    /// The page's socket has dropped: the page stays for its grace.
    pub fn page_gone(&self, link: &PageLink) {
        let mut inner = lock(&self.inner);
        let Ok(page) = inner.page_of(link) else { return };
        page.link = None;
        page.lost = Some(Instant::now());
        inner.answer_all_of(Some(&link.page), Refusal::Gone);
        inner.drop_superseded();
        self.bring_to_front(&mut inner);
    }

    pub(super) fn pass_on(
        &self,
        inner: &mut Inner,
        from: &str,
        ops: &[crate::mask::Masked<Op>],
        snapshot: bool,
        titled: bool,
    ) {
        if snapshot {
            // Its nodes have other numbers now.
            if inner.pages.get(from).is_some_and(|page| !page.drawings.is_empty()) {
                inner.erase(from, 0, 0);
            }
            inner.epoch += 1;
            let of_tab = inner.pages.get(from).is_some_and(|page| page.framed.is_none());
            if of_tab && inner.met.take_if(|met| !met.is_of(from)).is_some() {
                inner.tell(&ViewerNotice::Resumed {});
            }
        }
        // What changes while the customer has blanked the view is in the snapshot that ends the pause.
        if !ops.is_empty() && !self.session.is_paused() {
            inner.seq += 1;
            let frame = mask::Frame::ops(inner.seq, ops);
            for viewer in inner.viewers.values_mut().filter(|viewer| viewer.showing.as_deref() == Some(from)) {
                if snapshot {
                    viewer.epoch = inner.epoch;
                    viewer.queue.replace(frame.clone(), inner.epoch);
                } else if !viewer.queue.ops(frame.clone()) {
                    self.counts.viewers_behind.fetch_add(1, Relaxed);
                }
            }
        }
        let superseded = inner.drop_superseded();
        if snapshot || titled || superseded {
            self.bring_to_front(inner);
        } else {
            self.frames_changed(inner, from);
        }
    }

    /// The mirror is not the page: as little of it as possible is told anew.
    fn mend(&self, from: &PageLink, wrong: Finding) {
        self.counts.diverged.fetch_add(1, Relaxed);
        let control = match wrong {
            Finding::Same => return,
            Finding::Inside(node) => {
                self.counts.mends.fetch_add(1, Relaxed);
                Control::Mend { node }
            }
            Finding::Whole => {
                self.counts.resyncs.fetch_add(1, Relaxed);
                Control::Resync
            }
        };
        tracing::warn!(session = %self.session.id, ?wrong, "the mirror differs from the page");
        from.queue.control(Frame::control(&control));
    }

    /// The mirror was dropped; viewers keep what they have until the page has sent all of itself again.
    fn ask_again(&self, inner: &mut Inner, from: &PageLink) -> Result<(), HubError> {
        let page = inner.page_of(from)?;
        let Some(link) = &mut page.link else { return Err(HubError::Replaced) };
        link.resyncs += 1;
        if link.resyncs > MAX_RESYNCS {
            return Err(HubError::Resyncs);
        }
        from.queue.control(Frame::control(&Control::Resync));
        inner.answer_all_of(Some(&from.page), Refusal::Gone);
        self.bring_to_front(inner);
        Ok(())
    }

    /// The page longest out of sight goes when there are too many; never the one that has just come.
    fn make_room(&self, inner: &mut Inner, newest: &str) {
        let tabs = |inner: &Inner| inner.pages.values().filter(|page| page.framed.is_none()).count();
        while tabs(inner) > self.config.max_pages.max(1) {
            let others = inner.pages.iter().filter(|(name, page)| *name != newest && page.framed.is_none());
            let oldest = others.min_by_key(|(_, page)| (page.link.is_some(), page.shown)).map(|(name, _)| name.clone());
            let Some(oldest) = oldest else { return };
            inner.drop_page(&oldest);
        }
    }
}

fn number(name: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl Inner {
    /// The page behind a socket, as long as the socket is the page's newest.
    pub(super) fn page_of(&mut self, link: &PageLink) -> Result<&mut Page, HubError> {
        if self.over {
            return Err(HubError::Over);
        }
        let page = self.pages.get_mut(&link.page).ok_or(HubError::Replaced)?;
        let current = page.link.as_ref().is_some_and(|current| current.connection == link.connection);
        if current { Ok(page) } else { Err(HubError::Replaced) }
    }

    fn show(&mut self, name: &str, visible: bool) {
        let Some(page) = self.pages.get_mut(name) else { return };
        page.visible = visible;
        if visible {
            self.shown += 1;
            page.shown = self.shown;
        }
    }

    /// A tab shows one page: when the next one's tree is here, the one before is history. Whether there was one.
    fn drop_superseded(&mut self) -> bool {
        let superseded: Vec<String> = self
            .pages
            .iter()
            .filter(|(_, old)| {
                let newer = |page: &Page| page.tab == old.tab && page.arrived > old.arrived && page.ready();
                old.framed.is_none() && old.link.is_none() && self.pages.values().any(newer)
            })
            .map(|(name, _)| name.clone())
            .collect();
        superseded.iter().for_each(|name| self.drop_page(name));
        !superseded.is_empty()
    }
}
