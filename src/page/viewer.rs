//! The viewer's host: the viewer app, its socket, and the assets that the masked mirror shows.
//!
//! No cookie authorises anything here. The socket opens with a ticket, an asset with its capability URL, and an asset is
//! never a document, a script or an answer of a site's API.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, COOKIE, ETAG, HOST, HeaderMap, HeaderName, HeaderValue, IF_RANGE, LAST_MODIFIED, LOCATION, RANGE,
    REFERER, USER_AGENT,
};
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use moka::sync::Cache;
use url::Url;

use super::own::PREFIX;
use super::{Config, Pages};
use crate::assets;
use crate::id::SessionId;
use crate::mask::{self, Mask};
use crate::respond::{self, Body, Coding, Failure, Limits, Request, Response, Rewritten, Transform};
use crate::rewrite::cookie::{Relation, Source};
use crate::rewrite::url::Site;
use crate::session::{Asset as Named, Found, Session, lock};
use crate::sync;
use crate::upstream::BodyError;

/// Redirects that an asset may take. The guard judges each.
const MAX_REDIRECTS: usize = 5;

/// An asset as it is handed to viewers.
#[derive(Clone)]
struct Asset {
    content_type: HeaderValue,
    bytes: Bytes,
    /// What a style sheet leads to.
    leads: Arc<[Named]>,
    /// By what it was judged, where it says anything: [`Session::judged`].
    judged: Option<u64>,
}

/// Assets that viewers have loaded, by session and capability.
pub struct Assets {
    kept: Cache<(SessionId, String), Asset>,
    max: u64,
}

impl Assets {
    pub fn new(config: &Config) -> Self {
        let weight =
            |_: &(SessionId, String), asset: &Asset| u32::try_from(asset.bytes.len() + 256).unwrap_or(u32::MAX);
        let kept =
            Cache::builder().weigher(weight).max_capacity(config.asset_cache).support_invalidation_closures().build();
        Self { kept, max: config.max_asset }
    }

    /// Nothing of an ended session is kept.
    pub fn forget(&self, session: SessionId) {
        // Fails only where closures are not supported, and they are.
        let _ = self.kept.invalidate_entries_if(move |(of, _), _| *of == session);
        // Else their memory waits for whoever uses the cache next.
        self.kept.run_pending_tasks();
    }

    /// A session that ends is marked as over before its assets are forgotten: whichever comes first, nothing stays.
    fn keep(&self, session: &Session, mac: String, asset: Asset) {
        let key = (session.id, mac);
        self.kept.insert(key.clone(), asset);
        if session.is_over() {
            self.kept.invalidate(&key);
        }
    }
}

impl Pages {
    /// What a viewer's host answers.
    ///
    /// # Errors
    /// [`Failure`] for [`respond::rescue`].
    pub async fn viewer(&self, id: SessionId, request: Request) -> Result<Response, Failure> {
        let session = match self.sessions.find(id) {
            Found::Open(session) => session,
            Found::Ended(_) | Found::Unknown => return Err(self.ended(id, &request)),
        };
        let path = request.uri().path().strip_prefix(PREFIX).ok_or(Failure::NotFound)?.to_owned();
        match (request.method(), path.as_str()) {
            (_, "watch") => self.watch(session, request),
            (&Method::GET, "viewer") => Ok(self.app(&session)),
            (&Method::GET, path) => match path.strip_prefix("a/") {
                Some(mac) => self.asset(&session, mac, request.headers()).await,
                None => file(path),
            },
            _ => Err(Failure::NotFound),
        }
    }

