//! Builders: a site, a Lado in front of it, a session with its customer, and a browser that is a plain HTTP connection.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lado::Lado;
use lado::config::Config;
use lado::listener::Listener;
use lado::mask::{AssetMap as _, Gone, Part, Place};
use lado::respond::Body;
use lado::rewrite::url::Site as SiteUrl;
use lado::route::{Origin, View};
use lado::session::{Session, Showing};
use lado::upstream::guard::Exception;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::sync::CancellationToken;
use url::Url;

/// A site on a port of its own, which goes away with the value.
pub struct Site {
    pub address: SocketAddr,
    _task: Abort,
}

pub struct Abort(tokio::task::JoinHandle<()>);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Site {
    pub async fn new<F>(answer: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let answer = answer.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let answer = answer(request);
                        async move { Ok::<_, Infallible>(answer.await) }
                    });
                    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, _task: Abort(task) }
    }

    /// A site that speaks TLS, HTTP/2 as well, with the certificate that it is given.
    pub async fn tls<F>(
        certificate: &Certificate,
        answer: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.chain.clone()], certificate.key.clone_key())
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answer, acceptor) = (answer.clone(), acceptor.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        let answer = answer(request);
                        async move { Ok::<_, Infallible>(answer.await) }
                    });
                    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, _task: Abort(task) }
    }

    /// A socket that answers each connection with `bytes`, whatever they are, and closes it.
    pub async fn raw(bytes: impl Into<Bytes>) -> Self {
        let bytes: Bytes = bytes.into();
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let bytes = bytes.clone();
                tokio::spawn(async move {
                    let mut request = [0; 16 * 1024];
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(&bytes).await;
                    let _ = stream.shutdown().await;
                    // A socket that closes with unread bytes would reset what is on its way.
                    let _ = stream.read(&mut request).await;
                });
            }
        });
        Self { address, _task: Abort(task) }
    }

    pub fn url(&self) -> Url {
        Url::parse(&format!("http://{}/", self.address)).unwrap()
    }
}

/// An authority that tests trust.
pub struct Authority(rcgen::CertifiedIssuer<'static, rcgen::KeyPair>);

pub struct Certificate {
    chain: rustls_pki_types::CertificateDer<'static>,
    key: rustls_pki_types::PrivateKeyDer<'static>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        params.distinguished_name.push(rcgen::DnType::CommonName, "an authority of the tests");
        Self(rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for `name`, made by `change`.
    pub fn certificate(&self, name: &str, change: impl FnOnce(&mut rcgen::CertificateParams)) -> Certificate {
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = rcgen::KeyPair::generate().unwrap();
        let chain = params.signed_by(&key, &self.0).unwrap().der().clone();
        Certificate { chain, key: rustls_pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap() }
    }

    /// A file for `upstream.extra_ca`, which goes away with the value.
    pub fn file(&self) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), self.0.pem()).unwrap();
        file
    }
}

/// A browser's end of a WebSocket.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A running Lado.
pub struct Running {
    pub address: SocketAddr,
    pub lado: Arc<Lado>,
    stop: CancellationToken,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Running {
    /// In front of `sites`, which are the only private addresses that it may reach.
    pub async fn before(sites: &[&Site]) -> Self {
        Self::with(sites, |_| {}).await
    }

    pub async fn with(sites: &[&Site], change: impl FnOnce(&mut Config)) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let mut config = Config::parse(COMPANY, Path::new("test")).unwrap();
        config.hosts.console = Origin::try_from(format!("http://lado.localhost:{}", address.port())).unwrap();
        config.hosts.view = View::try_from(format!("http://view.localhost:{}", address.port())).unwrap();
        config.upstream.allow_private = sites.iter().map(|site| Exception::from(site.address)).collect();
        change(&mut config);
        let lado = Lado::new(&config).unwrap();
        let listener = Listener::new(socket, &config.listener).unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(lado.clone().serve(listener, || (), stop.clone().cancelled_owned()));
        Self { address, lado, stop, task: Some(task) }
    }

