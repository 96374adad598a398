//! The command line: which configuration to serve, where logs go, which signals end it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{ArgAction, Parser, Subcommand};
use lado::config::{Config, Log, LogFormat, TEMPLATE};
use lado::demo::{self, Demo};
use lado::{console, listener, rules};
use serde_json::json;
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
    lado::serve(&config, ready, stopped()).await?;
    Ok(ExitCode::SUCCESS)
}

async fn try_it(listen: SocketAddr, sites: Vec<Url>, allow: Vec<String>, as_json: bool) -> anyhow::Result<ExitCode> {
    let demo = Demo::prepare(listen, sites, &allow).await?;
    let facts = demo.facts();
    if as_json {
        say(&serde_json::to_string(facts)?);
    } else {
        say(&welcome(facts));
    }
    demo.run(stopped()).await?;
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
    let texts = files
        .iter()
        .map(|file| {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            Ok((file.display().to_string(), text))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let own: Vec<_> = texts.iter().map(|(file, text)| rules::Source { file, text }).collect();
    let sources = if own.is_empty() { rules::PRESETS.to_vec() } else { own };
    let mistakes = rules::check(&sources);
    if mistakes.is_empty() {
        println!("{} files, no mistakes", sources.len());
        return Ok(ExitCode::SUCCESS);
    }
    Ok(tell(&mistakes))
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
    let filter = EnvFilter::try_new(&level).with_context(|| format!("log filter {level:?}"))?;
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

/// SIGTERM or Ctrl-C.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
