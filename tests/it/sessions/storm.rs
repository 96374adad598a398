//! Whatever happens to the line between a page and Lado, and between Lado and a viewer: in the end all three have one
//! tree. Pages here keep their own tree in a mirror of its own, with the rules that `injected/socket.ts` follows.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use lado::hub::queue::{ForPage, ForViewer};
use lado::hub::{self, Hub, Hubs, PageLink, ViewerLink};
use lado::mirror::{Limits, Mirror};
use lado::protocol::{self, Namespace, Op, PageCommand, PageMessage, Tree, TreeNode, ViewerMessage, ViewerNotice};
use lado::rewrite::url::{Site, ViewDomain};
use lado::session::brand::BrandConfig;
use lado::session::{self, Sessions};
use proptest::prelude::*;

use super::stage::{SITE, companies, open, snapshot};

fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// A page and its line.
struct Page {
    tree: Mirror,
    next: u32,
    /// Changes that have not been sent yet.
    waiting: Vec<Op>,
    /// A change was not noticed: what waits would not fit the mirror, and what was sent is not all.
    seq: u32,
    unacked: Vec<(u32, Vec<Op>)>,
    open: bool,
    link: Option<PageLink>,
    /// On their way to Lado.
    wire: VecDeque<PageMessage>,
    snapshots: u32,
    mended: u32,
    /// Where the next comparison begins.
    cursor: u32,
}

struct Scene {
    hub: Arc<Hub>,
    hubs: Arc<Hubs>,
    page: Page,
    viewer: Option<ViewerLink>,
    seen: Mirror,
    waiting_for_snapshot: bool,
    _sessions: Arc<Sessions>,
}

fn start() -> Op {
    let item =
        |n| [open("ul", &[]), open("li", &[]), TreeNode::Text(format!("item {n}")), TreeNode::End, TreeNode::End];
    snapshot((0..40).flat_map(item).collect())
}

impl Scene {
    fn set() -> Self {
        let domain = ViewDomain::parse("http://view.localhost:7070").unwrap();
        let sessions =
            Sessions::new(session::Config::default(), companies(&[], &BrandConfig::default()), domain).unwrap();
        let hubs = Hubs::new(&sessions, hub::Config::default());
        let (company, account) = sessions.companies().account("ana").unwrap();
        let session = sessions.create(&company, &account.agent, format!("{SITE}/cart").parse().unwrap()).unwrap();
        sessions.accept(&sessions.link(&session).unwrap()).unwrap();
        let hub = hubs.of(&session).unwrap();
        let mut tree = Mirror::new(Limits::default());
        tree.apply(&start()).unwrap();
        let page = Page {
            tree,
            next: 1000,
            waiting: Vec::new(),
            seq: 0,
            unacked: Vec::new(),
            open: false,
            link: None,
            wire: VecDeque::new(),
            snapshots: 0,
            mended: 0,
            cursor: 1,
        };
        let seen = Mirror::new(Limits::default());
        Self { hub, hubs, page, viewer: None, seen, waiting_for_snapshot: true, _sessions: sessions }
    }

    fn connect(&mut self) {
        if self.page.link.is_some() {
            return;
        }
        let site = Site::parse(SITE).unwrap();
        self.page.link = Some(self.hub.page(&site, "storm", "tab", self.page.seq, true).unwrap());
        self.commands();
    }

    /// The socket is gone, with a tail of what was on its way.
    fn cut(&mut self, arrives: usize) {
        for _ in 0..arrives {
            self.deliver(0);
        }
        self.page.wire.clear();
        self.page.open = false;
        if let Some(link) = self.page.link.take() {
            self.hub.page_gone(&link);
        }
    }

