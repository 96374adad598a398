//! The session's cookie jar, kept on Lado's side: RFC 6265bis towards sites, replicas of script-visible cookies towards
//! the customer's browser.
//!
//! One request goes `merge` (what scripts wrote comes in) → `header` (what the site gets) → `store` (what the site
//! answered) → `replicate` (what the browser must learn).

mod parse;
mod replica;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::{Duration, SystemTime};

use ::url::Url;
use http::HeaderValue;

pub use replica::{Freshness, Seen, farewell};

use crate::rewrite::url::registrable;
use parse::SetCookie;
use replica::Replicas;

/// Every cookie that a session's sites have set, in memory only.
#[derive(Default)]
pub struct Jar {
    cookies: Vec<Cookie>,
    replicas: Replicas,
    /// Counts stores and uses: orders cookies without a clock.
    turn: u64,
}

/// Who sets a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A `Set-Cookie` of a response.
    Http,
    /// `document.cookie` or the Cookie Store API: may neither make nor touch an HttpOnly cookie.
    Script,
}

/// How a request's initiator stands to its target, judged on the sites, not on their view hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    SameSite,
    /// A cross-site navigation of the top-level page with a safe method: Lax cookies go along.
    Navigation,
    /// A cross-site navigation of the top-level page with another method, like a sign-in provider's POST.
    Submission,
    CrossSite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SameSite {
    Strict,
    Lax,
    None,
    /// No attribute: Lax, but sent with a [`Relation::Submission`] for its first two minutes, as browsers do.
    Unset,
}

#[derive(Clone)]
struct Cookie {
    name: Vec<u8>,
    value: Vec<u8>,
    domain: String,
    host_only: bool,
    path: String,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
    expires: Option<SystemTime>,
    created: SystemTime,
    /// The turn it was first stored in: cookies are sent in this order.
    first: u64,
    /// The turn it was last sent or set in: the oldest is evicted first.
    used: u64,
}

/// The bounds that browsers keep (RFC 6265bis §6.1): cookies per registrable domain and in all.
const MAX_PER_DOMAIN: usize = 180;
const MAX_TOTAL: usize = 3000;

/// RFC 6265bis §5.5: no cookie lives longer than 400 days.
const MAX_AGE: Duration = Duration::from_hours(400 * 24);

/// How long a cookie without `SameSite` still goes with a cross-site POST.
const LAX_GRACE: Duration = Duration::from_mins(2);

impl Jar {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one `Set-Cookie` value in, as RFC 6265bis §5.7 does. Returns whether the jar followed it: a cookie that a
    /// browser would refuse is refused here.
    pub fn store(&mut self, set_cookie: &[u8], url: &Url, source: Source, relation: Relation, now: SystemTime) -> bool {
        let Some(parsed) = SetCookie::parse(set_cookie) else { return false };
        let Some(cookie) = self.admit(parsed, url, source, relation, now) else { return false };
        self.insert(cookie, source, now)
    }

    fn admit(
        &mut self,
        parsed: SetCookie,
        url: &Url,
        source: Source,
        relation: Relation,
        now: SystemTime,
    ) -> Option<Cookie> {
        let host = url.host_str()?;
        if is_ours(&parsed.name) {
            return None;
        }
        let (domain, host_only) = match parsed.domain.as_deref() {
            None | Some("") => (host.to_owned(), true),
            // A public suffix may only speak for itself (`github.io` for the page at `github.io`).
            Some(domain) if is_public_suffix(domain) => (domain == host).then(|| (host.to_owned(), true))?,
            Some(domain) => domain_matches(host, domain).then(|| (domain.to_owned(), false))?,
        };
        let path = parsed.path.clone().unwrap_or_else(|| default_path(url));
        if parsed.secure && !is_trustworthy(url) || parsed.http_only && source == Source::Script {
            return None;
        }
        if !parsed.secure && url.scheme() == "http" && self.would_shadow_secure(&parsed.name, &domain, &path) {
            return None;
        }
        match parsed.same_site {
            SameSite::None if !parsed.secure => return None,
            SameSite::None => {}
            _ if relation == Relation::CrossSite => return None,
            _ => {}
        }
        let prefixed = |prefix: &str| parsed.identity().to_ascii_lowercase().starts_with(prefix.as_bytes());
        let bound = prefixed("__host-");
        if bound && !(parsed.secure && host_only && parsed.path.as_deref() == Some("/"))
            || prefixed("__secure-") && !parsed.secure
            || (prefixed("__http-") || prefixed("__host-http-")) && !(parsed.secure && parsed.http_only)
            || parsed.name.is_empty() && (bound || prefixed("__secure-") || prefixed("__http-"))
        {
            return None;
        }
        self.turn += 1;
        Some(Cookie {
            expires: parsed.expiry(now, MAX_AGE),
            name: parsed.name,
            value: parsed.value,
            domain,
            host_only,
            path,
            secure: parsed.secure,
            http_only: parsed.http_only,
            same_site: parsed.same_site,
            created: now,
            first: self.turn,
            used: self.turn,
        })
    }

