use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::protocol::{self, Namespace, PageMessage, Tree, TreeNode};

pub(crate) fn element(tag: &str, attrs: &[(&str, &str)]) -> TreeNode {
    let attrs = attrs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    TreeNode::Element { namespace: Namespace::Html, tag: tag.into(), attrs }
}

pub(crate) fn snapshot(nodes: Vec<TreeNode>) -> Op {
    Op::Snapshot {
        epoch: 1,
        base: 2,
        url: "https://shop.example/".into(),
        base_url: "https://shop.example/".into(),
        title: "Shop".into(),
        quirks: false,
        viewport: Viewport { width: 800, height: 600, density: 1000 },
        scroll_x: 0,
        scroll_y: 0,
        tree: Tree { nodes },
    }
}

fn mirror(nodes: Vec<TreeNode>) -> Mirror {
    let mut mirror = Mirror::new(Limits::default());
    mirror.apply(&snapshot(nodes)).unwrap();
    mirror
}

fn text(content: &str) -> TreeNode {
    TreeNode::Text(content.into())
}

#[test]
fn changes_before_a_snapshot_are_refused() {
    let mut mirror = Mirror::new(Limits::default());
    assert_eq!(mirror.apply(&Op::SetTitle { title: "x".into() }), Err(MirrorError::NoSnapshot));
    assert!(mirror.snapshot(1).is_empty());
}

#[test]
fn a_part_of_a_value_is_replaced_by_units_of_utf_16() {
    let mut mirror = mirror(vec![element("input", &[]), TreeNode::End]);
    let splice = |at, cut, text: &str| Op::Splice { node: 2, at, cut, text: text.into() };
    assert_eq!(mirror.apply(&splice(0, 0, "x")), Err(MirrorError::NoValue(2)), "nothing is known of the value");
    mirror.apply(&Op::SetValue { node: 2, value: "ação 😀 fim".into() }).unwrap();
    mirror.apply(&splice(5, 2, "😄!")).unwrap();
    assert_eq!(mirror.node(2).unwrap().value(), Some("ação 😄! fim"));
    mirror.apply(&splice(12, 0, "…")).unwrap();
    assert_eq!(mirror.node(2).unwrap().value(), Some("ação 😄! fim…"));
    for (at, cut) in [(6, 0), (5, 1), (14, 0), (0, 14), (u32::MAX, 2)] {
        assert_eq!(mirror.apply(&splice(at, cut, "x")), Err(MirrorError::NoValue(2)), "{at} {cut}");
    }
    assert_eq!(mirror.apply(&splice(0, 0, &"x".repeat(change::MAX_SPLICED))), Err(MirrorError::NoValue(2)));
}

#[test]
fn a_letter_takes_the_place_of_what_was_selected() {
    let mut mirror = mirror(vec![element("input", &[]), TreeNode::End]);
    let typed =
        |mirror: &mut Mirror, letter: u32| mirror.typed(letter).iter().try_for_each(|op| mirror.apply(op).map(|_| ()));
    assert_eq!(typed(&mut mirror, 0x78), Err(MirrorError::Unknown(NONE)), "there is no caret");
    mirror.apply(&Op::SetValue { node: 2, value: "ação 😀 fim".into() }).unwrap();
    mirror.apply(&Op::Caret { node: 2, start: 5, end: 7 }).unwrap();
    for letter in ['😄', '!'] {
        typed(&mut mirror, letter.into()).unwrap();
    }
    assert_eq!(mirror.node(2).unwrap().value(), Some("ação 😄! fim"));
    assert!(mirror.present_ops().contains(&Op::Caret { node: 2, start: 8, end: 8 }));
    for none in [0xd800, 0x11_0000, u32::MAX] {
        assert_eq!(typed(&mut mirror, none), Err(MirrorError::Unknown(NONE)), "{none} is no letter");
    }
}

#[test]
fn a_late_snapshot_tells_the_same_page_with_the_same_ids() {
    let mut first = mirror(vec![
        element("html", &[]),
        element("ul", &[("class", "a")]),
        element("li", &[]),
        text("one"),
        TreeNode::End,
        element("li", &[]),
        text("two"),
        TreeNode::End,
        TreeNode::End,
        element("input", &[]),
        TreeNode::End,
        TreeNode::End,
    ]);
    for op in [
        Op::Move { node: 6, parent: 3, prev: 0 },
        Op::SetValue { node: 8, value: "typed".into() },
        Op::Insert {
            parent: 3,
            prev: 6,
            base: 20,
            tree: Tree { nodes: vec![text("x"), TreeNode::Shadow, TreeNode::End][..1].to_vec() },
        },
        Op::Scroll { node: 3, x: 0, y: 40 },
        Op::Scroll { node: 1, x: 0, y: 10 },
        Op::Focus { node: 8 },
    ] {
        first.apply(&op).unwrap();
    }
    let mut second = Mirror::new(Limits::default());
    let ops = first.snapshot(2);
    for op in &ops {
        second.apply(op).unwrap();
    }
    assert_eq!(second.snapshot(2), ops);
    let ids: Vec<u32> = second.document().unwrap().descendants().map(NodeRef::id).collect();
    assert_eq!(ids, [1, 2, 3, 6, 7, 20, 4, 5, 8]);
    assert_eq!((second.focus(), second.node(8).unwrap().value()), (8, Some("typed")));
}

