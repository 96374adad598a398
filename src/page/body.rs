//! Chooses what happens to a response's body: pages, style sheets, manifests, playlists and workers are rewritten,
//! everything else passes byte for byte.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{
    CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_SECURITY_POLICY_REPORT_ONLY, CONTENT_TYPE, HeaderMap, HeaderValue,
    VARY,
};
use http::response::Parts;
use url::Url;

use super::Pages;
use super::boot::Scripts;
use super::visit::Visit;
use crate::respond::{Body, BodyError, Coding, Failure, Limits, Response, Rewritten, Transform};
use crate::rewrite::css::CssRewriter;
use crate::rewrite::header::Destination;
use crate::rewrite::html::{self, HtmlRewriter};
use crate::rewrite::manifest::{Playlist, manifest};
use crate::rewrite::script::{self, ScriptRewriter};
use crate::rewrite::url::ViewMap;
use crate::rewrite::{charset, csp, header, sniff};
use crate::session::Session;

/// Decoded bytes for each encoded one. Real pages stay under 100, gzip ends at 1032.
const MAX_RATIO: u64 = 300;

/// A larger web app manifest passes as it is.
const MAX_MANIFEST: usize = 1024 * 1024;

/// What happens to a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Rewritten(header::Body, Coding),
    Passed,
}

impl Kind {
    pub fn of(visit: &Visit, parts: &Parts) -> Self {
        // A download is the customer's own file; a coding that nobody can undo passes with its addresses unmapped.
        let Some(coding) = Coding::of(&parts.headers).filter(|_| !is_download(&parts.headers)) else {
            return Self::Passed;
        };
        match visit.exchange.body(parts.status, &parts.headers) {
            header::Body::Passed => Self::Passed,
            body => Self::Rewritten(body, coding),
        }
    }

    /// What the headers have to say about it.
    pub fn body(self) -> header::Body {
        match self {
            Self::Rewritten(body, _) => body,
            Self::Passed => header::Body::Passed,
        }
    }
}

pub fn is_download(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_DISPOSITION).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.trim_start().to_ascii_lowercase().starts_with("attachment")
}

/// How long the head of a page waits for its first bytes, so that a page that cannot be read becomes a page that says so.
const PATIENCE: Duration = Duration::from_millis(500);

