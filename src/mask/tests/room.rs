//! The room that stories of the mask are played in: a page, its mask, and a viewer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crate::mask::*;
use crate::mirror::Limits;
use crate::mirror::tests::{element, snapshot};
use crate::protocol::{self, Tree, TreeNode};
use crate::rules::{PRESETS, RuleSet, Source};

pub const CARD: &str = "4111111111111111";
pub const SECRET: &str = "Zx81secret";

#[derive(Debug, Default)]
pub struct Assets {
    /// Every address that was ever shown: its place here is its name.
    pub named: Vec<String>,
    /// What is shown, and where.
    shown: BTreeSet<(Place, String)>,
}

impl AssetMap for Assets {
    fn asset(&mut self, place: Place, url: &Url, _: bool) -> String {
        self.shown.insert((place, url.to_string()));
        let known = self.named.iter().position(|held| held == url.as_str());
        let name = known.unwrap_or_else(|| {
            self.named.push(url.to_string());
            self.named.len() - 1
        });
        format!("/__lado/a/{name}")
    }

    fn gone(&mut self, what: Gone) {
        self.shown.retain(|(place, _)| match what {
            Gone::All => false,
            Gone::Node(node) => place.node != node,
            Gone::Place(gone) => *place != gone,
        });
    }
}

/// The presets and a company's own rules; compiled once for all cases of a test.
fn rules(own: &str) -> Arc<SiteRules> {
    static COMPILED: Mutex<BTreeMap<String, Arc<SiteRules>>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap();
    let fresh = || {
        let files = PRESETS.into_iter().chain([Source { file: "own.toml", text: own }]);
        RuleSet::load(&files.collect::<Vec<_>>(), &[]).unwrap().for_site("shop.example")
    };
    Arc::clone(compiled.entry(own.to_owned()).or_insert_with(fresh))
}

/// A page, the mask, and a viewer that has been there from the beginning.
pub struct Room {
    pub mirror: Mirror,
    pub mask: Mask,
    pub viewer: Mirror,
    pub assets: Assets,
    /// Every byte that the viewer got.
    wire: Vec<u8>,
    /// Every op that it got.
    ops: Vec<Op>,
    /// Compares with what a viewer who comes now would see, after every op.
    careful: bool,
}

impl Room {
    pub fn new(own: &str, nodes: Vec<TreeNode>) -> Self {
        let rules = rules(own);
        let mut room = Self {
            mirror: Mirror::new(Limits::default()),
            mask: Mask::new(rules),
            viewer: Mirror::new(Limits::default()),
            assets: Assets::default(),
            wire: Vec::new(),
            ops: Vec::new(),
            careful: true,
        };
        room.send(snapshot(nodes));
        room
    }

    /// Spares the comparison, where thousands of pages are played.
    pub fn quick(mut self) -> Self {
        self.careful = false;
        self
    }

    /// What viewers get; checks that a viewer who comes now sees the same.
    pub fn send(&mut self, op: Op) -> Vec<Op> {
        let Ok(out) = self.mask.process(&mut self.mirror, op.clone(), &mut self.assets) else { return Vec::new() };
        let out: Vec<Op> = out.into_iter().map(|masked| masked.0).collect();
        self.deliver(&op, &out);
        out
    }

    fn deliver(&mut self, cause: &Op, out: &[Op]) {
        for told in out {
            let applied = self.viewer.apply(told);
            assert!(applied.is_ok(), "{cause:?} made {out:?}, which does not fit: {applied:?}");
            self.wire.extend(protocol::encode(told));
            self.ops.push(told.clone());
        }
        if !self.careful {
            return;
        }
        let mut late = Mirror::new(Limits::default());
        let mut fresh = Assets { named: self.assets.named.clone(), ..Assets::default() };
        for told in self.mask.snapshot(&self.mirror, 1, &mut fresh) {
            late.apply(told.as_ref()).unwrap();
        }
        assert_eq!(fresh.shown, self.assets.shown, "what may be loaded after {cause:?}");
        assert_eq!(sorted(&late), sorted(&self.viewer), "after {cause:?}, which made {out:?}");
    }

    pub fn text(&mut self, node: u32, text: &str) -> Vec<Op> {
        self.send(Op::SetText { node, text: text.into() })
    }

    pub fn attr(&mut self, node: u32, name: &str, value: Option<&str>) -> Vec<Op> {
        self.send(Op::SetAttr { node, name: name.into(), value: value.map(str::to_owned) })
    }

    pub fn value(&mut self, node: u32, value: &str) -> Vec<Op> {
        self.send(Op::SetValue { node, value: value.into() })
    }

    pub fn insert(&mut self, parent: u32, prev: u32, base: u32, nodes: Vec<TreeNode>) -> Vec<Op> {
        self.send(Op::Insert { parent, prev, base, tree: Tree { nodes } })
    }

    /// The customer hides an element by hand.
    pub fn hide(&mut self, node: u32) {
        let out: Vec<Op> = self.mask.hide(&self.mirror, node, &mut self.assets).into_iter().map(|op| op.0).collect();
        self.deliver(&Op::Focus { node: 0 }, &out);
    }

    /// The session has learnt a value that was typed into a masked field.
    pub fn learn(&mut self, value: &str) {
        let mut taint = Taint::default();
        taint.learn(1, (1, 1), value, true);
        self.mask.set_taint(Arc::new(taint));
        let out: Vec<Op> = self.mask.recall(&self.mirror, &mut self.assets).into_iter().map(|op| op.0).collect();
        self.deliver(&Op::Focus { node: 0 }, &out);
    }

