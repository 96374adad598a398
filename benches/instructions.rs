//! Rewrites a document as often as it is told, for a tool that counts instructions: `instructions CASE BYTES ROUNDS`.
//!
//! Two runs that differ in their rounds alone tell what one round takes: `benches/instructions.sh` does that.

#[path = "shared/document.rs"]
mod document;

use std::hint::black_box;

use document::{document, page, plain, rewritten};
use lol_html::{Settings, element};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let [case, bytes, rounds] = arguments.as_slice() else {
        // `cargo bench` runs every bench: this one has nothing to say without being asked.
        return;
    };
    let (Ok(bytes), Ok(rounds)) = (bytes.parse(), rounds.parse::<u32>()) else {
        eprintln!("instructions CASE BYTES ROUNDS");
        std::process::exit(2);
    };
    let document = document(bytes);
    let page = page();
    for _ in 0..rounds {
        let out = match case.as_str() {
            "none" => plain(Settings::new(), &document),
            "idle" => plain(Settings::new().append_element_content_handler(element!("*", |_| Ok(()))), &document),
            _ => rewritten(page.clone(), &document),
        };
        black_box(out);
    }
}