    /// Hands a message to the hub: the first, or by mistake a later one.
    fn deliver(&mut self, at: usize) {
        let Some(link) = self.page.link.clone() else { return };
        let at = at.min(self.page.wire.len().saturating_sub(1));
        let end = match self.page.wire.remove(at) {
            Some(PageMessage::Batch { seq, ops }) => self.hub.batch(&link, seq, ops),
            Some(PageMessage::Restart {}) => self.hub.restart(&link),
            _ => Ok(()),
        };
        if end.is_err() {
            self.cut(0);
        }
    }

    fn commands(&mut self) {
        while let Some(ForPage::Send(frame)) = self.page.link.as_ref().and_then(|link| now(link.queue.next())) {
            match protocol::decode::<PageCommand>(frame.bytes()).unwrap() {
                PageCommand::Welcome { received, snapshot, .. } => self.page.resume(received, snapshot),
                PageCommand::Ack { seq } => self.page.acked(seq),
                PageCommand::Resync {} => self.page.snapshot(),
                PageCommand::Mend { node } => self.page.mend(node),
                _ => {}
            }
        }
    }

    fn flush(&mut self) {
        self.commands();
        let ops = std::mem::take(&mut self.page.waiting);
        if self.page.open { self.page.batch(ops) } else { self.page.waiting = ops }
    }

    fn join(&mut self) {
        if let Some(link) = self.viewer.take() {
            self.hub.viewer_gone(&link);
        }
        self.waiting_for_snapshot = true;
        let agent = self.hub.session().agent.clone();
        self.hub.session().update(|state| {
            state.admitted = vec![agent.clone()];
            true
        });
        self.viewer = Some(self.hub.viewer(agent, None).unwrap());
    }

    fn watch(&mut self) {
        let Some(link) = self.viewer.clone() else { return };
        while let Some(next) = now(link.queue.next()) {
            let ForViewer::Send(frame) = next else {
                match next {
                    ForViewer::Snapshot => self.hub.resync(&link),
                    ForViewer::Barrier(epoch) => self.hub.seen(&link, epoch),
                    _ => {}
                }
                continue;
            };
            match protocol::decode::<ViewerMessage>(frame.bytes()).unwrap() {
                ViewerMessage::Ops { ops, .. } => self.see(&link, &ops),
                ViewerMessage::Notice { notice: ViewerNotice::NoPage {} } => self.waiting_for_snapshot = true,
                ViewerMessage::Notice { .. } => {}
            }
        }
    }

    fn see(&mut self, link: &ViewerLink, ops: &[Op]) {
        for op in ops {
            self.waiting_for_snapshot &= !matches!(op, Op::Snapshot { .. });
            assert!(!self.waiting_for_snapshot, "changes come after a snapshot");
            self.seen.apply(op).expect("what viewers get fits what they have");
            if let Op::Check { node, .. } = op {
                assert!(self.seen.node(*node).is_some());
            }
        }
        let _ = link;
    }

    /// Everything arrives, and the page compares all of itself until nothing differs.
    fn calm(&mut self) {
        self.connect();
        for _ in 0..60 {
            self.flush();
            while !self.page.wire.is_empty() && self.page.link.is_some() {
                self.deliver(0);
            }
            self.connect();
            self.commands();
            if self.page.open && self.page.wire.is_empty() && self.page.waiting.is_empty() {
                self.page.cursor = 1;
                self.page.check(64);
                while !self.page.wire.is_empty() {
                    self.deliver(0);
                }
                let before = (self.page.mended, self.page.snapshots);
                self.commands();
                // What Lado has not taken, it has not compared.
                if self.page.unacked.is_empty() && before == (self.page.mended, self.page.snapshots) {
                    break;
                }
            }
        }
        if self.viewer.is_none() {
            self.join();
        }
        self.watch();
    }
}

impl Page {
    fn batch(&mut self, ops: Vec<Op>) {
        if ops.is_empty() || !self.open {
            return;
        }
        self.seq += 1;
        self.wire.push_back(PageMessage::Batch { seq: self.seq, ops: ops.clone() });
        self.unacked.push((self.seq, ops));
    }

