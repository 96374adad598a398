//! One request and its response, between the view host and the site.

use std::time::SystemTime;

use http::header::{
    ACCEPT_ENCODING, CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, ORIGIN, REFERER,
    SET_COOKIE, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Version};
use url::Url;

use super::Pages;
use crate::respond::{Coding, Failure, Locale, Request, Response};
use crate::rewrite::cookie::{Freshness, Relation, Seen, Source};
use crate::rewrite::url::Site;
use crate::session::{Session, lock};

/// What is known of a request of the customer's browser, and needed when its response comes.
pub struct Exchange {
    site: Site,
    /// The address at the site.
    url: Url,
    relation: Relation,
    dest: Dest,
    method: Method,
    seen: Seen,
    /// What the rewritten body may be packed with.
    coding: Coding,
    locale: Locale,
}

/// What the browser will do with the response (Fetch standard, "destination").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dest {
    /// A tab's own document.
    Page,
    /// A frame's, an embed's or an object's document.
    Frame,
    Style,
    Worker,
    Manifest,
    /// Whatever a script asked for.
    Script,
    Other,
    /// An old browser, or none.
    Unsaid,
}

impl Dest {
    fn of(headers: &HeaderMap) -> Self {
        match headers.get("sec-fetch-dest").and_then(|dest| dest.to_str().ok()) {
            Some("document") => Self::Page,
            Some("iframe" | "frame" | "embed" | "object") => Self::Frame,
            Some("style") => Self::Style,
            Some("worker" | "sharedworker" | "serviceworker") => Self::Worker,
            Some("manifest") => Self::Manifest,
            Some("empty") => Self::Script,
            Some(_) => Self::Other,
            None => Self::Unsaid,
        }
    }
}

impl Exchange {
    /// # Errors
    /// [`Failure::Malformed`] when the request's address is none at the site.
    pub fn begin(session: &Session, site: &Site, request: &Request) -> Result<Self, Failure> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        // Joined as text: a path like `//x` must not become another host.
        let url = Url::parse(&format!("{}{path}", site.origin())).map_err(|_| Failure::Malformed("the address"))?;
        let headers = request.headers();
        let document = headers
            .get(REFERER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| Url::parse(value).ok())
            .and_then(|value| session.views.unmap(&value));
        let dest = Dest::of(headers);
        let relation = relation(session, site, request, document.as_ref(), dest);
        let now = SystemTime::now();
        let cookies = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
        let seen = lock(&session.jar).merge(cookies, &url, document.as_ref(), now);
        Ok(Self {
            site: site.clone(),
            url,
            relation,
            dest,
            method: request.method().clone(),
            seen,
            coding: Coding::for_browser(headers),
            locale: Locale::of(headers),
        })
    }

    pub fn site(&self) -> &Site {
        &self.site
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    pub fn dest(&self) -> Dest {
        self.dest
    }

    pub fn method(&self) -> &Method {
        &self.method
    }

    /// What the rewritten body may be packed with.
    pub fn coding(&self) -> Coding {
        self.coding
    }

    pub fn locale(&self) -> Locale {
        self.locale
    }

    /// Whether the customer is going to this site, rather than a page loading something from it.
    pub fn opens_page(&self) -> bool {
        self.dest == Dest::Page
    }

    /// The request as the site gets it.
    ///
    /// # Errors
    /// [`Failure::Malformed`] when the address cannot be sent.
    pub fn request(&self, session: &Session, mut request: Request) -> Result<Request, Failure> {
        *request.uri_mut() = self.url.as_str().parse().map_err(|_| Failure::Malformed("the address"))?;
        *request.version_mut() = Version::HTTP_11;
        let headers = request.headers_mut();
        drop_hop_by_hop(headers);
        self.map_request(session, headers);
        if let Some(accepted) = headers.get(ACCEPT_ENCODING).map(decodable) {
            headers.insert(ACCEPT_ENCODING, accepted);
        }
        Ok(request)
    }

    /// Headers that say where: the site's addresses instead of the view hosts', cookies from the jar.
    pub fn map_request(&self, session: &Session, headers: &mut HeaderMap) {
        let text = |value: String| HeaderValue::try_from(value).ok();
        if let Some(host) = text(self.site.authority()) {
            headers.insert(HOST, host);
        }
        for name in [ORIGIN, REFERER] {
            let Some(value) = headers.get(&name).and_then(|value| value.to_str().ok()) else { continue };
            if value == "null" {
                continue;
            }
            let mapped = Url::parse(value).ok().and_then(|url| session.views.unmap(&url));
            let mapped = match (mapped, name == ORIGIN) {
                (Some(url), true) => Site::of(&url).and_then(|site| text(site.origin())),
                (Some(url), false) => text(url.into()),
                (None, _) => None,
            };
            match mapped {
                Some(value) => headers.insert(name, value),
                None => headers.remove(name),
            };
        }
        headers.remove(COOKIE);
        if let Some(cookies) = lock(&session.jar).header(&self.url, self.relation, SystemTime::now()) {
            headers.insert(COOKIE, cookies);
        }
    }

    /// Cookies go into the jar, and what scripts may see of them to the browser.
    pub fn keep_cookies(&self, session: &Session, headers: &mut HeaderMap) {
        let now = SystemTime::now();
        let mut jar = lock(&session.jar);
        for value in headers.get_all(SET_COOKIE) {
            jar.store(value.as_bytes(), &self.url, Source::Http, self.relation, now);
        }
        headers.remove(SET_COOKIE);
        let view = session.views.domain().scheme;
        let freshness = match self.dest {
            Dest::Page | Dest::Frame => Freshness::Document,
            _ => Freshness::Subresource,
        };
        for value in jar.replicate(&self.url, &self.seen, view, freshness, now) {
            headers.append(SET_COOKIE, value);
        }
    }
}

