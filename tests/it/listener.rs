//! The listener on real sockets: hosts, silence, dripping, malformed requests, draining, TLS.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lado::span::Span;
use rustls::crypto::aws_lc_rs;
use rustls::crypto::aws_lc_rs::cipher_suite::{
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS13_AES_128_GCM_SHA256,
    TLS13_AES_256_GCM_SHA384,
};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::kit::{Running, Site, answer, piece, text, trickle};

/// What comes back for these bytes until the connection closes.
async fn exchange(mut stream: TcpStream, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    let _ = read.expect("the connection stayed open");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn impatient() -> Running {
    Running::with(&[], |config| {
        config.listener.header_timeout = Span(Duration::from_millis(300));
        config.listener.idle_timeout = Span(Duration::from_millis(300));
    })
    .await
}

#[tokio::test]
async fn an_unknown_host_is_misdirected() {
    let lado = Running::before(&[]).await;
    for host in ["www.example.com", "localhost", "127.0.0.1", "evil.lado.localhost", "x.view.localhost"] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = exchange(lado.connect().await, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 421 "), "{host}: {answer}");
    }
}

#[tokio::test]
async fn a_request_without_one_clear_host_is_refused() {
    let lado = Running::before(&[]).await;
    let own = format!("lado.localhost:{}", lado.address.port());
    for head in [
        "GET / HTTP/1.1\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nHost: {own}\r\nHost: {own}\r\n"),
        format!("GET http://other.test/ HTTP/1.1\r\nHost: {own}\r\n"),
        format!("CONNECT {own} HTTP/1.1\r\nHost: {own}\r\n"),
        "GET / HTTP/1.0\r\n".to_owned(),
    ] {
        let answer = exchange(lado.connect().await, format!("{head}Connection: close\r\n\r\n").as_bytes()).await;
        assert!(answer.contains(" 400 "), "{head}: {answer}");
    }
}

#[tokio::test]
async fn a_connection_that_never_speaks_is_closed() {
    let lado = impatient().await;
    for start in [&b""[..], b"PRI * HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x"] {
        let begin = Instant::now();
        exchange(lado.connect().await, start).await;
        assert!(begin.elapsed() < Duration::from_secs(3), "{start:?}");
    }
}