#[test]
fn a_shadow_root_stays_before_the_children_of_its_host() {
    let mut mirror = mirror(vec![
        element("x-card", &[]),
        TreeNode::Shadow,
        element("slot", &[]),
        TreeNode::End,
        TreeNode::End,
        text("light"),
        TreeNode::End,
    ]);
    mirror.apply(&Op::Insert { parent: 2, prev: 0, base: 9, tree: Tree { nodes: vec![text("first")] } }).unwrap();
    let ids: Vec<u32> = mirror.node(2).unwrap().children().map(NodeRef::id).collect();
    assert_eq!(ids, [3, 9, 5]);
}

#[test]
fn nonsense_is_refused_and_named() {
    let build = || mirror(vec![element("p", &[]), text("a"), TreeNode::End, element("div", &[]), TreeNode::End]);
    let tree = |nodes: Vec<TreeNode>| Tree { nodes };
    for (op, error) in [
        (Op::Move { node: 9, parent: 2, prev: 0 }, MirrorError::Unknown(9)),
        (Op::Move { node: 2, parent: 2, prev: 0 }, MirrorError::Cycle(2)),
        (Op::Move { node: 2, parent: 3, prev: 0 }, MirrorError::Cycle(2)),
        (Op::Move { node: 4, parent: 3, prev: 0 }, MirrorError::WrongKind(3)),
        (Op::Move { node: 4, parent: 1, prev: 4 }, MirrorError::Cycle(4)),
        (Op::Move { node: 4, parent: 1, prev: 3 }, MirrorError::NotChild { prev: 3, parent: 1 }),
        (Op::Move { node: 1, parent: 2, prev: 0 }, MirrorError::WrongKind(1)),
        (Op::Remove { nodes: vec![1] }, MirrorError::WrongKind(1)),
        (Op::Remove { nodes: vec![2, 3] }, MirrorError::Unknown(3)),
        (Op::Insert { parent: 2, prev: 0, base: 4, tree: tree(vec![text("x")]) }, MirrorError::Taken(4)),
        (Op::Insert { parent: 2, prev: 0, base: 1, tree: tree(vec![text("x")]) }, MirrorError::Taken(1)),
        (Op::Insert { parent: 2, prev: 0, base: u32::MAX, tree: tree(vec![text("x")]) }, MirrorError::Taken(u32::MAX)),
        (Op::Insert { parent: 2, prev: 0, base: 9, tree: tree(vec![element("b", &[])]) }, MirrorError::Unbalanced),
        (Op::Insert { parent: 2, prev: 0, base: 9, tree: tree(vec![TreeNode::End]) }, MirrorError::Unbalanced),
        (Op::Insert { parent: 3, prev: 0, base: 9, tree: tree(vec![text("x")]) }, MirrorError::WrongKind(3)),
        (
            Op::Insert { parent: 2, prev: 0, base: 9, tree: tree(vec![TreeNode::Document, TreeNode::End]) },
            MirrorError::WrongKind(2),
        ),
        (Op::SetText { node: 2, text: "x".into() }, MirrorError::WrongKind(2)),
        (Op::SetAttr { node: 3, name: "a".into(), value: None }, MirrorError::WrongKind(3)),
        (Op::SetAdopted { node: 2, sheets: vec![] }, MirrorError::WrongKind(2)),
        (Op::Focus { node: 77 }, MirrorError::Unknown(77)),
    ] {
        assert_eq!(build().apply(&op).unwrap_err(), error, "{op:?}");
    }
}

