//! Fields that stand in a row and hold one value together: the boxes of a code, the groups of a card number.

use super::emit::is_chosen;
use super::judge::is_field;
use super::search::is_growing;
use super::{AssetMap, Mask};
use crate::mirror::{NodeRef, name};
use crate::protocol::{NONE, Op};
use crate::rules::detector::{Text, stacked};

/// A field that takes more than this is none of several.
const MOST: usize = 6;
/// How far outside of a field the others of its row are looked for, and among how many nodes.
const LEVELS: usize = 4;
const NODES: usize = 128;

impl Mask {
    /// Whether a field's value may become somebody's number as the customer types, in it or in its row.
    pub(super) fn grows(&self, field: NodeRef<'_>, value: &str) -> bool {
        let focus = field.mirror().focus();
        if focus == NONE {
            return false;
        }
        if focus == field.id() && is_field(field) && !is_chosen(field) && is_growing(value) {
            return true;
        }
        let row = row(field);
        row.iter().any(|part| part.id() == focus)
            && is_growing(&row.iter().map(|part| held(*part)).collect::<Vec<_>>().join(" "))
    }

    /// Whether a field holds a group of a number that its row is.
    pub(super) fn is_of_number(&self, field: NodeRef<'_>) -> bool {
        let row = row(field);
        let Some(own) = row.iter().position(|part| *part == field) else { return false };
        let groups: Vec<String> = row.iter().map(|part| Text::new(held(*part)).plain().trim().to_owned()).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        (0..=own).any(|start| (own + 1..=groups.len()).any(|end| stacked(&groups[start..end])))
    }

    /// A field's new value has been told: those of its row, and its own attribute, may show otherwise for it.
    pub(super) fn tell_row(&self, typed: NodeRef<'_>, assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        for field in row(typed).into_iter().filter(|field| *field != typed) {
            self.tell_value(field, assets, out);
        }
        self.tell_attribute(typed, assets, out);
        self.tell_caret(typed, assets, out);
    }

    /// Where the customer's caret is, which what was typed into a field may have hidden.
    fn tell_caret(&self, field: NodeRef<'_>, assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        if held(field).contains(counts) {
            let ops = field.mirror().present_ops();
            let caret = ops.into_iter().find(|op| matches!(op, Op::Caret { node, .. } if *node != NONE));
            out.extend(caret.and_then(|caret| self.present(field.mirror(), caret, assets)));
        }
    }

    fn tell_value(&self, field: NodeRef<'_>, assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        if let Some(value) = field.value() {
            self.state(field, Op::SetValue { node: field.id(), value: value.to_owned() }, assets, out);
        }
        self.tell_attribute(field, assets, out);
    }

    /// Frameworks write into the attribute what is typed.
    fn tell_attribute(&self, field: NodeRef<'_>, assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        let numbered = field.attribute("value").is_some_and(|value| value.contains(counts));
        if numbered && self.emitted(field) && field.local() == "input" {
            let (value, _) = self.judged_attribute(field, self.status(field), "value", assets);
            out.push(Op::SetAttr { node: field.id(), name: "value".into(), value });
        }
    }

    /// The customer has left a field: a number that was only half there is judged as it was left.
    pub(super) fn left(&self, field: NodeRef<'_>, assets: &mut dyn AssetMap, out: &mut Vec<Op>) {
        let now = field.mirror().focus();
        let row = row(field);
        if row.iter().any(|part| part.id() == now) {
            return;
        }
        self.tell_caret(field, assets, out);
        if !row.is_empty() {
            row.into_iter().for_each(|part| self.tell_value(part, assets, out));
        } else if self.emitted(field) && is_growing(held(field)) {
            self.tell_value(field, assets, out);
        }
    }
}

/// The fields that a field holds one value with, in order, itself among them; none where it stands by itself.
fn row(field: NodeRef<'_>) -> Vec<NodeRef<'_>> {
    if !is_part(field) {
        return Vec::new();
    }
    for around in field.ancestors().skip(1).take(LEVELS) {
        let fields: Vec<NodeRef<'_>> = around.descendants().take(NODES).filter(|node| is_typed(*node)).collect();
        let Some(own) = fields.iter().position(|other| *other == field).filter(|_| fields.len() > 1) else { continue };
        let first = fields[..own].iter().rposition(|other| !is_part(*other)).map_or(0, |at| at + 1);
        let end = fields[own..].iter().position(|other| !is_part(*other)).map_or(fields.len(), |at| own + at);
        return if end - first > 1 { fields[first..end].to_vec() } else { Vec::new() };
    }
    Vec::new()
}

fn is_part(node: NodeRef<'_>) -> bool {
    let most = || node.attribute("maxlength").and_then(|most| most.trim().parse::<usize>().ok());
    is_typed(node) && most().is_some_and(|most| (1..=MOST).contains(&most))
}

fn is_typed(node: NodeRef<'_>) -> bool {
    node.local() == "input" && matches!(name::input_type(node).as_str(), "text" | "tel" | "number" | "password" | "")
}

/// What may be of a number, or of an address.
fn counts(c: char) -> bool {
    c.is_numeric() || c == '@'
}

fn held(field: NodeRef<'_>) -> &str {
    field.value().or_else(|| field.attribute("value")).unwrap_or_default()
}
