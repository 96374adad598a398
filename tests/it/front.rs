//! Lado in front of a site: every byte passes but one tag, and a session goes on under the site's own name.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use lado::front;
use lado::respond::{self, Body};
use lado::session::{EndedBy, Ticket};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::kit::{Running, Site, answer, bytes, status, text};

const HOST: &str = "shop.localhost";
const PAGE: &str = "<!doctype html>\n<html lang=\"pt\"><head><meta charset=\"utf-8\"><title>Sol</title></head>\
                    <body><h1>Olá</h1><a href=\"https://other.test/x\">x</a></body></html>";

fn front(upstreams: &[String], more: &str) -> front::Config {
    let text = format!("hosts = [{HOST:?}]\ncompany = \"sol\"\nupstreams = {upstreams:?}\n{more}");
    toml::from_str(&text).unwrap()
}

async fn before(site: &Site, more: &str) -> Running {
    let front = front(&[format!("http://{}", site.address)], more);
    Running::with(&[], |config| config.fronts = vec![front]).await
}

fn get(lado: &Running, path: &str) -> http::request::Builder {
    Request::builder().uri(path).header("host", format!("{HOST}:{}", lado.address.port()))
}

async fn send(lado: &Running, request: http::request::Builder) -> Response<Incoming> {
    lado.send(request.body(Full::<Bytes>::default()).unwrap()).await
}

async fn open(lado: &Running, path: &str) -> Response<Incoming> {
    send(lado, get(lado, path).header("sec-fetch-dest", "document")).await
}

/// Takes Lado's tags out again.
fn bare(page: &str) -> (String, usize) {
    let (mut rest, mut out, mut tags) = (page, String::new(), 0);
    let next = |rest: &str| {
        let starts = ["<script async src=\"/__lado/", "<script src=\"/__lado/"];
        starts.into_iter().filter_map(|start| rest.find(start)).min()
    };
    while let Some(at) = next(rest) {
        let end = at + rest[at..].find("</script>").unwrap() + "</script>".len();
        out += &rest[..at];
        rest = &rest[end..];
        tags += 1;
    }
    (out + rest, tags)
}

