//! What viewers get of lists, media, scripts, links, sheets and gestures.

use super::room::*;
use crate::mask::*;
use crate::protocol::{Bytes, TreeNode};
use crate::rules::{RuleSet, Source};

#[test]
fn masked_lists_and_media_are_empty() {
    let nodes = parent(
        "div",
        &[("class", "private")],
        [
            parent("select", &[], parent("option", &[("value", SECRET)], vec![text(SECRET)])),
            parent("img", &[("src", "/qr?x=Zx81secret"), ("srcset", "a 1x"), ("alt", SECRET)], vec![]),
            parent("svg", &[], parent("text", &[], vec![text(SECRET)])),
            parent("style", &[], vec![text(".a::before{content:'Zx81secret'}")]),
            parent("a", &[("href", "/order/Zx81secret")], vec![text(SECRET)]),
            parent(
                "iframe",
                &[("src", "/f?Zx81secret")],
                [vec![TreeNode::Document], parent("p", &[], vec![text(SECRET)]), vec![TreeNode::End]].concat(),
            ),
        ]
        .concat(),
    );
    let mut room = Room::new(OWN, nodes);
    assert!(room.assets.named.is_empty());
    room.send(Op::SetSelected { node: 3, options: vec![4] });
    room.insert(3, 4, 50, parent("option", &[("value", SECRET)], vec![text(SECRET)]));
    room.send(Op::SetSheet { node: 9, css: format!(".a::after{{content:'{SECRET}'}}") });
    assert!(!room.leaked(SECRET));
}

#[test]
fn a_tab_has_the_icon_of_its_page_where_agents_may_see_it() {
    const ALL: &str = "[[rule]]\nid = \"all\"\naction = \"private\"\n";
    let page = |attrs: &[(&str, &str)]| {
        let head = parent("head", &[], parent("link", attrs, vec![]));
        [parent("html", &[], head), parent("p", &[], vec![text("hello")])].concat()
    };
    let icon = |rules: &str, attrs: &[(&str, &str)]| {
        let mut room = Room::new(rules, page(attrs)).quick();
        let icon = room.mask.icon(&room.mirror, &mut room.assets).as_ref().clone();
        let named = icon.strip_prefix("/__lado/a/").map(|name| name.parse::<usize>().unwrap());
        named.map_or(icon, |name| Url::parse(&room.assets.named[name]).unwrap().path().to_owned())
    };
    assert_eq!(icon("", &[("rel", "shortcut icon"), ("href", "/i.png")]), "/i.png");
    assert_eq!(icon("", &[("rel", "stylesheet"), ("href", "/s.css")]), "/favicon.ico", "where browsers look");
    assert_eq!(icon(OWN, &[("rel", "icon"), ("href", "/i.png"), ("class", "private")]), "");
    assert_eq!(icon("", &[("rel", "icon"), ("href", "data:text/html,x")]), "");
    let large = format!("data:image/png;base64,{}", "A".repeat(20_000));
    assert_eq!(icon("", &[("rel", "icon"), ("href", &large)]), "");
    for href in ["/i.png", "data:image/png;base64,AA=="] {
        assert_eq!(icon(ALL, &[("rel", "icon"), ("href", href)]), "");
    }
    assert_eq!(icon(ALL, &[("rel", "stylesheet"), ("href", "/s.css")]), "");
}

#[test]
fn scripts_are_empty_places_and_ids_stay() {
    let nodes = [
        parent("script", &[], vec![text(SECRET)]),
        parent("p", &[("onclick", "alert()")], vec![text("a")]),
        parent("noscript", &[], parent("p", &[], vec![text(SECRET)])),
        parent("p", &[], vec![text("b")]),
    ];
    let mut room = Room::new("", nodes.concat());
    assert_eq!(room.shown(), "ab");
    assert_eq!(room.seen(2).children().count(), 0);
    assert_eq!(room.seen(4).attribute("onclick"), None);
    room.insert(1, 6, 20, [parent("script", &[], vec![text(SECRET)]), parent("i", &[], vec![text("c")])].concat());
    assert_eq!(room.shown(), "acb");
    room.text(21, SECRET);
    room.attr(6, "title", Some(SECRET));
    room.send(Op::Move { node: 5, parent: 6, prev: 0 });
    assert_eq!(room.shown(), "cb");
    room.send(Op::Move { node: 5, parent: 9, prev: 0 });
    assert_eq!(room.shown(), "cab");
    assert!(!room.leaked(SECRET));
}

