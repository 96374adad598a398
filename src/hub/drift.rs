//! Pages that have settled tell their company's memory which rules matched.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::page::Page;
use super::{Hub, Inner};
use crate::session::drift::{Pattern, Weight};

/// A page that has been on its path for this long shows what it has to show.
pub(super) const SETTLED: Duration = Duration::from_secs(4);

impl Hub {
    /// True when a page has become private by it.
    pub(super) fn watch_drift(&self, inner: &mut Inner, now: Instant) -> bool {
        let mut private = false;
        for page in inner.pages.values_mut() {
            if !page.ready() || page.settles.is_none_or(|at| at > now) {
                continue;
            }
            page.settles = None;
            let drift = &self.session.company.rules.drift;
            let Some(pattern) = page.pattern() else { continue };
            let weigh =
                |rule: &str| page.mask.is_firm(rule).map(|firm| if firm { Weight::Firm } else { Weight::Other });
            for alarm in drift.observe(&pattern, &page.mask.matched(), weigh) {
                self.counts.drifted.fetch_add(1, Relaxed);
                private |= alarm.private;
                tracing::warn!(
                    company = %self.session.company.id, rule = %alarm.rule, host = %alarm.pattern.host,
                    path = %alarm.pattern.path, seen = alarm.seen, private = alarm.private,
                    "a rule no longer matches where it did"
                );
            }
        }
        private
    }
}

impl Page {
    /// The pages that are built as this one; nothing where its address is private.
    fn pattern(&self) -> Option<Pattern> {
        self.mask.path().map(|path| Pattern::of(self.site.host(), path))
    }
}