/// How the page that asks stands to the site that is asked, judged on the sites: all view hosts are one site to the
/// browser, so its own Sec-Fetch-Site tells only where it says "same-origin" or "none".
fn relation(session: &Session, site: &Site, request: &Request, document: Option<&Url>, dest: Dest) -> Relation {
    let headers = request.headers();
    let said = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok()).unwrap_or("");
    let origin = headers
        .get(ORIGIN)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| Url::parse(value).ok())
        .and_then(|value| session.views.unmap(&value));
    let asking = origin.as_ref().or(document).and_then(Site::of);
    let same = match asking {
        Some(asking) => asking.same_site(site),
        None => matches!(said, "none" | "same-origin" | ""),
    };
    if same {
        Relation::SameSite
    } else if dest == Dest::Page && request.method().is_safe() {
        Relation::Navigation
    } else if dest == Dest::Page {
        Relation::Submission
    } else {
        Relation::CrossSite
    }
}

/// RFC 9110 §7.6.1: these and what Connection names are for this hop only.
pub fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [CONNECTION, TE, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "trailer"] {
        headers.remove(name);
    }
}

/// What the browser takes and Lado can undo.
fn decodable(accepted: &HeaderValue) -> HeaderValue {
    let kept: Vec<&str> = accepted
        .to_str()
        .unwrap_or("")
        .split(',')
        .map(str::trim)
        .filter(|token| {
            let name = token.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
            matches!(name.as_str(), "gzip" | "x-gzip" | "deflate" | "br" | "zstd" | "identity")
        })
        .collect();
    let text = if kept.is_empty() { "identity".to_owned() } else { kept.join(", ") };
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("identity"))
}

impl Pages {
    /// The site's response as the browser gets it.
    pub(super) fn answer(
        &self,
        session: &Session,
        exchange: Exchange,
        response: Response,
    ) -> Result<Response, Failure> {
        let (mut parts, body) = response.into_parts();
        parts.version = Version::HTTP_11;
        parts.extensions = http::Extensions::new();
        drop_hop_by_hop(&mut parts.headers);
        exchange.keep_cookies(session, &mut parts.headers);
        exchange.map_response(session, &mut parts.headers);
        let body = self.body(session, &exchange, &mut parts, body);
        Ok(Response::from_parts(parts, body))
    }
}

impl Exchange {
    fn map_response(&self, session: &Session, headers: &mut HeaderMap) {
        if let Some(location) = headers.get(LOCATION).and_then(|value| value.to_str().ok())
            && let Some(mapped) = session.views.map(location, &self.url)
            && let Ok(value) = HeaderValue::try_from(mapped)
        {
            headers.insert(LOCATION, value);
        }
        for name in ["strict-transport-security", "alt-svc", "nel", "report-to", "reporting-endpoints"] {
            headers.remove(name);
        }
    }
}
