//! How fast documents, style sheets and host names are rewritten, beside lol_html alone in the same run.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lado::id::SessionId;
use lado::rewrite::css;
use lado::rewrite::html::{HtmlRewriter, Page};
use lado::rewrite::url::{Label, Site, ViewDomain, ViewMap};
use lado::rules::RuleSet;
use lol_html::{HtmlRewriter as Plain, Settings, element};
use url::Url;

fn map() -> ViewMap {
    let domain = ViewDomain::parse("https://view.example.net").expect("a good domain");
    ViewMap::new(domain, SessionId::parse("abcdefghijklmnop").expect("a good id"))
}

/// A shop's list of products: links, images with candidates, a form, inline styles and scripts, of about `size` bytes.
fn document(size: usize) -> Vec<u8> {
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

fn page() -> Page {
    let rules = RuleSet::presets().expect("the presets are good");
    Page {
        map: map(),
        url: Url::parse("https://www.shop.com/").expect("a good URL"),
        head: "<script src=\"/__lado/boot.js\"></script>".to_owned(),
        charset: Some(encoding_rs::UTF_8),
        stamps: rules.for_site("www.shop.com"),
        csp: None,
    }
}

fn documents(c: &mut Criterion) {
    for (name, size) in [("100 KiB", 100 << 10), ("1 MiB", 1 << 20)] {
        let document = document(size);
        let page = page();
        let mut group = c.benchmark_group(format!("html {name}"));
        group.throughput(Throughput::Bytes(document.len() as u64));
        group.bench_function("lol_html, no handlers", |b| {
            b.iter(|| plain(Settings::new(), &document));
        });
        group.bench_function("lol_html, one idle handler", |b| {
            b.iter(|| plain(Settings::new().append_element_content_handler(element!("*", |_| Ok(()))), &document));
        });
        group.bench_function("customer's view", |b| {
            b.iter(|| {
                let mut out = Vec::with_capacity(document.len() * 2);
                let mut rewriter = HtmlRewriter::new(page.clone());
                for chunk in document.chunks(16 << 10) {
                    rewriter.write(black_box(chunk), &mut out);
                }
                rewriter.end(&mut out);
                out
            });
        });
        group.finish();
    }
}

fn plain(settings: Settings<'_, '_>, document: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(document.len());
    let mut rewriter = Plain::new(settings, |chunk: &[u8]| out.extend_from_slice(chunk));
    for chunk in document.chunks(16 << 10) {
        rewriter.write(black_box(chunk)).expect("the document is good");
    }
    rewriter.end().expect("the document is good");
    out
}

fn style_sheets(c: &mut Criterion) {
    let sheet = ".card > .title:hover{color:#fff;background:url(https://cdn.shop.com/i.png) no-repeat;margin:0 auto}\n\
                 @media (min-width:40em){.a,.b{padding:calc(1rem + 2px);content:\"x\"}}\n"
        .repeat(600);
    let (map, base) = (map(), Url::parse("https://cdn.shop.com/a.css").expect("a good URL"));
    let mut group = c.benchmark_group("css");
    group.throughput(Throughput::Bytes(sheet.len() as u64));
    group.bench_function("100 KiB", |b| {
        b.iter(|| css::rewrite(black_box(&sheet), &mut |raw| map.map(raw, &base)).into_owned());
    });
    group.finish();
}

fn hosts(c: &mut Criterion) {
    let (map, base) = (map(), Url::parse("https://www.shop.com/").expect("a good URL"));
    let there = Url::parse("https://abcdefghijklmnop-www-shop-com.view.example.net/p?q").expect("a good URL");
    let site = Site::parse("https://www.shop.com").expect("a good site");
    let label = Label::parse("www-shop-com").expect("a good label");
    let mut group = c.benchmark_group("hosts");
    group.bench_function("absolute URL to the view", |b| {
        b.iter(|| map.map(black_box("https://cdn.shop.com/img/1234.jpg?w=240"), &base));
    });
    group.bench_function("relative URL left alone", |b| b.iter(|| map.map(black_box("/carrinho?add=1234"), &base)));
    group.bench_function("view URL to the site", |b| b.iter(|| map.unmap(black_box(&there))));
    group.bench_function("site to label", |b| b.iter(|| map.label(black_box(&site))));
    group.bench_function("label to site", |b| b.iter(|| map.site(black_box(&label))));
    group.finish();
}

criterion_group!(benches, documents, style_sheets, hosts);
criterion_main!(benches);
