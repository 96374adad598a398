//! Maps the headers of a request to the site and of its response to the browser.
//!
//! [`Exchange::of`] reads the browser's request, [`request`] turns its headers into those of the site's own page, and
//! [`response`] turns the answer's into those of the view host. Cookies are taken out on both ways: they are the jar's.

mod list;
#[cfg(test)]
mod tests;

use ::url::Url;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use crate::rewrite::cookie::{Freshness, Relation};
use crate::rewrite::csp;
use crate::rewrite::html;
use crate::rewrite::url::{Scheme, Site, ViewMap};

/// One request of the customer's browser, as far as its headers tell.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub map: ViewMap,
    /// The site that is asked.
    pub site: Site,
    /// The address at the site.
    pub url: Url,
    pub method: Method,
    pub destination: Destination,
    /// The site of the page (or worker) that asks, when the request tells.
    pub initiator: Option<Site>,
    /// The page that asks, when it is one of the same site: a cookie without a path belongs to its directory.
    pub document: Option<Url>,
    /// How initiator and target stand to each other, for cookies.
    pub relation: Relation,
    /// The console's origin: a navigation from there is the customer's own doing.
    pub console: String,
}

/// What the browser will do with the response (Fetch standard, "destination").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A top-level page.
    Document,
    /// The page of a frame, an embed or an object.
    Frame,
    Style,
    Manifest,
    /// A script asked for with CORS, which module scripts always are.
    Module,
    /// Audio, video, tracks.
    Media,
    /// The script of a worker.
    Worker,
    /// Classic scripts, images, fonts: nothing that is rewritten.
    Other,
    /// Asked by a script, which gets the bytes of the site.
    Script,
    /// The browser does not say (an old one, or a plain view domain that is not loopback).
    Unknown,
}

/// How a body is rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    Html,
    Css,
    /// A web app manifest.
    Manifest,
    /// A module, or a classic script that may be one.
    Script,
    /// A worker's script, which Lado's own goes before.
    Worker,
    /// An HLS playlist.
    Playlist,
    /// Byte for byte.
    Passed,
}

/// What a response held for the jar.
#[derive(Debug, Default)]
pub struct Kept {
    /// The values of `Set-Cookie`, in order.
    pub cookies: Vec<HeaderValue>,
    /// `Clear-Site-Data` asked to forget the site's cookies.
    pub clear: bool,
}

/// Marks entity tags of rewritten bodies. Another version of the rewriting gets another mark.
const SALT: &str = ";lado1";

/// What Lado decodes: anything else would reach the browser unrewritten.
const CODINGS: [&str; 4] = ["gzip", "br", "zstd", "deflate"];

/// RFC 9110 §7.6.1, and what browsers and intermediaries are known to send hop by hop.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What tells a site where its visitor's connection comes from, beside all that begins with [`FORWARDED`].
const VISITOR: [&str; 8] = [
    "forwarded",
    "forwarded-for",
    "x-real-ip",
    "client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
];
const FORWARDED: &str = "x-forwarded";

/// Promises about the site's own name, certificate or bytes, and collectors that know nothing of view hosts.
const DROPPED: [&str; 18] = [
    "alt-svc",
    "alt-used",
    "clear-site-data",
    "expect-ct",
    "integrity-policy",
    "integrity-policy-report-only",
    "nel",
    "origin-trial",
    "p3p",
    "proxy-status",
    "public-key-pins",
    "public-key-pins-report-only",
    "report-to",
    "reporting-endpoints",
    "set-cookie2",
    "speculation-rules",
    "strict-transport-security",
    "x-firefox-spdy",
];

