//! The shop's own story, told to its router without a socket.

use std::collections::HashMap;

use axum::body::Body;
use axum::http::header::{COOKIE, HOST, ORIGIN, SET_COOKIE};
use axum::http::{Method, Request};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

/// A browser with cookies and no scripts.
struct Browser {
    app: Router,
    cookies: HashMap<String, String>,
    csrf: String,
}

struct Answer {
    status: StatusCode,
    to: String,
    text: String,
}

impl Browser {
    fn new() -> Self {
        Self { app: app(), cookies: HashMap::new(), csrf: String::new() }
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path), Body::empty()).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("csrf", &self.csrf).extend_pairs(fields);
        self.send(Request::builder().method(Method::POST).uri(path), Body::from(form.finish())).await
    }

    async fn send(&mut self, request: axum::http::request::Builder, body: Body) -> Answer {
        let jar: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(HOST, "shop.test").header(COOKIE, jar.join("; ")).body(body).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        for set in response.headers().get_all(SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(pair.0.into(), pair.1.into());
        }
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        assert!(!text.contains("{{"), "a hole in the template: {text}");
        if let Some((_, rest)) = text.split_once("name=\"csrf\" value=\"") {
            self.csrf = rest.split('"').next().unwrap().into();
        }
        Answer { status: parts.status, to: text_of(&parts.headers, LOCATION), text }
    }

    async fn orders(&mut self) -> String {
        self.get("/api/orders/count").await.text
    }
}

const BUYER: [(&str, &str); 10] = [
    ("name", "Zoé <b>O'Neil</b>"),
    ("email", "zoe@example.com"),
    ("cpf", "529.982.247-25"),
    ("postcode", "01310-100"),
    ("street", "Av. Paulista, 1"),
    ("city", "São Paulo"),
    ("state", "SP"),
    ("card_number", "4111 1111 1111 1111"),
    ("card_expiry", "09/29"),
    ("cvv", "737"),
];

#[tokio::test]
async fn a_visitor_fills_the_bag_and_orders() {
    let mut browser = Browser::new();
    assert_eq!(browser.get("/").await.to, "/pt-BR/");
    assert!(browser.get("/en/").await.text.contains("Aurora mug"));
    assert!(browser.get("/pt-BR/product/mug").await.text.contains("Comprar agora"));
    assert_eq!(browser.post("/pt-BR/cart/add", &[("slug", "mug"), ("quantity", "2")]).await.to, "/pt-BR/cart");
    assert!(browser.get("/pt-BR/cart").await.text.contains("R$ 139,80"));
    assert_eq!(browser.get("/api/cart").await.text, r#"{"cents":13980,"count":2}"#);

    assert!(browser.get("/pt-BR/checkout").await.text.contains("Concordo"));
    let early = browser.post("/pt-BR/checkout", &BUYER).await;
    assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(early.text.contains("Aperte Concordo") && early.text.contains("Zoé &lt;b&gt;O&#39;Neil&lt;/b&gt;"));
    assert!(!early.text.contains("4111") && !early.text.contains("737"), "secrets are not sent back");
    assert_eq!(browser.orders().await, r#"{"count":0}"#);

    browser.post("/pt-BR/checkout/agree", &[]).await;
    assert!(browser.get("/en/checkout").await.text.contains("You have agreed"));
    let placed = browser.post("/pt-BR/checkout", &BUYER).await;
    assert_eq!(placed.to, "/pt-BR/order/1001");
    let order = browser.get("/pt-BR/order/1001").await.text;
    assert!(order.contains("529.982.247-25") && order.contains("Cartão com final 1111") && !order.contains("4111"));
    assert_eq!(browser.orders().await, r#"{"count":1}"#);

    let mut stranger = Browser { app: browser.app.clone(), cookies: HashMap::new(), csrf: String::new() };
    assert_eq!(stranger.get("/pt-BR/order/1001").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_known_customer_buys_with_one_click() {
    let mut browser = Browser::new();
    browser.get("/en/login").await;
    let wrong = browser.post("/en/login", &[("email", "maria@lojasol.example"), ("password", "mar")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let right = browser.post("/en/login", &[("email", "maria@lojasol.example"), ("password", "sol-e-mar")]).await;
    assert_eq!(right.to, "/en/account");
    browser.get("/en/product/lamp").await;
    assert_eq!(browser.post("/en/buy", &[("slug", "lamp")]).await.to, "/en/order/1001");
    assert!(browser.get("/en/account").await.text.contains("Order 1001"));
    browser.post("/en/logout", &[]).await;
    assert_eq!(browser.get("/en/account").await.to, "/en/login");
}

#[tokio::test]
async fn a_password_at_the_checkout_opens_an_account() {
    let mut browser = Browser::new();
    browser.get("/en/product/pot").await;
    assert_eq!(browser.post("/en/buy", &[("slug", "pot")]).await.to, "/en/checkout");
    browser.post("/en/checkout/agree", &[]).await;
    browser.post("/en/checkout", &[&BUYER[..], &[("password", "clave-1")]].concat()).await;
    browser.get("/en/account").await;
    browser.post("/en/logout", &[]).await;
    browser.get("/en/login").await;
    let back = browser.post("/en/login", &[("email", "zoe@example.com"), ("password", "clave-1")]).await;
    assert_eq!(back.to, "/en/account");
}

#[tokio::test]
async fn a_post_from_elsewhere_is_refused() {
    let mut browser = Browser::new();
    browser.get("/en/product/pot").await;
    browser.csrf = "guess".into();
    assert_eq!(browser.post("/en/buy", &[("slug", "pot")]).await.status, StatusCode::FORBIDDEN);
    browser.get("/en/product/pot").await;
    let request = Request::post("/en/buy").header(ORIGIN, "http://evil.test");
    let body = Body::from(format!("csrf={}&slug=pot", browser.csrf));
    assert_eq!(browser.send(request, body).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_scripts_remember_is_shown() {
    let mut browser = Browser::new();
    browser.cookies.insert("sol_seen".into(), "clock-nothing-mug".into());
    let home = browser.get("/en/").await.text;
    assert!(home.contains("Seen just now") && home.contains("alt=\"Morning clock\""));
}

#[tokio::test]
async fn unknown_addresses_are_not_found() {
    let mut browser = Browser::new();
    for path in ["/nowhere", "/de/", "/en/product/none", "/assets/none.svg", "/api/products/none", "/en/order/1"] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for file in ["shop.css", "shop.js", "hero.svg", "mug.svg"] {
        assert_eq!(browser.get(&format!("/assets/{file}")).await.status, StatusCode::OK, "{file}");
    }
}