#[test]
fn links_lead_nowhere_and_assets_are_capabilities() {
    let nodes = [
        parent("a", &[("href", "/cart?token=1")], vec![]),
        parent("img", &[("src", "/a.png"), ("srcset", "b.png 1x, https://cdn.example/c.png 2x")], vec![]),
        parent("form", &[("action", "/pay")], vec![]),
        parent("link", &[("rel", "stylesheet"), ("href", "s.css")], vec![]),
        parent("link", &[("rel", "preload"), ("href", "x.js")], vec![]),
        parent("style", &[], vec![text("p{background:url(bg.png)} @import 'javascript:x';")]),
        parent(
            "iframe",
            &[("src", "/f/")],
            [vec![TreeNode::Document], parent("img", &[("src", "i.png")], vec![]), vec![TreeNode::End]].concat(),
        ),
        parent("img", &[("src", "data:image/png;base64,AAAA")], vec![]),
        parent("img", &[("src", "blob:https://shop.example/1")], vec![]),
    ];
    let mut room = Room::new("", nodes.concat());
    let attr = |room: &Room, node: u32, name: &str| room.seen(node).attribute(name).map(str::to_owned);
    assert_eq!(attr(&room, 2, "href").as_deref(), Some("#"));
    assert_eq!(attr(&room, 3, "srcset").as_deref(), Some("/__lado/a/1 1x, /__lado/a/2 2x"));
    assert_eq!((attr(&room, 4, "action"), attr(&room, 6, "href"), attr(&room, 9, "src")), (None, None, None));
    assert_eq!(attr(&room, 12, "src").as_deref(), Some("data:image/png;base64,AAAA"));
    assert_eq!(attr(&room, 13, "src"), None);
    assert_eq!(
        room.assets.named,
        ["/a.png", "/b.png", "", "/s.css", "/bg.png", "/f/i.png"].map(|path| match path {
            "" => "https://cdn.example/c.png".to_owned(),
            path => format!("https://shop.example{path}"),
        })
    );
    assert!(!room.leaked("javascript"));
    room.attr(6, "rel", Some("stylesheet"));
    assert_eq!(attr(&room, 6, "href").as_deref(), Some("/__lado/a/6"));
}

#[test]
fn drawings_out_of_other_files_are_capabilities_too() {
    let uses = ["icons.svg#cart", "#own", "icons.svg", "icons.svg#4111111111111111", "data:image/svg+xml,x#y"];
    let nodes = uses.map(|url| parent("use", &[("href", url), ("xlink:href", url)], vec![]));
    let room = Room::new("", nodes.concat());
    let shown = |node: u32, name: &str| room.seen(node).attribute(name).map(str::to_owned);
    for name in ["href", "xlink:href"] {
        let all: Vec<_> = (2..7).map(|node| shown(node, name)).collect();
        assert_eq!(all, [Some("/__lado/a/0#cart".into()), Some("#own".into()), None, None, None], "{name}");
    }
    assert_eq!(room.assets.named, ["https://shop.example/icons.svg"]);
}

#[test]
fn a_sheet_in_pieces_is_told_again_when_a_piece_comes_or_goes() {
    let mut room = Room::new(OWN, parent("style", &[], vec![text("a{color:red}")]));
    room.insert(2, 0, 10, vec![text("b{color:red}")]);
    assert_eq!(room.shown(), "b{color:red}a{color:red}");
    room.send(Op::Remove { nodes: vec![3] });
    assert_eq!(room.shown(), "b{color:red}");
    room.insert(2, 10, 11, vec![text("c{color:red}")]);
    assert_eq!(room.shown(), "b{color:red}c{color:red}");
}

