//! The viewer's host: the app, and assets by capability only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::Request;
use http_body_util::Full;
use hyper::body::Incoming;
use lado::protocol::{self, Meeting, VERSION, ViewerMessage, ViewerNotice, ViewerRequest};
use lado::session::Ticket;
use tokio_tungstenite::tungstenite::Message;
use url::Url;

use crate::kit::{Customer, Running, Site, Socket, answer, bytes, text, trickle};

fn site_of_assets() -> impl Fn(Request<Incoming>) -> std::future::Ready<http::Response<lado::respond::Body>> + Clone {
    |request: Request<Incoming>| {
        let cookie = request.headers().get("cookie").map_or("none", |value| value.to_str().unwrap()).to_owned();
        std::future::ready(match request.uri().path() {
            "/picture.svg" => answer("image/svg+xml", format!("<svg><!-- {cookie} --></svg>")),
            "/style.css" => answer("text/css", "a{background:url(/picture.svg)} b{color:red}"),
            "/moved" => crate::kit::status(302, &[("location", "/picture.svg".into())]),
            "/away" => crate::kit::status(302, &[("location", "http://169.254.169.254/latest/meta-data".into())]),
            "/api" => answer("application/json", "{\"card\":1}"),
            "/script.js" => answer("text/javascript", "alert(1)"),
            _ => answer("text/html", "<p>private"),
        })
    }
}

async fn get(lado: &Running, customer: &Customer<'_>, path: &str, dest: &str) -> http::Response<Incoming> {
    let host = customer.session.views.viewer_origin().replace("http://", "");
    let request = Request::builder().uri(path).header("host", host).header("sec-fetch-dest", dest);
    lado.send(request.body(Full::default()).unwrap()).await
}

