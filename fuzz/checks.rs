//! What must hold for any input of a rewriter. Fuzz targets ask with what libFuzzer thinks of, `make test` with a few
//! hundred inputs of its own.

use std::time::{Duration, SystemTime};

use lado::id::SessionId;
use lado::rewrite::cookie::{Jar, Relation, Source};
use lado::rewrite::css::CssRewriter;
use lado::rewrite::html::{HtmlRewriter, Page};
use lado::rewrite::manifest::Playlist;
use lado::rewrite::url::{ViewDomain, ViewMap};
use lado::rules::RuleSet;
use url::Url;

fn map() -> ViewMap {
    let domain = ViewDomain::parse("https://view.example.net").expect("a good domain");
    ViewMap::new(domain, SessionId::parse("abcdefghijklmnop").expect("a good id"))
}

fn shop() -> Url {
    Url::parse("https://www.shop.com/a/b?c=d").expect("a good URL")
}

/// The first byte says where the rest is cut.
fn cut(data: &[u8]) -> (usize, &[u8]) {
    match data.split_first() {
        Some((size, rest)) => (usize::from(*size) + 1, rest),
        None => (1, data),
    }
}

/// What is mapped is on a view host, and leads back to where it came from; what is on a view host is left alone.
pub fn address(data: &[u8]) {
    let Ok(raw) = str::from_utf8(data) else { return };
    let (map, base) = (map(), shop());
    let Some(mapped) = map.map(raw, &base) else { return };
    let view = Url::parse(&mapped).unwrap_or_else(|error| panic!("{raw:?} became {mapped:?}: {error}"));
    assert!(view.host_str().is_some_and(|host| host.ends_with(".view.example.net")), "{raw:?} became {mapped:?}");
    // The `url` crate finds no host behind `////`, where the URL standard and browsers skip every slash.
    let absolute = || Url::parse(&format!("{}:{}", base.scheme(), raw.trim_start_matches(|c| c <= ' ')));
    let wanted = base.join(raw).or_else(|_| absolute()).expect("what was mapped is an address");
    let back = map.unmap(&view).unwrap_or_else(|| panic!("{mapped:?} leads nowhere"));
    // A socket's address is mapped to a socket's, and read back as the page's.
    let plain = |url: &Url| {
        (url.host_str().map(str::to_owned), url.port_or_known_default(), url[url::Position::BeforePath..].to_owned())
    };
    assert_eq!(plain(&back), plain(&wanted), "{raw:?} became {mapped:?}");
    assert_eq!(map.map(&mapped, &base), None, "{raw:?} became {mapped:?}, and that something else");
}

/// A cookie is followed or refused, and what is sent back is a header.
pub fn set_cookie(data: &[u8]) {
    let (mut jar, url) = (Jar::new(), shop());
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
    for line in data.split(|b| *b == b'\n') {
        jar.store(line, &url, Source::Http, Relation::SameSite, now);
    }
    if let Some(header) = jar.header(&url, Relation::SameSite, now) {
        assert!(!header.is_empty() && header.len() < 1024 * 1024);
    }
}

/// However a document arrives, it comes out the same.
pub fn html(data: &[u8]) {
    let (size, document) = cut(data);
    let rules = RuleSet::presets().expect("the presets are good");
    let page = Page {
        map: map(),
        url: shop(),
        head: "<script src=\"/__lado/boot.js\"></script>".to_owned(),
        charset: Some(encoding_rs::UTF_8),
        stamps: rules.for_site("www.shop.com"),
        csp: None,
    };
    let rewrite = |size: usize| {
        let (mut out, mut rewriter) = (Vec::new(), HtmlRewriter::new(page.clone()));
        document.chunks(size).for_each(|chunk| rewriter.write(chunk, &mut out));
        let failure = rewriter.end(&mut out);
        (out, failure.is_some())
    };
    let whole = rewrite(document.len().max(1));
    assert!(whole == rewrite(size), "cut every {size} bytes: {:?}", String::from_utf8_lossy(document));
}

/// However a style sheet arrives, it comes out the same; without an address to map it comes out as it is.
pub fn css(data: &[u8]) {
    let (size, sheet) = cut(data);
    let (map, url) = (map(), shop());
    let rewrite = |size: usize, map: &mut dyn FnMut(&str) -> Option<String>| {
        let (mut out, mut rewriter) = (Vec::new(), CssRewriter::new());
        sheet.chunks(size).for_each(|chunk| rewriter.write(chunk, map, &mut out));
        rewriter.end(map, &mut out);
        out
    };
    let mut to_view = |raw: &str| map.map(raw, &url);
    let whole = rewrite(sheet.len().max(1), &mut to_view);
    assert!(whole == rewrite(size, &mut to_view), "cut every {size} bytes: {:?}", String::from_utf8_lossy(sheet));
    assert!(rewrite(size, &mut |_| None) == sheet, "changed without reason: {:?}", String::from_utf8_lossy(sheet));
}

/// However a playlist arrives, it comes out the same; without an address to map it comes out as it is.
pub fn playlist(data: &[u8]) {
    let (size, list) = cut(data);
    let (map, url) = (map(), shop());
    let rewrite = |size: usize, map: &mut dyn FnMut(&str) -> Option<String>| {
        let (mut out, mut rewriter) = (Vec::new(), Playlist::new());
        list.chunks(size).for_each(|chunk| rewriter.write(chunk, map, &mut out));
        rewriter.end(map, &mut out);
        out
    };
    let mut to_view = |raw: &str| map.map(raw, &url);
    let whole = rewrite(list.len().max(1), &mut to_view);
    assert!(whole == rewrite(size, &mut to_view), "cut every {size} bytes: {:?}", String::from_utf8_lossy(list));
    assert!(rewrite(size, &mut |_| None) == list, "changed without reason: {:?}", String::from_utf8_lossy(list));
}
