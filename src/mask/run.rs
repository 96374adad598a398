//! Runs of text: what a person reads as one line is judged as one, whatever nodes it is cut into.

use std::ops::Range;

use super::{Mask, is_growing};
use crate::mirror::{Mirror, NodeKind, NodeRef, Step};
use crate::protocol::MASK;
use crate::rules::detector::{Text, stacked};

/// How a text node is shown that is not shown as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// As the mask token: it is masked, and the first of its run that says anything.
    Mask,
    /// As nothing: it is masked, and the token stands before it.
    Empty,
    /// With what detectors found replaced.
    Text(Box<str>),
}

/// How many text nodes a run is followed to either side of a change. Where it is longer, nothing beyond is unmasked.
const REACH: usize = 256;

/// What a place in the document means for the text around it.
enum Place {
    /// Reads on.
    Inline,
    /// Reads on with a space between.
    Break,
    /// Is not read at all.
    Silent,
    /// Ends the run.
    Block,
}

fn place(node: NodeRef<'_>) -> Place {
    match node.kind() {
        NodeKind::Text(_) => Place::Inline,
        NodeKind::Shadow | NodeKind::Document => Place::Block,
        NodeKind::Element(tag) => match tag {
            "br" => Place::Break,
            "script" | "style" | "noscript" | "template" | "meta" | "link" => Place::Silent,
            "a" | "abbr" | "acronym" | "b" | "bdi" | "bdo" | "big" | "cite" | "code" | "data" | "del" | "dfn"
            | "em" | "font" | "i" | "ins" | "kbd" | "label" | "mark" | "nobr" | "q" | "s" | "samp" | "small"
            | "span" | "strike" | "strong" | "sub" | "sup" | "time" | "tt" | "u" | "var" | "wbr" | "tspan"
            | "textPath" | "slot" | "output" => Place::Inline,
            // Each text of a drawing is a line of its own: the numbers along an axis are no card number.
            tag if tag.contains('-') => Place::Inline,
            _ => Place::Block,
        },
    }
}

/// A text of a run; nothing for a break.
type Item<'a> = Option<NodeRef<'a>>;

impl Mask {
    /// Reads everything in a subtree; returns the texts that are shown otherwise than before.
    pub(super) fn read(&mut self, root: NodeRef<'_>) -> Vec<u32> {
        let mut changed = Vec::new();
        let mut run: Vec<Item<'_>> = Vec::new();
        let mut walk = root.walk();
        while let Some(step) = walk.next() {
            let (Step::Enter(node) | Step::Leave(node)) = step;
            match (place(node), step) {
                (Place::Silent, Step::Enter(_)) => walk.pass(),
                (Place::Silent, Step::Leave(_)) => {}
                (Place::Break, Step::Enter(_)) => run.push(None),
                (Place::Break, Step::Leave(_)) => {}
                (Place::Inline, Step::Enter(_)) if node.text().is_some() => run.push(Some(node)),
                (Place::Inline, _) => {}
                (Place::Block, _) => self.read_run(&std::mem::take(&mut run), false, &mut changed),
            }
        }
        self.read_run(&run, false, &mut changed);
        changed
    }

