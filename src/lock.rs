//! Lets only the customer act on locked elements: the only maker of `Allowed` actions.
//!
//! Checked on the mirror at the moment of the action, whatever marks viewers have: on the element and everything it is
//! in, on its labels and what they press, on the form that it submits. The page checks again before it acts.

mod field;
mod frame;
mod target;
#[cfg(test)]
mod tests;

pub use frame::{Control, Frame};

use crate::mask::{Mask, is_pressed, lock_of};
use crate::mirror::{DOCUMENT, Mirror, NodeKind, NodeRef, name};
use crate::protocol::{Action, Drawing, Layer, Level, NONE, Refusal, Shape};
use crate::rules::PathRules;
use target::Target;

/// An action that the customer's page may be asked to carry out. Nothing but [`check`] can build one:
///
/// ```
/// fn read(allowed: lado::lock::Allowed<lado::protocol::Action>) -> lado::protocol::Action {
///     allowed.as_ref().clone()
/// }
/// ```
/// ```compile_fail
/// fn forge(action: lado::protocol::Action) -> lado::lock::Allowed<lado::protocol::Action> {
///     lado::lock::Allowed(action)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed<T>(T);

impl<T> AsRef<T> for Allowed<T> {
    fn as_ref(&self) -> &T {
        &self.0
    }
}

/// Why an action was refused. `rule` is the id of the lock or mask, empty where there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{refusal:?} {rule}")]
pub struct Denied {
    pub refusal: Refusal,
    pub rule: String,
}

impl Denied {
    fn because(refusal: Refusal) -> Self {
        Self { refusal, rule: String::new() }
    }
}

/// Whether the agent's pointer may show on the customer's page.
pub fn may_point(level: Level) -> bool {
    level >= Level::Point
}

/// Checks an agent's action against level, locks and masks, on the mirror.
///
/// # Errors
/// [`Denied`], which the agent is told.
pub fn check(mirror: &Mirror, mask: &Mask, level: Level, action: &Action) -> Result<Allowed<Action>, Denied> {
    if level < Level::Control {
        return Err(Denied::because(Refusal::NotAllowed));
    }
    let page = Page { mirror, mask };
    match action {
        Action::Click { node, .. } => page.press(page.element(*node)?)?,
        Action::Drag { node, to, .. } => {
            for id in [*node, *to] {
                page.press(page.element(id)?)?;
            }
            let slider = page.element(*node)?;
            if slider.local() == "input" && name::input_type(slider) == "range" {
                page.edit(slider)?;
            }
        }
        Action::Type { node, text } => {
            // A newline would be Enter: that is a key, and checked as one.
            if text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
                return Err(Denied::because(Refusal::NotPossible));
            }
            page.edit(page.element(*node)?)?;
        }
        Action::Key { node, key, alt, meta, ctrl, .. } => page.key(*node, key, *alt, *ctrl || *meta)?,
        Action::SetValue { node, .. } => {
            let field = page.element(*node)?;
            page.edit(field)?;
            if !field::takes_value(field) {
                return Err(Denied::because(Refusal::NotPossible));
            }
            // Which option a value means is for the browser to say.
            page.choice(field)?;
        }
        Action::Select { node, options } => {
            let list = page.element(*node)?;
            page.edit(list)?;
            for option in options {
                let option = page.element(*option)?;
                if !option.ancestors().skip(1).any(|up| up == list) {
                    return Err(Denied::because(Refusal::NotPossible));
                }
            }
            field::toggled(list, options).try_for_each(|option| page.unlocked(option))?;
        }
        Action::Scroll { node, .. } => page.scrolls(*node)?,
        Action::Hover { node, .. } | Action::Focus { node } => {
            page.element(*node)?;
        }
        Action::Back {} | Action::Forward {} | Action::Reload {} => {}
        Action::Navigate { url } => page.navigate(url)?,
    }
    Ok(Allowed(action.clone()))
}

/// Checks an action inside a frame on the frame's element, in the page around it.
///
/// # Errors
/// [`Denied`], which the agent is told.
pub fn check_frame(mirror: &Mirror, mask: &Mask, node: u32, action: &Action) -> Result<(), Denied> {
    let page = Page { mirror, mask };
    let frame = page.element(node)?;
    match action {
        Action::Scroll { .. } | Action::Hover { .. } | Action::Focus { .. } => Ok(()),
        _ => page.unlocked(frame),
    }
}

