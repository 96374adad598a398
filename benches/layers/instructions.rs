//! Rewrites a document as often as it is told, for a tool that counts instructions: `CASE BYTES ROUNDS`.
//!
//! Two runs that differ in their rounds alone tell what one round takes: `benches/instructions.sh` does that.
//! `held BYTES ROUNDS` prints what so many rewriters in the middle of that many bytes take, in KiB each.

use std::hint::black_box;

use super::document::{document, page, plain, rewritten, ruled};
use lado::rewrite::html::HtmlRewriter;
use lol_html::{Settings, element};

pub fn count(case: &str, bytes: &str, rounds: &str) {
    let (Ok(bytes), Ok(rounds)) = (bytes.parse(), rounds.parse::<u32>()) else {
        eprintln!("CASE BYTES ROUNDS");
        std::process::exit(2);
    };
    let document = document(bytes);
    if case == "held" {
        return held(&document, rounds);
    }
    let page = match case {
        "rules20" => ruled(20),
        "rules200" => ruled(200),
        _ => page(),
    };
    for _ in 0..rounds {
        let out = match case {
            "none" => plain(Settings::new(), &document),
            "idle" => plain(Settings::new().append_element_content_handler(element!("*", |_| Ok(()))), &document),
            _ => rewritten(page.clone(), &document),
        };
        black_box(out);
    }
}

/// Every rewriter has got the document but for the end of its last tag.
fn held(document: &[u8], rounds: u32) {
    let page = page();
    let begun = || {
        let mut rewriter = HtmlRewriter::new(page.clone());
        rewriter.write(&document[..document.len() - 1], &mut Vec::new());
        rewriter
    };
    black_box(begun());
    let before = resident();
    let all: Vec<HtmlRewriter> = (0..rounds).map(|_| begun()).collect();
    let taken = resident().saturating_sub(before);
    println!("{:.1} KiB", taken as f64 / 1024.0 / all.len() as f64);
}

/// The memory of this process, in bytes.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
}
