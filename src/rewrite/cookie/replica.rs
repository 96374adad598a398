//! Keeps the script-visible cookies of a site and their replicas on its view host in step, whatever overtakes what.
//!
//! A response that sets a cookie and a request that still carries its former value may cross on the way. So the jar
//! remembers, for every cookie of every view host, the last values it gave out or took in: a browser that sends one of
//! those is late, not new. What scripts set on purpose comes as *notes*: cookies `__lado_w{n}` that the page's hook
//! writes beside the native cookie, with the percent-encoded string that was assigned to `document.cookie`.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, SystemTime};

use ::url::Url;
use http::HeaderValue;

use super::parse::trim;
use super::{Cookie, Jar, Relation, SameSite, Source, is_ours, path_matches};
use crate::rewrite::url::{Scheme, Site};

/// What the browser sent with a request, after [`Jar::merge`] has taken in what is new.
#[derive(Default)]
pub struct Seen {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Names of the notes that are done with.
    notes: Vec<Vec<u8>>,
}

/// How sure the browser must be of having every cookie after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// A document: everything it lacks is sent again.
    Document,
    /// Anything else: what was sent a moment ago is on its way, and sending it again could overtake a script.
    Subresource,
}

impl Seen {
    fn count(&self, is: impl Fn(&Vec<u8>, &Vec<u8>) -> bool) -> usize {
        self.pairs.iter().filter(|(name, value)| is(name, value)).count()
    }
}

#[derive(Default)]
pub(super) struct Replicas {
    hasher: RandomState,
    shown: HashMap<Site, HashMap<(Vec<u8>, String), Shown>>,
    /// Hashes of notes taken in: one note comes with many requests, and counts once.
    notes: VecDeque<u64>,
}

/// What is known of one native cookie (name and path) on one view host.
struct Shown {
    /// Hashes of its latest values, oldest first.
    values: VecDeque<u64>,
    /// The value that the browser has, if all arrived; `None` after its removal.
    current: Option<u64>,
    sent: SystemTime,
}

/// Values remembered per cookie, cookies per view host, view hosts, and notes.
const VALUES: usize = 16;
const COOKIES: usize = 400;
const SITES: usize = 256;
const NOTES: usize = 2048;

/// How long a response may be on its way before what it set is sent again.
const FLIGHT: Duration = Duration::from_secs(5);

const NOTE: &[u8] = b"__lado_w";