/// A document that does not say what it is gets the type that a browser would find in its first bytes.
///
/// # Errors
/// [`Failure::Body`] when the body cannot be read from its beginning.
pub async fn sniffed(visit: &Visit, response: Response) -> Result<Response, Failure> {
    let kind = response.headers().get(CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap_or("?").trim());
    // MIME Sniffing standard §7: these say nothing.
    let unknown = ["", "*/*", "unknown/unknown", "application/unknown"].contains(&kind);
    let waits = matches!(visit.exchange.destination, Destination::Document | Destination::Frame);
    let certain = response.headers().get("x-content-type-options").is_some_and(|value| value == "nosniff");
    let plain = Coding::of(response.headers()) == Some(Coding::Identity);
    if !unknown || !waits || certain || !plain || !response.status().is_success() {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let body = body.begin(PATIENCE).await.map_err(|cause| unreadable(visit, &cause))?;
    let start = body.first().unwrap_or_default();
    if let Some(kind) = sniff::document(&start[..start.len().min(sniff::ENOUGH)]) {
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    Ok(Response::from_parts(parts, body))
}

fn unreadable(visit: &Visit, cause: &BodyError) -> Failure {
    Failure::Body { site: visit.exchange.site.origin(), cause: cause.to_string() }
}

/// The response, once its body has begun where a person waits for it and it is rewritten.
///
/// # Errors
/// [`Failure::Body`] when the body cannot be read from its beginning.
pub async fn begun(visit: &Visit, response: Response) -> Result<Response, Failure> {
    let waits = matches!(visit.exchange.destination, Destination::Document | Destination::Frame);
    if !waits || !matches!(response.body(), Body::Stream(_)) {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    Ok(Response::from_parts(parts, body.begin(PATIENCE).await.map_err(|cause| unreadable(visit, &cause))?))
}

impl Pages {
    /// The body as the browser gets it, with the headers that speak of its bytes set right.
    pub(super) fn body(
        &self,
        session: &Session,
        visit: &Visit,
        kind: Kind,
        parts: &mut Parts,
        body: Body,
        context: csp::Context,
    ) -> Body {
        let exchange = &visit.exchange;
        let addresses = || (session.views.clone(), exchange.url.clone());
        // A worker goes by the policy of its own script, not of the page that made it (HTML standard, "run a worker").
        let worker = exchange.destination == Destination::Worker;
        if (worker || kind.body() == header::Body::Html)
            && let Ok(policy) = HeaderValue::try_from(csp::watch(&context))
        {
            parts.headers.append(CONTENT_SECURITY_POLICY_REPORT_ONLY, policy);
        }
        let (coding, rewriter) = match kind {
            Kind::Passed | Kind::Rewritten(header::Body::Passed, _) => return body,
            Kind::Rewritten(header::Body::Html, coding) => {
                let scripts = self.boots.scripts(session, &exchange.site, visit.locale);
                (coding, document(session, visit, &parts.headers, &scripts, context))
            }
            Kind::Rewritten(header::Body::Css, coding) => {
                let (map, url) = addresses();
                (coding, Rewriter::StyleSheet { rewriter: CssRewriter::new(), map, url })
            }
            Kind::Rewritten(header::Body::Script, coding) => {
                let (map, url) = addresses();
                let first = Bytes::new();
                (coding, Rewriter::Script { first, rewriter: ScriptRewriter::new(script::Kind::File), map, url })
            }
            Kind::Rewritten(header::Body::Playlist, coding) => {
                let (map, url) = addresses();
                (coding, Rewriter::Playlist { rewriter: Playlist::new(), map, url })
            }
            Kind::Rewritten(header::Body::Manifest, coding) => {
                let (map, url) = addresses();
                (coding, Rewriter::Manifest { text: Vec::new(), map, url })
            }
            Kind::Rewritten(header::Body::Worker, coding) => {
                let (map, url) = addresses();
                let first = self.boots.scripts(session, &exchange.site, visit.locale).worker.bytes.clone();
                (coding, Rewriter::Script { first, rewriter: ScriptRewriter::new(script::Kind::Inline), map, url })
            }
        };
        parts.headers.remove(CONTENT_ENCODING);
        if exchange.method == Method::HEAD {
            return Body::Empty;
        }
        if let Some(token) = visit.coding.token() {
            parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(token));
        }
        parts.headers.append(VARY, HeaderValue::from_static("accept-encoding"));
        let limits = Limits { bytes: self.config.max_page, ratio: MAX_RATIO };
        Body::stream(Rewritten::new(body, coding, rewriter, visit.coding, limits))
    }
}

fn document(
    session: &Session,
    visit: &Visit,
    headers: &HeaderMap,
    scripts: &Scripts,
    context: csp::Context,
) -> Rewriter {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let nonce = context.nonce.as_deref().unwrap_or_default();
    let page = html::Page {
        map: session.views.clone(),
        url: visit.exchange.url.clone(),
        // The parser of XML knows no `<script>` outside of XHTML.
        head: if content_type.trim_start().to_ascii_lowercase().starts_with("image/svg") {
            String::new()
        } else {
            let token = session.sandbox_token(&visit.exchange.site);
            format!("<script src=\"{}\" nonce=\"{nonce}\" data-lado=\"{token}\"></script>", scripts.boot_path())
        },
        charset: charset::of_content_type(content_type),
        stamps: session.company.rules.for_site(visit.exchange.site.host()),
        csp: Some(context),
    };
    Rewriter::Document(Some(Box::new(HtmlRewriter::new(page))))
}

enum Rewriter {
    /// `None` after the end.
    Document(Option<Box<HtmlRewriter>>),
    StyleSheet {
        rewriter: CssRewriter,
        map: ViewMap,
        url: Url,
    },
    Script {
        /// What is still to go before it.
        first: Bytes,
        rewriter: ScriptRewriter,
        map: ViewMap,
        url: Url,
    },
    Playlist {
        rewriter: Playlist,
        map: ViewMap,
        url: Url,
    },
    /// JSON is rewritten as a whole.
    Manifest {
        text: Vec<u8>,
        map: ViewMap,
        url: Url,
    },
}

impl Transform for Rewriter {
    fn write(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        match self {
            Self::Document(Some(rewriter)) => rewriter.write(piece, out),
            Self::Document(None) => {}
            Self::StyleSheet { rewriter, map, url } => {
                rewriter.write(piece, &mut |address: &str| map.map(address, url), out);
            }
            Self::Script { first, rewriter, map, url } => {
                begin(first, out);
                rewriter.write(piece, &mut |address: &str| map.map(address, url), out);
            }
            Self::Playlist { rewriter, map, url } => {
                rewriter.write(piece, &mut |address: &str| map.map(address, url), out);
            }
            Self::Manifest { text, .. } => {
                text.extend_from_slice(piece);
                if text.len() > MAX_MANIFEST {
                    out.append(text);
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        match self {
            Self::Document(rewriter) => {
                if let Some(error) = rewriter.take().and_then(|rewriter| rewriter.end(out)) {
                    // The customer's page goes on; what is not in the mirror is not shown to agents.
                    tracing::warn!(cause = %error, "the rest of a page passed unrewritten");
                }
            }
            Self::StyleSheet { rewriter, map, url } => {
                std::mem::take(rewriter).end(&mut |address: &str| map.map(address, url), out);
            }
            Self::Script { first, rewriter, map, url } => {
                begin(first, out);
                rewriter.end(&mut |address: &str| map.map(address, url), out);
            }
            Self::Playlist { rewriter, map, url } => {
                std::mem::take(rewriter).end(&mut |address: &str| map.map(address, url), out);
            }
            Self::Manifest { text, map, url } => match str::from_utf8(text) {
                Ok(text) => {
                    out.extend_from_slice(manifest(text, &mut |address: &str| map.map(address, url)).as_bytes())
                }
                Err(_) => out.append(text),
            },
        }
        Ok(())
    }
}

/// Lado's own script, once and on lines of its own.
fn begin(first: &mut Bytes, out: &mut Vec<u8>) {
    if !first.is_empty() {
        out.extend_from_slice(&std::mem::take(first));
        out.push(b'\n');
    }
}