    /// Reads the runs that nodes are part of.
    pub(super) fn read_around(&mut self, nodes: &[NodeRef<'_>]) -> Vec<u32> {
        let mut changed = Vec::new();
        // The runs inside were read by `read`; those at the edges go on outside.
        if let (Some(first), Some(last)) = (nodes.first(), nodes.last()) {
            self.read_at(*first, &mut changed);
            if last.id() != first.id() || first.text().is_none() {
                self.read_at(*last, &mut changed);
                if let Some(next) = last.next() {
                    self.read_at(next, &mut changed);
                }
                if let Some(prev) = first.prev() {
                    self.read_at(prev, &mut changed);
                }
            }
            self.read_stack(*first, &mut changed);
            if last.id() != first.id() {
                self.read_stack(*last, &mut changed);
            }
        }
        changed
    }

    /// Reads the runs at nodes that are still there.
    pub(super) fn read_near(&mut self, mirror: &Mirror, ids: &[u32]) -> Vec<u32> {
        let mut changed = Vec::new();
        for node in ids.iter().filter_map(|id| mirror.node(*id)) {
            self.read_at(node, &mut changed);
            self.read_stack(node, &mut changed);
        }
        changed
    }

    /// Reads the run that a text or inline element is part of.
    fn read_at(&mut self, node: NodeRef<'_>, changed: &mut Vec<u32>) {
        if !matches!(place(node), Place::Inline | Place::Break) || inside_silent(node) {
            return;
        }
        let mut run: Vec<Item<'_>> = Vec::new();
        let cut_left = follow(node, Side::Left, &mut run);
        run.reverse();
        if node.text().is_some() {
            run.push(Some(node));
        } else if matches!(place(node), Place::Break) {
            run.push(None);
        }
        // Into an inline element, then on behind it.
        let mut inner: Vec<Item<'_>> = Vec::new();
        let cut_inner = node.first_child().is_some_and(|first| enter(first, Side::Right, &mut inner, node).is_none());
        run.append(&mut inner);
        let mut right: Vec<Item<'_>> = Vec::new();
        let cut_right = follow(node, Side::Right, &mut right);
        run.append(&mut right);
        self.read_run(&run, cut_left || cut_right || cut_inner, changed);
    }

    /// Judges one run. `partly`: it goes on outside of what is given.
    fn read_run(&mut self, run: &[Item<'_>], partly: bool, changed: &mut Vec<u32>) {
        let mut said = false;
        let mut plain: Vec<Item<'_>> = Vec::new();
        for item in run {
            let Some(node) = *item else {
                plain.push(None);
                continue;
            };
            let text = node.text().unwrap_or_default();
            if self.status(node).masked.is_none() {
                plain.push(Some(node));
                continue;
            }
            self.read_plain(&std::mem::take(&mut plain), partly, changed);
            let shown = if text.trim().is_empty() {
                None
            } else if said {
                Some(Shown::Empty)
            } else {
                said = true;
                Some(Shown::Mask)
            };
            let fresh = self.set_shown(node, shown, changed);
            self.corrections += u64::from(fresh && !text.trim().is_empty() && text != MASK);
        }
        self.read_plain(&plain, partly, changed);
    }

    /// Runs the detectors over texts that no rule masks.
    fn read_plain(&mut self, run: &[Item<'_>], partly: bool, changed: &mut Vec<u32>) {
        match run {
            [] => return,
            [Some(node)] => {
                // Most runs are one text.
                let text = node.text().unwrap_or_default();
                let seen = Text::new(text);
                let mut found = self.find(&seen);
                if is_being_written(*node) && is_growing(text) {
                    found.push(0..text.len());
                }
                self.find_around(*node, *node, &seen, &mut found);
                return self.show_found(*node, 0, &merged(found), partly, changed);
            }
            _ => {}
        }
        let mut joined = String::new();
        let mut places = Vec::with_capacity(run.len());
        for item in run {
            places.push(joined.len());
            joined.push_str(item.map_or("\n", |node| node.text().unwrap_or_default()));
        }
        let seen = Text::joined(&joined, &places[1..]);
        let mut found = self.find(&seen);
        let mut nodes = run.iter().flatten();
        if let Some(first) = nodes.next() {
            self.find_around(*first, *nodes.next_back().unwrap_or(first), &seen, &mut found);
        }
        if run.iter().flatten().next().is_some_and(|node| is_being_written(*node)) && is_growing(&joined) {
            found.push(0..joined.len());
        }
        let found = merged(found);
        for (node, start) in run.iter().zip(&places).filter_map(|(item, start)| item.map(|node| (node, *start))) {
            self.show_found(node, start, &found, partly, changed);
        }
    }

    /// What a line is only together with the lines around it: a group of a number that stands in several blocks, or a
    /// date behind the words that say whose birth it is.
    fn find_around(&self, first: NodeRef<'_>, last: NodeRef<'_>, seen: &Text<'_>, found: &mut Vec<Range<usize>>) {
        let plain = seen.plain().trim();
        if !hangs(seen) {
            return;
        }
        if is_piece(plain) && self.is_stacked(first, last, plain) {
            found.push(0..seen.raw().len());
            return;
        }
        let mut labelled = self.rules.detectors().iter().filter(|d| d.labelled && d.may_find(seen.digits())).peekable();
        if labelled.peek().is_none() {
            return;
        }
        let Some(before) = beside(first, Side::Left).next().filter(|text| self.status(*text).masked.is_none()) else {
            return;
        };
        let label = before.text().unwrap_or_default();
        if label.len() > LINE || label.bytes().any(|b| b.is_ascii_digit()) {
            return;
        }
        let joined = format!("{label} {}", seen.raw());
        let mut ranges = Vec::new();
        labelled.for_each(|detector| detector.find(&Text::new(&joined), &mut ranges));
        let offset = label.len() + 1;
        found
            .extend(ranges.into_iter().filter(|range| range.start >= offset).map(|r| r.start - offset..r.end - offset));
    }

    fn is_stacked(&self, first: NodeRef<'_>, last: NodeRef<'_>, plain: &str) -> bool {
        let reach = if plain.len() == 1 { 15 } else { 8 };
        let collect = |from: NodeRef<'_>, side: Side| {
            let mut pieces = Vec::new();
            for text in beside(from, side).take(reach) {
                let piece = Text::new(text.text().unwrap_or_default()).plain().trim().to_owned();
                if !is_piece(&piece) || self.status(text).masked.is_some() {
                    break;
                }
                pieces.push(piece);
            }
            pieces
        };
        let mut pieces = collect(first, Side::Left);
        pieces.reverse();
        let own = pieces.len();
        pieces.push(plain.to_owned());
        pieces.extend(collect(last, Side::Right));
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        (0..=own).any(|start| (own + 1..=pieces.len()).any(|end| stacked(&pieces[start..end])))
    }

    /// Reads the lines around a place and at its edges again that may be of one number with what is there now, or was.
    fn read_stack(&mut self, node: NodeRef<'_>, changed: &mut Vec<u32>) {
        let mut near = Vec::new();
        for side in [Side::Left, Side::Right] {
            near.extend(hanging(beside(node, side)));
            if node.is_element() {
                near.extend(hanging(edge(node, side)));
            }
        }
        for text in near {
            self.read_at(text, changed);
        }
    }

    fn show_found(
        &mut self,
        node: NodeRef<'_>,
        start: usize,
        found: &[Range<usize>],
        partly: bool,
        changed: &mut Vec<u32>,
    ) {
        let text = node.text().unwrap_or_default();
        let shown = cover(text, start, found).map(|text| Shown::Text(text.into()));
        if shown.is_none() && partly && self.shown.contains_key(&node.id()) {
            return;
        }
        let found = shown.is_some();
        let fresh = self.set_shown(node, shown, changed);
        if fresh && found {
            self.corrections += 1;
            self.credit(text);
        }
    }

    /// True when it is shown otherwise than before.
    fn set_shown(&mut self, node: NodeRef<'_>, shown: Option<Shown>, changed: &mut Vec<u32>) -> bool {
        let before = match &shown {
            Some(shown) => self.shown.insert(node.id(), shown.clone()),
            None => self.shown.remove(&node.id()),
        };
        let fresh = before != shown;
        if fresh {
            changed.push(node.id());
        }
        fresh
    }

    /// A text node as viewers see it, style sheets aside.
    pub(super) fn text_of(&self, node: NodeRef<'_>) -> String {
        match self.shown.get(&node.id()) {
            Some(Shown::Mask) => MASK.to_owned(),
            Some(Shown::Empty) => String::new(),
            Some(Shown::Text(text)) => text.to_string(),
            None => node.text().unwrap_or_default().to_owned(),
        }
    }
}

/// Whether the customer is in the text that a node is part of, to write it.
fn is_being_written(node: NodeRef<'_>) -> bool {
    let host = node.mirror().node(node.mirror().focus());
    host.is_some_and(|host| host.attribute("contenteditable").is_some() && node.ancestors().any(|up| up == host))
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

/// Collects the texts of a run beside a node, nearest first. True when there were too many.
fn follow<'a>(node: NodeRef<'a>, side: Side, run: &mut Vec<Item<'a>>) -> bool {
    let mut at = node;
    loop {
        let beside = if side == Side::Left { at.prev() } else { at.next() };
        let Some(beside) = beside else {
            match at.parent_node() {
                Some(parent) if matches!(place(parent), Place::Inline) => at = parent,
                _ => return false,
            }
            continue;
        };
        match enter(beside, side, run, beside) {
            Some(true) => at = beside,
            Some(false) => return false,
            None => return true,
        }
    }
}

/// Collects the texts from `first` on, its siblings included up to the end of `within`, or of `first` alone where that
/// is `within`. True: the run goes on behind; false: it has ended; nothing: there were too many.
fn enter<'a>(first: NodeRef<'a>, side: Side, run: &mut Vec<Item<'a>>, within: NodeRef<'a>) -> Option<bool> {
    let mut at = first;
    let mut steps = 0;
    loop {
        steps += 1;
        if run.len() >= REACH || steps > 8 * REACH {
            return None;
        }
        let mut down = None;
        match place(at) {
            Place::Block => return Some(false),
            Place::Break => run.push(None),
            Place::Silent => {}
            Place::Inline if at.text().is_some() => run.push(Some(at)),
            Place::Inline => down = if side == Side::Left { at.last_child() } else { at.first_child() },
        }
        if let Some(down) = down {
            at = down;
            continue;
        }
        loop {
            if at == within {
                return Some(true);
            }
            let beside = if side == Side::Left { at.prev() } else { at.next() };
            if let Some(beside) = beside {
                at = beside;
                break;
            }
            at = at.parent_node()?;
        }
    }
}

/// A longer line is a text: nothing in it hangs on the lines around it.
const LINE: usize = 64;

/// Whether what a line is may hang on the lines around it.
fn hangs(line: &Text<'_>) -> bool {
    let plain = line.plain().trim();
    !plain.is_empty() && plain.len() <= LINE && (line.digits() > 0 || is_piece(plain))
}

/// Of lines one after the other, those that may hang on what was before the first.
fn hanging<'a>(texts: impl Iterator<Item = NodeRef<'a>>) -> Vec<NodeRef<'a>> {
    let mut out = Vec::new();
    for text in texts.take(15) {
        let seen = Text::new(text.text().unwrap_or_default());
        // Further texts of its run may: they are read with it.
        if hangs(&seen) || !is_alone(text) {
            out.push(text);
        }
        if !is_piece(seen.plain().trim()) {
            break;
        }
    }
    out
}