impl Jar {
    /// Takes in what scripts wrote, from the `Cookie` headers that the browser sent for `url` (the site's URL).
    ///
    /// `document` is the page the request came from (its `Referer`, mapped back), where known: a note without a path
    /// means the page's own.
    pub fn merge<'h>(
        &mut self,
        headers: impl IntoIterator<Item = &'h [u8]>,
        url: &Url,
        document: Option<&Url>,
        now: SystemTime,
    ) -> Seen {
        let mut seen = Seen::default();
        let Some(site) = Site::of(url) else { return seen };
        let mut notes: Vec<(u64, Vec<u8>)> = Vec::new();
        for (name, value) in headers.into_iter().flat_map(pairs) {
            if let Some(number) = note_number(name) {
                seen.notes.push(name.to_vec());
                notes.push((number, value.to_vec()));
            } else if !is_ours(name) {
                seen.pairs.push((name.to_vec(), value.to_vec()));
            }
        }
        notes.sort();
        let page = document.filter(|document| Site::of(document).as_ref() == Some(&site)).unwrap_or(url);
        for (number, value) in notes {
            self.take_note(&site, page, number, &value, now);
        }
        for (name, value) in &seen.pairs {
            self.take_native(&site, url, name, value, now);
        }
        seen
    }

    fn take_note(&mut self, site: &Site, page: &Url, number: u64, value: &[u8], now: SystemTime) {
        let hash = self.replicas.hasher.hash_one((site, number, value));
        if self.replicas.notes.contains(&hash) {
            return;
        }
        self.replicas.notes.push_back(hash);
        if self.replicas.notes.len() > NOTES {
            self.replicas.notes.pop_front();
        }
        let text: Vec<u8> = percent_encoding::percent_decode(value).collect();
        // Whether the jar follows it or not, the native cookie beside the note says nothing more.
        if let Some(native) = super::SetCookie::parse(&text) {
            let path = native.path.clone().unwrap_or_else(|| super::default_path(page));
            self.replicas.remember(site, &native.name, &path, &native.value, now);
        }
        self.store(&text, page, Source::Script, Relation::SameSite, now);
    }

    /// A native cookie that no note explains: written past the hooks, or its note has run out.
    fn take_native(&mut self, site: &Site, url: &Url, name: &[u8], value: &[u8], now: SystemTime) {
        if name.is_empty() || self.replicas.knows(site, name, value) {
            return;
        }
        let reaching = |cookie: &&Cookie| {
            cookie.name == name && cookie.reaches(site.host()) && path_matches(url.path(), &cookie.path)
        };
        if self.cookies.iter().filter(reaching).any(|cookie| cookie.http_only || cookie.value == value) {
            return;
        }
        self.turn += 1;
        let turn = self.turn;
        let known = self.cookies.iter().find(reaching).cloned();
        let cookie = known.map_or_else(
            || Cookie {
                name: name.to_vec(),
                value: value.to_vec(),
                domain: site.host().to_owned(),
                host_only: true,
                path: "/".to_owned(),
                secure: false,
                http_only: false,
                same_site: SameSite::Unset,
                expires: None,
                created: now,
                first: turn,
                used: turn,
            },
            |old| Cookie { value: value.to_vec(), used: turn, ..old },
        );
        self.replicas.remember(site, name, &cookie.path, value, now);
        self.insert(cookie, Source::Script, now);
    }

    /// The `Set-Cookie` headers that bring the view host of `url` up to date after the response was stored: cookies it
    /// lacks, cookies it should no longer have, notes that are done with.
    pub fn replicate(
        &mut self,
        url: &Url,
        seen: &Seen,
        view: Scheme,
        freshness: Freshness,
        now: SystemTime,
    ) -> Vec<HeaderValue> {
        let Some(site) = Site::of(url) else { return Vec::new() };
        let mut out: Vec<Vec<u8>> = seen.notes.iter().map(|name| removal(name, "/", view)).collect();
        let wanted = self.wanted(url, now);
        let here: Vec<&Cookie> = wanted.values().filter(|cookie| path_matches(url.path(), &cookie.path)).collect();
        let late = |sent: SystemTime| {
            freshness == Freshness::Document || now.duration_since(sent).is_ok_and(|since| since >= FLIGHT)
        };

        // The order of creation, which `document.cookie` keeps.
        let mut ordered: Vec<&Cookie> = wanted.values().collect();
        ordered.sort_by_key(|cookie| cookie.first);
        for cookie in ordered {
            let hash = self.replicas.hash(&cookie.value);
            let shown = self.replicas.shown(&site, &cookie.name, &cookie.path);
            let current = shown.is_some_and(|shown| shown.current == Some(hash));
            // One pair of the header cannot stand for two cookies that differ in their path only.
            let present = path_matches(url.path(), &cookie.path)
                && seen.count(|name, value| *name == cookie.name && *value == cookie.value)
                    >= here.iter().filter(|other| other.name == cookie.name && other.value == cookie.value).count();
            let invisible_here = !path_matches(url.path(), &cookie.path);
            if !present && !(current && (invisible_here || shown.is_some_and(|shown| !late(shown.sent)))) {
                out.push(replica(cookie, view));
                self.replicas.remember(&site, &cookie.name, &cookie.path, &cookie.value, now);
            } else if present && !current {
                self.replicas.remember(&site, &cookie.name, &cookie.path, &cookie.value, now);
            }
        }

        let mut gone: Vec<(Vec<u8>, String)> = Vec::new();
        for ((name, path), shown) in self.replicas.of(&site) {
            if wanted.contains_key(&(name.clone(), path.clone())) {
                continue;
            }
            let returned = path_matches(url.path(), path)
                && seen.count(|seen, _| seen == name) > here.iter().filter(|cookie| cookie.name == *name).count();
            if shown.current.is_some() || returned && late(shown.sent) {
                gone.push((name.clone(), path.clone()));
            }
        }
        // A native cookie that the jar refused and never showed, such as one that would hide an HttpOnly cookie.
        for (name, _) in &seen.pairs {
            let known = wanted.keys().any(|(wanted, _)| wanted == name)
                || self.replicas.of(&site).any(|((shown, _), _)| shown == name);
            if !known && !name.is_empty() {
                gone.push((name.clone(), "/".to_owned()));
            }
        }
        for (name, path) in gone {
            out.push(removal(&name, &path, view));
            self.replicas.forget(&site, &name, &path, now);
        }
        out.into_iter().filter_map(|text| HeaderValue::from_bytes(&text).ok()).collect()
    }

    /// The script-visible cookies by native name and path. Where several differ in their domain only, one view host
    /// has room for one: the site's own, then the closest domain's.
    fn wanted(&self, url: &Url, now: SystemTime) -> HashMap<(Vec<u8>, String), Cookie> {
        let mut wanted: HashMap<(Vec<u8>, String), Cookie> = HashMap::new();
        let closeness = |cookie: &Cookie| (cookie.host_only, cookie.domain.len());
        for cookie in self.visible(url, now).filter(|cookie| !cookie.name.is_empty()) {
            let key = (cookie.name.clone(), cookie.path.clone());
            if wanted.get(&key).is_none_or(|old| closeness(old) < closeness(cookie)) {
                wanted.insert(key, cookie.clone());
            }
        }
        wanted
    }
}

impl Replicas {
    fn hash(&self, value: &[u8]) -> u64 {
        self.hasher.hash_one(value)
    }

