//! What detectors find, in text and wherever else pages write.

use super::room::*;
use crate::mask::*;
use crate::mirror::tests::element;
use crate::protocol::TreeNode;

#[test]
fn a_card_number_over_several_elements_is_masked() {
    let pieces =
        CARD.as_bytes().chunks(4).flat_map(|four| parent("span", &[], vec![text(str::from_utf8(four).unwrap())]));
    let nodes = parent("p", &[], [vec![text("Card: ")], pieces.collect(), vec![text(", thanks")]].concat());
    let room = Room::new("", nodes);
    assert_eq!(room.shown(), format!("Card: {MASK}, thanks"));
    assert!(!room.leaked("1111"));
}

#[test]
fn a_card_number_that_grows_digit_by_digit_is_taken_back_when_it_is_one() {
    let mut room =
        Room::new("", [parent("p", &[], vec![text("")]), vec![element("input", &[]), TreeNode::End]].concat());
    for end in 1..=CARD.len() {
        room.text(3, &CARD[..end]);
        room.value(4, &CARD[..end]);
    }
    assert_eq!(room.shown(), MASK);
    assert_eq!(room.seen(4).value(), Some(MASK));
    room.value(4, &CARD[..15]);
    assert_eq!(room.seen(4).value(), Some(MASK), "a digit less is still a secret");
    assert!(!room.leaked(CARD));
    room.value(4, "");
    room.value(4, "hello");
    assert_eq!(room.seen(4).value(), Some("hello"));
}

#[test]
fn what_is_written_in_a_page_of_text_shows_when_it_is_left_and_is_nothing_private() {
    let nodes = parent("div", &[("contenteditable", "true")], vec![text("")]);
    let mut room = Room::new("", nodes);
    room.send(Op::Focus { node: 2 });
    for end in 1..=CARD.len() {
        room.text(3, &CARD[..end]);
    }
    assert!(!room.leaked("4111111"), "no more than six digits of it");
    room.text(3, "order 1234567");
    assert_eq!(room.shown(), MASK);
    room.send(Op::Focus { node: NONE });
    assert_eq!(room.shown(), "order 1234567");
}

#[test]
fn what_the_browser_says_is_hidden_where_all_is() {
    let room = Room::new("[[rule]]\nid = \"all\"\naction = \"private\"\n", parent("p", &[], vec![text("x")]));
    assert_eq!(room.mask.outside("Maria, your balance is 4,000").as_ref(), MASK);
    assert_eq!(room.mask.outside("").as_ref(), "");
}

#[test]
fn a_number_completed_by_removal_or_insertion_is_masked() {
    let nodes =
        parent("p", &[], [vec![text("41111111")], parent("i", &[], vec![text("x")]), vec![text("11111111")]].concat());
    let mut room = Room::new("", nodes.clone());
    assert_eq!(room.shown(), "41111111x11111111");
    room.send(Op::Remove { nodes: vec![4] });
    assert_eq!(room.shown(), MASK);
    let mut room = Room::new("", nodes);
    room.text(5, "");
    assert_eq!(room.shown(), MASK);
    room.text(5, "x");
    assert_eq!(room.shown(), "41111111x11111111");
    let mut room = Room::new("", parent("p", &[], vec![text("41111111")]));
    room.insert(2, 3, 10, parent("b", &[], vec![text("11111111")]));
    assert_eq!(room.shown(), MASK);
}

#[test]
fn every_attribute_that_carries_a_number_is_masked() {
    let attrs =
        ["title", "alt", "placeholder", "aria-label", "data-card", "value", "content", "label", "id", "class", "style"];
    for name in attrs {
        let value = if name == "style" { format!("--card: '{CARD}'") } else { CARD.to_owned() };
        let room = Room::new("", parent("div", &[(name, &value)], vec![]));
        assert!(!room.leaked(CARD), "{name}");
    }
    let mut room = Room::new("", parent("p", &[], vec![text("ok")]));
    for name in attrs {
        room.attr(2, name, Some(&format!("'{CARD}'")));
        room.attr(2, &format!("data-{name}-{CARD}"), Some("x"));
    }
    assert!(!room.leaked(CARD));
}