#[tokio::test]
async fn without_a_session_a_page_differs_by_one_tag_and_all_else_by_nothing() {
    let image: Vec<u8> = (0..100_000u32).map(|n| (n * 7 % 251) as u8).collect();
    let picture = image.clone();
    let site = Site::new(move |request: Request<Incoming>| {
        let picture = picture.clone();
        async move {
            match request.uri().path() {
                "/" => {
                    let mut response = answer("text/html; charset=utf-8", PAGE);
                    for cookie in ["a=1; Path=/; HttpOnly", "b=2"] {
                        response.headers_mut().append("set-cookie", cookie.parse().unwrap());
                    }
                    response.headers_mut().insert("content-security-policy", "script-src 'nonce-abc'".parse().unwrap());
                    response.headers_mut().insert("x-frame-options", "DENY".parse().unwrap());
                    response
                }
                "/picture" => answer("image/png", picture),
                "/empty" => answer("text/html", ""),
                _ => status(404, &[]),
            }
        }
    })
    .await;
    let lado = before(&site, "").await;
    let response = open(&lado, "/").await;
    assert_eq!(response.headers()["content-security-policy"], "script-src 'nonce-abc'");
    assert_eq!(response.headers()["x-frame-options"], "DENY");
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1; Path=/; HttpOnly", "b=2"]);
    let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let page = text(response).await;
    assert_eq!(page.len(), length);
    assert_eq!(bare(&page), (PAGE.to_owned(), 1));
    assert!(page.contains("<head><script async src=\"/__lado/launcher.") && page.contains(" nonce=\"abc\">"), "{page}");
    // What no person reads as a page has no tag.
    for dest in ["empty", "iframe"] {
        let fetched = send(&lado, get(&lado, "/").header("sec-fetch-dest", dest)).await;
        assert_eq!(text(fetched).await, PAGE);
    }
    let picture = send(&lado, get(&lado, "/picture").header("sec-fetch-dest", "image")).await;
    assert_eq!(bytes(picture).await, image);
    assert_eq!(open(&lado, "/none").await.status(), 404);
    assert_eq!(bare(&text(open(&lado, "/empty").await).await), (String::new(), 1));
    // The one file of the launcher may be kept.
    let path = page.split("src=\"").nth(1).unwrap().split('"').next().unwrap();
    let launcher = send(&lado, get(&lado, path)).await;
    assert!(launcher.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert!(text(launcher).await.len() < 8 * 1024);
}

#[tokio::test]
async fn the_launcher_stands_where_it_is_wanted() {
    let site = Site::new(|_| async { answer("text/html", PAGE) }).await;
    let lado = before(&site, "launcher = { paths = [\"/checkout/*\"] }").await;
    assert_eq!(bare(&text(open(&lado, "/").await).await).1, 0);
    assert_eq!(bare(&text(open(&lado, "/checkout/pay").await).await).1, 1);
}

#[tokio::test]
async fn a_page_that_was_fetched_ahead_has_the_tag() {
    let site = Site::new(|_| async { answer("text/html", PAGE) }).await;
    let lado = before(&site, "").await;
    for name in ["sec-purpose", "purpose"] {
        let ahead = get(&lado, "/").header("sec-fetch-dest", "empty").header(name, "prefetch");
        assert_eq!(bare(&text(send(&lado, ahead).await).await), (PAGE.to_owned(), 1), "{name}");
    }
}

#[tokio::test]
async fn a_page_that_has_not_changed_keeps_a_policy_that_admits_its_tag() {
    let site = Site::new(|request: Request<Incoming>| async move {
        let known = request.headers().contains_key("if-none-match");
        let mut response = if known { status(304, &[]) } else { answer("text/html", PAGE) };
        response.headers_mut().insert("content-security-policy", "script-src https://cdn.test".parse().unwrap());
        response.headers_mut().insert("etag", "\"1\"".parse().unwrap());
        response
    })
    .await;
    let lado = before(&site, "").await;
    let policy = |response: &Response<Incoming>| response.headers()["content-security-policy"].clone();
    let first = policy(&open(&lado, "/").await);
    assert_ne!(first, "script-src https://cdn.test");
    let visit = get(&lado, "/").header("sec-fetch-dest", "document").header("if-none-match", "\"1\"");
    let again = send(&lado, visit).await;
    assert_eq!((again.status().as_u16(), policy(&again)), (304, first));
    // What is no page of ours keeps the site's own.
    let fetched = send(&lado, get(&lado, "/").header("sec-fetch-dest", "empty").header("if-none-match", "\"1\"")).await;
    assert_eq!((fetched.status().as_u16(), policy(&fetched)), (304, "script-src https://cdn.test".parse().unwrap()));
}

#[tokio::test]
async fn a_packed_page_has_the_tag_too() {
    use async_compression::tokio::write::{
        BrotliDecoder, BrotliEncoder, DeflateEncoder, GzipDecoder, GzipEncoder, ZlibDecoder, ZlibEncoder, ZstdDecoder,
        ZstdEncoder,
    };
    use tokio::io::AsyncWriteExt as _;
    /// What a codec makes of these bytes.
    macro_rules! through {
        ($codec:ident, $bytes:expr) => {{
            let mut codec = $codec::new(Vec::new());
            codec.write_all($bytes).await.unwrap();
            codec.shutdown().await.unwrap();
            codec.into_inner()
        }};
    }
    let page = PAGE.as_bytes();
    // Many send bare deflate where the standard means zlib; browsers read both.
    let packed = [
        ("/gzip", "gzip", through!(GzipEncoder, page)),
        ("/zlib", "deflate", through!(ZlibEncoder, page)),
        ("/bare", "deflate", through!(DeflateEncoder, page)),
        ("/br", "br", through!(BrotliEncoder, page)),
        ("/zstd", "zstd", through!(ZstdEncoder, page)),
    ];
    let pages = packed.clone();
    let site = Site::new(move |request: Request<Incoming>| {
        let (_, coding, bytes) = pages.iter().find(|(path, ..)| *path == request.uri().path()).cloned().unwrap();
        async move {
            let mut response = answer("text/html", bytes);
            response.headers_mut().insert("content-encoding", coding.parse().unwrap());
            response
        }
    })
    .await;
    let lado = before(&site, "").await;
    for (path, coding, _) in packed {
        let response = open(&lado, path).await;
        assert_eq!(response.headers()["content-encoding"], coding, "{path}");
        let got = bytes(response).await;
        let shown = match coding {
            "gzip" => through!(GzipDecoder, &got),
            "deflate" => through!(ZlibDecoder, &got),
            "br" => through!(BrotliDecoder, &got),
            _ => through!(ZstdDecoder, &got),
        };
        assert_eq!(bare(&String::from_utf8(shown).unwrap()), (PAGE.to_owned(), 1), "{path}");
    }
}

#[tokio::test]
async fn upstreams_hear_who_asks_and_only_trusted_hops_may_add_to_it() {
    let heard = Arc::<Mutex<Vec<http::HeaderMap>>>::default();
    let writes = heard.clone();
    let site = Site::new(move |request: Request<Incoming>| {
        writes.lock().unwrap().push(request.headers().clone());
        async { answer("text/plain", "ok") }
    })
    .await;
    let lado = before(&site, "").await;
    let request = || {
        get(&lado, "/")
            .header("x-forwarded-for", "1.2.3.4")
            // CGI, WSGI and Rack read these as the same variables.
            .header("x_forwarded_for", "6.6.6.6")
            .header("x-forwarded_proto", "https")
            .header("x_real_ip", "6.6.6.6")
            .header("x-forwarded-server", "evil.test")
            .header("x-forwarded-ssl", "on")
            .header("true-client-ip", "6.6.6.6")
            .header("cf_connecting_ip", "6.6.6.6")
            .header("my_own", "kept")
            .header("connection", "keep-alive, x-nominated")
            .header("x-nominated", "1")
            .header("cookie", "a=1; lado_abcdefghijklmnop=secret; b=2")
    };
    send(&lado, request()).await;
    let headers = heard.lock().unwrap().pop().unwrap();
    let host = format!("{HOST}:{}", lado.address.port());
    assert_eq!(
        (&headers["x-forwarded-for"], &headers["x-forwarded-proto"]),
        (&"127.0.0.1".parse().unwrap(), &"http".parse().unwrap())
    );
    assert_eq!((&headers["host"], &headers["x-forwarded-host"]), (&host.parse().unwrap(), &host.parse().unwrap()));
    assert_eq!(headers["cookie"], "a=1; b=2");
    assert!(!headers.contains_key("x-nominated"));
    assert_eq!((&headers["x-real-ip"], &headers["my_own"]), (&"127.0.0.1".parse().unwrap(), &"kept".parse().unwrap()));
    let spoofed = ["x_forwarded_for", "x-forwarded_proto", "x_real_ip", "x-forwarded-server", "x-forwarded-ssl"];
    for name in spoofed.into_iter().chain(["true-client-ip", "cf_connecting_ip"]) {
        assert!(!headers.contains_key(name), "{name}");
    }

    let front = front(&[format!("http://{}", site.address)], "https = true\nhsts = \"30d\"");
    let behind = Running::with(&[], |config| {
        config.fronts = vec![front];
        config.listener.trusted = vec!["127.0.0.1".to_owned().try_into().unwrap()];
    })
    .await;
    let request = |proto: &str| {
        get(&behind, "/a?b")
            .header("x-forwarded-for", "1.2.3.4")
            .header("x-forwarded-proto", proto)
            .header("x_forwarded_for", "6.6.6.6")
            .header("cf-connecting-ip", "1.2.3.4")
    };
    let response = send(&behind, request("http")).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["location"]),
        (308, &format!("https://{HOST}/a?b").parse().unwrap())
    );
    let response = send(&behind, request("https")).await;
    assert_eq!(response.headers()["strict-transport-security"], "max-age=2592000");
    let headers = heard.lock().unwrap().pop().unwrap();
    assert_eq!(
        (&headers["x-forwarded-for"], &headers["x-real-ip"]),
        (&"1.2.3.4, 127.0.0.1".parse().unwrap(), &"1.2.3.4".parse().unwrap())
    );
    // A trusted hop's other words stay; no twin of what Lado says of it does.
    assert_eq!(headers["cf-connecting-ip"], "1.2.3.4");
    assert!(!headers.contains_key("x_forwarded_for"));
}