/// Whether a text is the whole of what its block says.
fn is_alone(text: NodeRef<'_>) -> bool {
    let block = text.parent_node().is_some_and(|parent| matches!(place(parent), Place::Block));
    block && text.prev().is_none() && text.next().is_none()
}

/// What may be a group of a number: a few digits, or a few letters and digits of an IBAN.
fn is_piece(plain: &str) -> bool {
    match plain.len() {
        1..=4 => plain.bytes().all(|b| b.is_ascii_alphanumeric()) && plain.bytes().any(|b| b.is_ascii_digit()),
        5..=9 => plain.bytes().all(|b| b.is_ascii_digit()),
        _ => false,
    }
}

/// The texts that say something before or behind a node, whatever blocks they are in, nearest first; in the same tree.
fn beside<'a>(node: NodeRef<'a>, side: Side) -> impl Iterator<Item = NodeRef<'a>> {
    const STEPS: usize = 200;
    let step = move |(at, steps): (NodeRef<'a>, usize)| {
        let mut up = at;
        let next = loop {
            let sibling = if side == Side::Left { up.prev() } else { up.next() };
            if let Some(sibling) = sibling {
                break sibling;
            }
            up = up.parent_node().filter(|up| up.is_element())?;
        };
        let mut deep = next;
        // The outermost begins on the right; on the left the innermost does: either way every text is met once.
        while let Some(child) = if side == Side::Left { deep.last_child() } else { deep.first_child() } {
            if matches!(place(deep), Place::Silent) || !child.is_element() && child.text().is_none() {
                break;
            }
            deep = child;
        }
        (steps < STEPS).then_some((deep, steps + 1))
    };
    let nodes = std::iter::successors(Some((node, 0)), move |at| step(*at));
    nodes
        .skip(1)
        .map(|(node, _)| node)
        .filter(|node| node.text().is_some_and(|text| !text.trim().is_empty()) && !inside_silent(*node))
}

