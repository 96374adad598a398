//! The view hosts that the customer's browser may hold something of: at the end each of them is asked to take it away.

use std::collections::BTreeSet;

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