#[test]
fn a_number_over_several_fields_is_hidden_as_it_grows_and_when_it_is_left() {
    let group = parent("div", &[], parent("input", &[("maxlength", "4"), ("value", "")], vec![]));
    let order = [parent("input", &[("maxlength", "4")], vec![]), parent("input", &[("maxlength", "4")], vec![])];
    let four = std::iter::repeat_n(group, 4).flatten().collect();
    let page = [parent("section", &[], four), parent("section", &[], order.concat())];
    let mut room = Room::new("", page.concat());
    let fields = [4, 6, 8, 10];
    for (at, four) in CARD.as_bytes().chunks(4).map(|four| str::from_utf8(four).unwrap()).enumerate() {
        room.send(Op::Focus { node: fields[at] });
        for end in 1..=4 {
            room.value(fields[at], &four[..end]);
            // As frameworks do.
            room.attr(fields[at], "value", Some(&four[..end]));
        }
        room.send(Op::Caret { node: fields[at], start: 4, end: 4 });
    }
    assert_eq!(room.caret(), None, "where in a hidden number the customer is");
    room.send(Op::Focus { node: 12 });
    for (at, field) in fields.into_iter().enumerate() {
        assert_eq!(room.seen(field).value(), Some(MASK), "{at}");
    }
    for (field, four) in [(12, "8877"), (13, "6655")] {
        room.send(Op::Focus { node: field });
        room.value(field, four);
    }
    assert_eq!(room.seen(12).value(), Some(MASK), "more than six digits while they are typed");
    room.send(Op::Focus { node: NONE });
    assert_eq!((room.seen(12).value(), room.seen(13).value()), (Some("8877"), Some("6655")), "no number of anybody's");
    room.value(10, "1112");
    assert_eq!(room.seen(4).value(), Some("4111"));
}

#[test]
fn a_code_of_a_box_for_each_digit_is_hidden_from_the_first() {
    let boxes = (0..6).flat_map(|_| parent("input", &[("maxlength", "1"), ("inputmode", "numeric")], vec![]));
    let initial = parent("input", &[("maxlength", "1"), ("type", "text"), ("name", "middleInitial")], vec![]);
    let mut room = Room::new("", boxes.chain(initial).collect());
    for (node, digit) in (2..8).zip("739154".chars()) {
        room.value(node, &digit.to_string());
        assert_eq!(room.seen(node).value(), Some(MASK), "{node}");
    }
    room.value(8, "J");
    assert_eq!(room.seen(8).value(), Some("J"));
}

#[test]
fn a_number_that_grows_is_in_no_attribute_and_no_caret_tells_how_long_it_is() {
    let mut room = Room::new("", parent("input", &[("value", "")], vec![]));
    room.send(Op::Focus { node: 2 });
    for end in 1..=CARD.len() - 1 {
        room.value(2, &CARD[..end]);
        room.attr(2, "value", Some(&CARD[..end]));
        room.send(Op::Caret { node: 2, start: end as u32, end: end as u32 });
    }
    assert!(!room.leaked(&CARD[..7]));
    assert_eq!(room.caret(), None);
    room.value(2, "1234567");
    room.attr(2, "value", Some("1234567"));
    room.send(Op::Focus { node: NONE });
    assert_eq!((room.seen(2).value(), room.seen(2).attribute("value")), (Some("1234567"), Some("1234567")));
}

#[test]
fn what_an_attribute_is_called_is_not_told_when_it_goes() {
    let mut room = Room::new("", parent("p", &[], vec![text("ok")]));
    room.learn("azul do mar");
    for name in [&format!("data-{CARD}"), "data-azuldomar", "azul-do-mar", "onclick"] {
        assert_eq!(room.attr(2, name, Some("x")), Vec::<Op>::new(), "{name}");
        assert_eq!(room.attr(2, name, None), Vec::<Op>::new(), "{name}");
    }
    assert_eq!(room.attr(2, "data-x", None).len(), 1);
}

