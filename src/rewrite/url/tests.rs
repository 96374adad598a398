//! Stories of sites and view hosts, and the properties of the mapping between them.

use proptest::prelude::*;

use super::*;

const SESSION: &str = "abcdefghijklmnop";

fn map() -> ViewMap {
    let domain = ViewDomain::parse("http://view.localhost:7070").unwrap();
    ViewMap::new(domain, SessionId::parse(SESSION).unwrap())
}

fn secure() -> ViewMap {
    let domain = ViewDomain::parse("https://view.example.net").unwrap();
    ViewMap::new(domain, SessionId::parse(SESSION).unwrap())
}

fn site(text: &str) -> Site {
    Site::parse(text).unwrap()
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[test]
fn labels_are_the_same_here_and_in_the_page() {
    #[derive(serde::Deserialize)]
    struct Case {
        site: String,
        label: Option<String>,
        alias: Option<bool>,
    }
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../../tests/fixtures/labels.json")).unwrap();
    let map = map();
    for case in cases {
        let site = site(&case.site);
        let label = map.label(&site);
        match case.label {
            Some(expected) => assert_eq!(label, expected, "{}", case.site),
            None => assert!(case.alias == Some(true) && is_alias(&label), "{} became {label}", case.site),
        }
        assert_eq!(map.site(&Label::parse(&label).unwrap()), Some(site), "{label}");
    }
}

#[test]
fn the_alias_of_an_origin_never_changes() {
    // Pinned, because pages keep labels of earlier responses.
    assert_eq!(map().label(&site("http://[::1]:8080")), alias(&site("http://[::1]:8080")));
    assert_eq!(alias(&site("https://viewer")), "0ag6lhwr7hfr");
}

#[test]
fn a_session_keeps_at_most_a_thousand_aliases() {
    let map = map();
    let sites: Vec<Site> = (0..=MAX_ALIASES).map(|i| site(&format!("https://odd_{i}.example"))).collect();
    for site in &sites {
        map.label(site);
    }
    assert_eq!(map.aliases().len(), MAX_ALIASES);
    let last = map.label(&sites[MAX_ALIASES]);
    assert_eq!(map.site(&Label::parse(&last).unwrap()), None);
    assert_eq!(map.site(&Label::parse(&map.label(&sites[0])).unwrap()), Some(sites[0].clone()));
}

#[test]
fn absolute_urls_move_to_the_view_and_keep_the_rest_byte_for_byte() {
    let base = url("https://www.shop.com/a/b?c");
    let at = |raw: &str| map().map(raw, &base);
    let host = |label: &str| format!("http://{SESSION}-{label}.view.localhost:7070");
    for (raw, mapped) in [
        ("https://www.shop.com/x?y=ü&z=%zz#f", host("www-shop-com") + "/x?y=ü&z=%zz#f"),
        ("https://www.shop.com", host("www-shop-com")),
        ("//cdn.shop.com/i.png", host("cdn-shop-com") + "/i.png"),
        ("\\\\cdn.shop.com\\i.png", host("cdn-shop-com") + "\\i.png"),
        (" \n https://cdn.shop.com/ ", host("cdn-shop-com") + "/"),
        ("ht\ntps://cdn.shop.com/", host("cdn-shop-com") + "/"),
        ("HTTPS://CDN.Shop.com/A", host("cdn-shop-com") + "/A"),
        ("https://bücher.example/", host("xn----bcher--kva-example") + "/"),
        ("http://shop.com:80/", host("shop-com-0h") + "/"),
        ("https://shop.com:8443?q", host("shop-com-0s8443") + "?q"),
        ("https://ana:pw@shop.com/", format!("http://ana:pw@{SESSION}-shop-com.view.localhost:7070/")),
        ("https:c", host("www-shop-com") + "/a/c"),
        ("http:c/", host("c-0h") + "/"),
        ("https:/c", host("www-shop-com") + "/c"),
        ("wss://live.shop.com/s", format!("ws://{SESSION}-live-shop-com.view.localhost:7070/s")),
        ("http://0x7f.1:81/", host("127-0-0-1-0h81") + "/"),
        ("https:////shop.com/", host("shop-com") + "/"),
    ] {
        assert_eq!(at(raw).as_deref(), Some(mapped.as_str()), "{raw}");
    }
    assert_eq!(
        secure().map("wss://live.shop.com/s", &base).unwrap(),
        format!("wss://{SESSION}-live-shop-com.view.example.net/s")
    );
}

#[test]
fn what_is_not_a_sites_address_is_left_alone() {
    let base = url("https://www.shop.com/");
    for raw in [
        "",
        "#top",
        "/cart",
        "cart?a=https://shop.com",
        "mailto:a@b.c",
        "javascript:void 0",
        "data:text/html,x",
        "blob:https://shop.com/1",
        "https://",
        "https://a b/",
        "//",
        "httpsx://shop.com",
        "/\\",
    ] {
        assert_eq!(map().map(raw, &base), None, "{raw}");
    }
    let there = format!("http://{SESSION}-shop-com.view.localhost:7070/x");
    assert_eq!(map().map(&there, &base), None);
}

#[test]
fn a_view_address_reads_back_as_the_sites() {
    let map = map();
    for text in ["https://www.shop.com/x?y#z", "http://127.0.0.1:3000/", "https://[2001:db8::1]:9/a"] {
        let there = map.map_url(&url(text)).unwrap();
        assert_eq!(map.unmap(&there), Some(url(text)), "{there}");
        assert_eq!(map.map_url(&there), None);
    }
    assert_eq!(map.unmap(&url(&format!("ws://{SESSION}-a-com.view.localhost:7070/s"))), Some(url("wss://a.com/s")));
    assert_eq!(map.unmap(&url("http://aaaaaaaaaaaaaaaa-a-com.view.localhost:7070/")), None);
    assert_eq!(map.unmap(&url("https://a.com/")), None);
}

#[test]
fn hosts_name_a_session_and_a_face() {
    let domain = ViewDomain::parse("http://view.localhost:7070").unwrap();
    let face = |text: &str| ViewHost::parse(text, &domain).map(|host| host.face);
    let site = |label: &str| Ok(ViewFace::Site(Label(label.to_owned())));
    assert_eq!(face("ABCDEFGHIJKLMNOP-shop-com.view.localhost:7070"), site("shop-com"));
    assert_eq!(face("abcdefghijklmnop-viewer.view.localhost:7070"), Ok(ViewFace::Viewer));
    assert_eq!(face("abcdefghijklmnop-panel.view.localhost:7070"), Ok(ViewFace::Panel));
    for (text, error) in [
        ("lado.localhost:7070", UrlError::OutsideDomain),
        ("view.localhost:7070", UrlError::OutsideDomain),
        ("abcdefghijklmnop-shop-com.view.localhost", UrlError::OutsideDomain),
        ("abcdefghijklmnop-shop-com.view.localhost:x", UrlError::OutsideDomain),
        ("abcdefghijklmnop-shop-comview.localhost:7070", UrlError::OutsideDomain),
        ("shop-com.view.localhost:7070", UrlError::BadSession),
        ("abcdefghijklmno1-shop-com.view.localhost:7070", UrlError::BadSession),
        ("abcdefghijklmnop.view.localhost:7070", UrlError::BadSession),
        ("abcdefghijklmnop-.view.localhost:7070", UrlError::BadLabel),
        ("abcdefghijklmnop-shop.com.view.localhost:7070", UrlError::BadLabel),
        ("abcdefghijklmnop-a---b.view.localhost:7070", UrlError::BadLabel),
        ("abcdefghijklmnop-a-0h80.view.localhost:7070", UrlError::BadLabel),
    ] {
        assert_eq!(face(text), Err(error), "{text}");
    }
}

#[test]
fn a_secure_view_domain_may_name_its_own_port_or_not() {
    let domain = ViewDomain::parse("https://view.example.net").unwrap();
    for host in ["abcdefghijklmnop-shop-com.view.example.net", "abcdefghijklmnop-shop-com.view.example.net:443"] {
        assert!(ViewHost::parse(host, &domain).is_ok(), "{host}");
    }
    for bad in ["view.example.net", "ftp://view.example.net", "https://view.example.net/x", "https://10.0.0.1"] {
        assert_eq!(ViewDomain::parse(bad), Err(UrlError::BadDomain), "{bad}");
    }
}

#[test]
fn a_glance_tells_the_common_addresses_from_the_odd_ones() {
    let (map, base) = (map(), url("https://www.shop.com/a/"));
    let glance = |raw: &str| map.glance(raw.as_bytes(), &base, &mut Fronts::default());
    for stays in
        ["", "/", "/list?b=c&amp;d", "rel/x", "#frag", "data:text/html,https://x", "javascript:x()", "?https://x"]
    {
        assert_eq!(glance(stays), Glance::Stays, "{stays}");
    }
    for front in ["https://x.com", "http://x.com:80/&amp;", "//x.com?a", "https://x.com#é"] {
        assert!(matches!(glance(front), Glance::Front(..)), "{front}");
    }
    for unsure in [
        " https://x.com",
        "ht&#116;ps://x.com",
        "/&#47;x.com",
        "\\\\x",
        "https://X.com",
        "https:/x",
        "https://x&#46;com",
        "https://u@x.com",
        "ws://x.com",
        "HTTP://x",
        "https:///x",
        "h\tttps://x",
        "https://é.com",
    ] {
        assert_eq!(glance(unsure), Glance::Unsure, "{unsure}");
    }
}

#[test]
fn sites_of_one_registrable_domain_are_same_site() {
    assert!(site("https://www.shop.com").same_site(&site("https://pay.shop.com:8443")));
    assert!(!site("https://a.github.io").same_site(&site("https://b.github.io")));
    assert!(!site("https://shop.com").same_site(&site("http://shop.com")));
    assert!(site("http://127.0.0.1:1").same_site(&site("http://127.0.0.1:2")));
    assert!(!site("http://127.0.0.1").same_site(&site("http://128.0.0.1")));
}

prop_compose! {
    fn any_site()(
        secure in any::<bool>(),
        labels in prop::collection::vec("[a-z0-9-]{1,12}|xn--[a-z0-9]{1,6}|0[hs][0-9]{0,5}|0a[a-z2-7]{10}", 1..5),
        port in prop_oneof![Just(80u16), Just(443), 1u16..],
    ) -> Option<Site> {
        let scheme = if secure { "https" } else { "http" };
        Site::parse(&format!("{scheme}://{}:{port}/", labels.join(".")))
    }
}

proptest! {
    #[test]
    fn every_site_reads_back_from_its_label(site in any_site()) {
        if let Some(site) = site {
            let map = map();
            let label = map.label(&site);
            prop_assert!(label.len() <= label::MAX_LABEL);
            prop_assert_eq!(map.site(&Label::parse(&label).unwrap()), Some(site.clone()));
            let host = map.authority(&site);
            let parsed = ViewHost::parse(&host, map.domain()).unwrap();
            prop_assert_eq!(parsed.face, ViewFace::Site(Label(label)));
        }
    }

    #[test]
    fn two_sites_never_share_a_label(a in any_site(), b in any_site()) {
        if let (Some(a), Some(b)) = (a, b) {
            prop_assert_eq!(a == b, map().label(&a) == map().label(&b));
        }
    }

    #[test]
    fn any_text_can_be_mapped_and_what_is_mapped_is_on_the_view_domain(raw in "\\PC{0,40}|(https?|wss?):[/\\\\]{0,3}\\PC{0,30}") {
        let map = map();
        if let Some(there) = map.map(&raw, &url("https://www.shop.com/a/"))
            && let Ok(there) = Url::parse(&there) {
                prop_assert!(map.unmap(&there).is_some(), "{}", there);
            }
    }

    #[test]
    fn a_glance_says_what_reading_says(
        raw in "(https?:|ws:|data:)?[/\\\\]{0,3}[a-zA-Z0-9.:@%é-]{0,12}[/?# ][a-z&;\\t ]{0,6}|\\PC{0,20}"
    ) {
        let (map, base) = (map(), url("https://www.shop.com/a/"));
        let mut fronts = Fronts::default();
        let read = map.map(&raw, &base);
        match map.glance(raw.as_bytes(), &base, &mut fronts) {
            Glance::Stays => prop_assert_eq!(read, None),
            Glance::Front(length, front) => {
                let same = |text: &str| Url::parse(text).unwrap();
                prop_assert_eq!(same(&format!("{front}{}", &raw[length..])), same(&read.unwrap()));
            }
            Glance::Unsure => {}
        }
    }

    #[test]
    fn any_label_is_refused_or_stands_for_exactly_one_site(label in "[a-z0-9-]{1,46}") {
        if let Some(site) = decode(&label) {
            prop_assert_eq!(encode(&site).unwrap_or_else(|| alias(&site)), label);
        }
    }
}

#[test]
fn what_a_page_says_of_its_own_address_is_said_of_the_sites() {
    let views = map();
    let said = |text: &str| views.unmap_said(text.as_bytes()).map(|out| String::from_utf8(out).unwrap());
    let host = "abcdefghijklmnop-www-shop-com.view.localhost";
    for (text, expected) in [
        (format!("to=http://{host}:7070/cb&x=1"), "to=https://www.shop.com/cb&x=1"),
        (
            format!("a=1&redirect_uri=http%3A%2F%2F{host}%3A7070%2Fcallback"),
            "a=1&redirect_uri=https%3A%2F%2Fwww.shop.com%2Fcallback",
        ),
        (
            format!("next=%2Flogin%3Fto%3Dhttp%253a%252F%252F{host}%253a7070"),
            "next=%2Flogin%3Fto%3Dhttps%253a%252F%252Fwww.shop.com",
        ),
        (format!(r#"{{"url":"http:\/\/{host}:7070\/a"}}"#), r#"{"url":"https:\/\/www.shop.com\/a"}"#),
        (
            format!("ws=ws://{host}:7070/&own={host}&at={host}:7070"),
            "ws=wss://www.shop.com/&own=www.shop.com&at=www.shop.com",
        ),
        (
            "http%3A%2F%2Fabcdefghijklmnop-127-0-0-1-0h8080.view.localhost%3A7070%2F".to_owned(),
            "http%3A%2F%2F127.0.0.1%3A8080%2F",
        ),
        (format!("HTTP://{}:7070", host.to_uppercase().replace("ABCDEFGHIJKLMNOP", SESSION)), "https://www.shop.com"),
    ] {
        assert_eq!(said(&text).as_deref(), Some(expected), "{text}");
    }
    for other in [
        "to=http://bbbbbbbbbbbbbbbb-www-shop-com.view.localhost:7070/".to_owned(),
        format!("http://{host}.evil.test/ http://{host}:70701/ http://{host}-x:7070"),
        "http://abcdefghijklmnop-panel.view.localhost:7070/".to_owned(),
        "abcdefghijklmnop".to_owned(),
        "nothing at all".to_owned(),
    ] {
        assert_eq!(said(&other), None, "{other}");
    }
    let production = "abcdefghijklmnop-www-shop-com.view.example.net";
    let said = secure().unmap_said(format!("https%3A%2F%2F{production}%2Fcb").as_bytes());
    assert_eq!(said.unwrap(), b"https%3A%2F%2Fwww.shop.com%2Fcb");
}
