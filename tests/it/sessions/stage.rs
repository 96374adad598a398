//! Two companies, their agents, and a Lado in this process for a test to talk to.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};
use axum::Router;
use axum::body::Body;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use lado::console::{self, Console};
use lado::hub::{self, Hubs};
use lado::id::SessionId;
use lado::protocol::{
    self, Action, Button, Dictionary, Level, Namespace, Op, PageCommand, PageMessage, Tree, TreeNode, VERSION,
    ViewerMessage, ViewerNotice, ViewerRequest, Viewport,
};
use lado::respond::Sockets;
use lado::rewrite::url::{Site, ViewDomain};
use lado::session::brand::BrandConfig;
use lado::session::{self, Agent, AgentConfig, Companies, CompanyConfig, Mode, Role, Session, Sessions, Ticket};
use lado::store::{self, Sqlite};
use lado::sync::{self, Opener};
use lado::translate::Translator;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};
use tower::ServiceExt as _;

use super::schema::Description;

pub const ORIGIN: &str = "http://lado.localhost:7070";
pub const SITE: &str = "https://www.shop.com";
pub const PASSWORD: &str = "correct horse";

/// Nothing here takes longer unless it is broken.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Stage {
    pub sessions: Arc<Sessions>,
    pub hubs: Arc<Hubs>,
    pub console: Arc<Console>,
    router: Router,
    description: Description,
    sync: SocketAddr,
    web: SocketAddr,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or("")
    }
}

impl Stage {
    pub async fn set() -> Self {
        Self::with(hub::Config::default()).await
    }

    pub async fn with(config: hub::Config) -> Self {
        Self::made(config, companies(&[], &BrandConfig::default()), store::Config::default(), None).await
    }

    /// With a file of rules for every company.
    pub async fn ruled(file: &Path) -> Self {
        let companies = companies(&[file.to_owned()], &BrandConfig::default());
        Self::made(hub::Config::default(), companies, store::Config::default(), None).await
    }

    /// With what outlives sessions in a file.
    pub async fn stored(file: &Path) -> Self {
        let store = store::Config { path: Some(file.to_owned()), ..store::Config::default() };
        Self::made(hub::Config::default(), companies(&[], &BrandConfig::default()), store, None).await
    }

    /// Where every company has this look.
    pub async fn branded(brand: BrandConfig) -> Self {
        Self::made(hub::Config::default(), companies(&[], &brand), store::Config::default(), None).await
    }

    /// With messages put into their readers' languages.
    pub async fn translated(translator: Arc<dyn Translator>) -> Self {
        let companies = companies(&[], &BrandConfig::default());
        Self::made(hub::Config::default(), companies, store::Config::default(), Some(translator)).await
    }

    async fn made(
        config: hub::Config,
        companies: Companies,
        store: store::Config,
        translator: Option<Arc<dyn Translator>>,
    ) -> Self {
        let domain = ViewDomain::parse("http://view.localhost:7070").unwrap();
        let sessions = Sessions::new(session::Config::default(), companies, domain).unwrap();
        let hubs = Hubs::new(&sessions, config);
        let store = Arc::new(Sqlite::new(&store));
        tokio::spawn(console::record::follow(Arc::downgrade(&sessions), store.clone(), Duration::from_secs(3600)));
        let parts = console::Parts {
            sessions: sessions.clone(),
            hubs: hubs.clone(),
            store,
            translator,
            sockets: Sockets::default(),
        };
        let console = Console::new(console::Config::default(), parts, ORIGIN.into(), &[]).unwrap();
        let router = console.router();
        let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web_address = web.local_addr().unwrap();
        let served = router.clone();
        tokio::spawn(async move { axum::serve(web, served).await });
        let sync = serve_sync(Arc::clone(&sessions), Arc::clone(&hubs)).await;
        tokio::spawn(Hubs::tend(Arc::downgrade(&hubs)));
        let description = Description::new(serde_json::to_value(console.openapi()).unwrap());
        Self { sessions, hubs, console, router, description, sync, web: web_address }
    }

