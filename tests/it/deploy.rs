//! What stands in `deploy/`: it speaks of what there is, and restarts lose nobody.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const RESTARTS: usize = 50;

/// Names of metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("lado_") {
        let name: String = text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        names.insert(name);
    }
    names
}

fn request(address: SocketAddr, host: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// `lado serve` on a socket that is this test's, as a service manager hands it over.
fn start(socket: &TcpListener, config: &str) -> Child {
    let script = "exec 3<&0 0</dev/null; LISTEN_FDS=1 exec \"$0\" serve --json --config \"$1\"";
    let mut child = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_lado"), config])
        .stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("ports"), "{line}");
    child
}

fn stop(mut child: Child) {
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_dashboard_names_only_metrics_that_exist_and_the_health_check_knows_where_to_ask() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lado.toml");
    let operations = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    std::fs::write(&file, format!("[listener]\naddress = '127.0.0.1:0'\n[metrics]\nlisten = '{operations}'\n"))
        .unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = file.to_str().unwrap();
    let health = |more: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_lado")).args(["health", "--config", config]).args(more).output().unwrap()
    };
    assert!(!health(&[]).status.success(), "nobody is there yet");
    let child = start(&socket, config);
    let metrics = request(operations, "127.0.0.1", "/metrics").unwrap();
    assert!(health(&[]).status.success());
    assert_eq!(String::from_utf8(health(&["--ready"]).stdout).unwrap(), "ready\n");
    stop(child);

    let dashboard = std::fs::read_to_string(format!("{ROOT}/deploy/grafana.json")).unwrap();
    let (shown, there) = (names(&dashboard), names(&metrics));
    assert!(shown.len() > 20, "{shown:?}");
    let unknown: Vec<_> = shown.difference(&there).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn fifty_restarts_under_load_fail_no_request() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lado.toml");
    std::fs::write(&file, "[listener]\naddress = '127.0.0.1:0'\n[log]\nlevel = 'warn'\n").unwrap();
    let config = file.to_str().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let mut child = start(&socket, config);
    let (done, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let visitors: Vec<_> = (0..4)
        .map(|_| {
            let (done, asked) = (done.clone(), asked.clone());
            std::thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let answer = request(address, "lado.localhost:7070", "/").expect("a request failed");
                    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("</html>\n"), "{answer}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..RESTARTS {
        let before = asked.load(Ordering::Relaxed);
        while asked.load(Ordering::Relaxed) < before + 8 && visitors.iter().all(|visitor| !visitor.is_finished()) {
            std::thread::yield_now();
        }
        stop(child);
        child = start(&socket, config);
    }
    done.store(true, Ordering::Relaxed);
    for visitor in visitors {
        visitor.join().expect("no request fails");
    }
    stop(child);
    assert!(asked.load(Ordering::Relaxed) >= RESTARTS * 8);
}
