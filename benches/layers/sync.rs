//! What an op costs on its way: decoding, the mirror, the mask, and encoding for viewers.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use lado::mask::{AssetMap, Frame, Gone, Mask, Place};
use lado::mirror::{Limits, Mirror};
use lado::protocol::{self, Namespace, Op, PageMessage, Tree, TreeNode, Viewport};
use lado::rules::detector::Text;
use lado::rules::{RuleSet, SiteRules};
use serde_json::{Value, json};
use url::Url;

const ROWS: u32 = 2_000;
/// A row, three cells, three texts, a button and its text, a field.
const NODES: u32 = 10;

struct Assets;

impl AssetMap for Assets {
    fn asset(&mut self, _: Place, url: &Url, _: bool) -> String {
        format!("/__lado/a/{}", url.path().len())
    }

    fn gone(&mut self, _: Gone) {}
}

fn element(tag: &str, attrs: &[(&str, &str)]) -> TreeNode {
    let attrs = attrs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    TreeNode::Element { namespace: Namespace::Html, tag: tag.into(), attrs }
}

fn row(number: u32) -> Vec<TreeNode> {
    let text = |words: String| TreeNode::Text(words);
    let id = format!("row-{number}");
    vec![
        element("tr", &[("id", &id), ("class", "row striped"), ("data-number", &number.to_string())]),
        element("td", &[("class", "name")]),
        text(format!("Customer number {number}")),
        TreeNode::End,
        element("td", &[]),
        text(format!("customer.{number}@shop.example")),
        TreeNode::End,
        element("td", &[("class", "sum")]),
        text(format!("R$ {number},90 of 2026-01-31")),
        TreeNode::End,
        element("button", &[("type", "button"), ("class", "btn btn-small")]),
        text("Details".into()),
        TreeNode::End,
        element("input", &[("name", "note"), ("type", "text")]),
        TreeNode::End,
        TreeNode::End,
    ]
}

fn table() -> Op {
    let mut nodes = vec![element("html", &[]), element("body", &[]), element("table", &[])];
    nodes.extend((0..ROWS).flat_map(row));
    nodes.extend([TreeNode::End, TreeNode::End, TreeNode::End]);
    Op::Snapshot {
        epoch: 1,
        base: 2,
        url: "https://shop.example/admin".into(),
        base_url: "https://shop.example/admin".into(),
        title: "Customers".into(),
        quirks: false,
        viewport: Viewport { width: 1280, height: 800, density: 1000 },
        scroll_x: 0,
        scroll_y: 0,
        tree: Tree { nodes },
    }
}

/// Ten thousand changes of the kinds that pages make most.
fn changes() -> Vec<Op> {
    (0..10_000u32)
        .map(|i| {
            let first = 5 + (i * 7 % ROWS) * NODES;
            match i % 4 {
                0 => Op::SetAttr { node: first, name: "class".into(), value: Some(format!("row state-{}", i % 3)) },
                1 => Op::SetText { node: first + 2, text: format!("Customer {i}") },
                2 => Op::SetValue { node: first + 9, value: format!("note {i}") },
                _ => Op::Move { node: first, parent: 4, prev: 0 },
            }
        })
        .collect()
}

fn rules() -> Arc<SiteRules> {
    RuleSet::presets().map(|set| set.for_site("shop.example")).unwrap_or_default()
}

fn room(rules: &Arc<SiteRules>) -> (Mirror, Mask) {
    let (mut mirror, mut mask) = (Mirror::new(Limits::default()), Mask::new(Arc::clone(rules)));
    let _ = mask.process(&mut mirror, table(), &mut Assets);
    (mirror, mask)
}