    /// Asks the API. `cookie` is what [`Stage::sign_in`] gave.
    pub async fn ask(&self, method: &str, path: &str, cookie: &str, body: Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("origin", ORIGIN)
            .header("cookie", cookie)
            .body(if method == "GET" { Body::empty() } else { Body::from(body.to_string()) })
            .unwrap();
        self.send(request).await
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask("GET", path, cookie, Value::Null).await
    }

    pub async fn post(&self, path: &str, cookie: &str, body: Value) -> Answer {
        self.ask("POST", path, cookie, body).await
    }

    /// Every answer is what the API's description says.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        let response = self.raw(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        assert_eq!(self.description.objects(&method, &path, parts.status.as_u16(), &body), None);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn raw(&self, request: Request<Body>) -> http::Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// The agent's cookie.
    pub async fn sign_in(&self, name: &str) -> String {
        let answer = self.post("/api/sign-in", "", json!({"name": name, "password": PASSWORD})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// A session of ana's, whose link is out.
    pub fn invited(&self) -> Arc<Session> {
        let (company, account) = self.sessions.companies().account("ana").unwrap();
        self.sessions.create(&company, &account.agent, format!("{SITE}/cart").parse().unwrap()).unwrap()
    }

    /// One to which the customer has said yes.
    pub fn waiting(&self) -> Arc<Session> {
        let session = self.invited();
        self.sessions.accept(&self.sessions.link(&session).unwrap()).unwrap();
        session
    }

    /// A session of ana's, who has entered the PIN.
    pub fn active(&self) -> Arc<Session> {
        let session = self.waiting();
        let pin = session.state().pin.unwrap();
        self.sessions.enter_pin(&session.company, &session.agent, pin.reveal()).unwrap();
        session
    }

    pub fn set_level(&self, session: &Arc<Session>, level: Level) {
        self.hubs.of(session).unwrap().set_level(level);
    }

    /// The customer's browser opens a page of the session.
    pub async fn page(&self, session: &Session, name: &str) -> Page {
        let mut page = self.silent_page(session).await;
        page.hello(name, 0).await;
        page
    }

    /// A page's socket that has not said hello.
    pub async fn silent_page(&self, session: &Session) -> Page {
        let socket = connect(self.sync, &format!("/page/{}", session.id), None).await;
        Page { socket, dictionary: Dictionary::default(), seq: 0 }
    }

    /// An agent's browser opens the viewer.
    pub async fn viewer(&self, session: &Session) -> Viewer {
        self.viewer_of(session, session.agent.clone()).await
    }

    pub async fn viewer_of(&self, session: &Session, agent: Agent) -> Viewer {
        let ticket = session.ticket(Ticket::Viewer(agent));
        let mut viewer = self.silent_viewer(session).await;
        viewer.ask(&ViewerRequest::Hello { version: VERSION, ticket }).await;
        viewer
    }

    pub async fn silent_viewer(&self, session: &Session) -> Viewer {
        let socket = connect(self.sync, &format!("/viewer/{}", session.id), None).await;
        Viewer { socket, bytes: Vec::new() }
    }

    /// A panel's socket that has not said hello.
    pub async fn panel(&self) -> Panel {
        Panel { socket: connect(self.web, "/api/panel/socket", Some(ORIGIN)).await }
    }

    /// An agent's side of the conversation.
    pub async fn talk(&self, session: &Session, cookie: &str) -> Panel {
        let path = format!("ws://{}/api/sessions/{}/talk", self.web, session.id);
        let mut request = path.into_client_request().unwrap();
        request.headers_mut().insert("origin", ORIGIN.parse().unwrap());
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        Panel { socket: client_async(request, TcpStream::connect(self.web).await.unwrap()).await.unwrap().0 }
    }

    pub fn web(&self) -> SocketAddr {
        self.web
    }
}

pub fn companies(rules_files: &[PathBuf], brand: &BrandConfig) -> Companies {
    // Cheap parameters: what is tested here is who gets in, not how long guessing takes.
    let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    let hash = cheap.hash_password(PASSWORD.as_bytes()).unwrap().to_string();
    let agent = |name: &str, display: &str, role| AgentConfig {
        name: name.into(),
        display: Some(display.into()),
        role,
        password: hash.clone(),
        // Who has a picture here is told by the company's logo.
        photo: brand.logo.clone().filter(|_| name == "ana"),
    };
    let company = |id: &str, name: &str, agents| CompanyConfig {
        brand: brand.clone(),
        scripts: Vec::new(),
        id: id.into(),
        name: name.into(),
        color: Some("#336699".into()),
        allow: vec![SITE.into()],
        agents,
        rules: Vec::new(),
        rules_files: rules_files.to_vec(),
        mode: Mode::default(),
    };
    Companies::load(&[
        company(
            "sol",
            "Loja Sol",
            vec![
                agent("ana", "Ana Souza", Role::Agent),
                agent("bia", "Bia Lima", Role::Agent),
                agent("dora", "Dora Reis", Role::Admin),
                agent("sara", "Sara Dias", Role::Supervisor),
            ],
        ),
        company("outra", "Outra", vec![agent("caio", "Caio", Role::Agent), agent("eva", "Eva", Role::Admin)]),
    ])
    .unwrap()
}

/// Accepts what the proxy's edge would have judged and handed on.
async fn serve_sync(sessions: Arc<Sessions>, hubs: Arc<Hubs>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (sessions, hubs) = (Arc::clone(&sessions), Arc::clone(&hubs));
            tokio::spawn(async move {
                let path = Mutex::new(String::new());
                #[expect(clippy::result_large_err, reason = "the type is tungstenite's")]
                let note = |request: &http::Request<()>, response| {
                    *path.lock().unwrap() = request.uri().path().to_owned();
                    Ok(response)
                };
                let Ok(socket) = accept_hdr_async(stream, note).await else { return };
                let path = path.into_inner().unwrap();
                let (who, id) = path.trim_start_matches('/').split_once('/').unwrap();
                let id = SessionId::parse(id).unwrap();
                let session = sessions.get(id);
                match (who, session) {
                    ("page", Some(session)) => {
                        if let Some(hub) = hubs.of(&session) {
                            sync::page(hub, Site::parse(SITE).unwrap(), Opener::Page, socket).await;
                        }
                    }
                    _ => sync::viewer(&sessions, &hubs, id, socket).await,
                }
            });
        }
    });
    address
}

