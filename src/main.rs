//! The command line: which configuration to serve, where logs go, which signals end it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{ArgAction, Parser, Subcommand};
use lado::Given;
use lado::config::{Config, Log, LogFormat, TEMPLATE};
use lado::demo::{self, Demo};
use lado::upstream::guard::Exception;
use lado::upstream::{self, Upstream};
use lado::{console, listener, rules};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tracing_subscriber::EnvFilter;
use url::Url;

/// Lado: agent and customer see the same web page, side by side, with nothing to install.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    /// Tell more: -v for debug, -vv for trace. LADO_LOG takes a tracing filter and goes before it.
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve as a configuration file says.
    Serve {
        #[arg(long, env = "LADO_CONFIG")]
        config: PathBuf,
        /// Print one line of JSON when ready.
        #[arg(long)]
        json: bool,
    },
    /// Try it: the demo shop, with Lado in front of it.
    Demo {
        /// Port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:7070")]
        listen: SocketAddr,
        /// Co-browse this site too; it comes before the shop.
        #[arg(long)]
        site: Vec<Url>,
        /// Let pages reach this private address, such as 127.0.0.1:3000.
        #[arg(long, value_name = "HOST:PORT")]
        allow: Vec<String>,
        /// Print one line of JSON when ready.
        #[arg(long)]
        json: bool,
    },
    /// Print or check a configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Make a development authority and certificates for Lado's hosts.
    Certs {
        folder: PathBuf,
        /// The console's host name.
        #[arg(long, default_value = "lado.localhost")]
        console: String,
        /// The view domain: the certificate also holds for every name under it.
        #[arg(long, default_value = "view.localhost")]
        view: String,
    },
    /// Check rules.
    Rules {
        #[command(subcommand)]
        command: RulesCommand,
    },
    /// Ask a running Lado whether it lives; for containers and scripts. Its configuration says where `[metrics]` listens.
    Health {
        #[arg(long, env = "LADO_CONFIG")]
        config: PathBuf,
        /// Ask whether it should get visitors.
        #[arg(long)]
        ready: bool,
    },
    /// Read a password from standard input and print the hash that the configuration takes.
    HashPassword,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print the commented template.
    Default,
    /// Say file, line and reason for every mistake.
    Check { file: PathBuf },
}

