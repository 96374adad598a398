//! What style sheets draw on masked elements, wherever the sheets are: generated words and pictures of theirs are told to
//! nobody.
//!
//! A rule is hushed when what its selectors end in may be a masked element or something inside one. Of selectors only
//! tags, ids and classes are read; everything else is taken to hold. So a rule may be hushed for elements that it does
//! not mean, and loses its words and pictures everywhere, but none is left that draws on what is masked.

use foldhash::HashSet;

use super::sheet::{self, Change, Leads};
use super::{AssetMap, Gone, Mask, Part, emit};
use crate::mirror::{Mirror, NodeRef, Step};
use crate::protocol::Op;

/// What masked elements have that selectors end in, in lower case: in quirks mode case does not matter.
#[derive(Debug, Default, Clone)]
pub(super) struct Hushed {
    tags: HashSet<Box<str>>,
    ids: HashSet<Box<str>>,
    classes: HashSet<Box<str>>,
}

/// More names than this, and every rule is taken to mean something masked.
const MAX_NAMES: usize = 20_000;

impl Hushed {
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    fn has(&self, known: &HashSet<Box<str>>, name: &str) -> bool {
        self.ids.len() + self.classes.len() > MAX_NAMES || known.contains(name.to_ascii_lowercase().as_str())
    }

    fn add(&mut self, node: NodeRef<'_>) {
        let lower = |name: &str| name.to_ascii_lowercase().into_boxed_str();
        self.tags.insert(lower(node.local()));
        if self.ids.len() + self.classes.len() > MAX_NAMES {
            return;
        }
        self.ids.extend(node.attribute("id").map(lower));
        self.classes.extend(node.attribute("class").unwrap_or_default().split_ascii_whitespace().map(lower));
    }

    fn knows(&self, node: NodeRef<'_>) -> bool {
        let has = |known: &HashSet<Box<str>>, name: &str| self.has(known, name);
        has(&self.tags, node.local())
            && node.attribute("id").is_none_or(|id| has(&self.ids, id))
            && node
                .attribute("class")
                .unwrap_or_default()
                .split_ascii_whitespace()
                .all(|class| has(&self.classes, class))
    }

    /// What this has and `other` has not.
    fn beyond<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let pairs = [(&self.tags, &other.tags), (&self.ids, &other.ids), (&self.classes, &other.classes)];
        pairs.into_iter().flat_map(|(own, other)| own.difference(other)).map(|name| &**name).collect()
    }

    /// Whether one of the selectors may end in a masked element; `parent` says so of what `&` stands for.
    pub fn meets(&self, selectors: &str, parent: bool) -> bool {
        !self.is_empty() && Subjects { text: selectors, at: 0 }.any(|subject| self.is_met(&subject, parent))
    }

    fn is_met(&self, subject: &Subject, parent: bool) -> bool {
        if subject.nested {
            return parent;
        }
        subject.other
            || (subject.tag.as_ref().is_none_or(|tag| self.has(&self.tags, tag))
                && subject.ids.iter().all(|id| self.has(&self.ids, id))
                && subject.classes.iter().all(|class| self.has(&self.classes, class)))
    }
}

/// The compound that a selector ends in.
#[derive(Debug, Default)]
struct Subject {
    tag: Option<String>,
    ids: Vec<String>,
    classes: Vec<String>,
    /// `&`: what the rule around it means.
    nested: bool,
    /// What it means is another element than the one that is named.
    other: bool,
}

struct Subjects<'a> {
    text: &'a str,
    at: usize,
}

impl Subjects<'_> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn name(&mut self) -> String {
        let name = sheet::name_at(&self.text[self.at..]);
        self.at += name.len();
        sheet::unescaped(name).into_owned()
    }

    /// Goes behind what closes the bracket that opens here.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        let mut quote = None;
        while let Some(byte) = self.byte() {
            self.at += 1;
            match (quote, byte) {
                (_, b'\\') => self.at += 1,
                (Some(open), byte) if open == byte => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'(' | b'[') => depth += 1,
                (None, b')' | b']') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        break;
                    }
                }
                _ => {}
            }
        }
        self.at = self.at.min(self.text.len());
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
    }
}

