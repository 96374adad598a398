//! What a strict HTTP citizen refuses, on real sockets: nothing that can be read in two ways reaches a site.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lado::listener::hop::Net;
use lado::span::Span;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::kit::{Running, Site, answer};

async fn exchange(mut stream: TcpStream, bytes: &[u8]) -> String {
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    let _ = read.expect("the connection stayed open");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A site that writes down every byte it gets, and answers each connection once.
struct Witness {
    site: Url,
    heard: Arc<Mutex<Vec<u8>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Witness {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let heard = Arc::<Mutex<Vec<u8>>>::default();
        let writes = heard.clone();
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let writes = writes.clone();
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                        writes.lock().unwrap().extend(&buffer[..read]);
                        let reply = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";
                        let _ = stream.write_all(reply).await;
                    }
                });
            }
        });
        Self { site, heard, task }
    }

    fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn a_smuggled_request_never_reaches_the_site() {
    let witness = Witness::new().await;
    let allow = witness.site.socket_addrs(|| None).unwrap()[0];
    let lado = Running::with(&[], |config| config.upstream.allow_private = vec![allow.into()]).await;
    let customer = lado.customer(&witness.site);
    let (host, cookie) = (customer.host(&witness.site), customer.cookie());
    let own = format!("Host: {host}\r\nCookie: {cookie}\r\n");
    let marker = format!("GET /marker HTTP/1.1\r\n{own}\r\n");
    let post = |fields: &str, body: &str| format!("POST /cover HTTP/1.1\r\n{own}{fields}\r\n{body}");
    let mut attacks = vec![
        post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &format!("0\r\n\r\n{marker}")),
        post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", &format!("0\r\n\r\n{marker}")),
        post(&format!("Content-Length: 0\r\nContent-Length: {}\r\n", marker.len()), &marker),
        post("Transfer-Encoding: identity, chunked\r\n", &format!("0\r\n\r\n{marker}")),
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", &format!("0\r\n\r\n{marker}")),
        post("Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", &format!("0\r\n\r\n{marker}")),
        post("Transfer-Encoding : chunked\r\n", &format!("0\r\n\r\n{marker}")),
        post("X: a\nTransfer-Encoding: chunked\r\n", &format!("0\r\n\r\n{marker}")),
        post("Transfer-Encoding: chunked\r\n", &format!("0\n\n{marker}")),
        post("Transfer-Encoding: chunked\r\n", &format!("1 \r\nx\r\n0\r\n\r\n{marker}")),
        post("Transfer-Encoding: chunked\r\n", &format!("2\r\nxyz\r\n0\r\n\r\n{marker}")),
        format!("POST /cover HTTP/1.0\r\n{own}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{marker}"),
        format!("GET /cover HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n"),
        format!("GET http://other.test/cover HTTP/1.1\r\n{own}\r\n"),
        format!("CONNECT {host} HTTP/1.1\r\n{own}\r\n{marker}"),
    ];
    // The same as one byte after the other: no cut may open a gap.
    attacks.push(attacks[0].clone());
    for (at, attack) in attacks.iter().enumerate() {
        let mut stream = lado.connect().await;
        stream.set_nodelay(true).unwrap();
        if at + 1 == attacks.len() {
            for byte in attack.as_bytes() {
                if stream.write_all(&[*byte]).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        } else {
            stream.write_all(attack.as_bytes()).await.unwrap();
        }
        let mut buffer = vec![0; 64 * 1024];
        let mut told = String::new();
        while let Ok(Ok(read @ 1..)) = tokio::time::timeout(Duration::from_secs(3), stream.read(&mut buffer)).await {
            told += &String::from_utf8_lossy(&buffer[..read]);
        }
        assert!(!witness.heard().contains("marker"), "{attack}\nreached the site: {}", witness.heard());
        assert!(told.starts_with("HTTP/1.1 400 ") || told.is_empty(), "{attack}\nwas answered: {told}");
    }
    // The way is open for who speaks properly.
    let proper = format!("GET /proper HTTP/1.1\r\n{own}Connection: close\r\n\r\n");
    assert!(exchange(lado.connect().await, proper.as_bytes()).await.starts_with("HTTP/1.1 200 "));
    assert!(witness.heard().contains("GET /proper"));
}

