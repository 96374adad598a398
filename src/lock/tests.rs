use super::*;
use crate::mask::tests::Room;
use crate::mirror::tests::element;
use crate::protocol::{Button, Op, TreeNode};

/// An element with children.
fn parent(tag: &str, attrs: &[(&str, &str)], children: Vec<TreeNode>) -> Vec<TreeNode> {
    let mut nodes = vec![element(tag, attrs)];
    nodes.extend(children);
    nodes.push(TreeNode::End);
    nodes
}

fn text(content: &str) -> Vec<TreeNode> {
    vec![TreeNode::Text(content.into())]
}

fn click(node: u32) -> Action {
    Action::Click { node, x: 500, y: 500, button: Button::Left, count: 1 }
}

fn key(node: u32, key: &str) -> Action {
    Action::Key { node, key: key.into(), shift: false, ctrl: false, alt: false, meta: false }
}

fn ask(room: &Room, action: &Action) -> Result<(), (Refusal, String)> {
    check(&room.mirror, &room.mask, Level::Control, action).map(|_| ()).map_err(|denied| (denied.refusal, denied.rule))
}

fn locked(rule: &str) -> Result<(), (Refusal, String)> {
    Err((Refusal::Locked, rule.to_owned()))
}

fn refused(refusal: Refusal) -> Result<(), (Refusal, String)> {
    Err((refusal, String::new()))
}

const OWN: &str = r##"
[[rule]]
id = "no-pay-link"
action = "lock"
selector = "a[href^='/pay/']"

[[rule]]
id = "no-order"
action = "lock"
selector = "form[action*='/order']"
"##;

#[test]
fn only_control_lets_an_agent_act() {
    let room = Room::new("", parent("p", &[], text("x")));
    for level in [Level::Look, Level::Point] {
        let denied = check(&room.mirror, &room.mask, level, &click(2)).unwrap_err();
        assert_eq!(denied.refusal, Refusal::NotAllowed);
    }
    assert_eq!(ask(&room, &click(2)), Ok(()));
    assert!(!may_point(Level::Look) && may_point(Level::Point));
}

#[test]
fn a_buy_button_is_locked_with_everything_in_it() {
    let inner = [parent("span", &[], text("Comprar")), parent("b", &[], text(" agora"))].concat();
    let room = Room::new("", parent("button", &[], inner));
    for node in [2, 3, 5] {
        assert_eq!(ask(&room, &click(node)), locked("buy-pt"), "{node}");
    }
    for name in ["Enter", " "] {
        assert_eq!(ask(&room, &key(2, name)), locked("buy-pt"));
    }
    let hover = Action::Hover { node: 2, x: 0, y: 0 };
    assert_eq!(ask(&room, &hover), Ok(()));
}

#[test]
fn a_button_is_known_by_any_of_its_names() {
    for (tag, attrs, inner) in [
        ("button", vec![("aria-label", "Buy now")], text("→")),
        ("button", vec![("aria-label", "Continue")], text("Buy now")),
        ("input", vec![("type", "submit"), ("value", "Place order")], vec![]),
        ("input", vec![("type", "image"), ("alt", "Pay")], vec![]),
        ("a", vec![("title", "Excluir conta")], text("x")),
        ("a", vec![], parent("img", &[("alt", "Jetzt kaufen")], vec![])),
        ("div", vec![("role", "button")], text("I agree")),
        ("x-button", vec![], text("Acheter maintenant")),
        ("div", vec![], text("  COMPRAR\u{a0}AGORA ")),
    ] {
        let room = Room::new("", parent(tag, &attrs, inner));
        assert!(matches!(ask(&room, &click(2)), Err((Refusal::Locked, _))), "{tag} {attrs:?}");
    }
    let room = Room::new("", parent("div", &[], text("Pay attention to the following")));
    assert_eq!(ask(&room, &click(2)), Ok(()));
}

