//! Chooses what happens to a response's body: pages and style sheets are rewritten, everything else passes byte for byte.

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    LAST_MODIFIED, VARY,
};
use http::response::Parts;
use http::{Method, StatusCode};
use url::Url;

use super::Pages;
use super::boot::Scripts;
use super::exchange::{Dest, Exchange};
use crate::id::Secret;
use crate::respond::{Body, BodyError, Coding, Limits, Rewritten, Transform};
use crate::rewrite::css::CssRewriter;
use crate::rewrite::html::{self, HtmlRewriter};
use crate::rewrite::url::ViewMap;
use crate::rewrite::{charset, csp};
use crate::session::Session;

/// Decoded bytes for each encoded one. Real pages stay under 100, gzip ends at 1032.
const MAX_RATIO: u64 = 300;

/// What a body is rewritten as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Document,
    StyleSheet,
    /// A worker's script: Lado's own goes before it.
    Worker,
}

impl Kind {
    /// `None`: the body passes as it is.
    fn of(exchange: &Exchange, parts: &Parts) -> Option<Self> {
        let headers = &parts.headers;
        // A part cannot be rewritten without the whole, and a download is the customer's own file.
        if parts.status == StatusCode::PARTIAL_CONTENT || is_download(headers) {
            return None;
        }
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match (exchange.dest(), essence.as_str()) {
            (Dest::Page | Dest::Frame | Dest::Unsaid, "text/html") => Some(Self::Document),
            (Dest::Worker, _) if parts.status.is_success() => Some(Self::Worker),
            // What a script fetches it gets as it is: the hooks map what it does with it.
            (Dest::Script, _) => None,
            (Dest::Style, _) | (_, "text/css") => Some(Self::StyleSheet),
            _ => None,
        }
    }
}

fn is_download(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_DISPOSITION).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.trim_start().to_ascii_lowercase().starts_with("attachment")
}

impl Pages {
    /// The body as the browser gets it, with the headers that speak of its bytes set right.
    pub(super) fn body(&self, session: &Session, exchange: &Exchange, parts: &mut Parts, body: Body) -> Body {
        let nonce = Secret::random().reveal();
        let context = csp::Context {
            map: session.views.clone(),
            site: exchange.site().clone(),
            console: self.console.clone(),
            nonce: Some(nonce.clone()),
        };
        translate_policies(&mut parts.headers, &context);
        let Some(kind) = Kind::of(exchange, parts) else { return body };
        // A coding that nobody can undo passes: the page works, only its addresses stay unmapped.
        let Some(coding) = Coding::of(&parts.headers) else { return body };
        // Without a body there is nothing to rewrite, but the headers must not speak of the site's bytes.
        let empty = matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        forget_bytes(&mut parts.headers);
        if empty || *exchange.method() == Method::HEAD {
            return Body::Empty;
        }
        let scripts = self.boots.scripts(session, exchange.site(), exchange.locale());
        let transform = match kind {
            Kind::Document => document(session, exchange, &parts.headers, &scripts, context, &nonce),
            Kind::StyleSheet => Rewriter::StyleSheet {
                rewriter: CssRewriter::new(),
                map: session.views.clone(),
                url: exchange.url().clone(),
            },
            Kind::Worker => Rewriter::Worker(Some(scripts.worker.bytes.clone())),
        };
        if let Some(token) = exchange.coding().token() {
            parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(token));
        }
        parts.headers.append(VARY, HeaderValue::from_static("accept-encoding"));
        let limits = Limits { bytes: self.config.max_page, ratio: MAX_RATIO };
        Body::stream(Rewritten::new(body, coding, transform, exchange.coding(), limits))
    }
}

fn document(
    session: &Session,
    exchange: &Exchange,
    headers: &HeaderMap,
    scripts: &Scripts,
    context: csp::Context,
    nonce: &str,
) -> Rewriter {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let page = html::Page {
        map: session.views.clone(),
        url: exchange.url().clone(),
        head: format!("<script src=\"{}\" nonce=\"{nonce}\"></script>", scripts.boot_path()),
        charset: charset::of_content_type(content_type),
        stamps: session.company.rules.for_site(exchange.site().host()),
        csp: Some(context),
    };
    Rewriter::Document(Some(Box::new(HtmlRewriter::new(page))))
}

fn translate_policies(headers: &mut HeaderMap, context: &csp::Context) {
    for name in ["content-security-policy", "content-security-policy-report-only"] {
        let policies: Vec<HeaderValue> = headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .filter_map(|value| HeaderValue::try_from(csp::translate_header(value, context)).ok())
            .collect();
        headers.remove(name);
        for policy in policies {
            headers.append(name, policy);
        }
    }
}

/// The bytes are others now: their length, their names and their digests are no longer true.
fn forget_bytes(headers: &mut HeaderMap) {
    for name in [CONTENT_LENGTH, CONTENT_ENCODING, ETAG, LAST_MODIFIED, ACCEPT_RANGES] {
        headers.remove(name);
    }
    for name in ["content-md5", "digest", "content-digest", "repr-digest"] {
        headers.remove(name);
    }
}

enum Rewriter {
    /// `None` after the end.
    Document(Option<Box<HtmlRewriter>>),
    StyleSheet {
        rewriter: CssRewriter,
        map: ViewMap,
        url: Url,
    },
    /// What is still to go before the script.
    Worker(Option<Bytes>),
}

impl Transform for Rewriter {
    fn write(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        match self {
            Self::Document(Some(rewriter)) => rewriter.write(piece, out),
            Self::Document(None) => {}
            Self::StyleSheet { rewriter, map, url } => {
                rewriter.write(piece, &mut |address: &str| map.map(address, url), out);
            }
            Self::Worker(first) => {
                if let Some(script) = first.take() {
                    out.extend_from_slice(&script);
                    out.push(b'\n');
                }
                out.extend_from_slice(piece);
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
            Self::Worker(_) => {}
        }
        Ok(())
    }
}
