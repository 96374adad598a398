//! What a control is called, by every way a person may come to know it (after Accessible Name and Description 1.2).

use super::{NodeKind, NodeRef, Step};
use crate::rules::name::MAX;

/// How much text is looked at: what is longer than this is no name.
const ENOUGH: usize = 8 * MAX;
/// How many nodes are looked at for one name.
const STEPS: usize = 512;

/// Every name that a control has: to be locked, one of them is enough.
///
/// Where the computation of the standard stops at the first source, this goes on: a button whose `aria-label` says
/// "Continue" and whose text says "Buy now" is a *Buy now*.
pub fn names(node: NodeRef<'_>) -> Vec<String> {
    let mut names: Vec<String> = ["aria-label", "title", "alt"]
        .iter()
        .filter_map(|name| node.attribute(name))
        .map(|text| clip(text).to_owned())
        .collect();
    if let Some(ids) = node.attribute("aria-labelledby") {
        let texts: Vec<String> =
            ids.split_ascii_whitespace().take(8).flat_map(|id| node.with_id(id).take(4)).map(text).collect();
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
    names.extend(labels(node).into_iter().map(text));
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
pub fn labels(node: NodeRef<'_>) -> Vec<NodeRef<'_>> {
    if !is_labelable(node) {
        return Vec::new();
    }
    let around = node.ancestors().skip(1).take_while(|outer| outer.is_element()).find(|outer| outer.local() == "label");
    let presses = |label: &NodeRef<'_>| controlled(*label).contains(&node);
    let mut labels: Vec<_> = around.filter(presses).into_iter().collect();
    if let Some(id) = node.attribute("id").filter(|id| !id.is_empty()) {
        labels.extend(node.with_for(id).filter(|label| label.local() == "label"));
    }
    labels
}

/// The controls that a click on a label may press: one, unless ids are used twice.
pub fn controlled(label: NodeRef<'_>) -> Vec<NodeRef<'_>> {
    match label.attribute("for") {
        Some(id) => label.with_id(id).filter(|node| is_labelable(*node)).collect(),
        None => label.descendants().skip(1).take(STEPS).find(|node| is_labelable(*node)).into_iter().collect(),
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