pub type Socket = WebSocketStream<TcpStream>;

pub async fn connect(address: SocketAddr, path: &str, origin: Option<&str>) -> Socket {
    try_connect(address, path, origin).await.unwrap()
}

pub async fn try_connect(
    address: SocketAddr,
    path: &str,
    origin: Option<&str>,
) -> Result<Socket, tokio_tungstenite::tungstenite::Error> {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    Ok(client_async(request, TcpStream::connect(address).await.unwrap()).await?.0)
}

pub async fn patiently<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing came")
}

/// A page in the customer's browser.
pub struct Page {
    socket: Socket,
    dictionary: Dictionary,
    seq: u32,
}

impl Page {
    pub async fn say(&mut self, message: &PageMessage) {
        let bytes = protocol::encode_with(message, &mut self.dictionary);
        self.socket.send(Message::Binary(bytes.into())).await.unwrap();
    }

    pub async fn raw(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::Binary(bytes.into())).await.unwrap();
    }

    /// Says hello and returns the answer: the last batch that Lado holds, and whether it wants a snapshot.
    pub async fn hello(&mut self, name: &str, sent: u32) -> (u32, bool) {
        self.hello_in("tab", name, sent).await
    }

    pub async fn hello_in(&mut self, tab: &str, name: &str, sent: u32) -> (u32, bool) {
        self.seq = sent;
        let (page, tab, url) = (name.to_owned(), tab.to_owned(), format!("{SITE}/cart"));
        self.say(&PageMessage::Hello { version: VERSION, page, tab, url, sent, visible: true }).await;
        match self.next().await {
            PageCommand::Welcome { received, snapshot, .. } => (received, snapshot),
            other => panic!("{other:?}"),
        }
    }

    pub async fn batch(&mut self, ops: Vec<Op>) {
        self.seq += 1;
        self.say(&PageMessage::Batch { seq: self.seq, ops }).await;
    }

    pub async fn batch_with(&mut self, seq: u32, ops: Vec<Op>) {
        self.say(&PageMessage::Batch { seq, ops }).await;
    }

    /// Waits until Lado holds the last batch.
    pub async fn acked(&mut self) {
        let seq = self.seq;
        self.until(|command| *command == PageCommand::Ack { seq }).await;
    }

    /// Nothing when the socket was closed.
    pub async fn try_next(&mut self) -> Option<PageCommand> {
        patiently(self.read()).await.ok()
    }

    pub async fn next(&mut self) -> PageCommand {
        patiently(self.read()).await.expect("the socket was closed")
    }

    pub async fn until(&mut self, wanted: impl Fn(&PageCommand) -> bool) -> PageCommand {
        loop {
            let command = self.next().await;
            if wanted(&command) {
                return command;
            }
        }
    }

    /// What comes until the close, and the close's code.
    pub async fn rest(&mut self) -> (Vec<PageCommand>, Option<u16>) {
        patiently(async {
            let mut commands = Vec::new();
            loop {
                match self.read().await {
                    Ok(command) => commands.push(command),
                    Err(code) => return (commands, code),
                }
            }
        })
        .await
    }

    /// Waits for a beat of the line; nothing else comes before it.
    pub async fn beat(&mut self) {
        assert_eq!(patiently(self.hear()).await, Ok(PageCommand::Beat {}));
    }

    async fn read(&mut self) -> Result<PageCommand, Option<u16>> {
        loop {
            match self.hear().await? {
                PageCommand::Beat {} => {}
                command => return Ok(command),
            }
        }
    }

    async fn hear(&mut self) -> Result<PageCommand, Option<u16>> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Binary(bytes))) => return Ok(protocol::decode(&bytes).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }
}

