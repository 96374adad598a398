//! Rewrites what passes between a site and a customer's browser: URLs, HTML, CSS, headers, cookies, policies.

pub mod cookie;
pub mod css;
pub mod table;
pub mod url;