impl Exchange {
    /// Reads the browser's headers, before [`request`] changes them. `knows_only` tells whether all pages that the
    /// browser has are of a site: who asks without a name, as under `Referrer-Policy: no-referrer`, is one of them.
    pub fn of(
        headers: &HeaderMap,
        method: &Method,
        url: &Url,
        map: &ViewMap,
        console: &str,
        knows_only: impl FnOnce(&Site) -> bool,
    ) -> Option<Self> {
        let site = Site::of(url)?;
        let destination = Destination::of(headers);
        let page = text(headers, &header::REFERER).and_then(|value| Url::parse(value).ok());
        let origin = text(headers, &header::ORIGIN).and_then(|value| Url::parse(value).ok());
        let referrer = page.as_ref().and_then(|page| map.unmap(page));
        let initiator =
            origin.as_ref().and_then(|origin| map.unmap(origin)).as_ref().or(referrer.as_ref()).and_then(Site::of);
        let from_console = page.as_ref().is_some_and(|page| page.origin().ascii_serialization() == console);
        let asked = text_of(headers, "sec-fetch-site");
        let same = match (&initiator, asked) {
            (Some(initiator), _) => initiator.same_site(&site),
            // Typed, bookmarked, or sent by the console: the customer's own doing.
            (None, None | Some("none" | "same-origin")) => true,
            (None, Some("same-site")) => from_console || knows_only(&site),
            (None, _) => from_console,
        };
        let relation = match (same, destination) {
            (true, _) => Relation::SameSite,
            (false, Destination::Document) if method.is_safe() => Relation::Navigation,
            (false, Destination::Document) => Relation::Submission,
            (false, _) => Relation::CrossSite,
        };
        Some(Self {
            map: map.clone(),
            document: referrer.filter(|page| Site::of(page).as_ref() == Some(&site)),
            site,
            url: url.clone(),
            method: method.clone(),
            destination,
            initiator,
            relation,
            console: console.to_owned(),
        })
    }

    /// Whether the body will be rewritten if it is what the destination expects. Ranges and conditions of such requests
    /// would speak of other bytes.
    pub fn expects_rewriting(&self) -> bool {
        matches!(
            self.destination,
            Destination::Document
                | Destination::Frame
                | Destination::Style
                | Destination::Manifest
                | Destination::Module
                | Destination::Worker
        )
    }

    /// How to rewrite a response.
    pub fn body(&self, status: StatusCode, headers: &HeaderMap) -> Body {
        let none = status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::PARTIAL_CONTENT);
        if none {
            return Body::Passed;
        }
        let essence = essence(headers);
        let says = |destinations: &[Destination]| {
            destinations.contains(&self.destination) || self.destination == Destination::Unknown
        };
        match essence.as_str() {
            // Of an SVG image opened as a page, no script of ours: its pictures and links are mapped.
            "image/svg+xml" if [Destination::Document, Destination::Frame].contains(&self.destination) => Body::Html,
            "text/html" | "application/xhtml+xml" if says(&[Destination::Document, Destination::Frame]) => Body::Html,
            "text/css" if says(&[Destination::Style]) => Body::Css,
            _ if self.destination == Destination::Worker && status == StatusCode::OK => Body::Worker,
            _ if self.destination == Destination::Module && essence.ends_with("script") => Body::Script,
            _ if self.destination == Destination::Manifest => Body::Manifest,
            "application/manifest+json" if says(&[]) => Body::Manifest,
            // A script that fetches a playlist gets the site's bytes, and its requests are mapped as it makes them.
            essence if is_playlist(essence) && says(&[Destination::Media, Destination::Document]) => Body::Playlist,
            _ => Body::Passed,
        }
    }

    pub fn freshness(&self) -> Freshness {
        match self.destination {
            Destination::Document | Destination::Frame => Freshness::Document,
            _ => Freshness::Subresource,
        }
    }

    fn map(&self, raw: &str) -> Option<String> {
        self.map.map(raw, &self.url)
    }
}

impl Destination {
    pub fn of(headers: &HeaderMap) -> Self {
        match text_of(headers, "sec-fetch-dest") {
            Some("document") => Self::Document,
            Some("iframe" | "frame" | "embed" | "object" | "fencedframe") => Self::Frame,
            Some("style") => Self::Style,
            Some("manifest") => Self::Manifest,
            Some("audio" | "video" | "track") => Self::Media,
            Some("worker" | "sharedworker") => Self::Worker,
            Some("script") if text_of(headers, "sec-fetch-mode") == Some("cors") => Self::Module,
            Some("empty") => Self::Script,
            Some(_) => Self::Other,
            // Of all requests browsers send this with navigations alone (Fetch standard, "fetch", step 13): what the
            // customer opens is judged by its address, whatever else the browser says of it.
            None if text(headers, &header::ACCEPT).is_some_and(|accept| accept.contains("text/html")) => Self::Document,
            None => Self::Unknown,
        }
    }
}

