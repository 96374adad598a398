//! The `lado` binary: what its commands print and how it ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn lado(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lado")).args(arguments).output().unwrap()
}

#[test]
fn the_template_has_no_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lado.toml");
    let template = lado(&["config", "default"]);
    std::fs::write(&file, &template.stdout).unwrap();
    let check = lado(&["config", "check", file.to_str().unwrap()]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}

#[test]
fn every_mistake_is_told_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lado.toml");
    std::fs::write(&file, "[listener]\nadress = \"x\"\n[upstream]\nextra_ca = 3\n").unwrap();
    let check = lado(&["config", "check", file.to_str().unwrap()]);
    let told = String::from_utf8(check.stderr).unwrap();
    assert!(!check.status.success());
    for line in [2, 4] {
        assert!(told.contains(&format!("{}:{line}: ", file.display())), "{told}");
    }
}

#[test]
fn a_missing_certificate_is_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lado.toml");
    let text = "[hosts]\nconsole = 'https://a.test'\nview = 'https://b.test'\n[listener]\n\
        certificates = [{ chain = 'no.pem', key = 'no.key' }]\n";
    std::fs::write(&file, text).unwrap();
    let told = String::from_utf8(lado(&["config", "check", file.to_str().unwrap()]).stderr).unwrap();
    assert!(told.contains("no.pem") && told.contains("no.key"), "{told}");
}

#[test]
fn certificates_and_hashes_are_made() {
    let folder = tempfile::tempdir().unwrap();
    assert!(lado(&["certs", folder.path().to_str().unwrap()]).status.success());
    assert!(folder.path().join("lado.pem").exists());
    let mut child = Command::new(env!("CARGO_BIN_EXE_lado"))
        .arg("hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse\n").unwrap();
    let hash = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(lado::console::password::verify("correct horse", hash.trim()));
}

#[test]
fn the_demo_says_when_it_is_ready_and_stops_at_sigterm_with_an_event_stream_open() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lado"))
        .args(["demo", "--listen", "127.0.0.1:0", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let facts: serde_json::Value = serde_json::from_str(&line).unwrap();
    let port = facts["ports"]["lado"].as_u64().unwrap();
    assert_eq!(facts["console"], format!("http://lado.localhost:{port}"));
    assert_eq!(facts["agent"]["name"], "ana");

    let ask = |head: String, body: &str| {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).unwrap();
        let length = body.len();
        let head = format!("{head}Host: lado.localhost:{port}\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).unwrap();
        (String::from_utf8_lossy(&answer[..length]).into_owned(), stream)
    };
    let password = facts["agent"]["password"].as_str().unwrap();
    let body = format!("{{\"name\":\"ana\",\"password\":\"{password}\"}}");
    let (answer, _) = ask("POST /api/sign-in HTTP/1.1\r\nContent-Type: application/json\r\n".into(), &body);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let (answer, _events) = ask(format!("GET /api/events HTTP/1.1\r\nCookie: {cookie}\r\n"), "");
    assert!(answer.contains("text/event-stream"), "{answer}");

    let begin = Instant::now();
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn a_rule_set_is_shown_on_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let (page, own) = (folder.path().join("pay.html"), folder.path().join("own.toml"));
    std::fs::write(&page, "<p class=balance>R$ 10\n<input name=cvv>\n<button>Pay</button>").unwrap();
    std::fs::write(
        &own,
        "[[rule]]\nid = \"balance\"\naction = \"mask\"\npaths = [\"/a/*\"]\nselector = \".balance\"\n",
    )
    .unwrap();
    let (page, own) = (page.to_str().unwrap(), own.to_str().unwrap());
    let told = lado(&["rules", "test", "--rules", own, "--at", "https://bank.example/a/1", page]);
    let told = String::from_utf8(told.stdout).unwrap();
    for line in ["1  mask  balance ", "2  mask  card-code-field ", "3  lock  pay ", "2 masked, 1 locked"] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let elsewhere = String::from_utf8(lado(&["rules", "test", "--rules", own, page]).stdout).unwrap();
    assert!(!elsewhere.contains("balance "), "{elsewhere}");
    std::fs::write(own, "[[rule]]\nid = \"b\"\naction = \"mask\"\nselector = \"p:hover\"\n").unwrap();
    let mistake = lado(&["rules", "test", "--rules", own, page]);
    let told = String::from_utf8(mistake.stderr).unwrap();
    assert!(!mistake.status.success() && told.contains("own.toml:4: "), "{told}");
}