#[tokio::test]
async fn assets_are_passive_and_only_what_the_mirror_has_shown() {
    let site = Site::new(site_of_assets()).await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let capability = |path: &str| customer.shows(&site.url().join(path).unwrap());

    let response = get(&lado, &customer, &capability("/picture.svg"), "image").await;
    assert_eq!(response.status(), 200);
    for (name, value) in [
        ("cross-origin-resource-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("content-type", "image/svg+xml"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(response.headers()[name], value, "{name}");
    }
    assert!(response.headers()["content-security-policy"].to_str().unwrap().contains("sandbox"));
    assert_eq!(text(response).await, "<svg><!-- none --></svg>");
    assert_eq!(get(&lado, &customer, &capability("/moved"), "image").await.status(), 200);

    // Its addresses are capabilities too, and lead somewhere.
    let css = text(get(&lado, &customer, &capability("/style.css"), "style").await).await;
    let own = css.split(['(', ')', '"']).find(|part| part.starts_with("/__lado/a/")).unwrap();
    assert_eq!(get(&lado, &customer, own, "image").await.status(), 200);

    for path in ["/api", "/script.js", "/", "/away"] {
        assert_eq!(get(&lado, &customer, &capability(path), "image").await.status(), 403, "{path}");
    }
    assert_eq!(get(&lado, &customer, &capability("/picture.svg"), "document").await.status(), 403);
    assert_eq!(get(&lado, &customer, "/__lado/a/AAAAAAAAAAAAAAAAAAAAAA", "image").await.status(), 404);
    assert_eq!(get(&lado, &customer, "/", "document").await.status(), 404);

    let gone = capability("/picture.svg");
    lado.lado.sessions.end(&customer.session, lado::session::EndedBy::Agent);
    assert_eq!(get(&lado, &customer, &gone, "image").await.status(), 410);
}

#[tokio::test]
async fn the_viewer_is_framed_by_the_console_only() {
    let lado = Running::before(&[]).await;
    let customer = lado.customer(&Url::parse("https://www.example.com/").unwrap());
    let response = get(&lado, &customer, "/__lado/viewer", "iframe").await;
    assert_eq!(response.status(), 200);
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let console = format!("frame-ancestors http://lado.localhost:{}", lado.address.port());
    assert!(policy.starts_with("default-src 'none'") && policy.ends_with(&console), "{policy}");
    let page = text(response).await;
    let script = page.split('"').find(|part| part.starts_with("/__lado/viewer.") && part.ends_with(".js")).unwrap();
    assert_eq!(get(&lado, &customer, script, "script").await.status(), 200);
}

/// A viewer of the session's agent, as its socket.
pub async fn watch(lado: &Running, customer: &Customer<'_>) -> Socket {
    let host = customer.session.views.viewer_origin().replace("http://", "");
    let mut socket = lado.socket(&host, "/__lado/watch", "").await;
    let ticket = customer.session.ticket(Ticket::Viewer(customer.session.agent.clone()));
    let hello = ViewerRequest::Hello { version: VERSION, ticket };
    socket.send(Message::binary(protocol::encode(&hello))).await.unwrap();
    socket
}

#[tokio::test]
async fn the_agent_is_told_what_the_customer_opens_that_the_stage_cannot_show() {
    let site = Site::new(|request: Request<Incoming>| async move {
        match request.uri().path() {
            "/bill.pdf" => answer("application/pdf", "%PDF-1.7"),
            "/photo" => answer("image/png", "png"),
            "/data" => answer("application/json", "{}"),
            "/setup.exe" => answer("application/octet-stream", "MZ"),
            "/report" => {
                let mut response = answer("text/html", "<p>saved");
                response.headers_mut().insert("content-disposition", "attachment; filename=a.html".parse().unwrap());
                response
            }
            "/moved" => crate::kit::status(302, &[("location", "/page".into())]),
            "/wall" => {
                let mut response = answer("text/html", "<p>are you there?");
                response.headers_mut().insert("cf-mitigated", "challenge".parse().unwrap());
                response
            }
            "/nothing" => crate::kit::status(204, &[]),
            _ => answer("text/html", "<p>page"),
        }
    })
    .await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let lado = Running::with(&[&site], |config| {
        config.upstream.allow_private.push(closed.into());
        let text = format!(
            "[[company]]\nid = 'sol'\nname = 'Sol'\nallow = ['http://{}', 'http://{closed}']\n[[company.agents]]\n\
             name = 'ana'\npassword = '$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$Wjw6GbOd2JBjJ7bzRBQ9Wg'\n",
            site.address
        );
        config.companies = lado::config::Config::parse(&text, std::path::Path::new("test")).unwrap().companies;
    })
    .await;
    let customer = lado.customer(&site.url());
    let mut viewer = watch(&lado, &customer).await;
    let at = |path: &str| site.url().join(path).unwrap();
    let own = format!("http://{}", site.address);
    for (url, wanted) in [
        (at("/page"), None),
        (at("/moved"), None),
        (at("/nothing"), None),
        (at("/bill.pdf"), Some((Meeting::Pdf, own.clone()))),
        (at("/wall"), Some((Meeting::BotWall, own.clone()))),
        (at("/photo"), Some((Meeting::Image, own.clone()))),
        (at("/data"), Some((Meeting::Document, own.clone()))),
        (at("/setup.exe"), Some((Meeting::Download, own.clone()))),
        (at("/report"), Some((Meeting::Download, own.clone()))),
        (format!("http://{closed}/").parse().unwrap(), Some((Meeting::Failed, format!("http://{closed}")))),
        (
            "https://elsewhere.example/x?card=1".parse().unwrap(),
            Some((Meeting::NotAllowed, "https://elsewhere.example".into())),
        ),
    ] {
        let _ = bytes(customer.open(&url).await).await;
        // What a page loads for itself is nobody's news.
        let _ = bytes(customer.send(customer.request(&url).header("sec-fetch-dest", "empty")).await).await;
        let Some((what, site)) = wanted else { continue };
        let met = async {
            loop {
                let message = viewer.next().await.unwrap().unwrap();
                if !message.is_binary() {
                    continue;
                }
                if let ViewerMessage::Notice { notice: ViewerNotice::Met { what, site } } =
                    protocol::decode(&message.into_data()).unwrap()
                {
                    return (what, site);
                }
            }
        };
        let met = tokio::time::timeout(Duration::from_secs(5), met).await.expect("nobody told the agent");
        assert_eq!(met, (what, site), "{url}");
    }
}

#[tokio::test]
async fn the_site_sees_one_fetch_for_two_views() {
    let (sender, slow) = trickle();
    let slow = Arc::new(Mutex::new(Some(slow)));
    let fetches = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let counted = fetches.clone();
    let site = Site::new(move |request: Request<Incoming>| {
        let path = request.uri().path().to_owned();
        *counted.lock().unwrap().entry(path.clone()).or_default() += 1;
        let cookie = request.headers().contains_key("cookie");
        let slow = (path == "/slow.png").then(|| slow.lock().unwrap().take()).flatten();
        async move {
            match path.as_str() {
                "/style.css" => answer("text/css", "a{background:url(/photo.png)}"),
                "/packed.css" => {
                    let mut response = answer("text/css", gzip(b"b{color:red}"));
                    response.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
                    response
                }
                "/photo.png" => answer("image/png", format!("png {cookie}")),
                "/private.png" => {
                    let mut response = answer("image/png", format!("png {cookie}"));
                    response.headers_mut().insert("cache-control", "no-store".parse().unwrap());
                    response
                }
                "/moved.png" => crate::kit::status(302, &[("location", "/photo.png".into())]),
                "/slow.png" => answer("image/png", slow.unwrap_or_else(|| "again".into())),
                "/cut.png" => answer("image/png", "only when asked again"),
                "/film.mp4" => answer("video/mp4", "film"),
                _ => {
                    let mut response = answer("text/html", "<p>page");
                    response.headers_mut().insert("set-cookie", "seen=1".parse().unwrap());
                    response
                }
            }
        }
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let at = |path: &str| site.url().join(path).unwrap();
    let count = |path: &str| fetches.lock().unwrap().get(path).copied().unwrap_or_default();
    let load = async |path: &str, dest: &str| {
        let request = customer.request(&at(path)).header("sec-fetch-dest", dest).header("accept-encoding", "gzip");
        bytes(customer.send(request).await).await
    };
    let see = async |path: &str, dest: &str| {
        let response = get(&lado, &customer, &customer.shows(&at(path)), dest).await;
        assert_eq!(response.status(), 200, "{path}");
        text(response).await
    };
    bytes(customer.open(&site.url()).await).await;
    for (path, dest) in [
        ("/style.css", "style"),
        ("/packed.css", "style"),
        ("/photo.png", "image"),
        ("/private.png", "image"),
        ("/moved.png", "image"),
    ] {
        load(path, dest).await;
    }
    assert!(see("/style.css", "style").await.contains("/__lado/a/"));
    assert!(see("/packed.css", "style").await.contains("color:red"));
    for path in ["/photo.png", "/private.png", "/moved.png"] {
        assert_eq!(see(path, "image").await, "png true", "what the customer sees, cookies and all");
    }
    for path in ["/style.css", "/packed.css", "/photo.png", "/private.png", "/moved.png"] {
        assert_eq!(count(path), 1, "{path}");
    }
    // What is still on its way to the customer is waited for.
    let (mine, theirs) = tokio::join!(load("/slow.png", "image"), async {
        let seen = see("/slow.png", "image");
        let send = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            for part in ["one ", "fetch"] {
                sender.send(Bytes::from_static(part.as_bytes())).unwrap();
            }
            drop(sender);
        };
        tokio::join!(seen, send).0
    });
    assert_eq!((mine.as_ref(), theirs.as_str(), count("/slow.png")), (&b"one fetch"[..], "one fetch", 1));
    // What the customer's browser has not asked for is fetched for the viewer.
    assert_eq!(see("/cut.png", "image").await, "only when asked again");
    // Sound and video are fetched in ranges, by whoever plays them.
    load("/film.mp4", "video").await;
    see("/film.mp4", "video").await;
    assert_eq!(count("/film.mp4"), 2);
    // Another session has no part in it.
    let stranger = lado.customer(&site.url());
    let response = get(&lado, &stranger, &stranger.shows(&at("/photo.png")), "image").await;
    assert_eq!((text(response).await.as_str(), count("/photo.png")), ("png false", 2));
}

fn gzip(text: &[u8]) -> Vec<u8> {
    use async_compression::codecs::{EncodeV2 as _, GzipEncoder};
    use async_compression::core::util::{PartialBuffer, WriteBuffer};
    let mut out = vec![0; 4096];
    let mut to = WriteBuffer::new_initialized(&mut out);
    let mut encoder = GzipEncoder::new(async_compression::Level::Default.into());
    encoder.encode(&mut PartialBuffer::new(text), &mut to).unwrap();
    assert!(encoder.finish(&mut to).unwrap());
    let made = to.written_len();
    out.truncate(made);
    out
}
