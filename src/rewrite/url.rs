//! Sites and the view hosts they are seen under: `https://www.shop.com` ↔ `{session}-www-shop-com.view.example.net`.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};
use url::Url;

use crate::id::SessionId;

/// An upstream origin: scheme, host and port.
///
/// WebSocket URLs belong to the site of the http(s) URL beside them, as their handshake does.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    scheme: Scheme,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    Http,
    Https,
}

/// Where view hosts live: the scheme and the domain (with its port, unless it is the scheme's own) above all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewDomain {
    pub scheme: Scheme,
    pub domain: String,
}

/// What a request's `Host` on the view domain names: a session, and which of its faces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewHost {
    pub session: SessionId,
    pub face: ViewFace,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewFace {
    /// A site, as the customer sees it.
    Site(Label),
    /// The viewer app, its stage and the assets of the mirror.
    Viewer,
    /// The door to the customer's panel.
    Panel,
}

/// The part of a view host's name that stands for a site: `www-shop-com`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label(String);

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
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("the view domain must be an http or https origin without a path, like https://view.example.net")]
    BadDomain,
    #[error("the host is not a name under the view domain")]
    OutsideDomain,
    #[error("the host names no session: it must start with 16 characters of base32 and a hyphen")]
    BadSession,
    #[error("the host names no site of a session")]
    BadLabel,
}

/// A DNS label holds 63 octets; the session and its hyphen take 17 of them.
const MAX_LABEL: usize = 63 - SessionId::LEN - 1;

/// How many sites with names that do not fit one session may reach.
pub const MAX_ALIASES: usize = 1000;

impl Site {
    /// The site of an http, https, ws or wss URL; `None` for any other scheme.
    pub fn of(url: &Url) -> Option<Self> {
        let scheme = match url.scheme() {
            "http" | "ws" => Scheme::Http,
            "https" | "wss" => Scheme::Https,
            _ => return None,
        };
        let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
        Some(Self { scheme, host, port: url.port().unwrap_or(scheme.port()) })
    }

    /// The site that an origin or any URL of it names, like `https://www.shop.com`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::of(&Url::parse(text).ok()?)
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// As the URL standard serialises it: lower case, punycode, IPv6 in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The serialised origin, like `https://www.shop.com` or `http://127.0.0.1:8080`.
    /// The site with this name, of the same scheme and port.
    pub fn with_host(&self, host: &str) -> Option<Self> {
        Self::parse(&format!("{}://{host}:{}", self.scheme.as_str(), self.port))
    }

    pub fn origin(&self) -> String {
        self.to_string()
    }

    /// The value of `Host` and of `:authority` in requests to the site.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.port() { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// The site's root.
    pub fn url(&self) -> Url {
        Url::parse(&self.to_string()).expect("a site's parts come from a parsed URL")
    }

    /// The registrable domain, or the host itself where it has none (addresses, single labels, public suffixes).
    pub fn registrable(&self) -> &str {
        registrable(&self.host)
    }

    /// Schemeful same-site (HTML standard, "same site").
    pub fn same_site(&self, other: &Site) -> bool {
        self.scheme == other.scheme && self.registrable() == other.registrable()
    }
}

/// The registrable domain of `host` by the public suffix list, or `host` itself where there is none.
pub fn registrable(host: &str) -> &str {
    if host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok() {
        return host;
    }
    psl::domain_str(host).unwrap_or(host)
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    pub fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }

    fn websocket(self) -> &'static str {
        match self {
            Scheme::Http => "ws",
            Scheme::Https => "wss",
        }
    }
}

impl ViewDomain {
    /// # Errors
    /// [`UrlError::BadDomain`] unless `origin` is an http(s) origin whose host is a name.
    pub fn parse(origin: &str) -> Result<Self, UrlError> {
        let url = Url::parse(origin).map_err(|_| UrlError::BadDomain)?;
        let site = Site::of(&url).ok_or(UrlError::BadDomain)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        match url.host() {
            Some(url::Host::Domain(_)) if bare && matches!(url.scheme(), "http" | "https") => {
                Ok(Self { scheme: site.scheme, domain: site.authority() })
            }
            _ => Err(UrlError::BadDomain),
        }
    }

    /// The domain without its port: the `Domain` of the session's cookie.
    pub fn host(&self) -> &str {
        self.domain.split(':').next().unwrap_or_default()
    }

    pub fn port(&self) -> u16 {
        self.domain.split_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(self.scheme.port())
    }

    /// The labels before this domain in `host`, when it is one of the domain's names.
    fn strip<'h>(&self, host: &'h str, port: u16) -> Option<&'h str> {
        if port != self.port() {
            return None;
        }
        host.strip_suffix(self.host())?.strip_suffix('.').filter(|labels| !labels.is_empty())
    }
}

impl ViewHost {
    /// Reads a `Host` header (or `:authority`).
    ///
    /// # Errors
    /// [`UrlError`] for every name that is not exactly one of the view domain's.
    pub fn parse(host: &str, domain: &ViewDomain) -> Result<Self, UrlError> {
        let host = host.to_ascii_lowercase();
        let (name, port) = match host.split_once(':') {
            Some((name, port)) => (name, port.parse().map_err(|_| UrlError::OutsideDomain)?),
            None => (host.as_str(), domain.scheme.port()),
        };
        let first = domain.strip(name, port).ok_or(UrlError::OutsideDomain)?;
        let (session, label) = first.split_at_checked(SessionId::LEN).ok_or(UrlError::BadSession)?;
        let session = SessionId::parse(session).map_err(|_| UrlError::BadSession)?;
        let label = label.strip_prefix('-').ok_or(UrlError::BadSession)?;
        let face = match label {
            "viewer" => ViewFace::Viewer,
            "panel" => ViewFace::Panel,
            _ => ViewFace::Site(Label::parse(label)?),
        };
        Ok(Self { session, face })
    }
}

