//! What an agent may put into a field, and which options of a list a choice touches.

use crate::mirror::{NodeRef, name};

/// Whether people give the field a value: not what is hidden, what is pressed or ticked, nor what only the customer's
/// own disk has.
pub(super) fn takes_value(field: NodeRef<'_>) -> bool {
    let editable = match field.local() {
        "input" => !matches!(
            name::input_type(field).as_str(),
            "hidden" | "submit" | "button" | "reset" | "image" | "file" | "checkbox" | "radio"
        ),
        "textarea" | "select" => true,
        _ => false,
    };
    editable && ["disabled", "readonly"].iter().all(|name| field.attribute(name).is_none())
}

pub(super) fn options(list: NodeRef<'_>) -> impl Iterator<Item = NodeRef<'_>> {
    list.descendants().filter(|inner| inner.local() == "option")
}

/// The options that are selected or not after `wanted` alone are: choosing one of a drop-down takes another away.
pub(super) fn toggled<'a>(list: NodeRef<'a>, wanted: &[u32]) -> impl Iterator<Item = NodeRef<'a>> {
    let selected = selected(list);
    options(list).filter(move |option| wanted.contains(&option.id()) != selected.contains(&option.id()))
}

/// What the page has said is selected, else what the markup selects: of a drop-down the last such option, or the first of
/// all (WHATWG HTML 4.10.7 "selectedness setting algorithm").
fn selected(list: NodeRef<'_>) -> Vec<u32> {
    if let Some(told) = list.selected() {
        return told.to_vec();
    }
    let mut marked: Vec<u32> =
        options(list).filter(|option| option.attribute("selected").is_some()).map(NodeRef::id).collect();
    if list.attribute("multiple").is_none() {
        marked = marked.pop().or_else(|| options(list).next().map(NodeRef::id)).into_iter().collect();
    }
    marked
}