#[test]
fn caps_hold_for_nodes_bytes_and_depth() {
    let limits = Limits { nodes: 10, bytes: 4096, depth: 5 };
    let insert = |nodes: Vec<TreeNode>| Op::Insert { parent: 1, prev: 0, base: 100, tree: Tree { nodes } };
    let small = || {
        let mut mirror = Mirror::new(limits);
        mirror.apply(&snapshot(vec![element("p", &[]), TreeNode::End])).unwrap();
        mirror
    };
    assert_eq!(small().apply(&insert(vec![text("x"); 9])), Err(MirrorError::Nodes(10)));
    assert_eq!(small().apply(&insert(vec![text(&"x".repeat(5000))])), Err(MirrorError::Bytes(4096)));
    let mut deep = vec![element("b", &[]); 6];
    deep.extend(vec![TreeNode::End; 6]);
    assert_eq!(small().apply(&insert(deep)), Err(MirrorError::Depth(5)));
    let value = Op::SetValue { node: 2, value: "x".repeat(5000) };
    assert_eq!(small().apply(&value), Err(MirrorError::Bytes(4096)));
    let mut mirror = small();
    for i in 0..1000 {
        mirror.apply(&Op::SetValue { node: 2, value: "x".repeat(i % 1000) }).unwrap();
        mirror.apply(&Op::SetAttr { node: 2, name: "a".into(), value: Some("y".repeat(i % 900)) }).unwrap();
    }
}

/// The obvious tree that a mirror must agree with.
#[derive(Debug, Clone, Default)]
struct Model {
    children: BTreeMap<u32, Vec<u32>>,
    label: BTreeMap<u32, String>,
}

impl Model {
    fn inside(&self, outer: u32, inner: u32) -> bool {
        outer == inner
            || self.children.get(&outer).is_some_and(|all| all.iter().any(|&child| self.inside(child, inner)))
    }

    fn drop_node(&mut self, node: u32) {
        for child in self.children.remove(&node).unwrap_or_default() {
            self.drop_node(child);
        }
        self.label.remove(&node);
    }

    fn detach(&mut self, node: u32) {
        self.children.values_mut().for_each(|all| all.retain(|&child| child != node));
    }

    fn order(&self, node: u32, out: &mut Vec<(u32, String)>) {
        out.push((node, self.label.get(&node).cloned().unwrap_or_default()));
        for &child in self.children.get(&node).into_iter().flatten() {
            self.order(child, out);
        }
    }
}

/// Numbers that a test turns into an op which fits.
type Dice = (u8, u16, u16, u16);

fn roll(model: &mut Model, next: &mut u32, (kind, a, b, c): Dice) -> Option<Op> {
    let pick = |all: Vec<u32>, die: u16| (!all.is_empty()).then(|| all[usize::from(die) % all.len()]);
    let containers: Vec<u32> = model.children.keys().copied().collect();
    let nodes: Vec<u32> = model.label.keys().copied().collect();
    let prev_of = |model: &Model, parent: u32, not: u32| {
        let all: Vec<u32> = model.children[&parent].iter().copied().filter(|&child| child != not).collect();
        let at = usize::from(c) % (all.len() + 1);
        (at, if at == 0 { 0 } else { all[at - 1] })
    };
    match kind % 6 {
        0 | 1 => {
            let parent = pick(containers, a)?;
            let (at, prev) = prev_of(model, parent, 0);
            let base = *next + u32::from(b % 3);
            let (outer, inner) = (base, base + 1);
            *next = base + 2;
            model.children.get_mut(&parent)?.insert(at, outer);
            model.children.insert(outer, vec![inner]);
            model.label.insert(outer, "p".into());
            model.label.insert(inner, format!("t{b}"));
            let nodes = vec![element("p", &[]), text(&format!("t{b}")), TreeNode::End];
            Some(Op::Insert { parent, prev, base, tree: Tree { nodes } })
        }
        2 => {
            let node = pick(nodes, a)?;
            let parent = pick(containers.into_iter().filter(|&to| !model.inside(node, to)).collect(), b)?;
            model.detach(node);
            let (at, prev) = prev_of(model, parent, node);
            model.children.get_mut(&parent)?.insert(at, node);
            Some(Op::Move { node, parent, prev })
        }
        3 => {
            let node = pick(nodes, a)?;
            model.detach(node);
            model.drop_node(node);
            Some(Op::Remove { nodes: vec![node] })
        }
        4 => {
            let node = pick(nodes.into_iter().filter(|node| !model.children.contains_key(node)).collect(), a)?;
            model.label.insert(node, format!("s{b}"));
            Some(Op::SetText { node, text: format!("s{b}") })
        }
        _ => {
            let node = pick(nodes.into_iter().filter(|node| model.children.contains_key(node)).collect(), a)?;
            Some(Op::SetAttr { node, name: "k".into(), value: (b % 2 == 0).then(|| b.to_string()) })
        }
    }
}

