//! The view hosts that the customer's browser may hold something of: at the end each of them is asked to take it away.

use std::collections::BTreeSet;

use url::Url;

use super::{Ended, Session, lock};
use crate::rewrite::url::Site;

/// Few sessions see more hosts of a kind than this.
const MAX: usize = 64;

/// Origins of view hosts.
#[derive(Default)]
pub(super) struct Visited {
    /// Their pages have been open, in frames or not: storage is theirs.
    pages: BTreeSet<String>,
    /// Something was loaded from them, which the browser's cache may hold.
    parts: BTreeSet<String>,
}

impl Session {
    /// The customer's browser asks a site for a page, or for a part of one.
    pub fn visits(&self, site: &Site, page: bool) {
        let origin = self.views.origin(site);
        let mut visited = lock(&self.visited);
        let Visited { pages, parts } = &mut *visited;
        if page {
            parts.remove(&origin);
            add(pages, origin);
        } else if !pages.contains(&origin) {
            add(parts, origin);
        }
    }

    /// Whether every page that the customer's browser has asked for so far is of `site`: then a page that does not say
    /// which it is can be of no other.
    pub fn knows_only(&self, site: &Site) -> bool {
        let visited = lock(&self.visited);
        let is_of_site = |origin: &String| {
            let page = Url::parse(origin).ok().and_then(|view| self.views.unmap(&view));
            page.as_ref().and_then(Site::of).is_some_and(|page| page.same_site(site))
        };
        // Where there may have been more, nobody knows of what.
        visited.pages.len() < MAX && visited.pages.iter().all(is_of_site)
    }

    pub(super) fn visited(&self) -> Vec<String> {
        let Visited { pages, parts } = std::mem::take(&mut *lock(&self.visited));
        pages.into_iter().chain(parts).collect()
    }
}

fn add(origins: &mut BTreeSet<String>, origin: String) {
    if origins.len() < MAX {
        origins.insert(origin);
    }
}

impl Ended {
    /// Where the farewell asks for what the session has left in the browser.
    pub fn visited(&self) -> &[String] {
        &self.visited
    }
}