    fn insert(&mut self, mut cookie: Cookie, source: Source, now: SystemTime) -> bool {
        if let Some(at) = self.cookies.iter().position(|old| old.is_same(&cookie)) {
            if self.cookies[at].http_only && source == Source::Script {
                return false;
            }
            let old = self.cookies.remove(at);
            cookie.first = old.first;
            cookie.created = old.created;
        }
        if cookie.is_live(now) {
            self.cookies.push(cookie);
            self.evict(now);
        }
        true
    }

    /// RFC 6265bis §5.7 step 15, "leave secure cookies alone".
    fn would_shadow_secure(&self, name: &[u8], domain: &str, path: &str) -> bool {
        self.cookies.iter().any(|old| {
            old.secure
                && old.name == name
                && (domain_matches(domain, &old.domain) || domain_matches(&old.domain, domain))
                && path_matches(path, &old.path)
        })
    }

    fn evict(&mut self, now: SystemTime) {
        if self.cookies.len() <= MAX_PER_DOMAIN {
            return;
        }
        self.cookies.retain(|cookie| cookie.is_live(now));
        let Some(newest) = self.cookies.last() else { return };
        let owner = registrable(&newest.domain).to_owned();
        let of_owner = |cookie: &Cookie| registrable(&cookie.domain) == owner;
        if self.cookies.iter().filter(|cookie| of_owner(cookie)).count() > MAX_PER_DOMAIN {
            self.drop_oldest(of_owner);
        }
        if self.cookies.len() > MAX_TOTAL {
            self.drop_oldest(|_| true);
        }
    }

    /// Cookies that are not Secure go first, then the one unused for longest.
    fn drop_oldest(&mut self, of: impl Fn(&Cookie) -> bool) {
        let oldest = self.cookies.iter().enumerate().filter(|(_, cookie)| of(cookie));
        if let Some((at, _)) = oldest.min_by_key(|(_, cookie)| (cookie.secure, cookie.used)) {
            self.cookies.remove(at);
        }
    }

    /// The `Cookie` header of a request to `url`; `None` when no cookie goes along.
    pub fn header(&mut self, url: &Url, relation: Relation, now: SystemTime) -> Option<HeaderValue> {
        let host = url.host_str()?;
        let trustworthy = is_trustworthy(url);
        self.turn += 1;
        let turn = self.turn;
        let mut chosen: Vec<&mut Cookie> = self
            .cookies
            .iter_mut()
            .filter(|cookie| {
                cookie.is_live(now)
                    && cookie.reaches(host)
                    && path_matches(url.path(), &cookie.path)
                    && (trustworthy || !cookie.secure)
                    && cookie.goes_with(relation, now)
            })
            .collect();
        chosen.sort_by(|a, b| b.path.len().cmp(&a.path.len()).then(a.first.cmp(&b.first)));
        let mut out = Vec::new();
        for cookie in chosen {
            cookie.used = turn;
            if !out.is_empty() {
                out.extend_from_slice(b"; ");
            }
            cookie.write_pair(&mut out);
        }
        if out.is_empty() { None } else { HeaderValue::from_bytes(&out).ok() }
    }

