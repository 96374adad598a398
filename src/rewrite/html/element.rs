//! What happens to each element of a document: injection, stamps, and the URLs of its attributes and text.

use std::borrow::Cow;
use std::sync::Arc;

use ::url::Url;
use encoding_rs::Encoding;
use foldhash::HashMap;
use lol_html::html_content::TextChunk;
use memchr::{memchr, memchr_iter};

use super::tag::{Attribute, Edits, Tag};
use super::{HtmlRewriter, Page, attribute};
use crate::rewrite::csp;
use crate::rewrite::css::{self, CssRewriter};
use crate::rewrite::script::{self, ScriptRewriter};
use crate::rewrite::table::{self, Kind, Names};
use crate::rewrite::url::{Fronts, Glance, ViewMap};
use crate::rules::{PathRules, Verdict};

/// The state that the handlers of one document share, and what comes out of it.
pub(super) struct Hands {
    pub(super) out: Vec<u8>,
    encoding: &'static Encoding,
    page: Page,
    rules: Arc<PathRules>,
    /// The attributes that the rules or the table of URLs may have something to say of.
    names: Names,
    depth: usize,
    injected: bool,
    /// What comes next is a start tag; of an HTML element, or of another.
    next: Option<Namespace>,
    fronts: Fronts,
    /// What the rules say of elements, by all that they ask of them: lists repeat their items.
    judged: HashMap<Vec<u8>, Stamps>,
    room: Room,
    /// The style element that is open.
    style: Option<CssRewriter>,
    /// The text so far of the import map or the speculation rules that are open.
    script: Option<Held>,
    /// The inline module that is open.
    module: Option<ScriptRewriter>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Namespace {
    Html,
    Other,
}

/// Where the injection goes.
#[derive(PartialEq, Eq)]
enum Place {
    Before,
    /// Behind the tag, which is that of the head.
    Inside,
}

/// What one element after the other uses.
#[derive(Default)]
struct Room {
    attributes: Vec<Attribute>,
    edits: Edits,
    question: Vec<u8>,
}

/// Whether an element is masked, and by which rule it is locked.
struct Stamps {
    mask: bool,
    lock: Option<Box<str>>,
}

/// Judgements that are remembered, and the longest question of one that is.
const MAX_JUDGED: usize = 128;
const MAX_QUESTION: usize = 192;

struct Held {
    import_map: bool,
    text: String,
    /// Too long to hold back: passes as it comes.
    passing: bool,
}

/// Frames inside of frames inside of frames …: deeper ones get their script when they load.
const MAX_DEPTH: usize = 4;

/// An import map larger than this passes unmapped, so that the hold-back is bounded.
const MAX_SCRIPT: usize = 256 * 1024;

impl Hands {
    pub(super) fn new(page: Page, depth: usize, encoding: &'static Encoding) -> Self {
        let rules = page.stamps.at(page.url.path());
        Self {
            out: Vec::new(),
            encoding,
            names: table::names().with(rules.minded()),
            page,
            rules,
            depth,
            injected: false,
            next: None,
            fronts: Fronts::default(),
            judged: HashMap::default(),
            room: Room::default(),
            style: None,
            script: None,
            module: None,
        }
    }

    /// The next piece of output is the start tag of an element.
    pub(super) fn expect(&mut self, namespace: Namespace) {
        self.next = Some(namespace);
    }

    /// The document turns out to be in this encoding, from here on.
    pub(super) fn read_in(&mut self, encoding: &'static Encoding) {
        self.encoding = encoding;
        self.judged.clear();
    }

    /// Takes a piece of what lol_html gives out.
    pub(super) fn take(&mut self, piece: &[u8]) {
        match self.next {
            Some(namespace) if !piece.is_empty() => {
                self.next = None;
                self.start_tag(piece, namespace);
            }
            _ => self.out.extend_from_slice(piece),
        }
    }

