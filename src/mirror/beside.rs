//! What a page has beside its tree: the rules that script has given to sheets, and what the customer is doing.

use std::collections::BTreeMap;
use std::mem::discriminant;

use super::{Mirror, MirrorError, NodeRef};
use crate::protocol::{Layer, NONE, Op};

/// Groups of rules nest a few levels deep.
const MAX_PATH: usize = 16;
/// Media features that a browser may have.
const MAX_FEATURES: usize = 64;
/// Frames with a line of their own; no session has more.
const MAX_FRAMES: usize = 64;
/// Nonces are as long as Lado makes them.
const MAX_NONCE: usize = 64;

/// A sheet that script has changed: where it started, and the changes since. The page sends a sheet whole again when
/// its changes outweigh it.
#[derive(Debug, Default)]
pub(super) struct Rules {
    whole: Option<Box<str>>,
    changes: Vec<Op>,
    disabled: Option<bool>,
    pub bytes: usize,
}

impl Rules {
    pub fn define(&mut self, css: &str) {
        self.whole = Some(css.into());
        self.changes.clear();
        self.bytes = css.len();
    }

    /// Takes a change of rules or of `disabled`.
    pub fn change(&mut self, op: &Op) {
        if let Op::DisableSheet { disabled, .. } = op {
            self.disabled = Some(*disabled);
            return;
        }
        self.bytes += size_of::<Op>() + path_and_css(op).map_or(0, |(path, css)| path.len() * 4 + css.len());
        self.changes.push(op.clone());
    }

    pub fn whole(&self) -> Option<&str> {
        self.whole.as_deref()
    }

    /// The ops after the one that gives the sheet's whole text.
    pub fn ops(&self, node: u32, sheet: u32, ops: &mut Vec<Op>) {
        ops.extend(self.changes.iter().cloned());
        if let Some(disabled) = self.disabled {
            ops.push(Op::DisableSheet { node, sheet, disabled });
        }
    }
}

/// What is true of a page at the moment.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// Constructed sheets by number.
    pub sheets: BTreeMap<u32, Rules>,
    /// The last op of each kind that says what the customer does or has.
    latest: Vec<Op>,
    /// The top layer, from the bottom up.
    layers: Vec<(u32, Layer)>,
    /// The nonces of documents in frames that have a line of their own.
    frames: BTreeMap<u32, Box<str>>,
}

impl Beside {
    pub fn note(&mut self, op: &Op) {
        self.latest.retain(|held| discriminant(held) != discriminant(op));
        self.latest.push(op.clone());
    }

    pub fn layer(&mut self, node: u32, layer: Layer) {
        self.layers.retain(|(held, _)| *held != node);
        if layer != Layer::None {
            self.layers.push((node, layer));
        }
    }

    pub fn frame(&mut self, node: u32, nonce: &str) {
        if nonce.len() <= MAX_NONCE && (self.frames.len() < MAX_FRAMES || self.frames.contains_key(&node)) {
            self.frames.insert(node, nonce.into());
        }
    }

    pub fn forget(&mut self, node: u32) {
        self.layers.retain(|(held, _)| *held != node);
        self.frames.remove(&node);
    }
}

/// Whether an op about rules or features is of a size that browsers make.
pub(super) fn is_sound(op: &Op) -> bool {
    match op {
        Op::Features { matched } => matched.len() <= MAX_FEATURES,
        op => path_and_css(op).is_none_or(|(path, _)| (1..=MAX_PATH).contains(&path.len())),
    }
}

fn path_and_css(op: &Op) -> Option<(&[u32], &str)> {
    match op {
        Op::InsertRule { path, css, .. } | Op::SetRule { path, css, .. } => Some((path, css)),
        Op::DeleteRule { path, .. } => Some((path, "")),
        _ => None,
    }
}

