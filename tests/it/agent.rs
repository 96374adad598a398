//! An agent with good credentials, over plain HTTP: what is not theirs does not leak, and nothing happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use lado::console::password;
use tokio_tungstenite::tungstenite::Message;

use crate::kit::{Customer, Running, Site, answer, text};
use crate::viewer::watch;

const SECRET: &str = "balance-of-maria-9931";
const CARD: &str = "4111 1111 1111 1111";

/// A site with something to steal behind every kind of address; counts what it was asked.
async fn bank() -> (Site, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let site = Site::new(move |request: Request<Incoming>| {
        count.fetch_add(1, Relaxed);
        let ranged = request.headers().contains_key("range");
        std::future::ready(match request.uri().path() {
            "/balance.json" => answer("application/json", format!("{{\"who\":\"{SECRET}\"}}")),
            "/bill.svg" => answer("image/svg+xml", format!("<svg><text>{CARD}</text></svg>")),
            "/logo.svg" => answer("image/svg+xml", "<svg><text>Banco</text></svg>"),
            "/look.css" => answer("text/css", "b{background:url(logo.svg)}"),
            "/me.css" if ranged => {
                let mut response = answer("text/css", "11 1111 1111'} /* ' */");
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                response
            }
            "/me.css" => answer("text/css", format!("p::after{{content:'{CARD}'}} b{{color:red}}")),
            "/photo.png" => answer("image/png", SECRET),
            "/app.js" => answer("text/javascript", format!("let who='{SECRET}'")),
            _ => answer("text/html", format!("<p>{SECRET}")),
        })
    })
    .await;
    (site, asked)
}

/// Two companies, an agent each.
pub async fn two_companies(site: &Site) -> Running {
    let hash = password::hash("correct horse").unwrap();
    let company = |id: &str, agent: &str| {
        format!(
            "[[company]]\nid = '{id}'\nname = '{id}'\nallow = ['*']\n[[company.agents]]\nname = '{agent}'\n\
             password = '{hash}'\n"
        )
    };
    let text = company("sol", "ana") + &company("lua", "caio");
    Running::with(&[site], |config| {
        config.companies = lado::config::Config::parse(&text, std::path::Path::new("test")).unwrap().companies;
    })
    .await
}