    fn snapshot(&mut self) {
        self.waiting.clear();
        self.snapshots += 1;
        let ops = self.tree.snapshot(self.snapshots);
        self.batch(ops);
    }

    fn acked(&mut self, seq: u32) {
        self.unacked.retain(|(held, _)| *held > seq);
    }

    fn resume(&mut self, received: u32, snapshot: bool) {
        self.open = true;
        self.acked(received);
        let first = self.unacked.first().map_or(self.seq + 1, |(seq, _)| *seq);
        if snapshot || first != received + 1 {
            if self.seq > 0 {
                self.wire.push_back(PageMessage::Restart {});
            }
            self.unacked.clear();
            self.seq = received;
            self.snapshot();
            return;
        }
        for (seq, ops) in &self.unacked {
            self.wire.push_back(PageMessage::Batch { seq: *seq, ops: ops.clone() });
        }
    }

    /// Tells what the mirror has wrong: the element goes, and comes again under new ids.
    fn mend(&mut self, id: u32) {
        let Some(node) = self.tree.node(id) else { return };
        self.mended += 1;
        let (parent, prev) = (node.parent_node().unwrap().id(), node.prev().map_or(0, |node| node.id()));
        let mut nodes = Vec::new();
        let mut count = 0;
        for step in node.walk() {
            match step {
                lado::mirror::Step::Enter(node) => {
                    nodes.push(node.to_tree());
                    count += 1;
                }
                lado::mirror::Step::Leave(node) if node.text().is_none() => nodes.push(TreeNode::End),
                lado::mirror::Step::Leave(_) => {}
            }
        }
        let base = self.next;
        self.next += count;
        let ops = [Op::Remove { nodes: vec![id] }, Op::Insert { parent, prev, base, tree: Tree { nodes } }];
        for op in ops {
            self.tree.apply(&op).unwrap();
            self.waiting.push(op);
        }
    }

    fn check(&mut self, groups: usize) {
        let node = if self.tree.node(self.cursor).is_some() { self.cursor } else { 1 };
        let sums = self.tree.sums(node, groups);
        let mut ops = std::mem::take(&mut self.waiting);
        ops.push(Op::Check { node, sums });
        self.batch(ops);
    }

    /// Something changes; `noticed` or not.
    fn change(&mut self, (kind, a, b, c): (u8, u16, u16, u16), noticed: bool) {
        let all: Vec<u32> = self.tree.document().unwrap().descendants().map(|node| node.id()).collect();
        let inside: Vec<u32> = all.iter().copied().filter(|id| *id > 3).collect();
        let elements: Vec<u32> = inside
            .iter()
            .copied()
            .filter(|id| self.tree.node(*id).is_some_and(|node| node.is_element()))
            .chain([3])
            .collect();
        let pick = |all: &[u32], die: u16| (!all.is_empty()).then(|| all[usize::from(die) % all.len()]);
        let prev = |parent: u32, not: u32| {
            let children: Vec<u32> = self
                .tree
                .node(parent)
                .into_iter()
                .flat_map(|node| node.children())
                .map(|node| node.id())
                .filter(|id| *id != not)
                .collect();
            if c == 0 { 0 } else { children.get(usize::from(c) % (children.len() + 1)).copied().unwrap_or(0) }
        };
        let op = match kind % 5 {
            0 => {
                let Some(parent) = pick(&elements, a) else { return };
                let base = self.next;
                self.next += 2;
                let element = TreeNode::Element {
                    namespace: Namespace::Html,
                    tag: "p".into(),
                    attrs: vec![("class".into(), format!("c{b}"))],
                };
                let nodes = vec![element, TreeNode::Text(format!("text {b}")), TreeNode::End];
                Op::Insert { parent, prev: prev(parent, 0), base, tree: Tree { nodes } }
            }
            1 => {
                let (Some(node), Some(parent)) = (pick(&inside, a), pick(&elements, b)) else { return };
                Op::Move { node, parent, prev: prev(parent, node) }
            }
            2 => {
                let Some(node) = pick(&inside, a) else { return };
                Op::Remove { nodes: vec![node] }
            }
            3 => {
                let Some(node) = pick(&inside, a) else { return };
                Op::SetText { node, text: format!("text {b}") }
            }
            _ => {
                let Some(node) = pick(&elements, a) else { return };
                Op::SetAttr { node, name: "class".into(), value: (c % 3 > 0).then(|| format!("d{b}")) }
            }
        };
        if self.tree.apply(&op).is_ok() && noticed {
            self.waiting.push(op);
        }
    }
}

