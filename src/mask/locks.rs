//! Which elements only the customer may act on, by their own rules and names.

use super::Mask;
use crate::mirror::{NodeRef, name};
use crate::protocol::Op;
use crate::rules::PathRules;

impl Mask {
    /// Notes the locks in a subtree that is about to be told.
    pub(super) fn mark(&mut self, root: NodeRef<'_>) {
        for node in root.descendants().filter(|node| node.is_element()) {
            self.mark_one(node, None);
        }
    }

    /// Looks again at the controls that a change inside or on them may have given another name.
    pub(super) fn remark(&mut self, inside: Option<NodeRef<'_>>, out: &mut Vec<Op>) {
        let Some(inside) = inside else { return };
        for node in inside.ancestors().take(NAME_DEPTH).filter(|node| node.is_element()) {
            self.mark_one(node, Some(out));
            if node.local() == "label" {
                for control in name::controlled(node) {
                    self.mark_one(control, Some(out));
                }
            }
        }
    }

    /// Notes whether an element is locked, and tells viewers where they have it already.
    pub(super) fn mark_one(&mut self, node: NodeRef<'_>, out: Option<&mut Vec<Op>>) {
        let lock = lock_of(&self.rules, node);
        if self.locked.get(&node.id()).map(String::as_str) == lock {
            return;
        }
        let value = lock.map(str::to_owned);
        if let Some(rule) = &value {
            self.evidence.of(rule).locked += 1;
        }
        match &value {
            Some(rule) => self.locked.insert(node.id(), rule.clone()),
            None => self.locked.remove(&node.id()),
        };
        if let Some(out) = out.filter(|_| self.emitted(node)) {
            out.push(Op::SetAttr { node: node.id(), name: "data-lado-lock".into(), value });
        }
    }
}

/// How far outside of a change a control's name is looked at again for the mark that agents see. The check of a command
/// computes names anew.
const NAME_DEPTH: usize = 12;

/// The lock rule of an element itself: by selector, or by one of its names where people press it.
pub(crate) fn lock_of<'a>(rules: &'a PathRules, node: NodeRef<'_>) -> Option<&'a str> {
    rules.lock(&node).or_else(|| {
        if !is_pressed(node) {
            return None;
        }
        name::names(node).iter().find_map(|name| rules.lock_name(name, false))
    })
}

/// Elements that do something when pressed, as far as markup tells.
pub(crate) fn is_pressed(node: NodeRef<'_>) -> bool {
    match node.local() {
        "button" | "a" | "area" | "summary" | "option" | "label" => true,
        "input" => {
            matches!(name::input_type(node).as_str(), "submit" | "button" | "reset" | "image" | "checkbox" | "radio")
        }
        tag => {
            let role = node.attribute("role").is_some_and(|role| {
                role.split_ascii_whitespace().any(|role| {
                    matches!(
                        role.to_ascii_lowercase().as_str(),
                        "button"
                            | "link"
                            | "menuitem"
                            | "menuitemcheckbox"
                            | "menuitemradio"
                            | "checkbox"
                            | "radio"
                            | "switch"
                            | "tab"
                            | "option"
                            | "treeitem"
                    )
                })
            });
            role || tag.contains('-') || node.attribute("onclick").is_some()
        }
    }
}

/// Whether an attribute can change what controls are called, or whether they are controls.
pub(super) fn names_controls(name: &str) -> bool {
    matches!(
        name,
        "id" | "for"
            | "aria-label"
            | "aria-labelledby"
            | "title"
            | "alt"
            | "value"
            | "type"
            | "role"
            | "placeholder"
            | "onclick"
    )
}
