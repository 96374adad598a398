//! Ends event streams when Lado drains: they would never finish by themselves, and browsers connect again.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body::{Body as HttpBody, Frame};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{Body, BodyError, Response, Sockets};

/// The response, cut off when `sockets` drain where it is an event stream (HTML standard, "server-sent events").
pub fn until(response: Response, sockets: &Sockets) -> Response {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if !kind.starts_with("text/event-stream") {
        return response;
    }
    let drain = Box::pin(sockets.drained());
    response.map(|body| Body::stream(Until { body, drain }))
}

struct Until {
    body: Body,
    drain: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl HttpBody for Until {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        self.drain.as_mut().poll(cx).map(|()| None)
    }
}
