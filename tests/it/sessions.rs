//! Sessions from outside: the console's API as its apps ask it, and the sockets of pages, viewers and panels.

#![allow(clippy::disallowed_methods, reason = "tests stand on the other side of the address guard")]

mod console;
mod frames;
mod history;
mod masked;
mod panel;
mod schema;
pub mod stage;
mod storm;
mod sync;
mod tabs;
mod translated;
