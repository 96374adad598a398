//! Hides private content from everyone but the customer: the only maker of `Masked` ops.
//!
//! Every op of a page goes through [`Mask::process`]: it is applied to the mirror, rules are judged on the tree as it
//! then is, and what viewers may know of the change comes out, with the page's ids. What viewers already have and may
//! have no longer is taken back in the same breath. Nothing passes because of what the page says of itself: the page
//! masks too, and each time it has not is counted as a correction.
//!
//! - An element that a rule masks stays masked until it is removed ([`judge`]).
//! - Text is judged in runs: what reads on as one line, whatever elements it is cut into ([`run`]).
//! - Attributes go by a list of what they may hold ([`attribute`]).
//! - What style sheets draw on masked elements is not told ([`hush`]).
//! - Masked lists, frames, images and media lose what is inside them; the number of pieces that a masked line of text is
//!   in does not show. That a masked block has three paragraphs does.

mod asset;
mod attribute;
mod change;
mod check;
mod drawing;
mod emit;
mod evidence;
mod frame;
mod hush;
mod judge;
#[cfg(test)]
mod leak_tests;
mod locks;
mod present;
mod preview;
mod row;
mod run;
mod search;
mod sheet;
#[cfg(test)]
mod smuggle_tests;
mod taint;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use foldhash::{HashMap, HashSet};
use url::Url;

pub use asset::{drawing, style_sheet};
pub(crate) use attribute::base_of;
pub use evidence::{Counts, Evidence};
pub use frame::Frame;
pub(crate) use locks::{is_pressed, lock_of};
pub use preview::{Finding, PreviewError, preview};
pub use taint::Taint;

use crate::mirror::{DOCUMENT, Mirror, MirrorError, NodeRef};
use crate::protocol::{MASK, NONE, Op, Tree};
use crate::rules::detector::Text;
use crate::rules::{PathRules, SiteRules};
use search::{is_growing, said_somehow};

/// The id of the rule that stands for what the customer has hidden by hand.
pub const BY_CUSTOMER: &str = "hidden-by-customer";

/// What agents read of a message box.
const MAX_WORDS: usize = 400;

/// Something that has been through the mask. Nothing but this module can build one:
///
/// ```
/// fn read(masked: lado::mask::Masked<String>) -> usize {
///     masked.as_ref().len()
/// }
/// ```
/// ```compile_fail
/// fn forge(text: String) -> lado::mask::Masked<String> {
///     lado::mask::Masked(text)
/// }
/// ```
/// ```compile_fail
/// fn swap(mut masked: lado::mask::Masked<String>, text: String) {
///     masked.0 = text;
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked<T>(T);

impl<T> AsRef<T> for Masked<T> {
    fn as_ref(&self) -> &T {
        &self.0
    }
}

impl From<Masked<Bytes>> for Bytes {
    fn from(masked: Masked<Self>) -> Self {
        masked.0
    }
}

/// Hands out capability URLs for what the mirror shows, and is told what it does not show any more.
pub trait AssetMap {
    /// The address of an asset on the viewer host, e.g. `/__lado/a/{mac}`; the same one for the same URL. `silent`: it is
    /// shown where all is masked, and must say nothing.
    fn asset(&mut self, place: Place, url: &Url, silent: bool) -> String;
    /// Viewers must forget what was there, or are told anew.
    fn gone(&mut self, what: Gone);
}

/// Where on a page something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub node: u32,
    pub part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// By its name.
    Attribute(&'static str),
    /// The sheet that a style element's text is.
    Text,
    /// What script has made of a sheet.
    Rules,
    /// The sheets that a document or shadow root has adopted.
    Adopted,
    /// A constructed sheet: it is the document's.
    Constructed(u32),
}

/// What is not shown any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    All,
    Node(u32),
    Place(Place),
}

impl Gone {
    fn part(node: NodeRef<'_>, part: Part) -> Self {
        Self::Place(Place { node: node.id(), part })
    }

    fn constructed(sheet: u32) -> Self {
        Self::Place(Place { node: DOCUMENT, part: Part::Constructed(sheet) })
    }
}

