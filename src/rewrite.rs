//! Rewrites what passes between a site and a customer's browser: URLs, HTML, CSS, headers, cookies, policies.

pub mod charset;
pub mod cookie;
pub mod csp;
pub mod css;
pub mod header;
pub mod html;
pub mod launch;
pub mod manifest;
pub mod script;
pub mod sniff;
pub mod table;
pub mod url;
