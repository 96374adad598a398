//! Tells viewers what the tree they should have adds up to, so that one that went wrong asks for the page anew.

use super::{Mask, Masked, emit};
use crate::mirror::{Mirror, NodeKind, NodeRef};
use crate::protocol::{NONE, Op, Sum, kind, sum::Groups};

impl Mask {
    /// The sums of what viewers have of the page from `node` on. Tags and attributes are not in them: viewers leave out
    /// more of those than Lado does.
    pub fn check(&self, mirror: &Mirror, node: u32, groups: usize) -> Option<Masked<Op>> {
        let from = mirror.node(node)?;
        let shut = |node: &NodeRef<'_>| emit::is_hollow(*node) || self.is_closed(*node);
        let mut at = match from.ancestors().filter(shut).last() {
            Some(outer) if outer != from => outer.after(),
            _ => Some(from),
        };
        let mut first = None;
        let mut sums = Groups::default();
        while let Some(node) = at.filter(|_| sums.len() < groups) {
            first = first.or(Some(node.id()));
            sums.node(self.sum(node));
            at = if shut(&node) { node.after() } else { node.following() };
        }
        Some(Masked(Op::Check { node: first?, sums: sums.finish() }))
    }

    fn sum(&self, node: NodeRef<'_>) -> Sum {
        let mut sum = Sum::default();
        let text = matches!(node.kind(), NodeKind::Text(_));
        sum.number(u32::from(if text { kind::TEXT } else { kind::HTML }));
        sum.number(node.id());
        sum.number(node.parent_node().map_or(NONE, NodeRef::id));
        // A sheet's text is rewritten for viewers, which costs more than all the rest.
        if text && node.parent_node().is_none_or(|parent| parent.local() != "style") {
            sum.text(&self.text_of(node));
        }
        sum
    }
}