    fn start_tag(&mut self, raw: &[u8], namespace: Namespace) {
        let Room { mut attributes, mut edits, mut question } = std::mem::take(&mut self.room);
        let tag = Tag::read(raw, self.encoding, &mut attributes);
        let place = self.injects(&tag, namespace);
        if place == Some(Place::Before) {
            self.out.extend_from_slice(self.page.head.as_bytes());
        }
        if self.read(&tag, &mut edits) {
            self.stamp(&tag, &mut question, &mut edits);
        }
        match &*tag.name {
            "meta" => self.meta(&tag, &mut edits),
            "link" => drop_integrity(&tag, &mut edits),
            "script" => {
                drop_integrity(&tag, &mut edits);
                self.begin_script(&tag);
            }
            "style" => self.style = Some(CssRewriter::new()),
            _ => {}
        }
        edits.write(&tag, &mut self.out);
        if place == Some(Place::Inside) {
            self.out.extend_from_slice(self.page.head.as_bytes());
        }
        self.room = Room { attributes, edits, question };
    }

    /// Whether the injection stands before or, inside of a head, behind this tag: before everything that could run. That is
    /// inside the head where there is one in its place, else before the first element that is not `html`. What comes
    /// earlier is comments, a doctype and text.
    fn injects(&mut self, tag: &Tag<'_>, namespace: Namespace) -> Option<Place> {
        if self.injected || namespace == Namespace::Html && tag.name == "html" {
            return None;
        }
        self.injected = true;
        Some(if namespace == Namespace::Html && tag.name == "head" { Place::Inside } else { Place::Before })
    }

    /// What a document without any element still needs.
    pub(super) fn finish(&mut self) {
        if !std::mem::replace(&mut self.injected, true) {
            self.out.extend_from_slice(self.page.head.as_bytes());
        }
    }

    /// Goes over the attributes once: maps addresses, and answers whether a rule may match.
    fn read(&mut self, tag: &Tag<'_>, edits: &mut Edits) -> bool {
        let kinds = table::attributes(&tag.name);
        let mut minded = self.rules.minds_tag(&tag.name);
        let mut met = 0_u64;
        for attribute in tag.attributes {
            if !self.names.may_hold(tag.raw_name(attribute)) {
                continue;
            }
            let name = tag.name_of(attribute);
            minded = minded || self.rules.minds(&name, || tag.value_of(attribute));
            let Some(place) = kinds.iter().position(|(known, _)| *known == name) else { continue };
            // Browsers keep the first of two attributes with one name.
            if met & 1 << place == 0 {
                met |= 1 << place;
                self.map(tag, attribute, kinds[place].1, edits);
            }
        }
        minded
    }

    fn stamp(&mut self, tag: &Tag<'_>, question: &mut Vec<u8>, edits: &mut Edits) {
        question.clear();
        question.extend_from_slice(tag.name.as_bytes());
        for attribute in tag.attributes {
            let name = tag.name_of(attribute);
            if self.rules.asks(&name) {
                // With lengths, so that no two elements ask alike.
                for part in [name.as_bytes(), tag.raw_value(attribute)] {
                    question.extend_from_slice(&part.len().to_le_bytes());
                    question.extend_from_slice(part);
                }
            }
        }
        if let Some(known) = self.judged.get(question.as_slice()) {
            return known.insert(tag, edits);
        }
        let stamps = Stamps {
            mask: matches!(self.rules.verdict(&tag), Verdict::Mask { .. }),
            lock: self.rules.lock(&tag).map(Into::into),
        };
        stamps.insert(tag, edits);
        if self.judged.len() < MAX_JUDGED && question.len() <= MAX_QUESTION {
            self.judged.insert(question.clone(), stamps);
        }
    }

    /// Most addresses are dealt with as they stand; what is odd about the others is decoded first.
    fn map(&mut self, tag: &Tag<'_>, attribute: &Attribute, kind: Kind, edits: &mut Edits) {
        let raw = tag.raw_value(attribute);
        let mark = edits.mark();
        let done = match kind {
            Kind::Url => self.glance(attribute, 0, raw, edits),
            Kind::Srcset => {
                only_ampersands(raw) && {
                    let mut urls = attribute::candidates(raw);
                    urls.all(|(at, url)| self.glance(attribute, at, url, edits))
                }
            }
            Kind::Css => memchr(b'&', raw).is_none() && !css::may_hold_urls(raw),
            Kind::Refresh => !is_refresh(tag),
            Kind::Urls | Kind::Html | Kind::Animated => false,
        };
        if !done {
            edits.undo(mark);
            if let Some(new) = self.value(tag, kind, &tag.value_of(attribute)) {
                edits.value(tag, attribute, &new);
            }
        }
    }