#[tokio::test]
async fn a_connection_that_drips_its_headers_is_closed() {
    let lado = impatient().await;
    let mut stream = lado.connect().await;
    let begin = Instant::now();
    let mut closed = false;
    for byte in
        b"GET / HTTP/1.1\r\nHost: lado.localhost\r\nAccept: everything that there is\r\n".iter().cycle().take(100)
    {
        if stream.write_all(&[*byte]).await.is_err() {
            closed = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(closed && begin.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let (sender, body) = trickle();
    let body = Arc::new(std::sync::Mutex::new(Some(body)));
    let site = Site::new(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move { answer("text/plain", body) }
    })
    .await;
    let lado = Running::with(&[&site], |config| {
        config.listener.idle_timeout = Span(Duration::from_millis(300));
        config.listener.header_timeout = Span(Duration::from_millis(300));
    })
    .await;
    let host = format!("lado.localhost:{}", lado.address.port());
    let begin = Instant::now();
    let answer =
        exchange(lado.connect().await, format!("GET /nothing HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    assert!(begin.elapsed() >= Duration::from_millis(250));

    let customer = lado.customer(&site.url());
    sender.send("one".into()).unwrap();
    let mut response = customer.open(&site.url()).await;
    assert_eq!(piece(&mut response).await, "one");
    tokio::time::sleep(Duration::from_millis(900)).await;
    sender.send("two".into()).unwrap();
    assert_eq!(piece(&mut response).await, "two");
}

#[tokio::test]
async fn draining_lets_open_responses_finish_and_takes_no_new_ones() {
    let (sender, body) = trickle();
    let body = Arc::new(std::sync::Mutex::new(Some(body)));
    let site = Site::new(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move { answer("text/plain", body) }
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    sender.send("one ".into()).unwrap();
    let mut response = customer.open(&site.url()).await;
    assert_eq!(piece(&mut response).await, "one ");
    lado.stop();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(TcpStream::connect(lado.address).await.is_err(), "still takes connections");
    sender.send("two".into()).unwrap();
    drop(sender);
    assert_eq!(text(response).await, "two");
    drop(customer);
    tokio::time::timeout(Duration::from_secs(3), lado.ended()).await.expect("Lado did not end");
}

/// A Lado that speaks TLS, and who its clients trust.
async fn secure() -> (Running, RootCertStore) {
    let folder = tempfile::tempdir().unwrap();
    lado::listener::certs::write(folder.path(), "lado.localhost", "view.localhost").unwrap();
    let lado = Running::with(&[], |config| {
        config.listener.certificates = vec![lado::listener::CertificateConfig {
            chain: folder.path().join("lado.pem"),
            key: folder.path().join("lado.key"),
        }];
    })
    .await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.path().join("ca.pem")).unwrap()).unwrap();
    (lado, roots)
}

#[tokio::test]
async fn requests_go_through_on_http_1_and_2_under_tls_1_2_and_1_3_with_aes_256_first() {
    let (lado, roots) = secure().await;
    // A browser that would rather have the smaller key.
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = vec![
        TLS13_AES_128_GCM_SHA256,
        TLS13_AES_256_GCM_SHA384,
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ];
    let provider = Arc::new(provider);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (alpn, name) in [("http/1.1", "lado.localhost"), ("h2", "abcdefghijklmnop-viewer.view.localhost")] {
            let mut config = ClientConfig::builder_with_provider(provider.clone())
                .with_protocol_versions(&[version])
                .unwrap()
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
            config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
            let connector = TlsConnector::from(Arc::new(config));
            let stream = connector.connect(name.try_into().unwrap(), lado.connect().await).await.unwrap();
            let session = stream.get_ref().1;
            assert_eq!(session.protocol_version(), Some(version.version));
            assert_eq!(session.alpn_protocol(), Some(alpn.as_bytes()));
            let suite = format!("{:?}", session.negotiated_cipher_suite().unwrap().suite());
            assert!(suite.contains("AES_256"), "{version:?} {alpn}: {suite}");

            let (stream, host) = (TokioIo::new(stream), format!("lado.localhost:{}", lado.address.port()));
            let request = Request::builder().header("host", &host);
            let response = if alpn == "h2" {
                let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
                tokio::spawn(connection);
                let request = request.uri(format!("https://{host}/panel")).body(Empty::<Bytes>::new()).unwrap();
                sender.send_request(request).await.unwrap()
            } else {
                let (mut sender, connection) = http1::handshake(stream).await.unwrap();
                tokio::spawn(connection);
                sender.send_request(request.uri("/panel").body(Empty::<Bytes>::new()).unwrap()).await.unwrap()
            };
            assert_eq!(response.status(), 200, "{version:?} {alpn}");
            assert!(text(response).await.contains("<!doctype html>"), "{version:?} {alpn}");
        }
    }
}

#[tokio::test]
async fn who_comes_back_resumes_however_many_have_come_meanwhile() {
    let (lado, roots) = secure().await;
    let browser = || {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    };
    let visit = async |browser: &TlsConnector| {
        let stream = browser.connect("lado.localhost".try_into().unwrap(), lado.connect().await).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection.without_shutdown());
        let host = format!("lado.localhost:{}", lado.address.port());
        let request = Request::get("/panel").header("host", host).body(Empty::<Bytes>::new()).unwrap();
        // Tickets come before the answer.
        text(sender.send_request(request).await.unwrap()).await;
        drop(sender);
        connection.await.unwrap().unwrap().io.into_inner().get_ref().1.handshake_kind()
    };
    let first = browser();
    assert_eq!(visit(&first).await, Some(HandshakeKind::Full));
    for _ in 0..150 {
        visit(&browser()).await;
    }
    assert_eq!(visit(&first).await, Some(HandshakeKind::Resumed));
}

#[tokio::test]
async fn what_comes_without_tls_is_sent_to_https() {
    let folder = tempfile::tempdir().unwrap();
    lado::listener::certs::write(folder.path(), "lado.localhost", "view.localhost").unwrap();
    let file = folder.path().join("lado.toml");
    let config = "[hosts]\nconsole = 'https://lado.localhost'\nview = 'https://view.localhost'\n[listener]\n\
                  address = '127.0.0.1:0'\ncertificates = [{ chain = 'lado.pem', key = 'lado.key' }]\n\
                  [[company]]\nid = 'sol'\nname = 'Sol'\n\
                  [[front]]\nhosts = ['shop.test']\ncompany = 'sol'\nupstreams = ['http://127.0.0.1:9']\n";
    std::fs::write(&file, config).unwrap();
    let config = lado::config::Config::load(&file).unwrap();
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap();
    let given = lado::Given { plain: Some(plain), ..Default::default() };
    let stop = tokio_util::sync::CancellationToken::new();
    let (tell, mut ready) = tokio::sync::mpsc::channel(1);
    let told = stop.clone();
    let serving = tokio::spawn(async move {
        lado::serve(&config, given, move |_| tell.try_send(()).unwrap(), told.cancelled()).await.unwrap();
    });
    ready.recv().await.unwrap();
    for (host, status, to) in [
        ("shop.test", 308, Some("https://shop.test/a?b")),
        ("lado.localhost", 308, Some("https://lado.localhost/a?b")),
        ("abcdefghijklmnop-viewer.view.localhost", 308, Some("https://abcdefghijklmnop-viewer.view.localhost/a?b")),
        ("evil.example", 421, None),
    ] {
        let request = Request::post("/a?b").header("host", host).body(Empty::<Bytes>::new()).unwrap();
        let response = crate::kit::ask(address, request).await;
        let location = response.headers().get("location").map(|to| to.to_str().unwrap());
        assert_eq!((response.status().as_u16(), location), (status, to), "{host}");
    }
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), serving).await.expect("still open").unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "still takes connections");
}