impl Mirror {
    /// An op about a constructed sheet.
    pub(super) fn change_sheet(&mut self, sheet: u32, op: &Op) -> Result<(), MirrorError> {
        let Some(page) = &mut self.page else { return Err(MirrorError::NoSnapshot) };
        let sheets = &mut page.beside.sheets;
        let held = match op {
            Op::DefineSheet { .. } => sheets.entry(sheet).or_default(),
            _ => sheets.get_mut(&sheet).ok_or(MirrorError::Unknown(sheet))?,
        };
        let before = held.bytes;
        match op {
            Op::DefineSheet { css, .. } => held.define(css),
            op => held.change(op),
        }
        let after = held.bytes;
        self.arena.charge(before, after);
        Ok(())
    }

    /// What stands in front of everything else, and how, from the bottom up.
    pub fn top_layer(&self) -> impl DoubleEndedIterator<Item = (NodeRef<'_>, Layer)> {
        let layers = self.page.iter().flat_map(|page| &page.beside.layers);
        layers.filter_map(|&(node, layer)| Some((self.node(node)?, layer)))
    }

    /// Whether there are constructed sheets.
    pub fn has_sheets(&self) -> bool {
        self.page.as_ref().is_some_and(|page| !page.beside.sheets.is_empty())
    }

    /// A constructed sheet, as the ops that make it.
    pub fn sheet_ops(&self, sheet: u32) -> Vec<Op> {
        let mut ops = Vec::new();
        if let Some(rules) = self.page.as_ref().and_then(|page| page.beside.sheets.get(&sheet)) {
            ops.push(Op::DefineSheet { sheet, css: rules.whole().unwrap_or_default().to_owned() });
            rules.ops(NONE, sheet, &mut ops);
        }
        ops
    }

    /// What it means that a letter has been typed at the caret: ops that fit nothing where there is no caret, or no such
    /// letter.
    pub fn typed(&self, letter: u32) -> Vec<Op> {
        let latest = self.page.iter().flat_map(|page| &page.beside.latest);
        let caret = latest.rev().find_map(|op| match *op {
            Op::Caret { node, start, end } => Some((node, start, end)),
            _ => None,
        });
        let letter = char::from_u32(letter);
        let (node, start, end) = caret.filter(|_| letter.is_some()).unwrap_or((NONE, 0, 0));
        let text = letter.map(String::from).unwrap_or_default();
        let behind = start.saturating_add(letter.map_or(0, |letter| if letter > '\u{ffff}' { 2 } else { 1 }));
        vec![
            Op::Splice { node, at: start, cut: end.saturating_sub(start), text },
            Op::Caret { node, start: behind, end: behind },
        ]
    }

    /// The frames whose documents have a line of their own, and their nonces.
    pub fn frames(&self) -> impl Iterator<Item = (NodeRef<'_>, &str)> {
        let held = self.page.iter().flat_map(|page| &page.beside.frames);
        let closed = |node: &NodeRef<'_>| node.first_child().is_none();
        held.filter_map(move |(node, nonce)| Some((self.node(*node).filter(closed)?, &**nonce)))
    }

    /// What is in front of the page and what the customer does, as far as the nodes are still there.
    pub fn present_ops(&self) -> Vec<Op> {
        let Some(page) = &self.page else { return Vec::new() };
        let layers = page.beside.layers.iter().map(|&(node, layer)| Op::SetLayer { node, layer });
        let there = |id: u32| id == NONE || self.node(id).is_some();
        let latest = page.beside.latest.iter().filter(|op| match op {
            Op::Select { anchor, focus, .. } => there(*anchor) && there(*focus),
            Op::Caret { node, .. } | Op::Hover { node } | Op::Press { node } | Op::Ring { node } => there(*node),
            _ => true,
        });
        layers.chain(latest.cloned()).collect()
    }
}

impl NodeRef<'_> {
    /// The constructed sheets of a document or shadow root.
    pub fn adopts(self) -> Option<Vec<u32>> {
        self.state().and_then(|state| state.adopts.as_ref()).map(|sheets| sheets.to_vec())
    }
}
