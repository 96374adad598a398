//! Every case of `tests/fixtures/rewrite`, whole, byte by byte and at random cuts; and what a stream must not do.
//!
//! `LADO_WRITE=1 cargo test -q fixtures` writes the `out.html` files anew: read the difference before keeping it.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::id::SessionId;
use crate::rewrite::url::{Site, ViewDomain};
use crate::rules::{RuleSet, Source};

const URL: &str = "https://www.shop.com/dir/page.html";
const HEAD: &str = "<script src=\"/__lado/boot.js\" nonce=\"N\"></script>";

const RULES: &str = r##"
[[rule]]
id = "card"
action = "mask"
selector = "input[name=card], .secret, input[type=password]"

[[rule]]
id = "account"
action = "mask"
selector = ".account span"

[[rule]]
id = "buy"
action = "lock"
selector = "#buy, button.buy, a[class='x&y']"
"##;

fn page() -> Page {
    let domain = ViewDomain::parse("http://view.localhost:7070").unwrap();
    let map = ViewMap::new(domain, SessionId::parse("abcdefghijklmnop").unwrap());
    let rules = RuleSet::load(&[Source { file: "test.toml", text: RULES }], &[]).unwrap();
    let csp = csp::Context {
        map: map.clone(),
        site: Site::parse(URL).unwrap(),
        console: "http://lado.localhost:7070".to_owned(),
        nonce: Some("N".to_owned()),
    };
    Page {
        map,
        url: Url::parse(URL).unwrap(),
        head: HEAD.to_owned(),
        charset: None,
        stamps: rules.for_site("www.shop.com"),
        csp: Some(csp),
    }
}

fn rewritten(page: &Page, html: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut rewriter = HtmlRewriter::new(page.clone());
    let mut out = Vec::new();
    let mut start = 0;
    for &cut in cuts.iter().chain([&html.len()]) {
        let cut = cut.clamp(start, html.len());
        rewriter.write(&html[start..cut], &mut out);
        start = cut;
    }
    let failure = rewriter.end(&mut out);
    assert!(failure.is_none(), "{failure:?}");
    out
}

fn text(html: &str) -> String {
    String::from_utf8(rewritten(&page(), html.as_bytes(), &[])).unwrap()
}

struct Case {
    name: String,
    page: Page,
    before: Vec<u8>,
    expected: PathBuf,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rewrite");
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let case = |folder: PathBuf| {
        let label = fs::read_to_string(folder.join("charset")).ok();
        let charset = label.map(|label| Encoding::for_label(label.trim().as_bytes()).unwrap());
        Case {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            page: Page { charset, ..page() },
            before: fs::read(folder.join("in.html")).unwrap(),
            expected: folder.join("out.html"),
        }
    };
    folders.into_iter().map(case).collect()
}

#[test]
fn fixtures_come_out_as_written_down() {
    let cases = cases();
    assert!(cases.len() >= 25);
    for case in cases {
        let out = rewritten(&case.page, &case.before, &[]);
        if std::env::var_os("LADO_WRITE").is_some() {
            fs::write(&case.expected, &out).unwrap();
        }
        let expected = fs::read(&case.expected).unwrap_or_default();
        assert!(
            out == expected,
            "{}\n--- expected\n{}\n--- was\n{}",
            case.name,
            String::from_utf8_lossy(&expected),
            String::from_utf8_lossy(&out)
        );
    }
}

#[test]
fn fixtures_come_out_the_same_byte_by_byte() {
    for case in cases() {
        let cuts: Vec<usize> = (1..case.before.len()).collect();
        let out = rewritten(&case.page, &case.before, &cuts);
        let expected = rewritten(&case.page, &case.before, &[]);
        assert!(out == expected, "{}: {}", case.name, String::from_utf8_lossy(&out));
    }
}

