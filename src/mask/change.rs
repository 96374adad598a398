//! What becomes of each change of the tree: judged where it is now, read with what stands around it, and told.

use std::collections::HashSet;

use super::{AssetMap, Gone, Mask, Part, attribute, emit, judge, locks, path_of};
use crate::mirror::{Mirror, MirrorError, NodeRef};
use crate::protocol::{MASK, NONE, Op};
use crate::rules::Reach;

impl Mask {
    pub(super) fn insert(
        &mut self,
        mirror: &mut Mirror,
        op: &Op,
        assets: &mut dyn AssetMap,
        out: &mut Vec<Op>,
    ) -> Result<(), MirrorError> {
        let applied = mirror.apply(op)?;
        let roots: Vec<NodeRef<'_>> = applied.inserted.iter().filter_map(|id| mirror.node(*id)).collect();
        let Some(&first) = roots.first() else { return Ok(()) };
        for root in &roots {
            self.judge(*root, &mut Vec::new());
            self.read(*root);
            self.mark(*root);
        }
        let before = self.note(&roots);
        // New text may complete what stands before and behind it; new labels may name other fields.
        let mut changed = self.read_around(&roots);
        let flipped = self.relabel(&roots);
        changed.extend(first.parent_node().into_iter().flat_map(sheet_texts));
        let fresh: HashSet<u32> = applied.inserted.iter().copied().collect();
        changed.retain(|id| mirror.node(*id).is_some_and(|node| node.ancestors().all(|up| !fresh.contains(&up.id()))));
        self.put(&roots, assets, out);
        self.hush(mirror, before, &applied.inserted, assets, out);
        self.judged(mirror, &flipped, assets, out);
        self.show_texts(mirror, &changed, assets, out);
        self.remark(first.parent_node(), out);
        Ok(())
    }

    pub(super) fn shift(
        &mut self,
        mirror: &mut Mirror,
        op: &Op,
        id: u32,
        assets: &mut dyn AssetMap,
        out: &mut Vec<Op>,
    ) -> Result<(), MirrorError> {
        let before = mirror.node(id);
        let was = before.is_some_and(|node| self.emitted(node));
        let status = before.and_then(NodeRef::parent_node).map(|parent| self.status(parent).key());
        let neighbours = before.map_or_else(Vec::new, neighbours);
        let parent = before.and_then(NodeRef::parent_node).map(NodeRef::id);
        mirror.apply(op)?;
        let Some(node) = mirror.node(id) else { return Ok(()) };
        let mut flipped = Vec::new();
        if self.rules.looks_around() {
            self.judge(node, &mut flipped);
        }
        flipped.extend(self.relabel(&[node]));
        let now = node.parent_node().map(|parent| self.status(parent).key());
        // A piece of a sheet reads otherwise than a text.
        let parents = [parent.and_then(|parent| mirror.node(parent)), node.parent_node()];
        let pieces: Vec<u32> = parents.into_iter().flatten().flat_map(sheet_texts).collect();
        let left = parents[0].filter(|parent| is_sheet(*parent));
        let same = status == now && left.is_none() && !parents[1].is_some_and(is_sheet);
        if !same {
            self.read(node);
            if mirror.has_sheets() {
                self.dress(mirror, assets, out);
            }
        }
        let mut changed = self.read_around(&[node]);
        changed.extend(self.read_near(mirror, &neighbours));
        changed.extend(pieces);
        if let Some(left) = left {
            assets.gone(Gone::part(left, Part::Text));
        }
        let before = self.note(&[node]);
        let is = self.emitted(node);
        match (was, is) {
            (true, true) if same => {
                let parent = node.parent_node().map_or(NONE, NodeRef::id);
                out.push(Op::Move { node: id, parent, prev: self.prev_shown(node) });
            }
            (true, _) => {
                emit::take_back(node, assets, out);
                self.put(&[node], assets, out);
            }
            (false, true) => self.put(&[node], assets, out),
            (false, false) => {}
        }
        self.hush(mirror, before, &[id], assets, out);
        self.judged(mirror, &flipped, assets, out);
        self.show_texts(mirror, &changed, assets, out);
        self.remark(parent.and_then(|parent| mirror.node(parent)), out);
        self.remark(node.parent_node(), out);
        Ok(())
    }

