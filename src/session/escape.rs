//! Requests that left the mapping: what a report-only policy saw a page ask for outside of its views.

use std::collections::HashMap;

/// Pairs of a site and what it asks for outside. A page that asks for more is counted as a whole.
const MAX_KNOWN: usize = 200;
/// Longer names are nobody's.
const MAX_NAME: usize = 300;

/// A kind of request that a site made past Lado, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escape {
    /// The origin of the page.
    pub site: String,
    /// The directive of the policy that saw it, such as `img-src`.
    pub kind: String,
    /// The origin that was asked, or a scheme.
    pub target: String,
    pub count: u64,
}

/// Counted for one session.
#[derive(Debug, Default)]
pub struct Escapes {
    known: HashMap<(String, String, String), u64>,
    /// Beyond [`MAX_KNOWN`].
    more: u64,
}

impl Escapes {
    /// Counts one; true when its like was not known before.
    pub fn count(&mut self, site: &str, kind: &str, target: &str) -> bool {
        if [site, kind, target].iter().any(|name| name.len() > MAX_NAME) {
            self.more += 1;
            return false;
        }
        let key = (site.to_owned(), kind.to_owned(), target.to_owned());
        if let Some(count) = self.known.get_mut(&key) {
            *count += 1;
            return false;
        }
        if self.known.len() >= MAX_KNOWN {
            self.more += 1;
            return false;
        }
        self.known.insert(key, 1);
        true
    }

    /// All requests that were counted.
    pub fn total(&self) -> u64 {
        self.known.values().sum::<u64>() + self.more
    }

    /// The most frequent ones, most frequent first.
    pub fn top(&self, most: usize) -> Vec<Escape> {
        let mut all: Vec<Escape> = self
            .known
            .iter()
            .map(|((site, kind, target), count)| Escape {
                site: site.clone(),
                kind: kind.clone(),
                target: target.clone(),
                count: *count,
            })
            .collect();
        all.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| (&a.site, &a.kind, &a.target).cmp(&(&b.site, &b.kind, &b.target)))
        });
        all.truncate(most);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_counted_by_site_kind_and_target_and_bounded() {
        let mut escapes = Escapes::default();
        assert!(escapes.count("https://a.test", "img-src", "https://x.test"));
        assert!(!escapes.count("https://a.test", "img-src", "https://x.test"));
        assert!(escapes.count("https://a.test", "font-src", "https://x.test"));
        let top = escapes.top(1);
        assert_eq!((top.len(), top[0].count, top[0].kind.as_str()), (1, 2, "img-src"));
        for number in 0..1000 {
            escapes.count("https://a.test", "img-src", &format!("https://{number}.test"));
        }
        escapes.count("https://a.test", "img-src", &"x".repeat(1000));
        assert_eq!((escapes.total(), escapes.top(usize::MAX).len()), (1004, MAX_KNOWN));
    }
}
