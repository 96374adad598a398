//! The server's copy of a page's DOM, built from ops.
//!
//! Every op is checked before it changes anything it must not: a page can describe nonsense, and gets no further than a
//! [`MirrorError`]. After an error the mirror is not the page any more: drop it and ask for a snapshot.

mod arena;
mod beside;
mod check;
pub mod name;
mod node;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::HashMap;

use arena::{Arena, Kind, NIL};
pub use check::Finding;
pub use node::{NodeKind, NodeRef, Step, Walk};

use beside::{Beside, Rules};

use crate::protocol::{Bytes, MAX_DEPTH, NONE, Op, Tree, TreeNode, Viewport};

/// The id of the document itself.
pub const DOCUMENT: u32 = 1;

/// The longest value of a field, in bytes, of which a part may be replaced: a few bytes may not make more work than this.
const MAX_SPLICED: usize = 64 * 1024;

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
        Self { arena: Arena::default(), page: None, state: HashMap::new(), highest: DOCUMENT, limits }
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

    fn change(&mut self, op: &Op) -> Result<Applied, MirrorError> {
        match op {
            Op::Snapshot { .. } => return self.replace(op),
            Op::Insert { parent, prev, base, tree } => {
                let parent = self.slot(*parent)?;
                let inserted = self.insert(parent, *prev, *base, tree)?;
                return Ok(Applied { inserted, removed: Vec::new() });
            }
            Op::Move { node, parent, prev } => self.shift(*node, *parent, *prev)?,
            Op::Remove { nodes } => {
                let mut removed = Vec::new();
                for &id in nodes {
                    self.remove(id, &mut removed)?;
                }
                return Ok(Applied { inserted: Vec::new(), removed });
            }
            Op::SetAttr { node, name, value } => {
                let slot = self.element(*node)?;
                self.arena.set_attr(slot, name, value.as_deref());
            }
            Op::SetText { node, text } => {
                let slot = self.slot(*node)?;
                if !self.arena.set_text(slot, text) {
                    return Err(MirrorError::WrongKind(*node));
                }
            }
            Op::SetValue { node, value } => {
                let slot = self.element(*node)?;
                self.set(slot, |state| state.value = Some(value.as_str().into()));
            }
            Op::Splice { node, at, cut, text } => {
                let value = self.spliced(*node, *at, *cut, text)?;
                return self.apply(&Op::SetValue { node: *node, value });
            }
            Op::SetChecked { node, checked, indeterminate } => {
                let slot = self.element(*node)?;
                self.set(slot, |state| state.checked = Some((*checked, *indeterminate)));
            }
            Op::SetSelected { node, options } => {
                let slot = self.element(*node)?;
                for option in options {
                    self.element(*option)?;
                }
                self.set(slot, |state| state.selected = Some(options.as_slice().into()));
            }
            Op::Scroll { node, x, y } => {
                let slot = self.slot(*node)?;
                if matches!(self.arena[slot].kind, Kind::Text(_)) {
                    return Err(MirrorError::WrongKind(*node));
                }
                self.set(slot, |state| state.scroll = Some((*x, *y)));
            }
            Op::SetSheet { node, css } => {
                let slot = self.element(*node)?;
                self.set(slot, |state| state.rules.get_or_insert_default().define(css));
            }
            Op::InsertRule { node, sheet, .. }
            | Op::SetRule { node, sheet, .. }
            | Op::DeleteRule { node, sheet, .. }
            | Op::DisableSheet { node, sheet, .. } => {
                if !beside::is_sound(op) {
                    return Err(MirrorError::WrongKind(*node));
                }
                if *node == NONE {
                    self.change_sheet(*sheet, op)?;
                } else {
                    let slot = self.element(*node)?;
                    self.set(slot, |state| state.rules.get_or_insert_default().change(op));
                }
            }
            Op::DefineSheet { sheet, .. } => self.change_sheet(*sheet, op)?,
            Op::Adopt { node, sheets } => {
                let slot = self.slot(*node)?;
                if !matches!(self.arena[slot].kind, Kind::Document | Kind::Shadow) {
                    return Err(MirrorError::WrongKind(*node));
                }
                self.set(slot, |state| state.adopts = Some(sheets.as_slice().into()));
            }
            Op::Picture { node, image } => {
                let slot = self.element(*node)?;
                self.set(slot, |state| state.picture = Some(image.clone()));
            }
            Op::Play { node, .. } => {
                let slot = self.element(*node)?;
                self.set(slot, |state| state.play = Some(Box::new(op.clone())));
            }
            Op::Quirks { node, quirks } => {
                let slot = self.slot(*node)?;
                if !matches!(self.arena[slot].kind, Kind::Document) {
                    return Err(MirrorError::WrongKind(*node));
                }
                self.set(slot, |state| state.quirks = *quirks);
            }
            Op::OpenList { node, open } => {
                let slot = self.element(*node)?;
                self.set(slot, |state| state.open = *open);
            }
            Op::SetLayer { node, layer } => {
                self.element(*node)?;
                self.with_page(|page| page.beside.layer(*node, *layer));
            }
            Op::Select { anchor, focus, .. } => {
                for node in [*anchor, *focus].into_iter().filter(|node| *node != NONE) {
                    self.slot(node)?;
                }
                self.with_page(|page| page.beside.note(op));
            }
            Op::Caret { node, .. } | Op::Hover { node } | Op::Press { node } | Op::Ring { node } => {
                if *node != NONE {
                    self.slot(*node)?;
                }
                self.with_page(|page| page.beside.note(op));
            }
            Op::Features { .. } | Op::View { .. } => {
                if !beside::is_sound(op) {
                    return Err(MirrorError::WrongKind(DOCUMENT));
                }
                self.with_page(|page| page.beside.note(op));
            }
            Op::SetAdopted { node, sheets } => {
                let slot = self.slot(*node)?;
                if !matches!(self.arena[slot].kind, Kind::Document | Kind::Shadow) {
                    return Err(MirrorError::WrongKind(*node));
                }
                self.set(slot, |state| state.adopted = Some(sheets.iter().map(|css| css.as_str().into()).collect()));
            }
            Op::Opaque { node } => {
                let slot = self.element(*node)?;
                self.set(slot, |state| state.opaque = true);
            }
            // Compared by whoever can do something about it.
            Op::Check { .. } => {}
            Op::Focus { node } => {
                if *node != NONE {
                    self.slot(*node)?;
                }
                self.with_page(|page| page.focus = *node);
            }
            Op::Resize { viewport } => self.with_page(|page| page.viewport = viewport.clone()),
            Op::SetTitle { title } => {
                self.arena.charge(self.title().len(), title.len());
                self.with_page(|page| title.clone_into(&mut page.title));
            }
            Op::SetUrl { url } => {
                self.arena.charge(self.url().len(), url.len());
                self.with_page(|page| url.clone_into(&mut page.url));
            }
        }
        Ok(Applied::default())
    }

    fn replace(&mut self, op: &Op) -> Result<Applied, MirrorError> {
        let Op::Snapshot { base, url, base_url, title, quirks, viewport, scroll_x, scroll_y, tree, .. } = op else {
            return Err(MirrorError::NoSnapshot);
        };
        let removed = self.arena.ids().collect();
        *self = Self::new(self.limits);
        let document = self.arena.add(DOCUMENT, Kind::Document);
        self.arena.charge(0, url.len() + base_url.len() + title.len());
        self.page = Some(Page {
            url: url.clone(),
            base_url: base_url.clone(),
            title: title.clone(),
            quirks: *quirks,
            viewport: viewport.clone(),
            focus: NONE,
            beside: Beside::default(),
        });
        self.set(document, |state| state.scroll = Some((*scroll_x, *scroll_y)));
        let inserted = self.insert(document, NONE, *base, tree)?;
        Ok(Applied { inserted, removed })
    }

    fn insert(&mut self, parent: u32, prev: u32, base: u32, tree: &Tree) -> Result<Vec<u32>, MirrorError> {
        let outer = self.arena.depth(parent);
        let mut open = vec![(parent, self.place(parent, prev)?)];
        let mut next = base;
        let mut explicit = false;
        let mut inserted = Vec::new();
        for node in &tree.nodes {
            let (parent, prev) = *open.last().ok_or(MirrorError::Unbalanced)?;
            let kind = match node {
                TreeNode::At(id) => {
                    next = *id;
                    explicit = true;
                    continue;
                }
                TreeNode::End => {
                    let (closed, _) = open.pop().ok_or(MirrorError::Unbalanced)?;
                    let (_, last) = open.last_mut().ok_or(MirrorError::Unbalanced)?;
                    *last = closed;
                    continue;
                }
                TreeNode::Element { namespace, tag, attrs } => {
                    let tag = self.arena.intern(tag);
                    let mut held: Vec<(u32, Box<str>)> = Vec::with_capacity(attrs.len());
                    for (name, value) in attrs {
                        held.push((self.arena.intern(name), value.as_str().into()));
                    }
                    Kind::Element { namespace: *namespace, tag, attrs: held }
                }
                TreeNode::Text(text) => Kind::Text(text.as_str().into()),
                TreeNode::Shadow => Kind::Shadow,
                TreeNode::Document => Kind::Document,
            };
            if next <= DOCUMENT || self.arena.slot(next).is_some() || (!explicit && next <= self.highest) {
                return Err(MirrorError::Taken(next));
            }
            if self.arena.len() >= self.limits.nodes {
                return Err(MirrorError::Nodes(self.limits.nodes));
            }
            if outer + open.len() > self.limits.depth {
                return Err(MirrorError::Depth(self.limits.depth));
            }
            let prev = self.fits(parent, prev, &kind)?;
            let container = !matches!(kind, Kind::Text(_));
            let slot = self.arena.add(next, kind);
            if self.arena.bytes > self.limits.bytes {
                return Err(MirrorError::Bytes(self.limits.bytes));
            }
            self.arena.link(slot, parent, prev);
            if open.len() == 1 {
                inserted.push(next);
            }
            self.highest = self.highest.max(next);
            next = next.checked_add(1).ok_or(MirrorError::Taken(next))?;
            if container {
                open.push((slot, NIL));
            } else if let Some((_, last)) = open.last_mut() {
                *last = slot;
            }
        }
        if open.len() == 1 { Ok(inserted) } else { Err(MirrorError::Unbalanced) }
    }

    /// Where a node goes that follows `prev`: a shadow root stays before all of its host's children.
    fn fits(&self, parent: u32, prev: u32, kind: &Kind) -> Result<u32, MirrorError> {
        let wrong = || MirrorError::WrongKind(self.arena[parent].id);
        let first = self.arena[parent].first;
        let shadowed = first != NIL && matches!(self.arena[first].kind, Kind::Shadow);
        match (&self.arena[parent].kind, kind) {
            (Kind::Text(_), _) => Err(wrong()),
            (Kind::Element { .. }, Kind::Shadow) if prev == NIL && !shadowed => Ok(NIL),
            (Kind::Element { .. }, Kind::Document) if first == NIL => Ok(NIL),
            (_, Kind::Shadow | Kind::Document) => Err(wrong()),
            _ if prev == NIL && shadowed => Ok(first),
            _ => Ok(prev),
        }
    }

    /// The slot of a previous sibling, checked.
    fn place(&self, parent: u32, prev: u32) -> Result<u32, MirrorError> {
        if prev == NONE {
            return Ok(NIL);
        }
        let slot = self.slot(prev)?;
        if self.arena[slot].parent == parent {
            Ok(slot)
        } else {
            Err(MirrorError::NotChild { prev, parent: self.arena[parent].id })
        }
    }

    fn shift(&mut self, node: u32, parent: u32, prev: u32) -> Result<(), MirrorError> {
        let slot = self.slot(node)?;
        let target = self.slot(parent)?;
        if matches!(self.arena[slot].kind, Kind::Document | Kind::Shadow) {
            return Err(MirrorError::WrongKind(node));
        }
        if self.arena.contains(slot, target) {
            return Err(MirrorError::Cycle(node));
        }
        let before = self.place(target, prev)?;
        if before == slot {
            return Err(MirrorError::Cycle(node));
        }
        if self.arena.depth(target) + self.arena.height(slot) > self.limits.depth {
            return Err(MirrorError::Depth(self.limits.depth));
        }
        let before = self.fits(target, before, &Kind::Text("".into()))?;
        self.arena.unlink(slot);
        self.arena.link(slot, target, before);
        Ok(())
    }

    fn remove(&mut self, id: u32, removed: &mut Vec<u32>) -> Result<(), MirrorError> {
        let slot = self.slot(id)?;
        if id == DOCUMENT {
            return Err(MirrorError::WrongKind(id));
        }
        self.arena.unlink(slot);
        let mut bytes = 0;
        let (state, page) = (&mut self.state, &mut self.page);
        self.arena.free(slot, |slot, id| {
            removed.push(id);
            if let Some(state) = state.remove(&slot) {
                bytes += state.bytes();
            }
            let Some(page) = page else { return };
            page.beside.forget(id);
            if page.focus == id {
                page.focus = NONE;
            }
        });
        self.arena.charge(bytes, 0);
        Ok(())
    }

    fn set(&mut self, slot: u32, change: impl FnOnce(&mut State)) {
        let state = self.state.entry(slot).or_default();
        let before = state.bytes();
        change(state);
        let after = state.bytes();
        self.arena.charge(before, after);
    }

    fn with_page(&mut self, change: impl FnOnce(&mut Page)) {
        if let Some(page) = &mut self.page {
            change(page);
        }
    }

    fn slot(&self, id: u32) -> Result<u32, MirrorError> {
        self.arena.slot(id).ok_or(MirrorError::Unknown(id))
    }

    /// The value of a field when a part of it is replaced ([`Op::Splice`]).
    ///
    /// # Errors
    /// [`MirrorError::NoValue`] where there is no such part, or the value is so long that pages tell it whole.
    pub fn spliced(&self, node: u32, at: u32, cut: u32, text: &str) -> Result<String, MirrorError> {
        let field = self.node(node).ok_or(MirrorError::Unknown(node))?;
        let short = |value: &&str| value.len() + text.len() <= MAX_SPLICED;
        let value = field.value().filter(short).ok_or(MirrorError::NoValue(node))?;
        let byte_of = |units: u32| {
            let mut left = units as usize;
            let mut chars = value.char_indices();
            while left > 0 {
                left = left.checked_sub(chars.next()?.1.len_utf16())?;
            }
            Some(chars.offset())
        };
        let (from, to) = byte_of(at).zip(at.checked_add(cut).and_then(byte_of)).ok_or(MirrorError::NoValue(node))?;
        Ok([&value[..from], text, &value[to..]].concat())
    }

    fn element(&self, id: u32) -> Result<u32, MirrorError> {
        let slot = self.slot(id)?;
        match self.arena[slot].kind {
            Kind::Element { .. } => Ok(slot),
            _ => Err(MirrorError::WrongKind(id)),
        }
    }

    /// The page as it is, unmasked: a snapshot and the ops that complete it. For tests and the mask.
    pub fn snapshot(&self, epoch: u32) -> Vec<Op> {
        let Some((page, document)) = self.page.as_ref().zip(self.document()) else { return Vec::new() };
        let mut tree = TreeWriter::new(DOCUMENT + 1);
        let mut completing = Vec::new();
        for step in document.walk() {
            match step {
                Step::Enter(node) if node.id() != DOCUMENT => tree.enter(node.id(), node.to_tree()),
                Step::Leave(node) if node.id() != DOCUMENT => tree.leave(),
                _ => {}
            }
            if let Step::Enter(node) = step {
                node.state_ops(&mut completing);
            }
        }
        let (scroll_x, scroll_y) = document.scroll().unwrap_or_default();
        let mut ops = vec![Op::Snapshot {
            epoch,
            base: DOCUMENT + 1,
            url: page.url.clone(),
            base_url: page.base_url.clone(),
            title: page.title.clone(),
            quirks: page.quirks,
            viewport: page.viewport.clone(),
            scroll_x,
            scroll_y,
            tree: tree.finish(),
        }];
        let sheets: Vec<u32> = self.page.iter().flat_map(|page| page.beside.sheets.keys().copied()).collect();
        ops.extend(sheets.into_iter().flat_map(|sheet| self.sheet_ops(sheet)));
        ops.append(&mut completing);
        ops.extend(self.present_ops());
        if page.focus != NONE {
            ops.push(Op::Focus { node: page.focus });
        }
        ops
    }
}

/// Writes a tree whose nodes keep their ids.
#[derive(Debug)]
pub struct TreeWriter {
    nodes: Vec<TreeNode>,
    next: u32,
    /// Whether the nodes that are open take an end mark.
    open: Vec<bool>,
}

impl TreeWriter {
    /// `base` goes into the op that carries the tree.
    pub fn new(base: u32) -> Self {
        Self { nodes: Vec::new(), next: base, open: Vec::new() }
    }

    /// Begins a node; [`Self::leave`] ends it.
    pub fn enter(&mut self, id: u32, node: TreeNode) {
        if id != self.next {
            self.nodes.push(TreeNode::At(id));
        }
        self.next = id.wrapping_add(1);
        self.open.push(!matches!(node, TreeNode::Text(_)));
        self.nodes.push(node);
    }

    pub fn leave(&mut self) {
        if self.open.pop() == Some(true) {
            self.nodes.push(TreeNode::End);
        }
    }

    pub fn finish(self) -> Tree {
        Tree { nodes: self.nodes }
    }
}
