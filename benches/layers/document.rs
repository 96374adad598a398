//! The document that benches rewrite, and the ways to do it.

use std::hint::black_box;

use lado::id::SessionId;
use lado::rewrite::html::{HtmlRewriter, Page};
use lado::rewrite::url::{ViewDomain, ViewMap};
use lado::rules::{PRESETS, RuleSet, Source};
use lol_html::{HtmlRewriter as Plain, Settings};
use url::Url;

pub fn map() -> ViewMap {
    let domain = ViewDomain::parse("https://view.example.net").expect("a good domain");
    ViewMap::new(domain, SessionId::parse("abcdefghijklmnop").expect("a good id"))
}

/// A shop's list of products: links, images with candidates, a form, inline styles and scripts, of about `size` bytes.
/// `LADO_PAGE` names a saved page instead, which is repeated to that size.
pub fn document(size: usize) -> Vec<u8> {
    if let Ok(path) = std::env::var("LADO_PAGE") {
        let saved = std::fs::read(&path).unwrap_or_else(|error| panic!("LADO_PAGE: {path}: {error}"));
        return saved.iter().copied().cycle().take(size.max(saved.len())).collect();
    }
    let item = r#"<li class="product card" data-id="1234"><a href="https://www.shop.com/p/1234?ref=list&amp;pos=1" class="link">
<img src="https://cdn.shop.com/img/1234.jpg" srcset="https://cdn.shop.com/img/1234.jpg 1x, https://cdn.shop.com/img/1234@2x.jpg 2x" alt="Camiseta" width="240" height="240" loading="lazy"></a>
<h3 class="title">Camiseta de algodão</h3><p class="price" style="color:#333">R$ 59,90</p><a href="/carrinho?add=1234">Comprar</a>
<form action="/cart" method="post"><input type="hidden" name="id" value="1234"><input name="qty" value="1"><button type="submit">Comprar agora</button></form></li>
"#;
    let mut out = String::from(
        "<!doctype html><html><head><meta charset=utf-8><title>Loja</title><link rel=stylesheet href=\"https://cdn.shop.com/a.css\"><script>window.x = 1;</script></head><body><ul>\n",
    );
    while out.len() < size {
        out.push_str(item);
    }
    out.push_str("</ul></body></html>");
    out.into_bytes()
}

/// The customer's page, with every preset rule.
pub fn page() -> Page {
    ruled(0)
}

/// The same with so many rules of the company's own besides, of every kind that companies write.
pub fn ruled(own: usize) -> Page {
    let rule = |n: usize| {
        let action = if n.is_multiple_of(2) { "mask" } else { "lock" };
        let selector = match n % 8 {
            0 => format!("#own-{n}"),
            1 => format!(".own-{n}"),
            2 => format!("[data-testid=own-{n}]"),
            3 => format!("input[name=own-{n}]"),
            4 => format!("form .own-{n} > input"),
            5 => format!("a[href='/own-{n}']"),
            6 => format!("p.price.own-{n}, h3#own-{n}"),
            _ => format!("section.own-{n}:not([hidden]), own-{n}"),
        };
        format!("[[rule]]\nid = \"own-{n}\"\naction = \"{action}\"\nselector = \"{selector}\"\n")
    };
    let text: String = (0..own).map(rule).collect();
    let files: Vec<Source<'_>> = PRESETS.into_iter().chain([Source { file: "own.toml", text: &text }]).collect();
    let rules = RuleSet::load(&files, &[]).expect("the rules are good");
    Page {
        map: map(),
        url: Url::parse("https://www.shop.com/").expect("a good URL"),
        head: "<script src=\"/__lado/boot.js\"></script>".to_owned(),
        charset: Some(encoding_rs::UTF_8),
        stamps: rules.for_site("www.shop.com"),
        csp: None,
    }
}

/// What a socket gives at a time.
const CHUNK: usize = 16 << 10;

pub fn plain(settings: Settings<'_, '_>, document: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(document.len());
    let mut rewriter = Plain::new(settings, |chunk: &[u8]| out.extend_from_slice(chunk));
    for chunk in document.chunks(CHUNK) {
        rewriter.write(black_box(chunk)).expect("the document is good");
    }
    rewriter.end().expect("the document is good");
    out
}

pub fn rewritten(page: Page, document: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(document.len() * 2);
    let mut rewriter = HtmlRewriter::new(page);
    for chunk in document.chunks(CHUNK) {
        rewriter.write(black_box(chunk), &mut out);
    }
    rewriter.end(&mut out);
    out
}
