//! The way to the sites: guarded addresses, pooled connections, verified TLS.

mod body;
pub mod guard;

pub use body::{Body, BodyError};