/// What of one page is hidden. Lives as long as the page's [`Mirror`].
#[derive(Debug)]
pub struct Mask {
    site: Arc<SiteRules>,
    path: String,
    rules: Arc<PathRules>,
    /// What rules say of elements themselves, for the few of which they say anything.
    own: HashMap<u32, judge::Own>,
    /// Text nodes that are shown otherwise than they are.
    shown: HashMap<u32, run::Shown>,
    /// Form fields in whose value something private was found: hidden until they are emptied.
    private: HashSet<u32>,
    /// The lock rules of elements that viewers see as locked.
    locked: HashMap<u32, String>,
    /// Constructed sheets that something which viewers see has taken.
    sheets: BTreeSet<u32>,
    /// What masked elements have that rules of sheets are about.
    hushed: hush::Hushed,
    /// What the customer has put into masked fields of the session.
    taint: Arc<Taint>,
    evidence: Evidence,
    corrections: u64,
    /// Corrected attributes of what is just being told.
    corrected: AtomicU64,
}

impl Mask {
    /// Rules scoped by path follow the page's URL by themselves.
    pub fn new(rules: Arc<SiteRules>) -> Self {
        Self {
            rules: rules.at("/"),
            site: rules,
            path: "/".into(),
            own: HashMap::default(),
            shown: HashMap::default(),
            private: HashSet::default(),
            locked: HashMap::default(),
            sheets: BTreeSet::new(),
            hushed: hush::Hushed::default(),
            taint: Arc::default(),
            evidence: Evidence::default(),
            corrections: 0,
            corrected: AtomicU64::new(0),
        }
    }

    /// The rules of the page's path.
    pub fn rules(&self) -> &PathRules {
        &self.rules
    }

    /// How often the page sent what it should have masked itself.
    pub fn corrections(&self) -> u64 {
        self.corrections
    }

    /// What rules have done so far.
    pub fn evidence(&self) -> Evidence {
        Evidence { corrections: self.corrections, ..self.evidence.clone() }
    }

    /// The rules that mask or lock an element of the page.
    pub fn matched(&self) -> BTreeSet<String> {
        let masks = self.own.values().filter_map(|own| match own {
            judge::Own::Mask { rule, .. } if rule != BY_CUSTOMER => Some(rule.clone()),
            _ => None,
        });
        masks.chain(self.locked.values().cloned()).collect()
    }

    /// The path that the rules are those of; nothing where it says something private.
    pub fn path(&self) -> Option<&str> {
        Some(self.path.as_str()).filter(|path| !self.finds(path))
    }

    /// Whether a rule of the page's site is firm; nothing of rules that are no more.
    pub fn is_firm(&self, rule: &str) -> Option<bool> {
        self.site.is_firm(rule)
    }

    /// The rule that masks an element itself.
    pub fn masks_itself(&self, node: NodeRef<'_>) -> Option<&str> {
        match self.own.get(&node.id()) {
            Some(judge::Own::Mask { rule, .. }) => Some(rule),
            _ => None,
        }
    }

    /// Whether a text is shown otherwise than it is, without an element around it being masked.
    pub fn is_covered(&self, node: NodeRef<'_>) -> bool {
        self.shown.contains_key(&node.id()) && self.status(node).masked.is_none()
    }

    /// The detectors that find something in a text.
    pub fn found_by(&self, text: &str) -> Vec<String> {
        let seen = Text::new(text);
        let finds = |detector: &&crate::rules::detector::Detector| {
            let mut found = Vec::new();
            detector.find(&seen, &mut found);
            !found.is_empty()
        };
        self.rules.detectors().iter().filter(finds).map(|detector| detector.id.clone()).collect()
    }

    /// Notes which detectors a text is covered by: told apart only now that something was found.
    fn credit(&mut self, text: &str) {
        for id in self.found_by(text) {
            self.evidence.of(&id).masked += 1;
        }
    }

    /// The rule that masks a node, its own or an ancestor's; empty where only its value is private.
    pub fn masked(&self, node: NodeRef<'_>) -> Option<&str> {
        match self.status(node) {
            judge::Status { masked: Some(rule), .. } => Some(rule),
            _ => self.private.contains(&node.id()).then_some(""),
        }
    }

    /// Whether viewers see a node, not only that there is one.
    pub fn shows(&self, node: NodeRef<'_>) -> bool {
        self.emitted(node) && !emit::is_hollow(node)
    }

    /// Whether viewers may see what a frame shows.
    pub fn shows_frame(&self, node: NodeRef<'_>) -> bool {
        node.local() == "iframe" && self.shows(node) && !self.is_closed(node)
    }

