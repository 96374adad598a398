//! The page as a whole, told in ops.

use super::{DOCUMENT, Mirror, Step};
use crate::protocol::{NONE, Op, Tree, TreeNode};

impl Mirror {
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