    /// Every string that the viewer was told, in order, and then the text of its page.
    pub fn told(&mut self) -> Vec<String> {
        let mut told: Vec<String> = self.ops.iter().flat_map(strings).collect();
        told.push("\u{0}".into());
        let late = self.mask.snapshot(&self.mirror, 1, &mut self.assets);
        told.extend(late.iter().flat_map(|op| strings(&op.0)));
        told.push("\u{0}".into());
        told.extend(self.viewer.document().unwrap().descendants().filter_map(NodeRef::text).map(str::to_owned));
        told
    }

    /// Where the viewer sees the customer's caret.
    pub fn caret(&self) -> Option<Op> {
        let ops = self.viewer.present_ops();
        ops.into_iter().find(|op| matches!(op, Op::Caret { node, .. } if *node != NONE))
    }

    /// Whether the viewer's page says something now, in any text, attribute, value or sheet.
    pub fn says(&self, secret: &str) -> bool {
        self.viewer.snapshot(1).iter().flat_map(strings).any(|told| told.contains(secret))
    }

    /// The addresses of what the viewer may load now.
    pub fn loads(&self) -> BTreeSet<&str> {
        self.assets.shown.iter().map(|(_, url)| url.as_str()).collect()
    }

    /// The text that the viewer shows now.
    pub fn shown(&self) -> String {
        self.viewer.document().unwrap().descendants().filter_map(NodeRef::text).collect()
    }

    /// The viewer's page.
    pub fn viewer(&self) -> &Mirror {
        &self.viewer
    }

    pub fn tags(&self) -> Vec<String> {
        self.viewer.document().unwrap().descendants().map(|node| node.local().to_owned()).collect()
    }

    /// The company has other rules.
    pub fn reload(&mut self, rules: Arc<SiteRules>) {
        let out = self.mask.reload(&self.mirror, rules, &mut self.assets);
        let out: Vec<Op> = out.into_iter().map(|op| op.0).collect();
        self.deliver(&Op::Focus { node: 0 }, &out);
    }

    pub fn seen(&self, node: u32) -> NodeRef<'_> {
        self.viewer.node(node).unwrap()
    }

    pub fn leaked(&self, secret: &str) -> bool {
        let wire = String::from_utf8_lossy(&self.wire);
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        wire.contains(secret) || (secret.len() > 9 && secret == digits(secret) && digits(&wire).contains(secret))
    }
}

/// A card number glued to further digits is a longer number, and no card's (`rules::detector`).
pub fn shows_card(text: &str) -> bool {
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    text.match_indices(CARD)
        .any(|(at, _)| !digit(text[..at].chars().next_back()) && !digit(text[at + CARD.len()..].chars().next()))
}

/// The strings of an op.
fn strings(op: &Op) -> Vec<String> {
    let of = |tree: &Tree| {
        let nodes = tree.nodes.iter().flat_map(|node| match node {
            TreeNode::Element { attrs, .. } => attrs.iter().flat_map(|(n, v)| [n.clone(), v.clone()]).collect(),
            TreeNode::Text(text) => vec![text.clone()],
            _ => Vec::new(),
        });
        nodes.collect::<Vec<_>>()
    };
    match op {
        Op::Snapshot { url, base_url, title, tree, .. } => {
            [vec![url.clone(), base_url.clone(), title.clone()], of(tree)].concat()
        }
        Op::Insert { tree, .. } => of(tree),
        Op::SetAttr { name, value, .. } => vec![name.clone(), value.clone().unwrap_or_default()],
        Op::SetText { text, .. } => vec![text.clone()],
        Op::SetValue { value, .. } => vec![value.clone()],
        Op::SetTitle { title } => vec![title.clone()],
        Op::SetUrl { url } => vec![url.clone()],
        Op::SetSheet { css, .. }
        | Op::DefineSheet { css, .. }
        | Op::InsertRule { css, .. }
        | Op::SetRule { css, .. } => vec![css.clone()],
        Op::SetAdopted { sheets, .. } => sheets.clone(),
        _ => Vec::new(),
    }
}

/// A text as a person would read it aloud: width folded, nothing invisible. Not the detectors' own folding.
pub fn folded(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    let hidden = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    text.chars().filter(|c| !hidden(*c)).nfkc().collect()
}

/// A mirror's page with attributes in one order: which one they came in shows nowhere.
fn sorted(mirror: &Mirror) -> Vec<Op> {
    let mut ops = mirror.snapshot(1);
    // A sheet that was taken back is one that was never told.
    ops.retain(|op| !matches!(op, Op::DefineSheet { css, .. } if css.is_empty()));
    if let Some(Op::Snapshot { tree, .. }) = ops.first_mut() {
        for node in &mut tree.nodes {
            if let TreeNode::Element { attrs, .. } = node {
                attrs.sort();
            }
        }
    }
    ops
}

pub fn text(content: &str) -> TreeNode {
    TreeNode::Text(content.into())
}

/// An element with children.
pub fn parent(tag: &str, attrs: &[(&str, &str)], children: Vec<TreeNode>) -> Vec<TreeNode> {
    let mut nodes = vec![element(tag, attrs)];
    nodes.extend(children);
    nodes.push(TreeNode::End);
    nodes
}

pub const OWN: &str = r##"
[[rule]]
id = "own"
action = "mask"
selector = ".private"

[[rule]]
id = "own-open"
action = "unmask"
selector = ".open"

[[rule]]
id = "own-inside"
action = "mask"
selector = ".vault b"

[[rule]]
id = "own-path"
action = "mask"
paths = ["/account"]
selector = ".balance"

[[rule]]
id = "own-lock"
action = "lock"
selector = "#danger"
"##;