    pub(super) fn remove(
        &mut self,
        mirror: &mut Mirror,
        op: &Op,
        nodes: &[u32],
        assets: &mut dyn AssetMap,
        out: &mut Vec<Op>,
    ) -> Result<(), MirrorError> {
        let going: Vec<NodeRef<'_>> = nodes.iter().filter_map(|id| mirror.node(*id)).collect();
        let seen: Vec<u32> = going.iter().filter(|node| self.emitted(**node)).map(|node| node.id()).collect();
        let around: Vec<u32> = going.iter().flat_map(|node| neighbours(*node)).collect();
        let parents: HashSet<u32> = going.iter().filter_map(|node| node.parent_node()).map(NodeRef::id).collect();
        let applied = mirror.apply(op)?;
        for id in &applied.removed {
            self.forget(*id);
            assets.gone(Gone::Node(*id));
        }
        for sheet in parents.iter().filter_map(|id| mirror.node(*id)).filter(|parent| is_sheet(*parent)) {
            assets.gone(Gone::part(sheet, Part::Text));
        }
        if !seen.is_empty() {
            out.push(Op::Remove { nodes: seen });
        }
        let mut changed = self.read_near(mirror, &around);
        changed.extend(parents.iter().filter_map(|id| mirror.node(*id)).flat_map(sheet_texts));
        self.show_texts(mirror, &changed, assets, out);
        for parent in parents {
            self.remark(mirror.node(parent), out);
        }
        Ok(())
    }

    pub(super) fn forget(&mut self, id: u32) {
        self.own.remove(&id);
        self.shown.remove(&id);
        self.private.remove(&id);
        self.locked.remove(&id);
    }

    pub(super) fn attribute_changed(
        &mut self,
        node: NodeRef<'_>,
        name: &str,
        assets: &mut dyn AssetMap,
        out: &mut Vec<Op>,
    ) {
        let mut flipped = Vec::new();
        let reach = self.rules.reach(name);
        match reach {
            Reach::Nothing => {}
            Reach::Element => self.judge_one(node, &mut flipped),
            Reach::Subtree => self.judge(node, &mut flipped),
        }
        if judge::names_fields(name) {
            flipped.extend(self.relabel(&[node]));
        }
        self.judged(node.mirror(), &flipped, assets, out);
        if matches!(name, "class" | "id") {
            let before = self.note(&[node]);
            self.hush(node.mirror(), before, &[], assets, out);
        }
        if !self.emitted(node) || emit::is_hollow(node) {
            return;
        }
        if flipped.iter().all(|id| *id != node.id()) {
            if emit::reads_otherwise(node, name) {
                self.show_again(node.mirror(), &[node.id()], assets, out);
            } else {
                if let Some(part) = attribute::part(name) {
                    assets.gone(Gone::part(node, part));
                }
                let value = self.attribute(node, self.status(node), name, assets);
                if attribute::may_show(name) && !self.name_tells(name) {
                    out.push(Op::SetAttr { node: node.id(), name: name.to_owned(), value });
                }
            }
        }
        if reach == Reach::Subtree {
            self.mark(node);
        }
        if locks::names_controls(name) || reach != Reach::Nothing {
            self.remark(Some(node), out);
        }
    }

    pub(super) fn text_changed(&mut self, node: NodeRef<'_>, assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        let mut changed = self.read_around(&[node]);
        changed.retain(|id| *id != node.id());
        changed.push(node.id());
        let flipped = self.relabel(&[node]);
        self.judged(node.mirror(), &flipped, assets, out);
        self.show_texts(node.mirror(), &changed, assets, out);
        self.remark(node.parent_node(), out);
    }

