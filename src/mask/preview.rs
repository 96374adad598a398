//! Shows what a rule set masks and locks on a page that is given as markup: `lado rules test`.

use std::fmt::Write as _;
use std::sync::Arc;

use lol_html::{HtmlRewriter, Settings, element, end_tag, text};

use super::{AssetMap, Gone, Mask, Place};
use crate::mirror::{Limits, Mirror, NodeRef, TreeWriter};
use crate::protocol::{Namespace, Op, TreeNode, Viewport};
use crate::rules::SiteRules;

/// What a rule did to an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Of the markup, from 1.
    pub line: usize,
    pub action: &'static str,
    pub rule: String,
    /// As a selector would say it: `input#card[name=number]`.
    pub element: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the page cannot be read: {0}")]
pub struct PreviewError(String);

/// Judges a page as a session would, before any of its scripts have run.
///
/// # Errors
/// [`PreviewError`] when the markup is too deep or too large for a mirror.
pub fn preview(markup: &str, url: &str, rules: Arc<SiteRules>) -> Result<Vec<Finding>, PreviewError> {
    let (op, lines) = read(markup, url)?;
    let (mut mirror, mut mask) = (Mirror::new(Limits::default()), Mask::new(rules));
    mask.process(&mut mirror, op, &mut Nowhere).map_err(|error| PreviewError(error.to_string()))?;
    let mut findings = Vec::new();
    for node in mirror.document().into_iter().flat_map(NodeRef::descendants) {
        let line = lines.get(node.id() as usize).copied().unwrap_or(0);
        let mut found = |action, rule: &str, element| {
            findings.push(Finding { line, action, rule: rule.to_owned(), element });
        };
        if node.is_element() {
            if let Some(rule) = mask.masks_itself(node) {
                found("mask", rule, name_of(node));
            }
            if let Some(rule) = super::lock_of(mask.rules(), node) {
                found("lock", rule, name_of(node));
            }
            for (name, value) in node.attributes() {
                for id in mask.found_by(value) {
                    found("mask", &id, format!("{}[{name}]", name_of(node)));
                }
            }
        } else if let Some(parent) = node.parent_node().filter(|_| mask.is_covered(node)) {
            for id in mask.found_by(node.text().unwrap_or_default()) {
                found("mask", &id, format!("text in {}", name_of(parent)));
            }
        }
    }
    Ok(findings)
}

struct Nowhere;

impl AssetMap for Nowhere {
    fn asset(&mut self, _: Place, _: &url::Url, _: bool) -> String {
        String::new()
    }

    fn gone(&mut self, _: Gone) {}
}

fn name_of(node: NodeRef<'_>) -> String {
    let mut out = node.local().to_owned();
    if let Some(id) = node.attribute("id").filter(|id| !id.is_empty()) {
        let _ = write!(out, "#{id}");
    }
    for class in node.attribute("class").unwrap_or_default().split_ascii_whitespace().take(3) {
        let _ = write!(out, ".{class}");
    }
    for name in ["type", "name", "autocomplete"] {
        if let Some(value) = node.attribute(name) {
            let _ = write!(out, "[{name}={value}]");
        }
    }
    out
}

/// Elements whose end tags may be left out, each with those that end it by beginning (WHATWG HTML 13.1.2.4, the usual ones).
fn ends(open: &str, next: &str) -> bool {
    match open {
        "li" => next == "li",
        "dt" | "dd" => matches!(next, "dt" | "dd"),
        "p" => {
            matches!(next, "p" | "div" | "ul" | "ol" | "table" | "form" | "section" | "h1" | "h2" | "h3" | "h4" | "pre")
        }
        "option" => matches!(next, "option" | "optgroup"),
        "tr" => matches!(next, "tr" | "tbody" | "tfoot"),
        "td" | "th" => matches!(next, "td" | "th" | "tr" | "tbody" | "tfoot"),
        "tbody" | "thead" => matches!(next, "tbody" | "tfoot"),
        _ => false,
    }
}

#[derive(Default)]
struct Reading {
    tree: Option<TreeWriter>,
    open: Vec<String>,
    next: u32,
    /// By node id.
    lines: Vec<usize>,
    said: String,
    at: usize,
}

impl Reading {
    fn enter(&mut self, node: TreeNode, line: usize) {
        self.lines.resize(self.next as usize + 1, line);
        if let Some(tree) = &mut self.tree {
            tree.enter(self.next, node);
        }
        self.next += 1;
    }

    fn leave(&mut self) {
        if let Some(tree) = &mut self.tree {
            tree.leave();
        }
    }