/// The colours of the palette that drawings choose from.
const COLOURS: u32 = 6;
/// A line by hand of this many points takes seconds to draw.
const MAX_POINTS: usize = 2000;
const MAX_TEXT: usize = 200;
/// In thousandths of an element: a drawing reaches this far out of the one that it belongs to.
const FAR: i32 = 1_000_000;

/// Checks what an agent puts over the page: level, size, and that it belongs to something the agent can see. Locks and
/// masks do not matter, for a drawing does nothing.
///
/// # Errors
/// [`Denied`], which the agent is told.
pub fn drawing(mirror: &Mirror, mask: &Mask, level: Level, drawing: Drawing) -> Result<Allowed<Drawing>, Denied> {
    if !may_point(level) {
        return Err(Denied::because(Refusal::NotAllowed));
    }
    let near = |places: &[i32]| places.iter().all(|at| (-FAR..=FAR).contains(at));
    let (node, fits) = match &drawing.shape {
        Shape::Pen { node, points } | Shape::Trail { node, points } => {
            (*node, points.len() >= 2 && points.len() % 2 == 0 && points.len() <= 2 * MAX_POINTS && near(points))
        }
        Shape::Arrow { node, x1, y1, x2, y2 } | Shape::Rectangle { node, x1, y1, x2, y2 } => {
            (*node, near(&[*x1, *y1, *x2, *y2]))
        }
        Shape::Text { node, x, y, text } => {
            (*node, near(&[*x, *y]) && !text.trim().is_empty() && text.chars().count() <= MAX_TEXT)
        }
        Shape::Ping { node, x, y } => (*node, near(&[*x, *y])),
        Shape::Highlight { node } => (*node, true),
    };
    if !fits || drawing.id == 0 || drawing.colour >= COLOURS {
        return Err(Denied::because(Refusal::NotPossible));
    }
    Page { mirror, mask }.element(node)?;
    Ok(Allowed(drawing))
}

/// What the page's script understands (UI Events `KeyboardEvent.key`).
const KEYS: [&str; 15] = [
    "Enter",
    "Tab",
    "Backspace",
    "Delete",
    "Escape",
    "ArrowUp",
    "ArrowDown",
    "ArrowLeft",
    "ArrowRight",
    "Home",
    "End",
    "PageUp",
    "PageDown",
    " ",
    "a",
];

struct Page<'a> {
    mirror: &'a Mirror,
    mask: &'a Mask,
}

