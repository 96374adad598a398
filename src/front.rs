//! The life of a request on a front host: the site as it is, one launcher tag, and during a session the sync script.

mod head;
mod own;
mod tag;

use std::collections::HashSet;
use std::sync::Arc;

use governor::Quota;
use http::header::{CACHE_CONTROL, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, SET_COOKIE};
use http::{StatusCode, Version};
use serde::Deserialize;

pub use head::to_https;

use crate::hub::Hubs;
use crate::listener::{Downstream, Rate};
use crate::page::boot::Boots;
use crate::page::{PREFIX, tunnel};
use crate::respond::{self, Failure, Request, Response, Sockets};
use crate::rewrite::header::{drop_hop_by_hop, end_response_hop};
use crate::rewrite::url::{Scheme, Site};
use crate::session::{Companies, Found, HomeKind, Phase, Session, Sessions};
use crate::span::Span;
use crate::upstream::pool::{Address, Health, Pool, ProxyProtocol};
use crate::upstream::{self, SetupError, Upstream};

/// One `[[front]]`: host names that Lado serves as a reverse proxy.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `www.shop.com`, on whatever port Lado listens.
    pub hosts: Vec<String>,
    /// The id of the company whose agents help here.
    pub company: String,
    /// Where the site is: the least busy one that is up is asked.
    pub upstreams: Vec<Address>,
    #[serde(default)]
    pub health: Option<Health>,
    /// The PROXY protocol header that begins each connection to an upstream; connections are not kept then.
    #[serde(default)]
    pub proxy_protocol: ProxyProtocol,
    /// Plain requests are sent to https.
    #[serde(default)]
    pub https: bool,
    /// How long browsers are told to come by https only.
    #[serde(default)]
    pub hsts: Option<Span>,
    #[serde(default)]
    pub launcher: Launcher,
}

/// Where *Get help* appears.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Launcher {
    pub enabled: bool,
    /// `/checkout/*`; empty: everywhere.
    pub paths: Vec<String>,
    /// Of the front's hosts; empty: all of them.
    pub hosts: Vec<String>,
}

