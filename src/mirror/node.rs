//! A node of a mirror, for reading.

use std::borrow::Cow;

use super::arena::{Kind, NIL, Slot};
use super::{DOCUMENT, Mirror, State};
use crate::protocol::{NONE, Namespace, Op, TreeNode};
use crate::rules::selector::Element;

/// An id that more elements bear is not looked at further.
const SAME: usize = 32;

#[derive(Debug, Clone, Copy)]
pub struct NodeRef<'a> {
    pub(super) mirror: &'a Mirror,
    pub(super) slot: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind<'a> {
    Element(&'a str),
    Text(&'a str),
    Shadow,
    Document,
}

impl PartialEq for NodeRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.slot == other.slot && std::ptr::eq(self.mirror, other.mirror)
    }
}

impl<'a> NodeRef<'a> {
    pub(super) fn held(self) -> &'a Slot {
        &self.mirror.arena[self.slot]
    }

    pub(super) fn state(self) -> Option<&'a State> {
        self.mirror.state.get(&self.slot)
    }

    fn at(self, slot: u32) -> Option<Self> {
        (slot != NIL).then_some(Self { slot, ..self })
    }

    pub fn mirror(self) -> &'a Mirror {
        self.mirror
    }

    pub fn id(self) -> u32 {
        self.held().id
    }

    pub fn kind(self) -> NodeKind<'a> {
        match &self.held().kind {
            Kind::Document => NodeKind::Document,
            Kind::Shadow => NodeKind::Shadow,
            Kind::Text(text) => NodeKind::Text(text),
            Kind::Element { tag, .. } => NodeKind::Element(self.mirror.arena.name(*tag)),
        }
    }

    pub fn is_element(self) -> bool {
        matches!(self.held().kind, Kind::Element { .. })
    }

    /// The local name; empty for what is no element.
    pub fn local(self) -> &'a str {
        match self.kind() {
            NodeKind::Element(tag) => tag,
            _ => "",
        }
    }

    pub fn namespace(self) -> Namespace {
        match self.held().kind {
            Kind::Element { namespace, .. } => namespace,
            _ => Namespace::Html,
        }
    }

    pub fn text(self) -> Option<&'a str> {
        match self.kind() {
            NodeKind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn attribute(self, name: &str) -> Option<&'a str> {
        let Kind::Element { attrs, .. } = &self.held().kind else { return None };
        // Elements have few attributes: comparing names is faster than looking up a number.
        attrs.iter().find(|(held, _)| self.mirror.arena.name(*held) == name).map(|(_, value)| &**value)
    }

    pub fn attributes(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let attrs = match &self.held().kind {
            Kind::Element { attrs, .. } => &**attrs,
            _ => &[],
        };
        attrs.iter().map(move |(name, value)| (self.mirror.arena.name(*name), &**value))
    }

    /// The node this one is in: also a shadow root, a document, or the host of either.
    pub fn parent_node(self) -> Option<Self> {
        self.at(self.held().parent)
    }

    pub fn prev(self) -> Option<Self> {
        self.at(self.held().prev)
    }

    pub fn next(self) -> Option<Self> {
        self.at(self.held().next)
    }

    pub fn first_child(self) -> Option<Self> {
        self.at(self.held().first)
    }

    pub fn last_child(self) -> Option<Self> {
        self.at(self.held().last)
    }

    /// Elements of the same document or shadow tree whose id is this: more than one in pages that are wrong.
    pub fn with_id(self, id: &str) -> impl Iterator<Item = Self> {
        let root = self.root();
        let found = self.mirror.arena.with_id(id).take(SAME);
        found.map(move |slot| Self { slot, ..self }).filter(move |node| node.root() == root)
    }

    /// Labels and outputs of the same tree that are for an id.
    pub fn with_for(self, id: &str) -> impl Iterator<Item = Self> {
        let root = self.root();
        let found = self.mirror.arena.with_for(id).take(SAME);
        found.map(move |slot| Self { slot, ..self }).filter(move |node| node.root() == root)
    }

    pub fn children(self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.first_child(), |node| node.next())
    }

    /// This node and what it is in, outwards, through shadow roots and frames.
    pub fn ancestors(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |node| node.parent_node())
    }

    /// The document or shadow root that ids and selectors stay inside.
    pub fn root(self) -> Self {
        let bounds = |node: &Self| matches!(node.held().kind, Kind::Document | Kind::Shadow);
        self.ancestors().find(bounds).unwrap_or(self)
    }

    /// This node and everything in it, in document order, without recursion.
    pub fn walk(self) -> Walk<'a> {
        Walk { root: self, next: Some(Step::Enter(self)) }
    }

    /// The nodes of [`Self::walk`].
    pub fn descendants(self) -> impl Iterator<Item = Self> {
        self.walk().filter_map(|step| match step {
            Step::Enter(node) => Some(node),
            Step::Leave(_) => None,
        })
    }

    pub fn value(self) -> Option<&'a str> {
        self.state().and_then(|state| state.value.as_deref())
    }

    /// Checked and indeterminate.
    pub fn checked(self) -> Option<(bool, bool)> {
        self.state().and_then(|state| state.checked)
    }

    pub fn selected(self) -> Option<&'a [u32]> {
        self.state().and_then(|state| state.selected.as_deref())
    }

    pub fn scroll(self) -> Option<(i32, i32)> {
        self.state().and_then(|state| state.scroll)
    }

    pub fn sheet(self) -> Option<&'a str> {
        self.state().and_then(|state| state.rules.as_ref()).and_then(|rules| rules.whole())
    }

    pub fn adopted(self) -> Option<&'a [Box<str>]> {
        self.state().and_then(|state| state.adopted.as_deref())
    }

    /// The node alone, as trees carry it.
    pub fn to_tree(self) -> TreeNode {
        match &self.held().kind {
            Kind::Document => TreeNode::Document,
            Kind::Shadow => TreeNode::Shadow,
            Kind::Text(text) => TreeNode::Text(text.to_string()),
            Kind::Element { namespace, tag, .. } => TreeNode::Element {
                namespace: *namespace,
                tag: self.mirror.arena.name(*tag).to_owned(),
                attrs: self.attributes().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            },
        }
    }

    /// The ops that give a node in a fresh tree the state it has here.
    pub fn state_ops(self, ops: &mut Vec<Op>) {
        let Some(state) = self.state() else { return };
        let node = self.id();
        if let Some(value) = &state.value {
            ops.push(Op::SetValue { node, value: value.to_string() });
        }
        if let Some((checked, indeterminate)) = state.checked {
            ops.push(Op::SetChecked { node, checked, indeterminate });
        }
        if let Some(options) = &state.selected {
            // Options may have gone since.
            let options = options.iter().copied().filter(|&id| self.mirror.node(id).is_some()).collect();
            ops.push(Op::SetSelected { node, options });
        }
        if let Some(rules) = &state.rules {
            ops.extend(rules.whole().map(|css| Op::SetSheet { node, css: css.to_owned() }));
            rules.ops(node, NONE, ops);
        }
        if let Some(sheets) = &state.adopts {
            ops.push(Op::Adopt { node, sheets: sheets.to_vec() });
        }
        if let Some(image) = &state.picture {
            ops.push(Op::Picture { node, image: image.clone() });
        }
        ops.extend(state.play.as_deref().cloned());
        if state.quirks {
            ops.push(Op::Quirks { node, quirks: true });
        }
        if state.open {
            ops.push(Op::OpenList { node, open: true });
        }
        if let Some(sheets) = &state.adopted {
            ops.push(Op::SetAdopted { node, sheets: sheets.iter().map(ToString::to_string).collect() });
        }
        if state.opaque {
            ops.push(Op::Opaque { node });
        }
        if let Some((x, y)) = state.scroll.filter(|_| node != DOCUMENT) {
            ops.push(Op::Scroll { node, x, y });
        }
    }
}