    /// Looks for private data in a field's new value before it is told.
    pub(super) fn state_changed(&mut self, node: NodeRef<'_>, op: Op, assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        if let Op::SetValue { value, .. } = &op {
            let masked = self.status(node).masked.is_some();
            if masked {
                self.corrections += u64::from(!value.is_empty() && value != MASK);
            } else if self.finds(value) {
                self.corrections += 1;
                if self.private.insert(node.id()) {
                    self.credit(value);
                    // The attribute holds the value, too, in pages that write it there.
                    self.show_again(node.mirror(), &[node.id()], assets, out);
                    return;
                }
            } else if !value.contains(|c: char| c.is_numeric() || c == '@') {
                self.private.remove(&node.id());
            }
        }
        match op {
            Op::SetSheet { .. } => assets.gone(Gone::part(node, Part::Rules)),
            Op::SetAdopted { .. } => assets.gone(Gone::part(node, Part::Adopted)),
            _ => {}
        }
        let typed = matches!(op, Op::SetValue { .. });
        self.state(node, op, assets, out);
        if typed {
            self.tell_row(node, assets, out);
        }
        if locks::names_controls("value") {
            self.remark(Some(node), out);
        }
    }

    /// Reads what is in elements of which something else holds now, and tells them anew.
    pub(super) fn judged(&mut self, mirror: &Mirror, flipped: &[u32], assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        if flipped.is_empty() {
            return;
        }
        let nodes: Vec<NodeRef<'_>> = flipped.iter().filter_map(|id| mirror.node(*id)).collect();
        let before = self.note(&nodes);
        let mut changed = Vec::new();
        for node in nodes {
            changed.extend(self.read(node));
            changed.extend(self.read_around(&[node]));
        }
        if mirror.has_sheets() {
            self.dress(mirror, assets, out);
        }
        if flipped.iter().filter_map(|id| mirror.node(*id)).any(|node| node.local() == "title") {
            out.push(Op::SetTitle { title: self.shown_title(mirror) });
        }
        self.show_again(mirror, flipped, assets, out);
        self.hush(mirror, before, flipped, assets, out);
        let told = |node: NodeRef<'_>| node.ancestors().any(|up| flipped.contains(&up.id()));
        changed.retain(|id| mirror.node(*id).is_some_and(|node| !told(node)));
        self.show_texts(mirror, &changed, assets, out);
    }

    /// The page is on another path: other rules may hold.
    pub(super) fn follow(&mut self, mirror: &Mirror, assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        let path = path_of(mirror.url());
        if path != self.path {
            self.path = path;
            self.take_rules(mirror, assets, out);
        }
    }

    /// Goes by the rules of the path as they are now, and takes back what they hide.
    pub(super) fn take_rules(&mut self, mirror: &Mirror, assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        let before = self.base().masked.is_some();
        self.rules = self.site.at(&self.path);
        let Some(document) = mirror.document() else { return };
        let mut flipped = Vec::new();
        self.judge(document, &mut flipped);
        if self.base().masked.is_some() != before {
            // All is masked that was not, or the other way around.
            flipped = document.children().map(NodeRef::id).collect();
        }
        let changed = self.read(document);
        self.judged(mirror, &flipped, assets, out);
        self.show_texts(mirror, &changed, assets, out);
        out.push(Op::SetTitle { title: self.shown_title(mirror) });
        for node in document.descendants().filter(|node| node.is_element()) {
            self.mark_one(node, Some(out));
        }
    }
}

/// What stands beside a node that goes: the texts there become neighbours.
fn neighbours(node: NodeRef<'_>) -> Vec<u32> {
    let near = [node.prev(), node.next(), node.parent_node()];
    near.into_iter().flatten().map(NodeRef::id).collect()
}

/// The texts of a style element: they are one sheet, which is told together.
fn sheet_texts(parent: NodeRef<'_>) -> impl Iterator<Item = u32> {
    let sheet = Some(parent).filter(|parent| is_sheet(*parent));
    sheet.into_iter().flat_map(NodeRef::children).filter(|child| child.text().is_some()).map(NodeRef::id)
}

fn is_sheet(node: NodeRef<'_>) -> bool {
    node.local() == "style"
}