    /// False when the address has to be decoded.
    fn glance(&mut self, attribute: &Attribute, at: usize, url: &[u8], edits: &mut Edits) -> bool {
        match self.page.map.glance(url, &self.page.url, &mut self.fronts) {
            Glance::Stays => true,
            Glance::Front(length, front) => {
                edits.front(attribute, at, length, front);
                true
            }
            Glance::Unsure => false,
        }
    }

    fn value(&mut self, tag: &Tag<'_>, kind: Kind, value: &str) -> Option<String> {
        let (map, url) = (&self.page.map, &self.page.url);
        let fronts = &mut self.fronts;
        let to_view = &mut |raw: &str| map.map_with(raw, url, fronts);
        match kind {
            Kind::Url => to_view(value),
            Kind::Urls => attribute::urls(value, to_view),
            Kind::Srcset => attribute::srcset(value, to_view),
            Kind::Css => declarations(value, map, url),
            Kind::Html => self.document(value),
            Kind::Refresh => attribute::refresh(value, to_view),
            Kind::Animated => {
                let target = tag.get("attributename")?;
                matches!(&*target, "href" | "xlink:href").then(|| attribute::animated(value, to_view))?
            }
        }
    }

    /// A document inside an attribute, rewritten like any other, with the script of its own.
    fn document(&self, html: &str) -> Option<String> {
        if self.depth >= MAX_DEPTH {
            return None;
        }
        let page = Page { charset: Some(encoding_rs::UTF_8), ..self.page.clone() };
        let mut out = Vec::with_capacity(html.len() + page.head.len());
        let mut rewriter = HtmlRewriter::nested(page, self.depth + 1);
        rewriter.write(html.as_bytes(), &mut out);
        rewriter.end(&mut out);
        String::from_utf8(out).ok()
    }

    fn meta(&self, tag: &Tag<'_>, edits: &mut Edits) {
        // Browsers take the declaration for the whole document, and what follows it has been transcoded.
        let japanese = |label: &str| Encoding::for_label(label.as_bytes()) == Some(encoding_rs::ISO_2022_JP);
        if let Some(charset) = tag.find("charset").filter(|charset| japanese(&tag.value_of(charset))) {
            edits.value(tag, charset, "utf-8");
        }
        let (Some(kind), Some(attribute)) = (tag.get("http-equiv"), tag.find("content")) else { return };
        let content = tag.value_of(attribute);
        if kind.eq_ignore_ascii_case("content-type") {
            let encoding = crate::rewrite::charset::of_content_type(&content);
            if encoding == Some(encoding_rs::ISO_2022_JP) {
                edits.value(tag, attribute, "text/html; charset=utf-8");
            }
        } else if kind.eq_ignore_ascii_case("content-security-policy")
            && let Some(context) = &self.page.csp
        {
            edits.value(tag, attribute, &csp::translate(&content, context));
        }
    }

    fn begin_script(&mut self, tag: &Tag<'_>) {
        let kind = tag.get("type").unwrap_or_default();
        let import_map = kind.eq_ignore_ascii_case("importmap");
        let held = import_map || kind.eq_ignore_ascii_case("speculationrules");
        self.module = kind.eq_ignore_ascii_case("module").then(|| ScriptRewriter::new(script::Kind::Inline));
        self.script = held.then(|| Held { import_map, text: String::new(), passing: false });
    }

