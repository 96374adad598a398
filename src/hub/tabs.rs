//! The customer's tabs, and which of them each viewer shows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use super::page::Page;
use super::viewers::pointer;
use super::{Hub, Inner, Viewer, nothing};
use crate::mask::Frame;
use crate::protocol::{Tab, ViewerNotice};

impl Hub {
    /// Has every viewer show the page that is its to show, and tells it of the tabs.
    pub(super) fn turn_viewers(&self, inner: &mut Inner, now: Instant) {
        if inner.viewers.is_empty() {
            return;
        }
        let here = inner.tabs_here(now);
        // While the customer has blanked the view, not even titles are anybody's business.
        let paused = self.session.is_paused();
        let tabs = if paused { Vec::new() } else { inner.tabs(&here) };
        let mut snapshots: HashMap<String, (Frame, u32)> = HashMap::new();
        let mut viewers = std::mem::take(&mut inner.viewers);
        for (id, viewer) in &mut viewers {
            if viewer.chosen.is_some_and(|number| !here.contains(&number)) {
                viewer.chosen = None;
            }
            let target = inner.page_for(viewer).filter(|_| !(paused && viewer.frame.is_some()));
            if target != viewer.showing {
                let left = viewer.showing.as_ref().and_then(|name| inner.pages.get(name));
                for notice in left.into_iter().flat_map(Page::natives_away) {
                    viewer.queue.notice(Frame::notice(&notice));
                }
                if let Some(left) = left.and_then(|page| page.link.as_ref()) {
                    left.queue.pointer(*id, pointer(*id, &viewer.agent, None));
                }
                viewer.showing = target;
                match viewer.showing.as_ref().and_then(|name| inner.pages.get_key_value(name)) {
                    Some((name, page)) if page.ready() => {
                        let (frame, epoch) = snapshots.entry(name.clone()).or_insert_with(|| {
                            inner.epoch += 1;
                            inner.seq += 1;
                            (page.snapshot(inner.seq, &self.session), inner.epoch)
                        });
                        viewer.epoch = *epoch;
                        viewer.queue.replace(frame.clone(), *epoch);
                        viewer.queue.notice(Frame::notice(&ViewerNotice::Erase { participant: 0, id: 0 }));
                        page.drawn().into_iter().for_each(|frame| viewer.queue.notice(frame));
                        for notice in page.natives().filter(|_| !paused) {
                            viewer.queue.notice(Frame::notice(&notice));
                        }
                    }
                    other => viewer.queue.no_page(Frame::notice(&nothing(other.map(|(_, page)| page)))),
                }
            }
            inner.tell_frames(viewer, paused);
            if viewer.frame.is_some() {
                continue;
            }
            let shown = viewer.showing.as_ref().and_then(|name| inner.pages.get(name)).map_or(0, |page| page.number);
            let notice = ViewerNotice::Tabs { tabs: tabs.clone(), shown, follows: viewer.chosen.is_none() };
            if viewer.told.as_ref() != Some(&notice) {
                viewer.queue.notice(Frame::notice(&notice));
                viewer.told = Some(notice);
            }
        }
        inner.viewers = viewers;
    }
}

impl Inner {
    /// The number of a tab: a new one for a name that no page has.
    pub(super) fn number_of(&mut self, tab: &str) -> u32 {
        let known = self.pages.values().find(|page| !tab.is_empty() && page.tab == tab).map(|page| page.number);
        known.unwrap_or_else(|| {
            self.next_tab += 1;
            self.next_tab
        })
    }

    /// The tabs of which a page is here; where the customer's whole browser is away, those that there were.
    fn tabs_here(&self, now: Instant) -> BTreeSet<u32> {
        let tabs = || self.pages.values().filter(|page| page.framed.is_none());
        let here: BTreeSet<u32> = tabs().filter(|page| page.is_here(now)).map(|page| page.number).collect();
        if here.is_empty() { tabs().map(|page| page.number).collect() } else { here }
    }

    /// What agents may read of these tabs: of their newest page that has told what it is.
    fn tabs(&self, here: &BTreeSet<u32>) -> Vec<Tab> {
        let mut newest: BTreeMap<u32, &Page> = BTreeMap::new();
        for page in self.pages.values().filter(|page| page.ready() && here.contains(&page.number)) {
            let of_tab = newest.entry(page.number).or_insert(page);
            if page.arrived > of_tab.arrived {
                *of_tab = page;
            }
        }
        // Two windows beside each other are both visible: the customer is where they came last.
        let front = self.front.as_ref().and_then(|name| self.pages.get(name)).map(|page| page.number);
        let tab = |(id, page): (u32, &Page)| {
            let info = page.info();
            Tab { id, title: info.title, url: info.url, icon: page.icon(), visible: page.visible && front == Some(id) }
        };
        newest.into_iter().map(tab).collect()
    }

    /// The page that a viewer has to show.
    fn page_for(&self, viewer: &Viewer) -> Option<String> {
        if let Some(number) = viewer.frame {
            return self.frame_page(number);
        }
        let Some(number) = viewer.chosen else { return self.front.clone() };
        // Between two pages of a tab, the one before stays.
        let shows = |name: &String, page: &Page| page.shows() || viewer.showing.as_ref() == Some(name);
        let of_tab = self.pages.iter().filter(|(name, page)| page.number == number && shows(name, page));
        of_tab.max_by_key(|(_, page)| page.arrived).map(|(name, _)| name.clone()).or_else(|| self.front.clone())
    }
}