/// A viewer in an agent's browser.
pub struct Viewer {
    socket: Socket,
    /// Everything that was received.
    pub bytes: Vec<u8>,
}

impl Viewer {
    pub async fn ask(&mut self, request: &ViewerRequest) {
        self.socket.send(Message::Binary(protocol::encode(request).into())).await.unwrap();
    }

    pub async fn next(&mut self) -> ViewerMessage {
        patiently(self.read()).await.expect("the socket was closed")
    }

    /// The ops of the next message that has some.
    pub async fn ops(&mut self) -> Vec<Op> {
        loop {
            if let ViewerMessage::Ops { ops, .. } = self.next().await {
                return ops;
            }
        }
    }

    pub async fn notice(&mut self, wanted: impl Fn(&ViewerNotice) -> bool) -> ViewerNotice {
        loop {
            if let ViewerMessage::Notice { notice } = self.next().await
                && wanted(&notice)
            {
                return notice;
            }
        }
    }

    /// The tabs as the viewer is told of them, once they are as wanted: their titles, the title of the one that shows,
    /// and whether the viewer follows the customer.
    pub async fn tabs(&mut self, wanted: &[&str], shows: &str, follow: bool) -> Vec<u32> {
        let told = self.notice(|notice| {
            let ViewerNotice::Tabs { tabs, shown, follows } = notice else { return false };
            let titles: Vec<_> = tabs.iter().map(|tab| tab.title.as_str()).collect();
            let shown = tabs.iter().find(|tab| tab.id == *shown).map_or("", |tab| tab.title.as_str());
            titles == wanted && shown == shows && *follows == follow
        });
        let ViewerNotice::Tabs { tabs, .. } = told.await else { unreachable!() };
        tabs.into_iter().map(|tab| tab.id).collect()
    }

