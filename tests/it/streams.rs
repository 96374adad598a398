//! What flows for long: gigabytes, events, trailers, interim answers, HTTP/2 towards the site, sockets that echo.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Request, Version};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use lado::respond::{self, Body};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use url::Url;

use crate::kit::{Authority, Running, Site, answer, piece, text, trickle};

const GIGABYTE: u64 = 1 << 30;

/// How much the memory of this process may grow: it holds the site and the browser as well as Lado.
const FLAT: u64 = 64 << 20;

/// `length` bytes that cost nothing to make.
fn bytes(length: u64) -> Body {
    const CHUNK: u64 = 256 * 1024;
    let chunk = Bytes::from(vec![b'x'; CHUNK as usize]);
    let chunks = (0..length / CHUNK).map(move |_| Ok::<_, Infallible>(Frame::data(chunk.clone())));
    Body::stream(StreamBody::new(futures_util::stream::iter(chunks)))
}

async fn count(mut body: Incoming) -> u64 {
    let mut total = 0;
    while let Some(frame) = body.frame().await {
        total += frame.unwrap().into_data().map_or(0, |data| data.len() as u64);
    }
    total
}

/// A field of this process' status, in bytes. `VmHWM` is the most that it ever had.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gigabytes_down_and_two_up_pass_with_flat_memory() {
    let site = Site::new(|request: Request<Incoming>| async move {
        match request.uri().path() {
            "/up" => answer("text/plain", count(request.into_body()).await.to_string()),
            _ => answer("application/octet-stream", bytes(2 * GIGABYTE)),
        }
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let open = async |path: &str| customer.open(&site.url().join(path).unwrap()).await;
    assert_eq!(text(open("/up").await).await, "0");
    let before = memory("VmRSS:");

    let begin = Instant::now();
    assert_eq!(count(open("/down").await.into_body()).await, 2 * GIGABYTE);
    let down = begin.elapsed();
    let begin = Instant::now();
    let request = customer.request(&site.url().join("/up").unwrap()).method("POST");
    let response = lado.send(request.body(bytes(2 * GIGABYTE)).unwrap()).await;
    assert_eq!(text(response).await, (2 * GIGABYTE).to_string());
    let up = begin.elapsed();

    let grown = memory("VmHWM:").saturating_sub(before);
    println!("2 GiB down in {down:.1?}, 2 GiB up in {up:.1?}, {} KiB more memory at most", grown >> 10);
    assert!(grown < FLAT, "{} MiB more", grown >> 20);
}

/// The customer is slow: what the site sends waits at the site, not in Lado.
#[tokio::test]
async fn a_slow_reader_holds_the_site_back() {
    let site = Site::new(|_| async { answer("application/octet-stream", bytes(GIGABYTE)) }).await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let mut response = customer.open(&site.url()).await;
    let before = memory("VmRSS:");
    for _ in 0..20 {
        piece(&mut response).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let grown = memory("VmHWM:").saturating_sub(before);
    assert!(grown < FLAT, "{} MiB more", grown >> 20);
}

#[tokio::test]
async fn an_upload_begins_when_the_site_wants_it() {
    let site = Site::new(|request: Request<Incoming>| async move {
        answer("text/plain", count(request.into_body()).await.to_string())
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let mut stream = BufReader::new(lado.connect().await);
    let head = format!(
        "POST /up HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\
         connection: close\r\n\r\n",
        customer.host(&site.url()),
        customer.cookie()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut line = String::new();
    let wait = Duration::from_secs(5);
    tokio::time::timeout(wait, stream.read_line(&mut line)).await.expect("no interim answer").unwrap();
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    stream.write_all(b"hello").await.unwrap();
    let mut rest = String::new();
    tokio::time::timeout(wait, stream.read_to_string(&mut rest)).await.expect("no answer").unwrap();
    assert!(rest.contains("HTTP/1.1 200 OK") && rest.ends_with("\r\n\r\n5"), "{rest}");
}

#[tokio::test]
async fn nobody_is_asked_for_an_upload_that_has_nowhere_to_go() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let lado = Running::with(&[], |config| config.upstream.allow_private.push(closed.into())).await;
    let url = Url::parse(&format!("http://{closed}/")).unwrap();
    let customer = lado.customer(&url);
    let mut stream = lado.connect().await;
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\nexpect: 100-continue\r\ncontent-length: 99999999\r\n\
         connection: close\r\n\r\n",
        customer.host(&url),
        customer.cookie()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_string(&mut answer));
    read.await.expect("no answer").unwrap();
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}

/// The body's bytes, and what came after them.
async fn with_trailers(mut body: Incoming) -> (Vec<u8>, HeaderMap) {
    let (mut bytes, mut trailers) = (Vec::new(), HeaderMap::new());
    while let Some(frame) = body.frame().await {
        match frame.unwrap().into_data() {
            Ok(data) => bytes.extend_from_slice(&data),
            Err(frame) => trailers.extend(frame.into_trailers().unwrap()),
        }
    }
    (bytes, trailers)
}

/// `hello`, and a trailer after it.
fn trailed(value: &'static str) -> Body {
    let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), value.parse().unwrap())]);
    let frames = [Frame::data(Bytes::from_static(b"hello")), Frame::trailers(trailers)];
    Body::stream(StreamBody::new(futures_util::stream::iter(frames.map(Ok::<_, Infallible>))))
}