/// A hello as browsers of ten years ago sent it: no extension says a version, `version` is the best that it knows.
fn old_hello(version: [u8; 2]) -> Vec<u8> {
    let suites = [0xc0, 0x2b, 0xc0, 0x2c, 0xc0, 0x09, 0xc0, 0x0a];
    let extensions = [
        &[0x00, 0x0a, 0, 4, 0, 2, 0x00, 0x17][..], // supported_groups: secp256r1
        &[0x00, 0x0b, 0, 2, 1, 0],                 // ec_point_formats: uncompressed
        &[0x00, 0x0d, 0, 4, 0, 2, 0x04, 0x03],     // signature_algorithms: ecdsa_secp256r1_sha256
        &[0x00, 0x17, 0, 0],                       // extended_master_secret
    ]
    .concat();
    let mut body = [&version[..], &[7; 32], &[0]].concat();
    body.extend(u16::try_from(suites.len()).unwrap().to_be_bytes());
    body.extend([&suites[..], &[1, 0]].concat());
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let length = u16::try_from(body.len()).unwrap();
    let [high, low] = length.to_be_bytes();
    let [record_high, record_low] = (length + 4).to_be_bytes();
    [&[0x16, 3, 1, record_high, record_low, 1, 0, high, low][..], &body].concat()
}

#[tokio::test]
async fn tls_1_1_and_older_are_refused() {
    let (lado, _) = secure().await;
    let answer = async |version| {
        let mut stream = lado.connect().await;
        stream.write_all(&old_hello(version)).await.unwrap();
        let mut head = [0; 7];
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut head)).await;
        read.expect("nothing came").unwrap();
        head
    };
    // The same hello with TLS 1.2 gets a server hello: it is the version that is refused.
    let [kind, .., message, _] = answer([3, 3]).await;
    assert_eq!((kind, message), (0x16, 2));
    for version in [[3, 2], [3, 1], [3, 0]] {
        // A fatal alert, "protocol_version" (RFC 8446 §6.2).
        let [kind, .., level, description] = answer(version).await;
        assert_eq!((kind, level, description), (0x15, 2, 70), "{version:?}");
    }
}