#[tokio::test]
async fn trailers_pass_both_ways_and_only_to_who_asked_for_them() {
    let heard = Arc::<Mutex<Vec<Option<String>>>>::default();
    let writes = heard.clone();
    let site = Site::new(move |request: Request<Incoming>| {
        let te = request.headers().get("te").map(|te| te.to_str().unwrap().to_owned());
        writes.lock().unwrap().push(te);
        let trailers = http::HeaderMap::from_iter([("digest".parse().unwrap(), "sha-256=abc".parse().unwrap())]);
        let frames = [http_body::Frame::data(Bytes::from("bytes")), http_body::Frame::trailers(trailers)];
        let frames = frames.map(Ok::<_, std::convert::Infallible>);
        let body = Body::stream(http_body_util::StreamBody::new(futures_util::stream::iter(frames)));
        let kind = if request.uri().path() == "/page" { "text/html" } else { "text/plain" };
        let mut response = answer(kind, body);
        response.headers_mut().insert("trailer", "digest".parse().unwrap());
        async { response }
    })
    .await;
    let lado = before(&site, "").await;
    let asked = send(&lado, get(&lado, "/file").header("te", "trailers").header("connection", "te")).await;
    assert_eq!(asked.headers()["trailer"], "digest");
    let collected = http_body_util::BodyExt::collect(asked.into_body()).await.unwrap();
    assert_eq!(collected.trailers().unwrap()["digest"], "sha-256=abc");
    assert_eq!(collected.to_bytes(), "bytes");
    send(&lado, get(&lado, "/file")).await;
    // Lado's tag makes other bytes than those that the digest speaks of.
    let page = get(&lado, "/page").header("te", "trailers").header("sec-fetch-dest", "document");
    let page = send(&lado, page).await;
    assert!(!page.headers().contains_key("trailer"));
    let collected = http_body_util::BodyExt::collect(page.into_body()).await.unwrap();
    assert_eq!(collected.trailers(), None);
    assert_eq!(bare(str::from_utf8(&collected.to_bytes()).unwrap()), ("bytes".to_owned(), 1));
    let trailers = Some("trailers".to_owned());
    assert_eq!(*heard.lock().unwrap(), [trailers.clone(), None, trailers]);
}