impl Label {
    /// # Errors
    /// [`UrlError::BadLabel`] unless `text` is an alias or stands for a site.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if is_alias(text) || decode(text).is_some() { Ok(Self(text.to_owned())) } else { Err(UrlError::BadLabel) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the beginnings of addresses are mapped to, by the beginning as it stands there.
#[derive(Debug, Default)]
pub struct Fronts(HashMap<String, Option<String>>);

/// A page that names more hosts pays for each.
const MAX_FRONTS: usize = 64;
/// Longer ones name no host that exists.
const MAX_FRONT: usize = 512;

impl ViewMap {
    pub fn new(domain: ViewDomain, session: SessionId) -> Self {
        Self::beside(domain, session, Vec::new())
    }

    /// A map that leaves the addresses of `fronts` alone: the customer meets those sites under their own names.
    pub fn beside(domain: ViewDomain, session: SessionId, fronts: Vec<Site>) -> Self {
        Self { shared: Arc::new(Shared { domain, session, fronts, aliases: RwLock::default() }) }
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
        if let Some(known) = fronts.0.get(before) {
            return known.as_ref().map(|front| format!("{front}{tail}"));
        }
        let front = self.front(scheme, authority);
        if fronts.0.len() < MAX_FRONTS && before.len() <= MAX_FRONT {
            fronts.0.insert(before.to_owned(), front.clone());
        }
        front.map(|front| front + tail)
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
    // The longest scheme with a view has five letters.
    let end = clean.bytes().take(6).position(|b| b == b':');
    match end.and_then(|end| Some((Known::of(&clean[..end])?, &clean[end + 1..]))) {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, clean),
    }
}

/// `.` → `-`, `-` → `--`, then `-0h{port}` or `-0s{port}` for what is not https on 443. `None`: needs an alias.
fn encode(site: &Site) -> Option<String> {
    let mut label = String::with_capacity(MAX_LABEL);
    for c in site.host.chars() {
        match c {
            '.' => label.push('-'),
            '-' => label.push_str("--"),
            c => label.push(c),
        }
    }
    match (site.scheme, site.port) {
        (Scheme::Https, 443) => {}
        (Scheme::Https, port) => label.push_str(&format!("-0s{port}")),
        (Scheme::Http, 80) => label.push_str("-0h"),
        (Scheme::Http, port) => label.push_str(&format!("-0h{port}")),
    }
    let fits = label.len() <= MAX_LABEL && !matches!(label.as_str(), "viewer" | "panel") && !is_alias(&label);
    (fits && decode(&label).as_ref() == Some(site)).then_some(label)
}

/// The inverse of [`encode`]; `None` for what `encode` never makes.
fn decode(label: &str) -> Option<Site> {
    let alphabet = label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if !alphabet || label.is_empty() || label.len() > MAX_LABEL || label.starts_with('-') || label.ends_with('-') {
        return None;
    }
    let (name, scheme, port) = split_suffix(label)?;
    let mut host = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('-') {
        host.push_str(&rest[..at]);
        let run = rest[at..].bytes().take_while(|&b| b == b'-').count();
        match run {
            1 => host.push('.'),
            even if even % 2 == 0 => host.extend(std::iter::repeat_n('-', even / 2)),
            // `.-` and `-.` would read the same.
            _ => return None,
        }
        rest = &rest[at + run..];
    }
    host.push_str(rest);
    // Only what the URL standard itself would write: not `1.2.3.4.5`, `0x7f.1` or broken punycode.
    let url = Url::parse(&format!("{}://{host}:{port}/", scheme.as_str())).ok()?;
    Site::of(&url).filter(|site| site.host == host)
}

/// Splits `-0h8080` off. `None` for a suffix that [`encode`] never writes (`-0h80`, `-0s443`, `-0h08`, `-0s`).
fn split_suffix(label: &str) -> Option<(&str, Scheme, u16)> {
    let plain = (label, Scheme::Https, 443);
    let Some(at) = label.rfind('-') else { return Some(plain) };
    let (name, last) = (&label[..at], &label[at + 1..]);
    let Some((scheme, digits)) = last
        .strip_prefix("0h")
        .map(|digits| (Scheme::Http, digits))
        .or_else(|| last.strip_prefix("0s").map(|digits| (Scheme::Https, digits)))
        .filter(|(_, digits)| digits.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with('-'))
    else {
        return Some(plain);
    };
    if digits.is_empty() {
        return (scheme == Scheme::Http).then_some((name, scheme, 80));
    }
    let port: u16 = digits.parse().ok()?;
    (port != scheme.port() && !digits.starts_with('0')).then_some((name, scheme, port))
}

/// `0a` and the first 50 bits of SHA-256 of the origin, in lower-case base32.
fn alias(site: &Site) -> String {
    const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let hash = Sha256::digest(site.origin().as_bytes());
    let bits = hash.iter().take(8).fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
    let mut out = String::from("0a");
    out.extend((0..10).map(|i| char::from(BASE32[(bits >> (59 - 5 * i) & 31) as usize])));
    out
}

fn is_alias(label: &str) -> bool {
    label.len() == 12
        && label.starts_with("0a")
        && label[2..].bytes().all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b))
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Site({self})")
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