    /// Applies a page's op to the mirror and says what viewers may know of it: nothing, one op or several.
    ///
    /// # Errors
    /// [`MirrorError`] when the op does not fit the tree: drop mirror and mask, and ask the page for a snapshot.
    pub fn process(
        &mut self,
        mirror: &mut Mirror,
        op: Op,
        assets: &mut dyn AssetMap,
    ) -> Result<Vec<Masked<Op>>, MirrorError> {
        let mut out = Vec::new();
        match op {
            Op::Snapshot { epoch, .. } => {
                self.sheets.clear();
                assets.gone(Gone::All);
                mirror.apply(&op)?;
                self.begin(mirror);
                out = self.whole(mirror, epoch, assets);
            }
            Op::Insert { .. } => self.insert(mirror, &op, assets, &mut out)?,
            Op::Move { node, .. } => self.shift(mirror, &op, node, assets, &mut out)?,
            Op::Remove { ref nodes } => self.remove(mirror, &op, nodes, assets, &mut out)?,
            Op::SetAttr { node, ref name, .. } => {
                mirror.apply(&op)?;
                if let Some(node) = mirror.node(node) {
                    self.attribute_changed(node, name, assets, &mut out);
                }
            }
            Op::SetText { node, .. } => {
                mirror.apply(&op)?;
                if let Some(node) = mirror.node(node) {
                    self.text_changed(node, assets, &mut out);
                }
            }
            Op::SetUrl { .. } => {
                mirror.apply(&op)?;
                self.follow(mirror, assets, &mut out);
                out.push(Op::SetUrl { url: self.shown_url(mirror.url()) });
            }
            Op::SetTitle { .. } => {
                mirror.apply(&op)?;
                out.push(Op::SetTitle { title: self.shown_title(mirror) });
            }
            Op::Resize { .. } => {
                mirror.apply(&op)?;
                out.push(op);
            }
            Op::Check { node, ref sums } => out.extend(self.check(mirror, node, sums.len()).map(|masked| masked.0)),
            // Which page a frame shows is said where it may be seen ([`Self::shows_frame`]).
            Op::Framed { .. } => drop(mirror.apply(&op)?),
            Op::Focus { node } => {
                let left = mirror.focus();
                mirror.apply(&op)?;
                if let Some(field) = mirror.node(left).filter(|_| left != node) {
                    self.left(field, assets, &mut out);
                }
                if let Some(host) = mirror.node(left).filter(|host| host.attribute("contenteditable").is_some()) {
                    let changed = self.read(host);
                    self.show_texts(mirror, &changed, assets, &mut out);
                }
                let shown = mirror.node(node).filter(|node| self.emitted(*node));
                out.push(Op::Focus { node: shown.map_or(NONE, NodeRef::id) });
            }
            Op::Splice { node, at, cut, text } => {
                let value = mirror.spliced(node, at, cut, &text)?;
                return self.process(mirror, Op::SetValue { node, value }, assets);
            }
            Op::SetValue { node, .. }
            | Op::SetChecked { node, .. }
            | Op::SetSelected { node, .. }
            | Op::Scroll { node, .. }
            | Op::SetSheet { node, .. }
            | Op::SetAdopted { node, .. }
            | Op::Picture { node, .. }
            | Op::Play { node, .. }
            | Op::OpenList { node, .. }
            | Op::Quirks { node, .. }
            | Op::SetLayer { node, .. }
            | Op::Opaque { node } => {
                mirror.apply(&op)?;
                if let Some(node) = mirror.node(node) {
                    self.state_changed(node, op, assets, &mut out);
                }
            }
            Op::Adopt { node, ref sheets } => {
                mirror.apply(&op)?;
                if let Some(node) = mirror.node(node) {
                    if self.wears(node) {
                        for &sheet in sheets {
                            self.show_sheet(mirror, sheet, assets, &mut out);
                        }
                    }
                    self.state_changed(node, op, assets, &mut out);
                }
            }
            Op::InsertRule { node, .. }
            | Op::SetRule { node, .. }
            | Op::DeleteRule { node, .. }
            | Op::DisableSheet { node, .. }
                if node != NONE =>
            {
                mirror.apply(&op)?;
                if let Some(node) = mirror.node(node) {
                    self.state_changed(node, op, assets, &mut out);
                }
            }
            Op::DefineSheet { sheet, .. }
            | Op::InsertRule { sheet, .. }
            | Op::SetRule { sheet, .. }
            | Op::DeleteRule { sheet, .. }
            | Op::DisableSheet { sheet, .. } => {
                mirror.apply(&op)?;
                if self.sheets.contains(&sheet) {
                    if matches!(op, Op::DefineSheet { .. }) {
                        assets.gone(Gone::constructed(sheet));
                    }
                    out.extend(self.present(mirror, op, assets));
                }
            }
            Op::Select { .. }
            | Op::Caret { .. }
            | Op::Hover { .. }
            | Op::Press { .. }
            | Op::Ring { .. }
            | Op::Features { .. }
            | Op::View { .. } => {
                mirror.apply(&op)?;
                out.extend(self.present(mirror, op, assets));
            }
        }
        self.corrections += self.corrected.swap(0, Relaxed);
        Ok(out.into_iter().map(Masked).collect())
    }

