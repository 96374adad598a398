//! The viewer's host: the app, and assets by capability only.

use http::Request;
use http_body_util::Full;
use hyper::body::Incoming;
use url::Url;

use crate::kit::{Customer, Running, Site, answer, text};

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
    let capability = |path: &str| customer.session.capability(&site.url().join(path).unwrap());

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
