//! Which elements rules mask and lock, and for how long.

use super::room::*;
use crate::mask::*;
use crate::mirror::tests::element;
use crate::protocol::TreeNode;
use crate::rules::{RuleSet, Source};

#[test]
fn a_masked_block_says_neither_what_nor_how_much() {
    let inner = [vec![text("Zx81")], parent("b", &[], vec![text("secret")]), vec![text(" and more")]].concat();
    let room = Room::new(OWN, parent("p", &[("class", "private"), ("data-note", SECRET), ("title", SECRET)], inner));
    assert_eq!(room.shown(), MASK);
    assert_eq!(room.seen(2).attribute("data-lado-mask"), Some(""));
    assert_eq!(room.seen(2).attribute("title"), Some(MASK));
    assert_eq!(room.seen(2).attribute("data-note"), None);
    assert!(!room.leaked("Zx81") && !room.leaked("secret"));
    assert_eq!(room.mask.corrections(), 4, "three texts and a title");
}

#[test]
fn what_the_page_has_masked_itself_needs_no_correction() {
    let room = Room::new(OWN, parent("p", &[("class", "private"), ("title", MASK)], vec![text(MASK)]));
    assert_eq!((room.shown().as_str(), room.mask.corrections()), (MASK, 0));
}

#[test]
fn text_that_becomes_masked_is_taken_back_and_stays_masked() {
    let mut room = Room::new(OWN, parent("p", &[], vec![text("hello")]));
    assert_eq!(room.shown(), "hello");
    room.attr(2, "class", Some("private"));
    assert_eq!(room.shown(), MASK);
    room.attr(2, "class", None);
    assert_eq!(room.shown(), MASK);
    room.text(3, SECRET);
    assert_eq!(room.shown(), MASK);
    assert!(!room.leaked(SECRET));
}

#[test]
fn text_is_judged_where_it_arrives() {
    let nodes = [parent("p", &[("class", "private")], vec![text("one")]), parent("p", &[], vec![text("two")])].concat();
    let mut room = Room::new(OWN, nodes);
    room.send(Op::Move { node: 3, parent: 4, prev: 5 });
    assert_eq!(room.shown(), "twoone");
    room.send(Op::Move { node: 5, parent: 2, prev: 0 });
    assert_eq!(room.shown(), format!("{MASK}one"));
}

#[test]
fn an_unmask_rule_opens_its_own_masks_and_no_firm_one() {
    let open = |class: &str| parent("b", &[("class", class)], vec![text("shown")]);
    let nodes = [
        parent("p", &[("class", "private")], [vec![text("x")], open("open")].concat()),
        parent("p", &[("class", "private open")], vec![text("too")]),
        parent("div", &[("autocomplete", "one-time-code")], open("open")),
    ]
    .concat();
    let room = Room::new(OWN, nodes);
    assert_eq!(room.shown(), format!("{MASK}showntoo{MASK}"));
}

#[test]
fn rules_follow_the_path_of_the_page() {
    let mut room = Room::new(OWN, parent("p", &[("class", "balance")], vec![text("R$ 10")]));
    assert_eq!(room.shown(), "R$ 10");
    room.send(Op::SetUrl { url: "https://shop.example/account?id=1#x".into() });
    assert_eq!(room.shown(), MASK);
    assert_eq!(room.viewer.url(), "https://shop.example/account");
}

#[test]
fn a_selector_that_looks_around_is_judged_again_when_the_surroundings_change() {
    let nodes =
        [parent("div", &[], parent("b", &[], vec![text("gold")])), parent("div", &[("class", "vault")], vec![])];
    let mut room = Room::new(OWN, nodes.concat());
    assert_eq!(room.shown(), "gold");
    room.send(Op::Move { node: 3, parent: 5, prev: 0 });
    assert_eq!(room.shown(), MASK);
    let mut room = Room::new(OWN, parent("div", &[], parent("b", &[], vec![text("gold")])));
    room.attr(2, "class", Some("vault"));
    assert_eq!(room.shown(), MASK);
}

#[test]
fn new_rules_take_back_what_they_mask() {
    let mut room = Room::new("", parent("p", &[("class", "late")], vec![text(SECRET)]));
    let own = "[[rule]]\nid = \"late\"\naction = \"mask\"\nselector = \".late\"\n";
    let rules = RuleSet::load(&[Source { file: "own.toml", text: own }], &[]).unwrap().for_site("shop.example");
    room.reload(rules);
    assert_eq!(room.shown(), MASK);
}

