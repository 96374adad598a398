//! Subtrees on the wire: a list of siblings in document order, each element closed by an end mark.

use super::wire::{Reader, Wire, WireError, Writer};

/// Pages nest a few hundred levels at most; a parser's limit is 512 (WHATWG HTML leaves it to browsers).
pub const MAX_DEPTH: usize = 1024;

/// Sibling nodes with their descendants, in document order. Each node but [`TreeNode::End`] and [`TreeNode::At`] takes
/// the next node id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    pub nodes: Vec<TreeNode>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeNode {
    /// Attribute values are the page's own, masked where the page's rules say so.
    Element {
        namespace: Namespace,
        tag: String,
        attrs: Vec<(String, String)>,
    },
    Text(String),
    /// The shadow root of the element it stands in; always that element's first child.
    Shadow,
    /// The document inside the frame element it stands in; always that element's only child.
    Document,
    /// Closes the nearest open element, shadow root or document.
    End,
    /// The next node takes this id, and counting goes on from there. Pages number without gaps and never send it; what
    /// viewers get has gaps where nodes were left out, and keeps the page's ids.
    At(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    Html,
    Svg,
    MathMl,
}

/// What a node begins with on the wire.
pub mod kind {
    pub const END: u8 = 0;
    pub const HTML: u8 = 1;
    pub const SVG: u8 = 2;
    pub const MATHML: u8 = 3;
    pub const TEXT: u8 = 4;
    pub const SHADOW: u8 = 5;
    pub const DOCUMENT: u8 = 6;
    pub const AT: u8 = 7;
}

use kind::{AT, DOCUMENT, END, HTML, MATHML, SHADOW, SVG, TEXT};

impl Namespace {
    /// What elements of the namespace begin with on the wire.
    pub fn kind(self) -> u8 {
        match self {
            Self::Html => HTML,
            Self::Svg => SVG,
            Self::MathMl => MATHML,
        }
    }
}

impl Tree {
    /// How many ids the tree takes.
    pub fn len(&self) -> u32 {
        self.nodes.iter().filter(|node| !matches!(node, TreeNode::End | TreeNode::At(_))).count() as u32
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

impl Wire for Tree {
    fn encode(&self, w: &mut Writer<'_>) {
        for node in &self.nodes {
            match node {
                TreeNode::Element { namespace, tag, attrs } => {
                    w.byte(namespace.kind());
                    w.string(tag);
                    w.u32(attrs.len() as u32);
                    for (name, value) in attrs {
                        w.string(name);
                        w.string(value);
                    }
                }
                TreeNode::Text(text) => {
                    w.byte(TEXT);
                    w.string(text);
                }
                TreeNode::Shadow => w.byte(SHADOW),
                TreeNode::Document => w.byte(DOCUMENT),
                TreeNode::End => w.byte(END),
                TreeNode::At(id) => {
                    w.byte(AT);
                    w.u32(*id);
                }
            }
        }
        w.byte(END);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut nodes = Vec::new();
        let mut depth = 0usize;
        loop {
            let node = match r.byte()? {
                END if depth == 0 => return Ok(Self { nodes }),
                END => {
                    depth -= 1;
                    TreeNode::End
                }
                kind @ (HTML | SVG | MATHML) => {
                    let namespace = match kind {
                        HTML => Namespace::Html,
                        SVG => Namespace::Svg,
                        _ => Namespace::MathMl,
                    };
                    let tag = r.string()?;
                    let count = r.u32()? as usize;
                    if count > r.remaining() {
                        return Err(WireError::Truncated);
                    }
                    let attrs = (0..count).map(|_| Ok((r.string()?, r.string()?))).collect::<Result<_, _>>()?;
                    depth += 1;
                    TreeNode::Element { namespace, tag, attrs }
                }
                TEXT => TreeNode::Text(r.string()?),
                kind @ (SHADOW | DOCUMENT) => {
                    depth += 1;
                    if kind == SHADOW { TreeNode::Shadow } else { TreeNode::Document }
                }
                AT => TreeNode::At(r.u32()?),
                other => return Err(WireError::Tag("Tree", other)),
            };
            if depth > MAX_DEPTH {
                return Err(WireError::Depth(MAX_DEPTH));
            }
            nodes.push(node);
        }
    }

    fn ts_type() -> String {
        "Tree".into()
    }
    fn ts_layout() -> String {
        "tree".into()
    }
}

/// The node kinds, for the TypeScript half.
pub(super) const KINDS: [(&str, u8); 8] = [
    ("End", END),
    ("Html", HTML),
    ("Svg", SVG),
    ("MathMl", MATHML),
    ("Text", TEXT),
    ("Shadow", SHADOW),
    ("Document", DOCUMENT),
    ("At", AT),
];
