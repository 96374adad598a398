//! Capability URLs: what of a site the agent's viewer may load, under which name, and for how long.
//!
//! A name is good for as long as a mirror shows what it stands for somewhere unmasked, or a style sheet that is shown
//! leads to it. An element that is masked, or goes, takes its names with it: who has written one down has nothing.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use url::Url;

use super::{Session, lock};
use crate::id::Secret;
use crate::mask::{AssetMap, Gone, Part, Place};

/// Addresses that may be shown at once, and their bytes. What is beyond gets a name that leads nowhere: the agent sees
/// an empty box.
const MAX_ENTRIES: usize = 20_000;
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Places that may show them.
const MAX_PLACES: usize = 100_000;
/// The longest address.
const MAX_URL: usize = 8 * 1024;

/// The first 16 bytes of HMAC-SHA256 over the address: nobody else can name it, and the name tells nothing of it.
type Name = [u8; 16];

const FIRST: Name = [0; 16];
const LAST: Name = [255; 16];

/// What a capability URL stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    pub url: Url,
    /// It is shown where all is masked, and must say nothing.
    pub silent: bool,
}

/// What the mirror of one page shows, for as long as the value lives.
pub struct Showing {
    session: Arc<Session>,
    page: u32,
}

impl Session {
    /// For the mirror of another page.
    pub fn showing(self: &Arc<Self>) -> Showing {
        let mut assets = lock(&self.assets);
        assets.pages += 1;
        Showing { session: Arc::clone(self), page: assets.pages }
    }

    /// What stands behind a capability's last path segment, if something shows it now.
    pub fn asset(&self, name: &str) -> Option<Asset> {
        lock(&self.assets).get(&parse(name)?).cloned()
    }

    /// The path on the viewer's host of what a style sheet leads to: good once [`Session::leads`] has said so.
    pub fn path_of_asset(&self, asset: &Asset) -> String {
        path(&lock(&self.assets).name(asset))
    }

    /// The style sheet of this name leads to these addresses.
    pub fn leads(&self, sheet: &str, to: &[Asset]) {
        if let Some(sheet) = parse(sheet) {
            lock(&self.assets).lead(sheet, to);
        }
    }
}

impl AssetMap for &Showing {
    fn asset(&mut self, place: Place, url: &Url, silent: bool) -> String {
        let url = self.session.views.unmap(url).unwrap_or_else(|| url.clone());
        lock(&self.session.assets).show(self.page, place, &Asset { url, silent })
    }

    fn gone(&mut self, what: Gone) {
        lock(&self.session.assets).gone(self.page, what);
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        lock(&self.session.assets).gone(self.page, Gone::All);
    }
}

/// The names that a session has handed out.
pub(super) struct Assets {
    /// Signs the names.
    key: Secret,
    pages: u32,
    /// What pages show, where, in this order: what goes is beside each other.
    places: BTreeSet<(u32, Place, Name)>,
    shown: HashMap<Name, Shown>,
    /// What the style sheets lead to that viewers have loaded.
    led: HashMap<Name, HashMap<Name, Asset>>,
    /// Addresses in `led`.
    led_to: usize,
    /// Of all addresses.
    bytes: usize,
}

struct Shown {
    asset: Asset,
    /// How many places show it.
    places: usize,
}

impl Default for Assets {
    fn default() -> Self {
        Self {
            key: Secret::random(),
            pages: 0,
            places: BTreeSet::new(),
            shown: HashMap::new(),
            led: HashMap::new(),
            led_to: 0,
            bytes: 0,
        }
    }
}

impl Assets {
    /// The path of `asset` on the viewer's own host, good from now on.
    fn show(&mut self, page: u32, place: Place, asset: &Asset) -> String {
        let name = self.name(asset);
        let held = (page, place, name);
        let known = self.shown.contains_key(&name);
        let room = self.places.len() < MAX_PLACES && (known || self.has_room(asset));
        if room && self.places.insert(held) {
            self.bytes += if known { 0 } else { asset.bytes() };
            self.shown.entry(name).or_insert_with(|| Shown { asset: asset.clone(), places: 0 }).places += 1;
        }
        path(&name)
    }

