//! The server's copy of a page's DOM, built from ops.

use crate::protocol::Op;

/// What one page may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub nodes: usize,
    /// Text, attribute values and sheets together.
    pub bytes: usize,
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { nodes: 300_000, bytes: 64 * 1024 * 1024, depth: crate::protocol::MAX_DEPTH }
    }
}

/// The page sent something that does not fit its own tree: ask it for a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    #[error("the page named node {0}, which it does not have")]
    Unknown(u32),
}

#[derive(Debug)]
pub struct Mirror {}

impl Mirror {
    pub fn new(_limits: Limits) -> Self {
        Self {}
    }

    /// False before the first snapshot.
    pub fn ready(&self) -> bool {
        false
    }

    pub fn title(&self) -> &str {
        ""
    }

    pub fn url(&self) -> &str {
        ""
    }

    /// The tree and its state, unmasked: a snapshot and the ops that complete it. For tests and for mask.
    pub fn snapshot(&self, _epoch: u32) -> Vec<Op> {
        Vec::new()
    }
}
