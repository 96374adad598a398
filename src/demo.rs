//! Assembles `lado demo`: the demo shop, and Lado in front of it, in one process.

#[path = "../demo/shop.rs"]
pub mod shop;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config::Config;
use crate::console::password::{self, PasswordError};
use crate::id::Secret;
use crate::listener::Listener;
use crate::route::{NoOrigin, Origin, View};
use crate::upstream::guard::{Exception, NotAnAddress};
use crate::{Lado, StartError};

/// What a person or a script needs to try the demo.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    pub console: String,
    pub view_domain: String,
    pub ports: Ports,
    pub agent: SignIn,
    /// Every demo agent, of two companies.
    pub agents: Vec<SignIn>,
    pub company: String,
    /// The address to give a new session.
    pub site: String,
    /// The shop with Lado in front of it.
    pub front: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct Ports {
    pub lado: u16,
    pub shop: u16,
}

#[derive(Clone, Serialize)]
pub struct SignIn {
    pub name: String,
    pub password: String,
    pub company: String,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("cannot listen on {0}: {1}; is another program using the port?")]
    Listen(SocketAddr, std::io::Error),
    #[error("--allow: {0}")]
    Allow(#[from] NotAnAddress),
    #[error("--site: {0} is no http or https address")]
    Site(Url),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Origin(#[from] NoOrigin),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the demo shop stopped: {0}")]
    Shop(std::io::Error),
}

/// A demo whose sockets are bound: connections wait until [`Demo::run`].
pub struct Demo {
    facts: Facts,
    lado: Arc<Lado>,
    listener: Listener,
    shop: TcpListener,
}

impl Demo {
    /// # Errors
    /// [`DemoError`] when a port is taken or an argument cannot be followed.
    pub async fn prepare(listen: SocketAddr, sites: Vec<Url>, allow: &[String]) -> Result<Self, DemoError> {
        let bind = async |address: SocketAddr| {
            let socket = TcpListener::bind(address).await.map_err(|error| DemoError::Listen(address, error))?;
            let address = socket.local_addr().map_err(|error| DemoError::Listen(address, error))?;
            Ok::<_, DemoError>((socket, address))
        };
        let (socket, address) = bind(listen).await?;
        let (shop, shop_address) = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;

        let mut config = Config::default();
        config.listener.address = address;
        config.hosts.console = Origin::try_from(format!("http://lado.localhost:{}", address.port()))?;
        config.hosts.view = View::try_from(format!("http://view.localhost:{}", address.port()))?;
        config.upstream.allow_private = vec![Exception::from(shop_address)];
        for text in allow {
            config.upstream.allow_private.extend(exceptions(text)?);
        }
        for site in &sites {
            config.upstream.allow_private.extend(own_address(site)?);
        }
        let shop_site = format!("http://127.0.0.1:{}", shop_address.port());
        let agents = companies(&mut config, &shop_site, &sites)?;
        let facts = Facts {
            console: config.hosts.console.0.origin(),
            view_domain: config.hosts.view.0.domain.clone(),
            ports: Ports { lado: address.port(), shop: shop_address.port() },
            agent: agents[0].clone(),
            company: agents[0].company.clone(),
            agents,
            front: format!("http://{FRONT}:{}", address.port()),
            site: sites.first().map_or(shop_site, |site| site.as_str().trim_end_matches('/').to_owned()),
        };
        let lado = Lado::new(&config)?;
        let listener = Listener::new(socket, &config.listener).map_err(StartError::from)?;
        Ok(Self { facts, lado, listener, shop })
    }

    /// Runs shop and Lado until `shutdown`. `ready` is called once both answer.
    ///
    /// # Errors
    /// [`DemoError::Shop`] when the shop cannot go on.
    pub async fn run(self, ready: impl FnOnce(&Facts), shutdown: impl Future<Output = ()>) -> Result<(), DemoError> {
        let stop = CancellationToken::new();
        let shop = tokio::spawn(shop::serve(self.shop, stop.clone().cancelled_owned()));
        self.lado.serve(self.listener, || ready(&self.facts), shutdown).await;
        stop.cancel();
        // A browser that keeps a connection to the shop open must not keep the demo alive.
        match tokio::time::timeout(std::time::Duration::from_secs(1), shop).await {
            Ok(Ok(Err(error))) => Err(DemoError::Shop(error)),
            _ => Ok(()),
        }
    }
}

/// `HOST:PORT` or a network; `localhost` stands for both loopback addresses.
fn exceptions(text: &str) -> Result<Vec<Exception>, NotAnAddress> {
    match text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
        Some(port) => Ok(loopback(port)),
        None => Ok(vec![Exception::try_from(text.to_owned())?]),
    }
}