/// Turns the browser's headers into those that a page of the site would send. The `Cookie` header is gone: the jar's
/// takes its place. `Host` is the site's.
pub fn request(headers: &mut HeaderMap, exchange: &Exchange) {
    end_request_hop(headers);
    drop_named(headers, tells_of_visitor);
    for name in ["via", "early-data", "cookie", "expect", "cookie2"] {
        headers.remove(name);
    }
    set(headers, header::HOST, Some(exchange.site.authority()));
    fetch_site(headers, exchange);
    if let Some(origin) = text(headers, &header::ORIGIN).filter(|origin| *origin != "null") {
        // An origin that is none of this session's sites is opaque to this site.
        let mapped = Url::parse(origin).ok().and_then(|url| exchange.map.unmap(&url)).and_then(|url| Site::of(&url));
        set(headers, header::ORIGIN, Some(mapped.map_or_else(|| "null".to_owned(), |site| site.origin())));
    }
    let referrer = text(headers, &header::REFERER).and_then(|value| referrer(value, exchange));
    set(headers, header::REFERER, referrer);
    // Of `<a ping>` (HTML standard, "hyperlink auditing").
    for name in ["ping-from", "ping-to"] {
        let mapped = text_of(headers, name).and_then(|value| exchange.map.unmap(&Url::parse(value).ok()?));
        if let Some(url) = mapped {
            set(headers, HeaderName::from_static(name), Some(url.into()));
        }
    }
    if let Some(accepted) = text(headers, &header::ACCEPT_ENCODING).map(codings) {
        set(headers, header::ACCEPT_ENCODING, Some(accepted));
    }
    if exchange.expects_rewriting() {
        headers.remove(header::RANGE);
        headers.remove(header::IF_RANGE);
    }
    match exchange.destination {
        // A fresh policy must not meet a document with the nonce of an old one, nor a worker another script of Lado's.
        Destination::Document | Destination::Frame | Destination::Worker => {
            headers.remove(header::IF_NONE_MATCH);
            headers.remove(header::IF_MODIFIED_SINCE);
        }
        _ if exchange.expects_rewriting() => {
            let tags = text(headers, &header::IF_NONE_MATCH).and_then(unsalted);
            if tags.is_none() {
                headers.remove(header::IF_MODIFIED_SINCE);
            }
            set(headers, header::IF_NONE_MATCH, tags);
        }
        _ => {}
    }
}

/// Turns a response's headers into those that a browser may take from the view host, and hands over what is the jar's.
pub fn response(headers: &mut HeaderMap, exchange: &Exchange, body: Body, policies: &csp::Context) -> Kept {
    end_response_hop(headers);
    if body != Body::Passed {
        // A rewritten body has no trailers.
        headers.remove(header::TRAILER);
    }
    let kept = Kept {
        cookies: headers.get_all(header::SET_COOKIE).iter().cloned().collect(),
        clear: headers.get_all("clear-site-data").iter().any(|value| clears(value, &["cookies"])),
    };
    headers.remove(header::SET_COOKIE);
    // Of what is left, `cookies` would wipe the sibling view hosts' as well, Lado's own included.
    let storage = headers.get_all("clear-site-data").iter().any(|value| clears(value, &["storage"]));
    let cache = headers.get_all("clear-site-data").iter().any(|value| clears(value, &["cache"]));
    for name in DROPPED {
        headers.remove(name);
    }
    if storage || cache {
        let kinds = [(cache, "\"cache\""), (storage, "\"storage\"")];
        let kinds: Vec<&str> = kinds.iter().filter(|(wanted, _)| *wanted).map(|(_, kind)| *kind).collect();
        set(headers, HeaderName::from_static("clear-site-data"), Some(kinds.join(", ")));
    }
    for name in ["location", "content-location", "sourcemap", "x-sourcemap"] {
        rewrite(headers, name, |value| exchange.map(value));
    }
    rewrite(headers, "link", |value| list::links(value, &mut |raw| exchange.map(raw)));
    rewrite(headers, "refresh", |value| html::refresh(value, &mut |raw| exchange.map(raw)));
    for name in ["access-control-allow-origin", "timing-allow-origin"] {
        rewrite(headers, name, |value| list::origins(value, &exchange.map));
    }
    for name in ["permissions-policy", "permissions-policy-report-only"] {
        rewrite(headers, name, |value| list::quoted(value, &mut |raw| exchange.map(raw)));
    }
    rewrite(headers, "feature-policy", |value| list::words(value, &mut |raw| exchange.map(raw)));
    for name in ["content-security-policy", "content-security-policy-report-only"] {
        rewrite(headers, name, |value| Some(csp::translate_header(value, policies)));
    }
    frame_options(headers);
    resource_policy(headers, exchange);
    if body != Body::Passed {
        rewritten(headers, body);
    }
    vary(headers, body);
    kept
}