impl<'a> Page<'a> {
    fn rules(&self) -> &'a PathRules {
        self.mask.rules()
    }

    /// An element that the agent can see.
    fn element(&self, id: u32) -> Result<NodeRef<'a>, Denied> {
        let node = self.mirror.node(id).filter(|node| node.is_element() && self.mask.shows(*node));
        node.ok_or_else(|| Denied::because(Refusal::Gone))
    }

    /// The window, the document of a frame, or an element.
    fn scrolls(&self, id: u32) -> Result<(), Denied> {
        let is_document = |node: &NodeRef<'_>| node.kind() == NodeKind::Document && self.mask.shows(*node);
        if id == DOCUMENT || self.mirror.node(id).is_some_and(|node| is_document(&node)) {
            return Ok(());
        }
        self.element(id).map(|_| ())
    }

    /// A click, or a key that is one.
    fn press(&self, node: NodeRef<'a>) -> Result<(), Denied> {
        self.unlocked(node)?;
        // Nobody can say of a control that shows none of its name whether it is a locked one.
        for up in path(node).into_iter().filter(|up| up.is_element() && is_pressed(*up)) {
            if let Some(rule) = self.mask.masked(up).filter(|_| !self.is_readable(up)) {
                return Err(Denied { refusal: Refusal::Masked, rule: rule.to_owned() });
            }
        }
        // A label passes its click on.
        for label in path(node).into_iter().filter(|up| up.local() == "label") {
            for control in name::controlled(label) {
                self.unlocked(control)?;
                self.submits(control)?;
            }
        }
        for up in path(node) {
            self.submits(up)?;
        }
        // What looks like a button and is none to the eye of markup is one when its whole text is a lock's name, with or
        // without a price.
        for up in node.ancestors().take(UNMARKED_DEPTH).filter(|up| up.is_element() && !is_pressed(*up)) {
            if let Some(rule) = self.rules().lock_name(&without_price(&name::text(up)), true) {
                return Err(locked(rule));
            }
        }
        Ok(())
    }

    /// Whether something inside a masked control is unmasked, so that agents read what they press.
    fn is_readable(&self, control: NodeRef<'_>) -> bool {
        control
            .descendants()
            .any(|inner| inner.text().is_some_and(|text| !text.trim().is_empty()) && self.mask.masked(inner).is_none())
    }

    /// Text or a choice that goes into a field.
    fn edit(&self, node: NodeRef<'a>) -> Result<(), Denied> {
        self.unlocked(node)?;
        match self.mask.masked(node) {
            Some(rule) => Err(Denied { refusal: Refusal::Masked, rule: rule.to_owned() }),
            None => Ok(()),
        }
    }

    fn key(&self, id: u32, key: &str, alt: bool, combined: bool) -> Result<(), Denied> {
        // Alt reaches access keys, which press controls unseen; of the combinations only "select all" stays in the page.
        if alt || !KEYS.contains(&key) || (combined && matches!(key, "Enter" | " ")) || (!combined && key == "a") {
            return Err(Denied::because(Refusal::NotPossible));
        }
        if id == DOCUMENT && matches!(key, "Enter" | " ") {
            return Err(Denied::because(Refusal::NotPossible));
        }
        if key == "Escape" {
            self.closes()?;
        }
        // What has nothing in focus for the agent may have something by now.
        let id = if id == DOCUMENT { self.mirror.focus() } else { id };
        if id == NONE {
            return Ok(());
        }
        let node = self.element(id)?;
        if key == "Tab" {
            return Ok(());
        }
        self.edit(node)?;
        if !matches!(key, "Enter" | " ") {
            return self.choice(node);
        }
        self.press(node)?;
        // In a text area Enter is a new line.
        match form_of(node).filter(|_| key == "Enter" && node.local() != "textarea") {
            Some(form) => self.submission(form),
            None => Ok(()),
        }
    }

    /// Escape closes what is in front, wherever the keyboard is.
    fn closes(&self) -> Result<(), Denied> {
        for wanted in [Layer::Modal, Layer::Popover] {
            let in_front = self.mirror.top_layer().rev().find(|(_, layer)| *layer == wanted);
            in_front.map_or(Ok(()), |(node, _)| self.unlocked(node))?;
        }
        Ok(())
    }

    /// A key or a value may choose any option of a list, a key any button of a group.
    fn choice(&self, node: NodeRef<'a>) -> Result<(), Denied> {
        match (node.local(), name::input_type(node).as_str()) {
            ("select", _) => field::options(node).try_for_each(|option| self.unlocked(option)),
            ("input", "radio") => {
                let group = node.attribute("name").unwrap_or_default();
                let same = |other: &NodeRef<'_>| {
                    other.local() == "input"
                        && name::input_type(*other) == "radio"
                        && other.attribute("name").unwrap_or_default() == group
                };
                node.root().descendants().filter(same).try_for_each(|radio| self.unlocked(radio))
            }
            _ => Ok(()),
        }
    }

    /// The element, everything it is in, and their labels.
    fn unlocked(&self, node: NodeRef<'a>) -> Result<(), Denied> {
        for up in path(node).into_iter().filter(|up| up.is_element()) {
            if let Some(rule) = lock_of(self.rules(), up) {
                return Err(locked(rule));
            }
        }
        for label in name::labels(node).into_iter().flat_map(NodeRef::ancestors).filter(|up| up.is_element()) {
            if let Some(rule) = lock_of(self.rules(), label) {
                return Err(locked(rule));
            }
        }
        Ok(())
    }

    /// A button that submits a form: the form must not be locked.
    fn submits(&self, node: NodeRef<'a>) -> Result<(), Denied> {
        match form_of(node).filter(|_| is_submit(node)) {
            Some(form) => self.unlocked(form),
            None => Ok(()),
        }
    }

    /// Implicit submission presses the form's first submit button (WHATWG HTML 4.10.22.2). Which one that is the page can
    /// change in between: no submit button of the form may be locked.
    fn submission(&self, form: NodeRef<'a>) -> Result<(), Denied> {
        self.unlocked(form)?;
        let inside = form.descendants().filter(|node| is_submit(*node) || custom_button(*node));
        for button in inside {
            self.unlocked(button)?;
        }
        let Some(id) = form.attribute("id").filter(|id| !id.is_empty()) else { return Ok(()) };
        let owned = |node: &NodeRef<'_>| node.attribute("form") == Some(id) && is_submit(*node);
        for button in form.root().descendants().filter(owned) {
            self.unlocked(button)?;
        }
        Ok(())
    }

    /// Navigation by hand goes nowhere that a locked link or form of the page goes, nor where a lock rule points.
    fn navigate(&self, url: &str) -> Result<(), Denied> {
        let target = Target::parse(url).ok_or(Denied::because(Refusal::NotPossible))?;
        if let Some(rule) = target.locked_by(self.rules()) {
            return Err(locked(rule));
        }
        let nodes = self.mirror.document().into_iter().flat_map(NodeRef::descendants);
        for node in nodes.filter(|node| node.is_element()) {
            let mut addresses = ["href", "action", "formaction"].iter().filter_map(|name| node.attribute(name));
            if addresses.any(|address| target.is_led_to_by(node, address)) {
                self.unlocked(node)?;
                if node.local() == "form" {
                    self.submission(node)?;
                }
            }
        }
        Ok(())
    }
}

