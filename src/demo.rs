//! Assembles `lado demo`: the demo shop, and Lado in front of it.

#[path = "../demo/shop.rs"]
pub mod shop;
