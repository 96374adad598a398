//! Where the nodes of a mirror live: slots linked by number, names held once, bytes counted.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, Hasher, RandomState};
use std::ops::{Index, IndexMut};

use crate::protocol::Namespace;

/// No slot.
pub(super) const NIL: u32 = u32::MAX;

/// What a node costs on top of its strings, for the byte limit.
const NODE: usize = 80;
const ATTR: usize = 24;

#[derive(Debug)]
pub(super) struct Slot {
    pub id: u32,
    pub parent: u32,
    pub first: u32,
    pub last: u32,
    pub prev: u32,
    pub next: u32,
    pub kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Document,
    Shadow,
    Text(Box<str>),
    /// Names are numbers of [`Arena::name`].
    Element {
        namespace: Namespace,
        tag: u32,
        attrs: Box<[(u32, Box<str>)]>,
    },
}

impl Kind {
    fn bytes(&self) -> usize {
        NODE + match self {
            Self::Document | Self::Shadow => 0,
            Self::Text(text) => text.len(),
            Self::Element { attrs, .. } => attrs.iter().map(|(_, value)| ATTR + value.len()).sum(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Arena {
    slots: Vec<Slot>,
    free: Vec<u32>,
    ids: HashMap<u32, u32, Seeded>,
    names: Vec<Box<str>>,
    numbers: foldhash::HashMap<Box<str>, u32>,
    refs: Refs,
    pub bytes: usize,
}

/// The slots that bear an id, and those that are for it.
#[derive(Debug, Default)]
struct Refs {
    ids: foldhash::HashMap<Box<str>, Few>,
    fors: foldhash::HashMap<Box<str>, Few>,
}

/// Slots of which there is one as a rule.
#[derive(Debug, Default)]
enum Few {
    #[default]
    None,
    One(u32),
    Many(BTreeSet<u32>),
}

impl Few {
    fn insert(&mut self, slot: u32) {
        match self {
            Self::None => *self = Self::One(slot),
            Self::One(held) if *held == slot => {}
            Self::One(held) => *self = Self::Many(BTreeSet::from([*held, slot])),
            Self::Many(held) => drop(held.insert(slot)),
        }
    }

    fn remove(&mut self, slot: u32) {
        match self {
            Self::One(held) if *held == slot => *self = Self::None,
            Self::None | Self::One(_) => {}
            Self::Many(held) => {
                held.remove(&slot);
                if held.is_empty() {
                    *self = Self::None;
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        let (one, many) = match self {
            Self::None => (None, None),
            Self::One(slot) => (Some(*slot), None),
            Self::Many(slots) => (None, Some(slots.iter().copied())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            ids: HashMap::with_hasher(Seeded(RandomState::new().hash_one(0))),
            names: Vec::new(),
            numbers: foldhash::HashMap::default(),
            refs: Refs::default(),
            bytes: 0,
        }
    }
}

impl Index<u32> for Arena {
    type Output = Slot;
    fn index(&self, slot: u32) -> &Slot {
        &self.slots[slot as usize]
    }
}

impl IndexMut<u32> for Arena {
    fn index_mut(&mut self, slot: u32) -> &mut Slot {
        &mut self.slots[slot as usize]
    }
}

impl Arena {
    pub fn slot(&self, id: u32) -> Option<u32> {
        self.ids.get(&id).copied()
    }

    pub fn ids(&self) -> impl Iterator<Item = u32> {
        self.ids.keys().copied()
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// The number of a tag or attribute name. Names are never forgotten, so they count against the byte limit for good.
    pub fn intern(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.names.len() as u32;
        self.bytes += 2 * (name.len() + ATTR);
        self.names.push(name.into());
        self.numbers.insert(name.into(), number);
        number
    }

    pub fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }

    /// Counts a string that is held elsewhere.
    pub fn charge(&mut self, before: usize, after: usize) {
        self.bytes = (self.bytes + after).saturating_sub(before);
    }

    pub fn add(&mut self, id: u32, kind: Kind) -> u32 {
        self.bytes += kind.bytes();
        let slot = Slot { id, parent: NIL, first: NIL, last: NIL, prev: NIL, next: NIL, kind };
        let place = match self.free.pop() {
            Some(place) => {
                self[place] = slot;
                place
            }
            None => {
                // Most pages grow little after they have come: doubling would hold a page's worth of nothing.
                if self.slots.len() == self.slots.capacity() {
                    self.slots.reserve_exact(64.max(self.slots.len() / 8));
                }
                self.slots.push(slot);
                self.slots.len() as u32 - 1
            }
        };
        self.ids.insert(id, place);
        if let Kind::Element { attrs, .. } = &self.slots[place as usize].kind {
            for (name, value) in attrs {
                refer(&mut self.refs, &self.names[*name as usize], value, place, true);
            }
        }
        place
    }

    /// The slots whose `id` is this, in no particular order.
    pub fn with_id(&self, id: &str) -> impl Iterator<Item = u32> {
        self.refs.ids.get(id).into_iter().flat_map(Few::iter)
    }

    /// The slots whose `for` is this.
    pub fn with_for(&self, id: &str) -> impl Iterator<Item = u32> {
        self.refs.fors.get(id).into_iter().flat_map(Few::iter)
    }

    /// Puts a loose node under `parent` after `prev`.
    pub fn link(&mut self, slot: u32, parent: u32, prev: u32) {
        let next = if prev == NIL { self[parent].first } else { self[prev].next };
        let node = &mut self[slot];
        (node.parent, node.prev, node.next) = (parent, prev, next);
        if prev == NIL {
            self[parent].first = slot;
        } else {
            self[prev].next = slot;
        }
        if next == NIL {
            self[parent].last = slot;
        } else {
            self[next].prev = slot;
        }
    }

    pub fn unlink(&mut self, slot: u32) {
        let Slot { parent, prev, next, .. } = self[slot];
        if parent == NIL {
            return;
        }
        if prev == NIL {
            self[parent].first = next;
        } else {
            self[prev].next = next;
        }
        if next == NIL {
            self[parent].last = prev;
        } else {
            self[next].prev = prev;
        }
        let node = &mut self[slot];
        (node.parent, node.prev, node.next) = (NIL, NIL, NIL);
    }

    /// Forgets a loose node and everything in it.
    pub fn free(&mut self, slot: u32, mut gone: impl FnMut(u32, u32)) {
        let mut pending = vec![slot];
        while let Some(slot) = pending.pop() {
            let mut child = self[slot].first;
            while child != NIL {
                pending.push(child);
                child = self[child].next;
            }
            let id = self[slot].id;
            self.bytes = self.bytes.saturating_sub(self[slot].kind.bytes());
            let kind = std::mem::replace(&mut self[slot].kind, Kind::Document);
            if let Kind::Element { attrs, .. } = &kind {
                for (name, value) in attrs {
                    refer(&mut self.refs, &self.names[*name as usize], value, slot, false);
                }
            }
            self.ids.remove(&id);
            self.free.push(slot);
            gone(slot, id);
        }
    }

    pub fn set_attr(&mut self, slot: u32, name: &str, value: Option<&str>) {
        let number = self.intern(name);
        let Kind::Element { attrs, .. } = &mut self.slots[slot as usize].kind else { return };
        let place = attrs.iter().position(|(held, _)| *held == number);
        if let Some(place) = place {
            refer(&mut self.refs, name, &attrs[place].1, slot, false);
        }
        if let Some(value) = value {
            refer(&mut self.refs, name, value, slot, true);
        }
        let before = place.map_or(0, |place| ATTR + attrs[place].1.len());
        let after = value.map_or(0, |value| ATTR + value.len());
        match (place, value) {
            (Some(place), Some(value)) => attrs[place].1 = value.into(),
            (Some(place), None) => {
                let mut fewer = std::mem::take(attrs).into_vec();
                fewer.remove(place);
                *attrs = fewer.into();
            }
            (None, Some(value)) => {
                let mut more = std::mem::take(attrs).into_vec();
                more.reserve_exact(1);
                more.push((number, value.into()));
                *attrs = more.into();
            }
            (None, None) => {}
        }
        self.charge(before, after);
    }

    /// False when the slot holds no text.
    pub fn set_text(&mut self, slot: u32, text: &str) -> bool {
        let Kind::Text(held) = &mut self.slots[slot as usize].kind else { return false };
        let before = held.len();
        *held = text.into();
        self.charge(before, text.len());
        true
    }

    /// How many nodes are above: 0 for the document.
    pub fn depth(&self, slot: u32) -> usize {
        let mut depth = 0;
        let mut at = self[slot].parent;
        while at != NIL {
            depth += 1;
            at = self[at].parent;
        }
        depth
    }

    /// How many levels a subtree has: 1 for a leaf.
    pub fn height(&self, root: u32) -> usize {
        let (mut at, mut depth, mut height) = (root, 1, 1);
        loop {
            if self[at].first != NIL {
                at = self[at].first;
                depth += 1;
                height = height.max(depth);
                continue;
            }
            while at != root && self[at].next == NIL {
                at = self[at].parent;
                depth -= 1;
            }
            if at == root {
                return height;
            }
            at = self[at].next;
        }
    }

    /// Whether `inner` is `outer` or inside it.
    pub fn contains(&self, outer: u32, inner: u32) -> bool {
        let mut at = inner;
        while at != NIL {
            if at == outer {
                return true;
            }
            at = self[at].parent;
        }
        false
    }
}

fn refer(refs: &mut Refs, name: &str, value: &str, slot: u32, adds: bool) {
    let of = match name {
        _ if value.is_empty() => return,
        "id" => &mut refs.ids,
        "for" => &mut refs.fors,
        _ => return,
    };
    if adds {
        of.entry(value.into()).or_default().insert(slot);
    } else if let Some(held) = of.get_mut(value) {
        held.remove(slot);
        if held.is_empty() {
            of.remove(value);
        }
    }
}

/// Node ids come from the page: a seed keeps it from choosing ids that collide.
#[derive(Debug, Clone)]
struct Seeded(u64);

impl std::hash::BuildHasher for Seeded {
    type Hasher = Fold;
    fn build_hasher(&self) -> Fold {
        Fold(self.0)
    }
}

/// Folds one multiplication of 64 by 64 bits: ids are single words, where SipHash costs ten times as much.
#[derive(Debug)]
struct Fold(u64);

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(u32::from(byte));
        }
    }
    fn write_u32(&mut self, id: u32) {
        let product = u128::from(self.0 ^ u64::from(id)) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}