impl Element for NodeRef<'_> {
    fn tag(&self) -> &str {
        self.local()
    }

    fn attr(&self, name: &str) -> Option<Cow<'_, str>> {
        self.attribute(name).map(Cow::Borrowed)
    }

    fn parent(&self) -> Option<Self> {
        self.parent_node().filter(|parent| parent.is_element())
    }
}

/// A step of a walk through a subtree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step<'a> {
    Enter(NodeRef<'a>),
    Leave(NodeRef<'a>),
}

#[derive(Debug)]
pub struct Walk<'a> {
    root: NodeRef<'a>,
    next: Option<Step<'a>>,
}

impl<'a> Walk<'a> {
    /// Leaves the node that was entered last, without going into it.
    pub fn pass(&mut self) {
        self.next = match self.next {
            Some(Step::Enter(child)) => child.parent_node().map(Step::Leave),
            leave => leave,
        };
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        let step = self.next?;
        self.next = match step {
            Step::Enter(node) => Some(node.first_child().map_or(Step::Leave(node), Step::Enter)),
            Step::Leave(node) if node.slot == self.root.slot => None,
            Step::Leave(node) => match node.next() {
                Some(next) => Some(Step::Enter(next)),
                None => node.parent_node().map(Step::Leave),
            },
        };
        Some(step)
    }
}