#[test]
fn a_label_and_what_it_presses_are_locked_together() {
    let nodes = [
        parent("input", &[("type", "checkbox"), ("id", "terms")], vec![]),
        parent("label", &[("for", "terms")], parent("i", &[], text("Concordo com os termos"))),
        parent("label", &[], [parent("input", &[("type", "checkbox")], vec![]), text("I agree")].concat()),
        parent("label", &[], [parent("input", &[("type", "checkbox")], vec![]), text("News")].concat()),
    ];
    let room = Room::new("", nodes.concat());
    for node in [2, 3, 4, 6, 7] {
        assert_eq!(ask(&room, &click(node)), locked("agree"), "{node}");
    }
    assert_eq!((ask(&room, &click(9)), ask(&room, &click(10))), (Ok(()), Ok(())));
}

#[test]
fn enter_in_a_field_submits_no_form_that_has_a_locked_button() {
    let nodes = [
        parent(
            "form",
            &[("id", "f")],
            [
                parent("input", &[], vec![]),
                parent("textarea", &[], vec![]),
                parent("button", &[], text("Apply coupon")),
                parent("button", &[], text("Buy now")),
            ]
            .concat(),
        ),
        parent("form", &[("id", "g")], parent("input", &[], vec![])),
        parent("button", &[("form", "g")], text("Finalizar pedido")),
        parent("form", &[], [parent("input", &[], vec![]), parent("button", &[], text("Search"))].concat()),
    ];
    let room = Room::new("", nodes.concat());
    assert_eq!(ask(&room, &key(3, "Enter")), locked("buy-en"));
    assert_eq!(ask(&room, &key(4, "Enter")), Ok(()), "a newline in a text area");
    assert_eq!(ask(&room, &click(5)), Ok(()), "another button of the form");
    assert_eq!(ask(&room, &key(10, "Enter")), locked("buy-pt"));
    assert_eq!(ask(&room, &key(14, "Enter")), Ok(()));
    assert_eq!(ask(&room, &Action::Type { node: 3, text: "x".into() }), Ok(()));
    for text in ["x\n", "\r", "a\u{2028}b"] {
        let action = Action::Type { node: 3, text: text.into() };
        assert_eq!(ask(&room, &action), refused(Refusal::NotPossible));
    }
}

#[test]
fn a_locked_form_is_not_submitted_from_outside_either() {
    let nodes = [
        parent("form", &[("id", "f"), ("action", "/order/new")], parent("input", &[], vec![])),
        parent("button", &[("form", "f")], text("Go")),
        parent("button", &[("form", "f"), ("type", "button")], text("Help")),
    ];
    let room = Room::new(OWN, nodes.concat());
    assert_eq!(ask(&room, &click(4)), locked("no-order"));
    assert_eq!(ask(&room, &click(6)), Ok(()));
    assert_eq!(ask(&room, &Action::Type { node: 3, text: "x".into() }), locked("no-order"));
}

#[test]
fn masked_fields_take_nothing_from_an_agent() {
    let nodes = [
        parent("input", &[("type", "password")], vec![]),
        parent("select", &[("autocomplete", "cc-exp-month")], parent("option", &[], text("1"))),
        parent("input", &[("name", "city")], vec![]),
    ];
    let room = Room::new("", nodes.concat());
    let masked = |rule: &str| Err((Refusal::Masked, rule.to_owned()));
    assert_eq!(ask(&room, &Action::Type { node: 2, text: "x".into() }), masked("password"));
    assert_eq!(ask(&room, &Action::SetValue { node: 2, value: "x".into() }), masked("password"));
    assert_eq!(ask(&room, &key(2, "Backspace")), masked("password"));
    assert_eq!(ask(&room, &key(2, "Tab")), Ok(()));
    assert_eq!(ask(&room, &Action::Select { node: 3, options: vec![4] }), masked("card-autocomplete"));
    assert_eq!(ask(&room, &click(4)), refused(Refusal::Gone), "viewers have no option of a masked list");
    assert_eq!(ask(&room, &click(2)), Ok(()));
    assert_eq!(ask(&room, &Action::Type { node: 6, text: "x".into() }), Ok(()));
}