impl Iterator for Subjects<'_> {
    type Item = Subject;

    fn next(&mut self) -> Option<Subject> {
        self.byte()?;
        let mut subject = Subject::default();
        let mut ended = false;
        while let Some(byte) = self.byte() {
            match byte {
                b',' => {
                    self.at += 1;
                    break;
                }
                b'/' if self.text[self.at..].starts_with("/**/") => {
                    self.at += 4;
                    continue;
                }
                b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' | b'>' | b'+' | b'~' | b'|' => {
                    ended = true;
                    self.at += 1;
                    continue;
                }
                _ => {}
            }
            if std::mem::take(&mut ended) {
                subject = Subject::default();
            }
            match byte {
                b'.' | b'#' => {
                    self.at += 1;
                    let name = self.name();
                    if byte == b'.' { &mut subject.classes } else { &mut subject.ids }.push(name);
                }
                b'&' => {
                    self.at += 1;
                    subject.nested = true;
                }
                b'[' | b'(' => self.skip(),
                b':' => {
                    self.at += 1;
                    match self.name().to_ascii_lowercase().as_str() {
                        "root" => subject.tag = Some("html".to_owned()),
                        "slotted" | "part" | "host" | "host-context" => subject.other = true,
                        _ => {}
                    }
                }
                byte if sheet::starts_name(byte) => subject.tag = Some(self.name()),
                _ => self.at += 1,
            }
        }
        Some(subject)
    }
}

impl Mask {
    /// Notes what masked elements in subtrees have that selectors end in; answers what was known before, if it was less.
    pub(super) fn note(&mut self, roots: &[NodeRef<'_>]) -> Option<Hushed> {
        if self.own.is_empty() {
            return None;
        }
        let mut masked = Vec::new();
        for root in roots {
            let outer = root.parent_node().map_or(self.base(), |parent| self.status(parent));
            let mut open = Vec::new();
            for step in root.walk() {
                match step {
                    Step::Enter(node) => {
                        let status = open.last().copied().unwrap_or(outer).inside(self.own.get(&node.id()));
                        if node.is_element() && self.hides_sheets(status) {
                            masked.push(node);
                        }
                        open.push(status);
                    }
                    Step::Leave(_) => drop(open.pop()),
                }
            }
        }
        if masked.iter().all(|node| self.hushed.knows(*node)) {
            return None;
        }
        let before = self.hushed.clone();
        masked.into_iter().for_each(|node| self.hushed.add(node));
        Some(before)
    }

    /// Tells those sheets anew that draw on more than was known before, but for what has just been told.
    pub(super) fn hush(
        &self,
        mirror: &Mirror,
        before: Option<Hushed>,
        told: &[u32],
        assets: &mut dyn AssetMap,
        out: &mut Vec<Op>,
    ) {
        let Some(before) = before else { return };
        let fresh = self.hushed.beyond(&before);
        let draws = |css: &str| {
            let plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
            let lower = css.to_ascii_lowercase();
            let may = before.is_empty()
                || lower.contains('\\')
                || fresh.iter().any(|name| !plain(name) || lower.contains(name));
            may && {
                let mut probe = Probe { before: &before, now: &self.hushed, differs: false };
                sheet::rewrite(css, &mut probe);
                probe.differs
            }
        };
        let has_it = |node: &NodeRef<'_>| self.emitted(*node) && node.ancestors().all(|up| !told.contains(&up.id()));
        let dressed = |node: &NodeRef<'_>| {
            matches!(node.local(), "style" | "link") || !node.is_element() && node.text().is_none()
        };
        let nodes = mirror.document().into_iter().flat_map(NodeRef::descendants);
        for node in nodes.filter(dressed).filter(has_it) {
            let mut states = Vec::new();
            node.state_ops(&mut states);
            let draws_more = states.iter().flat_map(super::written).any(draws);
            if !node.is_element() {
                // The sheets of a document or shadow root.
                if draws_more {
                    assets.gone(Gone::part(node, Part::Adopted));
                    let adopted = states.into_iter().filter(|op| matches!(op, Op::SetAdopted { .. }));
                    adopted.for_each(|op| self.state(node, op, assets, out));
                }
                continue;
            }
            let texts: String = if node.local() == "style" {
                node.children().filter_map(NodeRef::text).collect()
            } else {
                String::new()
            };
            if draws_more || draws(&texts) {
                emit::take_back(node, assets, out);
                self.put(&[node], assets, out);
            }
        }
        for sheet in &self.sheets {
            let ops = mirror.sheet_ops(*sheet);
            if ops.iter().flat_map(super::written).any(draws) {
                assets.gone(Gone::constructed(*sheet));
                out.extend(ops.into_iter().filter_map(|op| self.present(mirror, op, assets)));
            }
        }
    }
}

/// Looks whether a sheet says something that it may say no longer.
struct Probe<'a> {
    before: &'a Hushed,
    now: &'a Hushed,
    differs: bool,
}

impl Change for Probe<'_> {
    fn address(&mut self, url: &str, _: Leads) -> Option<String> {
        Some(url.to_owned())
    }

    fn text(&mut self, _: &str) -> Option<String> {
        None
    }

    fn hushes(&mut self, selectors: &str, parent: bool) -> bool {
        let differs = self.now.meets(selectors, parent) && !self.before.meets(selectors, parent);
        self.differs |= differs;
        differs
    }

    fn hushing(&self) -> bool {
        true
    }
}