    fn has_room(&self, asset: &Asset) -> bool {
        let length = asset.bytes();
        length <= MAX_URL && self.bytes + length <= MAX_BYTES && self.shown.len() + self.led_to < MAX_ENTRIES
    }

    fn gone(&mut self, page: u32, what: Gone) {
        let least = |node| (page, Place { node, part: Part::Attribute("") }, FIRST);
        let range = match what {
            Gone::All => self.places.range(least(0)..).take_while(|held| held.0 == page).copied().collect(),
            Gone::Node(node) => {
                let of_node = |held: &&(u32, Place, Name)| held.0 == page && held.1.node == node;
                self.places.range(least(node)..).take_while(of_node).copied().collect()
            }
            Gone::Place(place) => {
                self.places.range((page, place, FIRST)..=(page, place, LAST)).copied().collect::<Vec<_>>()
            }
        };
        for held in range {
            self.places.remove(&held);
            let Some(shown) = self.shown.get_mut(&held.2) else { continue };
            shown.places -= 1;
            if shown.places == 0 {
                self.bytes -= shown.asset.bytes();
                self.shown.remove(&held.2);
            }
        }
    }

    fn lead(&mut self, sheet: Name, to: &[Asset]) {
        if self.led.contains_key(&sheet) {
            return;
        }
        if self.shown.len() + self.led_to + to.len() > MAX_ENTRIES {
            self.forget_sheets();
        }
        let mut names = HashMap::new();
        for asset in to {
            if self.has_room(asset) && names.insert(self.name(asset), asset.clone()).is_none() {
                self.bytes += asset.bytes();
                self.led_to += 1;
            }
        }
        self.led.insert(sheet, names);
    }

    fn get(&self, name: &Name) -> Option<&Asset> {
        let shown = self.shown.get(name).map(|shown| &shown.asset);
        shown.or_else(|| self.reached().iter().find_map(|sheet| self.led[*sheet].get(name)))
    }

    /// The sheets that are shown, and those that they import.
    fn reached(&self) -> HashSet<&Name> {
        let mut open: Vec<&Name> = self.led.keys().filter(|sheet| self.shown.contains_key(*sheet)).collect();
        let mut reached: HashSet<&Name> = open.iter().copied().collect();
        while let Some(sheet) = open.pop() {
            let imports = self.led[sheet].keys().filter_map(|name| self.led.get_key_value(name));
            for (import, _) in imports {
                if reached.insert(import) {
                    open.push(import);
                }
            }
        }
        reached
    }

