//! Turns a request into a WebSocket: HTTP/1.1 upgrades (RFC 6455) and HTTP/2 extended CONNECT (RFC 8441).

use std::future::Future;

use http::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Method, StatusCode};
use hyper::ext::Protocol;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::{Body, Response};
use crate::protocol::MAX_MESSAGE;

/// One of Lado's own sockets to a browser.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    #[error("downstream asked for a WebSocket address without asking for a WebSocket")]
    NotAsked,
    #[error("downstream speaks another WebSocket version than 13")]
    Version,
    #[error("downstream sent no Sec-WebSocket-Key")]
    NoKey,
}

/// Accepts `request` as a WebSocket: send the response, then await the socket (in a task of its own).
///
/// Who may open it is the caller's to judge first: browsers apply no same-origin policy to WebSockets, so check
/// `Origin` and the cookie or ticket. The socket's messages are limited to [`MAX_MESSAGE`] and its buffers are small:
/// an idle socket costs little.
///
/// # Errors
/// [`UpgradeError`] when the request is not a WebSocket handshake.
pub fn websocket<B>(
    request: &mut http::Request<B>,
) -> Result<(Response, impl Future<Output = hyper::Result<Socket>> + Send + use<B>), UpgradeError> {
    let mut response = Response::new(Body::Empty);
    if is_extended_connect(request) {
        *response.status_mut() = StatusCode::OK;
    } else {
        let headers = request.headers();
        if request.method() != Method::GET || !asks_for_upgrade(headers) {
            return Err(UpgradeError::NotAsked);
        }
        if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(UpgradeError::Version);
        }
        let key = headers.get(SEC_WEBSOCKET_KEY).ok_or(UpgradeError::NoKey)?;
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).map_err(|_| UpgradeError::NoKey)?;
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    let upgrade = hyper::upgrade::on(request);
    let socket = async move {
        let stream = TokioIo::new(upgrade.await?);
        Ok(WebSocketStream::from_raw_socket(stream, Role::Server, Some(limits())).await)
    };
    Ok((response, socket))
}

/// Whether the request wants to become a WebSocket, by either protocol's way of asking.
pub fn is_websocket<B>(request: &http::Request<B>) -> bool {
    is_extended_connect(request) || (request.method() == Method::GET && asks_for_upgrade(request.headers()))
}

fn is_extended_connect<B>(request: &http::Request<B>) -> bool {
    request.method() == Method::CONNECT
        && request.extensions().get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket")
}

fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    has_token(headers, &CONNECTION, "upgrade") && has_token(headers, &UPGRADE, "websocket")
}

fn has_token(headers: &HeaderMap, name: &http::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// tungstenite's defaults are 128 KiB to read, 64 MiB for a message and unbounded writes: too much for each of
/// thousands of sockets.
fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(4 * 1024)
        .max_write_buffer_size(2 * MAX_MESSAGE)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake() -> http::Request<()> {
        http::Request::builder()
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(())
            .unwrap()
    }

    #[test]
    fn the_handshake_of_the_rfc_is_answered() {
        let (response, _) = websocket(&mut handshake()).unwrap();
        assert_eq!(response.status(), 101);
        assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_is_no_handshake_is_refused() {
        assert!(matches!(websocket(&mut http::Request::new(())), Err(UpgradeError::NotAsked)));
        let mut request = handshake();
        request.headers_mut().remove("sec-websocket-key");
        assert!(matches!(websocket(&mut request), Err(UpgradeError::NoKey)));
        let mut request = handshake();
        request.headers_mut().insert("sec-websocket-version", HeaderValue::from_static("8"));
        assert!(matches!(websocket(&mut request), Err(UpgradeError::Version)));
    }
}
