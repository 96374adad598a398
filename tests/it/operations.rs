//! What operations ask of Lado on its second listener: metrics that move, health, readiness; and what overload does.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::Request;
use http_body_util::Full;
use hyper::body::Incoming;
use lado::front;
use lado::listener::{self, Listener};
use lado::protocol::{
    self, Action, Button, Dictionary, Level, Op, PageCommand, PageMessage, Refusal, VERSION, ViewerMessage,
    ViewerNotice, ViewerRequest,
};
use lado::session::Ticket;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use crate::kit::{Customer, Running, Site, Socket, answer, ask, piece, text, trickle};
use crate::sessions::stage::{element, open, patiently, snapshot};

const SECRET: &str = "s3cret";
const HOST: &str = "shop.localhost";

/// The listener of operations beside a running Lado.
struct Operations {
    address: SocketAddr,
    stop: CancellationToken,
}

impl Operations {
    async fn of(lado: &Running) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let stop = CancellationToken::new();
        let listener = Listener::new(socket, &listener::Config::default()).unwrap();
        tokio::spawn(lado.lado.clone().operate(listener, stop.clone()));
        Self { address, stop }
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let request = Request::builder().uri(path).header("host", self.address.to_string());
        let response = ask(self.address, request.body(Full::<Bytes>::default()).unwrap()).await;
        (response.status().as_u16(), text(response).await)
    }

    async fn metrics(&self) -> String {
        self.get("/metrics").await.1
    }

    /// The value of a series, such as `lado_ops_total` or `lado_sessions{phase="active"}`.
    async fn value(&self, series: &str) -> f64 {
        value(&self.metrics().await, series)
    }

    /// Waits until a series has a value: what ends a request is counted after its last byte has left.
    async fn until(&self, series: &str, wanted: f64) {
        patiently(async {
            while self.value(series).await < wanted {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

impl Drop for Operations {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{metrics}")).parse().unwrap()
}

/// The customer's page, with a password that its script should have masked and a button that is locked; acknowledged.
async fn page(lado: &Running, customer: &Customer<'_>, site: &Site) -> Socket {
    let mut page = lado.socket(&customer.host(&site.url()), "/__lado/sync", &customer.cookie()).await;
    let mut dictionary = Dictionary::default();
    let url = site.url().to_string();
    let (name, tab) = ("p1".to_owned(), "tab".to_owned());
    let mut children = element("button", &[], "Comprar agora");
    children.push(open("input", &[("type", "password"), ("value", SECRET)]));
    children.push(lado::protocol::TreeNode::End);
    for message in [
        PageMessage::Hello { version: VERSION, page: name, tab, url, sent: 0, visible: true },
        PageMessage::Batch { seq: 1, ops: vec![snapshot(children)] },
    ] {
        let bytes = protocol::encode_with(&message, &mut dictionary);
        page.send(Message::Binary(bytes.into())).await.unwrap();
    }
    patiently(async {
        loop {
            if let Message::Binary(bytes) = page.next().await.unwrap().unwrap()
                && protocol::decode::<PageCommand>(&bytes).unwrap() == (PageCommand::Ack { seq: 1 })
            {
                return;
            }
        }
    })
    .await;
    page
}

/// An agent's viewer; it presses the button and is refused.
async fn refused_click(lado: &Running, customer: &Customer<'_>) -> Socket {
    let host = customer.session.views.viewer_origin().replace("http://", "");
    let mut viewer = lado.socket(&host, "/__lado/watch", "").await;
    let ticket = customer.session.ticket(Ticket::Viewer(customer.session.agent.clone()));
    let hello = ViewerRequest::Hello { version: VERSION, ticket };
    viewer.send(Message::binary(protocol::encode(&hello))).await.unwrap();
    let action = Action::Click { node: 4, x: 500, y: 500, button: Button::Left, count: 1 };
    patiently(async {
        loop {
            let Message::Binary(bytes) = viewer.next().await.unwrap().unwrap() else { continue };
            match protocol::decode(&bytes).unwrap() {
                ViewerMessage::Ops { ops, .. } if matches!(ops.first(), Some(Op::Snapshot { .. })) => {
                    let act = ViewerRequest::Act { id: 1, action: action.clone() };
                    viewer.send(Message::binary(protocol::encode(&act))).await.unwrap();
                }
                ViewerMessage::Notice { notice: ViewerNotice::Acted { refusal, .. } } => {
                    assert_eq!(refusal, Some(Refusal::Locked));
                    return;
                }
                _ => {}
            }
        }
    })
    .await;
    viewer
}

#[tokio::test]
async fn metrics_move_with_what_happens_and_hold_no_word_of_a_visitor() {
    let site = Site::new(|request: Request<Incoming>| async move {
        match request.uri().path() {
            "/none" => crate::kit::status(404, &[]),
            _ => answer("text/html", "<p>page"),
        }
    })
    .await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let lado = Running::with(&[&site], |config| config.upstream.allow_private.push(closed.into())).await;
    let operations = Operations::of(&lado).await;
    let before = operations.metrics().await;
    for series in ["lado_requests_total{face=\"view\",status=\"2xx\"}", "lado_ops_total", "lado_escaped_requests_total"]
    {
        assert_eq!(value(&before, series), 0.0, "{series} is there from the start");
    }

    let customer = lado.customer(&site.url());
    let path = format!("/private-path?token={SECRET}");
    text(customer.open(&site.url().join(&path).unwrap()).await).await;
    text(customer.open(&site.url().join("/none").unwrap()).await).await;
    text(customer.open(&format!("http://{closed}/").parse().unwrap()).await).await;
    let stranger = Request::builder().uri("/").header("host", format!("{SECRET}.example"));
    assert_eq!(lado.send(stranger.body(Full::<Bytes>::default()).unwrap()).await.status(), 421);
    operations.until("lado_request_duration_seconds_count{face=\"view\",phase=\"whole\"}", 3.0).await;
    let after = operations.metrics().await;
    for (series, wanted) in [
        ("lado_requests_total{face=\"view\",status=\"2xx\"}", 1.0),
        ("lado_requests_total{face=\"view\",status=\"4xx\"}", 1.0),
        ("lado_requests_total{face=\"view\",status=\"5xx\"}", 1.0),
        ("lado_requests_total{face=\"unknown\",status=\"4xx\"}", 1.0),
        ("lado_request_duration_seconds_count{face=\"view\",phase=\"upstream\"}", 2.0),
        ("lado_request_duration_seconds_count{face=\"view\",phase=\"head\"}", 3.0),
        ("lado_upstream_errors_total{kind=\"refused\"}", 1.0),
        ("lado_sessions{phase=\"invited\"}", 1.0),
        ("lado_sessions_begun_total", 1.0),
        ("lado_connections_accepted_total", 4.0),
        ("lado_ready", 1.0),
    ] {
        assert_eq!(value(&after, series), wanted, "{series}\n{after}");
    }
    assert!(value(&after, "lado_received_bytes_total") > 400.0 && value(&after, "lado_sent_bytes_total") > 400.0);

    let host = customer.host(&site.url());
    let report = customer.request(&site.url().join("/__lado/escaped").unwrap()).method("POST");
    let report_body = report_text(&host);
    let sent =
        lado.send(report.header("content-type", "application/csp-report").body(Full::from(report_body)).unwrap());
    assert_eq!(sent.await.status(), 204);
    let raw = "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
    refused_bytes(&lado, raw).await;
    let _page = page(&lado, &customer, &site).await;
    customer.session.set_level(Level::Control);
    let viewer = refused_click(&lado, &customer).await;
    let after = operations.metrics().await;
    for (series, wanted) in [
        ("lado_escaped_requests_total", 1.0),
        ("lado_edge_refused_total{reason=\"malformed\"}", 1.0),
        ("lado_ops_total", 1.0),
        ("lado_mask_corrections_total", 1.0),
        ("lado_actions_total", 1.0),
        ("lado_actions_refused_total{reason=\"locked\"}", 1.0),
        ("lado_sockets{kind=\"page\"}", 1.0),
        ("lado_sockets{kind=\"viewer\"}", 1.0),
        ("lado_viewer_queue_bytes", 0.0),
    ] {
        assert_eq!(value(&after, series), wanted, "{series}\n{after}");
    }
    drop(viewer);
    patiently(async { while operations.value("lado_sockets{kind=\"viewer\"}").await > 0.0 {} }).await;

    let id = customer.session.id.to_string();
    for word in [SECRET, "private-path", "127.0.0.1", "localhost", id.as_str(), "example", "ana", "Loja"] {
        assert!(!after.contains(word), "{word} in\n{after}");
    }
    assert_eq!(series(&after), series(&before), "no series comes or goes with what visitors do");
}

fn report_text(host: &str) -> String {
    format!(
        "{{\"csp-report\":{{\"document-uri\":\"http://{host}/\",\"effective-directive\":\"img-src\",\
         \"blocked-uri\":\"https://{SECRET}.example/x\"}}}}"
    )
}

/// Names and labels without the values.
fn series(metrics: &str) -> Vec<&str> {
    metrics.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap().0).collect()
}

async fn refused_bytes(lado: &Running, bytes: &str) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = lado.connect().await;
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut told = String::new();
    patiently(stream.read_to_string(&mut told)).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 400"), "{told}");
}

#[tokio::test]
async fn websockets_are_connections_like_others_and_dead_ones_are_noticed() {
    let site = Site::new(|mut request: Request<Incoming>| async move {
        let (response, socket) = lado::respond::websocket(&mut request).unwrap();
        tokio::spawn(async move {
            let mut socket = socket.await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
        });
        response.map(|_| lado::respond::Body::Empty)
    })
    .await;
    let upstreams = [format!("http://{}", site.address)];
    let front: front::Config =
        toml::from_str(&format!("hosts = [{HOST:?}]\ncompany = \"sol\"\nupstreams = {upstreams:?}")).unwrap();
    let lado = Running::with(&[], |config| {
        config.fronts = vec![front];
        config.listener.connections_per_address = 2;
    })
    .await;
    let operations = Operations::of(&lado).await;
    let host = format!("{HOST}:{}", lado.address.port());
    let (one, two) = (lado.socket(&host, "/", "").await, lado.socket(&host, "/", "").await);
    assert_eq!(operations.value("lado_connections").await, 2.0);
    let refused = lado.connect().await;
    let mut told = Vec::new();
    patiently(tokio::io::AsyncReadExt::read_to_end(&mut { refused }, &mut told)).await.unwrap();
    assert!(told.is_empty());
    assert_eq!(operations.value("lado_edge_refused_total{reason=\"connections\"}").await, 1.0);
    // The system asks whether the other side still lives: its timer (2) runs on both connections of a tunnel.
    let watched = |port: u16, at: usize| {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
        let end = format!("0100007F:{port:04X}");
        rows.filter(|row| row.get(at) == Some(&end.as_str()) && row[3] == "01" && row[5].starts_with("02:")).count()
    };
    patiently(async {
        while (watched(lado.address.port(), 1), watched(site.address.port(), 2)) != (2, 2) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(one);
    patiently(async { while operations.value("lado_connections").await > 1.0 {} }).await;
    let _three = lado.socket(&host, "/", "").await;
    drop(two);
}

/// Windows that never open hold a response for as long as their connection answers pings.
#[tokio::test]
async fn a_browser_that_opens_no_window_is_let_go() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let lado = Running::with(&[], |config| {
        config.listener.write_timeout = lado::span::Span(std::time::Duration::from_millis(300));
    })
    .await;
    let operations = Operations::of(&lado).await;
    let host = format!("lado.localhost:{}", lado.address.port());
    // SETTINGS_INITIAL_WINDOW_SIZE is 0; then requests, as indexed fields and the host.
    let mut frames = vec![0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
    for stream in [1, 3, 5] {
        let block = [&[0x82, 0x86, 0x84, 0x41, u8::try_from(host.len()).unwrap()], host.as_bytes()].concat();
        frames.extend([0, 0, u8::try_from(block.len()).unwrap(), 1, 5, 0, 0, 0, stream]);
        frames.extend(block);
    }
    let mut stream = lado.connect().await;
    stream.write_all(&crate::strict::http2(&frames)).await.unwrap();
    operations.until("lado_requests_in_flight", 3.0).await;
    let mut heard = Vec::new();
    let _ = patiently(stream.read_to_end(&mut heard)).await;
    patiently(async { while operations.value("lado_requests_in_flight").await > 0.0 {} }).await;
}

#[tokio::test]
async fn readiness_ends_when_lado_drains_and_health_goes_on() {
    let (chunks, body) = trickle();
    let body = std::sync::Arc::new(std::sync::Mutex::new(Some(body)));
    let site = Site::new(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move { answer("image/png", body) }
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let operations = Operations::of(&lado).await;
    patiently(async { while operations.get("/readyz").await.0 != 200 {} }).await;
    assert_eq!(operations.get("/healthz").await, (200, "alive\n".into()));
    let customer = lado.customer(&site.url());
    chunks.send(Bytes::from_static(b"first")).unwrap();
    let mut response = customer.send(customer.request(&site.url())).await;
    assert_eq!(piece(&mut response).await, "first");
    assert_eq!(operations.value("lado_requests_in_flight").await, 1.0);
    lado.stop();
    let draining = patiently(async {
        loop {
            let (code, told) = operations.get("/readyz").await;
            if code != 200 {
                return (code, told);
            }
        }
    })
    .await;
    assert_eq!(draining.0, 503);
    assert!(draining.1.starts_with("draining"), "{}", draining.1);
    assert_eq!(operations.get("/healthz").await.0, 200);
    assert_eq!(operations.value("lado_ready").await, 0.0);
    assert_eq!(operations.get("/").await.0, 404);
    drop(chunks);
    patiently(lado.ended()).await;
}

#[tokio::test]
async fn readiness_has_not_begun_before_lado_listens() {
    let lado = lado::Lado::new(&lado::config::Config::default()).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(lado.operate(Listener::new(socket, &listener::Config::default()).unwrap(), stop.clone()));
    let operations = Operations { address, stop };
    let (code, told) = operations.get("/readyz").await;
    assert_eq!((code, told.starts_with("starting")), (503, true), "{told}");
    assert_eq!(operations.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn under_overload_new_visitors_come_back_later_and_a_live_session_goes_on() {
    let (chunks, slow) = trickle();
    let slow = std::sync::Arc::new(std::sync::Mutex::new(Some(slow)));
    let site = Site::new(move |request: Request<Incoming>| {
        let slow = (request.uri().path() == "/slow").then(|| slow.lock().unwrap().take()).flatten();
        async move {
            match slow {
                Some(body) => answer("image/png", body),
                None => answer("text/html", "<p>page"),
            }
        }
    })
    .await;
    let upstreams = [format!("http://{}", site.address)];
    let front: front::Config =
        toml::from_str(&format!("hosts = [{HOST:?}]\ncompany = \"sol\"\nupstreams = {upstreams:?}")).unwrap();
    let lado = Running::with(&[&site], |config| {
        config.fronts = vec![front];
        config.overload.max_requests = 1;
    })
    .await;
    let operations = Operations::of(&lado).await;
    let visit = |path: &str| {
        let request = Request::builder().uri(path).header("host", format!("{HOST}:{}", lado.address.port()));
        request.body(Full::<Bytes>::default()).unwrap()
    };
    assert_eq!(lado.send(visit("/")).await.status(), 200);
    chunks.send(Bytes::from_static(b"first")).unwrap();
    let mut held = lado.send(visit("/slow")).await;
    assert_eq!(piece(&mut held).await, "first");
    // One is on its way: the next is one too many.
    let refused = lado.send(visit("/")).await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "5");
    let customer = lado.customer(&site.url());
    assert_eq!(customer.open(&site.url()).await.status(), 200, "a session that lives goes on");
    let begin = Request::post("/api/sessions").header("host", format!("lado.localhost:{}", lado.address.port()));
    let begin = lado.send(begin.body(Full::<Bytes>::default()).unwrap()).await;
    assert_eq!(begin.status(), 503, "and no other begins");
    assert_eq!(operations.value("lado_overload_refused_total").await, 2.0);
    drop(chunks);
    let _ = text(held).await;
    patiently(async { while operations.value("lado_requests_in_flight").await > 0.0 {} }).await;
    assert_eq!(lado.send(visit("/")).await.status(), 200, "when there is less to do everybody may come");
}

#[tokio::test]
async fn with_too_little_memory_new_visitors_come_back_later() {
    let site = Site::new(|_| async { answer("text/html", "<p>page") }).await;
    let lado = Running::with(&[&site], |config| config.overload.max_memory = Some(1024 * 1024)).await;
    let begin = Request::post("/api/sessions").header("host", format!("lado.localhost:{}", lado.address.port()));
    assert_eq!(lado.send(begin.body(Full::<Bytes>::default()).unwrap()).await.status(), 503);
    let customer = lado.customer(&site.url());
    assert!(text(customer.open(&site.url()).await).await.contains("<p>page"));
}