fn ops(c: &mut Criterion) {
    let changes = changes();
    let batch = protocol::encode(&PageMessage::Batch { seq: 1, ops: changes.clone() });
    let mut group = c.benchmark_group("10,000 ops");
    group.throughput(Throughput::Elements(changes.len() as u64));
    group.bench_function("decode", |b| b.iter(|| protocol::decode::<PageMessage>(black_box(&batch))));
    group.bench_function("mirror", |b| {
        let plain = || {
            let mut mirror = Mirror::new(Limits::default());
            let _ = mirror.apply(&table());
            mirror
        };
        b.iter_batched_ref(
            plain,
            |mirror| changes.iter().for_each(|op| drop(black_box(mirror.apply(op)))),
            BatchSize::LargeInput,
        );
    });
    let with = [("mirror and mask, presets", rules()), ("mirror and mask, no rules", Arc::default())];
    for (name, rules) in with {
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                || room(&rules),
                |(mirror, mask)| {
                    for op in &changes {
                        let _ = black_box(mask.process(mirror, op.clone(), &mut Assets));
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// The same changes as rrweb 2 would send them: one event with all that changed in the document, one for each field.
fn as_rrweb(changes: &[Op]) -> Vec<String> {
    let (mut texts, mut attributes, mut removes, mut adds) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut events = Vec::new();
    for op in changes {
        match op {
            Op::SetAttr { node, name, value } => {
                attributes.push(json!({ "id": node, "attributes": { name.as_str(): value } }));
            }
            Op::SetText { node, text } => texts.push(json!({ "id": node, "value": text })),
            Op::SetValue { node, value } => events.push(
                json!({
                    "type": 3, "timestamp": 1_763_800_000_000_u64,
                    "data": { "source": 5, "text": value, "isChecked": false, "id": node },
                })
                .to_string(),
            ),
            Op::Move { node, parent, .. } => {
                removes.push(json!({ "parentId": parent, "id": node }));
                adds.extend(row_as_rrweb(*node, *parent));
            }
            _ => {}
        }
    }
    let data = json!({ "source": 0, "texts": texts, "attributes": attributes, "removes": removes, "adds": adds });
    events.push(json!({ "type": 3, "timestamp": 1_763_800_000_000_u64, "data": data }).to_string());
    events
}

/// A node that moves is removed and added again with all that is in it.
fn row_as_rrweb(first: u32, parent: u32) -> Vec<Value> {
    let mut adds = Vec::new();
    let mut above = parent;
    for (id, node) in (first..).zip(row(first).into_iter().filter(|node| *node != TreeNode::End)) {
        let text = matches!(node, TreeNode::Text(_));
        let node = match node {
            TreeNode::Text(text) => json!({ "type": 3, "textContent": text, "id": id }),
            TreeNode::Element { tag, attrs, .. } => {
                let attrs: serde_json::Map<String, Value> = attrs.into_iter().map(|(k, v)| (k, v.into())).collect();
                json!({ "type": 2, "tagName": tag, "attributes": attrs, "childNodes": [], "id": id })
            }
            _ => continue,
        };
        let up = if text { id - 1 } else { above };
        adds.push(json!({ "parentId": up, "nextId": null, "node": node }));
        if id == first {
            above = first;
        }
    }
    adds
}

/// What Lado does with a page's changes, beside reading the same changes as JSON and no more.
fn beside_json(c: &mut Criterion) {
    let changes = changes();
    let batch = protocol::encode(&PageMessage::Batch { seq: 1, ops: changes.clone() });
    let events = as_rrweb(&changes);
    let rules = rules();
    let mut group = c.benchmark_group("10,000 changes");
    group.throughput(Throughput::Elements(changes.len() as u64));
    group.bench_function("rrweb's JSON, parsed", |b| {
        b.iter(|| events.iter().for_each(|event| drop(black_box(serde_json::from_str::<Value>(event)))));
    });
    group.bench_function("decoded, mirrored, masked, encoded", |b| {
        b.iter_batched_ref(
            || room(&rules),
            |(mirror, mask)| {
                let Ok(PageMessage::Batch { ops, .. }) = protocol::decode::<PageMessage>(&batch) else { return };
                let mut out = Vec::with_capacity(ops.len());
                for op in ops {
                    out.extend(mask.process(mirror, op, &mut Assets).unwrap_or_default());
                }
                black_box(Frame::ops(1, &out));
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
    let bytes: usize = events.iter().map(String::len).sum();
    println!("10,000 changes: {} bytes, {bytes} bytes as rrweb's JSON", batch.len());
}

/// What the system gives this process, in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// Printed, not timed: how much memory a mirrored node takes, its strings included.
fn memory(_: &mut Criterion) {
    const MIRRORS: usize = 40;
    let page = table();
    let before = resident();
    let mirrors: Vec<Mirror> = (0..MIRRORS)
        .map(|_| {
            let mut mirror = Mirror::new(Limits::default());
            let _ = mirror.apply(&page);
            mirror
        })
        .collect();
    let nodes: usize = mirrors.iter().map(Mirror::len).sum();
    println!("memory: {} bytes a node, of {nodes} nodes", (resident() - before) / nodes.max(1));
}

fn snapshots(c: &mut Criterion) {
    let rules = rules();
    let mut group = c.benchmark_group("a table of 2,000 rows");
    group.throughput(Throughput::Elements(u64::from(ROWS * NODES)));
    group.bench_function("first snapshot through mirror and mask", |b| b.iter(|| room(&rules)));
    let (mirror, mask) = room(&rules);
    group.bench_function("snapshot for a late viewer, encoded", |b| {
        b.iter(|| Frame::ops(1, &mask.snapshot(&mirror, 1, &mut Assets)));
    });
    group.finish();
}

fn detectors(c: &mut Criterion) {
    let rules = rules().at("/");
    let mut prose = String::new();
    while prose.len() < 1 << 20 {
        let _ = write!(prose, "Order {} of 2026-01-31 was paid and sent to the address on file. ", prose.len());
    }
    let mut group = c.benchmark_group("detectors");
    group.throughput(Throughput::Bytes(prose.len() as u64));
    group.bench_function("prose", |b| {
        b.iter(|| {
            let text = Text::new(black_box(&prose));
            let mut found = Vec::new();
            rules.detectors().iter().for_each(|detector| detector.find(&text, &mut found));
            found
        });
    });
    group.finish();
}

criterion_group!(benches, memory, ops, beside_json, snapshots, detectors);
