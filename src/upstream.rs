//! The way to the sites: guarded addresses, pooled connections, verified TLS.

mod body;

pub use body::{Body, BodyError};