#[test]
fn lados_script_is_the_first_that_a_browser_runs_in_every_fixture() {
    for case in cases() {
        let out = String::from_utf8_lossy(&rewritten(&case.page, &case.before, &[])).into_owned();
        // What is only text to the parser does not run.
        let markup = out.split("-->").filter(|part| !part.trim_start().starts_with("<!--")).collect::<String>();
        let first = markup.find("<script").unwrap_or_else(|| panic!("{} has no script", case.name));
        assert!(markup[first..].starts_with(HEAD), "{}: {out}", case.name);
        if !case.name.starts_with("srcdoc") {
            assert_eq!(out.matches(HEAD).count(), 1, "{}", case.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn fixtures_come_out_the_same_at_random_cuts(seeds in prop::collection::vec(any::<prop::sample::Index>(), 1..12)) {
        for case in cases() {
            let mut cuts: Vec<usize> = seeds.iter().map(|seed| seed.index(case.before.len() + 1)).collect();
            cuts.sort_unstable();
            let out = rewritten(&case.page, &case.before, &cuts);
            let expected = rewritten(&case.page, &case.before, &[]);
            prop_assert!(out == expected, "{} cut at {:?}", case.name, cuts);
        }
    }

    #[test]
    fn any_bytes_at_any_cuts_come_out_the_same(
        parts in prop::collection::vec(prop::sample::select(vec![
            "<", ">", "/", "\"", "'", "=", " ", "&", "<a href=", "https://x.com/", "<style>", "</style>", "url(", ")",
            "<script type=importmap>", "</script>", "<!--", "-->", "<svg>", "<head>", "<meta charset=", "utf-8", "é",
            "iso-2022-jp", "\u{1b}$B", "&amp;", "<select>", "<textarea>", "<iframe srcdoc='", "<![CDATA[", "]]>", "<html>",
        ]), 0..24),
        seeds in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let html = parts.concat();
        let mut cuts: Vec<usize> = seeds.iter().map(|seed| seed.index(html.len() + 1)).collect();
        cuts.sort_unstable();
        let page = page();
        let whole = rewritten(&page, html.as_bytes(), &[]);
        let pieces = rewritten(&page, html.as_bytes(), &cuts);
        prop_assert_eq!(String::from_utf8_lossy(&pieces), String::from_utf8_lossy(&whole));
    }
}

#[test]
fn each_write_gives_out_everything_but_an_unfinished_token() {
    let mut rewriter = HtmlRewriter::new(page());
    let mut write = |chunk: &str| {
        let mut out = Vec::new();
        rewriter.write(chunk.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(write("<!doctype html><html><head>"), format!("<!doctype html><html><head>{HEAD}"));
    assert_eq!(write("<p>one"), "<p>one");
    assert_eq!(write(" two"), " two");
    assert_eq!(write("<a href=\"https://oth"), "");
    assert_eq!(write("er.com/\">x"), "<a href=\"http://abcdefghijklmnop-other-com.view.localhost:7070/\">x");
    assert_eq!(write("<style>a{b:c} d{e:url(https://"), "<style>a{b:c} d{e:");
    assert_eq!(write("x.com/)} f"), "url(http://abcdefghijklmnop-x-com.view.localhost:7070/)} ");
}

#[test]
fn a_page_that_is_too_much_goes_on_unrewritten() {
    let mut rewriter = HtmlRewriter::new(page());
    let mut out = Vec::new();
    rewriter.write(b"<head></head><style>a{b:url(https://x.com/", &mut out);
    rewriter.write(b"1)}</style><a title=\"", &mut out);
    let piece = vec![b'x'; 1024 * 1024];
    for _ in 0..6 {
        rewriter.write(&piece, &mut out);
    }
    assert!(matches!(rewriter.failure(), Some(HtmlError::TooLarge)));
    rewriter.write(b"\" href=\"https://y.com/\">end", &mut out);
    assert!(rewriter.end(&mut out).is_some());
    let out = String::from_utf8(out).unwrap();
    assert!(out.ends_with("x\" href=\"https://y.com/\">end"), "nothing is lost");
    assert!(out.len() > 6 * 1024 * 1024);
}

#[test]
fn the_rewriter_may_move_between_threads() {
    fn is_send<T: Send>() {}
    is_send::<HtmlRewriter>();
}

#[test]
fn a_page_without_rules_for_it_carries_no_stamps() {
    assert_eq!(text("<head></head><input name=city>"), format!("<head>{HEAD}</head><input name=city>"));
}

#[test]
fn what_looks_alike_to_the_rules_is_judged_alike_and_nothing_else_is() {
    let secret = |n: usize| if n.is_multiple_of(7) { "secret" } else { "plain" };
    let many: String = (0..2000).map(|n| format!("<input name=card{n}><p class='c{n} {}'></p>", secret(n))).collect();
    let long = format!("<p class='{} secret'></p><p class='{} plain'></p>", "x ".repeat(600), "x ".repeat(600));
    let out = text(&format!(
        "<input name=card><input NAME='card' value=1><input name=cart><b name=card></b>{many}{long}{long}\
         <input name=card><input name=cart><i class=\"a secret\"></i><i class=\"a secrets\"></i>"
    ));
    assert_eq!(out.matches("data-lado-mask").count(), 3 + 2000usize.div_ceil(7) + 2 + 1);
    let locked =
        text("<a id=buy></a><a id=buy class=secret></a><a></a><button class=buy></button><a class=\"x&amp;y\"></a>");
    assert_eq!(locked.matches("data-lado-lock=\"buy\"").count(), 4, "{locked}");
}