/// A site on this machine or in a private network may be reached when it is named on the command line.
fn own_address(site: &Url) -> Result<Vec<Exception>, DemoError> {
    let port = site.port_or_known_default().ok_or_else(|| DemoError::Site(site.clone()))?;
    match site.host() {
        Some(url::Host::Ipv4(ip)) => Ok(vec![SocketAddr::from((ip, port)).into()]),
        Some(url::Host::Ipv6(ip)) => Ok(vec![SocketAddr::from((ip, port)).into()]),
        Some(url::Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost") => Ok(loopback(port)),
        Some(url::Host::Domain(_)) if matches!(site.scheme(), "http" | "https") => Ok(Vec::new()),
        _ => Err(DemoError::Site(site.clone())),
    }
}

fn loopback(port: u16) -> Vec<Exception> {
    [SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port))]
        .map(Exception::from)
        .to_vec()
}

/// The shop's own name, in front of which Lado stands.
const FRONT: &str = "loja.localhost";

/// Two companies, so that one can be seen not to see the other: the first co-browses every site, the second only those
/// that the demo was started with. Passwords are made at each start.
fn companies(config: &mut Config, shop: &str, sites: &[Url]) -> Result<Vec<SignIn>, DemoError> {
    const AGENTS: [(&str, &str, &str, &str, &str); 4] = [
        ("ana", "Ana Lima", "agent", "sol", "Loja Sol"),
        ("bia", "Bia Souza", "agent", "sol", "Loja Sol"),
        ("rui", "Rui Prado", "supervisor", "sol", "Loja Sol"),
        ("caio", "Caio Reis", "agent", "outra", "Outra"),
    ];
    let mut sign_ins = Vec::new();
    let mut text = String::new();
    let mut company_before = "";
    let own: Vec<String> =
        std::iter::once(shop.to_owned()).chain(sites.iter().map(|site| site.origin().ascii_serialization())).collect();
    for (name, display, role, id, company) in AGENTS {
        let password = easy_password();
        if id != company_before {
            let allow = if company_before.is_empty() { vec!["*".to_owned()] } else { own.clone() };
            text += &format!("[[company]]\nid = {id:?}\nname = {company:?}\nallow = {allow:?}\nscripts = [{shop:?}]\n");
            company_before = id;
        }
        let hash = password::hash(&password)?;
        text += &format!("[[company.agents]]\nname = {name:?}\ndisplay = {display:?}\nrole = {role:?}\n");
        text += &format!("password = {hash:?}\n");
        sign_ins.push(SignIn { name: name.into(), password, company: company.into() });
    }
    text += &format!("[[front]]\nhosts = [{FRONT:?}]\ncompany = \"sol\"\nupstreams = [{shop:?}]\n");
    // The same way as everybody's configuration, so that the demo shows nothing that others cannot have.
    match Config::parse(&text, std::path::Path::new("demo")) {
        Ok(parsed) => (config.companies, config.fronts) = (parsed.companies, parsed.fronts),
        Err(mistakes) => unreachable!("the demo's own configuration: {mistakes:?}"),
    }
    Ok(sign_ins)
}

/// Short enough to type: 60 random bits without letters that look alike.
fn easy_password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random = Secret::random();
    let letters: Vec<char> = random.as_bytes()[..12].iter().map(|b| char::from(LETTERS[usize::from(b & 31)])).collect();
    letters.chunks(4).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}
