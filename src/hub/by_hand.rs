//! What the customer does with elements of a page by hand: hides them, shows them again, points them out to agents.

use super::pages::PageLink;
use super::{Hub, HubError, Inner};
use crate::lock::{Control, Frame};
use crate::protocol::{NONE, ViewerNotice};
use crate::session::lock;

/// Nobody hides more of a page by hand.
const MAX_HIDDEN: u32 = 1000;
/// In thousandths of an element.
const WHOLE: i32 = 1000;

/// What is hidden by hand on one page, as the page says.
#[derive(Debug, Default)]
pub(super) struct ByHand {
    count: u32,
    /// Counts up each time that something is hidden on one of the session's pages.
    since: u64,
}

impl Hub {
    /// The customer hides an element of the page.
    ///
    /// # Errors
    /// [`HubError`] when the socket is not the page's any more.
    pub fn hide(&self, from: &PageLink, node: u32) -> Result<(), HubError> {
        let mut inner = lock(&self.inner);
        let ops = inner.page_of(from)?.hide(node);
        self.session.touch();
        self.pass_on(&mut inner, from.name(), &ops, false, true);
        Ok(())
    }

    /// How many elements of the page are hidden by hand.
    ///
    /// # Errors
    /// [`HubError`] when the socket is not the page's any more.
    pub fn hidden(&self, from: &PageLink, count: u32) -> Result<(), HubError> {
        let mut inner = lock(&self.inner);
        inner.hidden += 1;
        let since = inner.hidden;
        let by_hand = &mut inner.page_of(from)?.by_hand;
        if count > by_hand.count {
            by_hand.since = since;
        }
        by_hand.count = count.min(MAX_HIDDEN);
        self.session.touch();
        self.count_hidden(&inner);
        Ok(())
    }

    /// The customer wants no more than `left` elements hidden by hand: what was hidden last shows again, as far as no rule
    /// hides it, too.
    pub fn show_again(&self, left: u32) {
        let inner = lock(&self.inner);
        if inner.hidden_by_hand() <= left {
            return;
        }
        let hiding = inner.pages.values().filter(|page| page.by_hand.count > 0);
        let links = hiding.filter_map(|page| Some((page.by_hand.since, page.link.as_ref()?)));
        if let Some((_, link)) = links.max_by_key(|(since, _)| *since) {
            link.queue.control(Frame::control(&Control::Show));
        }
    }

    /// Tells the panel how much it can show again.
    pub(super) fn count_hidden(&self, inner: &Inner) {
        let hidden = inner.hidden_by_hand();
        self.session.update(|state| std::mem::replace(&mut state.hidden, hidden) != hidden);
    }

    /// The customer points something out: agents who see the page are led there.
    ///
    /// # Errors
    /// [`HubError`] when the socket is not the page's any more.
    pub fn look(&self, from: &PageLink, node: u32, x: i32, y: i32) -> Result<(), HubError> {
        let mut inner = lock(&self.inner);
        let page = inner.page_of(from)?;
        let shown = page.mask.seen(&page.mirror, node);
        self.session.touch();
        if shown == NONE || self.session.is_paused() {
            return Ok(());
        }
        // Of what agents do not have, they see what it is in.
        let (x, y) = if shown == node { (x.clamp(0, WHOLE), y.clamp(0, WHOLE)) } else { (WHOLE / 2, WHOLE / 2) };
        inner.tell_of(from.name(), &ViewerNotice::Look { node: shown, x, y });
        Ok(())
    }
}

impl Inner {
    fn hidden_by_hand(&self) -> u32 {
        self.pages.values().map(|page| page.by_hand.count).sum()
    }
}
