//! The life of a request on a view host, read top to bottom.

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The most bytes that a rewritten page may unpack to.
    pub max_page: u64,
    /// Bytes of the assets that agents' viewers share.
    pub asset_cache: u64,
    /// The largest asset that a viewer may load, in bytes.
    pub max_asset: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_page: 128 * 1024 * 1024, asset_cache: 64 * 1024 * 1024, max_asset: 32 * 1024 * 1024 }
    }
}