/// How far outside of a click the text of an unmarked button is looked for.
const UNMARKED_DEPTH: usize = 4;

/// "Buy now" of "Buy now · R$ 99,00".
fn without_price(text: &str) -> String {
    let price = |word: &&str| {
        word.contains(|c: char| c.is_ascii_digit() || "$€£¥₹".contains(c))
            || ["USD", "EUR", "BRL", "GBP", "CHF"].contains(word)
    };
    text.split_whitespace().filter(|word| !price(word)).collect::<Vec<_>>().join(" ")
}

fn locked(rule: &str) -> Denied {
    Denied { refusal: Refusal::Locked, rule: rule.to_owned() }
}

/// The element and everything that an event on it goes through: what it is in, and the slots that it is shown in (WHATWG
/// DOM "get the parent").
fn path(node: NodeRef<'_>) -> Vec<NodeRef<'_>> {
    let mut path: Vec<NodeRef<'_>> = Vec::new();
    let mut next = vec![node];
    while let Some(at) = next.pop() {
        if path.len() >= MAX_PATH || path.contains(&at) {
            continue;
        }
        path.push(at);
        next.extend(at.parent_node());
        next.extend(slot_of(at));
    }
    path
}

/// Deeper than any page nests slots; each step of a path is looked at once.
const MAX_PATH: usize = 2048;

fn slot_of(node: NodeRef<'_>) -> Option<NodeRef<'_>> {
    let shadow = node.parent_node()?.children().find(|child| child.kind() == NodeKind::Shadow)?;
    let wanted = node.attribute("slot").unwrap_or_default();
    shadow.descendants().find(|slot| slot.local() == "slot" && slot.attribute("name").unwrap_or_default() == wanted)
}

/// The form that a control belongs to: by its `form` attribute, else the one it is in.
fn form_of(node: NodeRef<'_>) -> Option<NodeRef<'_>> {
    match node.attribute("form") {
        Some(id) => node.with_id(id).find(|form| form.local() == "form"),
        None => node.ancestors().find(|up| up.local() == "form"),
    }
}

fn is_submit(node: NodeRef<'_>) -> bool {
    match node.local() {
        "button" => node
            .attribute("type")
            .is_none_or(|kind| !kind.eq_ignore_ascii_case("button") && !kind.eq_ignore_ascii_case("reset")),
        "input" => matches!(name::input_type(node).as_str(), "submit" | "image"),
        _ => false,
    }
}

/// A button in the eyes of the page's script, which may submit in its own way.
fn custom_button(node: NodeRef<'_>) -> bool {
    node.local() == "button" || (node.local().contains('-') && is_pressed(node))
}