    /// The viewer's document. Its stage inherits this policy and has no scripts of its own to allow.
    fn app(&self, session: &Session) -> Response {
        let mut response = respond::html(StatusCode::OK, assets::app("viewer"));
        let scheme = if session.views.domain().scheme.as_str() == "https" { "wss" } else { "ws" };
        let origin = session.views.viewer_origin();
        let own = origin.split_once("://").map_or("", |(_, authority)| authority);
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
             font-src 'self' data:; media-src 'self'; connect-src {scheme}://{own}; frame-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors {}",
            self.console
        );
        set(response.headers_mut(), CONTENT_SECURITY_POLICY, &policy);
        response
    }

    fn watch(&self, session: Arc<Session>, mut request: Request) -> Result<Response, Failure> {
        if !sync::is_from(request.headers(), &session.views.viewer_origin()) {
            return Err(Failure::Forbidden("the viewer's socket is for the viewer"));
        }
        let (response, socket) = respond::websocket(&mut request)?;
        let (sessions, hubs) = (self.sessions.clone(), self.hubs.clone());
        self.sockets.spawn(async move {
            match socket.await {
                Ok(socket) => sync::viewer(&sessions, &hubs, session.id, socket).await,
                Err(error) => tracing::debug!(%error, "a viewer's socket did not open"),
            }
        });
        Ok(response)
    }

    async fn asset(&self, session: &Session, mac: &str, asked: &HeaderMap) -> Result<Response, Failure> {
        if is_document(asked) {
            return Err(Failure::Forbidden("assets are no documents"));
        }
        if session.is_paused() {
            return Err(Failure::Forbidden("the customer has blanked the view"));
        }
        let Named { url, silent } = session.asset(mac).ok_or(Failure::NotFound)?;
        let ranged = asked.contains_key(RANGE);
        // Looked at before the rules are: what was judged by the ones before must not pass for judged by these.
        let judged = session.judged();
        let still = |asset: &Asset| !ranged && asset.judged.is_none_or(|by| by == judged);
        if let Some(asset) = self.assets.kept.get(&(session.id, mac.to_owned())).filter(still) {
            session.leads(mac, &asset.leads);
            return Ok(passive(StatusCode::OK, asset.content_type, asset.bytes.into()));
        }
        let (url, response) = match self.fetched.find(session.id, &url).await.filter(|_| !ranged) {
            Some(found) => found,
            None => self.fetch(session, url, asked).await?,
        };
        let site = url.origin().ascii_serialization();
        let (parts, body) = response.into_parts();
        let kind = parts.headers.get(CONTENT_TYPE).cloned().unwrap_or_else(|| HeaderValue::from_static(""));
        let content_type = Passive::of(&kind, asked.get("sec-fetch-dest"))
            .ok_or(Failure::Forbidden("not a passive kind of content"))?;
        if !matches!(parts.status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            return Ok(respond::status(parts.status));
        }
        if parts.status == StatusCode::PARTIAL_CONTENT {
            // Nobody can say of a piece of a sheet or of a drawing what it says.
            if !ranged || content_type != Passive::Other {
                return Err(Failure::Forbidden("only what says nothing comes in pieces"));
            }
            let mut response = passive(parts.status, kind, body);
            for name in [CONTENT_RANGE, CONTENT_LENGTH, ETAG, LAST_MODIFIED] {
                if let Some(value) = parts.headers.get(&name) {
                    response.headers_mut().insert(name, value.clone());
                }
            }
            return Ok(response);
        }
        let coding = Coding::of(&parts.headers)
            .ok_or_else(|| Failure::Body { site: site.clone(), cause: "an unknown content coding".into() })?;
        let limits = Limits { bytes: self.assets.max, ratio: 1000 };
        let plain = Body::stream(Rewritten::new(body, coding, Same, Coding::Identity, limits));
        let bytes = gather(plain).await.map_err(|error| Failure::Body { site, cause: error.to_string() })?;
        let mask = session.mask_of(url.host_str().unwrap_or_default());
        let mut leads = Leads { session, to: Vec::new() };
        let bytes = match content_type {
            Passive::StyleSheet => style_sheet(&bytes, &kind, &url, &mask, silent, &mut leads),
            Passive::Drawing => mask::drawing(bytes, &mask).ok_or(Failure::Forbidden("the drawing is masked"))?.into(),
            Passive::Other => bytes,
        };
        let kind = if content_type == Passive::StyleSheet {
            HeaderValue::from_static("text/css; charset=utf-8")
        } else {
            kind
        };
        session.leads(mac, &leads.to);
        let judged = (content_type != Passive::Other).then_some(judged);
        let asset = Asset { content_type: kind.clone(), bytes: bytes.clone(), leads: leads.to.into(), judged };
        self.assets.keep(session, mac.to_owned(), asset);
        Ok(passive(StatusCode::OK, kind, bytes.into()))
    }

    /// Fetches an asset as the customer's browser would, with the session's cookies.
    async fn fetch(&self, session: &Session, mut url: Url, asked: &HeaderMap) -> Result<(Url, Response), Failure> {
        for _ in 0..=MAX_REDIRECTS {
            let site = Site::of(&url).ok_or(Failure::NotFound)?;
            let relation = match Site::of(&session.start) {
                Some(start) if start.same_site(&site) => Relation::SameSite,
                _ => Relation::CrossSite,
            };
            let mut request = http::Request::new(Body::Empty);
            *request.uri_mut() = url.as_str().parse().map_err(|_| Failure::NotFound)?;
            let headers = request.headers_mut();
            set(headers, HOST, &site.authority());
            set(headers, REFERER, &format!("{}/", site.origin()));
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate, br, zstd"));
            for name in [ACCEPT, ACCEPT_LANGUAGE, USER_AGENT, RANGE, IF_RANGE] {
                if let Some(value) = asked.get(&name) {
                    if name == RANGE {
                        // Ranges count the bytes of the coding they come in.
                        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
                    }
                    headers.insert(name, value.clone());
                }
            }
            if let Some(cookie) = lock(&session.jar).header(&url, relation, SystemTime::now()) {
                headers.insert(COOKIE, cookie);
            }
            let response =
                self.upstream.send(request).await.map_err(|cause| Failure::Upstream { site: site.origin(), cause })?;
            for value in response.headers().get_all(http::header::SET_COOKIE) {
                lock(&session.jar).store(value.as_bytes(), &url, Source::Http, relation, SystemTime::now());
            }
            let target = response.status().is_redirection().then(|| response.headers().get(LOCATION)).flatten();
            match target.and_then(|target| target.to_str().ok()).and_then(|target| url.join(target).ok()) {
                Some(next) => url = next,
                None => return Ok((url, response)),
            }
        }
        Err(Failure::NotFound)
    }
}