    pub(super) fn style(&mut self, text: &mut TextChunk<'_>) {
        let (map, url) = (&self.page.map, &self.page.url);
        let mut to_view = |raw: &str| map.map(raw, url);
        let mut out = Vec::with_capacity(text.as_str().len());
        let style = self.style.get_or_insert_default();
        style.write(text.as_str().as_bytes(), &mut to_view, &mut out);
        if text.last_in_text_node() {
            std::mem::take(style).end(&mut to_view, &mut out);
        }
        // The scanner cuts at ASCII only, and lol_html hands out whole characters.
        text.set_str(String::from_utf8_lossy(&out).into_owned());
    }

    pub(super) fn script_data(&mut self, text: &mut TextChunk<'_>) {
        if let Some(module) = &mut self.module {
            let (map, url) = (&self.page.map, &self.page.url);
            let mut to_view = |raw: &str| map.map(raw, url);
            let mut out = Vec::with_capacity(text.as_str().len());
            module.write(text.as_str().as_bytes(), &mut to_view, &mut out);
            if text.last_in_text_node() {
                module.end(&mut to_view, &mut out);
            }
            // The scanner cuts at ASCII and between characters only.
            text.set_str(String::from_utf8_lossy(&out).into_owned());
            return;
        }
        let Some(script) = &mut self.script else { return };
        if script.passing {
            return;
        }
        script.text.push_str(text.as_str());
        if script.text.len() > MAX_SCRIPT {
            script.passing = true;
            text.set_str(std::mem::take(&mut script.text));
        } else if text.last_in_text_node() {
            let whole = std::mem::take(&mut script.text);
            let (map, url) = (&self.page.map, &self.page.url);
            let new = if !script.import_map {
                // Speculation is an optimisation only, and a page loaded ahead would look as if the customer saw it.
                Some("{}".to_owned())
            } else {
                attribute::import_map(&whole, &mut |raw| map.map(raw, url))
            };
            text.set_str(new.unwrap_or(whole));
            self.script = None;
        } else {
            text.set_str(String::new());
        }
    }

    /// What has been taken in but not given out, for a rewriter that gives up.
    pub(super) fn unfinished(&mut self) -> String {
        let mut out = Vec::new();
        if let Some(style) = self.style.take() {
            style.end(&mut |_| None, &mut out);
        }
        if let Some(mut module) = self.module.take() {
            module.end(&mut |_| None, &mut out);
        }
        let script = self.script.take().map(|script| script.text).unwrap_or_default();
        String::from_utf8_lossy(&out).into_owned() + &script
    }
}

impl Stamps {
    fn insert(&self, tag: &Tag<'_>, edits: &mut Edits) {
        if self.mask {
            edits.insert(tag, "data-lado-mask", "");
        }
        if let Some(rule) = &self.lock {
            edits.insert(tag, "data-lado-lock", rule);
        }
    }
}

fn declarations(value: &str, map: &ViewMap, url: &Url) -> Option<String> {
    match css::rewrite(value, &mut |raw| map.map(raw, url)) {
        Cow::Owned(new) if new != value => Some(new),
        _ => None,
    }
}

/// Whether no other reference than `&amp;` stands in a value: it means the same wherever it is cut.
fn only_ampersands(raw: &[u8]) -> bool {
    memchr_iter(b'&', raw).all(|at| raw[at..].starts_with(b"&amp;"))
}

fn is_refresh(tag: &Tag<'_>) -> bool {
    tag.get("http-equiv").is_some_and(|kind| kind.eq_ignore_ascii_case("refresh"))
}

/// Style sheets and modules change on their way, so their digest no longer fits; other scripts keep bytes and digest.
fn drop_integrity(tag: &Tag<'_>, edits: &mut Edits) {
    if tag.find("integrity").is_none() {
        return;
    }
    let is = |name: &str, word: &str| {
        let value = tag.get(name).unwrap_or_default();
        value.split_ascii_whitespace().any(|part| part.eq_ignore_ascii_case(word))
    };
    let sheet = is("rel", "stylesheet") || is("as", "style");
    if sheet || is("type", "module") || is("rel", "modulepreload") {
        let all = tag.attributes.iter().filter(|attribute| tag.raw_name(attribute).eq_ignore_ascii_case(b"integrity"));
        all.for_each(|attribute| edits.remove(tag, attribute));
    }
}
