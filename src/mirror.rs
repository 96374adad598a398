//! The server's copy of a page's DOM, built from ops.
//!
//! Every op is checked before it changes anything it must not: a page can describe nonsense, and gets no further than a
//! [`MirrorError`]. After an error the mirror is not the page any more: drop it and ask for a snapshot.

mod arena;
mod beside;
mod change;
mod check;
pub mod name;
mod node;
#[cfg(test)]
pub(crate) mod tests;
mod whole;

use foldhash::HashMap;

use crate::protocol::{Bytes, MAX_DEPTH, NONE, Op, Viewport};
use arena::Arena;
use beside::{Beside, Rules};
pub use check::Finding;
pub use node::{NodeKind, NodeRef, Step, Walk};
pub use whole::TreeWriter;

/// The id of the document itself.
pub const DOCUMENT: u32 = 1;

/// What one page may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub nodes: usize,
    /// Text, names, attribute values and sheets together.
    pub bytes: usize,
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { nodes: 300_000, bytes: 64 * 1024 * 1024, depth: MAX_DEPTH }
    }
}

/// The page sent something that does not fit its own tree: ask it for a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    #[error("the page sent changes before a snapshot")]
    NoSnapshot,
    #[error("the page named node {0}, which it does not have")]
    Unknown(u32),
    #[error("the page gave a new node the id {0}, which is or was another's")]
    Taken(u32),
    #[error("the page named node {prev} as a child of {parent}, which it is not")]
    NotChild { prev: u32, parent: u32 },
    #[error("the page put something under or on node {0} that cannot be there")]
    WrongKind(u32),
    #[error("the page changed a part of field {0} that it does not have")]
    NoValue(u32),
    #[error("the page moved node {0} into itself")]
    Cycle(u32),
    #[error("the page sent a tree whose elements are not closed where they must be")]
    Unbalanced,
    #[error("the page has more than {0} nodes")]
    Nodes(usize),
    #[error("the page holds more than {0} bytes")]
    Bytes(usize),
    #[error("the page is nested deeper than {0} levels")]
    Depth(usize),
}

/// What an op did beyond what it says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// The topmost nodes that came, in document order.
    pub inserted: Vec<u32>,
    /// Every node that went, descendants included.
    pub removed: Vec<u32>,
}

#[derive(Debug)]
pub struct Mirror {
    arena: Arena,
    page: Option<Page>,
    /// Few nodes have any: by slot.
    state: HashMap<u32, State>,
    /// The highest id ever seen: new nodes get higher ones.
    highest: u32,
    limits: Limits,
}

/// What a page has beside its tree.
#[derive(Debug)]
struct Page {
    url: String,
    base_url: String,
    title: String,
    quirks: bool,
    viewport: Viewport,
    focus: u32,
    beside: Beside,
}

/// What a node has beside its attributes.
#[derive(Debug, Default)]
struct State {
    value: Option<Box<str>>,
    checked: Option<(bool, bool)>,
    selected: Option<Box<[u32]>>,
    scroll: Option<(i32, i32)>,
    rules: Option<Box<Rules>>,
    adopted: Option<Box<[Box<str>]>>,
    adopts: Option<Box<[u32]>>,
    picture: Option<Bytes>,
    /// The last [`Op::Play`].
    play: Option<Box<Op>>,
    opaque: bool,
    quirks: bool,
    /// A list that is open.
    open: bool,
}

impl State {
    fn bytes(&self) -> usize {
        let len = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        let adopted = self.adopted.iter().flat_map(|sheets| sheets.iter()).map(|css| css.len() + 16).sum::<usize>();
        let ids = |ids: &Option<Box<[u32]>>| ids.as_ref().map_or(0, |ids| ids.len() * 4);
        len(&self.value)
            + self.rules.as_ref().map_or(0, |rules| rules.bytes)
            + adopted
            + ids(&self.selected)
            + ids(&self.adopts)
            + self.picture.as_ref().map_or(0, |image| image.0.len())
    }
}

impl Mirror {
    pub fn new(limits: Limits) -> Self {
        Self { arena: Arena::default(), page: None, state: HashMap::default(), highest: DOCUMENT, limits }
    }

    /// False before the first snapshot.
    pub fn ready(&self) -> bool {
        self.page.is_some()
    }

    pub fn title(&self) -> &str {
        self.page.as_ref().map_or("", |page| &page.title)
    }

    pub fn url(&self) -> &str {
        self.page.as_ref().map_or("", |page| &page.url)
    }

    /// What relative URLs of the page, though not of its frames, are relative to.
    pub fn base_url(&self) -> &str {
        self.page.as_ref().map_or("", |page| &page.base_url)
    }

    pub fn quirks(&self) -> bool {
        self.page.as_ref().is_some_and(|page| page.quirks)
    }

    pub fn viewport(&self) -> Viewport {
        self.page.as_ref().map_or(Viewport { width: 0, height: 0, density: 1000 }, |page| page.viewport.clone())
    }

    /// The node with keyboard focus, or 0.
    pub fn focus(&self) -> u32 {
        self.page.as_ref().map_or(NONE, |page| page.focus)
    }

    pub fn document(&self) -> Option<NodeRef<'_>> {
        self.node(DOCUMENT)
    }

    pub fn node(&self, id: u32) -> Option<NodeRef<'_>> {
        self.arena.slot(id).map(|slot| NodeRef { mirror: self, slot })
    }

    /// How many nodes there are, the document included.
    pub fn len(&self) -> usize {
        self.arena.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// # Errors
    /// [`MirrorError`] when the op does not fit the tree. The mirror is then undefined, though never unsafe to read.
    pub fn apply(&mut self, op: &Op) -> Result<Applied, MirrorError> {
        if self.page.is_none() && !matches!(op, Op::Snapshot { .. }) {
            return Err(MirrorError::NoSnapshot);
        }
        let applied = self.change(op)?;
        if self.arena.bytes > self.limits.bytes {
            return Err(MirrorError::Bytes(self.limits.bytes));
        }
        Ok(applied)
    }
}