#[test]
fn a_new_detector_takes_back_what_it_finds_wherever_that_stands() {
    let order = "ORD-778812";
    let nodes = [
        parent("input", &[], vec![]),
        parent("img", &[("alt", order)], vec![]),
        parent("p", &[("data-order", order)], vec![text(order)]),
        parent("style", &[], vec![text(&format!(".a::before{{content:'{order}'}}"))]),
        parent("p", &[], vec![text("ORD-1 stays")]),
    ];
    let mut room = Room::new("", nodes.concat());
    room.value(2, order);
    room.send(Op::SetAdopted { node: 1, sheets: vec![format!(".c::before{{content:'{order}'}}")] });
    room.send(Op::DefineSheet { sheet: 1, css: format!(".b::before{{content:'{order}'}}") });
    room.send(Op::Adopt { node: 1, sheets: vec![1] });
    assert!(room.says(order));
    let own = "[[detector]]\nid = \"order\"\npattern = 'ORD-[0-9]{6}'\n";
    room.reload(RuleSet::load(&[Source { file: "own.toml", text: own }], &[]).unwrap().for_site("shop.example"));
    assert!(!room.says(order));
    assert!(room.shown().contains("ORD-1 stays"));
    assert_eq!((room.seen(2).value(), room.seen(3).attribute("alt")), (Some(MASK), Some(MASK)));
}

#[test]
fn card_fields_are_masked_by_autocomplete_name_and_label() {
    let nodes = [
        parent("input", &[("autocomplete", "billing cc-csc")], vec![]),
        parent("input", &[("name", "cardNumber")], vec![]),
        parent("input", &[("id", "cliente_cpf")], vec![]),
        parent("label", &[], [vec![text("Número do cartão")], parent("input", &[], vec![])].concat()),
        parent("label", &[("for", "v")], vec![text("CVV")]),
        parent("input", &[("id", "v")], vec![]),
        parent("input", &[("name", "postcard_title")], vec![]),
    ];
    let mut room = Room::new("", nodes.concat());
    for node in [2, 3, 4, 7, 10] {
        room.value(node, "123");
        assert_eq!(room.seen(node).value(), Some(MASK), "{node}");
    }
    room.value(11, "123");
    assert_eq!(room.seen(11).value(), Some("123"));
}

#[test]
fn a_word_of_a_label_masks_its_field_wherever_it_stands() {
    let input = |attrs: &[(&str, &str)]| parent("input", attrs, vec![]);
    let masked = [
        "Código CVV",
        "Digite o CVV",
        "Card CVC",
        "Enter your PIN",
        "Seu CPF",
        "MM / AA",
        "Código de confirmação",
        "E-mail",
        "Celular *",
        "Your email",
        "Mobile phone number",
    ];
    let plain = [
        "DD/MM/AAAA",
        "Spin",
        "Liczba dni",
        "Nie wiem",
        "Order number",
        "CEP",
        "Quantity",
        "Código do produto",
        "Coupon code",
        "Model of your phone",
        "Celular mais vendido",
        "Email me offers",
        "Capa de celular",
        "Mensagem para o vendedor",
    ];
    let nodes = masked.iter().chain(&plain).flat_map(|label| input(&[("placeholder", label)]));
    let mut room = Room::new("", nodes.collect());
    for (node, label) in (2..).zip(masked.iter().chain(&plain)) {
        room.value(node, "123");
        assert_eq!(room.seen(node).value() == Some(MASK), masked.contains(label), "{label}");
    }
}

#[test]
fn a_label_that_comes_later_masks_its_field() {
    let mut room = Room::new("", parent("input", &[("id", "v")], vec![]));
    room.value(2, "123");
    assert_eq!(room.seen(2).value(), Some("123"));
    room.insert(1, 2, 10, parent("label", &[("for", "v")], vec![text("CVV")]));
    assert_eq!(room.seen(2).value(), Some(MASK));
}

#[test]
fn a_password_field_never_tells_its_value() {
    let mut room = Room::new(
        "",
        vec![element("input", &[("type", "password"), ("value", SECRET), ("maxlength", "10")]), TreeNode::End],
    );
    room.value(2, SECRET);
    room.attr(2, "type", Some("text"));
    room.value(2, &format!("{SECRET}2"));
    room.attr(2, "value", Some(SECRET));
    assert_eq!((room.seen(2).value(), room.seen(2).attribute("value")), (Some(MASK), Some(MASK)));
    assert_eq!(room.seen(2).attribute("maxlength"), None);
    assert!(!room.leaked(SECRET));
}

#[test]
fn locks_are_marked_when_names_come_and_go() {
    let nodes = [parent("button", &[], vec![text("Comprar")]), parent("p", &[("id", "danger")], vec![])].concat();
    let mut room = Room::new(OWN, nodes);
    let lock = |room: &Room, node: u32| room.seen(node).attribute("data-lado-lock").map(str::to_owned);
    assert_eq!((lock(&room, 2), lock(&room, 4).as_deref()), (None, Some("own-lock")));
    room.text(3, "Comprar agora");
    assert_eq!(lock(&room, 2).as_deref(), Some("buy-pt"));
    room.attr(4, "id", None);
    assert_eq!(lock(&room, 4), None);
    room.text(3, "Ver");
    assert_eq!(lock(&room, 2), None);
    room.insert(1, 0, 20, parent("button", &[("aria-label", "Buy now")], vec![]));
    assert_eq!(lock(&room, 20).as_deref(), Some("buy-en"));
}
