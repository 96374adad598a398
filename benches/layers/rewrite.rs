//! How fast documents, style sheets and host names are rewritten, beside lol_html alone in the same run.

use std::hint::black_box;

use super::document::{document, map, page, plain, rewritten, ruled};
use criterion::{Criterion, Throughput, criterion_group};
use lado::rewrite::css;
use lado::rewrite::url::{Label, Site};
use lol_html::{Settings, element};
use url::Url;

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
            b.iter(|| rewritten(page.clone(), &document));
        });
        for own in [20, 200] {
            let page = ruled(own);
            group.bench_function(format!("customer's view, {own} more rules"), |b| {
                b.iter(|| rewritten(page.clone(), &document));
            });
        }
        group.finish();
    }
    let (page, nothing) = (page(), document(0));
    c.bench_function("html, an almost empty page", |b| b.iter(|| rewritten(page.clone(), &nothing)));
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
