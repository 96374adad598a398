//! Secrets planted by chance, under changes by chance.

use proptest::prelude::*;

use super::room::*;
use crate::mask::*;
use crate::mirror::tests::{element, hostile};
use crate::protocol::TreeNode;

/// Ops over a page with masked and plain places, carrying a secret wherever it must not be seen.
fn planted() -> impl Strategy<Value = Vec<(u8, u16, u16, u16)>> {
    proptest::collection::vec(any::<(u8, u16, u16, u16)>(), 1..60)
}

fn play(room: &mut Room, next: &mut u32, (kind, a, b, c): (u8, u16, u16, u16)) {
    let ids: Vec<u32> = room.mirror.document().unwrap().descendants().map(NodeRef::id).collect();
    let pick = |die: u16| ids[usize::from(die) % ids.len()];
    let (node, other) = (pick(a), pick(b));
    let prev = room.mirror.node(other).map_or(0, |parent| {
        let all: Vec<u32> = parent.children().map(NodeRef::id).filter(|&id| id != node).collect();
        all.get(usize::from(c)).copied().unwrap_or(0)
    });
    // The secret stands only where a rule masks it from birth; cards may stand anywhere.
    let piece = |die: u16| ["4111", "1111", "1111 1111", CARD, "41111111", "ok", " ", "-"][usize::from(die) % 8];
    let op = match kind % 9 {
        0 => {
            let base = *next;
            *next += 8;
            let mut nodes = parent("div", &[("class", "private"), ("title", SECRET)], vec![text(SECRET)]);
            nodes.extend(parent("span", &[], vec![text(piece(c))]));
            Op::Insert { parent: node, prev: 0, base, tree: Tree { nodes } }
        }
        1 => {
            let base = *next;
            *next += 8;
            let tag = ["span", "p", "b", "select", "svg", "label", "img", "style"][usize::from(b) % 8];
            let nodes = match tag {
                "img" => parent(tag, &[("src", &format!("/{}.png", c % 4))], vec![]),
                _ => parent(tag, &[], vec![text(piece(c))]),
            };
            Op::Insert { parent: node, prev: 0, base, tree: Tree { nodes } }
        }
        2 | 3 => Op::Move { node, parent: other, prev },
        4 => Op::Remove { nodes: vec![node] },
        5 => Op::SetText { node, text: piece(c).into() },
        6 => Op::SetAttr {
            node,
            name: "class".into(),
            value: [None, Some("private".into()), Some("x".into())][usize::from(c) % 3].clone(),
        },
        7 => Op::SetAttr {
            node,
            name: ["title", "data-x", "href"][usize::from(b) % 3].into(),
            value: Some(piece(c).into()),
        },
        _ => Op::SetValue { node, value: piece(c).into() },
    };
    // A move or an insertion may take the secret's text out of its mask: then it is judged there, and shows.
    if matches!(op, Op::Move { .. }) && room.mirror.node(node).is_some_and(|node| node.text() == Some(SECRET)) {
        return;
    }
    room.send(op);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_planted_value_never_reaches_a_viewer(dice in planted()) {
        let mut room = Room::new(OWN, parent("div", &[], parent("p", &[], vec![text("start")])));
        let mut next = 100;
        for die in dice {
            play(&mut room, &mut next, die);
            let lines = room.shown();
            prop_assert!(!lines.contains(SECRET), "{}", lines);
            // Text by text: a number split over blocks is not joined (other tests split one inside a block).
            let card = room.viewer.document().unwrap().descendants().filter_map(NodeRef::text).any(shows_card);
            prop_assert!(!card, "{}", lines);
        }
        prop_assert!(!room.leaked(SECRET));
    }

    #[test]
    fn no_ops_make_the_mask_panic(ops in proptest::collection::vec(hostile(), 0..40)) {
        let mut room = Room::new(OWN, vec![element("p", &[]), text("x"), TreeNode::End]);
        for op in ops {
            if room.mask.process(&mut room.mirror, op, &mut room.assets).is_err() {
                break;
            }
            let _ = room.mask.snapshot(&room.mirror, 1, &mut room.assets);
        }
    }
}
