//! What style sheets elsewhere draw on masked elements.

use super::room::Room;
use crate::mirror::tests::element;
use crate::protocol::{Op, TreeNode};

const OWN: &str = "[[rule]]\nid = \"own\"\naction = \"mask\"\nselector = \".private\"\n";
/// Head 3, sheet 4, its text 5, body 6, the first thing in it 7.
const SHEET: u32 = 5;

fn page(css: &str, body: &[TreeNode]) -> Vec<TreeNode> {
    let text = TreeNode::Text(css.into());
    let head = [element("head", &[]), element("style", &[]), text, TreeNode::End, TreeNode::End];
    let around = [vec![element("html", &[])], head.to_vec(), vec![element("body", &[])], body.to_vec()].concat();
    [around, vec![TreeNode::End, TreeNode::End]].concat()
}

fn masked(inner: &[(&str, &str)]) -> Vec<TreeNode> {
    let outer = element("div", &[("class", "private")]);
    vec![outer, element("i", inner), TreeNode::End, TreeNode::End]
}

fn shown(room: &Room) -> String {
    room.seen(SHEET).text().unwrap_or_default().to_owned()
}

#[test]
fn a_sheet_elsewhere_writes_and_draws_nothing_on_what_is_masked() {
    for css in [
        ".bal::after{content:'Zx81secret'}",
        "p, body > .x .bal:hover::before{color:red;content:'' 'Zx81secret'}",
        "@media print{.BAL{content:'Zx81secret'}}",
        ".bal{.other{color:red} &.x{--say:'Zx81secret'}}",
        ".nav{color:red} .bal{&::after{content:'Zx81secret'}}",
        "i:nth-child(1)::after{content:'Zx81secret'}",
        ":is(.bal)::after{content:'Zx81secret'}",
        "*{quotes:'Zx81secret'}",
        "[title]{content:'Zx81secret'}",
        "#\\6e 7{c\\6fntent:'Zx81secret'}",
        "@keyframes say{to{content:'Zx81secret'}}",
        "svg|i{list-style-type:'Zx81secret'}",
        "::slotted(.x)::after{content:'Zx81secret'}",
        ".bal{background:red url(/Zx81secret.png)}",
        ".bal{background-image:image-set('/Zx81secret.png' 1x)}",
        "@supports (display:grid){.bal{--card:url(/Zx81secret.png)}}",
    ] {
        let room = Room::new(OWN, page(css, &masked(&[("class", "bal"), ("id", "n7")])));
        assert!(!room.leaked("Zx81secret"), "{css}: {}", shown(&room));
        assert!(room.loads().is_empty(), "{css}: {}", shown(&room));
    }
}

#[test]
fn what_says_nothing_and_what_means_other_elements_stays() {
    for css in [
        ".bal::after{content:\"\\e901\";content:'•';content:counter(n);color:red}",
        ".bal{counter-reset:n;counter-increment:n 1;font-family:\"Lato\";grid-area:\"a b\"}",
        ".price::after{content:'R$ 9'}",
        ".bal .price::after{content:'R$ 9'}",
        ":root{--font:'Inter'} body{quotes:'a' 'b'}",
        ".bal{color:red;.price{content:'R$ 9'}}",
        "b.bal::after{content:'R$ 9'}",
    ] {
        let room = Room::new(OWN, page(css, &masked(&[("class", "bal")])));
        assert_eq!(shown(&room), css);
    }
    let room = Room::new(OWN, page(".price{background:url(/p.png)}", &masked(&[("class", "bal")])));
    assert_eq!(room.loads().len(), 1);
}

#[test]
fn what_is_drawn_on_something_is_taken_back_once_that_is_masked() {
    let open = |class: &str| vec![element("p", &[("class", class)]), TreeNode::End];
    let css = ".bal::after{content:'Zx81secret'} .bal{background:url(/id.png)} .x{color:red}";
    let told = "content:'Zx81secret'";

    let mut room = Room::new(OWN, page(css, &open("bal")));
    assert!(shown(&room).contains(told) && room.loads().len() == 1);
    room.attr(7, "class", Some("bal private"));
    assert!(!shown(&room).contains(told) && room.loads().is_empty(), "{}", shown(&room));

    let mut room = Room::new(OWN, page(css, &open("x")));
    room.insert(7, 0, 50, masked(&[("class", "bal")]));
    assert!(!shown(&room).contains(told) && room.loads().is_empty(), "inserted");

    let mut room = Room::new(OWN, page(css, &masked(&[("class", "x")])));
    assert!(shown(&room).contains(told));
    room.attr(8, "class", Some("bal"));
    assert!(!shown(&room).contains(told) && room.loads().is_empty(), "called so later");

    let mut room = Room::new(OWN, page("", &open("bal")));
    room.send(Op::DefineSheet { sheet: 1, css: css.into() });
    room.send(Op::Adopt { node: 1, sheets: vec![1] });
    assert_eq!(room.loads().len(), 1);
    room.hide(7);
    assert!(room.loads().is_empty(), "constructed");
}
