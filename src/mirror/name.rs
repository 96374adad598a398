//! What a control is called, by every way a person may come to know it (after Accessible Name and Description 1.2).

use std::cell::OnceCell;
use std::collections::HashMap;

use super::{Mirror, NodeKind, NodeRef, Step};
use crate::rules::name::MAX;

/// How much text is looked at: what is longer than this is no name.
const ENOUGH: usize = 8 * MAX;
/// How many nodes are looked at for one name.
const STEPS: usize = 512;

/// Finds elements by id and labels by the control they are for: made when first asked, good for one state of a mirror.
#[derive(Debug)]
pub struct Lookup<'a> {
    mirror: &'a Mirror,
    maps: OnceCell<Maps<'a>>,
}

/// By the root that ids hold in, and the id.
#[derive(Debug, Default)]
struct Maps<'a> {
    ids: HashMap<(u32, String), NodeRef<'a>>,
    labels: HashMap<(u32, String), Vec<NodeRef<'a>>>,
}

impl<'a> Lookup<'a> {
    pub fn new(mirror: &'a Mirror) -> Self {
        Self { mirror, maps: OnceCell::new() }
    }

    /// The first element with an id in the same document or shadow tree.
    pub fn by_id(&self, near: NodeRef<'a>, id: &str) -> Option<NodeRef<'a>> {
        self.maps().ids.get(&(near.root().id(), id.to_owned())).copied()
    }

    fn labels_for(&self, node: NodeRef<'a>, id: &str) -> &[NodeRef<'a>] {
        self.maps().labels.get(&(node.root().id(), id.to_owned())).map_or(&[], Vec::as_slice)
    }

    fn maps(&self) -> &Maps<'a> {
        self.maps.get_or_init(|| {
            let mut maps = Maps::default();
            let mut roots = Vec::new();
            for step in self.mirror.document().into_iter().flat_map(NodeRef::walk) {
                match step {
                    Step::Enter(node) if !node.is_element() => {
                        if node.text().is_none() {
                            roots.push(node.id());
                        }
                    }
                    Step::Leave(node) if !node.is_element() && node.text().is_none() => {
                        roots.pop();
                    }
                    Step::Enter(node) => {
                        let root = roots.last().copied().unwrap_or_default();
                        if let Some(id) = node.attribute("id") {
                            maps.ids.entry((root, id.to_owned())).or_insert(node);
                        }
                        if let Some(id) = node.attribute("for").filter(|_| node.local() == "label") {
                            maps.labels.entry((root, id.to_owned())).or_default().push(node);
                        }
                    }
                    Step::Leave(_) => {}
                }
            }
            maps
        })
    }
}

/// Every name that a control has: to be locked, one of them is enough.
///
/// Where the computation of the standard stops at the first source, this goes on: a button whose `aria-label` says
/// "Continue" and whose text says "Buy now" is a *Buy now*.
pub fn names<'a>(node: NodeRef<'a>, lookup: &Lookup<'a>) -> Vec<String> {
    let mut names: Vec<String> = ["aria-label", "title", "alt"]
        .iter()
        .filter_map(|name| node.attribute(name))
        .map(|text| clip(text).to_owned())
        .collect();
    if let Some(ids) = node.attribute("aria-labelledby") {
        let texts: Vec<String> =
            ids.split_ascii_whitespace().take(8).filter_map(|id| lookup.by_id(node, id)).map(text).collect();
        names.push(texts.join(" "));
    }
    match node.local() {
        "input" => {
            let kind = input_type(node);
            let shown = match kind.as_str() {
                kind @ ("submit" | "button" | "reset") => {
                    let default = if kind == "button" { "" } else { kind };
                    Some(node.value().or_else(|| node.attribute("value")).unwrap_or(default))
                }
                "image" => None,
                _ => node.attribute("placeholder"),
            };
            names.extend(shown.map(|text| clip(text).to_owned()));
        }
        "textarea" => names.extend(node.attribute("placeholder").map(|text| clip(text).to_owned())),
        "select" => {}
        _ => names.push(text(node)),
    }
    names.extend(labels(node, lookup).into_iter().map(text));
    names.retain(|name| !name.trim().is_empty());
    names
}

/// The text inside a node, with what stands in for images and for other controls.
pub fn text(node: NodeRef<'_>) -> String {
    let mut out = String::new();
    let mut walk = node.walk();
    let mut steps = 0;
    while let Some(step) = walk.next() {
        let Step::Enter(inner) = step else { continue };
        steps += 1;
        if out.len() > ENOUGH || steps > STEPS {
            break;
        }
        match inner.kind() {
            NodeKind::Text(text) => out.push_str(clip(text)),
            NodeKind::Element("script" | "style" | "template" | "noscript" | "select" | "textarea") => walk.pass(),
            NodeKind::Element(tag) => {
                if inner.id() != node.id() {
                    for text in ["alt", "aria-label"].iter().filter_map(|name| inner.attribute(name)) {
                        out.push(' ');
                        out.push_str(clip(text));
                        out.push(' ');
                    }
                }
                // Words do not run together over a line or a block.
                if matches!(tag, "br" | "div" | "p" | "li" | "td" | "h1" | "h2" | "h3" | "h4" | "label" | "option") {
                    out.push(' ');
                }
            }
            NodeKind::Shadow | NodeKind::Document => {}
        }
    }
    out
}

/// The labels of a form control: those that name it and those around it.
pub fn labels<'a>(node: NodeRef<'a>, lookup: &Lookup<'a>) -> Vec<NodeRef<'a>> {
    if !is_labelable(node) {
        return Vec::new();
    }
    let around = node.ancestors().skip(1).take_while(|outer| outer.is_element()).find(|outer| outer.local() == "label");
    let presses = |label: &NodeRef<'a>| controlled(*label, lookup).is_some_and(|control| control.id() == node.id());
    let mut labels: Vec<_> = around.filter(presses).into_iter().collect();
    if let Some(id) = node.attribute("id").filter(|id| !id.is_empty()) {
        labels.extend(lookup.labels_for(node, id).iter().take(8));
    }
    labels
}

/// The control that a click on a label presses.
pub fn controlled<'a>(label: NodeRef<'a>, lookup: &Lookup<'a>) -> Option<NodeRef<'a>> {
    match label.attribute("for") {
        Some(id) => lookup.by_id(label, id).filter(|node| is_labelable(*node)),
        None => label.descendants().skip(1).take(STEPS).find(|node| is_labelable(*node)),
    }
}

/// WHATWG HTML "labelable elements", and custom elements, which may be.
pub fn is_labelable(node: NodeRef<'_>) -> bool {
    match node.local() {
        "input" => input_type(node) != "hidden",
        "button" | "meter" | "output" | "progress" | "select" | "textarea" => true,
        tag => tag.contains('-'),
    }
}

/// The type of an input as browsers read it: lower case, `text` when absent.
pub fn input_type(node: NodeRef<'_>) -> String {
    node.attribute("type").map_or_else(|| "text".to_owned(), str::to_ascii_lowercase)
}

fn clip(text: &str) -> &str {
    let mut end = text.len().min(ENOUGH);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
