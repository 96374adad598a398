//! What viewers may know of the page beside its tree: constructed sheets, and what the customer is doing.

use std::collections::BTreeSet;

use super::{AssetMap, Gone, Mask, Part};
use crate::mirror::{Mirror, NodeRef};
use crate::protocol::{NONE, Op};

impl Mask {
    /// One such op, as viewers may have it. An op about layers comes this way when a page is told whole.
    pub(super) fn present(&self, mirror: &Mirror, op: Op, assets: &mut dyn AssetMap) -> Option<Op> {
        let document = mirror.document()?;
        Some(match op {
            Op::DefineSheet { sheet, css } => {
                Op::DefineSheet { sheet, css: self.css(document, Part::Constructed(sheet), &css, assets) }
            }
            Op::InsertRule { node, sheet, path, css } => {
                let css = self.css(document, Part::Constructed(sheet), &css, assets);
                Op::InsertRule { node, sheet, path, css }
            }
            Op::SetRule { node, sheet, path, css } => {
                let css = self.css(document, Part::Constructed(sheet), &css, assets);
                Op::SetRule { node, sheet, path, css }
            }
            Op::Select { anchor, focus, .. } if ![anchor, focus].into_iter().all(|id| self.is_plain(mirror, id)) => {
                Op::Select { anchor: NONE, anchor_offset: 0, focus: NONE, focus_offset: 0 }
            }
            Op::Caret { node, .. } if !self.is_plain(mirror, node) => Op::Caret { node: NONE, start: 0, end: 0 },
            Op::Hover { node } => Op::Hover { node: self.seen(mirror, node) },
            Op::Press { node } => Op::Press { node: self.seen(mirror, node) },
            Op::Ring { node } => Op::Ring { node: self.seen(mirror, node) },
            Op::SetLayer { node, .. } if self.seen(mirror, node) == NONE => return None,
            Op::Features { matched } => {
                Op::Features { matched: matched.into_iter().filter(|feature| is_feature(feature)).collect() }
            }
            op => op,
        })
    }

    /// Whether viewers see what constructed sheets do to a document or shadow root.
    pub(super) fn wears(&self, root: NodeRef<'_>) -> bool {
        self.emitted(root) && !self.hides_sheets(self.status(root))
    }

    /// A constructed sheet is told when something takes it that viewers see: what only masked roots take may say what
    /// they hold.
    pub(super) fn show_sheet(&mut self, mirror: &Mirror, sheet: u32, assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        if self.sheets.insert(sheet) {
            for op in mirror.sheet_ops(sheet) {
                out.extend(self.present(mirror, op, assets));
            }
        }
    }

    /// Other roots are masked than before: sheets that only those take now are taken back, others are told.
    pub(super) fn dress(&mut self, mirror: &Mirror, assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        let roots = mirror.document().into_iter().flat_map(NodeRef::descendants);
        let takers = roots.filter_map(|root| Some((self.wears(root), root.adopts()?)));
        let (seen, unseen): (Vec<_>, Vec<_>) = takers.partition(|(wears, _)| *wears);
        let sheets = |takers: Vec<(bool, Vec<u32>)>| takers.into_iter().flat_map(|(_, sheets)| sheets);
        let seen: BTreeSet<u32> = sheets(seen).collect();
        for sheet in sheets(unseen).filter(|sheet| !seen.contains(sheet)) {
            if self.sheets.remove(&sheet) {
                assets.gone(Gone::constructed(sheet));
                out.push(Op::DefineSheet { sheet, css: String::new() });
            }
        }
        for sheet in seen {
            self.show_sheet(mirror, sheet, assets, out);
        }
    }

    /// The node, or the nearest one around it that viewers have.
    pub fn seen(&self, mirror: &Mirror, id: u32) -> u32 {
        let around = mirror.node(id).into_iter().flat_map(NodeRef::ancestors);
        around.filter(|node| node.is_element()).find(|node| self.emitted(*node)).map_or(NONE, NodeRef::id)
    }

    /// Whether viewers read of a node what is there: positions in anything else would tell how long it is.
    fn is_plain(&self, mirror: &Mirror, id: u32) -> bool {
        mirror.node(id).is_some_and(|node| {
            let grows = || node.value().is_some_and(|value| self.grows(node, value) || self.is_of_number(node));
            self.emitted(node) && self.masked(node).is_none() && !self.shown.contains_key(&node.id()) && !grows()
        })
    }
}

/// A media feature as the page's script writes it: two words of CSS.
fn is_feature(text: &str) -> bool {
    let word = |word: &str| (1..=40).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    text.split_once(": ").is_some_and(|(name, value)| word(name) && word(value))
}