/// A browser's cache knows addresses and no destinations: what a script has fetched unrewritten must not be opened as a
/// page, nor what was opened be read by a script.
fn vary(headers: &mut HeaderMap, body: Body) {
    let essence = essence(headers);
    let kind = match essence.as_str() {
        // What tells nothing may turn out to be a page, and the fields of a 304 take the place of the stored ones.
        "" | "*/*" | "unknown/unknown" | "application/unknown" => Some(VARY_BY_ALL),
        // A module is asked for with another mode than a classic script.
        _ if essence.ends_with("script") => Some(VARY_BY_ALL),
        "text/html" | "application/xhtml+xml" | "image/svg+xml" | "text/css" | "application/manifest+json" => {
            Some(VARY_BY_DESTINATION)
        }
        _ if is_playlist(&essence) || body != Body::Passed => Some(VARY_BY_DESTINATION),
        _ => None,
    };
    if let Some(names) = kind {
        headers.append(header::VARY, HeaderValue::from_static(names));
    }
}

const VARY_BY_DESTINATION: &str = "sec-fetch-dest";
const VARY_BY_ALL: &str = "sec-fetch-dest, sec-fetch-mode";

fn is_playlist(essence: &str) -> bool {
    ["application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl"].contains(&essence)
}

/// The media type without its parameters, in lower case.
fn essence(headers: &HeaderMap) -> String {
    let value = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What no longer speaks of the bytes that the browser gets.
fn rewritten(headers: &mut HeaderMap, body: Body) {
    for name in [
        "accept-ranges",
        "content-digest",
        "content-length",
        "content-md5",
        "digest",
        "repr-digest",
        "signature",
        "signature-input",
    ] {
        headers.remove(name);
    }
    if body == Body::Html {
        // The document carries this response's nonce: it may be shown again, but only as a whole with its headers.
        headers.remove(header::ETAG);
        headers.remove(header::EXPIRES);
        let stored = !text(headers, &header::CACHE_CONTROL).is_some_and(|value| value.contains("no-store"));
        if stored {
            set(headers, header::CACHE_CONTROL, Some("private, no-cache".to_owned()));
        }
    } else if body == Body::Worker {
        headers.remove(header::ETAG);
    } else if let Some(tag) = text(headers, &header::ETAG) {
        let salted = tag.strip_suffix('"').map(|tag| format!("{tag}{SALT}\""));
        set(headers, header::ETAG, salted);
    }
}

/// `SAMEORIGIN` and `DENY` mean on view hosts what they mean on sites; browsers ignore everything else.
fn frame_options(headers: &mut HeaderMap) {
    let known = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| {
            value
                .split(',')
                .all(|part| ["deny", "sameorigin"].iter().any(|known| part.trim().eq_ignore_ascii_case(known)))
        })
    };
    if !headers.get_all(header::X_FRAME_OPTIONS).iter().all(known) {
        headers.remove(header::X_FRAME_OPTIONS);
    }
}

/// All view hosts are one site to the browser: what only pages of the same site may load is kept from the others here.
fn resource_policy(headers: &mut HeaderMap, exchange: &Exchange) {
    let name = HeaderName::from_static("cross-origin-resource-policy");
    if exchange.relation == Relation::CrossSite
        && text(headers, &name).is_some_and(|policy| policy.trim().eq_ignore_ascii_case("same-site"))
    {
        set(headers, name, Some("same-origin".to_owned()));
    }
}

/// All view hosts are one site to the browser; the site is told how it stands to the page that asks.
fn fetch_site(headers: &mut HeaderMap, exchange: &Exchange) {
    let name = HeaderName::from_static("sec-fetch-site");
    let Some(said) = text(headers, &name) else { return };
    let told = match (said, &exchange.initiator) {
        ("none" | "same-origin", _) => return,
        // The browser calls it same-site although page and target agree: a redirect led through another site.
        (_, Some(initiator)) if *initiator == exchange.site => "cross-site",
        (_, Some(initiator)) if initiator.same_site(&exchange.site) => "same-site",
        // The console names itself.
        (_, None) if exchange.relation == Relation::SameSite && headers.contains_key(header::REFERER) => "none",
        (said, None) if exchange.relation == Relation::SameSite => said,
        _ => "cross-site",
    };
    let told = told.to_owned();
    set(headers, name, Some(told));
}

/// The page's address at its site. Browsers have applied the page's referrer policy to the view's addresses; what they
/// cannot see is a step down from an https site to an http one.
fn referrer(value: &str, exchange: &Exchange) -> Option<String> {
    let mut page = exchange.map.unmap(&Url::parse(value).ok()?)?;
    tell_own(&mut page, &exchange.map);
    let site = Site::of(&page)?;
    let down = site.scheme() == Scheme::Https && exchange.site.scheme() == Scheme::Http;
    let own = page.path().starts_with("/__lado/");
    (!down && !own).then(|| page.into())
}

