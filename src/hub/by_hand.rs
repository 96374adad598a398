//! What the customer does with elements of a page by hand: hides them, shows them again, points them out to agents.

use super::page::Page;
use super::pages::PageLink;
use super::{Hub, HubError, Inner};
use crate::lock::{Control, Frame};
use crate::protocol::{NONE, ViewerNotice};
use crate::session::{Hidden, lock};

/// Nobody hides more of a page by hand.
const MAX_HIDDEN: u32 = 1000;
/// In thousandths of an element.
const WHOLE: i32 = 1000;

/// What is hidden by hand on one page, as the page says.
#[derive(Debug, Default)]
pub(super) struct ByHand {
    count: u32,
    /// The page's number for what was hidden last of those.
    last: u32,
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
    pub fn hidden(&self, from: &PageLink, count: u32, last: u32) -> Result<(), HubError> {
        let mut inner = lock(&self.inner);
        inner.hidden += 1;
        let since = inner.hidden;
        let by_hand = &mut inner.page_of(from)?.by_hand;
        if count > by_hand.count {
            by_hand.since = since;
        }
        by_hand.count = count.min(MAX_HIDDEN);
        by_hand.last = last;
        self.session.touch();
        self.count_hidden(&inner);
        Ok(())
    }

    /// What was hidden last by hand shows again, as far as no rule hides it, too: if it is still what the customer saw
    /// named `last`. Asked twice, or late, it uncovers nothing that was hidden since.
    pub fn show_again(&self, last: &str) {
        let inner = lock(&self.inner);
        let Some((name, page)) = inner.hid_last() else { return };
        if let Some(link) = page.link.as_ref().filter(|_| page.by_hand.named(name) == last) {
            link.queue.control(Frame::control(&Control::Show { last: page.by_hand.last }));
        }
    }

    /// Tells the panel how much it can show again.
    pub(super) fn count_hidden(&self, inner: &Inner) {
        let hidden = inner.hidden_by_hand();
        self.session.update(|state| {
            let changed = state.hidden != hidden;
            state.hidden = hidden;
            changed
        });
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
    fn hidden_by_hand(&self) -> Hidden {
        let count = self.pages.values().map(|page| page.by_hand.count).sum();
        let last = self.hid_last().map(|(name, page)| page.by_hand.named(name));
        Hidden { count, last: last.unwrap_or_default() }
    }

    fn hid_last(&self) -> Option<(&str, &Page)> {
        let hiding = self.pages.iter().filter(|(_, page)| page.by_hand.count > 0);
        hiding.max_by_key(|(_, page)| page.by_hand.since).map(|(name, page)| (name.as_str(), page))
    }
}

impl ByHand {
    fn named(&self, page: &str) -> String {
        format!("{page}.{}", self.last)
    }
}