    /// The whole page for a viewer that joins late or has fallen behind. Empty before the page's first snapshot.
    /// Ids are the page's own, so that the ops that follow fit every viewer.
    pub fn snapshot(&self, mirror: &Mirror, epoch: u32, assets: &mut dyn AssetMap) -> Vec<Masked<Op>> {
        let ops = self.whole(mirror, epoch, assets).into_iter().map(Masked).collect();
        // Counted when the page sent it.
        self.corrected.store(0, Relaxed);
        ops
    }

    /// What viewers get of a page while the customer has blanked the view: that there is one, and its size.
    pub fn blank(mirror: &Mirror, epoch: u32) -> Vec<Masked<Op>> {
        if !mirror.ready() {
            return Vec::new();
        }
        vec![Masked(Op::Snapshot {
            epoch,
            base: DOCUMENT + 1,
            url: String::new(),
            base_url: String::new(),
            title: String::new(),
            quirks: false,
            viewport: mirror.viewport(),
            scroll_x: 0,
            scroll_y: 0,
            tree: Tree { nodes: Vec::new() },
        })]
    }

    /// The customer hides an element from everyone else, for as long as it lives: no rule unmasks it.
    pub fn hide(&mut self, mirror: &Mirror, id: u32, assets: &mut dyn AssetMap) -> Vec<Masked<Op>> {
        let node = mirror.node(id).and_then(|node| node.ancestors().find(|up| up.is_element()));
        let Some(node) = node else { return Vec::new() };
        let own = judge::Own::Mask { rule: BY_CUSTOMER.into(), firm: true };
        let mut out = Vec::new();
        if self.own.insert(node.id(), own.clone()) != Some(own) {
            self.evidence.of(BY_CUSTOMER).masked += 1;
            self.judged(mirror, &[node.id()], assets, &mut out);
        }
        out.into_iter().map(Masked).collect()
    }

    /// A text that is on no page, such as what the customer writes to an agent.
    pub fn words(&self, text: &str) -> Masked<String> {
        Masked(self.cover(text))
    }

    /// The title as viewers may see it.
    pub fn title(&self, mirror: &Mirror) -> Masked<String> {
        Masked(self.shown_title(mirror))
    }

    /// The URL as viewers may see it: no query, no fragment.
    pub fn url(&self, mirror: &Mirror) -> Masked<String> {
        Masked(self.shown_url(mirror.url()))
    }

    /// The page's icon as viewers may load it; empty where there is none for them.
    pub fn icon(&self, mirror: &Mirror, assets: &mut dyn AssetMap) -> Masked<String> {
        Masked(self.shown_icon(mirror, assets))
    }

    /// What the browser says outside the page, as viewers may read it.
    pub fn outside(&self, text: &str) -> Masked<String> {
        if self.rules.private().is_some() && !text.is_empty() {
            return Masked(MASK.into());
        }
        let short: String = text.chars().take(MAX_WORDS).collect();
        // A number that the cut goes through is no number any more to a detector.
        let whole = short.len() == text.len();
        Masked(if whole || !self.finds(text) { self.cover(&short) } else { MASK.into() })
    }

    /// Takes other rules from now on, and takes back what they mask. What was masked stays so until it is removed.
    pub fn reload(&mut self, mirror: &Mirror, rules: Arc<SiteRules>, assets: &mut dyn AssetMap) -> Vec<Masked<Op>> {
        let before = Arc::clone(&self.rules);
        self.site = rules;
        let mut out = Vec::new();
        self.take_rules(mirror, assets, &mut out);
        if before.detectors() != self.rules.detectors() {
            self.retract(mirror, &|mask, text| mask.finds(text), assets, &mut out);
        }
        if mirror.ready() {
            out.push(Op::SetUrl { url: self.shown_url(mirror.url()) });
        }
        out.into_iter().map(Masked).collect()
    }

    pub fn taint(&self) -> Arc<Taint> {
        Arc::clone(&self.taint)
    }

    /// Takes the session's masked values from now on. What viewers have of them already is taken back by [`Self::recall`].
    pub fn set_taint(&mut self, taint: Arc<Taint>) {
        self.taint = taint;
    }

