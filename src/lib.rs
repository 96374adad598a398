//! Lado: agent and customer see the same web page, side by side, with nothing to install.

pub mod assets;
pub mod config;
pub mod console;
pub mod demo;
pub mod hub;
pub mod id;
pub mod listener;
pub mod lock;
pub mod mask;
pub mod mirror;
pub mod page;
pub mod protocol;
pub mod respond;
pub mod rewrite;
pub mod route;
pub mod rules;
pub mod session;
pub mod span;
pub mod sync;
pub mod upstream;