/// A site that frames by chunks and says another length beside (RFC 9112 §6.3).
#[tokio::test]
async fn a_length_beside_chunks_is_no_length() {
    let raw = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n\
               5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let site = Site::raw(raw).await;
    let front = front(&[format!("http://{}", site.address)], "");
    let lado = Running::with(&[&site], |config| config.fronts = vec![front]).await;
    let answer = send(&lado, get(&lado, "/")).await;
    assert_eq!(answer.headers().get("content-length"), None);
    assert_eq!(text(answer).await, "hello world");
    let customer = lado.customer(&site.url());
    let answer = customer.send(customer.request(&site.url()).header("sec-fetch-dest", "image")).await;
    assert_eq!(text(answer).await, "hello world");
}

#[tokio::test]
async fn a_dead_address_is_stepped_over_and_the_others_share_the_work() {
    let counts: [Arc<AtomicUsize>; 2] = Default::default();
    let mut sites = Vec::new();
    for count in &counts {
        let count = count.clone();
        sites.push(
            Site::new(move |_| {
                count.fetch_add(1, Ordering::Relaxed);
                async {
                    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
                    answer("text/plain", "ok")
                }
            })
            .await,
        );
    }
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let upstreams = [dead, sites[0].address, sites[1].address].map(|address| format!("http://{address}"));
    let front = front(&upstreams, "");
    let lado = Running::with(&[], |config| config.fronts = vec![front]).await;
    let asked = (0..40).map(|_| send(&lado, get(&lado, "/")));
    for response in futures_util::future::join_all(asked).await {
        assert_eq!(response.status(), 200);
    }
    for count in &counts {
        assert!(count.load(Ordering::Relaxed) >= 15, "{counts:?}");
    }
}

/// What a site does with each connection.
async fn on_connection<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn before_all(upstreams: &[std::net::SocketAddr]) -> Running {
    let upstreams: Vec<String> = upstreams.iter().map(|address| format!("http://{address}")).collect();
    Running::with(&[], |config| config.fronts = vec![front(&upstreams, "")]).await
}