    /// A session whose customer is in.
    pub fn customer(&self, start: &Url) -> Customer<'_> {
        let companies = self.lado.sessions.companies();
        let (company, account) = companies.account("ana").unwrap();
        let session = self.lado.sessions.create(&company, &account.agent, start.clone()).unwrap();
        session.update(|state| {
            state.admitted.push(account.agent.clone());
            true
        });
        let mirror = session.showing();
        Customer { lado: self, session, mirror }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends one request on a connection of its own.
    pub async fn send<B>(&self, request: Request<B>) -> Response<Incoming>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        ask(self.address, request).await
    }

    /// Opens a WebSocket as a page of `host` does.
    pub async fn socket(&self, host: &str, path: &str, cookie: &str) -> Socket {
        let request = Request::builder()
            .uri(path)
            .header("host", host)
            .header("origin", format!("http://{host}"))
            .header("cookie", cookie)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let mut response = self.send(request.body(Full::<Bytes>::default()).unwrap()).await;
        assert_eq!(response.status(), 101);
        let stream = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
        WebSocketStream::from_raw_socket(stream, Role::Client, None).await
    }

    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Until it has ended by itself.
    pub async fn ended(mut self) {
        self.task.take().unwrap().await.unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

pub struct Customer<'l> {
    lado: &'l Running,
    pub session: Arc<Session>,
    /// What a mirror of theirs shows.
    mirror: Showing,
}

impl Customer<'_> {
    /// A mirror shows this: under what path viewers load it.
    pub fn shows(&self, url: &Url) -> String {
        let place = Place { node: 2, part: Part::Attribute("src") };
        (&self.mirror).asset(place, url, false)
    }

    /// The mirror shows nothing of what it has shown.
    pub fn hides(&self) {
        (&self.mirror).gone(Gone::All);
    }

    /// The view host's authority for the site of `url`.
    pub fn host(&self, url: &Url) -> String {
        self.session.views.authority(&SiteUrl::of(url).unwrap())
    }

    pub fn cookie(&self) -> String {
        self.session.cookie().split(';').next().unwrap().to_owned()
    }

    /// A request as the customer's browser sends it for a page at `url`.
    pub fn request(&self, url: &Url) -> http::request::Builder {
        let path = &url[url::Position::BeforePath..];
        Request::builder().uri(path).header("host", self.host(url)).header("cookie", self.cookie())
    }

    pub async fn open(&self, url: &Url) -> Response<Incoming> {
        self.send(self.request(url).header("sec-fetch-dest", "document")).await
    }

    pub async fn send(&self, request: http::request::Builder) -> Response<Incoming> {
        self.lado.send(request.body(Full::default()).unwrap()).await
    }
}

/// Sends one request on a connection of its own.
pub async fn ask<B>(address: SocketAddr, request: Request<B>) -> Response<Incoming>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    sender.send_request(request).await.unwrap()
}

pub async fn text(response: Response<Incoming>) -> String {
    String::from_utf8(bytes(response).await.to_vec()).unwrap()
}

pub async fn bytes(response: Response<Incoming>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

/// The next piece that arrives, as it arrives.
pub async fn piece(response: &mut Response<Incoming>) -> Bytes {
    let wait = std::time::Duration::from_secs(5);
    let frame = tokio::time::timeout(wait, response.body_mut().frame()).await.expect("nothing came");
    frame.expect("the body is over").unwrap().into_data().unwrap()
}

pub fn answer(content_type: &str, body: impl Into<Body>) -> Response<Body> {
    Response::builder().header("content-type", content_type).body(body.into()).unwrap()
}

pub fn status(code: u16, headers: &[(&'static str, String)]) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    let map: &mut HeaderMap = response.headers_mut();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    response
}

/// A body whose chunks come when the test says so.
pub fn trickle() -> (tokio::sync::mpsc::UnboundedSender<Bytes>, Body) {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    let stream = futures_util::stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|next| next.map(|bytes| Ok::<_, Infallible>(http_body::Frame::data(bytes))))
    });
    (sender, Body::stream(http_body_util::StreamBody::new(stream)))
}

const COMPANY: &str = r#"
[[company]]
id = "sol"
name = "Loja Sol"
allow = ["*"]

[[company.agents]]
name = "ana"
password = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$Wjw6GbOd2JBjJ7bzRBQ9Wg"
"#;