#[test]
fn options_belong_to_their_list_and_may_be_locked() {
    let options =
        [parent("option", &[("value", "n")], text("Nothing")), parent("option", &[], text("Transfer"))].concat();
    let nodes = [parent("select", &[], options), parent("option", &[], text("stray"))].concat();
    let room = Room::new("", nodes);
    let select = |options: Vec<u32>| Action::Select { node: 2, options };
    assert_eq!(ask(&room, &select(vec![3])), Ok(()));
    assert_eq!(ask(&room, &select(vec![3, 5])), locked("transfer"));
    assert_eq!(ask(&room, &select(vec![7])), refused(Refusal::NotPossible));
    for value in ["Transfer", " transfer\n", "n"] {
        let set = Action::SetValue { node: 2, value: value.into() };
        assert_eq!(ask(&room, &set), locked("transfer"), "which option {value:?} is the browser says");
    }
    for name in ["ArrowDown", "End", "PageDown"] {
        assert_eq!(ask(&room, &key(2, name)), locked("transfer"), "{name} may choose it");
    }
    assert_eq!(ask(&room, &key(2, "Tab")), Ok(()));
}

#[test]
fn what_the_customer_has_chosen_of_the_locked_is_not_taken_away() {
    let option = |text: &str, attrs: &[(&str, &str)]| parent("option", attrs, vec![TreeNode::Text(text.into())]);
    let choices =
        |marks: &[(&str, &str)]| [option("News", &[]), option("I agree", marks), option("Gifts", &[])].concat();
    let select = |room: &Room, options: &[u32]| ask(room, &Action::Select { node: 2, options: options.to_vec() });

    let mut list = Room::new("", parent("select", &[("multiple", "")], choices(&[])));
    assert_eq!(select(&list, &[3, 7]), Ok(()));
    list.send(Op::SetSelected { node: 2, options: vec![5] });
    assert_eq!(select(&list, &[]), locked("agree"));
    assert_eq!(select(&list, &[3]), locked("agree"));
    assert_eq!(select(&list, &[3, 5]), Ok(()), "it stays");

    let mut drop_down = Room::new("", parent("select", &[], choices(&[("selected", "")])));
    assert_eq!(select(&drop_down, &[3]), locked("agree"));
    drop_down.send(Op::SetSelected { node: 2, options: vec![3] });
    assert_eq!(select(&drop_down, &[7]), Ok(()));
}

#[test]
fn a_value_goes_where_people_put_one() {
    let input = |attrs: &[(&str, &str)]| parent("input", attrs, vec![]);
    for kind in ["", "text", "date", "range", "color", "Number"] {
        let room = Room::new("", input(&[("type", kind)]));
        assert_eq!(ask(&room, &Action::SetValue { node: 2, value: "1".into() }), Ok(()), "{kind}");
    }
    let kinds = ["hidden", "HIDDEN", "submit", "button", "reset", "image", "file", "checkbox", "radio"];
    let closed = kinds.map(|kind| input(&[("type", kind)]));
    let others = [input(&[("readonly", "")]), input(&[("disabled", "")]), parent("button", &[], vec![])];
    for nodes in closed.into_iter().chain(others) {
        let room = Room::new("", nodes.clone());
        let set = Action::SetValue { node: 2, value: "attacker".into() };
        assert_eq!(ask(&room, &set), refused(Refusal::NotPossible), "{nodes:?}");
    }
}

