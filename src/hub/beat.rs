//! Whether the people of a session can reach Lado at the moment, and how fast.

use std::time::Duration;

use super::pages::PageLink;
use super::{Hub, ViewerLink};
use crate::mask;
use crate::protocol::ViewerNotice;
use crate::session::lock;

impl Hub {
    /// A page's socket has beaten: `quiet` when nothing has come through it for too long.
    pub fn page_beat(&self, from: &PageLink, latency: Option<Duration>, quiet: bool) {
        let mut inner = lock(&self.inner);
        let Ok(page) = inner.page_of(from) else { return };
        page.latency = latency;
        if std::mem::replace(&mut page.quiet, quiet) != quiet {
            if !quiet {
                page.forget_waiting();
            }
            self.check_online(&mut inner);
        }
    }

    /// A viewer's socket has beaten. What it is to be sent: that Lado is there, and how far the customer is.
    pub fn viewer_beat(&self, from: &ViewerLink, latency: Option<Duration>, quiet: bool) -> mask::Frame {
        let mut inner = lock(&self.inner);
        let changed = inner.viewers.get_mut(&from.id()).is_some_and(|viewer| viewer.beat(quiet));
        if changed {
            self.count_viewers(&inner);
        }
        let front = inner.front.as_ref().and_then(|name| inner.pages.get(name));
        let customer = front.filter(|page| page.link.is_some() && !page.quiet).and_then(|page| page.latency);
        let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        mask::Frame::notice(&ViewerNotice::Beat { agent: latency.map(millis), customer: customer.map(millis) })
    }
}
