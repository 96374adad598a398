//! The address guard, seen from a customer's browser: nothing private answers, and nothing private is even connected to.

use std::net::IpAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use url::Url;

use crate::kit::{Running, Site, answer, status, text};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// A port on loopback that nobody may connect to.
struct Canary(TcpListener);

impl Canary {
    async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    async fn is_untouched(&self) -> bool {
        tokio::time::timeout(Duration::from_millis(50), self.0.accept()).await.is_err()
    }
}

#[tokio::test]
async fn private_addresses_are_refused() {
    let lado = Running::with(&[], |config| {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        config.upstream.hosts.insert("inside.test".into(), vec![address("10.1.2.3")]);
        config.upstream.hosts.insert("meta.test".into(), vec![address("169.254.169.254")]);
        config.upstream.hosts.insert("mapped.test".into(), vec![address("::ffff:127.0.0.1")]);
        config.upstream.hosts.insert("loop.test".into(), vec![address("127.0.0.1"), address("::1")]);
    })
    .await;
    let canary = Canary::new().await;
    let port = canary.port();
    let customer = lado.customer(&url("https://www.example.com/"));
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost",
        "any.localhost",
        "inside.test",
        "meta.test",
        "mapped.test",
        "loop.test",
    ] {
        let response = customer.open(&url(&format!("http://{host}:{port}/"))).await;
        assert_eq!(response.status(), 403, "{host}");
        assert!(text(response).await.contains("This address is private"), "{host}");
    }
    assert!(canary.is_untouched().await);
}

#[tokio::test]
async fn a_redirect_into_the_private_network_is_refused() {
    let canary = Canary::new().await;
    let target = format!("http://127.0.0.1:{}/secret", canary.port());
    let location = target.clone();
    let site = Site::new(move |_| {
        let location = location.clone();
        async move { status(302, &[("location", location)]) }
    })
    .await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    let response = customer.open(&site.url()).await;
    assert_eq!(response.status(), 302);
    // The browser follows it through Lado: it is a view host's address now.
    let next = url(response.headers()["location"].to_str().unwrap());
    assert_eq!(customer.session.views.unmap(&next), Some(url(&target)));
    assert_eq!(customer.open(&url(&target)).await.status(), 403);
    assert!(canary.is_untouched().await);
}

#[tokio::test]
async fn a_websocket_into_the_private_network_is_refused() {
    let canary = Canary::new().await;
    let lado = Running::before(&[]).await;
    let customer = lado.customer(&url("https://www.example.com/"));
    let request = customer
        .request(&url(&format!("http://127.0.0.1:{}/socket", canary.port())))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(customer.send(request).await.status(), 403);
    assert!(canary.is_untouched().await);
}

#[tokio::test]
async fn lados_own_address_is_refused_even_where_it_is_allowed() {
    let lado = Running::with(&[], |config| {
        config.upstream.allow_private = vec!["127.0.0.0/8".to_owned().try_into().unwrap()];
    })
    .await;
    let own = url(&format!("http://{}/", lado.address));
    let customer = lado.customer(&own);
    assert_eq!(customer.open(&own).await.status(), 403);
}

#[tokio::test]
async fn an_allowed_address_is_reached_and_its_neighbour_is_not() {
    let site = Site::new(|_| async { answer("text/plain", "hello") }).await;
    let lado = Running::before(&[&site]).await;
    let customer = lado.customer(&site.url());
    assert_eq!(text(customer.open(&site.url()).await).await, "hello");
    let neighbour = url(&format!("http://127.0.0.1:{}/", site.address.port() ^ 1));
    assert_eq!(customer.open(&neighbour).await.status(), 403);
}
