//! Hides private content from everyone but the customer: the only maker of `Masked` ops.

mod frame;

use std::sync::Arc;

use url::Url;

use crate::mirror::{Mirror, MirrorError};
use crate::protocol::Op;
use crate::rules::SiteRules;
pub use frame::Frame;

/// Something that has been through the mask. Nothing but this module can build one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked<T>(T);

impl<T> AsRef<T> for Masked<T> {
    fn as_ref(&self) -> &T {
        &self.0
    }
}

/// Hands out capability URLs for what the mirror shows.
pub trait AssetMap {
    /// The address of an asset on the viewer host, e.g. `/__lado/a/{mac}`; the same one for the same URL.
    fn asset(&mut self, url: &Url) -> String;
}

/// What of one page is hidden. Lives as long as the page's [`Mirror`].
#[derive(Debug)]
pub struct Mask {
    rules: Arc<SiteRules>,
}

impl Mask {
    /// Rules scoped by path follow the page's URL by themselves.
    pub fn new(rules: Arc<SiteRules>) -> Self {
        Self { rules }
    }

    pub fn rules(&self) -> &SiteRules {
        &self.rules
    }

    /// Applies a page's op to the mirror and says what viewers may know of it: nothing, one op or several.
    ///
    /// # Errors
    /// [`MirrorError`] when the op does not fit the tree: drop mirror and mask, and ask the page for a snapshot.
    pub fn process(
        &mut self,
        _mirror: &mut Mirror,
        _op: Op,
        _assets: &mut dyn AssetMap,
    ) -> Result<Vec<Masked<Op>>, MirrorError> {
        Ok(Vec::new())
    }

    /// The whole page for a viewer that joins late or has fallen behind. Empty before the page's first snapshot.
    /// Ids are the page's own, so that the ops that follow fit every viewer.
    pub fn snapshot(&self, _mirror: &Mirror, _epoch: u32, _assets: &mut dyn AssetMap) -> Vec<Masked<Op>> {
        Vec::new()
    }

    /// The title as viewers may see it.
    pub fn title(&self, _mirror: &Mirror) -> Masked<String> {
        Masked(String::new())
    }

    /// The URL as viewers may see it: no query, no fragment.
    pub fn url(&self, _mirror: &Mirror) -> Masked<String> {
        Masked(String::new())
    }

    /// How often the page sent what it should have masked itself.
    pub fn corrections(&self) -> u64 {
        0
    }
}
