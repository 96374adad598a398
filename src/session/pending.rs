//! Stands in for the cookie jar until it lands.

#[derive(Default)]
pub struct Jar;
