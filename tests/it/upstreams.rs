//! The addresses behind a front host: which is asked, what is kept, and what each is told of who asks.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use http::Request;
use hyper::body::Incoming;
use lado::respond::{self, Body};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::front::{HOST, front, get, send};
use crate::kit::{Running, Site, answer, status, text};

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
    // Idle addresses take turns: one that is up answers within two requests.
    let ill_answers = async || {
        let answers =
            futures_util::future::join_all((0..2).map(|_| async { text(send(&lado, get(&lado, "/")).await).await }));
        answers.await.iter().any(|answer| answer == "ill")
    };
    let until = async |expected: bool| {
        let mut row = 0;
        for _ in 0..200 {
            row = if ill_answers().await == expected { row + 1 } else { 0 };
            if row == 6 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("the ill address is {}", if expected { "not back" } else { "still asked" });
    };
    until(false).await;
    well.store(true, Ordering::Relaxed);
    until(true).await;
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