impl Default for Launcher {
    fn default() -> Self {
        Self { enabled: true, paths: Vec::new(), hosts: Vec::new() }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    #[error("front {0:?}: there is no company {1:?}")]
    Company(String, String),
    #[error("front {0:?} has no upstream")]
    NoUpstream(String),
    #[error("a front without a host")]
    NoHost,
    #[error("{0:?} is no host name; write www.example.com, without scheme, port and path")]
    Host(String),
    #[error("two fronts have the host {0:?}")]
    Twice(String),
    #[error(transparent)]
    Upstream(#[from] SetupError),
}

impl FrontError {
    /// The field of the front that it is about, and the text there.
    pub fn subject(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Company(_, text) => Some(("company", text)),
            Self::Host(text) | Self::Twice(text) => Some(("hosts", text)),
            Self::NoUpstream(_) | Self::NoHost | Self::Upstream(_) => None,
        }
    }
}

/// Every mistake in how fronts are configured, with the number of its front.
pub fn check(configs: &[Config], is_company: impl Fn(&str) -> bool) -> Vec<(usize, FrontError)> {
    let mut mistakes = Vec::new();
    let mut seen = HashSet::new();
    for (number, config) in configs.iter().enumerate() {
        let mut note = |mistake| mistakes.push((number, mistake));
        let Some(name) = config.hosts.first() else {
            note(FrontError::NoHost);
            continue;
        };
        if !is_company(&config.company) {
            note(FrontError::Company(name.clone(), config.company.clone()));
        }
        if config.upstreams.is_empty() {
            note(FrontError::NoUpstream(name.clone()));
        }
        for host in &config.hosts {
            let plain = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
            if !plain {
                note(FrontError::Host(host.clone()));
            } else if !seen.insert(host.to_ascii_lowercase()) {
                note(FrontError::Twice(host.clone()));
            }
        }
    }
    mistakes
}

/// Answers on front hosts.
pub struct Fronts {
    list: Vec<Front>,
    /// The console's origin, without a slash at its end.
    console: String,
    sessions: Arc<Sessions>,
    hubs: Arc<Hubs>,
    boots: Arc<Boots>,
    max_page: u64,
    /// New sessions of one address.
    asking: Rate,
    sockets: Sockets,
}

struct Front {
    hosts: Vec<String>,
    /// Its id.
    company: String,
    pool: Arc<Pool>,
    https: bool,
    hsts: Option<HeaderValue>,
    launcher: Launcher,
}

/// Somebody who asks for help more often than this is no somebody.
const ASKS_PER_MINUTE: std::num::NonZeroU32 = std::num::NonZeroU32::new(10).expect("not zero");

/// What is shared with the other faces.
pub struct Parts {
    pub console: String,
    pub sessions: Arc<Sessions>,
    pub hubs: Arc<Hubs>,
    pub boots: Arc<Boots>,
    pub max_page: u64,
    pub sockets: Sockets,
}

/// What is known of a request when its response comes.
struct Visit {
    site: Site,
    session: Option<Arc<Session>>,
    /// `Set-Cookie` values that take away what an ended session has left.
    expired: Option<HeaderValue>,
    /// A page that a person reads: it gets a tag.
    tagged: bool,
    locale: respond::Locale,
}

impl Fronts {
    /// # Errors
    /// [`FrontError`] when a front cannot be served as it is configured.
    pub fn new(configs: &[Config], upstream: &upstream::Config, parts: Parts) -> Result<Self, FrontError> {
        let companies = parts.sessions.companies();
        let mistakes = check(configs, |company| companies.get(company).is_some());
        if let Some((_, mistake)) = mistakes.into_iter().next() {
            return Err(mistake);
        }
        let front = |config: &Config| -> Result<Front, FrontError> {
            let hsts = config.hsts.map(|span| format!("max-age={}", span.0.as_secs()));
            Ok(Front {
                hosts: config.hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
                company: config.company.clone(),
                pool: Pool::new(&config.upstreams, config.health.clone(), config.proxy_protocol, upstream)?,
                https: config.https,
                hsts: hsts.and_then(|value| HeaderValue::try_from(value).ok()),
                launcher: config.launcher.clone(),
            })
        };
        let list = configs.iter().map(front).collect::<Result<_, _>>()?;
        let asking = Rate::new(Quota::per_minute(ASKS_PER_MINUTE));
        let Parts { console, sessions, hubs, boots, max_page, sockets } = parts;
        Ok(Self { list, console, sessions, hubs, boots, max_page, asking, sockets })
    }

    /// Viewers' assets of these sites come from where the sites are, not around through Lado itself.
    pub fn announce(&self, upstream: &Upstream) {
        for front in &self.list {
            for host in &front.hosts {
                upstream.serve_host(host, front.pool.clone());
            }
        }
    }

    /// # Errors
    /// [`FrontError::Company`] when a front's company is not among these.
    pub fn check(&self, companies: &Companies) -> Result<(), FrontError> {
        let alone = self.list.iter().find(|front| companies.get(&front.company).is_none());
        alone.map_or(Ok(()), |front| Err(FrontError::Company(front.hosts[0].clone(), front.company.clone())))
    }

    pub fn pools(&self) -> Vec<Arc<Pool>> {
        self.list.iter().map(|front| front.pool.clone()).collect()
    }