/// What a page says of its own address in the query becomes the site's own.
pub fn tell_own(url: &mut Url, map: &ViewMap) {
    let told = url.query().and_then(|query| map.unmap_said(query.as_bytes()));
    if let Some(query) = told.and_then(|query| String::from_utf8(query).ok()) {
        url.set_query(Some(&query));
    }
}

/// The codings that Lado decodes, as the browser weighs them.
fn codings(value: &str) -> String {
    let known = value.split(',').map(str::trim).filter(|part| {
        let name = part.split(';').next().unwrap_or_default().trim();
        CODINGS.iter().any(|coding| name.eq_ignore_ascii_case(coding))
    });
    let known: Vec<&str> = known.collect();
    if known.is_empty() { "identity".to_owned() } else { known.join(", ") }
}

/// The site's entity tags behind the salted ones; `None` unless every tag is of this version of the rewriting.
fn unsalted(value: &str) -> Option<String> {
    let tags = value.split(',').map(|tag| {
        let tag = tag.trim().strip_suffix('"')?.strip_suffix(SALT)?;
        Some(format!("{tag}\""))
    });
    tags.collect::<Option<Vec<String>>>().map(|tags| tags.join(", "))
}

fn clears(value: &HeaderValue, kinds: &[&str]) -> bool {
    let value = value.to_str().unwrap_or_default();
    value.split(',').any(|kind| {
        let kind = kind.trim().trim_matches('"');
        kind == "*" || kinds.contains(&kind)
    })
}

/// Removes hop-by-hop headers and those that `Connection` names (RFC 9110 §7.6.1).
pub fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // A header that the message cannot do without is not hop-by-hop, whoever says so.
        .filter(|name| *name != header::HOST && *name != header::COOKIE && *name != header::CONTENT_TYPE)
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Drops what belongs to the hop of a request. Lado passes trailers on (RFC 9110 §6.5.1): the site may send them to who
/// asked.
pub fn end_request_hop(headers: &mut HeaderMap) {
    let trailers = text(headers, &header::TE).is_some_and(|te| te.split(',').any(|part| part.trim() == "trailers"));
    drop_hop_by_hop(headers);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

/// Drops what belongs to the hop of a response, but for what announces its trailers.
pub fn end_response_hop(headers: &mut HeaderMap) {
    let trailer = headers.remove(header::TRAILER);
    drop_hop_by_hop(headers);
    if let Some(trailer) = trailer {
        headers.insert(header::TRAILER, trailer);
    }
}

/// Whether a field says where the visitor's connection comes from: Lado's business and nobody else's.
pub fn tells_of_visitor(name: &str) -> bool {
    name.get(..FORWARDED.len()).is_some_and(|begin| reads_as(begin, FORWARDED))
        || VISITOR.iter().any(|known| reads_as(name, known))
}

/// Whether a field's name is `known` for those too who read `_` as `-`: CGI, and WSGI and Rack after it.
pub fn reads_as(name: &str, known: &str) -> bool {
    let like = |(own, other): (u8, u8)| own == other || (own == b'_' && other == b'-');
    name.len() == known.len() && name.bytes().zip(known.bytes()).all(like)
}

/// Drops the fields whose name, in lower case, is wanted by `gone`.
pub fn drop_named(headers: &mut HeaderMap, gone: impl Fn(&str) -> bool) {
    let names: Vec<HeaderName> = headers.keys().filter(|name| gone(name.as_str())).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Rewrites every value of a header; a value that becomes empty goes.
fn rewrite(headers: &mut HeaderMap, name: &'static str, mut new: impl FnMut(&str) -> Option<String>) {
    let name = HeaderName::from_static(name);
    if !headers.contains_key(&name) {
        return;
    }
    let values: Vec<HeaderValue> = headers.get_all(&name).iter().cloned().collect();
    headers.remove(&name);
    for value in values {
        // Browsers read bytes outside ASCII as UTF-8 where they can; what is neither stays as it is.
        let mapped = str::from_utf8(value.as_bytes()).ok().and_then(&mut new);
        match mapped {
            None => drop(headers.append(&name, value)),
            Some(text) if text.is_empty() => {}
            Some(text) => {
                headers.append(&name, HeaderValue::from_bytes(text.as_bytes()).unwrap_or(value));
            }
        }
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<String>) {
    match value.and_then(|value| HeaderValue::try_from(value).ok()) {
        Some(value) => drop(headers.insert(name, value)),
        None => drop(headers.remove(name)),
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| str::from_utf8(value.as_bytes()).ok())
}

fn text_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