#[tokio::test]
async fn a_host_that_says_more_than_a_host_is_refused() {
    let witness = Witness::new().await;
    let upstream = witness.site.origin().ascii_serialization();
    let front = format!("hosts = [\"www.shop.com\"]\ncompany = \"sol\"\nupstreams = [{upstream:?}]");
    let lado = Running::with(&[], |config| config.fronts = vec![toml::from_str(&front).unwrap()]).await;
    let get = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    for host in ["www.shop.com:80/\", for=6.6.6.6;x=\"", "www.shop.com:80@evil.example", "www.shop.com:80:80"] {
        let told = exchange(lado.connect().await, get(host).as_bytes()).await;
        assert!(told.starts_with("HTTP/1.1 400 "), "{host}: {told}");
    }
    assert_eq!(witness.heard(), "");
    let told = exchange(lado.connect().await, get("www.shop.com:80").as_bytes()).await;
    assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
    assert!(witness.heard().contains("host=\"www.shop.com:80\""), "{}", witness.heard());
}

#[tokio::test]
async fn hop_by_hop_and_nominated_fields_go_no_further() {
    let witness = Witness::new().await;
    let allow = witness.site.socket_addrs(|| None).unwrap()[0];
    let lado = Running::with(&[], |config| config.upstream.allow_private = vec![allow.into()]).await;
    let customer = lado.customer(&witness.site);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nConnection: close, X-Nominated\r\nX-Nominated: 1\r\nX-Kept: 1\r\n\
         Keep-Alive: timeout=5\r\nProxy-Authorization: x\r\nProxy-Connection: keep-alive\r\n\r\n",
        customer.host(&witness.site),
        customer.cookie()
    );
    exchange(lado.connect().await, request.as_bytes()).await;
    let heard = witness.heard().to_ascii_lowercase();
    assert!(heard.contains("x-kept"), "{heard}");
    for gone in ["x-nominated", "keep-alive", "proxy-authorization", "proxy-connection"] {
        assert!(!heard.contains(gone), "{gone} in {heard}");
    }
}

#[tokio::test]
async fn nothing_goes_to_the_site_behind_an_upgrade_before_it_has_agreed() {
    let witness = Witness::new().await;
    let allow = witness.site.socket_addrs(|| None).unwrap()[0];
    let lado = Running::with(&[], |config| config.upstream.allow_private = vec![allow.into()]).await;
    let customer = lado.customer(&witness.site);
    let own = format!("Host: {}\r\nCookie: {}\r\n", customer.host(&witness.site), customer.cookie());
    let upgrade = format!(
        "GET /socket HTTP/1.1\r\n{own}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    // The site answers 200: what follows is a request like any other, and is read as strictly.
    let early = format!("{upgrade}GET /marker HTTP/1.1\nHost: x\n\n");
    let told = exchange(lado.connect().await, early.as_bytes()).await;
    assert!(told.starts_with("HTTP/1.1 200 ") && told.contains("HTTP/1.1 400 "), "{told}");
    assert!(!witness.heard().contains("marker"), "{}", witness.heard());
    let next = format!("{upgrade}GET /next HTTP/1.1\r\n{own}Connection: close\r\n\r\n");
    let told = exchange(lado.connect().await, next.as_bytes()).await;
    assert_eq!(told.matches("HTTP/1.1 200 ").count(), 2, "{told}");
    assert!(witness.heard().contains("GET /next"));
}

async fn patient_for(milliseconds: u64) -> Running {
    Running::with(&[], |config| {
        let short = Span(Duration::from_millis(milliseconds));
        (config.listener.header_timeout, config.listener.body_timeout) = (short, short);
        config.listener.write_timeout = short;
        config.listener.min_body_rate = 1000;
        config.listener.max_body = 100_000;
    })
    .await
}

#[tokio::test]
async fn a_dripping_head_is_closed_on_a_connection_that_has_spoken_before() {
    let lado = patient_for(300).await;
    let host = format!("lado.localhost:{}", lado.address.port());
    let mut stream = lado.connect().await;
    stream.write_all(format!("GET /nothing HTTP/1.1\r\nHost: {host}\r\n\r\nGET").as_bytes()).await.unwrap();
    let begin = Instant::now();
    let mut rest = Vec::new();
    let dripping = async {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if begin.elapsed() > Duration::from_secs(5) {
                break;
            }
        }
    };
    tokio::select! {
        _ = stream.read_to_end(&mut rest) => {}
        () = dripping => panic!("still open"),
    }
    assert!(begin.elapsed() < Duration::from_secs(3));
    assert!(rest.starts_with(b"HTTP/1.1 "));
}

