//! Lado in front of a site: every byte passes but one tag, and a session goes on under the site's own name.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use lado::front;
use lado::id::Secret;
use lado::respond::{self, Body};
use lado::rewrite::url::Scheme;
use lado::session::{EndedBy, Ticket};
use url::Url;

use crate::kit::{Running, Site, answer, bytes, status, text};

pub const HOST: &str = "shop.localhost";
const PAGE: &str = "<!doctype html>\n<html lang=\"pt\"><head><meta charset=\"utf-8\"><title>Sol</title></head>\
                    <body><h1>Olá</h1><a href=\"https://other.test/x\">x</a></body></html>";

pub fn front(upstreams: &[String], more: &str) -> front::Config {
    let text = format!("hosts = [{HOST:?}]\ncompany = \"sol\"\nupstreams = {upstreams:?}\n{more}");
    toml::from_str(&text).unwrap()
}

async fn before(site: &Site, more: &str) -> Running {
    let front = front(&[format!("http://{}", site.address)], more);
    Running::with(&[], |config| config.fronts = vec![front]).await
}

pub fn get(lado: &Running, path: &str) -> http::request::Builder {
    Request::builder().uri(path).header("host", format!("{HOST}:{}", lado.address.port()))
}

pub async fn send(lado: &Running, request: http::request::Builder) -> Response<Incoming> {
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
async fn a_page_that_takes_only_scripts_with_a_digest_takes_the_tag() {
    let site = Site::new(|_| async {
        let mut response = answer("text/html", PAGE);
        response.headers_mut().insert("integrity-policy", "blocked-destinations=(script)".parse().unwrap());
        response
    })
    .await;
    let lado = before(&site, "").await;
    let response = open(&lado, "/").await;
    assert_eq!(response.headers()["integrity-policy"], "blocked-destinations=(script)");
    let page = text(response).await;
    let tag = page.split("<script async ").nth(1).unwrap().split('>').next().unwrap();
    assert!(tag.contains(" integrity=\"sha256-") && tag.ends_with(" crossorigin"), "{tag}");
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
    // A ticket for another host of the front is good in the browser that has asked for it there.
    let way = Secret::random();
    let sibling = async |cookie: &str| {
        let path = format!("/__lado/enter?ticket={}&to=/cart", session.ticket(Ticket::Sibling(way.clone())));
        send(&lado, get(&lado, &path).header("cookie", cookie).header("sec-fetch-site", "same-site")).await
    };
    let other = format!("lado_way={}", Secret::random().reveal());
    assert_eq!(
        (sibling("").await.status(), sibling(&other).await.status()),
        (403.try_into().unwrap(), 403.try_into().unwrap())
    );
    assert_eq!(sibling(&format!("lado_way={}", way.reveal())).await.headers()["location"], "/cart");
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

#[tokio::test]
async fn a_session_goes_along_to_another_host_of_its_front_in_the_same_browser_only() {
    let site = Site::new(|_| async { answer("text/html", PAGE) }).await;
    let mut front = front(&[format!("http://{}", site.address)], "");
    front.hosts.push(format!("m.{HOST}"));
    let lado = Running::with(&[], |config| config.fronts = vec![front]).await;
    let helped = send(&lado, get(&lado, "/__lado/help?at=/").header("sec-fetch-site", "same-origin")).await;
    let link = Url::parse(helped.headers()["location"].to_str().unwrap()).unwrap();
    let (session, _) = lado.lado.sessions.accept(link.path().strip_prefix("/j/").unwrap()).unwrap();
    let cookie = session.front_cookie(Scheme::Http);
    let own = cookie.split(';').next().unwrap();
    let visit = async |address: &str, cookie: &str, site: &str| {
        let address = Url::parse(address).unwrap();
        let request = Request::builder()
            .uri(&address[url::Position::BeforePath..])
            .header("host", &address[url::Position::BeforeHost..url::Position::AfterPort])
            .header("cookie", cookie)
            .header("sec-fetch-site", site);
        let response = send(&lado, request).await;
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), header("location").unwrap_or_default(), header("set-cookie").unwrap_or_default())
    };
    let port = lado.address.port();
    let leave = format!("http://{HOST}:{port}/__lado/leave?to=http%3A%2F%2Fm.{HOST}%3A{port}%2Fcart%3Fx");
    let (_, enter, _) = visit(&leave, own, "same-origin").await;
    assert!(
        enter.starts_with(&format!("http://m.{HOST}:{port}/__lado/enter?")) && !enter.contains("ticket"),
        "{enter}"
    );
    let (_, back, way) = visit(&enter, "", "same-site").await;
    assert!(back.starts_with(&format!("http://{HOST}:{port}/__lado/leave?")), "{back}");
    assert!(way.starts_with("lado_way=") && way.contains("HttpOnly; Path=/__lado/enter"), "{way}");
    let way = way.split(';').next().unwrap();
    assert_eq!(visit(&back, "", "same-site").await.0, 403, "a browser that is in no session gets no ticket");
    let (_, sent, _) = visit(&back, own, "same-site").await;
    assert_eq!(visit(&sent, "", "same-site").await.0, 403, "whom a ticket is sent to is in nobody's session");
    let (_, ticket, _) = visit(&back, own, "same-site").await;
    let (status, at, cookie) = visit(&ticket, way, "same-site").await;
    assert_eq!((status, at.as_str(), cookie.split(';').next()), (303, "/cart?x", Some(own)));
    // In already: no way around.
    assert_eq!(visit(&enter, own, "same-site").await.1, "/cart?x");
    let foreign = enter.replace(&format!("from=http%3A%2F%2F{HOST}"), "from=http%3A%2F%2Fother.test");
    assert_eq!(visit(&foreign, "", "same-site").await.0, 400, "{foreign}");
}