pub async fn sign_in(lado: &Running, name: &str) -> String {
    let console = format!("lado.localhost:{}", lado.address.port());
    let body = format!("{{\"name\":\"{name}\",\"password\":\"correct horse\"}}");
    let request = Request::post("/api/sign-in")
        .header("host", &console)
        .header("origin", format!("http://{console}"))
        .header("content-type", "application/json")
        .header("content-length", body.len());
    let response = lado.send(request.body(Full::<Bytes>::from(body)).unwrap()).await;
    assert_eq!(response.status(), 200);
    response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

/// What an agent's browser, or a program with its cookie, asks a host.
async fn ask(lado: &Running, host: &str, path: &str, headers: &[(&str, &str)]) -> Response<Incoming> {
    let mut request = Request::builder().uri(path).header("host", host);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    lado.send(request.body(Full::<Bytes>::default()).unwrap()).await
}

fn viewer_of(customer: &Customer<'_>) -> String {
    customer.session.views.viewer_origin().replace("http://", "")
}

#[tokio::test]
async fn an_agents_cookie_opens_no_page_and_no_socket_of_the_customers() {
    let (site, asked) = bank().await;
    let lado = two_companies(&site).await;
    let customer = lado.customer(&site.url());
    let view = customer.host(&site.url());
    for name in ["ana", "caio"] {
        let cookie = sign_in(&lado, name).await;
        let stolen = cookie.replace("lado_agent", customer.cookie().split('=').next().unwrap());
        for cookie in [cookie.as_str(), stolen.as_str()] {
            for path in ["/", "/balance.json", "/photo.png", "/me.css", "/__lado/panel", "/__lado/sync", "/__lado/a/x"]
            {
                for dest in ["document", "image", "empty", "iframe", "script"] {
                    let response = ask(&lado, &view, path, &[("cookie", cookie), ("sec-fetch-dest", dest)]).await;
                    let status = response.status();
                    assert!(status.is_client_error(), "{name} {path} as {dest}: {status}");
                    let told = text(response).await;
                    assert!(!told.contains(SECRET) && !told.contains("4111"), "{name} {path}: {told}");
                }
            }
            let origin = format!("http://{view}");
            let socket = [
                ("cookie", cookie),
                ("origin", origin.as_str()),
                ("connection", "Upgrade"),
                ("upgrade", "websocket"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ];
            assert_eq!(ask(&lado, &view, "/__lado/sync", &socket).await.status(), 403, "{name} opens a page's socket");
            // Nor as a frame of no origin, whose token documents of the site are told.
            let sandboxed = socket.map(|(key, value)| (key, if key == "origin" { "null" } else { value }));
            let forged =
                customer.session.sandbox_token(&lado::rewrite::url::Site::parse("https://other.example").unwrap());
            for path in ["/__lado/sync", "/__lado/sync?frame=", &format!("/__lado/sync?frame={forged}")] {
                assert_eq!(ask(&lado, &view, path, &sandboxed).await.status(), 403, "{name} at {path}");
            }
        }
    }
    assert_eq!(asked.load(Relaxed), 0, "the site has not heard of it");
}

#[tokio::test]
async fn capabilities_open_what_the_mirror_shows_of_one_session_and_say_nothing_private() {
    let (site, _) = bank().await;
    let lado = two_companies(&site).await;
    let (customer, other) = (lado.customer(&site.url()), lado.customer(&site.url()));
    let (host, elsewhere) = (viewer_of(&customer), viewer_of(&other));
    let capability = |path: &str| customer.shows(&site.url().join(path).unwrap());
    let image = [("sec-fetch-dest", "image")];
    let get = |path: String| ask_owned(&lado, host.clone(), path);

    assert_eq!(get(capability("/logo.svg")).await.status(), 200);
    // Of another session, of an asset that no mirror has shown, of the site by its own name.
    assert_eq!(ask(&lado, &elsewhere, &capability("/logo.svg"), &image).await.status(), 404);
    for path in ["/photo.png", "/__lado/a/photo.png", "/__lado/a/..%2Fphoto.png", "/__lado/a/", "/__lado/sync"] {
        assert!(get(path.to_owned()).await.status().is_client_error(), "{path}");
    }
    for path in ["/balance.json", "/app.js", "/", "/bill.svg"] {
        let response = get(capability(path)).await;
        assert_eq!(response.status(), 403, "{path}");
        let told = text(response).await;
        assert!(!told.contains(SECRET) && !told.contains("4111"), "{path}: {told}");
    }
    // A sheet comes whole, or not at all: from its middle nobody could tell what is printed.
    let piece = ask(&lado, &host, &capability("/me.css"), &[("sec-fetch-dest", "style"), ("range", "bytes=24-")]).await;
    assert_eq!(piece.status(), 403);
    let sheet = text(ask(&lado, &host, &capability("/me.css"), &[("sec-fetch-dest", "style")]).await).await;
    assert!(!sheet.contains("1111") && sheet.contains("color:red"), "{sheet}");
}

async fn ask_owned(lado: &Running, host: String, path: String) -> Response<Incoming> {
    ask(lado, &host, &path, &[("sec-fetch-dest", "image")]).await
}

#[tokio::test]
async fn an_address_that_was_written_down_opens_nothing_once_it_is_hidden() {
    let (site, _) = bank().await;
    let lado = two_companies(&site).await;
    let customer = lado.customer(&site.url());
    let [photo, sheet] = ["/photo.png", "/look.css"].map(|path| site.url().join(path).unwrap());
    let (shot, look) = (customer.shows(&photo), customer.shows(&sheet));
    let load = |path: &str| ask_owned(&lado, viewer_of(&customer), path.to_owned());
    assert_eq!(load(&shot).await.status(), 200);
    let css = text(load(&look).await).await;
    let back = css.split('"').find(|part| part.starts_with("/__lado/a/")).unwrap();
    assert_eq!(load(back).await.status(), 200);
    customer.hides();
    for path in [&shot, &look, back] {
        assert_eq!(load(path).await.status(), 404, "kept or not");
    }
    customer.shows(&sheet);
    assert_eq!(load(back).await.status(), 200, "a sheet that is back leads where it led");
    assert_eq!(load(&shot).await.status(), 404);
}

#[tokio::test]
async fn while_the_customer_has_blanked_the_view_no_asset_of_it_loads() {
    let (site, _) = bank().await;
    let lado = two_companies(&site).await;
    let customer = lado.customer(&site.url());
    let logo = customer.shows(&site.url().join("/photo.png").unwrap());
    let load = || ask_owned(&lado, viewer_of(&customer), logo.clone());
    assert_eq!(load().await.status(), 200);
    customer.session.set_paused(true);
    assert_eq!(load().await.status(), 403);
    customer.session.set_paused(false);
    assert_eq!(load().await.status(), 200);
}

#[tokio::test]
async fn a_ticket_of_an_agent_who_may_not_watch_any_more_opens_nothing() {
    let (site, _) = bank().await;
    let lado = two_companies(&site).await;
    let customer = lado.customer(&site.url());
    let mut watching = watch(&lado, &customer).await;
    assert!(matches!(watching.next().await, Some(Ok(Message::Binary(_)))), "who may watch is told of the page");
    customer.session.update(|state| {
        state.admitted.clear();
        true
    });
    let mut late = watch(&lado, &customer).await;
    let Some(Ok(Message::Close(Some(close)))) = late.next().await else { panic!("the viewer opened") };
    assert_eq!(u16::from(close.code), 4006, "{}", close.reason);
}

#[tokio::test]
async fn the_console_tells_another_companys_agent_nothing() {
    let (site, _) = bank().await;
    let lado = two_companies(&site).await;
    let customer = lado.customer(&site.url());
    let caio = sign_in(&lado, "caio").await;
    let console = format!("lado.localhost:{}", lado.address.port());
    let id = customer.session.id;
    for path in ["", "/evidence", "/talk"] {
        let path = format!("/api/sessions/{id}{path}");
        let response = ask(&lado, &console, &path, &[("cookie", &caio)]).await;
        assert!(response.status().is_client_error(), "{path}");
        assert!(!text(response).await.contains(&site.address.to_string()), "{path}");
    }
    for path in ["/api/sessions", "/api/drift"] {
        let told = text(ask(&lado, &console, path, &[("cookie", &caio)]).await).await;
        assert!(!told.contains(id.as_str()), "{told}");
    }
}

#[tokio::test]
async fn nothing_for_pages_that_load_the_script_opens_without_their_token() {
    let (site, _) = bank().await;
    let lado = two_companies(&site).await;
    let customer = lado.customer(&site.url());
    let console = format!("lado.localhost:{}", lado.address.port());
    let (ana, caio) = (sign_in(&lado, "ana").await, sign_in(&lado, "caio").await);
    // One of a session that no page loads the script in: its pages are Lado's own.
    let foreign = customer.session.page_token();
    let made_up = format!("{}.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", customer.session.id);
    for name in ["boot.js", "panel", "leave", "sync", "end", "nothing"] {
        for method in ["GET", "POST", "OPTIONS"] {
            for proof in ["", "token=", &format!("token={foreign}"), &format!("token={made_up}"), "ticket=x.y"] {
                for cookie in ["", &ana, &caio, &customer.cookie()] {
                    let path = format!("/script/{name}?{proof}&to=http://x.test/");
                    let request = Request::builder()
                        .method(method)
                        .uri(&path)
                        .header("host", &console)
                        .header("origin", format!("http://{console}"))
                        .header("cookie", cookie)
                        .header("sec-fetch-dest", "iframe");
                    let response = lado.send(request.body(Full::<Bytes>::default()).unwrap()).await;
                    let status = response.status();
                    assert!(status.is_client_error(), "{method} {path}: {status}");
                    let told = text(response).await;
                    assert!(!told.contains(customer.session.id.as_str()), "{path}: {told}");
                }
            }
        }
    }
    for path in ["/script/help", "/script/help?company=sol", "/script/help?company=sol&at=http://x.test/"] {
        assert!(ask(&lado, &console, path, &[]).await.status().is_client_error(), "{path}");
    }
    assert!(!customer.session.is_over());
}