#[test]
fn arrows_choose_no_locked_button_of_a_group() {
    let radio = |name: &str, label: &str| {
        parent("label", &[], [parent("input", &[("type", "radio"), ("name", name)], vec![]), text(label)].concat())
    };
    let nodes = [radio("how", "By post"), radio("how", "I agree"), radio("when", "Today")];
    let room = Room::new("", nodes.concat());
    let radios: Vec<u32> =
        room.mirror.document().unwrap().descendants().filter(|n| n.local() == "input").map(NodeRef::id).collect();
    assert_eq!(ask(&room, &key(radios[0], "ArrowDown")), locked("agree"));
    assert_eq!(ask(&room, &key(radios[2], "ArrowDown")), Ok(()));
}

#[test]
fn an_unmarked_button_is_locked_whatever_its_price() {
    let nodes = [
        parent("div", &[], [text("Buy now · "), parent("span", &[], text("R$ 99"))].concat()),
        parent("div", &[], [text("Pay later? "), parent("a", &[("href", "/more")], text("Learn more"))].concat()),
        parent("p", &[], text("Confirm with your bank before you travel abroad")),
    ];
    let room = Room::new("", nodes.concat());
    let at = |wanted: &str| {
        let mut all = room.mirror.document().unwrap().descendants();
        all.find(|node| node.text() == Some(wanted)).and_then(NodeRef::parent_node).unwrap().id()
    };
    assert_eq!(ask(&room, &click(at("Buy now · "))), locked("buy-en"));
    assert_eq!(ask(&room, &click(at("R$ 99"))), locked("buy-en"));
    assert_eq!(ask(&room, &click(at("Learn more"))), Ok(()), "a link of its own");
    assert_eq!(ask(&room, &click(at("Confirm with your bank before you travel abroad"))), Ok(()), "a sentence");
}

#[test]
fn navigation_keeps_to_the_web_and_off_locked_targets() {
    let nodes = [
        parent("a", &[("href", "/pay/1")], text("x")),
        parent("a", &[("href", "/go?a=1#top")], text("Buy now")),
        parent("a", &[("href", "/help")], text("Help")),
    ];
    let room = Room::new(OWN, nodes.concat());
    let go = |url: &str| ask(&room, &Action::Navigate { url: url.into() });
    assert_eq!(go("https://shop.example/help"), Ok(()));
    assert_eq!(go("https://shop.example/pay/1"), locked("no-pay-link"));
    assert_eq!(go("https://shop.example/pay/2?x#y"), locked("no-pay-link"));
    assert_eq!(go("https://shop.example/go?a=1"), locked("buy-en"));
    assert_eq!(go("https://shop.example/order/new"), locked("no-order"));
    for url in [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "/help",
        "https://a:b@shop.example/",
        "about:blank",
        "",
    ] {
        assert_eq!(go(url), refused(Refusal::NotPossible), "{url}");
    }
}

#[test]
fn no_other_spelling_leads_to_a_locked_target() {
    let nodes = [
        parent("a", &[("href", "/pay/1")], text("x")),
        parent("a", &[("href", "/go?item=1&b=2")], text("Buy now")),
        parent("a", &[("href", "////bank.example/transfer")], text("Buy now")),
        parent("a", &[("href", "#")], text("I agree")),
    ];
    let room = Room::new(OWN, nodes.concat());
    let go = |url: &str| ask(&room, &Action::Navigate { url: url.into() });
    for url in [
        "https://shop.example/%70ay/1",
        "https://shop.example/p%61y%2F2",
        "https://shop.example//pay/1",
        "https://shop.example/PAY/1",
        "http://shop.example/pay/1",
    ] {
        assert_eq!(go(url), locked("no-pay-link"), "{url}");
    }
    for url in [
        "https://shop.example/go?item=1&b=2&c=3",
        "https://shop.example/go/?b=2&item=1",
        "https://shop.example/%67o?item=%31&b=2",
        "https://shop.example./go?item=1&b=2",
        "https://bank.example/transfer",
        "http://bank.example/transfer?now",
    ] {
        assert_eq!(go(url), locked("buy-en"), "{url}");
    }
    assert_eq!(go("https://shop.example/go?item=2&b=2"), Ok(()), "another item is another target");
    assert_eq!(go("https://shop.example/"), Ok(()), "a link to nowhere locks nothing");
}

