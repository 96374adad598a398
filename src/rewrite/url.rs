//! Sites and the view hosts they are seen under: `https://www.shop.com` ↔ `{session}-www-shop-com.view.example.net`.

mod host;
mod label;
mod said;
mod site;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use url::Url;

use crate::id::SessionId;

pub use host::{UrlError, ViewDomain, ViewFace, ViewHost};
pub use label::Label;
use label::{alias, decode, encode, is_alias};
pub use site::{Scheme, Site, registrable};

/// Maps URLs between sites and one session's view hosts. Clones share the session's aliases.
#[derive(Clone)]
pub struct ViewMap {
    shared: Arc<Shared>,
}

struct Shared {
    domain: ViewDomain,
    session: SessionId,
    fronts: Vec<Site>,
    /// Label → site, for the sites whose names do not fit into a label.
    aliases: RwLock<HashMap<String, Site>>,
    /// Finds addresses of the session in what pages say; made when there is one.
    said: OnceLock<regex::bytes::Regex>,
}

/// How many sites with names that do not fit one session may reach.
pub const MAX_ALIASES: usize = 1000;

/// What the beginnings of addresses are mapped to, by the beginning as it stands there.
#[derive(Debug, Default)]
pub struct Fronts(foldhash::HashMap<String, Option<Arc<str>>>);

/// What the first bytes of an address in markup tell.
#[derive(Debug, PartialEq, Eq)]
pub enum Glance {
    /// It stays as it is.
    Stays,
    /// So many bytes of it make room for this.
    Front(usize, Arc<str>),
    /// [`ViewMap::map`] has to read it, decoded.
    Unsure,
}

/// A page that names more hosts pays for each.
const MAX_FRONTS: usize = 64;
/// Longer ones name no host that exists.
const MAX_FRONT: usize = 512;
/// `https`, and with what follows it.
const LONGEST_SCHEME: usize = 5;
const LONGEST_START: usize = 8;

impl ViewMap {
    pub fn new(domain: ViewDomain, session: SessionId) -> Self {
        Self::beside(domain, session, Vec::new())
    }

    /// A map that leaves the addresses of `fronts` alone: the customer meets those sites under their own names.
    pub fn beside(domain: ViewDomain, session: SessionId, fronts: Vec<Site>) -> Self {
        Self { shared: Arc::new(Shared { domain, session, fronts, aliases: RwLock::default(), said: OnceLock::new() }) }
    }

    /// The sites that the customer meets under their own names.
    pub fn fronts(&self) -> &[Site] {
        &self.shared.fronts
    }

    fn is_seen_already(&self, site: &Site) -> bool {
        self.shared.domain.strip(&site.host, site.port).is_some() || self.shared.fronts.contains(site)
    }

    pub fn session(&self) -> SessionId {
        self.shared.session
    }

    pub fn domain(&self) -> &ViewDomain {
        &self.shared.domain
    }

    /// The label of a site. A site whose name does not fit gets an alias, remembered for [`ViewMap::site`].
    pub fn label(&self, site: &Site) -> String {
        if let Some(label) = encode(site) {
            return label;
        }
        let alias = alias(site);
        let known = self.shared.aliases.read().unwrap_or_else(PoisonError::into_inner).contains_key(&alias);
        if !known {
            let mut aliases = self.shared.aliases.write().unwrap_or_else(PoisonError::into_inner);
            // A session that has met so many odd names keeps the ones it knows; the next ones lead to an error page.
            if aliases.len() < MAX_ALIASES {
                aliases.insert(alias.clone(), site.clone());
            }
        }
        alias
    }

    /// The site behind a label; `None` for an alias this session never gave out.
    pub fn site(&self, label: &Label) -> Option<Site> {
        if is_alias(label.as_str()) {
            return self.shared.aliases.read().unwrap_or_else(PoisonError::into_inner).get(label.as_str()).cloned();
        }
        decode(label.as_str())
    }

    /// Origin → label of every alias given out so far, for the page's own half of this map.
    pub fn aliases(&self) -> BTreeMap<String, String> {
        let aliases = self.shared.aliases.read().unwrap_or_else(PoisonError::into_inner);
        aliases.iter().map(|(label, site)| (site.origin(), label.clone())).collect()
    }

    /// The origin of the view host that shows a site.
    pub fn origin(&self, site: &Site) -> String {
        self.face(self.shared.domain.scheme.as_str(), &self.label(site))
    }

    /// The `Host` of the view host that shows a site.
    pub fn authority(&self, site: &Site) -> String {
        format!("{}-{}.{}", self.shared.session, self.label(site), self.shared.domain.domain)
    }

