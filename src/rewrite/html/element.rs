//! What happens to each element of a document: injection, stamps, and the URLs of its attributes and text.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use ::url::Url;
use lol_html::html_content::{ContentType, TextChunk};
use lol_html::send::Element;

use super::{HtmlRewriter, Page, attribute, entity};
use crate::rewrite::csp;
use crate::rewrite::css::{self, CssRewriter};
use crate::rewrite::script::{self, ScriptRewriter};
use crate::rewrite::table::{self, Kind};
use crate::rewrite::url::{Fronts, ViewMap};
use crate::rules::{PathRules, Verdict, selector};

/// The state that the handlers of one document share.
pub(super) struct Hands {
    page: Page,
    rules: PathRules,
    depth: usize,
    injected: bool,
    fronts: RefCell<Fronts>,
    /// What the rules say of elements, by all that they ask of them: lists repeat their items.
    judged: HashMap<Vec<u8>, Stamps>,
    /// The style element that is open.
    style: Option<CssRewriter>,
    /// The text so far of the import map or the speculation rules that are open.
    script: Option<Held>,
    /// The inline module that is open.
    module: Option<ScriptRewriter>,
}

/// Whether an element is masked, and by which rule it is locked.
#[derive(Clone)]
struct Stamps {
    mask: bool,
    lock: Option<Box<str>>,
}

/// Judgements that are remembered, and the longest question of one that is.
const MAX_JUDGED: usize = 512;
const MAX_QUESTION: usize = 512;

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

const HTML: &str = "http://www.w3.org/1999/xhtml";

impl Hands {
    pub(super) fn new(page: Page, depth: usize) -> Self {
        let rules = page.stamps.at(page.url.path());
        Self {
            page,
            rules,
            depth,
            injected: false,
            fronts: RefCell::default(),
            judged: HashMap::new(),
            style: None,
            script: None,
            module: None,
        }
    }

    pub(super) fn element(&mut self, element: &mut Element<'_, '_>) {
        let tag = element.tag_name();
        let html = element.namespace_uri() == HTML;
        self.inject(element, &tag, html);
        let (question, changes) = self.read(element, &tag);
        let stamps = self.stamps(element, &tag, question);
        match tag.as_str() {
            "meta" => self.meta(element),
            "link" => drop_integrity(element),
            "script" => {
                drop_integrity(element);
                self.begin_script(element);
            }
            "style" => self.style = Some(CssRewriter::new()),
            _ => {}
        }
        for (name, value) in changes {
            // The names come from the document itself.
            let _ = element.set_attribute(&name, &entity::encode(&value));
        }
        // The names are ours and valid.
        if stamps.mask {
            let _ = element.set_attribute("data-lado-mask", "");
        }
        if let Some(rule) = stamps.lock {
            let _ = element.set_attribute("data-lado-lock", &entity::encode(&rule));
        }
    }

    /// Before everything that could run: inside the head where there is one in its place, else before the first element
    /// that is not `html`. What comes earlier is comments, a doctype and text.
    fn inject(&mut self, element: &mut Element<'_, '_>, tag: &str, html: bool) {
        if self.injected || html && tag == "html" {
            return;
        }
        self.injected = true;
        if html && tag == "head" {
            element.prepend(&self.page.head, ContentType::Html);
        } else {
            element.before(&self.page.head, ContentType::Html);
        }
    }

    /// What a document without any element still needs.
    pub(super) fn late_head(&mut self) -> Option<String> {
        (!std::mem::replace(&mut self.injected, true)).then(|| self.page.head.clone())
    }

    /// Goes over the attributes once: what rules ask of them, and the addresses that change.
    fn read(&self, element: &Element<'_, '_>, tag: &str) -> (Vec<u8>, Vec<(String, String)>) {
        let kinds = table::attributes(tag);
        let mut question = Vec::with_capacity(64);
        question.extend_from_slice(tag.as_bytes());
        let mut changes: Vec<(String, String)> = Vec::new();
        let mut met: Vec<&str> = Vec::new();
        for attribute in element.attributes() {
            let name = attribute.name();
            let kind = kinds.iter().find(|(known, _)| *known == name);
            let asked = self.rules.asks(&name);
            if kind.is_none() && !asked {
                continue;
            }
            let raw = attribute.value();
            if asked {
                // With lengths, so that no two elements ask alike.
                for part in [&name, &raw] {
                    question.extend_from_slice(&part.len().to_le_bytes());
                    question.extend_from_slice(part.as_bytes());
                }
            }
            // Browsers keep the first of two attributes with one name.
            let Some((known, kind)) = kind.filter(|(known, _)| !met.contains(&known.as_str())) else { continue };
            met.push(known);
            if let Some(new) = self.value(element, *kind, &entity::decode(&raw)) {
                changes.push((name, new));
            }
        }
        (question, changes)
    }

