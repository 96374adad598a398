//! Stories of requests and responses, header by header.

use super::*;
use crate::id::SessionId;
use crate::rewrite::url::ViewDomain;

const SHOP: &str = "https://www.shop.com/cart?x=1";
const CONSOLE: &str = "http://lado.localhost:7070";

fn map() -> ViewMap {
    let domain = ViewDomain::parse("http://view.localhost:7070").unwrap();
    ViewMap::new(domain, SessionId::parse("abcdefghijklmnop").unwrap())
}

fn view(label: &str) -> String {
    format!("http://abcdefghijklmnop-{label}.view.localhost:7070")
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn exchange(pairs: &[(&str, &str)]) -> Exchange {
    exchange_by(&Method::GET, pairs)
}

fn exchange_by(method: &Method, pairs: &[(&str, &str)]) -> Exchange {
    Exchange::of(&headers(pairs), method, &Url::parse(SHOP).unwrap(), &map(), CONSOLE, |_| false).unwrap()
}

fn sent(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut out = headers(pairs);
    request(&mut out, &exchange(pairs));
    out
}

fn context(exchange: &Exchange) -> csp::Context {
    csp::Context { map: map(), site: exchange.site.clone(), console: CONSOLE.to_owned(), nonce: None }
}

fn answered(destination: &str, body: Body, pairs: &[(&str, &str)]) -> (HeaderMap, Kept) {
    let exchange = exchange(&[("sec-fetch-dest", destination)]);
    let mut out = headers(pairs);
    let kept = response(&mut out, &exchange, body, &context(&exchange));
    (out, kept)
}

fn one(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
    (!values.is_empty()).then(|| values.join(" | "))
}

#[test]
fn the_site_is_asked_as_if_by_its_own_page() {
    let out = sent(&[
        ("host", "abcdefghijklmnop-www-shop-com.view.localhost:7070"),
        ("origin", &view("www-shop-com")),
        ("referer", &(view("www-shop-com") + "/home?q#")),
        ("cookie", "lado_abcdefghijklmnop=secret; a=1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
        ("connection", "keep-alive, X-Hop, Cookie"),
        ("x-hop", "1"),
        ("te", "trailers"),
        ("accept-language", "pt-BR"),
    ]);
    assert_eq!(one(&out, "host").unwrap(), "www.shop.com");
    assert_eq!(one(&out, "origin").unwrap(), "https://www.shop.com");
    assert_eq!(one(&out, "referer").unwrap(), "https://www.shop.com/home?q#");
    assert_eq!(one(&out, "accept-language").unwrap(), "pt-BR");
    // Of this hop, but trailers are passed on.
    assert_eq!(one(&out, "te").unwrap(), "trailers");
    for name in ["cookie", "x-forwarded-for", "forwarded", "connection", "x-hop"] {
        assert_eq!(one(&out, name), None, "{name}");
    }
}

#[test]
fn origins_that_are_no_site_stay_opaque() {
    for origin in ["null", "http://lado.localhost:7070", "http://aaaaaaaaaaaaaaaa-a-com.view.localhost:7070"] {
        assert_eq!(one(&sent(&[("origin", origin)]), "origin").unwrap(), "null", "{origin}");
    }
}

#[test]
fn lados_own_pages_are_no_referrers() {
    for page in [CONSOLE.to_owned() + "/j/token", view("www-shop-com") + "/__lado/enter?ticket=secret"] {
        assert_eq!(one(&sent(&[("referer", &page)]), "referer"), None, "{page}");
    }
}

#[test]
fn an_https_page_does_not_tell_an_http_site_where_it_is() {
    let pairs = [("referer", &*(view("www-shop-com") + "/secret"))];
    let url = Url::parse("http://plain.com/").unwrap();
    let exchange = Exchange::of(&headers(&pairs), &Method::GET, &url, &map(), CONSOLE, |_| false).unwrap();
    let mut out = headers(&pairs);
    request(&mut out, &exchange);
    assert_eq!(one(&out, "referer"), None);
}

#[test]
fn sec_fetch_site_tells_how_the_sites_stand_to_each_other() {
    let told = |said: &str, page: &str| {
        let referer = view(page) + "/";
        let mut pairs = vec![("sec-fetch-site", said), ("sec-fetch-dest", "document")];
        if !page.is_empty() {
            pairs.push(("referer", &referer));
        }
        one(&sent(&pairs), "sec-fetch-site").unwrap()
    };
    assert_eq!(told("same-origin", "www-shop-com"), "same-origin");
    assert_eq!(told("same-site", "pay-shop-com"), "same-site");
    assert_eq!(told("same-site", "other-com"), "cross-site");
    assert_eq!(told("same-site", "www-shop-com"), "cross-site", "a redirect went through another site");
    assert_eq!(told("same-site", ""), "cross-site");
    assert_eq!(told("none", ""), "none");
    assert_eq!(one(&sent(&[]), "sec-fetch-site"), None, "what the browser does not say is not invented");
    let from_console = [("sec-fetch-site", "cross-site"), ("referer", "http://lado.localhost:7070/j/x")];
    assert_eq!(one(&sent(&from_console), "sec-fetch-site").unwrap(), "none");
}

#[test]
fn cookies_are_judged_by_who_asks() {
    let page = view("other-com") + "/";
    let from_other = |destination: &'static str| [("sec-fetch-dest", destination), ("referer", page.as_str())];
    assert_eq!(exchange(&from_other("document")).relation, Relation::Navigation);
    assert_eq!(exchange_by(&Method::POST, &from_other("document")).relation, Relation::Submission);
    assert_eq!(exchange(&from_other("iframe")).relation, Relation::CrossSite);
    assert_eq!(exchange(&[("origin", &view("pay-shop-com"))]).relation, Relation::SameSite);
    assert_eq!(exchange(&[("sec-fetch-site", "none")]).relation, Relation::SameSite);
    assert_eq!(
        exchange(&[("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "image")]).relation,
        Relation::CrossSite
    );
}

#[test]
fn only_codings_that_are_decoded_are_asked_for() {
    let accepted = |value: &str| one(&sent(&[("accept-encoding", value)]), "accept-encoding").unwrap();
    assert_eq!(accepted("gzip, deflate, br, zstd"), "gzip, deflate, br, zstd");
    assert_eq!(accepted("dcb, gzip;q=0.5, *"), "gzip;q=0.5");
    assert_eq!(accepted("compress"), "identity");
}

#[test]
fn ranges_are_asked_for_only_where_bytes_pass() {
    let ranged = |destination: &str| {
        let out = sent(&[("range", "bytes=0-"), ("if-range", "\"a\""), ("sec-fetch-dest", destination)]);
        (one(&out, "range").is_some(), one(&out, "if-range").is_some())
    };
    assert_eq!(ranged("video"), (true, true));
    assert_eq!(ranged("empty"), (true, true));
    assert_eq!(ranged("document"), (false, false));
    assert_eq!(ranged("style"), (false, false));
}

#[test]
fn entity_tags_of_rewritten_bodies_are_their_own() {
    let (out, _) =
        answered("style", Body::Css, &[("etag", "W/\"abc\""), ("content-length", "5"), ("content-digest", "x")]);
    let salted = one(&out, "etag").unwrap();
    assert_eq!(salted, "W/\"abc;lado1\"");
    assert_eq!(one(&out, "content-length"), None);
    assert_eq!(one(&out, "content-digest"), None);
    let asked = |tag: &str| sent(&[("sec-fetch-dest", "style"), ("if-none-match", tag), ("if-modified-since", "x")]);
    assert_eq!(one(&asked(&salted), "if-none-match").unwrap(), "W/\"abc\"");
    assert_eq!(one(&asked("\"abc;lado0\""), "if-none-match"), None);
    assert_eq!(one(&asked("\"abc\""), "if-modified-since"), None);
    let image = sent(&[("sec-fetch-dest", "image"), ("if-none-match", "\"abc\"")]);
    assert_eq!(one(&image, "if-none-match").unwrap(), "\"abc\"");
    let (image, _) = answered("image", Body::Passed, &[("etag", "\"abc\""), ("content-length", "5")]);
    assert_eq!(one(&image, "etag").unwrap(), "\"abc\"");
    assert_eq!(one(&image, "content-length").unwrap(), "5");
}

#[test]
fn a_document_is_never_mixed_with_the_headers_of_another_response() {
    let (out, _) =
        answered("document", Body::Html, &[("etag", "\"a\""), ("last-modified", "x"), ("cache-control", "max-age=60")]);
    assert_eq!(one(&out, "etag"), None);
    // `document.lastModified` tells it, and no request ever asks for less than the whole because of it.
    assert_eq!(one(&out, "last-modified").unwrap(), "x");
    assert_eq!(one(&out, "cache-control").unwrap(), "private, no-cache");
    let (out, _) = answered("document", Body::Html, &[("cache-control", "no-store")]);
    assert_eq!(one(&out, "cache-control").unwrap(), "no-store");
    let asked = sent(&[("sec-fetch-dest", "document"), ("if-none-match", "\"a\""), ("if-modified-since", "x")]);
    assert_eq!((one(&asked, "if-none-match"), one(&asked, "if-modified-since")), (None, None));
}

#[test]
fn addresses_in_responses_lead_to_view_hosts() {
    let (out, _) = answered(
        "document",
        Body::Passed,
        &[
            ("location", "https://pay.shop.com/go?a=b#c"),
            ("content-location", "/relative"),
            ("refresh", "3; url=https://other.com/"),
            (
                "link",
                "<https://cdn.com/a.css>; rel=preload; as=style; integrity=\"sha256-a,b\", </b.js>; rel=\"preload\"",
            ),
            ("sourcemap", "//cdn.com/a.map"),
            ("access-control-allow-origin", "https://www.shop.com"),
            ("timing-allow-origin", "https://a.com, *"),
            ("permissions-policy", "camera=(), geolocation=(self \"https://maps.com\")"),
        ],
    );
    for (name, expected) in [
        ("location", view("pay-shop-com") + "/go?a=b#c"),
        ("content-location", "/relative".to_owned()),
        ("refresh", format!("3; url={}/", view("other-com"))),
        ("link", format!("<{}/a.css>; rel=preload; as=style, </b.js>; rel=\"preload\"", view("cdn-com"))),
        ("sourcemap", view("cdn-com") + "/a.map"),
        ("access-control-allow-origin", view("www-shop-com")),
        ("timing-allow-origin", view("a-com") + ", *"),
        ("permissions-policy", format!("camera=(), geolocation=(self \"{}\")", view("maps-com"))),
    ] {
        assert_eq!(one(&out, name).unwrap(), expected, "{name}");
    }
}

#[test]
fn allowed_origins_that_are_no_sites_stay() {
    for value in ["*", "null"] {
        let (out, _) = answered("empty", Body::Passed, &[("access-control-allow-origin", value)]);
        assert_eq!(one(&out, "access-control-allow-origin").unwrap(), value);
    }
}

#[test]
fn cookies_and_their_removal_are_handed_to_the_jar() {
    let (out, kept) = answered(
        "document",
        Body::Passed,
        &[("set-cookie", "a=1"), ("set-cookie", "b=2; HttpOnly"), ("clear-site-data", "\"cookies\", \"storage\"")],
    );
    assert_eq!(kept.cookies, ["a=1", "b=2; HttpOnly"]);
    assert!(kept.clear);
    assert_eq!(one(&out, "set-cookie"), None);
    assert_eq!(one(&out, "clear-site-data").unwrap(), "\"storage\"");
    let (out, kept) = answered("document", Body::Passed, &[("clear-site-data", "\"*\"")]);
    assert!(kept.clear);
    assert_eq!(one(&out, "clear-site-data").unwrap(), "\"cache\", \"storage\"");
}

#[test]
fn promises_about_the_sites_own_name_do_not_bind_view_hosts() {
    let (out, _) = answered(
        "document",
        Body::Passed,
        &[
            ("strict-transport-security", "max-age=1"),
            ("alt-svc", "h3"),
            ("nel", "{}"),
            ("report-to", "{}"),
            ("reporting-endpoints", "a"),
            ("public-key-pins", "x"),
            ("connection", "close"),
            ("content-type", "image/png"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-site"),
        ],
    );
    let mut names: Vec<&str> = out.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "cross-origin-opener-policy", "cross-origin-resource-policy"]);
}

#[test]
fn framing_is_limited_as_the_site_wants_it() {
    let options =
        |value: &str| one(&answered("iframe", Body::Passed, &[("x-frame-options", value)]).0, "x-frame-options");
    assert_eq!(options("SAMEORIGIN").unwrap(), "SAMEORIGIN");
    assert_eq!(options("deny").unwrap(), "deny");
    assert_eq!(options("ALLOW-FROM https://a.com"), None);
    let (out, _) = answered(
        "iframe",
        Body::Passed,
        &[("content-security-policy", "frame-ancestors https://a.com; report-uri /r")],
    );
    assert_eq!(one(&out, "content-security-policy").unwrap(), format!("frame-ancestors {}", view("a-com")));
}

#[test]
fn bodies_are_rewritten_by_what_they_are_and_what_they_are_for() {
    let body = |destination: &str, kind: &str| {
        exchange(&[("sec-fetch-dest", destination)]).body(StatusCode::OK, &headers(&[("content-type", kind)]))
    };
    assert_eq!(body("document", "text/html; charset=utf-8"), Body::Html);
    assert_eq!(body("iframe", "application/xhtml+xml"), Body::Html);
    assert_eq!(body("empty", "text/html"), Body::Passed, "a script gets the site's bytes");
    assert_eq!(body("document", "application/json"), Body::Passed);
    assert_eq!(body("style", "Text/CSS"), Body::Css);
    assert_eq!(body("manifest", "application/json"), Body::Manifest);
    assert_eq!(body("video", "application/vnd.apple.mpegurl"), Body::Playlist);
    assert_eq!(body("empty", "application/vnd.apple.mpegurl"), Body::Passed);
    assert_eq!(body("script", "text/javascript"), Body::Passed);
    let partial = exchange(&[("sec-fetch-dest", "document")]);
    let html = headers(&[("content-type", "text/html")]);
    assert_eq!(partial.body(StatusCode::PARTIAL_CONTENT, &html), Body::Passed);
    assert_eq!(exchange(&[]).body(StatusCode::OK, &html), Body::Html, "an old browser says nothing");
}

#[test]
fn a_browsers_cache_is_told_that_destinations_differ() {
    let varies = |destination: &str, body: Body, kind: &str| {
        let (out, _) = answered(destination, body, &[("content-type", kind), ("vary", "accept")]);
        one(&out, "vary").unwrap().strip_prefix("accept").unwrap().trim_start_matches(" | ").to_owned()
    };
    for (destination, body, kind) in [
        ("document", Body::Html, "text/html; charset=utf-8"),
        ("empty", Body::Passed, "text/html"),
        ("image", Body::Passed, "image/svg+xml"),
        ("empty", Body::Passed, "text/css"),
        ("style", Body::Css, "text/css"),
        ("manifest", Body::Manifest, "application/json"),
    ] {
        assert_eq!(varies(destination, body, kind), "sec-fetch-dest", "{destination} {kind}");
    }
    // A worker's and a module's, and what says nothing of itself: the fields of a 304 replace the stored ones.
    assert_eq!(varies("script", Body::Passed, "text/javascript"), "sec-fetch-dest, sec-fetch-mode");
    assert_eq!(varies("style", Body::Passed, ""), "sec-fetch-dest, sec-fetch-mode");
    for kind in ["image/png", "application/json", "font/woff2"] {
        assert_eq!(varies("empty", Body::Passed, kind), "", "{kind}");
    }
}

#[test]
fn a_worker_is_asked_for_as_a_whole_and_kept_as_a_whole() {
    let conditions = [("if-none-match", "\"raw\""), ("if-modified-since", "Wed, 01 Jan 2020 00:00:00 GMT")];
    let out = sent(&[&[("sec-fetch-dest", "worker")], &conditions[..]].concat());
    assert_eq!((one(&out, "if-none-match"), one(&out, "if-modified-since")), (None, None));
    let exchange = exchange(&[("sec-fetch-dest", "sharedworker")]);
    let script = headers(&[("content-type", "text/javascript")]);
    assert_eq!(exchange.body(StatusCode::OK, &script), Body::Worker);
    assert_eq!(exchange.body(StatusCode::NOT_FOUND, &script), Body::Passed);
    let (out, _) = answered("worker", Body::Worker, &[("etag", "\"raw\""), ("content-length", "5")]);
    assert_eq!((one(&out, "etag"), one(&out, "content-length")), (None, None));
}

#[test]
fn what_asks_for_digests_of_bytes_that_lado_changes_goes() {
    let policy = [("integrity-policy", "blocked-destinations=(script)"), ("x-kept", "1")];
    let (out, _) = answered("document", Body::Html, &policy);
    assert_eq!((one(&out, "integrity-policy"), one(&out, "x-kept")), (None, Some("1".to_owned())));
}
