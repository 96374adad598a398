//! Capability URLs: what of a site the agent's viewer may load, and under which name.

use std::collections::{HashMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use url::Url;

use crate::id::Secret;

/// The oldest names go first once the table holds this many, or this many bytes of addresses.
const MAX_ENTRIES: usize = 20_000;
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Longer addresses get a name that leads nowhere: the agent sees an empty box.
const MAX_URL: usize = 8 * 1024;

/// The names that a session has handed out.
#[derive(Default)]
pub(super) struct Assets {
    urls: HashMap<String, Url>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Assets {
    /// The path of `url` on the viewer's own host.
    pub(super) fn capability(&mut self, key: &Secret, url: &Url) -> String {
        let mac = name(key, url);
        let path = format!("/__lado/a/{mac}");
        if url.as_str().len() <= MAX_URL && !self.urls.contains_key(&mac) {
            self.bytes += url.as_str().len();
            self.urls.insert(mac.clone(), url.clone());
            self.order.push_back(mac);
            self.shrink();
        }
        path
    }

    pub(super) fn get(&self, mac: &str) -> Option<Url> {
        self.urls.get(mac).cloned()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn shrink(&mut self) {
        while self.order.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.order.pop_front() else { return };
            if let Some(url) = self.urls.remove(&oldest) {
                self.bytes -= url.as_str().len();
            }
        }
    }
}

/// The first 16 bytes of HMAC-SHA256 over the address: nobody else can name it, and the name tells nothing of it.
fn name(key: &Secret, url: &Url) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length (RFC 2104)");
    mac.update(url.as_str().as_bytes());
    URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_shown_can_be_loaded() {
        let (key, mut assets) = (Secret::random(), Assets::default());
        let logo = Url::parse("https://shop.com/logo.png?v=1").unwrap();
        let path = assets.capability(&key, &logo);
        assert!(!path.contains("logo"));
        assert_eq!(assets.capability(&key, &logo), path, "the same address keeps its name");
        assert_eq!(assets.get(path.rsplit('/').next().unwrap()), Some(logo));
        let other = Url::parse("https://shop.com/orders.pdf").unwrap();
        assert_eq!(assets.get(&name(&key, &other)), None);
    }

    #[test]
    fn the_table_stays_bounded() {
        let (key, mut assets) = (Secret::random(), Assets::default());
        for n in 0..MAX_ENTRIES + 10 {
            assets.capability(&key, &Url::parse(&format!("https://shop.com/{n}")).unwrap());
        }
        assert_eq!(assets.urls.len(), MAX_ENTRIES);
        assert_eq!(assets.order.len(), MAX_ENTRIES);
        assert_eq!(assets.bytes, assets.urls.values().map(|url| url.as_str().len()).sum::<usize>());
    }
}