    /// Forgets every cookie of the registrable domain that `url` belongs to (`Clear-Site-Data: "cookies"`).
    /// The browser's replicas go with the next [`Jar::replicate`].
    pub fn clear(&mut self, url: &Url) {
        let Some(owner) = url.host_str().map(registrable) else { return };
        self.cookies.retain(|cookie| registrable(&cookie.domain) != owner);
    }

    pub fn len(&self) -> usize {
        self.cookies.len()
    }

    pub fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }

    /// What `document.cookie` reads on a page at `url`, in the order browsers give.
    pub fn script_visible(&self, url: &Url, now: SystemTime) -> Vec<u8> {
        let mut visible: Vec<&Cookie> =
            self.visible(url, now).filter(|cookie| path_matches(url.path(), &cookie.path)).collect();
        visible.sort_by(|a, b| b.path.len().cmp(&a.path.len()).then(a.first.cmp(&b.first)));
        let mut out = Vec::new();
        for cookie in visible {
            if !out.is_empty() {
                out.extend_from_slice(b"; ");
            }
            cookie.write_pair(&mut out);
        }
        out
    }

    /// The live cookies that scripts on pages of `url`'s site may see, on whatever path.
    fn visible(&self, url: &Url, now: SystemTime) -> impl Iterator<Item = &Cookie> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let trustworthy = is_trustworthy(url);
        self.cookies.iter().filter(move |cookie| {
            !cookie.http_only && cookie.is_live(now) && cookie.reaches(&host) && (trustworthy || !cookie.secure)
        })
    }
}

impl Cookie {
    fn is_same(&self, other: &Cookie) -> bool {
        self.name == other.name
            && self.domain == other.domain
            && self.host_only == other.host_only
            && self.path == other.path
    }

    fn is_live(&self, now: SystemTime) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    fn reaches(&self, host: &str) -> bool {
        if self.host_only { host == self.domain } else { domain_matches(host, &self.domain) }
    }

    fn goes_with(&self, relation: Relation, now: SystemTime) -> bool {
        match (self.same_site, relation) {
            (_, Relation::SameSite) | (SameSite::None, _) => true,
            (SameSite::Lax | SameSite::Unset, Relation::Navigation) => true,
            (SameSite::Unset, Relation::Submission) => {
                now.duration_since(self.created).is_ok_and(|age| age < LAX_GRACE)
            }
            _ => false,
        }
    }

    fn write_pair(&self, out: &mut Vec<u8>) {
        if !self.name.is_empty() {
            out.extend_from_slice(&self.name);
            out.push(b'=');
        }
        out.extend_from_slice(&self.value);
    }
}

/// Lado's own cookies on view hosts: they authorise the customer or carry what scripts wrote, and are no site's business.
pub fn is_ours(name: &[u8]) -> bool {
    name.starts_with(b"lado_") || name.starts_with(b"__lado_")
}

/// RFC 6265 §5.1.3: the same, or below it and not an address.
fn domain_matches(host: &str, domain: &str) -> bool {
    host == domain
        || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
            && host.parse::<std::net::Ipv4Addr>().is_err()
            && !host.starts_with('[')
}

/// RFC 6265 §5.1.4.
fn path_matches(request: &str, cookie: &str) -> bool {
    request.strip_prefix(cookie).is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

/// RFC 6265 §5.1.4: the directory of the URL's path, without its last slash.
fn default_path(url: &Url) -> String {
    match url.path().rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(end) => url.path()[..end].to_owned(),
    }
}

fn is_public_suffix(domain: &str) -> bool {
    // Single labels (`localhost`, intranet names) are suffixes by the list's default rule, and rightly so.
    psl::suffix_str(domain).is_some_and(|suffix| suffix == domain) && domain.parse::<std::net::Ipv4Addr>().is_err()
}

/// Whether browsers accept and send Secure cookies here: https, and http on loopback.
fn is_trustworthy(url: &Url) -> bool {
    if matches!(url.scheme(), "https" | "wss") {
        return true;
    }
    match url.host() {
        Some(::url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(::url::Host::Ipv4(address)) => address.is_loopback(),
        Some(::url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Debug for Jar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jar({} cookies)", self.cookies.len())
    }
}