    pub fn viewer_origin(&self) -> String {
        self.face(self.shared.domain.scheme.as_str(), "viewer")
    }

    pub fn panel_origin(&self) -> String {
        self.face(self.shared.domain.scheme.as_str(), "panel")
    }

    /// The cookie that authorises a participant of this session.
    pub fn cookie_name(&self) -> String {
        format!("lado_{}", self.shared.session)
    }

    fn face(&self, scheme: &str, label: &str) -> String {
        format!("{scheme}://{}-{label}.{}", self.shared.session, self.shared.domain.domain)
    }

    /// The address in the view of an absolute or scheme-relative URL, as found at `base` (a site's URL).
    ///
    /// `None` says: leave `raw` as it is. Relative URLs work unchanged, other schemes have no view, and what is on the
    /// view domain is there already. Only the authority changes: path, query and fragment stay byte for byte, because a
    /// browser encodes them by the document's charset.
    pub fn map(&self, raw: &str, base: &Url) -> Option<String> {
        self.map_with(raw, base, &mut Fronts::default())
    }

    /// As [`ViewMap::map`], for many addresses of one document: most of them name the same few hosts.
    pub fn map_with(&self, raw: &str, base: &Url, fronts: &mut Fronts) -> Option<String> {
        let clean = clean(raw);
        let (scheme, rest) = split_scheme(&clean);
        let scheme = match scheme {
            Some(scheme) => scheme,
            // `/\host` and `\\host` are scheme-relative too (URL standard, "special authority slashes").
            None if rest.starts_with(['/', '\\']) && rest[1..].starts_with(['/', '\\']) => Known::of(base.scheme())?,
            None => return None,
        };
        // `https:path` is relative to an https base, and the view's scheme may differ from the site's.
        if !rest.starts_with(['/', '\\']) || !rest[1..].starts_with(['/', '\\']) {
            return self.place(base.join(&clean).ok().filter(|url| Known::of(url.scheme()).is_some())?, scheme);
        }
        let after = rest.trim_start_matches(['/', '\\']);
        let end = after.find(['/', '\\', '?', '#']).unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        let before = &clean[..clean.len() - tail.len()];
        let front = self.known_front(before, scheme, authority, fronts)?;
        let mut mapped = String::with_capacity(front.len() + tail.len());
        mapped.push_str(&front);
        mapped.push_str(tail);
        Some(mapped)
    }

    /// As [`ViewMap::map_with`], for an address as it stands in markup: with references undecoded, in any encoding that
    /// ASCII is a part of. What follows the authority may be anything.
    pub fn glance(&self, raw: &[u8], base: &Url, fronts: &mut Fronts) -> Glance {
        let start = &raw[..raw.len().min(LONGEST_START)];
        // What the URL standard's parser skips, and what a reference may stand for.
        if start.iter().any(|b| *b <= b' ' || matches!(b, b'&' | b'\\')) {
            return Glance::Unsure;
        }
        let (scheme, slashes) = match start {
            [b'h', b't', b't', b'p', b's', b':', b'/', b'/'] => (Some(Known::Https), 8),
            [b'h', b't', b't', b'p', b':', b'/', b'/', _] => (Some(Known::Http), 7),
            [b'/', b'/', ..] => (Known::of(base.scheme()), 2),
            [b'd', b'a', b't', b'a', b':', ..] => return Glance::Stays,
            _ if start.iter().take(LONGEST_SCHEME + 1).any(|b| *b == b':') => return Glance::Unsure,
            _ => return Glance::Stays,
        };
        let authority = &raw[slashes..];
        let end = authority.iter().position(|b| !matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b':'));
        let end = end.unwrap_or(authority.len());
        if end == 0 || !matches!(authority.get(end), None | Some(b'/' | b'?' | b'#')) {
            return Glance::Unsure;
        }
        let (Some(scheme), Ok(before)) = (scheme, str::from_utf8(&raw[..slashes + end])) else { return Glance::Unsure };
        match self.known_front(before, scheme, &before[slashes..], fronts) {
            Some(front) => Glance::Front(before.len(), front),
            None => Glance::Stays,
        }
    }

    fn known_front(&self, before: &str, scheme: Known, authority: &str, fronts: &mut Fronts) -> Option<Arc<str>> {
        if let Some(known) = fronts.0.get(before) {
            return known.clone();
        }
        let front: Option<Arc<str>> = self.front(scheme, authority).map(Into::into);
        if fronts.0.len() < MAX_FRONTS && before.len() <= MAX_FRONT {
            fronts.0.insert(before.to_owned(), front.clone());
        }
        front
    }

    /// Scheme, credentials and view host for the authority of an address.
    fn front(&self, scheme: Known, authority: &str) -> Option<String> {
        let (credentials, host) = match authority.rfind('@') {
            Some(at) => authority.split_at(at + 1),
            None => ("", authority),
        };
        let site = scheme.site(host)?;
        if self.is_seen_already(&site) {
            return None;
        }
        let label = self.label(&site);
        let Shared { domain, session, .. } = &*self.shared;
        Some(format!("{}://{credentials}{session}-{label}.{}", scheme.in_view(domain.scheme), domain.domain))
    }

    /// The address in the view of a site's URL, for headers and redirects; `None` when it has none or is there already.
    pub fn map_url(&self, url: &Url) -> Option<Url> {
        let scheme = Known::of(url.scheme())?;
        Url::parse(&self.place(url.clone(), scheme)?).ok()
    }

    fn place(&self, mut url: Url, scheme: Known) -> Option<String> {
        let site = Site::of(&url)?;
        if self.is_seen_already(&site) {
            return None;
        }
        let scheme = if matches!(url.scheme(), "ws" | "wss") { Known::Ws } else { scheme };
        let domain = &self.shared.domain;
        url.set_scheme(scheme.in_view(domain.scheme)).ok()?;
        url.set_host(Some(&format!("{}-{}.{}", self.shared.session, self.label(&site), domain.host()))).ok()?;
        url.set_port(Some(domain.port())).ok()?;
        Some(url.into())
    }

    /// The site's URL behind a URL of one of this session's view hosts; `None` for every other URL.
    pub fn unmap(&self, view: &Url) -> Option<Url> {
        let host = view.host_str()?;
        let first = self.shared.domain.strip(host, view.port_or_known_default()?)?;
        let label = first.strip_prefix(self.shared.session.as_str())?.strip_prefix('-')?;
        let site = self.site(&Label::parse(label).ok()?)?;
        let mut url = view.clone();
        let websocket = matches!(view.scheme(), "ws" | "wss");
        url.set_scheme(if websocket { site.scheme.websocket() } else { site.scheme.as_str() }).ok()?;
        url.set_host(Some(&site.host)).ok()?;
        url.set_port(Some(site.port)).ok()?;
        Some(url)
    }
}

