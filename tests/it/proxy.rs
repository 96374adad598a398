//! A customer's requests through Lado: who may ask, what trickles, ranges, sockets, failures.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use lado::respond;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use url::Url;

use crate::kit::{Running, Site, answer, bytes, piece, status, text, trickle};

#[tokio::test]
async fn only_the_customer_gets_in_and_nobody_after_the_end() {
    let site = Site::new(|_| async { answer("text/plain", "hello") }).await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    assert_eq!(text(customer.open(&site.url()).await).await, "hello");

    let stranger = Request::builder()
        .uri("/")
        .header("host", customer.host(&site.url()))
        .header("sec-fetch-dest", "document")
        .header("accept-language", "pt-BR");
    let response = lado.send(stranger.body(Full::default()).unwrap()).await;
    assert_eq!(response.status(), 403);
    assert!(text(response).await.contains("peça um novo link"));

    lado.lado.sessions.end(&customer.session, lado::session::EndedBy::Customer);
    let request = customer.request(&site.url()).header("cookie", "theme=dark").header("sec-fetch-dest", "document");
    let response = customer.send(request).await;
    assert_eq!(response.status(), 410);
    assert_eq!(response.headers()["clear-site-data"], "\"cache\", \"storage\"");
    let expired: Vec<_> = response.headers().get_all("set-cookie").iter().map(|v| v.to_str().unwrap()).collect();
    assert!(expired.iter().any(|cookie| cookie.starts_with("theme=;")), "{expired:?}");
    assert!(expired.iter().any(|cookie| cookie.starts_with("lado_") && cookie.contains("Max-Age=0")), "{expired:?}");
    assert!(text(response).await.contains("This session is over"));
}

#[tokio::test]
async fn the_ticket_of_the_link_lets_in_once() {
    let site = Site::new(|_| async { answer("text/plain", "hello") }).await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let link = lado.lado.sessions.link(&customer.session).unwrap();
    let (_, ticket) = lado.lado.sessions.accept(&link).unwrap();
    let enter = || {
        Request::builder()
            .uri(format!("/__lado/enter?ticket={ticket}&to=//evil.test/"))
            .header("host", customer.host(&site.url()))
            .body(Full::default())
            .unwrap()
    };
    let response = lado.send(enter()).await;
    assert_eq!(response.status(), 303);
    let location = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    assert_eq!(customer.session.views.unmap(&location), Some(site.url()));
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with(&customer.cookie()) && cookie.contains("HttpOnly"));
    assert_eq!(lado.send(enter()).await.status(), 403);
}