    /// The life of a request: own paths, session, upstream, tag.
    ///
    /// # Errors
    /// [`Failure`] for [`respond::rescue`].
    pub async fn answer(&self, index: usize, mut request: Request) -> Result<Response, Failure> {
        let front = &self.list[index];
        let Some(downstream) = request.extensions().get::<Downstream>().copied() else {
            return Err(Failure::Malformed("the connection"));
        };
        let scheme = if downstream.tls { Scheme::Https } else { Scheme::Http };
        let host = head::host(&mut request)?;
        if front.https && scheme == Scheme::Http {
            return Ok(head::to_https(&host, &request));
        }
        let site = Site::parse(&format!("{}://{host}", scheme.as_str())).ok_or(Failure::Malformed("the host"))?;
        if let Some(path) = request.uri().path().strip_prefix(PREFIX).map(str::to_owned) {
            let mut response = self.own(front, &site, &path, downstream, request).await?;
            head::promise(front, scheme, response.headers_mut());
            return Ok(response);
        }
        let (session, expired) = self.session(&site, &request);
        let tagged = tag::reads(&request) && (session.is_some() || front.launches(site.host(), request.uri().path()));
        let visit = Visit { site, session, expired, tagged, locale: respond::Locale::of(request.headers()) };
        let from = downstream.local.map(|local| (downstream.address, local));
        let failed = |cause| Failure::Upstream { site: visit.site.origin(), cause };
        if respond::is_websocket(&request) {
            return self.tunnel(front, &visit, downstream, from, request).await;
        }
        head::upstream(&mut request, &host, downstream);
        if visit.tagged && visit.session.is_some() {
            // What the browser kept from before the session has another tag.
            request.headers_mut().remove(IF_NONE_MATCH);
            request.headers_mut().remove(IF_MODIFIED_SINCE);
        }
        let method = request.method().clone();
        let mut response = front.pool.send(request, from).await.map_err(failed)?;
        end_response_hop(response.headers_mut());
        *response.version_mut() = Version::HTTP_11;
        head::promise(front, scheme, response.headers_mut());
        if let Some(cookie) = &visit.expired {
            response.headers_mut().append(SET_COOKIE, cookie.clone());
        }
        if visit.session.is_some() && tag::is_html(response.headers()) {
            // Browsers show what they keep: after the session it would have the wrong tag, and what a script fetched none.
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if visit.tagged { Ok(self.tag(&visit, &method, response)) } else { Ok(response) }
    }

    /// The customer's session on this very host, or what is left of an ended one.
    fn session(&self, site: &Site, request: &Request) -> (Option<Arc<Session>>, Option<HeaderValue>) {
        if !head::has_own_cookie(request.headers()) {
            return (None, None);
        }
        match self.sessions.of_customer(request.headers()) {
            Some(Found::Open(session)) if is_home(&session, site) => (Some(session), None),
            Some(Found::Ended(ended)) => {
                let name = format!("lado_{}=; Path=/; Max-Age=0", ended.id);
                (None, HeaderValue::try_from(name).ok())
            }
            _ => (None, None),
        }
    }

    async fn tunnel(
        &self,
        front: &Front,
        visit: &Visit,
        downstream: Downstream,
        from: upstream::pool::Ends,
        mut request: Request,
    ) -> Result<Response, Failure> {
        let side = tunnel::Side::of(&mut request);
        let host = visit.site.authority();
        head::upstream(&mut request, &host, downstream);
        let mut handshake = request.map(|_| respond::Body::Empty);
        side.ask(&mut handshake);
        let failed = |cause| Failure::Upstream { site: visit.site.origin(), cause };
        let (mut response, lease) = front.pool.upgrade(handshake, from).await.map_err(failed)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            drop_hop_by_hop(response.headers_mut());
            return Ok(response);
        }
        let upstream = hyper::upgrade::on(&mut response);
        let mut answer = response.map(|_| respond::Body::Empty);
        drop_hop_by_hop(answer.headers_mut());
        let downstream = side.agree(&mut answer);
        let drained = self.sockets.drained();
        self.sockets.spawn(async move {
            let _lease = lease;
            tunnel::copy(downstream, upstream, async move {
                drained.await;
                tunnel::RESTART
            })
            .await;
        });
        Ok(answer)
    }
}

impl Front {
    fn launches(&self, host: &str, path: &str) -> bool {
        let Launcher { enabled, paths, hosts } = &self.launcher;
        *enabled
            && (hosts.is_empty() || hosts.iter().any(|one| one.eq_ignore_ascii_case(host)))
            && (paths.is_empty() || paths.iter().any(|pattern| matches(pattern, path)))
    }
}

/// Whether the session goes on at `site` under its own name.
fn is_home(session: &Session, site: &Site) -> bool {
    let front = session.home.as_ref().is_some_and(|home| home.kind == HomeKind::Front && home.sites.contains(site));
    front && matches!(session.phase(), Phase::Waiting | Phase::Active)
}

/// `*` stands for anything.
fn matches(pattern: &str, path: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, path, expected) in [
            ("/checkout/*", "/checkout/pay", true),
            ("/checkout/*", "/checkout", false),
            ("/checkout", "/checkout", true),
            ("/checkout", "/checkout/pay", false),
            ("*", "/", true),
            ("/*/pay*", "/en/payment", true),
            ("/*/pay", "/en/payment", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }
}
