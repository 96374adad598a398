//! Pages that load Lado's script by themselves, as the console's host hears them.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::kit::Running;

const PAGE: &str = "https://www.shop.test";

async fn lado() -> Running {
    Running::with(&[], |config| {
        config.companies[0].get_mut().scripts = vec![PAGE.to_owned()];
    })
    .await
}

async fn ask(lado: &Running, method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Incoming> {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header("host", format!("lado.localhost:{}", lado.address.port()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    lado.send(request.body(Full::<Bytes>::default()).unwrap()).await
}

const ASKED: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const HELP: &str =
    "/script/help?company=sol&asked=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8&at=https%3A%2F%2Fwww.shop.test%2Fcart";

#[tokio::test]
async fn only_a_visitor_who_goes_there_asks_for_help() {
    let lado = lado().await;
    // An image on somebody's busy page would have every visitor's browser begin sessions.
    for (dest, mode) in [("image", "no-cors"), ("iframe", "navigate"), ("empty", "cors"), ("script", "no-cors")] {
        let asked = ask(&lado, "GET", HELP, &[("sec-fetch-dest", dest), ("sec-fetch-mode", mode)]).await;
        assert_eq!(asked.status(), 403, "{dest} {mode}");
    }
    assert_eq!(lado.lado.sessions.phases().map(|(_, open)| open), [0, 0, 0]);
    let asked = ask(&lado, "GET", HELP, &[("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate")]).await;
    assert_eq!(asked.status(), 303);
    // Old browsers do not say.
    assert_eq!(ask(&lado, "GET", HELP, &[]).await.status(), 303);
    assert_eq!(lado.lado.sessions.phases()[0], ("invited", 2));
}

#[tokio::test]
async fn a_ticket_starts_nothing_in_a_browser_that_has_not_asked() {
    let lado = lado().await;
    let unsaid = "/script/help?company=sol&at=https%3A%2F%2Fwww.shop.test%2Fcart";
    assert_eq!(ask(&lado, "GET", unsaid, &[]).await.status(), 400);
    let helped = ask(&lado, "GET", HELP, &[]).await;
    let link = helped.headers()["location"].to_str().unwrap().to_owned();
    let (session, _) = lado.lado.sessions.accept(link.rsplit('/').next().unwrap()).unwrap();
    let boot = async |proof: &str| {
        let ticket = session.ticket(lado::session::Ticket::Enter);
        ask(&lado, "GET", &format!("/script/boot.js?ticket={ticket}{proof}"), &[]).await.status().as_u16()
    };
    for proof in ["", "&asked=", "&asked=BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"] {
        assert_eq!(boot(proof).await, 403, "{proof}");
    }
    assert_eq!(boot(&format!("&asked={ASKED}")).await, 200);
}

/// A household has a /64: as many addresses as it likes.
#[tokio::test]
async fn one_household_does_not_ask_for_more_help_than_one_may() {
    let lado = Running::with(&[], |config| {
        config.companies[0].get_mut().scripts = vec![PAGE.to_owned()];
        config.listener.trusted = vec!["127.0.0.1".to_owned().try_into().unwrap()];
    })
    .await;
    let from = async |address: &str| ask(&lado, "GET", HELP, &[("x-forwarded-for", address)]).await.status().as_u16();
    for host in 1..=10 {
        assert_eq!(from(&format!("2001:db8::{host}")).await, 303, "{host}");
    }
    assert_eq!(from("2001:db8::11").await, 503);
    assert_eq!(from("2001:db8:0:1::1").await, 303);
    // Who asks and goes away leaves nothing for long.
    let now = std::time::SystemTime::now() + std::time::Duration::from_secs(15 * 60);
    lado.lado.sessions.sweep(std::time::Instant::now(), now);
    assert_eq!(lado.lado.sessions.phases()[0], ("invited", 0));
}

#[tokio::test]
async fn the_page_ends_its_session_and_nobody_else_does() {
    let lado = lado().await;
    let helped = ask(&lado, "GET", HELP, &[]).await;
    let link = helped.headers()["location"].to_str().unwrap().to_owned();
    let (session, _) = lado.lado.sessions.accept(link.rsplit('/').next().unwrap()).unwrap();
    let end = format!("/script/end?token={}", session.page_token());
    for origin in ["null", "https://evil.test"] {
        assert_eq!(ask(&lado, "POST", &end, &[("origin", origin)]).await.status(), 403, "{origin}");
    }
    assert_eq!(ask(&lado, "POST", &end, &[]).await.status(), 403);
    assert!(!session.is_over());
    let ended = ask(&lado, "POST", &end, &[("origin", PAGE)]).await;
    // What CORS asks for: without CORS a page may have no origin to say.
    assert_eq!(ended.headers()["access-control-allow-origin"], PAGE);
    assert_eq!(ended.status(), 204);
    assert!(session.is_over());
}