proptest! {
    #[test]
    fn a_mirror_equals_the_obvious_tree(dice in proptest::collection::vec(any::<Dice>(), 0..120)) {
        let mut model = Model::default();
        model.children.insert(1, Vec::new());
        let mut mirror = mirror(Vec::new());
        let mut next = 2;
        for die in dice {
            let Some(op) = roll(&mut model, &mut next, die) else { continue };
            mirror.apply(&op).unwrap();
            let message = PageMessage::Batch { seq: 1, ops: vec![op] };
            prop_assert_eq!(protocol::decode::<PageMessage>(&protocol::encode(&message)).unwrap(), message);
        }
        let mut expected = Vec::new();
        model.order(1, &mut expected);
        let shown: Vec<(u32, String)> = mirror
            .document()
            .unwrap()
            .descendants()
            .map(|node| (node.id(), node.text().unwrap_or(node.local()).to_owned()))
            .collect();
        prop_assert_eq!(&shown, &expected);
        prop_assert_eq!(mirror.len(), expected.len());
        let mut late = Mirror::new(Limits::default());
        for op in mirror.snapshot(3) {
            late.apply(&op).unwrap();
        }
        prop_assert_eq!(late.snapshot(3), mirror.snapshot(3));
    }

    #[test]
    fn no_bytes_make_the_mirror_panic(bytes in proptest::collection::vec(prop_oneof![0u8..20, any::<u8>()], 0..300)) {
        if let Ok(PageMessage::Batch { ops, .. }) = protocol::decode(&[&[2u8, 1, 12][..], &bytes].concat()) {
            let mut mirror = mirror(vec![element("p", &[]), text("x"), TreeNode::End]);
            for op in &ops {
                let _ = mirror.apply(op);
                mirror.snapshot(1);
            }
        }
    }

    #[test]
    fn no_ops_make_the_mirror_panic(ops in proptest::collection::vec(hostile(), 0..40)) {
        let mut mirror = mirror(vec![element("p", &[]), text("x"), TreeNode::End]);
        for op in &ops {
            let _ = mirror.apply(op);
        }
        mirror.snapshot(1);
    }
}

/// Ops over a handful of ids, most of them wrong.
pub(crate) fn hostile() -> impl Strategy<Value = Op> {
    let id = 0u32..12;
    let node = prop_oneof![
        4 => Just(element("p", &[("class", "a")])),
        3 => "[a-z0-9 ]{0,9}".prop_map(TreeNode::Text),
        4 => Just(TreeNode::End),
        1 => Just(TreeNode::Shadow),
        1 => Just(element("iframe", &[])),
        1 => Just(TreeNode::Document),
        1 => (0u32..20).prop_map(TreeNode::At),
    ];
    let tree = proptest::collection::vec(node, 0..8).prop_map(|mut nodes| {
        // Close what is open, most of the time, so that some trees pass.
        let count = |nodes: &[TreeNode]| {
            nodes.iter().fold(0i32, |depth, node| match node {
                TreeNode::End => depth - 1,
                TreeNode::Text(_) | TreeNode::At(_) => depth,
                _ => depth + 1,
            })
        };
        while count(&nodes) > 0 {
            nodes.push(TreeNode::End);
        }
        Tree { nodes }
    });
    prop_oneof![
        (id.clone(), id.clone(), 0u32..40, tree.clone()).prop_map(|(parent, prev, base, tree)| Op::Insert {
            parent,
            prev,
            base,
            tree
        }),
        (id.clone(), id.clone(), id.clone()).prop_map(|(node, parent, prev)| Op::Move { node, parent, prev }),
        proptest::collection::vec(id.clone(), 0..3).prop_map(|nodes| Op::Remove { nodes }),
        (id.clone(), "[a-z-]{1,8}", proptest::option::of("[0-9a-z]{0,5}"))
            .prop_map(|(node, name, value)| Op::SetAttr { node, name, value }),
        (id.clone(), ".{0,9}").prop_map(|(node, text)| Op::SetText { node, text }),
        (id.clone(), ".{0,9}").prop_map(|(node, value)| Op::SetValue { node, value }),
        (id.clone(), proptest::collection::vec(id.clone(), 0..3))
            .prop_map(|(node, options)| Op::SetSelected { node, options }),
        id.clone().prop_map(|node| Op::Focus { node }),
        (id.clone(), ".{0,9}").prop_map(|(node, css)| Op::SetSheet { node, css }),
        (id, Just(vec!["a{}".to_owned()])).prop_map(|(node, sheets)| Op::SetAdopted { node, sheets }),
        tree.prop_map(|tree| snapshot(tree.nodes)),
    ]
}
