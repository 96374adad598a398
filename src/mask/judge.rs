//! Which elements are masked: by their own rules, by their names, and by what they are in.

use super::Mask;
use crate::mirror::{NodeRef, name};
use crate::rules::Verdict;

/// What rules say of an element itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Own {
    Mask { rule: String, firm: bool },
    Unmask,
}

/// What holds for a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status<'a> {
    pub masked: Option<&'a str>,
    /// Nothing further in can be unmasked.
    pub firm: bool,
}

impl<'a> Status<'a> {
    pub const PLAIN: Status<'static> = Status { masked: None, firm: false };

    /// Equal where the same holds for children.
    pub fn key(self) -> (bool, bool) {
        (self.masked.is_some(), self.firm)
    }

    pub fn inside(self, own: Option<&'a Own>) -> Self {
        match own {
            _ if self.firm => self,
            None => self,
            Some(Own::Mask { rule, firm }) => Self { masked: Some(rule), firm: *firm },
            Some(Own::Unmask) => Status::PLAIN,
        }
    }
}

impl Mask {
    /// What holds for a node, by its nearest ancestor of which rules say anything, or by a firm mask further out.
    pub(super) fn status(&self, node: NodeRef<'_>) -> Status<'_> {
        let base = self.base();
        if self.own.is_empty() {
            return base;
        }
        let mut nearest = None;
        for up in node.ancestors() {
            match self.own.get(&up.id()) {
                Some(Own::Mask { rule, firm: true }) => return Status { masked: Some(rule), firm: true },
                Some(own) if nearest.is_none() => nearest = Some(own),
                _ => {}
            }
        }
        base.inside(nearest)
    }

    /// What holds where no rule says anything of an element.
    pub(super) fn base(&self) -> Status<'_> {
        Status { masked: self.rules.private(), firm: false }
    }

    /// Whether it is masked only because everything is: style sheets go on to dress the page.
    pub(super) fn by_place(&self, status: Status<'_>) -> bool {
        status.masked.is_some() && status.masked == self.rules.private()
    }

    /// Judges a node and everything in it; `flipped` gets those of which something else holds than before.
    pub(super) fn judge(&mut self, root: NodeRef<'_>, flipped: &mut Vec<u32>) {
        for node in root.descendants() {
            self.judge_one(node, flipped);
        }
    }

    pub(super) fn judge_one(&mut self, node: NodeRef<'_>, flipped: &mut Vec<u32>) {
        if !node.is_element() {
            return;
        }
        let id = node.id();
        if let Some(Own::Mask { firm, .. }) = self.own.get(&id) {
            // What is masked stays so; it may become firm.
            if let (false, Verdict::Mask { rule, firm: true }) = (*firm, self.rules.verdict(&node)) {
                let rule = rule.to_owned();
                self.own.insert(id, Own::Mask { rule, firm: true });
                flipped.push(id);
            }
            return;
        }
        let own = match self.rules.verdict(&node) {
            Verdict::Mask { rule, firm } => Some(Own::Mask { rule: rule.to_owned(), firm }),
            Verdict::Unmask => Some(Own::Unmask),
            Verdict::Inherit => self.by_label(node),
        };
        let before = match &own {
            Some(own) => self.own.insert(id, own.clone()),
            None => self.own.remove(&id),
        };
        if before != own {
            if let Some(Own::Mask { rule, .. }) = &own {
                self.evidence.of(rule).masked += 1;
            }
            flipped.push(id);
        }
    }

    /// Form fields are masked by what they are called.
    fn by_label(&self, node: NodeRef<'_>) -> Option<Own> {
        if !self.rules.has_labels() || !is_field(node) {
            return None;
        }
        let names = name::names(node);
        let rule = names.iter().find_map(|name| self.rules.label(name))?;
        Some(Own::Mask { rule: rule.to_owned(), firm: false })
    }

    /// Judges the fields again that labels in or around changed nodes name.
    pub(super) fn relabel(&mut self, changed: &[NodeRef<'_>]) -> Vec<u32> {
        let mut flipped = Vec::new();
        if !self.rules.has_labels() {
            return flipped;
        }
        for node in changed {
            let around = node.ancestors().skip(1).take(LABEL_DEPTH).filter(|up| up.local() == "label");
            let inside = node.descendants().filter(|inner| inner.local() == "label");
            let fields: Vec<NodeRef<'_>> = around.chain(inside).flat_map(name::controlled).collect();
            for field in fields {
                self.judge_one(field, &mut flipped);
            }
            if is_field(*node) {
                self.judge_one(*node, &mut flipped);
            }
        }
        flipped
    }
}

/// How far outside of a text its label is looked for.
const LABEL_DEPTH: usize = 8;

/// Elements that people type into.
pub(super) fn is_field(node: NodeRef<'_>) -> bool {
    match node.local() {
        "input" => !matches!(
            name::input_type(node).as_str(),
            "hidden" | "submit" | "button" | "reset" | "image" | "checkbox" | "radio" | "range" | "color" | "file"
        ),
        "textarea" | "select" => true,
        _ => false,
    }
}

/// Whether an attribute can change what fields are called.
pub(super) fn names_fields(name: &str) -> bool {
    matches!(name, "id" | "for" | "aria-label" | "aria-labelledby" | "placeholder" | "title" | "alt" | "type")
}
