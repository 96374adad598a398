//! Every way in which a site can fail, told to the customer as a page or passed on intact; the session lives on.

use std::io::Write as _;
use std::time::Duration;

use async_compression::Level;
use async_compression::codecs::brotli::params::EncoderParams;
use async_compression::codecs::{BrotliEncoder, EncodeV2, GzipEncoder, ZstdEncoder};
use async_compression::core::util::{PartialBuffer, WriteBuffer};
use http::Request;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use lado::respond::Body;
use lado::span::Span;
use lado::upstream::guard::Exception;
use tokio::net::TcpListener;
use url::Url;

use crate::kit::{Authority, Customer, Running, Site, answer, text};

/// What the customer's browser must get.
enum Told {
    /// A page of Lado's own with this status, whose Portuguese text holds this.
    Page(u16, &'static str),
    /// What the site sent, to its clean end.
    Whole(&'static str),
    /// What the site sent for as long as it was good, and then no clean end: the browser knows that something is missing.
    Broken(&'static str),
}

struct Case {
    name: &'static str,
    url: Url,
    told: Told,
}

/// What is wrong with the answer, if anything.
async fn problem(customer: &Customer<'_>, case: &Case) -> Option<String> {
    let request = customer
        .request(&case.url)
        .header("sec-fetch-dest", "document")
        .header("accept", "text/html")
        .header("accept-language", "pt-BR");
    let mut response = customer.send(request).await;
    let status = response.status().as_u16();
    let (mut body, mut clean) = (Vec::new(), true);
    while let Some(frame) = response.body_mut().frame().await {
        match frame {
            Ok(frame) => body.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(_) => {
                clean = false;
                break;
            }
        }
    }
    let body = String::from_utf8_lossy(&body);
    let own = body.contains("lang=\"pt-BR\"") && !body.contains("<script");
    let good = match case.told {
        Told::Page(code, words) => status == code && clean && own && body.contains(words),
        Told::Whole(words) => clean && body.contains(words),
        Told::Broken(words) => !clean && body.contains(words),
    };
    let shown: String = body.trim().chars().take(600).collect();
    (!good).then(|| format!("{}: {status}, {}, {shown}", case.name, if clean { "whole" } else { "broken off" }))
}

/// `text` in a coding, or in none.
fn coded(coding: &str, text: &[u8]) -> Vec<u8> {
    let mut codec: Box<dyn EncodeV2> = match coding {
        "gzip" => Box::new(GzipEncoder::new(Level::Default.into())),
        "br" => Box::new(BrotliEncoder::new(EncoderParams::default().quality(Level::Precise(3)))),
        "zstd" => Box::new(ZstdEncoder::new(3)),
        _ => return text.to_vec(),
    };
    let mut out = Vec::new();
    let mut from = PartialBuffer::new(text);
    loop {
        let mut piece = vec![0; 64 * 1024];
        let mut to = WriteBuffer::new_initialized(&mut piece);
        let done = if from.unwritten().is_empty() {
            codec.finish(&mut to).unwrap()
        } else {
            codec.encode(&mut from, &mut to).unwrap();
            false
        };
        out.extend_from_slice(to.written());
        if done {
            return out;
        }
    }
}

fn page(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write!(bytes, "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\n{head}\r\n").unwrap();
    bytes.extend_from_slice(body);
    bytes
}

fn packed(coding: &str, body: &[u8]) -> Vec<u8> {
    page(&format!("content-encoding: {coding}\r\ncontent-length: {}\r\n", body.len()), body)
}

#[tokio::test]
async fn each_failure_of_a_site_is_a_clear_page_or_an_intact_answer_and_the_session_lives_on() {
    use Told::{Broken, Page, Whole};
    let authority = Authority::new();
    let trusted = authority.file();
    let hello = |_: Request<Incoming>| async { answer("text/html", "<p>hello</p>") };
    let day = time::Duration::days(1);
    let now = time::OffsetDateTime::now_utc();
    let secure = Site::tls(&authority.certificate("secure.test", |_| {}), hello).await;
    let expired = authority.certificate("secure.test", |params| {
        (params.not_before, params.not_after) = (now - day * 9, now - day);
    });
    let expired = Site::tls(&expired, hello).await;
    let early = authority.certificate("secure.test", |params| {
        (params.not_before, params.not_after) = (now + day, now + day * 9);
    });
    let early = Site::tls(&early, hello).await;
    let wrong = Site::tls(&authority.certificate("another.test", |_| {}), hello).await;
    let stranger = Site::tls(&Authority::new().certificate("secure.test", |_| {}), hello).await;

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let silent = Site::new(|_| std::future::pending()).await;
    // Accepts connections and never says a word, not even a TLS handshake's.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mute_address = mute.local_addr().unwrap();
    let good = Site::new(|_| async { answer("text/plain", "hello") }).await;

    let zeros = vec![b' '; 24 * 1024 * 1024];
    let noise: Vec<u8> = (0u32..4096).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let start = "<!doctype html><p>the beginning</p>";
    let half = |coding: &str| {
        // Flushed after its first half, then damaged.
        let whole = coded(coding, [start.as_bytes(), &noise].concat().as_slice());
        whole[..whole.len() / 2].to_vec()
    };
    let raw: Vec<(&'static str, Vec<u8>, Told)> = vec![
        ("no HTTP at all", b"this is no HTTP\r\n\r\n".to_vec(), Page(502, "interrompeu a resposta")),
        ("HTTP/0.9", b"<html>hello from 1991</html>".to_vec(), Page(502, "interrompeu a resposta")),
        ("nothing at all", Vec::new(), Page(502, "interrompeu a resposta")),
        ("half a head", b"HTTP/1.1 200 OK\r\nContent-Type: te".to_vec(), Page(502, "interrompeu a resposta")),
        ("a NUL in a header", page("x-bad: a\0b\r\n", b"<p>x"), Page(502, "interrompeu a resposta")),
        ("a header without a colon", page("what is this\r\n", b"<p>x"), Page(502, "interrompeu a resposta")),
        ("no number for a length", page("content-length: lots\r\n", b"<p>x"), Page(502, "interrompeu a resposta")),
        (
            "two lengths",
            page("content-length: 3\r\ncontent-length: 4\r\n", b"<p>x"),
            Page(502, "interrompeu a resposta"),
        ),
        (
            "a header of a megabyte",
            page(&format!("x-long: {}\r\n", "a".repeat(1024 * 1024)), b"<p>x"),
            Page(502, "interrompeu a resposta"),
        ),
        ("a thousand headers", page(&"x-many: a\r\n".repeat(1000), b"<p>x"), Page(502, "interrompeu a resposta")),
        (
            "bytes that are no ASCII in a header",
            page("x-name: caf\u{e9}\r\nx-latin: \u{e9}\r\ncontent-length: 9\r\n", b"<p>whole<"),
            Whole("<p>whole"),
        ),
        (
            "early hints",
            [&b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n"[..], &page("", b"<p>whole</p>")]
                .concat(),
            Whole("<p>whole</p>"),
        ),
        (
            "a page that does not say what it is",
            b"HTTP/1.1 200 OK\r\n\r\n  <!DOCTYPE html><p>whole</p>".to_vec(),
            Whole("/__lado/boot."),
        ),
        ("a text that does not say what it is", b"HTTP/1.1 200 OK\r\n\r\nhello <p>".to_vec(), Whole("hello <p>")),
        ("a body that ends with the connection", page("", b"<p>whole</p>"), Whole("<p>whole</p>")),
        ("a page cut off", page("content-length: 1000\r\n", start.as_bytes()), Broken("the beginning")),
        (
            "chunks cut off",
            page("transfer-encoding: chunked\r\n", b"23\r\n<!doctype html><p>the beginning</p>\r\n"),
            Broken("the beginning"),
        ),
        (
            "a chunk without a length",
            page("transfer-encoding: chunked\r\n", b"23\r\n<!doctype html><p>the beginning</p>\r\nzz\r\nrest"),
            Broken("the beginning"),
        ),
        ("chunks that never begin", page("transfer-encoding: chunked\r\n", b"zz\r\nrest\r\n"), Page(502, "ilegível")),
        ("no gzip", packed("gzip", b"<p>never packed</p>"), Page(502, "ilegível")),
        ("no brotli", packed("br", &noise), Page(502, "ilegível")),
        ("no zstd", packed("zstd", b"<p>never packed</p>"), Page(502, "ilegível")),
        ("no deflate", packed("deflate", &[0xff; 64]), Page(502, "ilegível")),
        ("half a gzip", packed("gzip", &half("gzip")), Broken("the beginning")),
        ("half a brotli", packed("br", &half("br")), Broken("the beginning")),
        ("half a zstd", packed("zstd", &half("zstd")), Broken("the beginning")),
        ("a gzip bomb", packed("gzip", &coded("gzip", &zeros)), Broken("")),
        ("a brotli bomb", packed("br", &coded("br", &zeros)), Broken("")),
        ("a zstd bomb", packed("zstd", &coded("zstd", &zeros)), Broken("")),
        ("an endless page", page("", &zeros), Broken("")),
        ("a coding that nobody knows", packed("lzma", b"\x5d\0\0 as it came"), Whole("as it came")),
    ];
    let mut sites = Vec::new();
    let mut cases = Vec::new();
    for (name, bytes, told) in raw {
        let site = Site::raw(bytes).await;
        cases.push(Case { name, url: site.url(), told });
        sites.push(site);
    }
    let named = |port: u16| Url::parse(&format!("https://secure.test:{port}/")).unwrap();
    let of = |site: &Site| named(site.address.port());
    for (name, url, told) in [
        ("a TLS site as it should be", of(&secure), Whole("<p>hello</p>")),
        ("an expired certificate", of(&expired), Page(502, "venceu ou ainda não vale")),
        ("a certificate of tomorrow", of(&early), Page(502, "venceu ou ainda não vale")),
        ("another name's certificate", of(&wrong), Page(502, "é de outro nome")),
        ("an unknown authority", of(&stranger), Page(502, "Ninguém conhecido garante")),
        ("no TLS at all", named(good.address.port()), Page(502, "com segurança")),
        ("a handshake that never comes", named(mute_address.port()), Page(504, "demorou demais")),
        ("a port that nobody listens at", url(&format!("http://{closed}/")), Page(502, "recusou a conexão")),
        ("a site that never answers", silent.url(), Page(504, "demorou demais")),
        ("a name that does not exist", url("http://nowhere.invalid/"), Page(502, "site")),
        ("a private address", url("http://10.1.2.3/"), Page(403, "endereço é privado")),
    ] {
        cases.push(Case { name, url, told });
    }
    let mut reached: Vec<&Site> = vec![&secure, &expired, &early, &wrong, &stranger, &silent, &good];
    reached.extend(&sites);
    let lado = Running::with(&reached, |config| {
        config.upstream.allow_private.extend([Exception::from(closed), Exception::from(mute_address)]);
        config.upstream.hosts.insert("secure.test".into(), vec![[127, 0, 0, 1].into()]);
        config.upstream.extra_ca = vec![trusted.path().to_owned()];
        // Long enough for a debug build's first TLS handshake on a busy machine.
        config.upstream.first_byte_timeout = Span(Duration::from_secs(3));
        config.upstream.connect_timeout = Span(Duration::from_secs(3));
        config.page.max_page = 16 * 1024 * 1024;
    })
    .await;
    let customer = lado.customer(&good.url());
    let mut problems = Vec::new();
    for case in &cases {
        problems.extend(problem(&customer, case).await);
        assert_eq!(text(customer.open(&good.url()).await).await, "hello", "after {}", case.name);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[tokio::test]
async fn a_page_that_says_nothing_at_first_still_gets_its_head() {
    let site = Site::new(|_| async {
        let never = futures_util::stream::pending::<Result<http_body::Frame<bytes::Bytes>, std::convert::Infallible>>();
        answer("text/html", Body::stream(http_body_util::StreamBody::new(never)))
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let response = tokio::time::timeout(Duration::from_secs(5), customer.open(&site.url())).await;
    assert_eq!(response.expect("the head waits for the body").status(), 200);
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}