#[test]
fn an_address_that_nobody_can_read_leads_anywhere() {
    let room = Room::new(OWN, parent("a", &[("href", "https://[shop")], text("Buy now")));
    let go = Action::Navigate { url: "https://shop.example/help".into() };
    assert_eq!(ask(&room, &go), locked("buy-en"));
}

#[test]
fn what_is_shown_in_a_locked_slot_is_locked() {
    let shadow = [
        vec![TreeNode::Shadow],
        parent("button", &[("class", "pay")], parent("slot", &[], vec![])),
        vec![TreeNode::End],
    ];
    let inner = [shadow.concat(), parent("b", &[], text("Go")), parent("i", &[("slot", "side")], text("?"))];
    let own = "[[rule]]\nid = \"own-pay\"\naction = \"lock\"\nselector = \"button.pay\"\n";
    let room = Room::new(own, parent("x-pay", &[], inner.concat()));
    assert_eq!(ask(&room, &click(6)), locked("own-pay"), "the text goes through the button");
    assert_eq!(ask(&room, &click(8)), Ok(()), "no slot of this name is inside it");
}

#[test]
fn what_an_agent_cannot_see_is_gone() {
    let nodes = [parent("script", &[], text("x")), parent("p", &[], text("y"))].concat();
    let room = Room::new("", nodes);
    for node in [0, 2, 3, 5, 99] {
        assert_eq!(ask(&room, &click(node)), refused(Refusal::Gone), "{node}");
    }
    assert_eq!(ask(&room, &Action::Scroll { node: 1, x: 0, y: 9 }), Ok(()));
}

#[test]
fn documents_in_frames_scroll_as_far_as_an_agent_sees_them() {
    let frame = |class: &str| {
        let html = parent("html", &[], parent("body", &[], text("framed")));
        parent("iframe", &[("class", class)], [vec![TreeNode::Document], html, vec![TreeNode::End]].concat())
    };
    let own = "[[rule]]\nid = \"own\"\naction = \"mask\"\nselector = \".private\"\n";
    let room = Room::new(own, [frame("open"), frame("private")].concat());
    let scroll = |node: u32| ask(&room, &Action::Scroll { node, x: 0, y: 9 });
    assert_eq!((scroll(2), scroll(3), scroll(4)), (Ok(()), Ok(()), Ok(())));
    assert_eq!((scroll(6), scroll(8)), (refused(Refusal::Gone), refused(Refusal::Gone)));
}

#[test]
fn a_key_to_the_page_is_one_to_what_has_the_focus() {
    let nodes = [
        parent("label", &[], [parent("input", &[("type", "radio")], vec![]), text("I agree")].concat()),
        parent("input", &[("type", "password")], vec![]),
        parent("input", &[], vec![]),
    ];
    let mut room = Room::new("", nodes.concat());
    assert_eq!(ask(&room, &key(1, "ArrowDown")), Ok(()));
    room.send(Op::Focus { node: 3 });
    assert_eq!(ask(&room, &key(1, "ArrowDown")), locked("agree"));
    room.send(Op::Focus { node: 5 });
    assert!(matches!(ask(&room, &key(1, "Backspace")), Err((Refusal::Masked, _))));
    room.send(Op::Focus { node: 6 });
    assert_eq!(ask(&room, &key(1, "Backspace")), Ok(()));
}

