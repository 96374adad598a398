//! What each op does to the mirror, and what it may not.

use super::arena::{Kind, NIL};
use super::beside::{self, Beside};
use super::{Applied, DOCUMENT, Mirror, MirrorError, Page, State};
use crate::protocol::{NONE, Op, Tree, TreeNode};

/// The longest value of a field, in bytes, of which a part may be replaced: a few bytes may not make more work than this.
pub(super) const MAX_SPLICED: usize = 64 * 1024;

impl Mirror {
    pub(super) fn change(&mut self, op: &Op) -> Result<Applied, MirrorError> {
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
            Op::Framed { node, nonce } => {
                let slot = self.element(*node)?;
                if self.arena[slot].first == NIL {
                    self.with_page(|page| page.beside.frame(*node, nonce));
                }
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
                    Kind::Element { namespace: *namespace, tag, attrs: held.into() }
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
}
