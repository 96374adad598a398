//! What the pure layers cost. Asked for a case, it counts instructions; otherwise criterion measures time.
//! One binary: each would be linked anew with all that Lado uses.

mod document;
mod instructions;
mod rewrite;
mod sync;

use criterion::Criterion;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let [case, bytes, rounds] = arguments.as_slice() {
        return instructions::count(case, bytes, rounds);
    }
    // What a node takes is read off the process: before there is anything else in it.
    sync::benches();
    rewrite::benches();
    Criterion::default().configure_from_args().final_summary();
}
