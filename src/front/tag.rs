//! The one tag that a front host's page gets: the launcher's, or during a session the sync script's.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{
    ACCEPT, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRAILER,
};
use http::{Method, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{Fronts, Visit};
use crate::assets;
use crate::respond::{Body, BodyError, Coding, Limits, Request, Response, Rewritten, Transform};
use crate::rewrite::csp::{self, Needs};
use crate::rewrite::launch::Launch;

/// Decoded bytes for each encoded one, as everywhere.
const MAX_RATIO: u64 = 300;

/// Whether a person will read the answer as a page of its own. Frames and what scripts fetch stay as they are.
pub fn reads(request: &Request) -> bool {
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::POST) {
        return false;
    }
    let headers = request.headers();
    match headers.get("sec-fetch-dest") {
        // `<link rel=prefetch>` does not say for what; the browser shows what it got when the link is followed.
        Some(dest) => dest == "document" || (dest == "empty" && is_prefetch(headers)),
        None => {
            let says_html = |accept: &HeaderValue| memchr::memmem::find(accept.as_bytes(), b"text/html").is_some();
            headers.get(ACCEPT).is_some_and(says_html)
        }
    }
}

fn is_prefetch(headers: &HeaderMap) -> bool {
    let says = |name| headers.get(name).is_some_and(|purpose| purpose.as_bytes().starts_with(b"prefetch"));
    says("sec-purpose") || says("purpose")
}

impl Fronts {
    pub(super) fn tag(&self, visit: &Visit, method: &Method, response: Response) -> Response {
        let (mut parts, body) = response.into_parts();
        let launcher = assets::launcher();
        let origin = visit.site.origin();
        if parts.status == StatusCode::NOT_MODIFIED {
            // The page that the browser keeps has the tag, and gets its policy from here (RFC 9111 §4.3.4).
            if is_html(&parts.headers) || !parts.headers.contains_key(CONTENT_TYPE) {
                let digests = [launcher.digest.as_str()];
                admit(&mut parts.headers, &Needs { origin: &origin, digests: &digests, panel: None });
            }
            return Response::from_parts(parts, body);
        }
        let has_body = !matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::PARTIAL_CONTENT);
        let Some(coding) = Coding::of(&parts.headers).filter(|_| has_body && is_html(&parts.headers)) else {
            return Response::from_parts(parts, body);
        };
        let boot = visit.session.as_ref().map(|session| self.boots.scripts(session, &visit.site, visit.locale));
        // A digest is there for policies to name: the launcher's is known, the sync script's costs a hash.
        let sealed = parts.headers.contains_key("integrity-policy");
        let judged = sealed || parts.headers.contains_key(CONTENT_SECURITY_POLICY);
        let booted = boot.as_ref().filter(|_| judged).map(|scripts| scripts.boot.digest());
        let digests: Vec<&str> = std::iter::once(launcher.digest.as_str()).chain(booted.as_deref()).collect();
        let panel = visit.session.as_ref().map(|_| self.console.as_str());
        let nonce = admit(&mut parts.headers, &Needs { origin: &origin, digests: &digests, panel });
        let nonce = nonce.map(|nonce| format!(" nonce=\"{nonce}\"")).unwrap_or_default();
        // Such a policy takes digests only of what is asked for with CORS (Integrity-Policy, SRI §3.6).
        let nonce = if sealed { nonce + " crossorigin" } else { nonce };
        let launcher = |more: &str| {
            let (hash, digest) = (&launcher.hash, &launcher.digest);
            format!("<script async src=\"/__lado/launcher.{hash}.js\" integrity=\"{digest}\"{nonce}{more}></script>")
        };
        let tag = match &boot {
            None => launcher(""),
            // During a session nothing of the page may come first.
            Some(scripts) => {
                let integrity = booted.as_ref().map(|digest| format!(" integrity=\"{digest}\"")).unwrap_or_default();
                let boot = format!("<script src=\"{}\"{integrity}{nonce}></script>", scripts.boot_path());
                boot + &launcher(" data-session")
            }
        };
        // Trailers speak of the bytes as the site sent them.
        parts.headers.remove(TRAILER);
        let length = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        match length.filter(|_| coding == Coding::Identity) {
            Some(length) => drop(parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length + tag.len() as u64))),
            None => drop(parts.headers.remove(CONTENT_LENGTH)),
        }
        let launch = Launch::new(&tag);
        let body = match coding {
            _ if method == Method::HEAD => body,
            Coding::Identity => {
                let length = length.map(|length| length + tag.len() as u64);
                Body::stream(Launching { body, launch, rest: None, ended: false, length })
            }
            coding => {
                let limits = Limits { bytes: self.max_page, ratio: MAX_RATIO };
                Body::stream(Rewritten::new(body, coding, launch, coding, limits))
            }
        };
        Response::from_parts(parts, body)
    }
}

/// HTML in an encoding that ASCII is a part of.
pub fn is_html(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("").to_ascii_lowercase();
    let html = kind.split(';').next().is_some_and(|kind| kind.trim() == "text/html");
    html && !kind.contains("utf-16") && !kind.contains("iso-2022-jp")
}

/// Lets the tag into the page's policies; the nonce that it has to bear, if they have one.
fn admit(headers: &mut HeaderMap, needs: &Needs<'_>) -> Option<String> {
    let mut nonce = None;
    for name in [CONTENT_SECURITY_POLICY, HeaderName::from_static("content-security-policy-report-only")] {
        let values: Vec<HeaderValue> = headers.get_all(&name).iter().cloned().collect();
        let mut changed = false;
        let admitted: Vec<HeaderValue> = values
            .into_iter()
            .map(|value| {
                let new = value.to_str().ok().and_then(|text| csp::beside(text, needs, &mut nonce));
                match new.and_then(|text| HeaderValue::try_from(text).ok()) {
                    Some(new) => {
                        changed = true;
                        new
                    }
                    None => value,
                }
            })
            .collect();
        if changed {
            headers.remove(&name);
            for value in admitted {
                headers.append(&name, value);
            }
        }
    }
    nonce
}

impl Transform for Launch {
    fn write(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        let taken = Self::write(self, piece, out);
        out.extend_from_slice(&piece[taken..]);
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        Self::end(self, out);
        Ok(())
    }
}

/// A body with the tag in it. What follows the tag is handed on without being looked at or copied.
struct Launching {
    body: Body,
    launch: Launch,
    rest: Option<Bytes>,
    ended: bool,
    length: Option<u64>,
}

impl HttpBody for Launching {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let next = loop {
            if let Some(rest) = this.rest.take() {
                break Some(Ok(Frame::data(rest)));
            }
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) if !this.launch.is_done() && frame.is_data() => {
                    let mut bytes = frame.into_data().unwrap_or_default();
                    let mut out = Vec::with_capacity(1024);
                    let taken = this.launch.write(&bytes, &mut out);
                    this.rest = Some(bytes.split_off(taken)).filter(|rest| !rest.is_empty());
                    if !out.is_empty() {
                        break Some(Ok(Frame::data(out.into())));
                    }
                }
                Some(Ok(frame)) if frame.is_trailers() => {}
                None if !this.ended && !this.launch.is_done() => {
                    let mut out = Vec::new();
                    this.launch.end(&mut out);
                    break Some(Ok(Frame::data(out.into())));
                }
                next => {
                    this.ended = next.is_none();
                    break next;
                }
            }
        };
        if let (Some(left), Some(Ok(frame))) = (&mut this.length, &next) {
            *left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len() as u64));
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.ended || (self.launch.is_done() && self.rest.is_none() && self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
