//! Compares the mirror with what the page says its own tree adds up to.

use super::arena::{Kind, NIL};
use super::{DOCUMENT, Mirror, NodeKind, NodeRef};
use crate::protocol::{NONE, SUM_GROUP, Sum, sum::Groups};

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    Same,
    /// Something in this element is not as in the page.
    Inside(u32),
    /// Something is not as in the page, and most of the page would have to be told again.
    Whole,
}

impl Mirror {
    /// Compares with the sums of the page's nodes from `node` on.
    pub fn compare(&self, node: u32, sums: &[u32]) -> Finding {
        let Some(from) = self.node(node) else { return Finding::Whole };
        let own = self.sums(node, sums.len());
        let differs = (0..own.len().max(sums.len())).find(|&at| own.get(at) != sums.get(at));
        match differs {
            None => Finding::Same,
            Some(group) => self.around(from, group * SUM_GROUP),
        }
    }

    /// The sums of at most `groups` groups of nodes, in document order, from `node` on.
    pub fn sums(&self, node: u32, groups: usize) -> Vec<u32> {
        let mut sums = Groups::default();
        let mut at = self.node(node);
        while let Some(node) = at.filter(|_| sums.len() < groups) {
            sums.node(node.sum());
            at = node.following();
        }
        sums.finish()
    }

    /// The smallest element that holds a group, and the node before it: a node that is missing at the end of an element
    /// shows in the group that follows.
    fn around(&self, from: NodeRef<'_>, skip: usize) -> Finding {
        let mut before = from.preceding();
        let mut at = Some(from);
        for _ in 0..skip {
            before = at;
            at = at.and_then(NodeRef::following);
        }
        let group = std::iter::successors(at, |node| node.following()).take(SUM_GROUP);
        let mut common: Option<NodeRef<'_>> = before.or(at);
        for node in group {
            common = common.and_then(|common| common.ancestors().find(|up| node.ancestors().any(|other| other == *up)));
        }
        let element = common.and_then(|common| common.ancestors().find(|up| up.is_element()));
        let Some(element) = element.filter(|element| !matches!(element.local(), "html" | "body" | "head" | "frameset"))
        else {
            return Finding::Whole;
        };
        // Half a page told again costs more than a snapshot, which puts everything right.
        if element.descendants().take(self.len() / 2).count() * 2 >= self.len() {
            return Finding::Whole;
        }
        Finding::Inside(element.id())
    }
}

impl<'a> NodeRef<'a> {
    /// What a node adds to the sum of its group.
    fn sum(self) -> Sum {
        let mut sum = Sum::default();
        sum.number(u32::from(self.to_kind()));
        sum.number(self.id());
        sum.number(self.parent_node().map_or(NONE, NodeRef::id));
        match self.kind() {
            NodeKind::Text(text) => sum.text(text),
            NodeKind::Element(tag) => {
                sum.text(tag);
                // Attributes have no order that counts.
                let mut all = 0u32;
                for (name, value) in self.attributes() {
                    let mut attribute = Sum::default();
                    attribute.text(name);
                    attribute.number(u32::from(b'='));
                    attribute.text(value);
                    all = all.wrapping_add(attribute.value());
                }
                sum.number(all);
            }
            NodeKind::Shadow | NodeKind::Document => {}
        }
        sum
    }

    fn to_kind(self) -> u8 {
        match &self.held().kind {
            Kind::Document => crate::protocol::kind::DOCUMENT,
            Kind::Shadow => crate::protocol::kind::SHADOW,
            Kind::Text(_) => crate::protocol::kind::TEXT,
            Kind::Element { namespace, .. } => namespace.kind(),
        }
    }

    /// The next node in document order.
    pub fn following(self) -> Option<Self> {
        self.first_child().or_else(|| self.after())
    }

    /// The next node in document order that is not inside this one.
    pub fn after(self) -> Option<Self> {
        self.ancestors().find_map(NodeRef::next)
    }

    /// The node before in document order.
    fn preceding(self) -> Option<Self> {
        if self.id() == DOCUMENT || self.held().parent == NIL {
            return None;
        }
        let Some(before) = self.prev() else { return self.parent_node() };
        std::iter::successors(Some(before), |node| node.last_child()).last()
    }
}