#[tokio::test]
async fn an_address_that_takes_connections_and_does_not_answer_is_stepped_over() {
    let drops = on_connection(|stream| async move { drop(stream) }).await;
    let good = Site::new(|_| async { answer("text/plain", "good") }).await;
    let lado = before_all(&[drops, good.address]).await;
    for _ in 0..20 {
        let answer = send(&lado, get(&lado, "/")).await;
        assert_eq!((answer.status().as_u16(), text(answer).await.as_str()), (200, "good"));
    }
    // What changes something is not sent twice: but the next is sent where somebody answers.
    let post = async || send(&lado, get(&lado, "/").method("POST").header("content-length", "0")).await.status();
    let told = [post().await, post().await, post().await];
    assert!(told.iter().filter(|status| **status == 200).count() >= 2, "{told:?}");
    // With nobody else there, a person is told.
    let alone = before_all(&[drops]).await;
    let told = tokio::time::timeout(std::time::Duration::from_secs(5), send(&alone, get(&alone, "/"))).await;
    assert_eq!(told.expect("asked for ever").status(), 502);
}

/// Some answer 401 or 413 as soon as they have the head, and read on: the connection is in the middle of an upload.
#[tokio::test]
async fn nobody_waits_for_what_another_visitor_still_uploads() {
    let eager = on_connection(|mut stream| async move {
        let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            heard.extend_from_slice(&buffer[..read]);
            if let Some(end) = memchr::memmem::find(&heard, b"\r\n\r\n") {
                let status = if heard.starts_with(b"POST") { "401 Unauthorized" } else { "200 OK" };
                let _ = stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok").as_bytes()).await;
                heard.drain(..end + 4);
            }
        }
    })
    .await;
    let lado = before_all(&[eager]).await;
    let host = format!("{HOST}:{}", lado.address.port());
    let mut uploading = lado.connect().await;
    let head = format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n\r\n0123456789");
    uploading.write_all(head.as_bytes()).await.unwrap();
    let mut told = [0; 12];
    uploading.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 401");
    for _ in 0..3 {
        let asked = send(&lado, get(&lado, "/"));
        let answer = tokio::time::timeout(std::time::Duration::from_secs(5), asked).await.expect("nothing came");
        assert_eq!((answer.status().as_u16(), text(answer).await.as_str()), (200, "ok"));
    }
}