    fn of(&self, site: &Site) -> impl Iterator<Item = (&(Vec<u8>, String), &Shown)> {
        self.shown.get(site).into_iter().flatten()
    }

    fn shown(&self, site: &Site, name: &[u8], path: &str) -> Option<&Shown> {
        self.shown.get(site)?.get(&(name.to_vec(), path.to_owned()))
    }

    /// Whether `value` is one that this cookie had lately, under any path.
    fn knows(&self, site: &Site, name: &[u8], value: &[u8]) -> bool {
        let hash = self.hash(value);
        self.of(site).any(|((shown, _), record)| shown == name && record.values.contains(&hash))
    }

    fn remember(&mut self, site: &Site, name: &[u8], path: &str, value: &[u8], now: SystemTime) {
        let hash = self.hash(value);
        if !self.shown.contains_key(site) && self.shown.len() >= SITES {
            let latest = |cookies: &HashMap<_, Shown>| cookies.values().map(|shown| shown.sent).max();
            let idle = self.shown.iter().min_by_key(|(_, cookies)| latest(cookies)).map(|(site, _)| site.clone());
            idle.and_then(|site| self.shown.remove(&site));
        }
        let cookies = self.shown.entry(site.clone()).or_default();
        let key = (name.to_vec(), path.to_owned());
        if !cookies.contains_key(&key) && cookies.len() >= COOKIES {
            let oldest = cookies.iter().min_by_key(|(_, shown)| (shown.current.is_some(), shown.sent));
            oldest.map(|(key, _)| key.clone()).and_then(|key| cookies.remove(&key));
        }
        let shown = cookies.entry(key).or_insert_with(|| Shown { values: VecDeque::new(), current: None, sent: now });
        shown.values.retain(|value| *value != hash);
        shown.values.push_back(hash);
        if shown.values.len() > VALUES {
            shown.values.pop_front();
        }
        shown.current = Some(hash);
        shown.sent = now;
    }

    fn forget(&mut self, site: &Site, name: &[u8], path: &str, now: SystemTime) {
        if let Some(shown) =
            self.shown.get_mut(site).and_then(|cookies| cookies.get_mut(&(name.to_vec(), path.to_owned())))
        {
            shown.current = None;
            shown.sent = now;
        }
    }
}

/// `Set-Cookie` headers that remove every cookie the browser sent, for the last response of a session. `path` is the
/// request's: a cookie it brought lives at one of its directories.
pub fn farewell<'h>(headers: impl IntoIterator<Item = &'h [u8]>, path: &str, view: Scheme) -> Vec<HeaderValue> {
    let mut paths = vec!["/"];
    paths.extend(path.match_indices('/').skip(1).flat_map(|(at, _)| [&path[..at], &path[..=at]]).take(32));
    if path.len() > 1 {
        paths.push(path);
    }
    let mut out = Vec::new();
    for (name, _) in headers.into_iter().flat_map(pairs).filter(|(name, _)| !name.starts_with(b"lado_")).take(200) {
        out.extend(paths.iter().filter_map(|path| HeaderValue::from_bytes(&removal(name, path, view)).ok()));
    }
    out
}

fn pairs(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    header.split(|&b| b == b';').map(trim).filter(|pair| !pair.is_empty()).map(|pair| {
        match pair.iter().position(|&b| b == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (&b""[..], pair),
        }
    })
}

fn note_number(name: &[u8]) -> Option<u64> {
    str::from_utf8(name.strip_prefix(NOTE)?).ok()?.parse().ok()
}

fn replica(cookie: &Cookie, view: Scheme) -> Vec<u8> {
    let mut out = Vec::new();
    cookie.write_pair(&mut out);
    out.extend_from_slice(b"; Path=");
    out.extend_from_slice(cookie.path.as_bytes());
    if let Some(expires) = cookie.expires {
        out.extend_from_slice(b"; Expires=");
        out.extend_from_slice(httpdate::fmt_http_date(expires).as_bytes());
    }
    out.extend_from_slice(suffix(&cookie.name, cookie.secure, view).as_bytes());
    out
}

fn removal(name: &[u8], path: &str, view: Scheme) -> Vec<u8> {
    let mut out = name.to_vec();
    out.extend_from_slice(b"=; Path=");
    out.extend_from_slice(path.as_bytes());
    out.extend_from_slice(b"; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    out.extend_from_slice(suffix(name, true, view).as_bytes());
    out
}

/// All view hosts are one site, so Lax reaches every frame of them. A prefixed name needs Secure even on loopback.
fn suffix(name: &[u8], secure: bool, view: Scheme) -> &'static str {
    let prefixed = [&b"__secure-"[..], b"__host-"].iter().any(|p| name.to_ascii_lowercase().starts_with(p));
    if view == Scheme::Https || secure && prefixed { "; SameSite=Lax; Secure" } else { "; SameSite=Lax" }
}