    /// Takes back what viewers have and, by the taint as it is now, must not have.
    pub fn recall(&mut self, mirror: &Mirror, assets: &mut dyn AssetMap) -> Vec<Masked<Op>> {
        let mut out = Vec::new();
        self.retract(mirror, &|mask, text| said_somehow(text, |text| mask.taint.is_in(text)), assets, &mut out);
        out.into_iter().map(Masked).collect()
    }

    /// Tells anew what says something by what is looked for now: texts, attributes, values and sheets.
    fn retract(
        &mut self,
        mirror: &Mirror,
        tells: &dyn Fn(&Self, &str) -> bool,
        assets: &mut dyn AssetMap,
        out: &mut Vec<Op>,
    ) {
        let Some(document) = mirror.document() else { return };
        let told = |node: &NodeRef<'_>| {
            let mut states = Vec::new();
            node.state_ops(&mut states);
            node.attributes().any(|(name, value)| tells(self, value) || self.name_tells(name))
                || states.iter().flat_map(written).any(|text| tells(self, text))
                || (node.local() == "style" && node.children().filter_map(NodeRef::text).any(|text| tells(self, text)))
        };
        // What has taken a sheet is told with the element that it is in; only the page itself is in none.
        let place =
            |node: NodeRef<'_>| if node.is_element() { Some(node.id()) } else { node.parent_node().map(NodeRef::id) };
        let again: Vec<u32> = document.descendants().filter(told).filter_map(place).collect();
        if told(&document) {
            assets.gone(Gone::part(document, Part::Adopted));
            self.states(document, self.base(), out, assets);
        }
        let changed = self.read(document);
        self.show_again(mirror, &again, assets, out);
        let within = |node: NodeRef<'_>| node.ancestors().any(|up| again.contains(&up.id()));
        let changed: Vec<u32> =
            changed.into_iter().filter(|id| mirror.node(*id).is_some_and(|node| !within(node))).collect();
        self.show_texts(mirror, &changed, assets, out);
        for (sheet, ops) in self.sheets.iter().map(|sheet| (*sheet, mirror.sheet_ops(*sheet))) {
            if ops.iter().flat_map(written).any(|text| tells(self, text)) {
                assets.gone(Gone::constructed(sheet));
                out.extend(ops.into_iter().filter_map(|op| self.present(mirror, op, assets)));
            }
        }
        if tells(self, mirror.title()) {
            out.push(Op::SetTitle { title: self.shown_title(mirror) });
        }
        if tells(self, mirror.url()) {
            out.push(Op::SetUrl { url: self.shown_url(mirror.url()) });
        }
    }

    /// A page's snapshot has replaced everything.
    fn begin(&mut self, mirror: &Mirror) {
        self.own.clear();
        self.shown.clear();
        self.private.clear();
        self.locked.clear();
        self.hushed = hush::Hushed::default();
        let path = path_of(mirror.url());
        if path != self.path {
            self.rules = self.site.at(&path);
            self.path = path;
        }
        if let Some(document) = mirror.document() {
            self.judge(document, &mut Vec::new());
            self.note(&[document]);
            self.read(document);
            self.mark(document);
        }
    }

    fn shown_title(&self, mirror: &Mirror) -> String {
        if self.rules.private().is_some() {
            return MASK.into();
        }
        if in_head(mirror, "title").any(|title| self.status(title).masked.is_some()) {
            return MASK.into();
        }
        self.cover(mirror.title())
    }

    fn shown_url(&self, url: &str) -> String {
        let Ok(url) = Url::parse(url) else { return String::new() };
        let origin = url.origin().ascii_serialization();
        if self.rules.private().is_some() || self.finds(url.path()) {
            return format!("{origin}/{MASK}");
        }
        format!("{origin}{}", url.path())
    }
}

/// What an op about a node's state or a sheet says.
fn written(op: &Op) -> Vec<&str> {
    match op {
        Op::SetValue { value, .. } => vec![value],
        Op::DefineSheet { css, .. }
        | Op::SetSheet { css, .. }
        | Op::InsertRule { css, .. }
        | Op::SetRule { css, .. } => vec![css],
        Op::SetAdopted { sheets, .. } => sheets.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

fn path_of(url: &str) -> String {
    Url::parse(url).map_or_else(|_| "/".into(), |url| url.path().to_owned())
}

fn in_head<'a>(mirror: &'a Mirror, tag: &'static str) -> impl Iterator<Item = NodeRef<'a>> {
    let top = mirror.document().into_iter().flat_map(NodeRef::children);
    let heads = top.flat_map(NodeRef::children).filter(|node| node.local() == "head");
    heads.flat_map(NodeRef::children).filter(move |node| node.local() == tag)
}