#[tokio::test]
async fn a_body_too_large_is_refused_and_a_dripping_one_is_given_up() {
    let lado = patient_for(1000).await;
    let host = format!("lado.localhost:{}", lado.address.port());
    let head = format!(
        "POST /api/sign-in HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\
         Connection: close\r\n\r\n"
    );
    assert!(exchange(lado.connect().await, head.as_bytes()).await.contains(" 413 "));
    let mut stream = lado.connect().await;
    stream.write_all(head.replace("200000", "2000").as_bytes()).await.unwrap();
    let begin = Instant::now();
    let (mut reader, mut writer) = stream.into_split();
    let drip = tokio::spawn(async move {
        while writer.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut told = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(8), reader.read_to_end(&mut told)).await;
    drip.abort();
    assert!(read.is_ok(), "the drip is still awaited");
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_browser_that_does_not_read_is_let_go() {
    let flood = |_| async { answer("application/octet-stream", vec![7; 64 * 1024 * 1024]) };
    let site = Site::new(flood).await;
    let lado = Running::with(&[&site], |config| {
        config.listener.write_timeout = Span(Duration::from_millis(300));
    })
    .await;
    let customer = lado.customer(&site.url());
    let mut stream = lado.connect().await;
    let request =
        format!("GET / HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", customer.host(&site.url()), customer.cookie());
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let mut got = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut got)).await;
    assert!(end.is_ok() && got.len() < 64 * 1024 * 1024, "{} bytes came", got.len());
}

#[tokio::test]
async fn one_address_may_not_take_everything() {
    let lado = Running::with(&[], |config| {
        config.listener.connections_per_address = 3;
        (config.listener.requests_per_address, config.listener.requests_burst) = (1, 5);
    })
    .await;
    let host = format!("lado.localhost:{}", lado.address.port());
    let request = format!("GET /nothing HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let mut told = Vec::new();
    for _ in 0..8 {
        told.push(exchange(lado.connect().await, request.as_bytes()).await);
    }
    let refused: Vec<_> = told.iter().filter(|answer| answer.contains(" 429 ")).collect();
    assert!(refused.len() >= 2 && refused.len() <= 3, "{told:?}");
    assert!(refused[0].to_ascii_lowercase().contains("retry-after:"));

    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = lado.connect().await;
        stream.write_all(b"GET").await.unwrap();
        open.push(stream);
    }
    // The accept loop takes them in turn: when the fourth has been closed, the first three are still open.
    assert_eq!(exchange(lado.connect().await, b"").await, "");
    drop(open);
}

#[tokio::test]
async fn whoever_comes_when_all_places_are_taken_gets_that_of_the_longest_idle() {
    let lado = Running::with(&[], |config| config.listener.max_connections = 3).await;
    let request = format!("GET /nothing HTTP/1.1\r\nHost: lado.localhost:{}\r\n\r\n", lado.address.port());
    let mut open = Vec::new();
    for _ in 0..12 {
        let mut stream = lado.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut told = [0; 9];
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut told)).await;
        read.expect("never answered").unwrap();
        assert_eq!(&told, b"HTTP/1.1 ");
        open.push(stream);
    }
    // The one that came first has been closed.
    let mut rest = Vec::new();
    let first = tokio::time::timeout(Duration::from_secs(5), open[0].read_to_end(&mut rest)).await;
    first.expect("still open").unwrap();
}