    /// Those that nothing leads to any more.
    fn forget_sheets(&mut self) {
        let reached: HashSet<Name> = self.reached().into_iter().copied().collect();
        for (_, names) in self.led.extract_if(|sheet, _| !reached.contains(sheet)) {
            self.led_to -= names.len();
            self.bytes -= names.values().map(Asset::bytes).sum::<usize>();
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn name(&self, asset: &Asset) -> Name {
        let key = self.key.as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length (RFC 2104)");
        mac.update(&[u8::from(asset.silent)]);
        mac.update(asset.url.as_str().as_bytes());
        let mut name = Name::default();
        name.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        name
    }
}

impl Asset {
    fn bytes(&self) -> usize {
        self.url.as_str().len()
    }
}

fn path(name: &Name) -> String {
    format!("/__lado/a/{}", URL_SAFE_NO_PAD.encode(name))
}

fn parse(name: &str) -> Option<Name> {
    URL_SAFE_NO_PAD.decode(name).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Asset {
        Asset { url: Url::parse("https://shop.com/").unwrap().join(text).unwrap(), silent: false }
    }

    fn src(node: u32) -> Place {
        Place { node, part: Part::Attribute("src") }
    }

    fn named(path: &str) -> Name {
        parse(path.rsplit('/').next().unwrap()).unwrap()
    }

    #[test]
    fn only_what_is_shown_can_be_loaded() {
        let mut assets = Assets::default();
        let logo = url("logo.png?v=1");
        let path = assets.show(1, src(5), &logo);
        assert!(!path.contains("logo"));
        assert_eq!(assets.show(1, src(5), &logo), path, "the same address keeps its name");
        assert_eq!(assets.get(&named(&path)), Some(&logo));
        assert_eq!(assets.get(&assets.name(&url("orders.pdf"))), None);
        let silent = Asset { silent: true, ..logo.clone() };
        assert_ne!(assets.show(2, src(5), &silent), path, "where all is masked it is another");
    }

    #[test]
    fn a_name_is_good_until_the_last_place_that_shows_it_is_gone() {
        let mut assets = Assets::default();
        let photo = url("photo.png");
        let name = named(&assets.show(1, src(5), &photo));
        for place in [src(6), Place { node: 6, part: Part::Attribute("srcset") }, Place { node: 0, part: Part::Text }] {
            assets.show(1, place, &photo);
        }
        assets.show(2, src(5), &photo);
        for gone in [Gone::Node(5), Gone::Place(src(6)), Gone::Node(6), Gone::Node(7)] {
            assets.gone(1, gone);
            assert_eq!(assets.get(&name), Some(&photo));
        }
        assets.gone(2, Gone::All);
        assert_eq!(assets.get(&name), Some(&photo), "another page's is not its own");
        assets.gone(1, Gone::All);
        assert_eq!(assets.get(&name), None);
        assert_eq!((assets.bytes, assets.places.len(), assets.shown.len()), (0, 0, 0));
    }

    #[test]
    fn what_a_sheet_leads_to_is_good_for_as_long_as_the_sheet_is() {
        let mut assets = Assets::default();
        let [main, more, back] = ["main.css", "more.css", "back.png"].map(url);
        let names = [&main, &more, &back].map(|url| assets.name(url));
        assets.show(1, Place { node: 3, part: Part::Attribute("href") }, &main);
        assets.lead(names[0], std::slice::from_ref(&more));
        // Sheets may import each other.
        assets.lead(names[1], &[back.clone(), main.clone()]);
        assert_eq!(names.each_ref().map(|name| assets.get(name)), [Some(&main), Some(&more), Some(&back)]);
        assets.gone(1, Gone::Node(3));
        assert_eq!(names.each_ref().map(|name| assets.get(name)), [None, None, None]);
        assets.show(1, Place { node: 4, part: Part::Attribute("href") }, &main);
        assert_eq!(assets.get(&names[2]), Some(&back));
        assets.gone(1, Gone::All);
        assets.forget_sheets();
        assert_eq!((assets.bytes, assets.led_to, assets.led.len()), (0, 0, 0));
    }

    #[test]
    fn the_table_stays_bounded() {
        let mut assets = Assets::default();
        for n in 0..MAX_ENTRIES as u32 + 10 {
            assets.show(1, src(n), &url(&n.to_string()));
        }
        assert_eq!((assets.shown.len(), assets.places.len()), (MAX_ENTRIES, MAX_ENTRIES));
        assert_eq!(assets.bytes, assets.shown.values().map(|shown| shown.asset.bytes()).sum::<usize>());
        for n in 0..MAX_PLACES as u32 {
            assets.show(2, src(n), &url("1"));
        }
        assert_eq!((assets.shown.len(), assets.places.len()), (MAX_ENTRIES, MAX_PLACES));
        assets.lead(assets.name(&url("1")), &[url("a.png")]);
        assert_eq!(assets.led_to, 0);
        assets.gone(1, Gone::All);
        assert_eq!(assets.shown.len(), 1);
    }
}
