//! Ways past the mask that somebody has tried: each once, as it was found.

use super::tests::{Room, parent, text};
use super::*;
use crate::protocol::TreeNode;
use crate::rules::{RuleSet, Source};

const CARD: &str = "4111111111111111";
const WORD: &str = "Zx81secret";

fn rules(own: &str) -> Arc<SiteRules> {
    RuleSet::load(&[Source { file: "own.toml", text: own }], &[]).unwrap().for_site("shop.example")
}

const VAULT: &str = "[[rule]]\nid = \"vault\"\naction = \"private\"\npaths = [\"/vault/**\"]\n\n\
    [[rule]]\nid = \"late\"\naction = \"mask\"\nselector = \".late\"\n";

/// A page as agents of an open company see it: all that it is made of shows.
fn shop() -> Room {
    let nodes = [
        parent("p", &[("title", WORD)], vec![text("text")]),
        parent("img", &[("alt", WORD)], vec![]),
        parent("input", &[], vec![]),
    ];
    let mut room = Room::new(VAULT, parent("body", &[("data-who", WORD)], nodes.concat()));
    room.send(Op::SetTitle { title: WORD.into() });
    room.send(Op::SetValue { node: 6, value: WORD.into() });
    room
}

/// What a viewer's page says, and what it is called.
fn says(room: &Room, what: &str) -> bool {
    let viewer = room.viewer();
    let told = |node: NodeRef<'_>| {
        node.attributes().any(|(_, value)| value.contains(what))
            || node.text().is_some_and(|text| text.contains(what))
            || node.value().is_some_and(|value| value.contains(what))
    };
    viewer.title().contains(what) || viewer.url().contains(what) || viewer.document().unwrap().descendants().any(told)
}

#[test]
fn a_page_that_walks_into_a_private_path_takes_everything_with_it() {
    let mut room = shop();
    assert!(says(&room, WORD), "it shows before");
    room.send(Op::SetUrl { url: "https://shop.example/vault/zx81secret".into() });
    assert!(!says(&room, WORD) && !says(&room, "zx81secret"));
    room.send(Op::SetUrl { url: "https://shop.example/".into() });
    assert!(says(&room, WORD), "and is shown again outside");
}

#[test]
fn new_rules_that_make_all_private_take_title_address_and_values_back() {
    let mut room = shop();
    room.reload(rules("[[rule]]\nid = \"all\"\naction = \"private\"\n"));
    assert!(!says(&room, WORD));
    assert_eq!(room.viewer().title(), MASK);
}

#[test]
fn a_title_that_becomes_masked_is_taken_back() {
    let head = parent("head", &[], parent("title", &[], vec![text(WORD)]));
    let mut room = Room::new(VAULT, parent("html", &[], head));
    room.send(Op::SetTitle { title: WORD.into() });
    room.attr(4, "class", Some("late"));
    assert!(!says(&room, WORD));
}

#[test]
fn a_constructed_sheet_goes_when_all_that_takes_it_is_masked() {
    let shadow = |class: &str| {
        parent(
            "div",
            &[("class", class)],
            [vec![TreeNode::Shadow], parent("p", &[], vec![]), vec![TreeNode::End]].concat(),
        )
    };
    let mut room = Room::new(VAULT, [shadow("one"), shadow("two")].concat());
    room.send(Op::DefineSheet { sheet: 1, css: format!("b::after{{content:'{WORD}'}}") });
    room.send(Op::Adopt { node: 3, sheets: vec![1] });
    room.send(Op::Adopt { node: 6, sheets: vec![1] });
    let sheet = |room: &Room| format!("{:?}", room.viewer().sheet_ops(1));
    room.attr(2, "class", Some("late"));
    assert!(sheet(&room).contains(WORD), "the other root shows it");
    room.attr(5, "class", Some("late"));
    assert!(!sheet(&room).contains(WORD));
}

#[test]
fn attributes_that_hold_coordinates_hold_nothing_else() {
    for (tag, name, value) in [
        ("p", "values", CARD),
        ("p", "d", "ana@example.com"),
        ("p", "x", CARD),
        ("use", "href", "#4111111111111111"),
        ("img", "usemap", "#4111111111111111"),
        ("x-4111111111111111", "id", "x"),
    ] {
        let mut room = Room::new("", parent(tag, &[(name, value)], vec![]));
        let told = room.told().concat() + &room.tags().concat();
        assert!(!told.contains(CARD) && !told.contains("ana@"), "{tag} {name}: {told}");
    }
    let mut room = Room::new("", parent("img", &[("srcset", "a.png 4111111111111111w, b.png 2x")], vec![]));
    let told = room.told().concat();
    assert!(!told.contains(CARD) && told.contains(" 2x"), "{told}");
}

#[test]
fn what_was_learnt_late_is_taken_back_however_it_is_written() {
    use base64::Engine as _;
    let packed = base64::engine::general_purpose::STANDARD.encode(format!("user={WORD};"));
    let nodes = [
        parent("p", &[("data-state", &packed)], vec![]),
        parent("p", &[("data-next", "a%20Zx81%2Dsecret")], vec![]),
        parent("style", &[], vec![]),
        parent("div", &[(&format!("data-{}", WORD.to_lowercase()), "x")], vec![]),
    ];
    let mut room = Room::new("", nodes.concat());
    room.send(Op::SetSheet { node: 4, css: "a{}".into() });
    room.send(Op::InsertRule { node: 4, sheet: 0, path: vec![0], css: format!("p::after{{content:'{WORD}'}}") });
    room.send(Op::DefineSheet { sheet: 1, css: format!("b::after{{content:'{WORD}'}}") });
    room.send(Op::Adopt { node: 1, sheets: vec![1] });
    room.learn(WORD);
    let viewer = room.viewer();
    let rest = format!("{:?} {:?}", viewer.snapshot(1), viewer.sheet_ops(1));
    for form in [WORD, &packed, "Zx81%2Dsecret", "zx81secret"] {
        assert!(!rest.contains(form), "{form}: {rest}");
    }
}

#[test]
fn words_that_pack_a_number_are_hidden_whole() {
    let mask = Mask::new(RuleSet::presets().unwrap().for_site("shop.example"));
    assert_eq!(mask.words("see you at 10").as_ref(), "see you at 10");
    assert_eq!(mask.words("https://x.example/?c=4111%2D1111%2D1111%2D1111").as_ref(), MASK);
}