#[derive(Debug, Clone)]
enum Event {
    Change((u8, u16, u16, u16)),
    /// A change that the page's script does not see.
    Slip((u8, u16, u16, u16)),
    Flush,
    Deliver(usize),
    Cut(usize),
    Connect,
    Check,
    Join,
    Watch,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        12 => any::<(u8, u16, u16, u16)>().prop_map(Event::Change),
        1 => any::<(u8, u16, u16, u16)>().prop_map(Event::Slip),
        6 => Just(Event::Flush),
        5 => Just(Event::Deliver(0)),
        1 => (1usize..3).prop_map(Event::Deliver),
        1 => (0usize..4).prop_map(Event::Cut),
        3 => Just(Event::Connect),
        1 => Just(Event::Check),
        1 => Just(Event::Join),
        2 => Just(Event::Watch),
    ];
    proptest::collection::vec(event, 1..120)
}

/// Ids, places, tags, texts and attributes.
fn told(mirror: &Mirror) -> Vec<String> {
    let document = mirror.document().expect("there is a page");
    let line = |node: lado::mirror::NodeRef<'_>| {
        let mut attributes: Vec<_> = node.attributes().collect();
        attributes.sort_unstable();
        let parent = node.parent_node().map_or(0, |up| up.id());
        format!("{} in {parent}: {} {:?} {attributes:?}", node.id(), node.local(), node.text())
    };
    document.descendants().map(line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn in_the_end_page_lado_and_viewer_have_one_tree(events in events()) {
        let mut scene = Scene::set();
        scene.connect();
        scene.join();
        let mut slipped = false;
        for event in events {
            match event {
                Event::Change(dice) => scene.page.change(dice, true),
                Event::Slip(dice) => {
                    slipped = true;
                    scene.page.change(dice, false);
                }
                Event::Flush => scene.flush(),
                Event::Deliver(at) => scene.deliver(at),
                Event::Cut(arrives) => scene.cut(arrives),
                Event::Connect => scene.connect(),
                Event::Check => {
                    scene.commands();
                    if scene.page.open {
                        scene.page.check(2);
                    }
                }
                Event::Join => scene.join(),
                Event::Watch => scene.watch(),
            }
        }
        scene.calm();
        prop_assert_eq!(told(&scene.seen), told(&scene.page.tree));
        let diverged = scene.hubs.counts().diverged.load(std::sync::atomic::Ordering::Relaxed);
        prop_assert!(slipped || diverged == 0, "{} false alarms", diverged);
    }

    /// A page that keeps its order and is away for less than the grace is told once.
    #[test]
    fn a_line_that_drops_and_comes_back_costs_no_snapshot(events in events()) {
        let mut scene = Scene::set();
        scene.connect();
        for event in events {
            match event {
                Event::Change(dice) | Event::Slip(dice) => scene.page.change(dice, true),
                Event::Flush | Event::Check => scene.flush(),
                Event::Deliver(_) | Event::Watch => scene.deliver(0),
                Event::Cut(arrives) => {
                    // Nothing is resumed before the first snapshot has arrived.
                    scene.deliver(0);
                    scene.cut(arrives);
                }
                Event::Connect | Event::Join => scene.connect(),
            }
        }
        scene.calm();
        prop_assert_eq!(scene.page.snapshots, 1);
        prop_assert_eq!(told(&scene.seen), told(&scene.page.tree));
    }
}