#[test]
fn escape_closes_no_locked_dialog_from_outside() {
    let own = "[[rule]]\nid = \"terms\"\naction = \"lock\"\nselector = \".terms\"\n";
    let dialog = |class: &str| parent("dialog", &[("open", ""), ("class", class)], text("x"));
    let mut room = Room::new(own, [parent("input", &[], vec![]), dialog("terms"), dialog("news")].concat());
    assert_eq!(ask(&room, &key(2, "Escape")), Ok(()));
    room.send(Op::SetLayer { node: 3, layer: Layer::Modal });
    for from in [1, 2] {
        assert_eq!(ask(&room, &key(from, "Escape")), locked("terms"));
    }
    room.send(Op::SetLayer { node: 5, layer: Layer::Modal });
    assert_eq!(ask(&room, &key(2, "Escape")), Ok(()), "another one is in front");
}

#[test]
fn a_masked_slider_is_not_dragged() {
    let slider = |class: &str| parent("input", &[("type", "range"), ("class", class)], vec![]);
    let own = "[[rule]]\nid = \"own\"\naction = \"mask\"\nselector = \".private\"\n";
    let room = Room::new(own, [slider("private"), slider("open")].concat());
    let drag = |node| ask(&room, &Action::Drag { node, x: 0, y: 500, to: node, to_x: 900, to_y: 500 });
    assert_eq!(drag(2), Err((Refusal::Masked, "own".to_owned())));
    assert_eq!(drag(3), Ok(()));
}

#[test]
fn keys_are_those_on_the_list() {
    let room = Room::new("", parent("input", &[], vec![]));
    let with = |ctrl: bool, alt: bool, name: &str| {
        let action = Action::Key { node: 2, key: name.into(), shift: false, ctrl, alt, meta: false };
        ask(&room, &action)
    };
    assert_eq!((with(false, false, "Home"), with(true, false, "a")), (Ok(()), Ok(())));
    for (ctrl, alt, name) in
        [(false, true, "a"), (false, false, "a"), (false, false, "F5"), (true, false, "Enter"), (true, false, "v")]
    {
        assert_eq!(with(ctrl, alt, name), refused(Refusal::NotPossible), "{name}");
    }
    assert_eq!(ask(&room, &key(1, "Enter")), refused(Refusal::NotPossible));
    assert_eq!(ask(&room, &key(1, "PageDown")), Ok(()));
}

#[test]
fn a_button_inserted_by_script_is_locked_from_birth() {
    let mut room = Room::new("", parent("p", &[], vec![]));
    room.insert(
        2,
        0,
        9,
        parent(
            "x-host",
            &[],
            [vec![TreeNode::Shadow], parent("button", &[], text("Confirmar")), vec![TreeNode::End]].concat(),
        ),
    );
    assert_eq!(ask(&room, &click(11)), locked("agree"));
}

#[test]
fn an_allowed_action_arrives_as_it_was_asked() {
    let room = Room::new("", parent("p", &[], vec![]));
    let allowed = check(&room.mirror, &room.mask, Level::Control, &click(2)).unwrap();
    let command: crate::protocol::PageCommand = crate::protocol::decode(Frame::act(7, &allowed).bytes()).unwrap();
    assert_eq!(command, crate::protocol::PageCommand::Act { id: 7, action: click(2) });
}

#[test]
fn a_control_that_shows_none_of_its_name_is_pressed_by_nobody_else() {
    let own = "[[rule]]\nid = \"own\"\naction = \"mask\"\nselector = \".private\"\n\n\
               [[rule]]\nid = \"open\"\naction = \"unmask\"\nselector = \".open\"\n";
    let button = |class: &str, inner: Vec<TreeNode>| parent("button", &[("class", class)], inner);
    let nodes = [
        button("private", text(crate::protocol::MASK)),
        button("private", parent("b", &[("class", "open")], text("Next"))),
        button("private", parent("b", &[("class", "open")], text("Buy now"))),
        parent("button", &[("class", "private"), ("data-lado-lock", "buy-en")], text(crate::protocol::MASK)),
        parent("input", &[("type", "checkbox"), ("class", "private")], vec![]),
    ];
    let room = Room::new(own, nodes.concat());
    let masked = Err((Refusal::Masked, "own".to_owned()));
    assert_eq!(ask(&room, &click(2)), masked);
    assert_eq!(ask(&room, &key(2, "Enter")), masked);
    assert_eq!((ask(&room, &click(4)), ask(&room, &click(7))), (Ok(()), locked("buy-en")));
    assert_eq!(ask(&room, &click(10)), locked("locked-by-site"), "the page says what it has hidden is called");
    assert_eq!(ask(&room, &click(12)), masked);
}