#[test]
fn generated_text_titles_and_addresses_are_covered() {
    let svg = "data:image/svg+xml;base64,PHN2Zz48dGV4dD40MTExMTExMTExMTExMTExPC90ZXh0Pjwvc3ZnPg==";
    let nodes = [
        parent(
            "style",
            &[],
            vec![text(".a::before{content:'4111 1111 "), text("1111 1111'} .b{--n:4111111111111111}")],
        ),
        parent("svg", &[], parent("text", &[], vec![text(CARD)])),
        parent("img", &[("src", svg)], vec![]),
        parent("input", &[("type", "hidden"), ("value", SECRET)], vec![]),
        parent("title", &[], vec![text(CARD)]),
    ];
    let mut room = Room::new("", nodes.concat());
    room.send(Op::SetTitle { title: format!("Card {CARD}") });
    room.send(Op::SetUrl { url: format!("https://shop.example/pay/{CARD}?n={CARD}") });
    room.send(Op::SetAdopted { node: 1, sheets: vec![r".c::before{content:'\34 111111111111111'}".into()] });
    assert!(!room.leaked(CARD) && !room.leaked("4111 1111") && !room.leaked("PHN2"));
    assert!(!room.leaked(SECRET) && !room.leaked("111111111111111"));
    assert_eq!(room.viewer.title(), format!("Card {MASK}"));
    assert_eq!(room.viewer.url(), format!("https://shop.example/{MASK}"));
}

#[test]
fn rules_by_script_and_fonts_lead_nowhere_and_print_no_card() {
    let nodes = [parent("style", &[], vec![]), parent("div", &[("class", "private")], parent("style", &[], vec![]))];
    let mut room = Room::new(OWN, nodes.concat());
    let rule = |text: &str| format!("a::before{{content:'{text}';background:url(https://track.example/{text})}}");
    room.send(Op::InsertRule { node: 2, sheet: 0, path: vec![0], css: rule(CARD) });
    room.send(Op::SetRule { node: 2, sheet: 0, path: vec![0], css: rule(CARD) });
    room.send(Op::InsertRule { node: 4, sheet: 0, path: vec![0], css: rule(SECRET) });
    room.send(Op::DefineSheet { sheet: 1, css: rule(CARD) });
    room.send(Op::InsertRule { node: 0, sheet: 1, path: vec![1], css: rule(CARD) });
    room.send(Op::Adopt { node: 1, sheets: vec![1] });
    assert!(!room.leaked(CARD) && !room.leaked("track.example") && !room.leaked(SECRET));
}

#[test]
fn what_a_line_says_is_read_again_when_it_is_moved_to_words_that_say_what_it_is() {
    let label = parent("div", &[], vec![text("Date of birth")]);
    let date = parent("div", &[], parent("p", &[], vec![text("12/03/1980")]));
    let mut room = Room::new("", [label, parent("p", &[], vec![text("elsewhere")]), date].concat());
    assert!(room.shown().contains("12/03/1980"));
    room.send(Op::Move { node: 6, parent: 1, prev: 2 });
    assert!(!room.shown().contains("12/03/1980"), "{}", room.shown());
}

#[test]
fn the_groups_of_a_row_are_read_again_when_it_is_moved_to_the_others() {
    let cells = |groups: &[&str]| {
        parent("tr", &[], groups.iter().flat_map(|group| parent("td", &[], vec![text(group)])).collect())
    };
    let rows = [cells(&["4111"]), cells(&["and then"]), cells(&["1111", "1111", "1111"])].concat();
    let mut room = Room::new("", parent("table", &[], rows));
    assert!(room.shown().contains("111111111111"));
    room.send(Op::Move { node: 9, parent: 2, prev: 3 });
    assert!(!room.shown().contains("1111"), "{}", room.shown());
}

#[test]
fn what_is_left_when_a_line_between_goes_is_read_again() {
    let inner = [parent("p", &[], vec![text("x")]), parent("p", &[], vec![text("12/03/1980")])].concat();
    let mut room =
        Room::new("", [parent("div", &[], vec![text("Date of birth")]), parent("section", &[], inner)].concat());
    assert!(room.shown().contains("1980"));
    room.send(Op::Remove { nodes: vec![5] });
    assert!(!room.shown().contains("1980"), "{}", room.shown());
    // A longer way in: a card in two rows of which one begins the other.
    let row = |group: &str| parent("div", &[], vec![text(group)]);
    let first = parent("section", &[], [row("4111"), row("1111")].concat());
    let second = parent("section", &[], [row("no more"), row("1111"), row("1111")].concat());
    let mut room = Room::new("", [first, second].concat());
    room.send(Op::Remove { nodes: vec![8] });
    assert!(!room.shown().contains("1111"), "{}", room.shown());
}
