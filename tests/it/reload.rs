//! What changes on disk is followed while connections and sessions go on; what is wrong there changes nothing.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use lado::Lado;
use lado::config::Config;
use lado::listener::{Listener, certs};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::sessions::stage::patiently;

const CONSOLE: &str = "lado.localhost";

/// A Lado that was started from a file.
struct Started {
    folder: tempfile::TempDir,
    lado: Arc<Lado>,
    address: std::net::SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Started {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn config(agents: &[&str], allow: &str) -> String {
    let mut text = format!(
        "[hosts]\nconsole = 'https://{CONSOLE}'\nview = 'https://view.localhost'\n[listener]\n\
         certificates = [{{ chain = 'lado.pem', key = 'lado.key' }}]\n\
         [[company]]\nid = 'sol'\nname = 'Sol'\nallow = ['{allow}']\n"
    );
    for agent in agents {
        text += &format!(
            "[[company.agents]]\nname = '{agent}'\npassword = '$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$Wjw6GbOd2JBjJ7bzRBQ9Wg'\n"
        );
    }
    text
}

impl Started {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        certs::write(folder.path(), CONSOLE, "view.localhost").unwrap();
        let file = folder.path().join("lado.toml");
        std::fs::write(&file, config(&["ana"], "https://a.example")).unwrap();
        let config = Config::load(&file).unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let lado = Lado::new(&config).unwrap();
        let listener = Listener::new(socket, &config.listener).unwrap();
        let task = tokio::spawn(lado.clone().serve(listener, || (), std::future::pending()));
        Self { folder, lado, address, task }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A connection that trusts an authority and nobody else.
    async fn connect(&self, authority: &Path) -> Option<SendRequest<Full<Bytes>>> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = CONSOLE.try_into().unwrap();
        let stream = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await.ok()?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Some(sender)
    }

    async fn until(&self, done: impl Fn(&Lado) -> bool) {
        patiently(async {
            while !done(&self.lado) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

async fn page(connection: &mut SendRequest<Full<Bytes>>) -> u16 {
    let request = Request::get("/").header("host", CONSOLE).body(Full::default()).unwrap();
    let response = connection.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    response.into_body().collect().await.unwrap();
    status
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_old_ones_go_on() {
    let started = Started::new().await;
    let mut old = started.connect(&started.path("ca.pem")).await.unwrap();
    assert_eq!(page(&mut old).await, 200);

    let next = tempfile::tempdir().unwrap();
    certs::write(next.path(), CONSOLE, "view.localhost").unwrap();
    // A key that does not go with the certificate is there for a moment, as when files are copied one by one.
    std::fs::copy(next.path().join("lado.key"), started.path("lado.key")).unwrap();
    started.lado.reload();
    let mut still = started.connect(&started.path("ca.pem")).await.expect("the pair before stays");
    assert_eq!(page(&mut still).await, 200);

    std::fs::copy(next.path().join("lado.pem"), started.path("lado.pem")).unwrap();
    let mut new = patiently(async {
        loop {
            if let Some(connection) = started.connect(&next.path().join("ca.pem")).await {
                return connection;
            }
        }
    })
    .await;
    assert_eq!(page(&mut new).await, 200);
    assert!(started.connect(&started.path("ca.pem")).await.is_none(), "nobody is shown the old one any more");
    assert_eq!((page(&mut old).await, page(&mut still).await), (200, 200), "what stands, stands");
}

#[tokio::test]
async fn agents_sites_and_rules_change_under_an_open_session_and_mistakes_change_nothing() {
    let started = Started::new().await;
    let file = started.path("lado.toml");
    let account = |name: &str| started.lado.sessions.companies().account(name);
    let (company, ana) = account("ana").unwrap();
    let start = Url::parse("https://a.example/").unwrap();
    let session = started.lado.sessions.create(&company, &ana.agent, start.clone()).unwrap();
    let elsewhere = Url::parse("https://b.example/").unwrap();
    assert!(session.company.allows(&start) && !session.company.allows(&elsewhere));

    let broken = format!("{}\n[[company]]\nid = 'luz'\nnme = 'Luz'\n", config(&["ana", "bia"], "https://b.example"));
    std::fs::write(&file, broken).unwrap();
    started.lado.reload();
    assert!(account("bia").is_none() && session.company.allows(&start), "the one before stays, whole");

    let rule = "[[company.rules]]\nid = 'balance'\naction = 'mask'\nselector = '.balance'\n";
    let rules = session.company.rules.version();
    std::fs::write(&file, config(&["bia"], "https://b.example") + rule).unwrap();
    started.until(|lado| lado.sessions.companies().account("bia").is_some()).await;
    assert!(account("ana").is_none());
    assert!(!session.company.allows(&start) && session.company.allows(&elsewhere), "also in sessions that are open");
    assert!(session.company.rules.version() > rules);
    let known = session.company.rules.version();
    started.lado.reload();
    assert_eq!(session.company.rules.version(), known, "nothing has changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_changes_while_it_is_being_read_is_read_again() {
    let started = Started::new().await;
    let (file, pipe) = (started.path("lado.toml"), started.path("awaited.pem"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let right = config(&["bia"], "https://a.example");
    std::fs::write(&file, right.replace("lado.pem", "awaited.pem")).unwrap();
    // The pipe opens once the configuration has been read, and its certificate is waited for.
    let certificate = tokio::task::spawn_blocking(move || std::fs::OpenOptions::new().write(true).open(pipe).unwrap());
    let mut certificate = patiently(certificate).await.unwrap();
    std::fs::write(&file, right).unwrap();
    certificate.write_all(b"no certificate").unwrap();
    drop(certificate);
    started.until(|lado| lado.sessions.companies().account("bia").is_some()).await;
}

#[tokio::test]
async fn who_has_another_password_is_signed_out() {
    let started = Started::new().await;
    let mut connection = started.connect(&started.path("ca.pem")).await.unwrap();
    let hash = lado::console::password::hash("correct horse").unwrap();
    let file = started.path("lado.toml");
    let text = config(&[], "https://a.example") + &format!("[[company.agents]]\nname = 'ana'\npassword = '{hash}'\n");
    std::fs::write(&file, &text).unwrap();
    started.lado.reload();
    let sign_in = Request::post("/api/sign-in")
        .header("host", CONSOLE)
        .header("content-type", "application/json")
        .body(Full::from("{\"name\":\"ana\",\"password\":\"correct horse\"}"))
        .unwrap();
    let response = connection.send_request(sign_in).await.unwrap();
    assert_eq!(response.status(), 200);
    let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    response.into_body().collect().await.unwrap();
    let mut me = async || {
        let request = Request::get("/api/me").header("host", CONSOLE).header("cookie", &cookie);
        let response = connection.send_request(request.body(Full::default()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        response.into_body().collect().await.unwrap();
        status
    };
    assert_eq!(me().await, 200);
    std::fs::write(&file, text.replace("name = 'Sol'", "name = 'Loja Sol'")).unwrap();
    started.lado.reload();
    assert_eq!(me().await, 200, "the same password");
    std::fs::write(&file, config(&["ana"], "https://a.example")).unwrap();
    started.lado.reload();
    assert_eq!(me().await, 401);
}

#[test]
fn sighup_reads_again_and_the_log_says_file_line_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lado.toml");
    let good = "[listener]\naddress = '127.0.0.1:0'\n";
    std::fs::write(&file, good).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_lado"))
        .args(["serve", "--json", "--config", file.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("ports"), "{line}");
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let signal = |name: &str| Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    std::fs::write(&file, format!("{good}max_conections = 3\n")).unwrap();
    signal("-HUP");
    let told = log.find(|line| line.as_ref().unwrap().contains("lado.toml:3: ")).unwrap().unwrap();
    assert!(told.contains("max_conections"), "{told}");
    std::fs::write(&file, format!("{good}max_connections = 3\n")).unwrap();
    signal("-HUP");
    let told = log.find(|line| line.as_ref().unwrap().contains("after a restart")).unwrap().unwrap();
    assert!(told.contains("[listener]"), "{told}");
    signal("-TERM");
    assert!(child.wait().unwrap().success());
}
