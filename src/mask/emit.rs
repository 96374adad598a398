//! Tells viewers what they may know: trees, texts and states, out of the mirror and the judgements on it.

use super::judge::{Own, Status};
use super::{AssetMap, Gone, Mask, Part};
use crate::mirror::{DOCUMENT, Mirror, NodeKind, NodeRef, Step, TreeWriter, name};
use crate::protocol::{MASK, NONE, Op, TreeNode};

impl Mask {
    /// The whole page.
    pub(super) fn whole(&self, mirror: &Mirror, epoch: u32, assets: &mut dyn AssetMap) -> Vec<Op> {
        let Some(document) = mirror.document().filter(|_| mirror.ready()) else { return Vec::new() };
        let mut tree = TreeWriter::new(DOCUMENT + 1);
        let mut states = Vec::new();
        for child in document.children() {
            self.subtree(child, self.base(), &mut tree, &mut states, assets);
        }
        let mut own = Vec::new();
        self.states(document, self.base(), &mut own, assets);
        let (scroll_x, scroll_y) = document.scroll().unwrap_or_default();
        let mut ops = vec![Op::Snapshot {
            epoch,
            base: DOCUMENT + 1,
            url: self.shown_url(mirror.url()),
            base_url: String::new(),
            title: self.shown_title(mirror),
            quirks: mirror.quirks(),
            viewport: mirror.viewport(),
            scroll_x,
            scroll_y,
            tree: tree.finish(),
        }];
        for op in self.sheets.iter().flat_map(|sheet| mirror.sheet_ops(*sheet)) {
            ops.extend(self.present(mirror, op, assets));
        }
        ops.append(&mut own);
        ops.append(&mut states);
        for op in mirror.present_ops() {
            ops.extend(self.present(mirror, op, assets));
        }
        if let Some(focus) = mirror.node(mirror.focus()).filter(|node| self.emitted(*node)) {
            ops.push(Op::Focus { node: focus.id() });
        }
        ops
    }

    /// Tells of siblings that viewers do not have, in the place where they are.
    pub(super) fn put(&self, roots: &[NodeRef<'_>], assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        let Some(first) = roots.first() else { return };
        let holds = |parent: &NodeRef<'_>| self.emitted(*parent) && !is_hollow(*parent) && !self.is_closed(*parent);
        let Some(parent) = first.parent_node().filter(holds) else { return };
        let base = first.id();
        // Ids that viewers have had before are said, not counted.
        let mut tree = TreeWriter::new(NONE);
        let mut states = Vec::new();
        let status = self.status(parent);
        for root in roots {
            self.subtree(*root, status, &mut tree, &mut states, assets);
        }
        out.push(Op::Insert { parent: parent.id(), prev: self.prev_shown(*first), base, tree: tree.finish() });
        out.append(&mut states);
    }

    /// Tells elements anew of which something else holds now, outermost first and once each.
    pub(super) fn show_again(&self, mirror: &Mirror, ids: &[u32], assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        for id in ids {
            let Some(node) = mirror.node(*id).filter(|node| self.emitted(*node)) else { continue };
            if node.ancestors().skip(1).any(|up| ids.contains(&up.id())) {
                continue;
            }
            take_back(node, assets, out);
            self.put(&[node], assets, out);
            if node.ancestors().any(|up| up.id() == mirror.focus()) {
                out.push(Op::Focus { node: mirror.focus() });
            }
        }
    }

    pub(super) fn show_texts(&self, mirror: &Mirror, ids: &[u32], assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        let mut told = Vec::new();
        for node in ids.iter().filter_map(|id| mirror.node(*id)) {
            let sheet = node.parent_node().filter(|parent| parent.local() == "style");
            // A sheet in pieces is one sheet: its first text carries it.
            let nodes: Vec<NodeRef<'_>> = sheet.map_or_else(|| vec![node], |sheet| sheet.children().collect());
            if let Some(sheet) = sheet.filter(|_| !told.contains(&node.id())) {
                assets.gone(Gone::part(sheet, Part::Text));
            }
            for node in nodes.into_iter().filter(|node| node.text().is_some() && self.emitted(*node)) {
                if !told.contains(&node.id()) {
                    told.push(node.id());
                    out.push(Op::SetText { node: node.id(), text: self.text(node, assets) });
                }
            }
        }
    }

    /// One op of a node's state, as viewers may have it.
    pub(super) fn state(&self, node: NodeRef<'_>, op: Op, assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        if self.emitted(node) {
            let status = self.status(node);
            out.extend(self.state_as(node, status, op, assets));
        }
    }

