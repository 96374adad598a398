//! The listener on real sockets: hosts, silence, dripping, malformed requests, draining, TLS.

use std::time::{Duration, Instant};

use lado::span::Span;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

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
    let body = std::sync::Arc::new(std::sync::Mutex::new(Some(body)));
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
    let body = std::sync::Arc::new(std::sync::Mutex::new(Some(body)));
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

#[tokio::test]
async fn tls_speaks_http_1_and_2_and_nothing_old() {
    use rustls_pki_types::pem::PemObject as _;
    use std::sync::Arc;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::crypto::aws_lc_rs;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

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
    roots.add(rustls_pki_types::CertificateDer::from_pem_file(folder.path().join("ca.pem")).unwrap()).unwrap();
    for (alpn, name) in [("http/1.1", "lado.localhost"), ("h2", "abcdefghijklmnop-viewer.view.localhost")] {
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name.try_into().unwrap(), lado.connect().await).await.unwrap();
        let session = stream.get_ref().1;
        assert_eq!(session.alpn_protocol(), Some(alpn.as_bytes()));
        let suite = format!("{:?}", session.negotiated_cipher_suite().unwrap().suite());
        assert!(suite.contains("AES_256"), "{suite}");
    }
}