#[tokio::test]
async fn only_trusted_hops_say_who_asks() {
    let lado = Running::with(&[], |config| {
        config.listener.trusted = vec![Net::try_from("127.0.0.1".to_owned()).unwrap()];
        config.listener.proxy_protocol = true;
        (config.listener.requests_per_address, config.listener.requests_burst) = (1, 1);
    })
    .await;
    let host = format!("lado.localhost:{}", lado.address.port());
    let get = |source: &str| {
        format!(
            "PROXY TCP4 {source} 203.0.113.7 1234 443\r\nGET /nothing HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             X-Forwarded-For: 192.0.2.{}\r\n\r\n",
            rand()
        )
    };
    let first = exchange(lado.connect().await, get("198.51.100.1").as_bytes()).await;
    assert!(first.starts_with("HTTP/1.1 ") && !first.contains(" 429 "), "{first}");
    // An address of its own, whatever it claims to forward.
    assert!(exchange(lado.connect().await, get("198.51.100.1").as_bytes()).await.contains(" 429 "));
    assert!(!exchange(lado.connect().await, get("198.51.100.2").as_bytes()).await.contains(" 429 "));
    // A trusted hop must say who it speaks for.
    assert_eq!(exchange(lado.connect().await, format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await, "");
}

fn rand() -> u8 {
    use std::sync::atomic::{AtomicU8, Ordering};
    static NEXT: AtomicU8 = AtomicU8::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Preface, SETTINGS, then what the test wants.
pub fn http2(frames: &[u8]) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    bytes.extend(frames);
    bytes
}

#[tokio::test]
async fn a_refused_tunnel_holds_no_connection() {
    let lado = Running::with(&[], |config| config.listener.idle_timeout = Span(Duration::from_millis(300))).await;
    // :method CONNECT, :authority a
    let block = [&[0x42, 7][..], b"CONNECT", &[0x41, 1, b'a']].concat();
    let head = [0, 0, block.len() as u8, 1, 5, 0, 0, 0, 1];
    exchange(lado.connect().await, &http2(&[&head[..], &block].concat())).await;
}

#[tokio::test]
async fn floods_of_frames_end_their_connection() {
    let lado = Running::before(&[]).await;
    let ping = [&[0, 0, 8, 6, 0, 0, 0, 0, 0][..], &[0; 8]].concat();
    let settings = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
    let priority = [&[0, 0, 5, 2, 0, 0, 0, 0, 3][..], &[0, 0, 0, 0, 16]].concat();
    // A request's block that never ends, in crumbs.
    let crumbs = [&[0, 0, 1, 1, 0, 0, 0, 0, 1][..], &[0x82]].concat();
    let crumb = [&[0, 0, 1, 9, 0, 0, 0, 0, 1][..], &[0x84]].concat();
    for (name, first, flood) in [
        ("pings", vec![], ping),
        ("settings", vec![], settings),
        ("priorities", vec![], priority),
        ("continuations", crumbs, crumb),
    ] {
        let begin = Instant::now();
        let bytes = http2(&[first, flood.repeat(3000)].concat());
        exchange(lado.connect().await, &bytes).await;
        assert!(begin.elapsed() < Duration::from_secs(5), "{name}");
    }
    // Resets of requests that had just begun (CVE-2023-44487).
    let mut resets = Vec::new();
    for stream in (1..4000u32).step_by(2) {
        let id = stream.to_be_bytes();
        // :method GET, :scheme http, :path /, :authority a
        let block = [0x82, 0x86, 0x84, 0x41, 0x01, b'a'];
        resets.extend([0, 0, block.len() as u8, 1, 5]);
        resets.extend(id);
        resets.extend(block);
        resets.extend([0, 0, 4, 3, 0]);
        resets.extend(id);
        resets.extend([0, 0, 0, 8]);
    }
    let begin = Instant::now();
    exchange(lado.connect().await, &http2(&resets)).await;
    assert!(begin.elapsed() < Duration::from_secs(5), "resets");
}