    /// The sibling before a node that viewers have; the shadow root never counts.
    pub(super) fn prev_shown(&self, node: NodeRef<'_>) -> u32 {
        let before = std::iter::successors(node.prev(), |node| node.prev());
        let mut shown = before.filter(|node| node.kind() != NodeKind::Shadow);
        shown.next().map_or(NONE, NodeRef::id)
    }

    /// Whether viewers have a node.
    pub(super) fn emitted(&self, node: NodeRef<'_>) -> bool {
        node.ancestors().skip(1).all(|up| !is_hollow(up) && !self.is_closed(up))
    }

    /// Whether what is in an element is kept from viewers: masked things whose inside tells what they are.
    pub(super) fn is_closed(&self, node: NodeRef<'_>) -> bool {
        is_closable(node) && self.closes(node, self.status(node))
    }

    fn closes(&self, node: NodeRef<'_>, status: Status<'_>) -> bool {
        status.masked.is_some() && !(node.local() == "style" && self.by_place(status))
    }

    fn subtree<'a>(
        &'a self,
        root: NodeRef<'_>,
        outer: Status<'a>,
        tree: &mut TreeWriter,
        states: &mut Vec<Op>,
        assets: &mut dyn AssetMap,
    ) {
        let mut open: Vec<Status<'a>> = Vec::new();
        let mut walk = root.walk();
        while let Some(step) = walk.next() {
            match step {
                Step::Enter(node) => {
                    let around = open.last().copied().unwrap_or(outer);
                    let status = around.inside(self.own.get(&node.id()));
                    tree.enter(node.id(), self.node(node, status, assets));
                    self.states(node, status, states, assets);
                    open.push(status);
                    if is_hollow(node) || (is_closable(node) && self.closes(node, status)) {
                        walk.pass();
                    }
                }
                Step::Leave(_) => {
                    open.pop();
                    tree.leave();
                }
            }
        }
    }

    pub(super) fn hides_sheets(&self, status: Status<'_>) -> bool {
        status.masked.is_some() && !self.by_place(status)
    }

    fn node(&self, node: NodeRef<'_>, status: Status<'_>, assets: &mut dyn AssetMap) -> TreeNode {
        let NodeKind::Element(tag) = node.kind() else {
            return match node.kind() {
                NodeKind::Text(_) => TreeNode::Text(self.text(node, assets)),
                _ => node.to_tree(),
            };
        };
        let mut attrs: Vec<(String, String)> = node
            .attributes()
            .filter_map(|(name, _)| {
                let value = self.attribute(node, status, name, assets);
                value.map(|value| (name.to_owned(), value))
            })
            .collect();
        if matches!(self.own.get(&node.id()), Some(Own::Mask { .. })) {
            attrs.push(("data-lado-mask".into(), String::new()));
        }
        if let Some(rule) = self.locked.get(&node.id()) {
            attrs.push(("data-lado-lock".into(), rule.clone()));
        }
        TreeNode::Element { namespace: node.namespace(), tag: self.shown_tag(tag).to_owned(), attrs }
    }

    /// Only names that pages make up can say anything.
    fn shown_tag<'t>(&self, tag: &'t str) -> &'t str {
        if tag.contains('-') && self.finds(tag) { "x-masked" } else { tag }
    }

    fn text(&self, node: NodeRef<'_>, assets: &mut dyn AssetMap) -> String {
        let Some(sheet) = node.parent_node().filter(|parent| parent.local() == "style") else {
            return self.text_of(node);
        };
        let first = sheet.children().find(|child| child.text().is_some());
        if first != Some(node) || self.closes(sheet, self.status(sheet)) {
            return String::new();
        }
        let css: String = sheet.children().filter_map(NodeRef::text).collect();
        self.css(sheet, Part::Text, &css, assets)
    }

    pub(super) fn states(&self, node: NodeRef<'_>, status: Status<'_>, out: &mut Vec<Op>, assets: &mut dyn AssetMap) {
        let mut ops = Vec::new();
        node.state_ops(&mut ops);
        for op in ops {
            out.extend(self.state_as(node, status, op, assets));
        }
    }

    fn state_as(&self, node: NodeRef<'_>, status: Status<'_>, op: Op, assets: &mut dyn AssetMap) -> Option<Op> {
        let masked = status.masked.is_some();
        match op {
            Op::SetValue { node: id, value } => {
                let hidden = node.local() == "input" && name::input_type(node) == "hidden";
                // A list that shows nothing of its options has nothing to select by value.
                if hidden || (masked && node.local() == "select") {
                    return None;
                }
                let private = masked
                    || self.private.contains(&id)
                    || self.finds(&value)
                    || self.grows(node, &value)
                    || self.is_of_number(node);
                let value = if private && !value.is_empty() { MASK.to_owned() } else { value };
                Some(Op::SetValue { node: id, value })
            }
            Op::SetChecked { .. }
            | Op::SetSelected { .. }
            | Op::Scroll { .. }
            | Op::InsertRule { .. }
            | Op::SetRule { .. }
            | Op::DeleteRule { .. }
            | Op::Picture { .. }
            | Op::Play { .. }
            | Op::OpenList { .. }
                if masked =>
            {
                None
            }
            Op::Picture { ref image, .. } if !is_picture(&image.0) => None,
            Op::InsertRule { css, node: id, sheet, path } => {
                Some(Op::InsertRule { css: self.css(node, Part::Rules, &css, assets), node: id, sheet, path })
            }
            Op::SetRule { css, node: id, sheet, path } => {
                Some(Op::SetRule { css: self.css(node, Part::Rules, &css, assets), node: id, sheet, path })
            }
            Op::Adopt { node: id, sheets } => {
                Some(Op::Adopt { node: id, sheets: if self.hides_sheets(status) { Vec::new() } else { sheets } })
            }
            Op::SetSelected { node: id, options } => {
                let shown = |id: &u32| node.mirror().node(*id).is_some_and(|option| self.emitted(option));
                Some(Op::SetSelected { node: id, options: options.into_iter().filter(shown).collect() })
            }
            Op::SetSheet { node: id, css } => {
                let hidden = self.hides_sheets(status);
                let css = if hidden { String::new() } else { self.css(node, Part::Rules, &css, assets) };
                Some(Op::SetSheet { node: id, css })
            }
            Op::SetAdopted { node: id, sheets } => {
                let hidden = self.hides_sheets(status);
                let told =
                    |css: String| if hidden { String::new() } else { self.css(node, Part::Adopted, &css, assets) };
                Some(Op::SetAdopted { node: id, sheets: sheets.into_iter().map(told).collect() })
            }
            op => Some(op),
        }
    }
}