/// The schemes that have a view.
#[derive(Clone, Copy)]
enum Known {
    Http,
    Https,
    Ws,
    Wss,
}

impl Known {
    fn of(scheme: &str) -> Option<Self> {
        Some(match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => Self::Https,
            _ if scheme.eq_ignore_ascii_case("http") => Self::Http,
            _ if scheme.eq_ignore_ascii_case("wss") => Self::Wss,
            _ if scheme.eq_ignore_ascii_case("ws") => Self::Ws,
            _ => return None,
        })
    }

    fn scheme(self) -> Scheme {
        match self {
            Self::Http | Self::Ws => Scheme::Http,
            Self::Https | Self::Wss => Scheme::Https,
        }
    }

    fn in_view(self, view: Scheme) -> &'static str {
        match self {
            Self::Http | Self::Https => view.as_str(),
            Self::Ws | Self::Wss => view.websocket(),
        }
    }

    /// The site of `host[:port]`. The common spelling needs no parser; every other goes through the URL standard's.
    fn site(self, authority: &str) -> Option<Site> {
        let scheme = self.scheme();
        let plain = authority.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'));
        // A last label that starts with a digit may be an address in disguise; punycode has to be validated.
        let named = authority.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_lowercase()));
        if plain && named && !authority.contains("xn--") {
            return Some(Site { scheme, host: authority.to_owned(), port: scheme.port() });
        }
        Site::of(&Url::parse(&format!("{}://{authority}/", scheme.as_str())).ok()?)
    }
}

/// `raw` as the URL standard's parser sees it: no C0 controls or spaces around, no tabs or newlines inside.
fn clean(raw: &str) -> std::borrow::Cow<'_, str> {
    let trimmed = raw.trim_matches(|c: char| c <= ' ');
    if trimmed.bytes().any(|b| matches!(b, b'\t' | b'\n' | b'\r')) {
        trimmed.replace(['\t', '\n', '\r'], "").into()
    } else {
        trimmed.into()
    }
}

/// The scheme that has a view, and what follows its colon; a URL without a scheme is all rest.
fn split_scheme(clean: &str) -> (Option<Known>, &str) {
    let end = clean.bytes().take(LONGEST_SCHEME + 1).position(|b| b == b':');
    match end.and_then(|end| Some((Known::of(&clean[..end])?, &clean[end + 1..]))) {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, clean),
    }
}

impl fmt::Debug for ViewMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewMap")
            .field("session", &self.shared.session)
            .field("domain", &self.shared.domain.domain)
            .finish_non_exhaustive()
    }
}
