//! The console's API, asked as its apps ask it and as others would.

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use lado::session::EndedBy;
use lado::session::brand::{BrandConfig, Texts};
use lado::session::drift::{Pattern, Weight};
use serde_json::{Value, json};

use super::stage::{ORIGIN, PASSWORD, SITE, Stage, patiently};

/// Routes that a password, a link or a ticket authorises. Every other one must ask for a sign-in.
const OPEN: [(&str, &str); 5] = [
    ("post", "/api/sign-in"),
    ("get", "/api/join/{token}"),
    ("post", "/api/join/{token}/accept"),
    ("post", "/api/join/{token}/decline"),
    ("get", "/api/panel/socket"),
];

/// Every route of the API, as (method, path).
fn routes(stage: &Stage) -> Vec<(String, String)> {
    let document = serde_json::to_value(stage.console.openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let methods = |(path, methods): (&String, &Value)| {
        let methods: Vec<_> = methods.as_object().unwrap().keys().cloned().collect();
        methods.into_iter().map(|method| (method, path.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(methods).collect()
}

fn is_open(method: &str, path: &str) -> bool {
    OPEN.contains(&(method, path))
}

/// A body that would do for any route.
fn body(path: &str) -> Value {
    match path {
        "/api/sessions" => json!({"site": SITE}),
        "/api/pin" => json!({"pin": "123456"}),
        _ => json!({}),
    }
}

#[tokio::test]
async fn every_route_refuses_who_is_not_signed_in() {
    let stage = Stage::set().await;
    let session = stage.active();
    let routes = routes(&stage);
    assert!(routes.len() >= 13, "{routes:?}");
    for (method, path) in &OPEN {
        assert!(routes.iter().any(|(m, p)| m == method && p == path), "{method} {path} is gone");
    }
    for (method, path) in routes.iter().filter(|(method, path)| !is_open(method, path)) {
        let at = path.replace("{id}", session.id.as_str());
        assert!(!at.contains('{'), "the test does not know what to put into {path}");
        for cookie in ["", "lado_agent=", "lado_agent=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            let answer = stage.ask(&method.to_uppercase(), &at, cookie, body(path)).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, "not_signed_in"), "{method} {path}");
        }
    }
    assert!(!session.is_over());
}

/// Over HTTP/2 a WebSocket is asked for with CONNECT: those routes stand in no description.
#[tokio::test]
async fn only_sockets_are_asked_for_with_connect_and_as_closely_guarded() {
    let stage = Stage::set().await;
    let session = stage.active();
    let document = serde_json::to_value(stage.console.openapi()).unwrap();
    let mut sockets = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let is_socket = methods["get"]["responses"].get("101").is_some();
        let at = path.replace("{id}", session.id.as_str()).replace("{token}", "x");
        for name in ["", "caio", "eva"] {
            let cookie = if name.is_empty() { String::new() } else { stage.sign_in(name).await };
            let answer = stage.ask("CONNECT", &at, &cookie, Value::Null).await;
            let wanted = match (is_socket, is_open("get", path), name) {
                (false, ..) => "method_not_allowed",
                (true, true, _) => "not_websocket",
                (true, false, "") => "not_signed_in",
                (true, false, _) => "no_session",
            };
            assert_eq!(answer.code(), wanted, "CONNECT {path} as {name:?}: {}", answer.status);
        }
        sockets += usize::from(is_socket);
    }
    assert_eq!(sockets, 2, "the panel's and the talk's");
}

#[tokio::test]
async fn no_route_tells_agents_of_another_company_anything() {
    let stage = Stage::set().await;
    let session = stage.active();
    let (ana, dora) = (stage.sign_in("ana").await, stage.sign_in("dora").await);
    // Something to read behind every route.
    let favourite = json!({"site": "https://planted-site.example", "name": "planted favourite"});
    assert_eq!(stage.post("/api/favourites", &ana, favourite).await.status, StatusCode::NO_CONTENT);
    let notes = json!({"notes": "planted notes", "outcome": "follow_up"});
    assert_eq!(stage.post(&format!("/api/sessions/{}/notes", session.id), &ana, notes).await.status, StatusCode::OK);
    let pattern = Pattern { host: "planted-host.example".into(), path: "/planted".into() };
    let rule = || "planted-rule".to_owned();
    for matched in [vec![rule()], vec![rule()], vec![rule()], vec![]] {
        session.company.rules.drift.observe(&pattern, &matched.into_iter().collect(), |_| Some(Weight::Firm));
    }
    let plants = ["planted", session.id.as_str(), "Ana Souza", "Bia Lima", "Dora Reis", "Loja Sol", SITE];

    let reads: Vec<String> = routes(&stage)
        .into_iter()
        .filter(|(method, path)| method == "get" && !path.contains('{') && !is_open(method, path))
        // A stream: another test listens to it.
        .filter_map(|(_, path)| (path != "/api/events").then_some(path))
        .collect();
    patiently(async {
        while !stage.get("/api/history", &ana).await.body.to_string().contains("planted") {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    for path in &reads {
        let mut own = stage.get(path, &dora).await.body.to_string();
        own += &stage.get(path, &ana).await.body.to_string();
        assert!(plants.iter().any(|plant| own.contains(plant)), "there is nothing to read at {path}: {own}");
        for name in ["caio", "eva"] {
            let told = stage.get(path, &stage.sign_in(name).await).await.body.to_string();
            let read = plants.iter().find(|plant| told.contains(**plant));
            assert_eq!(read, None, "{path} as {name}: {told}");
        }
    }
    assert!(reads.len() >= 6, "{reads:?}");

    // Nor do they change anything.
    let eva = stage.sign_in("eva").await;
    let looked = json!({"rule": rule(), "host": pattern.host, "path": pattern.path});
    assert_eq!(stage.post("/api/drift/looked", &eva, looked).await.code(), "no_alarm");
    stage.post("/api/favourites/remove", &eva, json!({"site": "https://planted-site.example"})).await;
    for path in ["/api/drift", "/api/favourites"] {
        assert!(stage.get(path, &ana).await.body.to_string().contains("planted"), "{path}");
    }
}

#[tokio::test]
async fn every_route_of_a_session_refuses_agents_of_another_company() {
    let stage = Stage::set().await;
    let session = stage.active();
    for name in ["caio", "eva"] {
        let stranger = stage.sign_in(name).await;
        let mut asked = 0;
        for (method, path) in routes(&stage).iter().filter(|(_, path)| path.contains("{id}")) {
            let at = path.replace("{id}", session.id.as_str());
            let answer = stage.ask(&method.to_uppercase(), &at, &stranger, body(path)).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "no_session"), "{method} {path}");
            asked += 1;
        }
        assert!(asked >= 3);
        let list = stage.get("/api/sessions", &stranger).await;
        assert_eq!(list.body, json!({"sessions": []}));
    }
    assert!(!session.is_over());
}

#[tokio::test]
async fn what_links_and_tickets_open_stays_shut_without_them() {
    let stage = Stage::set().await;
    for (method, path) in OPEN.iter().filter(|(_, path)| path.contains("{token}")) {
        for token in ["x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "%00", &"a".repeat(4000)] {
            let answer = stage.ask(&method.to_uppercase(), &path.replace("{token}", token), "", json!({})).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "invalid_link"), "{method} {path}");
        }
    }
    let answer = stage.get("/api/panel/socket", "").await;
    assert_eq!(answer.code(), "not_websocket");
}

#[tokio::test]
async fn an_agent_signs_in_and_out() {
    let stage = Stage::set().await;
    let answer = stage.post("/api/sign-in", "", json!({"name": "ana", "password": PASSWORD})).await;
    let me = json!({
        "name": "ana", "display": "Ana Souza", "role": "agent", "company": {"id": "sol", "name": "Loja Sol"},
    });
    assert_eq!(answer.body, me);
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(stage.get("/api/me", cookie).await.body, me);
    let out = stage.post("/api/sign-out", cookie, json!({})).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(stage.get("/api/me", cookie).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_look_alike_and_cannot_be_tried_for_ever() {
    let stage = Stage::set().await;
    let attempt = async |name: &str, password: &str| {
        let answer = stage.post("/api/sign-in", "", json!({"name": name, "password": password})).await;
        (answer.status.as_u16(), answer.code().to_owned(), answer.headers.contains_key("retry-after"))
    };
    for _ in 0..10 {
        let wrong = attempt("ana", "wrong").await;
        assert_eq!(wrong, (401, "wrong_password".into(), false));
        assert_eq!(attempt("nobody", "wrong").await, wrong);
    }
    let limited = attempt("ana", PASSWORD).await;
    assert_eq!(limited, (429, "too_many_attempts".into(), true));
    assert_eq!(attempt("nobody", "wrong").await, limited);
    assert_eq!(attempt("bia", PASSWORD).await.0, 200);
}

#[tokio::test]
async fn a_link_leads_the_customer_in_and_the_pin_the_agent() {
    let stage = Stage::set().await;
    let ana = stage.sign_in("ana").await;
    let made = stage.post("/api/sessions", &ana, json!({"site": "www.shop.com/cart?x=1"})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(made.body["site"], "https://www.shop.com/cart?x=1");
    assert_eq!(made.body["state"], "invited");
    assert_eq!(made.body["level"], "look");
    let id = made.body["id"].as_str().unwrap();
    let token = made.body["link"].as_str().unwrap().strip_prefix(&format!("{ORIGIN}/j/")).unwrap();

    let join = format!("/api/join/{token}");
    for _ in 0..2 {
        let invitation = stage.get(&join, "").await;
        assert_eq!(invitation.body["company"], json!({"name": "Loja Sol", "color": "#336699"}));
        assert_eq!(invitation.body["agent"], json!({"display": "Ana Souza"}));
        assert_eq!(invitation.body["expires"], made.body["expires"]);
    }
    let early = stage.post(&format!("/api/sessions/{id}/viewer"), &ana, json!({})).await;
    assert_eq!((early.status, early.code()), (StatusCode::CONFLICT, "not_active"));

    let accepted = stage.post(&format!("{join}/accept"), "", json!({})).await;
    let url = accepted.body["url"].as_str().unwrap();
    let door = format!("http://{id}-www-shop-com.view.localhost:7070/__lado/enter?ticket={id}.");
    assert!(url.starts_with(&door) && url.ends_with("&to=%2Fcart%3Fx%3D1"), "{url}");
    for (method, path) in
        [("GET", join.clone()), ("POST", format!("{join}/accept")), ("POST", format!("{join}/decline"))]
    {
        let again = stage.ask(method, &path, "", json!({})).await;
        assert_eq!((again.status, again.code()), (StatusCode::GONE, "link_used"));
    }

    let session = stage.sessions.get(lado::id::SessionId::parse(id).unwrap()).unwrap();
    let pin = session.state().pin.unwrap();
    let grouped = format!("{} {}", &pin.reveal()[..3], &pin.reveal()[3..]);
    let caio = stage.sign_in("caio").await;
    let foreign = stage.post("/api/pin", &caio, json!({"pin": grouped})).await;
    assert_eq!((foreign.status, foreign.code()), (StatusCode::NOT_FOUND, "invalid_pin"));
    let entered = stage.post("/api/pin", &ana, json!({"pin": grouped})).await;
    assert_eq!((entered.status.as_u16(), &entered.body["state"]), (200, &json!("active")));
    assert_eq!(entered.body.get("link"), None, "the link is used");
    let again = stage.post("/api/pin", &ana, json!({"pin": grouped})).await;
    assert_eq!(again.code(), "invalid_pin");

    let viewer = stage.post(&format!("/api/sessions/{id}/viewer"), &ana, json!({})).await;
    let address = format!("http://{id}-viewer.view.localhost:7070/__lado/viewer#{id}.");
    assert!(viewer.body["url"].as_str().unwrap().starts_with(&address), "{}", viewer.body);

    let end = format!("/api/sessions/{id}/end");
    assert_eq!(stage.post(&end, &ana, json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(stage.post(&end, &ana, json!({})).await.status, StatusCode::NO_CONTENT, "twice is once");
    let after = stage.get(&format!("/api/sessions/{id}"), &ana).await;
    assert_eq!((&after.body["state"], &after.body["ended_by"]), (&json!("ended"), &json!("agent")));
    let viewer = stage.post(&format!("/api/sessions/{id}/viewer"), &ana, json!({})).await;
    assert_eq!((viewer.status, viewer.code()), (StatusCode::CONFLICT, "ended"));
}

#[tokio::test]
async fn a_customer_who_declines_ends_the_session() {
    let stage = Stage::set().await;
    let ana = stage.sign_in("ana").await;
    let made = stage.post("/api/sessions", &ana, json!({"site": SITE})).await;
    let token = made.body["link"].as_str().unwrap().rsplit('/').next().unwrap();
    let declined = stage.post(&format!("/api/join/{token}/decline"), "", json!({})).await;
    assert_eq!(declined.status, StatusCode::NO_CONTENT);
    let after = stage.get(&format!("/api/sessions/{}", made.body["id"].as_str().unwrap()), &ana).await;
    assert_eq!(after.body["ended_by"], "declined");
}

#[tokio::test]
async fn pins_cannot_be_guessed_in_number() {
    let stage = Stage::set().await;
    let session = stage.waiting();
    let pin = session.state().pin.unwrap();
    let wrong = if pin.reveal() == "000000" { "000001" } else { "000000" };
    let ana = stage.sign_in("ana").await;
    for _ in 0..5 {
        assert_eq!(stage.post("/api/pin", &ana, json!({"pin": wrong})).await.code(), "invalid_pin");
    }
    let limited = stage.post("/api/pin", &ana, json!({"pin": pin.reveal()})).await;
    assert_eq!((limited.status, limited.code()), (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"));
    assert!(limited.headers.contains_key("retry-after"));
    let bia = stage.sign_in("bia").await;
    assert_eq!(stage.post("/api/pin", &bia, json!({"pin": pin.reveal()})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_is_its_makers_its_joiners_and_the_admins() {
    let stage = Stage::set().await;
    let session = stage.active();
    let path = format!("/api/sessions/{}", session.id);
    let (ana, bia, dora) = (stage.sign_in("ana").await, stage.sign_in("bia").await, stage.sign_in("dora").await);
    assert_eq!(stage.get(&path, &ana).await.status, StatusCode::OK);
    assert_eq!(stage.get(&path, &bia).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stage.get(&path, &dora).await.status, StatusCode::OK);
    assert_eq!(stage.get("/api/sessions", &dora).await.body["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(stage.get("/api/sessions", &bia).await.body["sessions"].as_array().unwrap().len(), 0);
    let watched = stage.post(&format!("{path}/viewer"), &dora, json!({})).await;
    assert_eq!(watched.code(), "not_active", "nobody watches without a PIN");
    let made = stage.post("/api/sessions", &ana, json!({"site": SITE})).await;
    let seen = stage.get(&format!("/api/sessions/{}", made.body["id"].as_str().unwrap()), &dora).await;
    assert_eq!(seen.body.get("link"), None, "a link is its maker's to send");
    assert_eq!(stage.post(&format!("{path}/end"), &bia, json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stage.post(&format!("{path}/end"), &dora, json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(stage.sessions.ended(session.id).unwrap().by, EndedBy::Agent);
}

#[tokio::test]
async fn only_sites_of_the_company_are_co_browsed() {
    let stage = Stage::set().await;
    let ana = stage.sign_in("ana").await;
    for (site, status, code) in [
        ("https://evil.example", 403, "not_allowed"),
        ("http://169.254.169.254/latest/meta-data", 403, "not_allowed"),
        ("javascript:alert(1)", 422, "bad_address"),
        ("", 422, "bad_address"),
    ] {
        let answer = stage.post("/api/sessions", &ana, json!({"site": site})).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{site}");
    }
}

#[tokio::test]
async fn requests_that_change_something_come_from_the_console_itself() {
    let stage = Stage::set().await;
    let ana = stage.sign_in("ana").await;
    let request = |headers: &[(&str, &str)]| {
        let mut builder = Request::post("/api/sessions").header("cookie", &ana);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Body::from(json!({"site": SITE}).to_string())).unwrap()
    };
    let json = ("content-type", "application/json");
    for (headers, code) in [
        (vec![], "not_json"),
        (vec![("content-type", "text/plain")], "not_json"),
        (vec![("content-type", "application/x-www-form-urlencoded"), ("origin", ORIGIN)], "not_json"),
        (vec![json, ("origin", "http://evil.localhost:7070")], "other_origin"),
        (vec![json, ("origin", "null")], "other_origin"),
        (vec![json, ("sec-fetch-site", "same-site")], "other_origin"),
        (vec![json, ("sec-fetch-site", "cross-site")], "other_origin"),
    ] {
        let answer = stage.send(request(&headers)).await;
        assert_eq!(answer.code(), code, "{headers:?}");
    }
    let answer = stage.send(request(&[("content-type", "application/json; charset=utf-8")])).await;
    assert_eq!(answer.status, StatusCode::CREATED, "a script without an origin is no browser");
}

#[tokio::test]
async fn bodies_are_small_and_say_what_they_should() {
    let stage = Stage::set().await;
    let ana = stage.sign_in("ana").await;
    let large = stage.post("/api/sessions", &ana, json!({"site": "x".repeat(20_000)})).await;
    assert_eq!((large.status, large.code()), (StatusCode::PAYLOAD_TOO_LARGE, "too_large"));
    let odd = stage.post("/api/sessions", &ana, json!({"site": SITE, "admin": true})).await;
    assert_eq!(odd.code(), "bad_request");
    let nothing = stage.get("/api/nothing", &ana).await;
    assert_eq!((nothing.status, nothing.code()), (StatusCode::NOT_FOUND, "not_found"));
    let method = stage.ask("DELETE", "/api/me", &ana, json!({})).await;
    assert_eq!((method.status, method.code()), (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"));
}

#[tokio::test]
async fn events_tell_an_agent_of_their_own_sessions() {
    let stage = Stage::set().await;
    let (ana, caio) = (stage.sign_in("ana").await, stage.sign_in("caio").await);
    let listen = async |cookie: &str| {
        let request = Request::get("/api/events").header("cookie", cookie).body(Body::empty()).unwrap();
        let response = stage.raw(request).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        response.into_body()
    };
    let (mut own, mut foreign) = (listen(&ana).await, listen(&caio).await);
    let next = async |body: &mut Body| {
        let frame = patiently(body.frame()).await.unwrap().unwrap().into_data().unwrap();
        let text = String::from_utf8(frame.to_vec()).unwrap();
        let data = text.strip_prefix("event: session\ndata: ").unwrap().trim().to_owned();
        serde_json::from_str::<Value>(&data).unwrap()
    };
    let session = stage.waiting();
    let mut states = Vec::new();
    while states.last() != Some(&json!("waiting")) {
        states.push(next(&mut own).await["state"].clone());
    }
    stage.sessions.end(&session, EndedBy::Customer);
    while states.last() != Some(&json!("ended")) {
        states.push(next(&mut own).await["state"].clone());
    }
    let silence = tokio::time::timeout(std::time::Duration::from_millis(100), foreign.frame()).await;
    assert!(silence.is_err(), "another company hears nothing");
}

#[tokio::test]
async fn a_stream_of_events_ends_with_the_sign_in() {
    let stage = Stage::set().await;
    let ana = stage.sign_in("ana").await;
    let request = Request::get("/api/events").header("cookie", &ana).body(Body::empty()).unwrap();
    let mut events = stage.raw(request).await.into_body();
    stage.post("/api/sign-out", &ana, json!({})).await;
    stage.waiting();
    assert!(patiently(events.frame()).await.is_none());
}

#[tokio::test]
async fn browsers_are_told_what_to_refuse() {
    let stage = Stage::set().await;
    for (path, status) in [
        ("/", 200),
        ("/j/whatever", 200),
        ("/panel", 200),
        ("/api/me", 401),
        ("/nowhere", 404),
        ("/assets/nothing.js", 404),
    ] {
        let answer = stage.get(path, "").await;
        assert_eq!(answer.status, status, "{path}");
        let header = |name: &str| answer.headers.get(name).map_or("", |value| value.to_str().unwrap());
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cache-control"), "no-store");
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"));
        let framed = path == "/panel";
        let ancestors = if framed { "http://*.view.localhost:7070" } else { "'none'" };
        assert!(policy.ends_with(&format!("frame-ancestors {ancestors}")), "{path}: {policy}");
        assert_eq!(header("x-frame-options") == "DENY", !framed);
    }
}

#[tokio::test]
async fn files_of_the_apps_may_be_kept_for_ever() {
    let stage = Stage::set().await;
    let page = stage.get("/", "").await;
    let page = page.body.as_str().unwrap();
    let file = page.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".js"));
    let Some(file) = file else { return };
    let answer = stage.get(file, "").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["cache-control"], "public, max-age=31536000, immutable");
    assert!(answer.headers["content-type"].to_str().unwrap().contains("javascript"));
}

#[tokio::test]
async fn the_api_describes_itself() {
    let stage = Stage::set().await;
    let answer = stage.get("/api/openapi.json", "").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, serde_json::to_value(stage.console.openapi()).unwrap());
    assert_eq!(answer.body["info"]["title"], "Lado");
    for (method, path) in routes(&stage) {
        let operation = &answer.body["paths"][&path][&method];
        let wanted = if is_open(&method, &path) { json!([{}]) } else { json!([{"agent": []}]) };
        assert_eq!(operation["security"], wanted, "{method} {path}");
        assert!(operation["responses"].as_object().is_some_and(|it| !it.is_empty()));
    }
}

#[tokio::test]
async fn a_companys_logo_is_a_picture_and_nothing_else() {
    const SVG: &str = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), SVG).unwrap();
    let mut brand = BrandConfig { logo: Some(file.path().to_owned()), ..BrandConfig::default() };
    let texts = Texts { join: Some("Bem-vinda".into()), panel: None };
    brand.texts.insert("pt-BR".into(), texts);
    let stage = Stage::branded(brand).await;
    let session = stage.invited();
    let invitation = stage.get(&format!("/api/join/{}", stage.sessions.link(&session).unwrap()), "").await;
    assert_eq!(invitation.body["company"]["texts"], json!({"pt-BR": {"join": "Bem-vinda"}}));
    let path = invitation.body["company"]["logo"].as_str().unwrap();
    let logo = stage.get(path, "").await;
    assert_eq!((logo.status, logo.body.as_str()), (StatusCode::OK, Some(SVG)));
    for (name, value) in [
        ("content-type", "image/svg+xml"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
        ("cache-control", "public, max-age=31536000, immutable"),
    ] {
        assert_eq!(logo.headers[name], value, "{name}");
    }
    let session = stage.active();
    let mut panel = stage.panel().await;
    panel.say(json!({"type": "hello", "token": session.panel_token()})).await;
    let state = panel.until(|message| message["agents"][0]["photo"].is_string()).await;
    assert_eq!(stage.get(state["agents"][0]["photo"].as_str().unwrap(), "").await.body.as_str(), Some(SVG));
    for path in ["/brand/0000000000000000", "/brand/sol", "/brand/..%2f..%2fetc%2fpasswd"] {
        assert_eq!(stage.get(path, "").await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