async fn trickles(content_type: &'static str, coding: Option<&'static str>) {
    let (sender, body) = trickle();
    let body = std::sync::Arc::new(std::sync::Mutex::new(Some(body)));
    let site = Site::new(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move {
            let mut response = answer(content_type, body);
            if let Some(coding) = coding {
                response.headers_mut().insert("content-encoding", coding.parse().unwrap());
            }
            response
        }
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let mut pack = coding.map(|_| flate());
    let mut send = |text: &str| {
        let bytes = match &mut pack {
            Some(pack) => pack(text),
            None => Bytes::from(text.to_owned()),
        };
        sender.send(bytes).unwrap();
    };
    send("<!doctype html><p>first</p>");
    let accept = if coding.is_some() { "gzip" } else { "identity" };
    let request = customer.request(&site.url()).header("sec-fetch-dest", "document").header("accept-encoding", accept);
    let mut response = customer.send(request).await;
    let mut unpack = coding.map(|_| unflate());
    let mut seen = String::new();
    for word in ["first", "second", "third"] {
        if word != "first" {
            send(&format!("<p>{word}</p>"));
        }
        let begin = Instant::now();
        while !seen.contains(word) {
            let piece = piece(&mut response).await;
            match &mut unpack {
                Some(unpack) => seen.push_str(&unpack(&piece)),
                None => seen.push_str(str::from_utf8(&piece).unwrap()),
            }
        }
        assert!(begin.elapsed() < Duration::from_secs(1));
    }
}

fn flate() -> impl FnMut(&str) -> Bytes {
    use async_compression::Level;
    use async_compression::codecs::flate::params::FlateEncoderParams;
    use async_compression::codecs::{EncodeV2 as _, GzipEncoder};
    use async_compression::core::util::{PartialBuffer, WriteBuffer};
    let mut encoder = GzipEncoder::new(FlateEncoderParams::from(Level::Default));
    move |text| {
        let mut out = vec![0; 4096];
        let mut to = WriteBuffer::new_initialized(&mut out);
        encoder.encode(&mut PartialBuffer::new(text.as_bytes()), &mut to).unwrap();
        while !encoder.flush(&mut to).unwrap() {}
        let made = to.written_len();
        out.truncate(made);
        out.into()
    }
}

fn unflate() -> impl FnMut(&[u8]) -> String {
    use async_compression::codecs::{DecodeV2 as _, GzipDecoder};
    use async_compression::core::util::{PartialBuffer, WriteBuffer};
    let mut decoder = GzipDecoder::new();
    move |bytes| {
        let mut out = vec![0; 256 * 1024];
        let mut to = WriteBuffer::new_initialized(&mut out);
        let mut from = PartialBuffer::new(bytes);
        while !from.unwritten().is_empty() {
            decoder.decode(&mut from, &mut to).unwrap();
        }
        decoder.flush(&mut to).unwrap();
        let made = to.written_len();
        String::from_utf8(out[..made].to_vec()).unwrap()
    }
}

#[tokio::test]
async fn a_trickling_page_trickles() {
    trickles("text/html; charset=utf-8", None).await;
}

#[tokio::test]
async fn a_trickling_page_trickles_through_gzip() {
    trickles("text/html; charset=utf-8", Some("gzip")).await;
}

#[tokio::test]
async fn events_trickle_as_they_are() {
    trickles("text/event-stream", None).await;
}

#[tokio::test]
async fn a_page_gets_lados_script_first_and_its_addresses_in_the_view() {
    let site = Site::new(|request: Request<Incoming>| async move {
        match request.uri().path() {
            "/style.css" => answer("text/css", "a{background:url(https://cdn.example/x.png)}"),
            "/worker.js" => answer("text/javascript", "postMessage('site')"),
            "/module.mjs" => answer("text/javascript", "import 'https://cdn.example/x.js'"),
            "/file" => {
                let mut response = answer("text/html", "<a href='https://cdn.example/'>");
                response.headers_mut().insert("content-disposition", "attachment".parse().unwrap());
                response
            }
            _ => {
                let html = "<!doctype html><html><head><script src='/first.js'></script></head>\
                    <body><a href=\"https://www.example.com/a?b=1\">x</a>";
                let mut response = answer("text/html; charset=utf-8", html);
                let headers = response.headers_mut();
                headers.insert("etag", "\"v1\"".parse().unwrap());
                headers.insert("content-security-policy", "default-src 'self' https://cdn.example".parse().unwrap());
                response
            }
        }
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let view = |address: &str| customer.session.views.map_url(&Url::parse(address).unwrap()).unwrap().to_string();
    let response = customer.open(&site.url()).await;
    assert!(!response.headers().contains_key("etag"));
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains(view("https://cdn.example/").trim_end_matches('/')), "{policy}");
    let page = text(response).await;
    assert!(page.contains(&view("https://www.example.com/a?b=1")), "{page}");
    let tag = page.find("<script").unwrap();
    assert!(page[tag..].starts_with("<script src=\"/__lado/boot."), "{page}");
    let path = page[tag..].split('"').nth(1).unwrap();
    let boot = customer.send(customer.request(&site.url().join(path).unwrap())).await;
    assert_eq!(boot.headers()["cache-control"], "private, max-age=31536000, immutable");
    assert!(text(boot).await.contains(&format!("\"site\":\"http://{}\"", site.address)));

    let get = async |path: &str, dest: &str| {
        let request = customer.request(&site.url().join(path).unwrap()).header("sec-fetch-dest", dest);
        text(customer.send(request).await).await
    };
    assert!(get("/style.css", "style").await.contains(&view("https://cdn.example/x.png")));
    assert!(get("/style.css", "empty").await.contains("url(https://cdn.example/x.png)"));
    let worker = get("/worker.js", "worker").await;
    assert!(worker.contains("LADO_BOOT") && worker.ends_with("postMessage('site')"), "{worker}");
    let module = get("/module.mjs", "worker").await;
    assert!(module.ends_with(&format!("import '{}'", view("https://cdn.example/x.js"))), "{module}");
    // Workers, too, report what they ask for past Lado; a mere script goes by its page's policy.
    for (dest, watched) in [("document", true), ("worker", true), ("sharedworker", true), ("script", false)] {
        let path = if dest == "document" { "/" } else { "/worker.js" };
        let request = customer.request(&site.url().join(path).unwrap()).header("sec-fetch-dest", dest);
        let response = customer.send(request).await;
        let policy = response.headers().get("content-security-policy-report-only");
        let told = policy.is_some_and(|policy| policy.to_str().unwrap().ends_with("report-uri /__lado/escaped"));
        assert_eq!(told, watched, "{dest}");
    }
    assert_eq!(get("/file", "document").await, "<a href='https://cdn.example/'>");
    // What a script fetches has no script of Lado's in it.
    assert!(!get("/", "empty").await.contains("/__lado/boot."));
}

#[tokio::test]
async fn a_page_without_a_referrer_is_of_the_same_site_while_there_is_no_other() {
    let sister = Site::new(|request: Request<Incoming>| async move {
        let told = |name: &str| request.headers().get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
        answer("text/plain", format!("{} {}", told("cookie"), told("sec-fetch-site")))
    })
    .await;
    let site = Site::new(|_| async {
        let mut response = answer("text/plain", "shop");
        response.headers_mut().insert("set-cookie", "signed=in; SameSite=Strict".parse().unwrap());
        response
    })
    .await;
    let lado = Running::before(&[&site, &sister]).await;
    let customer = lado.customer(&site.url());
    customer.open(&site.url()).await;
    let nameless = async || {
        let request = customer.request(&sister.url()).header("sec-fetch-dest", "iframe");
        text(customer.send(request.header("sec-fetch-site", "same-site")).await).await
    };
    assert_eq!(nameless().await, "signed=in same-site");
    // Any page may name nobody: with another site's among them, it could be that one's.
    customer.open(&Url::parse("http://127.0.0.2:1/").unwrap()).await;
    assert_eq!(nameless().await, "- cross-site");
}

#[tokio::test]
async fn a_site_is_told_its_own_address_where_a_page_says_the_views() {
    let site = Site::new(|request: Request<Incoming>| async move {
        let (parts, body) = request.into_parts();
        let length = parts.headers.get("content-length").map_or("-", |value| value.to_str().unwrap()).to_owned();
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!(length, body.len().to_string());
        answer("text/plain", format!("{}\n{}", parts.uri, String::from_utf8_lossy(&body)))
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let (host, own) = (customer.host(&site.url()), site.address.to_string());
    let encoded = |text: &str| text.replace(':', "%3A").replace('/', "%2F");
    let sent = async |kind: &str, body: String| {
        let query = format!("authorize?client=1&redirect_uri={}", encoded(&format!("http://{host}/cb")));
        let request = customer.request(&site.url().join(&query).unwrap()).method("POST").header("content-type", kind);
        text(lado.send(request.body(Full::<Bytes>::from(body)).unwrap()).await).await
    };
    let query = format!("/authorize?client=1&redirect_uri={}", encoded(&format!("http://{own}/cb")));
    for (kind, wrote, expected) in [
        (
            "application/x-www-form-urlencoded",
            format!("code=x&redirect_uri={}", encoded(&format!("http://{host}/cb"))),
            format!("code=x&redirect_uri={}", encoded(&format!("http://{own}/cb"))),
        ),
        (
            "application/json; charset=utf-8",
            format!("{{\"at\":\"http://{host}/\"}}"),
            format!("{{\"at\":\"http://{own}/\"}}"),
        ),
        // A file is the customer's own, whatever stands in it.
        ("application/octet-stream", format!("http://{host}/"), format!("http://{host}/")),
        ("application/json", "x".repeat(70_000) + &host, "x".repeat(70_000) + &host),
    ] {
        assert_eq!(sent(kind, wrote).await, format!("{query}\n{expected}"), "{kind}");
    }
}

#[tokio::test]
async fn ranges_pass_byte_for_byte() {
    let site = Site::new(|request: Request<Incoming>| async move {
        assert_eq!(request.headers()["range"], "bytes=10-19");
        assert_eq!(request.headers()["if-range"], "\"v1\"");
        let mut response = answer("video/mp4", "0123456789");
        *response.status_mut() = http::StatusCode::PARTIAL_CONTENT;
        response.headers_mut().insert("content-range", "bytes 10-19/100".parse().unwrap());
        response.headers_mut().insert("etag", "\"v1\"".parse().unwrap());
        response
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let request = customer
        .request(&site.url())
        .header("sec-fetch-dest", "video")
        .header("range", "bytes=10-19")
        .header("if-range", "\"v1\"");
    let response = customer.send(request).await;
    assert_eq!(response.status(), 206);
    assert_eq!(response.headers()["content-range"], "bytes 10-19/100");
    assert_eq!(response.headers()["content-length"], "10");
    assert_eq!(response.headers()["etag"], "\"v1\"");
    assert_eq!(bytes(response).await, "0123456789");
}

#[tokio::test]
async fn an_upload_arrives_whole_and_the_site_hears_its_own_addresses() {
    let site = Site::new(|request: Request<Incoming>| async move {
        let headers = request.headers().clone();
        let length = request.into_body().collect().await.unwrap().to_bytes().len();
        let say = |name: &str| headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
        answer("text/plain", format!("{length} {} {} {} {}", say("host"), say("origin"), say("referer"), say("cookie")))
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let view = customer.session.views.origin(&lado::rewrite::url::Site::of(&site.url()).unwrap());
    let request = customer
        .request(&site.url())
        .method("POST")
        .header("origin", &view)
        .header("referer", format!("{view}/cart?x=1"))
        .body(Full::from(vec![7; 3_000_000]))
        .unwrap();
    let own = format!("http://{}", site.address);
    let expected = format!("3000000 {} {own} {own}/cart?x=1 -", site.address);
    assert_eq!(text(lado.send(request).await).await, expected);
}

#[tokio::test]
async fn cookies_stay_in_the_jar_and_scripts_see_theirs() {
    let site = Site::new(|request: Request<Incoming>| async move {
        let sent = request.headers().get("cookie").map_or("none", |value| value.to_str().unwrap()).to_owned();
        let mut response = answer("text/plain", sent);
        for cookie in ["secret=s3; HttpOnly; Path=/", "theme=dark; Path=/"] {
            response.headers_mut().append("set-cookie", cookie.parse().unwrap());
        }
        response
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let response = customer.open(&site.url()).await;
    let shown: Vec<_> =
        response.headers().get_all("set-cookie").iter().map(|v| v.to_str().unwrap().to_owned()).collect();
    assert!(shown.iter().any(|cookie| cookie.starts_with("theme=dark")), "{shown:?}");
    assert!(!shown.iter().any(|cookie| cookie.contains("secret")), "{shown:?}");
    assert_eq!(text(response).await, "none");
    assert_eq!(text(customer.open(&site.url()).await).await, "secret=s3; theme=dark");
}

#[tokio::test]
async fn a_site_outside_the_list_is_a_page_with_a_way_back() {
    let site = Site::new(|_| async { answer("text/plain", "hello") }).await;
    let lado = Running::with(&[&site], |config| {
        let text = format!(
            "[[company]]\nid = 'sol'\nname = 'Sol'\nallow = ['http://{}']\n[[company.agents]]\nname = 'ana'\n\
             password = '$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$Wjw6GbOd2JBjJ7bzRBQ9Wg'\n",
            site.address
        );
        config.companies = lado::config::Config::parse(&text, std::path::Path::new("test")).unwrap().companies;
    })
    .await;
    let customer = lado.customer(&site.url());
    let response = customer.open(&Url::parse("https://elsewhere.example/").unwrap()).await;
    assert_eq!(response.status(), 403);
    let page = text(response).await;
    assert!(page.contains("not part of the session") && page.contains(&customer.host(&site.url())), "{page}");
    // A browser that does not say what it asks for says what it would like to have.
    let elsewhere = Url::parse("https://elsewhere.example/").unwrap();
    let silent = customer.request(&elsewhere).header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
    let response = customer.send(silent).await;
    assert_eq!(response.status(), 403);
    assert!(text(response).await.contains("not part of the session"));
}

#[tokio::test]
async fn a_websocket_of_the_page_reaches_its_site() {
    let site = Site::new(|mut request: Request<Incoming>| async move {
        let origin = request.headers().get("origin").map_or("none", |v| v.to_str().unwrap()).to_owned();
        let protocol = request.headers()["sec-websocket-protocol"].clone();
        let (mut response, socket) = respond::websocket(&mut request).unwrap();
        response.headers_mut().insert("sec-websocket-protocol", protocol);
        tokio::spawn(async move {
            let mut socket = socket.await.unwrap();
            socket.send(Message::text(origin)).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                if message.is_text() || message.is_binary() {
                    socket.send(message).await.unwrap();
                }
            }
        });
        response
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let view = customer.session.views.origin(&lado::rewrite::url::Site::of(&site.url()).unwrap());
    let request = customer
        .request(&site.url())
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("origin", view)
        .header("sec-websocket-protocol", "chat")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let mut response = customer.send(request).await;
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    let stream = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    let first = socket.next().await.unwrap().unwrap();
    assert_eq!(first.to_text().unwrap(), format!("http://{}", site.address));
    socket.send(Message::text("echo")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().to_text().unwrap(), "echo");
    // The end of the session ends its sockets.
    lado.lado.sessions.end(&customer.session, lado::session::EndedBy::Customer);
    let end = tokio::time::timeout(Duration::from_secs(2), socket.next()).await.expect("the tunnel stayed open");
    assert!(!matches!(end, Some(Ok(Message::Text(_)))));
}

#[tokio::test]
async fn the_panels_door_opens_inside_a_page_only() {
    let site = Site::new(|_| async { status(204, &[]) }).await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let door = |dest: &str, cookie: &str| {
        let host = customer.session.views.panel_origin().replace("http://", "");
        let request = Request::builder().uri("/").header("host", host).header("cookie", cookie);
        request.header("sec-fetch-dest", dest).body(Full::default()).unwrap()
    };
    let response = lado.send(door("iframe", &customer.cookie())).await;
    assert_eq!(response.status(), 303);
    assert!(response.headers()["location"].to_str().unwrap().contains("/panel#"));
    assert_eq!(lado.send(door("document", &customer.cookie())).await.status(), 403);
    assert_eq!(lado.send(door("iframe", "lado_x=y")).await.status(), 403);
}

#[tokio::test]
async fn requests_that_leave_the_mapping_are_counted_by_site_and_kind() {
    let site = Site::new(|_| async { answer("text/html", "<p>page") }).await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let response = customer.open(&site.url()).await;
    let policy = response.headers()["content-security-policy-report-only"].to_str().unwrap().to_owned();
    assert!(policy.contains("report-uri /__lado/escaped") && policy.contains("http://*.view.localhost:"), "{policy}");

    let report = |body: String| {
        let request = customer.request(&site.url().join("/__lado/escaped").unwrap()).method("POST");
        request.header("content-type", "application/csp-report").body(Full::<Bytes>::from(body)).unwrap()
    };
    let blocked = |uri: &str| {
        format!(r#"{{"csp-report":{{"document-uri":"x","blocked-uri":"{uri}","effective-directive":"img-src"}}}}"#)
    };
    for (body, status) in [
        (blocked("https://cdn.example/a.png?card=4111"), 204),
        (blocked("https://cdn.example/b.png"), 204),
        (blocked("inline"), 204),
        ("not json".into(), 400),
        (blocked(&"x".repeat(64 * 1024)), 400),
    ] {
        assert_eq!(lado.send(report(body)).await.status(), status);
    }
    let (total, top) = customer.session.escapes(10);
    assert_eq!((total, top.len()), (2, 1));
    assert_eq!(
        (top[0].site.as_str(), top[0].kind.as_str(), top[0].target.as_str()),
        (format!("http://{}", site.address).as_str(), "img-src", "https://cdn.example")
    );
}