#[test]
fn what_the_customer_does_with_masked_things_is_not_told() {
    let secret = parent("p", &[("class", "private")], vec![text(SECRET)]);
    let nodes = [secret, parent("canvas", &[("class", "private")], vec![]), parent("p", &[], vec![text(CARD)])];
    let mut room = Room::new(OWN, nodes.concat());
    let none = Op::Select { anchor: 0, anchor_offset: 0, focus: 0, focus_offset: 0 };
    for node in [3, 6] {
        let told = room.send(Op::Select { anchor: node, anchor_offset: 1, focus: node, focus_offset: 4 });
        assert_eq!(told, std::slice::from_ref(&none), "{node}");
    }
    let image = Bytes(b"\x89PNG\r\n\x1a\n".to_vec());
    assert_eq!(room.send(Op::Picture { node: 4, image }), []);
    let matched = vec!["hover: hover".to_owned(), format!("prefers: {CARD}"), "x: url(y)".to_owned()];
    assert_eq!(room.send(Op::Features { matched }), [Op::Features { matched: vec!["hover: hover".into()] }]);
}

#[test]
fn what_becomes_masked_or_goes_can_be_loaded_no_longer() {
    let shot = |class: &str| parent("img", &[("src", "a.png"), ("srcset", "b.png 2x"), ("class", class)], vec![]);
    let nodes = [
        parent("div", &[], shot("")),
        parent("div", &[], [shot(""), parent("p", &[("style", "background:url(c.png)")], vec![])].concat()),
        parent("style", &[], vec![text("h1{background:url(d.png)}")]),
        parent("div", &[], vec![]),
    ];
    let mut room = Room::new(OWN, nodes.concat());
    let all = ["a.png", "b.png", "c.png", "d.png"].map(|name| format!("https://shop.example/{name}"));
    let loads = |room: &Room, some: &[usize]| {
        assert_eq!(room.loads(), some.iter().map(|at| all[*at].as_str()).collect(), "{some:?}");
    };
    loads(&room, &[0, 1, 2, 3]);
    // Another element shows the same.
    room.attr(3, "class", Some("private"));
    loads(&room, &[0, 1, 2, 3]);
    room.send(Op::SetAttr { node: 5, name: "srcset".into(), value: None });
    loads(&room, &[0, 2, 3]);
    room.hide(4);
    loads(&room, &[3]);
    room.text(8, "h1{background:url(a.png)}");
    loads(&room, &[0]);
    room.send(Op::SetSheet { node: 7, css: "h1{background:url(b.png)}".into() });
    loads(&room, &[0, 1]);
    room.send(Op::Remove { nodes: vec![7] });
    loads(&room, &[]);
    room.insert(9, 0, 20, shot(""));
    loads(&room, &[0, 1]);
    let rule = "[[rule]]\nid = \"late\"\naction = \"mask\"\nselector = \"img\"\n";
    let rules = RuleSet::load(&[Source { file: "own.toml", text: rule }], &[]).unwrap().for_site("shop.example");
    room.reload(rules);
    loads(&room, &[]);
}

#[test]
fn what_sheets_of_scripts_show_can_be_loaded_while_something_wears_them() {
    let root = [vec![TreeNode::Shadow], parent("p", &[], vec![]), vec![TreeNode::End]].concat();
    let mut room = Room::new(OWN, parent("x-card", &[], root));
    let css = |name: &str| format!("p{{background:url({name}.png)}}");
    let loads = |room: &Room, names: &[&str]| {
        let urls: Vec<String> = names.iter().map(|name| format!("https://shop.example/{name}.png")).collect();
        assert_eq!(room.loads(), urls.iter().map(String::as_str).collect());
    };
    room.send(Op::DefineSheet { sheet: 1, css: css("a") });
    loads(&room, &[]);
    room.send(Op::Adopt { node: 3, sheets: vec![1] });
    loads(&room, &["a"]);
    room.send(Op::InsertRule { node: 0, sheet: 1, path: vec![1], css: css("b") });
    room.send(Op::SetAdopted { node: 3, sheets: vec![css("c")] });
    loads(&room, &["a", "b", "c"]);
    room.send(Op::DefineSheet { sheet: 1, css: css("d") });
    loads(&room, &["c", "d"]);
    room.attr(2, "class", Some("private"));
    loads(&room, &[]);
}