/// A file of the viewer app.
fn file(name: &str) -> Result<Response, Failure> {
    let asset = assets::file(name).filter(|_| name.starts_with("viewer.")).ok_or(Failure::NotFound)?;
    let mut response = Response::new(Body::from(Bytes::from_static(asset.bytes)));
    let headers = response.headers_mut();
    set(headers, CONTENT_TYPE, asset.content_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    Ok(response)
}

/// The kinds of content that show something and do nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passive {
    StyleSheet,
    /// SVG: its text is text.
    Drawing,
    Other,
}

impl Passive {
    fn of(content_type: &HeaderValue, dest: Option<&HeaderValue>) -> Option<Self> {
        let kind = content_type.to_str().unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let dest = dest.and_then(|dest| dest.to_str().ok()).unwrap_or("");
        let family = kind.split('/').next().unwrap_or("");
        match (family, kind.as_str()) {
            (_, "text/css") => Some(Self::StyleSheet),
            (_, "image/svg+xml") => Some(Self::Drawing),
            ("image" | "font" | "audio" | "video", _) => Some(Self::Other),
            (_, "application/vnd.ms-fontobject") => Some(Self::Other),
            (_, kind) if kind.starts_with("application/font-") || kind.starts_with("application/x-font-") => {
                Some(Self::Other)
            }
            // Many sites send fonts without saying so: a browser that asks for a font can do nothing else with it.
            (_, "" | "application/octet-stream" | "binary/octet-stream") if dest == "font" => Some(Self::Other),
            _ => None,
        }
    }
}

/// Whether viewers may ask for content of this kind and get it whole. Sound and video come in ranges.
pub fn shows(content_type: &HeaderValue, dest: Option<&HeaderValue>) -> bool {
    let timed = content_type.to_str().is_ok_and(|kind| kind.starts_with("audio/") || kind.starts_with("video/"));
    !timed && Passive::of(content_type, dest).is_some()
}

fn is_document(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-dest")
        .is_some_and(|dest| ["document", "iframe", "frame", "embed", "object"].iter().any(|word| dest == word))
}

/// A response that shows something inside the viewer and does nothing anywhere.
fn passive(status: StatusCode, content_type: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    // Lado keeps assets for as long as the session lives; the agent's browser should not keep them beyond it.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    );
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}

/// A style sheet whose addresses are capabilities too. Text that is not UTF-8 becomes it.
fn style_sheet(
    bytes: &[u8],
    content_type: &HeaderValue,
    url: &Url,
    mask: &Mask,
    silent: bool,
    leads: &mut Leads<'_>,
) -> Bytes {
    let charset = content_type
        .to_str()
        .ok()
        .and_then(|value| value.split(';').find_map(|part| part.trim().strip_prefix("charset=")))
        .and_then(|label| encoding_rs::Encoding::for_label(label.trim_matches('"').as_bytes()))
        .unwrap_or(encoding_rs::UTF_8);
    let (text, ..) = charset.decode(bytes);
    mask::style_sheet(&text, url, mask, silent, leads).as_ref().clone().into()
}

/// Notes where a style sheet leads to.
struct Leads<'s> {
    session: &'s Session,
    to: Vec<Named>,
}

impl mask::AssetMap for Leads<'_> {
    fn asset(&mut self, _: mask::Place, url: &Url, silent: bool) -> String {
        let asset = Named { url: url.clone(), silent };
        let path = self.session.path_of_asset(&asset);
        self.to.push(asset);
        path
    }

    fn gone(&mut self, _: mask::Gone) {}
}

async fn gather(mut body: Body) -> Result<Bytes, BodyError> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.freeze())
}

/// Bytes that are unpacked only.
struct Same;

impl Transform for Same {
    fn write(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        out.extend_from_slice(piece);
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<(), BodyError> {
        Ok(())
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passive_kind(content_type: &str, dest: &str) -> Option<Passive> {
        Passive::of(&content_type.parse().unwrap(), Some(&dest.parse().unwrap()))
    }

    #[test]
    fn only_what_shows_and_does_nothing_is_passive() {
        assert_eq!(passive_kind("text/css; charset=utf-8", "style"), Some(Passive::StyleSheet));
        assert_eq!(passive_kind("image/svg+xml", "image"), Some(Passive::Drawing));
        for (kind, dest) in [
            ("image/png", "image"),
            ("font/woff2", "font"),
            ("application/font-woff", "font"),
            ("application/octet-stream", "font"),
            ("video/mp4", "video"),
        ] {
            assert_eq!(passive_kind(kind, dest), Some(Passive::Other), "{kind}");
        }
        for (kind, dest) in [
            ("text/html", "image"),
            ("application/json", "image"),
            ("text/javascript", "image"),
            ("application/octet-stream", "image"),
            ("", "image"),
            ("application/pdf", "image"),
        ] {
            assert_eq!(passive_kind(kind, dest), None, "{kind}");
        }
    }
}
