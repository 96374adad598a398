//! WebSockets between a page and its site: bytes pass both ways, only the handshake is mapped.

use std::future::Future;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    SET_COOKIE, UPGRADE,
};
use http::{Method, StatusCode};
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt as _, copy_bidirectional_with_sizes};
use tokio::time::timeout;

use super::Pages;
use super::frames::Framed;
use super::visit::Visit;
use crate::respond::{Body, Failure, Request, Response};
use crate::rewrite::header::{Kept, drop_hop_by_hop};
use crate::session::{Phase, Session};

/// Thousands of tunnels idle: each direction gets this much.
const BUFFER: usize = 4 * 1024;

/// Close codes (RFC 6455 §7.4.1 and IANA's registry) that tell a page why its socket goes, and whether to come back.
pub const GOING_AWAY: u16 = 1001;
pub const RESTART: u16 = 1012;
/// A page that does not read has no last word.
const GOODBYE: Duration = Duration::from_secs(2);

impl Pages {
    /// # Errors
    /// [`Failure::Upstream`] when the site did not answer. A site that says no is answered with its own words.
    pub(super) async fn tunnel(
        &self,
        session: &Session,
        visit: Visit,
        mut request: Request,
    ) -> Result<Response, Failure> {
        let side = Side::of(&mut request);
        let (mut parts, _) = request.into_parts();
        visit.head(session, &mut parts)?;
        let mut handshake = Request::from_parts(parts, Body::Empty);
        side.ask(&mut handshake);
        let site = visit.exchange.site.origin();
        let mut response = self.upstream.upgrade(handshake).await.map_err(|cause| Failure::Upstream { site, cause })?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(self.answer(session, &visit, response));
        }
        let upstream = hyper::upgrade::on(&mut response);
        let mut answer = response.map(|_| Body::Empty);
        let headers = answer.headers_mut();
        drop_hop_by_hop(headers);
        let kept = Kept { cookies: headers.get_all(SET_COOKIE).iter().cloned().collect(), clear: false };
        headers.remove(SET_COOKIE);
        visit.keep(session, headers, &kept);
        let downstream = side.agree(&mut answer);
        let mut state = session.watch();
        let drained = self.sockets.drained();
        self.sockets.spawn(copy(downstream, upstream, async move {
            tokio::select! {
                _ = state.wait_for(|state| state.phase == Phase::Ended) => GOING_AWAY,
                () = drained => RESTART,
            }
        }));
        Ok(answer)
    }
}

/// The browser's side of a WebSocket, whichever protocol it asks by.
pub struct Side {
    /// By HTTP/2's extended CONNECT (RFC 8441).
    extended: bool,
    upgrade: OnUpgrade,
}

impl Side {
    pub fn of(request: &mut Request) -> Self {
        let extended = request.extensions_mut().remove::<Protocol>().is_some();
        Self { extended, upgrade: hyper::upgrade::on(request) }
    }

    /// Makes the request an HTTP/1.1 handshake.
    pub fn ask(&self, request: &mut Request) {
        *request.method_mut() = Method::GET;
        let headers = request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.remove(CONTENT_LENGTH);
        if self.extended {
            // HTTP/2 has no key (RFC 8441 §5), HTTP/1.1 needs one.
            headers.insert(SEC_WEBSOCKET_KEY, fresh_key());
        }
    }

    /// Makes the site's yes one that the browser understands.
    pub fn agree(self, answer: &mut Response) -> OnUpgrade {
        if self.extended {
            *answer.status_mut() = StatusCode::OK;
            answer.headers_mut().remove(SEC_WEBSOCKET_ACCEPT);
        } else {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            answer.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        self.upgrade
    }
}

/// Passes bytes both ways until one side leaves, or until `end` says with which code the page's socket is to close.
pub async fn copy(downstream: OnUpgrade, upstream: OnUpgrade, end: impl Future<Output = u16>) {
    let mut end = std::pin::pin!(end);
    let both = async { tokio::try_join!(downstream, upstream) };
    let (mut downstream, mut upstream) = tokio::select! {
        opened = both => match opened {
            Ok((downstream, upstream)) => (Framed::new(TokioIo::new(downstream)), TokioIo::new(upstream)),
            Err(error) => return tracing::debug!(%error, "a WebSocket did not open"),
        },
        _ = &mut end => return,
    };
    let code = tokio::select! {
        copied = copy_bidirectional_with_sizes(&mut downstream, &mut upstream, BUFFER, BUFFER) => {
            if let Err(error) = copied {
                tracing::debug!(%error, "a WebSocket broke off");
            }
            return;
        }
        code = &mut end => code,
    };
    // In the middle of a frame nothing can be said: such a page sees its connection break.
    if let Some(close) = downstream.close(code) {
        let goodbye = async {
            downstream.write_all(&close).await?;
            downstream.shutdown().await
        };
        let _ = timeout(GOODBYE, goodbye).await;
    }
}

fn fresh_key() -> HeaderValue {
    let bytes = crate::id::Secret::random();
    let key = STANDARD.encode(&bytes.as_bytes()[..16]);
    HeaderValue::try_from(key).unwrap_or_else(|_| HeaderValue::from_static(""))
}