    /// What becomes of an action.
    pub async fn answer(&mut self, wanted: u32) -> (Option<protocol::Refusal>, String) {
        match self.notice(|notice| matches!(notice, ViewerNotice::Acted { id, .. } if *id == wanted)).await {
            ViewerNotice::Acted { refusal, rule, .. } => (refusal, rule),
            _ => unreachable!(),
        }
    }

    pub async fn rest(&mut self) -> (Vec<ViewerMessage>, Option<u16>) {
        patiently(async {
            let mut messages = Vec::new();
            loop {
                match self.read().await {
                    Ok(message) => messages.push(message),
                    Err(code) => return (messages, code),
                }
            }
        })
        .await
    }

    /// Lets the socket answer pings for a moment, as a browser does by itself.
    pub async fn breathe(&mut self) {
        let _ = tokio::time::timeout(Duration::from_millis(150), async {
            loop {
                if self.read().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        })
        .await;
    }

    async fn read(&mut self) -> Result<ViewerMessage, Option<u16>> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Binary(bytes))) => {
                    self.bytes.extend_from_slice(&bytes);
                    match protocol::decode(&bytes).unwrap() {
                        ViewerMessage::Notice { notice: ViewerNotice::Beat { .. } } => {}
                        message => return Ok(message),
                    }
                }
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }
}

/// The customer's panel.
pub struct Panel {
    socket: Socket,
}

impl Panel {
    pub async fn say(&mut self, message: Value) {
        self.socket.send(Message::Text(message.to_string().into())).await.unwrap();
    }

    /// The next message, or nothing when the socket was closed.
    pub async fn next(&mut self) -> Option<Value> {
        patiently(async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) if text == r#"{"type":"beat"}"# => {}
                    Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(_)) => {}
                }
            }
        })
        .await
    }

    /// Waits for the socket's end.
    pub async fn gone(&mut self) {
        while self.next().await.is_some() {}
    }

    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().await.expect("the socket was closed");
            if wanted(&message) {
                return message;
            }
        }
    }
}

/// A page as its script would send it: the body's children, in short hand.
pub fn snapshot(children: Vec<TreeNode>) -> Op {
    let mut nodes = vec![open("html", &[]), open("body", &[])];
    nodes.extend(children);
    nodes.extend([TreeNode::End, TreeNode::End]);
    Op::Snapshot {
        epoch: 1,
        base: 2,
        url: format!("{SITE}/cart"),
        base_url: format!("{SITE}/cart"),
        title: "Carrinho".into(),
        quirks: false,
        viewport: Viewport { width: 1280, height: 720, density: 1000 },
        scroll_x: 0,
        scroll_y: 0,
        tree: Tree { nodes },
    }
}

pub fn open(tag: &str, attrs: &[(&str, &str)]) -> TreeNode {
    let attrs = attrs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    TreeNode::Element { namespace: Namespace::Html, tag: tag.into(), attrs }
}

pub fn text(text: &str) -> TreeNode {
    TreeNode::Text(text.into())
}

/// An element with one text. In [`snapshot`] the first child has id 4, its text 5.
pub fn element(tag: &str, attrs: &[(&str, &str)], inner: &str) -> Vec<TreeNode> {
    vec![open(tag, attrs), text(inner), TreeNode::End]
}

pub fn click(node: u32) -> Action {
    Action::Click { node, x: 500, y: 500, button: Button::Left, count: 1 }
}

/// Everything an agent could read in ops.
pub fn texts(ops: &[Op]) -> String {
    format!("{ops:?}")
}

pub fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Waits for the whole page, and for Lado to know that the viewer has it.
pub async fn shown(viewer: &mut Viewer) -> Vec<Op> {
    loop {
        let ops = viewer.ops().await;
        if matches!(ops.first(), Some(Op::Snapshot { .. })) {
            viewer.breathe().await;
            return ops;
        }
    }
}