    fn stamps(&mut self, element: &Element<'_, '_>, tag: &str, question: Vec<u8>) -> Stamps {
        if let Some(known) = self.judged.get(&question) {
            return known.clone();
        }
        let tagged = Tagged { element, tag };
        let stamps = Stamps {
            mask: matches!(self.rules.verdict(&tagged), Verdict::Mask { .. }),
            lock: self.rules.lock(&tagged).map(Into::into),
        };
        if self.judged.len() < MAX_JUDGED && question.len() <= MAX_QUESTION {
            self.judged.insert(question, stamps.clone());
        }
        stamps
    }

    fn value(&self, element: &Element<'_, '_>, kind: Kind, value: &str) -> Option<String> {
        let (map, url) = (&self.page.map, &self.page.url);
        let to_view = &mut |raw: &str| map.map_with(raw, url, &mut self.fronts.borrow_mut());
        match kind {
            Kind::Url => to_view(value),
            Kind::Urls => attribute::urls(value, to_view),
            Kind::Srcset => attribute::srcset(value, to_view),
            Kind::Css => declarations(value, map, url),
            Kind::Html => self.document(value),
            Kind::Refresh => is_refresh(element).then(|| attribute::refresh(value, to_view))?,
            Kind::Animated => {
                let target = element.get_attribute("attributeName")?;
                matches!(target.as_str(), "href" | "xlink:href").then(|| attribute::animated(value, to_view))?
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

    fn meta(&mut self, element: &mut Element<'_, '_>) {
        // Browsers take the declaration for the whole document, and what follows it has been transcoded.
        let japanese =
            |label: &str| encoding_rs::Encoding::for_label(label.as_bytes()) == Some(encoding_rs::ISO_2022_JP);
        if element.get_attribute("charset").is_some_and(|label| japanese(&label)) {
            let _ = element.set_attribute("charset", "utf-8");
        }
        let Some(kind) = element.get_attribute("http-equiv") else { return };
        let content = element.get_attribute("content").unwrap_or_default();
        if kind.eq_ignore_ascii_case("content-type") {
            let encoding = crate::rewrite::charset::of_content_type(&content);
            if encoding == Some(encoding_rs::ISO_2022_JP) {
                let _ = element.set_attribute("content", "text/html; charset=utf-8");
            }
        } else if kind.eq_ignore_ascii_case("content-security-policy")
            && let Some(context) = &self.page.csp
        {
            let policy = csp::translate(&entity::decode(&content), context);
            let _ = element.set_attribute("content", &entity::encode(&policy));
        }
    }

    fn begin_script(&mut self, element: &Element<'_, '_>) {
        let kind = element.get_attribute("type").unwrap_or_default();
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

fn declarations(value: &str, map: &ViewMap, url: &Url) -> Option<String> {
    match css::rewrite(value, &mut |raw| map.map(raw, url)) {
        Cow::Owned(new) if new != value => Some(new),
        _ => None,
    }
}

fn is_refresh(element: &Element<'_, '_>) -> bool {
    element.get_attribute("http-equiv").is_some_and(|kind| kind.eq_ignore_ascii_case("refresh"))
}

/// Style sheets and modules change on their way, so their digest no longer fits; other scripts keep bytes and digest.
fn drop_integrity(element: &mut Element<'_, '_>) {
    if !element.has_attribute("integrity") {
        return;
    }
    let is = |name: &str, word: &str| {
        let value = element.get_attribute(name).unwrap_or_default();
        value.split_ascii_whitespace().any(|part| part.eq_ignore_ascii_case(word))
    };
    let sheet = is("rel", "stylesheet") || is("as", "style");
    if sheet || is("type", "module") || is("rel", "modulepreload") {
        element.remove_attribute("integrity");
    }
}

/// An element as the rules see it: alone, for a stream knows no tree. Combinators are left to the page.
struct Tagged<'e, 'r, 't> {
    element: &'e Element<'r, 't>,
    tag: &'e str,
}

impl selector::Element for Tagged<'_, '_, '_> {
    fn tag(&self) -> &str {
        self.tag
    }

    fn attr(&self, name: &str) -> Option<Cow<'_, str>> {
        let raw = self.element.get_attribute(name)?;
        Some(Cow::Owned(entity::decode(&raw).into_owned()))
    }

    fn parent(&self) -> Option<Self> {
        None
    }
}