async fn says_what_came_after(request: Request<Incoming>) -> http::Response<Body> {
    let (version, te) = (request.version(), request.headers().get("te").cloned());
    let (bytes, trailers) = with_trailers(request.into_body()).await;
    let sum = trailers.get("x-sum").map_or("none", |sum| sum.to_str().unwrap());
    let mut response = answer("application/grpc-web", trailed("of the site"));
    let headers = response.headers_mut();
    headers.insert("trailer", "x-sum".parse().unwrap());
    headers.insert("x-heard", format!("{version:?} {te:?} {} {sum}", bytes.len()).parse().unwrap());
    response
}

#[tokio::test]
async fn trailers_pass_in_both_directions() {
    let site = Site::new(says_what_came_after).await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let request = customer.request(&site.url()).method("POST").header("te", "trailers").header("trailer", "x-sum");
    let response = lado.send(request.body(trailed("of the browser")).unwrap()).await;
    let heard = response.headers()["x-heard"].to_str().unwrap().to_owned();
    assert!(heard.starts_with("HTTP/1.1 Some(\"trailers\") 5 "), "{heard}");
    let (bytes, trailers) = with_trailers(response.into_body()).await;
    assert_eq!((bytes.as_slice(), trailers["x-sum"].to_str().unwrap()), (&b"hello"[..], "of the site"));
}

#[tokio::test]
async fn a_site_that_speaks_http_2_is_spoken_to_so() {
    let authority = Authority::new();
    let trusted = authority.file();
    let site = Site::tls(&authority.certificate("secure.test", |_| {}), says_what_came_after).await;
    let lado = Running::with(&[&site], |config| {
        config.upstream.hosts.insert("secure.test".into(), vec![[127, 0, 0, 1].into()]);
        config.upstream.extra_ca = vec![trusted.path().to_owned()];
    })
    .await;
    let url = Url::parse(&format!("https://secure.test:{}/", site.address.port())).unwrap();
    let customer = lado.customer(&url);
    let request = customer.request(&url).method("POST").header("te", "trailers").header("trailer", "x-sum");
    let response = lado.send(request.body(trailed("of the browser")).unwrap()).await;
    assert_eq!(response.version(), Version::HTTP_11);
    assert_eq!(response.headers()["x-heard"], "HTTP/2.0 Some(\"trailers\") 5 of the browser");
    let (bytes, trailers) = with_trailers(response.into_body()).await;
    assert_eq!((bytes.as_slice(), trailers["x-sum"].to_str().unwrap()), (&b"hello"[..], "of the site"));
    // Many at once on that connection.
    let many = (0..20).map(async |_| text(customer.open(&url).await).await);
    assert!(futures_util::future::join_all(many).await.iter().all(|text| text == "hello"));
}

#[tokio::test]
async fn an_answer_to_a_long_poll_comes_when_the_site_gives_it() {
    let (sender, body) = trickle();
    let body = std::sync::Arc::new(std::sync::Mutex::new(Some(body)));
    let site = Site::new(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move { answer("application/json", body) }
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let mut response = customer.send(customer.request(&site.url()).header("sec-fetch-dest", "empty")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    sender.send(Bytes::from_static(b"[1]")).unwrap();
    assert_eq!(piece(&mut response).await, "[1]");
}

/// Echoes under the second of the subprotocols that it is offered.
async fn echo(mut request: Request<Incoming>) -> http::Response<Body> {
    let offered = request.headers()["sec-websocket-protocol"].to_str().unwrap().to_owned();
    let (mut response, socket) = respond::websocket(&mut request).unwrap();
    let chosen = offered.split(',').nth(1).unwrap().trim().parse().unwrap();
    response.headers_mut().insert("sec-websocket-protocol", chosen);
    tokio::spawn(async move {
        let mut socket = socket.await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() || message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
    });
    response
}

async fn echoes<S>(mut socket: WebSocketStream<S>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    for size in [0, 1, 126, 65_536, 900_000] {
        let sent = Message::binary(vec![7; size]);
        socket.send(sent.clone()).await.unwrap();
        let wait = tokio::time::timeout(Duration::from_secs(5), socket.next());
        assert_eq!(wait.await.expect("nothing came back").unwrap().unwrap(), sent);
    }
    socket.close(None).await.unwrap();
}

#[tokio::test]
async fn a_websocket_echoes_under_the_subprotocol_that_the_site_chose() {
    let site = Site::new(echo).await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let request = customer
        .request(&site.url())
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-protocol", "soap, mqtt")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let mut response = customer.send(request).await;
    assert_eq!(
        (response.status().as_u16(), response.headers()["sec-websocket-protocol"].to_str().unwrap()),
        (101, "mqtt")
    );
    let stream = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
    echoes(WebSocketStream::from_raw_socket(stream, Role::Client, None).await).await;
}

#[tokio::test]
async fn a_websocket_over_http_2_echoes_under_the_subprotocol_that_the_site_chose() {
    let site = Site::new(echo).await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let stream = TokioIo::new(lado.connect().await);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, stream).await.unwrap();
    tokio::spawn(connection);
    let request = Request::connect(format!("http://{}/chat", customer.host(&site.url())))
        .header("cookie", customer.cookie())
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "soap, mqtt")
        .extension(hyper::ext::Protocol::from_static("websocket"))
        .body(Body::Empty)
        .unwrap();
    let mut response = sender.send_request(request).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["sec-websocket-protocol"].to_str().unwrap()),
        (200, "mqtt")
    );
    let stream = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
    echoes(WebSocketStream::from_raw_socket(stream, Role::Client, None).await).await;
}