#[derive(Subcommand)]
enum RulesCommand {
    /// Say file, line and reason for every mistake; without files, of the rules that Lado brings.
    Check { files: Vec<PathBuf> },
    /// Show what the presets, and files of rules, mask and lock on a page.
    Test {
        /// An address, or a file with the page's markup.
        page: String,
        /// Files of rules beside the presets.
        #[arg(long)]
        rules: Vec<PathBuf>,
        /// Where a file's markup would stand, for rules that hold on some sites and paths.
        #[arg(long, default_value = "https://site.example/")]
        at: Url,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lado: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve { config, json } => {
            let config = match Config::load(&config) {
                Ok(config) => config,
                Err(mistakes) => return Ok(tell(&mistakes)),
            };
            log(&config.log, cli.verbose)?;
            runtime()?.block_on(serve(config, json))
        }
        Command::Demo { listen, site, allow, json } => {
            // The demo prints what to do: the log keeps quiet unless it is asked for or something goes wrong.
            log(&Log { format: LogFormat::Human, level: "warn".into() }, cli.verbose)?;
            runtime()?.block_on(try_it(listen, site, allow, json))
        }
        Command::Config { command: ConfigCommand::Default } => {
            std::io::stdout().write_all(TEMPLATE.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Config { command: ConfigCommand::Check { file } } => match Config::load(&file) {
            Ok(_) => {
                println!("{}: no mistakes", file.display());
                Ok(ExitCode::SUCCESS)
            }
            Err(mistakes) => Ok(tell(&mistakes)),
        },
        Command::Certs { folder, console, view } => {
            for path in listener::certs::write(&folder, &console, &view)? {
                println!("{}", path.display());
            }
            println!("Let browsers trust {} to use them.", folder.join("ca.pem").display());
            Ok(ExitCode::SUCCESS)
        }
        Command::Rules { command: RulesCommand::Check { files } } => check_rules(&files),
        Command::Rules { command: RulesCommand::Test { page, rules, at } } => test_rules(&page, &rules, &at),
        Command::Health { config, ready } => match Config::load(&config) {
            Ok(config) => runtime()?.block_on(ask_health(&config, ready)),
            Err(mistakes) => Ok(tell(&mistakes)),
        },
        Command::HashPassword => {
            let mut password = String::new();
            std::io::stdin().read_line(&mut password)?;
            println!("{}", console::password::hash(password.trim_end_matches(['\r', '\n']))?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn serve(config: Config, as_json: bool) -> anyhow::Result<ExitCode> {
    let console = config.hosts.console.0.origin();
    let view = config.hosts.view.0.domain.clone();
    let ready = |address: SocketAddr| {
        if as_json {
            let line = json!({ "console": console, "view_domain": view, "ports": { "lado": address.port() } });
            say(&line.to_string());
        } else {
            tracing::info!(%address, %console, "ready");
        }
    };
    // Socket activation: the service manager's first socket (sd_listen_fds(3)), and one for plain requests.
    let mut sockets = listenfd::ListenFd::from_env();
    let socket = sockets.take_tcp_listener(0).context("LISTEN_FDS")?;
    let plain = if sockets.len() > 1 { sockets.take_tcp_listener(1).context("LISTEN_FDS")? } else { None };
    lado::serve(&config, Given { socket, plain, reload: hung_up() }, ready, stopped()).await?;
    Ok(ExitCode::SUCCESS)
}

async fn ask_health(config: &Config, ready: bool) -> anyhow::Result<ExitCode> {
    const PATIENCE: Duration = Duration::from_secs(3);
    let address = config.metrics.listen.context("the configuration names no [metrics] listen")?;
    let path = if ready { "/readyz" } else { "/healthz" };
    let asked = async {
        #[expect(clippy::disallowed_methods, reason = "Lado's own address, from its own configuration")]
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        stream
            .write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())
            .await?;
        let mut told = String::new();
        stream.take(4096).read_to_string(&mut told).await?;
        Ok::<_, std::io::Error>(told)
    };
    let told =
        tokio::time::timeout(PATIENCE, asked).await.context("no answer")?.with_context(|| address.to_string())?;
    let (head, body) = told.split_once("\r\n\r\n").unwrap_or((&told, ""));
    print!("{body}");
    Ok(if head.starts_with("HTTP/1.1 200 ") { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn try_it(listen: SocketAddr, sites: Vec<Url>, allow: Vec<String>, as_json: bool) -> anyhow::Result<ExitCode> {
    let demo = Demo::prepare(listen, sites, &allow).await?;
    let ready = |facts: &demo::Facts| {
        say(&if as_json { json!(facts).to_string() } else { welcome(facts) });
    };
    demo.run(ready, stopped()).await?;
    Ok(ExitCode::SUCCESS)
}

fn welcome(facts: &demo::Facts) -> String {
    format!(
        "\nLado is running.\n\n  \
         Console   {}\n  \
         Sign in   {} / {}\n  \
         Site      {}\n  \
         In front  {}\n\n\
         1. Open the console, sign in, choose New session and give it the site's address.\n\
         2. Open the link that it shows in another browser (or a private window): that is the customer.\n\
         3. Start there, read out the PIN, and enter it in the console.\n\n\
         Ctrl-C stops it.\n",
        facts.console, facts.agent.name, facts.agent.password, facts.site, facts.front
    )
}

fn check_rules(files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let texts = read_all(files)?;
    let own: Vec<_> = texts.iter().map(|(file, text)| rules::Source { file, text }).collect();
    let sources = if own.is_empty() { rules::PRESETS.to_vec() } else { own };
    let mistakes = rules::check(&sources);
    if mistakes.is_empty() {
        println!("{} files, no mistakes", sources.len());
        return Ok(ExitCode::SUCCESS);
    }
    Ok(tell(&mistakes))
}

fn test_rules(page: &str, files: &[PathBuf], at: &Url) -> anyhow::Result<ExitCode> {
    let texts = read_all(files)?;
    let own = texts.iter().map(|(file, text)| rules::Source { file, text });
    let set = match rules::RuleSet::load(&rules::PRESETS.into_iter().chain(own).collect::<Vec<_>>(), &[]) {
        Ok(set) => set,
        Err(mistake) => return Ok(tell(&[mistake])),
    };
    let (url, markup) = match Url::parse(page).ok().filter(|url| matches!(url.scheme(), "http" | "https")) {
        Some(url) => runtime()?.block_on(fetch(url))?,
        None => (at.clone(), std::fs::read_to_string(page).with_context(|| page.to_owned())?),
    };
    let findings = lado::mask::preview(&markup, url.as_str(), set.for_site(url.host_str().unwrap_or_default()))?;
    for found in &findings {
        println!("{:>6}  {}  {:<24}  {}", found.line, found.action, found.rule, found.element);
    }
    let count = |action: &str| findings.iter().filter(|found| found.action == action).count();
    println!("{} masked, {} locked on {url}, before its scripts have run", count("mask"), count("lock"));
    Ok(ExitCode::SUCCESS)
}

/// A page's markup, as the one who types its address would get it. Whoever has a shell here may reach what it reaches.
async fn fetch(mut url: Url) -> anyhow::Result<(Url, String)> {
    const REDIRECTS: usize = 5;
    const MOST: usize = 8 * 1024 * 1024;
    let everywhere = ["0.0.0.0/0", "::/0"].map(|net| Exception::try_from(net.to_owned()));
    let allow_private = everywhere.into_iter().collect::<Result<_, _>>()?;
    let upstream = Upstream::new(&upstream::Config { allow_private, ..upstream::Config::default() })?;
    for _ in 0..=REDIRECTS {
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let request = http::Request::get(&url[..url::Position::AfterQuery])
            .header(http::header::HOST, host)
            .header(http::header::USER_AGENT, concat!("lado/", env!("CARGO_PKG_VERSION")))
            .header(http::header::ACCEPT, "text/html,*/*;q=0.5")
            .body(upstream::Body::Empty)?;
        let response = upstream.send(request).await.with_context(|| url.to_string())?;
        if let Some(place) =
            response.headers().get(http::header::LOCATION).filter(|_| response.status().is_redirection())
        {
            url = url.join(place.to_str()?)?;
            continue;
        }
        anyhow::ensure!(response.status().is_success(), "{url} answered {}", response.status());
        let bytes = http_body_util::Limited::new(response.into_body(), MOST);
        let bytes = http_body_util::BodyExt::collect(bytes).await.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
        return Ok((url, String::from_utf8_lossy(&bytes).into_owned()));
    }
    anyhow::bail!("{url} redirects too often")
}

fn read_all(files: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        Ok((file.display().to_string(), text))
    };
    files.iter().map(read).collect()
}

fn tell(mistakes: &[impl std::fmt::Display]) -> ExitCode {
    for mistake in mistakes {
        eprintln!("{mistake}");
    }
    ExitCode::FAILURE
}

/// One line for scripts, or a text for people. A reader that has gone does not end Lado.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn log(config: &Log, verbose: u8) -> anyhow::Result<()> {
    let level = match (std::env::var("LADO_LOG"), verbose) {
        (Ok(filter), _) => filter,
        (Err(_), 0) => config.level.clone(),
        (Err(_), 1) => "info,lado=debug".into(),
        (Err(_), _) => "debug,lado=trace".into(),
    };
    // What strangers say wrongly in their handshakes is no news, and would fill the log: "rustls=warn" shows it.
    let filter =
        EnvFilter::try_new(format!("rustls=error,{level}")).with_context(|| format!("log filter {level:?}"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.format {
        LogFormat::Human => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")
}

/// Says each SIGHUP.
fn hung_up() -> Arc<Notify> {
    let told = Arc::new(Notify::new());
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let tell = told.clone();
        if let Ok(mut hangup) = signal(SignalKind::hangup()) {
            tokio::spawn(async move {
                while hangup.recv().await.is_some() {
                    tell.notify_one();
                }
            });
        }
    }
    told
}

/// SIGTERM or Ctrl-C. Listens from the call on: a signal that comes before anybody waits is not lost, nor deadly.
fn stopped() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    async move {
        #[cfg(unix)]
        if let Ok(mut terminate) = terminate {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
        let _ = tokio::signal::ctrl_c().await;
    }
}