/// Every action that there is on every node of a page, by every level: nothing that is locked or masked is ever allowed.
#[test]
fn a_hostile_agent_gets_nothing_by_trying_everything() {
    let nodes = [
        parent(
            "form",
            &[("id", "pay"), ("action", "/order")],
            [
                parent("input", &[("name", "city")], vec![]),
                parent("input", &[("type", "password")], vec![]),
                parent("input", &[("name", "cardNumber")], vec![]),
                parent("select", &[("autocomplete", "cc-exp-month")], parent("option", &[], text("1"))),
                parent("button", &[], [parent("span", &[], text("Buy")), parent("i", &[], text(" now"))].concat()),
            ]
            .concat(),
        ),
        parent("label", &[("for", "terms")], text("I agree")),
        parent("input", &[("type", "checkbox"), ("id", "terms")], vec![]),
        parent("a", &[("href", "/pay/1")], text("here")),
        parent("button", &[("form", "pay")], text("Go on")),
        parent("div", &[("onclick", "x()")], text("Delete account")),
        parent(
            "x-button",
            &[],
            [vec![TreeNode::Shadow], parent("b", &[], text("Transfer")), vec![TreeNode::End]].concat(),
        ),
    ];
    let room = Room::new(OWN, nodes.concat());
    let last = room.mirror.document().unwrap().descendants().map(NodeRef::id).max().unwrap();
    let free = ["city"];
    let mut tried = 0;
    for node in 0..=last + 3 {
        let keys = KEYS.iter().chain(&["F5", "Unidentified", "Process"]);
        let mut actions: Vec<Action> = keys.map(|name| key(node, name)).collect();
        for count in [0, 1, 2, u32::MAX] {
            for button in [Button::Left, Button::Middle, Button::Right] {
                actions.push(Action::Click { node, x: u32::MAX, y: 0, button, count });
            }
        }
        actions.extend(["x", "", "x\n", "\r\n", "\u{2028}"].map(|text| Action::Type { node, text: text.into() }));
        actions.push(Action::SetValue { node, value: "1".into() });
        actions.extend((0..=last).map(|option| Action::Select { node, options: vec![option] }));
        for action in actions {
            tried += 1;
            let Ok(()) = ask(&room, &action) else { continue };
            let target = room.mirror.node(node);
            let harmless = match &action {
                Action::Key { key, .. } => !matches!(key.as_str(), "Enter" | " ") || target.is_none(),
                _ => true,
            };
            let named = target.and_then(|node| node.attribute("name")).unwrap_or_default();
            let text = target.map(name::text).unwrap_or_default();
            assert!(harmless || free.contains(&named), "{action:?} on {text:?}");
            if matches!(action, Action::Type { .. } | Action::SetValue { .. } | Action::Select { .. }) {
                let masked = target.is_some_and(|node| room.mask.masked(node).is_some());
                assert!(!masked, "{action:?}");
            }
            if matches!(action, Action::Click { .. }) {
                let within = target.into_iter().flat_map(NodeRef::ancestors).any(|up| {
                    let called = name::text(up);
                    ["Buy now", "I agree", "Delete account", "Transfer"].contains(&called.trim())
                        || up.attribute("href").is_some()
                        || up.attribute("id") == Some("terms")
                        || (up.attribute("form").is_some())
                });
                assert!(!within, "{action:?} on {text:?}");
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
}