/// Viewers must forget a node and what is in it.
pub(super) fn take_back(node: NodeRef<'_>, assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
    // Texts show nothing but themselves: a sheet is its element's.
    for inner in node.descendants().filter(|inner| inner.text().is_none()) {
        assets.gone(Gone::Node(inner.id()));
    }
    out.push(Op::Remove { nodes: vec![node.id()] });
}

/// Fields whose value comes whole.
pub(super) fn is_chosen(node: NodeRef<'_>) -> bool {
    let kind = name::input_type(node);
    matches!(kind.as_str(), "date" | "time" | "month" | "week" | "datetime-local" | "range" | "color")
}

/// Elements of which viewers get no more than that there is one, because style sheets count: what runs or loads, and
/// what only says how the page is to be read.
pub(super) fn is_hollow(node: NodeRef<'_>) -> bool {
    // Which colours a page can be shown in is for the stage to know.
    if node.local() == "meta" {
        return node.attribute("name").is_none_or(|name| !name.eq_ignore_ascii_case("color-scheme"));
    }
    matches!(
        node.local(),
        "script"
            | "noscript"
            | "base"
            | "object"
            | "embed"
            | "applet"
            | "template"
            | "param"
            | "frameset"
            | "frame"
            | "noframes"
            | "noembed"
            | "portal"
    )
}

/// Whether bytes begin as the pictures that canvases are sent as, and are no more than a frame of one takes.
fn is_picture(bytes: &[u8]) -> bool {
    let known = bytes.starts_with(b"\x89PNG\r\n\x1a\n")
        || bytes.starts_with(b"\xff\xd8\xff")
        || (bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"));
    known && bytes.len() <= MAX_PICTURE
}

const MAX_PICTURE: usize = 1024 * 1024;

/// Elements whose inside tells what they show.
fn is_closable(node: NodeRef<'_>) -> bool {
    matches!(
        node.local(),
        "select"
            | "datalist"
            | "svg"
            | "math"
            | "canvas"
            | "video"
            | "audio"
            | "picture"
            | "iframe"
            | "map"
            | "meter"
            | "progress"
            | "style"
    )
}

/// Whether a change of one attribute changes what viewers get of others.
pub(super) fn reads_otherwise(node: NodeRef<'_>, name: &str) -> bool {
    matches!((node.local(), name), ("input", "type") | ("link", "rel") | ("iframe", "src" | "srcdoc"))
}