    fn flush(&mut self) {
        if !self.said.is_empty() {
            let text = std::mem::take(&mut self.said);
            self.enter(TreeNode::Text(text), self.at);
            self.leave();
        }
    }

    fn begin(&mut self, tag: &str, attrs: Vec<(String, String)>, void: bool, line: usize) {
        self.flush();
        while self.open.last().is_some_and(|open| ends(open, tag)) {
            self.close();
        }
        self.enter(TreeNode::Element { namespace: Namespace::Html, tag: tag.to_owned(), attrs }, line);
        if void {
            self.leave();
        } else {
            self.open.push(tag.to_owned());
        }
    }

    fn end(&mut self, tag: &str) {
        self.flush();
        if self.open.iter().any(|open| open == tag) {
            while self.open.last().is_some_and(|open| open != tag) {
                self.close();
            }
            self.close();
        }
    }

    fn close(&mut self) {
        self.open.pop();
        self.leave();
    }
}

fn read(markup: &str, url: &str) -> Result<(Op, Vec<usize>), PreviewError> {
    use std::cell::RefCell;
    use std::rc::Rc;
    let starts: Vec<usize> = std::iter::once(0).chain(markup.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let line = move |at: usize| starts.partition_point(|start| *start <= at);
    let reading = Rc::new(RefCell::new(Reading { tree: Some(TreeWriter::new(2)), next: 2, ..Reading::default() }));
    let of_elements = Rc::clone(&reading);
    let of_texts = Rc::clone(&reading);
    let (line_of_element, line_of_text) = (line.clone(), line);
    let mut rewriter = HtmlRewriter::new(
        Settings::new()
            .append_element_content_handler(element!("*", move |el| {
                let tag = el.tag_name();
                let attrs = el.attributes().iter().map(|attr| (attr.name(), decoded(&attr.value()))).collect();
                let void = !el.can_have_content();
                of_elements.borrow_mut().begin(&tag, attrs, void, line_of_element(el.source_location().bytes().start));
                if let Some(handlers) = el.end_tag_handlers() {
                    let of_ends = Rc::clone(&of_elements);
                    handlers.push(end_tag!(move |_| {
                        of_ends.borrow_mut().end(&tag);
                        Ok(())
                    }));
                }
                Ok(())
            }))
            .append_element_content_handler(text!("*", move |chunk| {
                let mut reading = of_texts.borrow_mut();
                if reading.said.is_empty() {
                    reading.at = line_of_text(chunk.source_location().bytes().start);
                }
                let text = decoded(chunk.as_str());
                reading.said.push_str(&text);
                Ok(())
            })),
        |_: &[u8]| {},
    );
    rewriter.write(markup.as_bytes()).map_err(|error| PreviewError(error.to_string()))?;
    rewriter.end().map_err(|error| PreviewError(error.to_string()))?;
    let mut reading = reading.take();
    reading.flush();
    while !reading.open.is_empty() {
        reading.close();
    }
    let tree = reading.tree.map(TreeWriter::finish).unwrap_or_else(|| TreeWriter::new(2).finish());
    let op = Op::Snapshot {
        epoch: 1,
        base: 2,
        url: url.to_owned(),
        base_url: url.to_owned(),
        title: String::new(),
        quirks: false,
        viewport: Viewport { width: 1280, height: 800, density: 1000 },
        scroll_x: 0,
        scroll_y: 0,
        tree,
    };
    Ok((op, reading.lines))
}

/// Character references, as `rewrite` reads them.
fn decoded(text: &str) -> String {
    crate::rewrite::html::decode(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RuleSet;

    #[test]
    fn a_page_shows_what_the_presets_do_to_it() {
        let page = "<!doctype html><title>Pay</title>\n<form action=/order>\n<label>CVV <input id=v></label>\n\
                    <input name=cardNumber>\n<p>Card 4111&nbsp;1111 1111 1111<p>fine\n<ul><li>a<li title=\"529.982.247-25\">b</ul>\n\
                    <button class=\"big red\">Buy <b>now</b></button>\n</form>\n";
        let rules = RuleSet::presets().unwrap().for_site("shop.example");
        let found = preview(page, "https://shop.example/pay", rules).unwrap();
        let lines: Vec<String> =
            found.iter().map(|f| format!("{}: {} {} {}", f.line, f.action, f.rule, f.element)).collect();
        assert_eq!(
            lines,
            [
                "3: mask card-code-label input#v",
                "4: mask card-field input[name=cardNumber]",
                "5: mask card text in p",
                "6: mask cpf li[title]",
                "7: lock buy-en button.big.red",
            ]
        );
    }
}