/// The texts that say something inside an element, from one of its ends inwards.
fn edge<'a>(node: NodeRef<'a>, side: Side) -> impl Iterator<Item = NodeRef<'a>> {
    let mut end = node;
    while let Some(child) = if side == Side::Left { end.first_child() } else { end.last_child() } {
        if matches!(place(end), Place::Silent) {
            break;
        }
        end = child;
    }
    let says = |text: &NodeRef<'_>| text.text().is_some_and(|text| !text.trim().is_empty()) && !inside_silent(*text);
    let inwards = if side == Side::Left { Side::Right } else { Side::Left };
    let own = Some(end).filter(|end| *end != node && says(end));
    let rest = (end != node).then(|| beside(end, inwards)).into_iter().flatten();
    own.into_iter().chain(rest.take_while(move |text| text.ancestors().any(|up| up == node)))
}

fn inside_silent(node: NodeRef<'_>) -> bool {
    node.parent_node().is_some_and(|parent| matches!(place(parent), Place::Silent))
}

/// Overlapping and touching ranges as one, in order.
pub(super) fn merged(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_unstable_by_key(|range| range.start);
    let mut out: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for range in found {
        match out.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

/// A text that begins at `start` of what was searched, with what was found replaced: by the token where the found
/// begins, by nothing where it goes on. Nothing when none of it is in the text.
pub(super) fn cover(text: &str, start: usize, found: &[Range<usize>]) -> Option<String> {
    let end = start + text.len();
    let mut out = String::new();
    let mut done = 0;
    let mut any = false;
    for range in found.iter().filter(|range| range.start < end && range.end > start) {
        let from = range.start.max(start) - start;
        let to = range.end.min(end) - start;
        out.push_str(&text[done..from]);
        if range.start >= start {
            out.push_str(MASK);
        }
        done = to;
        any = true;
    }
    out.push_str(&text[done..]);
    any.then_some(out)
}