#[tokio::test]
async fn connections_that_nobody_needs_any_more_are_closed() {
    let open = Arc::new(AtomicUsize::new(0));
    let (count, most) = (open.clone(), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let origin = on_connection(move |stream| {
        let (count, seen) = (count.clone(), seen.clone());
        async move {
            seen.fetch_max(count.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let service = hyper::service::service_fn(|_| async {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                Ok::<_, std::convert::Infallible>(answer("text/plain", "ok"))
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
            count.fetch_sub(1, Ordering::SeqCst);
        }
    })
    .await;
    let front = front(&[format!("http://{origin}")], "");
    let lado = Running::with(&[], |config| {
        config.fronts = vec![front];
        config.upstream.keep_alive = lado::span::Span(std::time::Duration::from_millis(200));
    })
    .await;
    futures_util::future::join_all((0..20).map(|_| async { text(send(&lado, get(&lado, "/")).await).await })).await;
    assert!(most.load(Ordering::SeqCst) > 10, "{most:?} at a time");
    crate::sessions::stage::patiently(async {
        while open.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(text(send(&lado, get(&lado, "/")).await).await, "ok");
}

fn handshake(lado: &Running) -> http::request::Builder {
    get(lado, "/socket")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

/// A site whose WebSockets stay open; how many it has.
async fn talking() -> (Site, Arc<AtomicUsize>) {
    let open = Arc::new(AtomicUsize::new(0));
    let count = open.clone();
    let site = Site::new(move |mut request: Request<Incoming>| {
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            let (response, socket) = respond::websocket(&mut request).unwrap();
            tokio::spawn(async move {
                let mut socket = socket.await.unwrap();
                while let Some(Ok(_)) = socket.next().await {}
            });
            response.map(|_| Body::Empty)
        }
    })
    .await;
    (site, open)
}

#[tokio::test]
async fn websockets_count_as_work_and_step_over_dead_addresses() {
    let ((one, ones), (two, twos)) = (talking().await, talking().await);
    let lado = before_all(&[one.address, two.address]).await;
    let mut open = Vec::new();
    for _ in 0..10 {
        let response = send(&lado, handshake(&lado)).await;
        assert_eq!(response.status(), 101);
        open.push(hyper::upgrade::on(response).await.unwrap());
    }
    assert_eq!((ones.load(Ordering::SeqCst), twos.load(Ordering::SeqCst)), (5, 5));
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let drops = on_connection(|stream| async move { drop(stream) }).await;
    for ill in [dead, drops] {
        let lado = before_all(&[ill, one.address]).await;
        for _ in 0..3 {
            assert_eq!(send(&lado, handshake(&lado)).await.status(), 101);
        }
    }
}

/// What begins connections to a site, when Lado is asked behind a hop by this header.
async fn told_by_proxy_protocol(version: &str, header: &[u8]) -> String {
    let heard = Arc::<Mutex<Vec<u8>>>::default();
    let writes = heard.clone();
    let origin = on_connection(move |mut stream| {
        let writes = writes.clone();
        async move {
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.unwrap();
            writes.lock().unwrap().extend_from_slice(&buffer[..read]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
        }
    })
    .await;
    let front = front(&[format!("http://{origin}")], &format!("proxy_protocol = {version:?}"));
    let lado = Running::with(&[], |config| {
        config.fronts = vec![front];
        config.listener.trusted = vec!["127.0.0.1".to_owned().try_into().unwrap()];
        config.listener.proxy_protocol = true;
    })
    .await;
    let mut stream = lado.connect().await;
    stream.write_all(header).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}:{}\r\nConnection: close\r\n\r\n", lado.address.port());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
    let heard = heard.lock().unwrap().clone();
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test]
async fn the_proxy_protocol_goes_on_as_it_came() {
    for header in
        ["PROXY TCP6 2001:db8::1 2001:db8::2 1234 443\r\n", "PROXY TCP4 198.51.100.1 203.0.113.7 1234 443\r\n"]
    {
        let heard = told_by_proxy_protocol("v1", header.as_bytes()).await;
        assert!(heard.starts_with(header), "{header:?} became {heard:?}");
    }
}

/// HAProxy in `mode http` with `send-proxy` says the scheme in a field, with `send-proxy-v2-ssl` in the header.
#[tokio::test]
async fn a_hop_that_speaks_the_proxy_protocol_says_the_scheme_too() {
    let site = Site::new(|_| async { answer("text/plain", "ok") }).await;
    let front = front(&[format!("http://{}", site.address)], "https = true");
    let lado = Running::with(&[], |config| {
        config.fronts = vec![front];
        config.listener.trusted = vec!["127.0.0.1".to_owned().try_into().unwrap()];
        config.listener.proxy_protocol = true;
    })
    .await;
    let ask = async |header: &[u8], field: &str| {
        let mut stream = lado.connect().await;
        let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{field}Connection: close\r\n\r\n");
        stream.write_all(&[header, request.as_bytes()].concat()).await.unwrap();
        let mut told = String::new();
        stream.read_to_string(&mut told).await.unwrap();
        told["HTTP/1.1 ".len()..][..3].to_owned()
    };
    let one = b"PROXY TCP4 198.51.100.1 203.0.113.7 1234 443\r\n";
    assert_eq!(ask(one, "").await, "308");
    assert_eq!(ask(one, "X-Forwarded-Proto: http\r\n").await, "308");
    assert_eq!(ask(one, "X-Forwarded-Proto: https\r\n").await, "200");
    let two = |client: u8| {
        use ppp::v2::{Builder, Command, Protocol, Type, Version};
        let ends = ("198.51.100.1:1".parse::<std::net::SocketAddr>().unwrap(), "203.0.113.7:2".parse().unwrap());
        let header = Builder::with_addresses(Version::Two | Command::Proxy, Protocol::Stream, ends);
        header.write_tlv(Type::SSL, &[client, 0, 0, 0, 0]).unwrap().build().unwrap()
    };
    assert_eq!(ask(&two(1), "").await, "200");
    // Where the hop has said it, a visitor's own word is nothing.
    assert_eq!(ask(&two(0), "X-Forwarded-Proto: https\r\n").await, "308");
}

#[tokio::test]
async fn an_address_that_fails_its_health_check_is_taken_out_and_brought_back() {
    let well = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asks = well.clone();
    let ill = Site::new(move |request: Request<Incoming>| {
        let well = asks.load(Ordering::Relaxed);
        async move {
            match request.uri().path() {
                "/health" if !well => status(503, &[]),
                "/health" => answer("text/plain", "well"),
                _ => answer("text/plain", "ill"),
            }
        }
    })
    .await;
    let good = Site::new(|_| async { answer("text/plain", "good") }).await;
    let upstreams = [ill.address, good.address].map(|address| format!("http://{address}"));
    let health = "health = { path = \"/health\", every = \"50ms\", fall = 2, rise = 2 }";
    let front = front(&upstreams, health);
    let lado = Running::with(&[], |config| config.fronts = vec![front]).await;
    let until = async |expected: &str| {
        for _ in 0..200 {
            // Idle addresses are equally busy: the first that is up is taken.
            if text(send(&lado, get(&lado, "/")).await).await == expected {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("{expected} never answered");
    };
    until("good").await;
    well.store(true, Ordering::Relaxed);
    until("ill").await;
}

#[tokio::test]
async fn connections_to_upstreams_are_kept() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = accepted.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let service = hyper::service::service_fn(|_| async {
                    Ok::<_, std::convert::Infallible>(answer("text/plain", "ok"))
                });
                let io = hyper_util::rt::TokioIo::new(stream);
                let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
            });
        }
    });
    let front = front(&[format!("http://{address}")], "");
    let lado = Running::with(&[], |config| config.fronts = vec![front]).await;
    for _ in 0..50 {
        assert_eq!(text(send(&lado, get(&lado, "/")).await).await, "ok");
    }
    assert!(accepted.load(Ordering::Relaxed) <= 3, "{accepted:?} connections");
}

#[tokio::test]
async fn a_websocket_passes() {
    let site = Site::new(|mut request: Request<Incoming>| async move {
        assert!(!request.headers().contains_key("x-nominated"));
        let (response, socket) = respond::websocket(&mut request).unwrap();
        tokio::spawn(async move {
            let mut socket = socket.await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                let _ = socket.send(message).await;
            }
        });
        response.map(|_| Body::Empty)
    })
    .await;
    let lado = before(&site, "").await;
    let request = get(&lado, "/socket")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let response = send(&lado, request).await;
    assert_eq!(response.status(), 101);
    let upgraded = hyper::upgrade::on(response).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(upgraded);
    let role = tokio_tungstenite::tungstenite::protocol::Role::Client;
    let mut socket = tokio_tungstenite::WebSocketStream::from_raw_socket(io, role, None).await;
    socket.send("hello".into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().into_text().unwrap(), "hello");
}

#[tokio::test]
async fn help_leads_through_consent_into_a_session_on_this_very_host() {
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let writes = heard.clone();
    let site = Site::new(move |request: Request<Incoming>| {
        let cookie = request.headers().get("cookie").and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        writes.lock().unwrap().push(cookie);
        async { answer("text/html", PAGE) }
    })
    .await;
    let lado = before(&site, "").await;
    // Nobody else's page begins a session here.
    let foreign = send(&lado, get(&lado, "/__lado/help?at=/cart").header("sec-fetch-site", "cross-site")).await;
    assert_eq!(foreign.headers()["location"], "/");
    let helped = send(&lado, get(&lado, "/__lado/help?at=/cart%3Fx%3D1").header("sec-fetch-site", "same-origin")).await;
    let asked = helped.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(asked.contains("HttpOnly; Path=/__lado/enter; Max-Age=900; SameSite=Lax"), "{asked}");
    let asked = asked.split(';').next().unwrap().to_owned();
    let link = Url::parse(helped.headers()["location"].to_str().unwrap()).unwrap();
    assert_eq!(link.host_str(), Some("lado.localhost"));
    let token = link.path().strip_prefix("/j/").unwrap();
    let (session, ticket) = lado.lado.sessions.accept(token).unwrap();
    let shop = lado::rewrite::url::Site::parse(&format!("http://{HOST}:{}", lado.address.port())).unwrap();
    // First the view domain learns who the customer is, then this host.
    let enter = Request::builder()
        .uri(format!("/__lado/enter?ticket={ticket}&to=/cart"))
        .header("host", session.views.authority(&shop));
    let entered = send(&lado, enter).await;
    let here = Url::parse(entered.headers()["location"].to_str().unwrap()).unwrap();
    assert_eq!((here.host_str(), here.path()), (Some(HOST), "/__lado/enter"));
    // Who has been sent a ticket, and has not asked for help, is in nobody's session.
    for cookie in ["", &asked.replace('=', "=A")] {
        let sent = format!("/__lado/enter?ticket={}", session.ticket(Ticket::Enter));
        let sent = send(&lado, get(&lado, &sent).header("cookie", cookie).header("sec-fetch-site", "cross-site")).await;
        assert_eq!((sent.status().as_u16(), sent.headers().get("set-cookie")), (403, None));
    }
    let sibling = async |site: &str| {
        let path = format!("/__lado/enter?ticket={}&to=/cart", session.ticket(Ticket::Sibling));
        send(&lado, get(&lado, &path).header("sec-fetch-site", site)).await.status().as_u16()
    };
    assert_eq!((sibling("cross-site").await, sibling("none").await, sibling("same-site").await), (403, 403, 303));
    let entered = send(&lado, get(&lado, &here[url::Position::BeforePath..]).header("cookie", &asked)).await;
    assert_eq!(entered.headers()["location"], "/cart?x=1");
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && !cookie.contains("Domain"), "{cookie}");
    let pair = cookie.split(';').next().unwrap().to_owned();
    // A ticket is good once.
    let again = send(&lado, get(&lado, &here[url::Position::BeforePath..]).header("sec-fetch-dest", "document")).await;
    assert_eq!(again.status(), 403);

    let visit = |path: &str, dest: &str| {
        let cookie = format!("theme=dark; {pair}");
        get(&lado, path).header("cookie", cookie).header("sec-fetch-dest", dest).header("sec-fetch-site", "same-origin")
    };
    let page = text(send(&lado, visit("/cart", "document")).await).await;
    assert_eq!(bare(&page), (PAGE.to_owned(), 2));
    assert_eq!(heard.lock().unwrap().last().unwrap(), "theme=dark");
    // A page that a script fetches may be shown when its link is followed: it must come again then, with its tags.
    let fetched = send(&lado, visit("/cart", "empty")).await;
    assert_eq!(fetched.headers()["cache-control"], "no-store");
    assert_eq!(bare(&text(fetched).await), (PAGE.to_owned(), 0));
    let boot = page.split("<script src=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let script = text(send(&lado, visit(&boot, "script")).await).await;
    assert!(script.contains("/__lado/panel") && script.contains("/__lado/leave?"), "no addresses in the sync script");
    assert_eq!(send(&lado, get(&lado, &boot).header("sec-fetch-dest", "script")).await.status(), 403);
    let door = send(&lado, visit("/__lado/panel", "iframe")).await;
    assert!(door.headers()["location"].to_str().unwrap().starts_with("http://lado.localhost"));
    assert_eq!(send(&lado, visit("/__lado/panel", "document")).await.status(), 403);
    // Another allowed site opens in its view host, and what leads back is left alone there.
    let left = send(&lado, visit("/__lado/leave?to=https%3A%2F%2Fother.test%2Fx%3Fy", "document")).await;
    let view = left.headers()["location"].to_str().unwrap().to_owned();
    assert!(view.contains("-other-test.view.localhost") && view.ends_with("/x?y"), "{view}");
    let other = Url::parse("https://other.test/").unwrap();
    assert_eq!(session.views.map(&format!("{}/cart", shop.origin()), &other), None);

    lado.lado.sessions.end(&session, EndedBy::Customer);
    let after = send(&lado, visit("/cart", "document")).await;
    let gone = after.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(gone.starts_with("lado_") && gone.contains("Max-Age=0"), "{gone}");
    assert_eq!(bare(&text(after).await), (PAGE.to_owned(), 1));
}
