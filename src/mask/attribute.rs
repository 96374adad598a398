//! What viewers get of each attribute.

use std::sync::atomic::Ordering::Relaxed;

use url::Url;

use super::drawing::is_drawn;
use super::judge::Status;
use super::sheet::{self, Change, Leads};
use super::{AssetMap, Gone, Mask, Part, Place, emit, in_head, run};
use crate::mirror::{DOCUMENT, Mirror, NodeKind, NodeRef, name};
use crate::protocol::MASK;
use crate::rules::detector::Text;

/// What a masked element may still say of itself: its shape, and what style sheets select by.
const KEPT: [&str; 36] = [
    "id",
    "class",
    "type",
    "name",
    "for",
    "role",
    "autocomplete",
    "inputmode",
    "width",
    "height",
    "rows",
    "cols",
    "size",
    "colspan",
    "rowspan",
    "tabindex",
    "disabled",
    "readonly",
    "required",
    "multiple",
    "hidden",
    "dir",
    "lang",
    "contenteditable",
    "open",
    "slot",
    "part",
    "viewbox",
    "aria-hidden",
    "aria-expanded",
    "aria-haspopup",
    "aria-disabled",
    "aria-required",
    "aria-invalid",
    "popover",
    "inert",
];

/// Attributes that people read or hear: masked, they say that they are.
const WORDS: [&str; 10] = [
    "value",
    "placeholder",
    "title",
    "alt",
    "label",
    "summary",
    "aria-label",
    "aria-description",
    "aria-valuetext",
    "aria-placeholder",
];

/// Of no use to agents: what runs, sends, opens, and what is about the connection.
const NEVER: [&str; 27] = [
    "nonce",
    "integrity",
    "srcdoc",
    "action",
    "formaction",
    "formtarget",
    "formmethod",
    "ping",
    "http-equiv",
    "target",
    "download",
    "autofocus",
    "is",
    "manifest",
    "crossorigin",
    "referrerpolicy",
    "cite",
    "longdesc",
    "classid",
    "codebase",
    "archive",
    "profile",
    "data",
    "csp",
    "allow",
    "sandbox",
    "attributionsrc",
];

/// The width or density of an image candidate.
fn is_descriptor(text: &str) -> bool {
    let number = text.strip_suffix(['w', 'x', 'h']).unwrap_or_default();
    (1..=6).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// Whether an attribute of this name may ever be told.
pub(super) fn may_show(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let sound = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b':'))
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-' | b'.'));
    sound
        && !lower.starts_with("on")
        && !lower.starts_with("data-lado-")
        && !NEVER.contains(&lower.as_str())
        && name.bytes().filter(u8::is_ascii_digit).count() < 9
}

impl Mask {
    /// The value of an attribute as viewers may have it. Notes when the page should not have sent what it sent.
    pub(super) fn attribute(
        &self,
        node: NodeRef<'_>,
        status: Status<'_>,
        name: &str,
        assets: &mut dyn AssetMap,
    ) -> Option<String> {
        let (value, wrong) = self.judged_attribute(node, status, name, assets);
        self.corrected.fetch_add(u64::from(wrong), Relaxed);
        value
    }

    /// Whether the name of an attribute says something private: pages make names up.
    pub(super) fn name_tells(&self, name: &str) -> bool {
        let made_up = || {
            !KEPT.contains(&name)
                && !WORDS.contains(&name)
                && name != "style"
                && part(name).is_none()
                && !name.starts_with("aria-")
        };
        !self.taint.is_empty() && made_up() && self.taint.is_in(name)
    }

    pub(super) fn judged_attribute(
        &self,
        node: NodeRef<'_>,
        status: Status<'_>,
        name: &str,
        assets: &mut dyn AssetMap,
    ) -> (Option<String>, bool) {
        let value = node.attribute(name).filter(|_| may_show(name) && !emit::is_hollow(node));
        let Some(value) = value else { return (None, false) };
        if self.name_tells(name) {
            return (None, true);
        }
        let lower = name.to_ascii_lowercase();
        let lower = lower.as_str();
        // A page that is hidden as a whole is dressed all the same.
        let sheet = self.by_place(status) && node.local() == "link" && shows_sheet(node);
        if status.masked.is_some() && !(sheet && matches!(lower, "href" | "rel" | "media")) {
            return self.masked_attribute(node, lower, value);
        }
        if let Some(place) = address(node, lower) {
            return (self.address(node, lower, place, value, assets), false);
        }
        match lower {
            "style" => (Some(self.css(node, Part::Attribute("style"), value, assets)), false),
            "value" if node.local() == "input" && name::input_type(node) == "hidden" => (None, false),
            "value" if self.private.contains(&node.id()) => (Some(MASK.to_owned()), value != MASK),
            // No page knows that.
            "value" if !value.is_empty() && (self.grows(node, value) || self.is_of_number(node)) => {
                (Some(MASK.to_owned()), false)
            }
            _ if is_drawn(node, lower, value) => (Some(value.to_owned()), false),
            _ if self.finds(value) => (Some(MASK.to_owned()), true),
            _ => (Some(value.to_owned()), false),
        }
    }

    fn masked_attribute(&self, node: NodeRef<'_>, name: &str, value: &str) -> (Option<String>, bool) {
        let unsaid = value.is_empty() || value == MASK;
        if address(node, name).is_some() {
            return (links(node, name).then(|| "#".to_owned()), false);
        }
        match name {
            // Lengths and colours say nothing; strings, addresses and custom properties may.
            "style" if !value.contains(['"', '\'', '(', '\\']) && !value.contains("--") && !self.finds(value) => {
                (Some(value.to_owned()), false)
            }
            "value" if node.local() == "input" && name::input_type(node) == "hidden" => (None, !unsaid),
            // The name of a frame's window is the page's own; that of a field says what it asks for.
            "name" if !matches!(node.local(), "input" | "select" | "textarea" | "button") => (None, false),
            _ if KEPT.contains(&name) => (Some(self.cover(value)), false),
            _ if WORDS.contains(&name) => {
                let shown = if value.is_empty() { String::new() } else { MASK.to_owned() };
                (Some(shown), !unsaid)
            }
            _ => (None, false),
        }
    }

    fn address(
        &self,
        node: NodeRef<'_>,
        name: &str,
        address: Address,
        value: &str,
        assets: &mut dyn AssetMap,
    ) -> Option<String> {
        let part = part(name)?;
        match address {
            Address::Link => Some("#".to_owned()),
            Address::Inside => Some(value.trim().to_owned()).filter(|at| at.starts_with('#') && !self.finds(at)),
            Address::Asset => self.asset(node, part, value, assets),
            Address::Drawing => self.drawing(node, part, value.trim(), assets),
            Address::Sources => {
                let sources = candidates(value).filter_map(|(url, descriptor)| {
                    let url = self.asset(node, part, url, assets)?;
                    Some(if is_descriptor(descriptor) { format!("{url} {descriptor}") } else { url })
                });
                Some(sources.collect::<Vec<_>>().join(", "))
            }
            Address::Nowhere => None,
        }
    }

    /// A drawing of the same document, or one out of another file: the capability URL of that, and which of its drawings.
    fn drawing(&self, node: NodeRef<'_>, part: Part, url: &str, assets: &mut dyn AssetMap) -> Option<String> {
        let (file, name) = url.split_at(url.find('#')?);
        if self.finds(name) || starts(file, "data:") {
            return None;
        }
        let file = if file.is_empty() { String::new() } else { self.asset(node, part, file, assets)? };
        Some(format!("{file}{name}"))
    }

    /// The capability URL of an asset; inline images stay, nothing else does.
    fn asset(&self, node: NodeRef<'_>, part: Part, url: &str, assets: &mut dyn AssetMap) -> Option<String> {
        let url = url.trim();
        if starts(url, "data:") {
            return (starts(url, "data:image/") && !self.drawing_tells(url)).then(|| url.to_owned());
        }
        if url.is_empty() {
            return None;
        }
        let url = base_of(node)?.join(url).ok()?;
        matches!(url.scheme(), "http" | "https")
            .then(|| assets.asset(Place { node: node.id(), part }, &url, self.rules.private().is_some()))
    }

    /// What a page's `link` gives as its icon, else what browsers look for (WHATWG HTML "link type icon").
    pub(super) fn shown_icon(&self, mirror: &Mirror, assets: &mut dyn AssetMap) -> String {
        let of_page = in_head(mirror, "link").filter(|link| is_icon(*link));
        // Of several, the last that fits is taken; any fits a tab.
        if let Some(link) = of_page.last() {
            let icon = self.attribute(link, self.status(link), "href", assets).unwrap_or_default();
            return if icon.len() <= MAX_ICON { icon } else { String::new() };
        }
        let place = Place { node: DOCUMENT, part: Part::Attribute("href") };
        let usual = Url::parse(mirror.url()).ok().and_then(|url| url.join("/favicon.ico").ok());
        match usual.filter(|url| matches!(url.scheme(), "http" | "https") && self.rules.private().is_none()) {
            Some(url) => assets.asset(place, &url, false),
            None => {
                assets.gone(Gone::Place(place));
                String::new()
            }
        }
    }

    /// Style sheets: every address becomes a capability URL or leads nowhere, and detectors look at what they print.
    pub(super) fn css(&self, node: NodeRef<'_>, part: Part, text: &str, assets: &mut dyn AssetMap) -> String {
        sheet::rewrite(text, &mut Sheet { mask: self, node, part, assets })
    }
}

/// What kind of address an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Address {
    /// Somewhere to go: agents ask for the click, never for the page.
    Link,
    /// A place in the same document; what is elsewhere is dropped.
    Inside,
    Asset,
    /// Part of a drawing, in the same document or in another file.
    Drawing,
    /// A list of image candidates.
    Sources,
    Nowhere,
}

/// The place that an attribute is which may hold addresses.
pub(super) fn part(name: &str) -> Option<Part> {
    const NAMES: [&str; 11] = [
        "src",
        "srcset",
        "href",
        "style",
        "poster",
        "xlink:href",
        "imagesrcset",
        "background",
        "lowsrc",
        "dynsrc",
        "usemap",
    ];
    NAMES.into_iter().find(|known| name.eq_ignore_ascii_case(known)).map(Part::Attribute)
}

fn address(node: NodeRef<'_>, name: &str) -> Option<Address> {
    let tag = node.local();
    Some(match name {
        "href" | "xlink:href" => match tag {
            "a" | "area" => Address::Link,
            "link" if shows_asset(node) => Address::Asset,
            "image" | "feImage" => Address::Asset,
            "use" => Address::Drawing,
            "pattern" | "linearGradient" | "radialGradient" | "textPath" | "mpath" | "filter" => Address::Inside,
            _ => Address::Nowhere,
        },
        "src" => match tag {
            "img" | "source" | "video" | "audio" | "track" | "input" => Address::Asset,
            _ => Address::Nowhere,
        },
        "srcset" | "imagesrcset" => Address::Sources,
        "poster" | "background" | "lowsrc" | "dynsrc" => Address::Asset,
        "usemap" => Address::Inside,
        _ => return None,
    })
}

fn links(node: NodeRef<'_>, name: &str) -> bool {
    address(node, name) == Some(Address::Link)
}

fn shows_sheet(link: NodeRef<'_>) -> bool {
    let mut words = link.attribute("rel").unwrap_or_default().split_ascii_whitespace();
    words.any(|word| word.eq_ignore_ascii_case("stylesheet"))
}

/// A picture inside an address goes to every viewer each time that a tab changes.
const MAX_ICON: usize = 8 * 1024;

fn is_icon(link: NodeRef<'_>) -> bool {
    let mut words = link.attribute("rel").unwrap_or_default().split_ascii_whitespace();
    words.any(|word| word.eq_ignore_ascii_case("icon"))
}

/// Links that the page is drawn with.
fn shows_asset(link: NodeRef<'_>) -> bool {
    link.attribute("rel").is_some_and(|rel| {
        rel.split_ascii_whitespace().any(|word| {
            ["stylesheet", "icon", "apple-touch-icon", "mask-icon"].iter().any(|known| word.eq_ignore_ascii_case(known))
        })
    })
}

/// What relative URLs in a node's document are relative to (WHATWG HTML "document base URL").
pub(crate) fn base_of(node: NodeRef<'_>) -> Option<Url> {
    let mirror = node.mirror();
    let main = Url::parse(mirror.base_url()).or_else(|_| Url::parse(mirror.url())).ok();
    // From the outermost frame inwards.
    let mut documents: Vec<NodeRef<'_>> =
        node.ancestors().filter(|up| up.kind() == NodeKind::Document && up.id() != DOCUMENT).collect();
    documents.reverse();
    documents.into_iter().fold(main, |outer, document| {
        let src = document.parent_node().filter(|frame| frame.attribute("srcdoc").is_none());
        let src = src.and_then(|frame| frame.attribute("src"));
        let join = |url: &str| outer.as_ref().map_or_else(|| Url::parse(url), |outer| outer.join(url)).ok();
        let own = src.and_then(join).filter(|url| !url.cannot_be_a_base()).or_else(|| outer.clone());
        let head = document.children().flat_map(NodeRef::children).find(|child| child.local() == "head");
        let base = head.and_then(|head| head.children().find(|child| child.local() == "base"));
        let href = base.and_then(|base| base.attribute("href"));
        href.and_then(|href| own.as_ref().and_then(|own| own.join(href).ok())).or(own)
    })
}

/// The candidates of a `srcset` (WHATWG HTML "parse a srcset attribute", near enough for what browsers write).
fn candidates(value: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = value;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
        let url = rest[..end].trim_end_matches(',');
        let bare = url.len() < end;
        rest = &rest[end..];
        if bare {
            return Some((url, ""));
        }
        let end = rest.find(',').unwrap_or(rest.len());
        let descriptor = rest[..end].trim();
        rest = &rest[end..];
        Some((url, descriptor))
    })
}

pub(super) fn starts(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

struct Sheet<'a> {
    mask: &'a Mask,
    node: NodeRef<'a>,
    part: Part,
    assets: &'a mut dyn AssetMap,
}

impl Change for Sheet<'_> {
    fn address(&mut self, url: &str, leads: Leads) -> Option<String> {
        let font = ["data:font/", "data:application/font", "data:application/x-font", "data:application/octet-stream"];
        if url.starts_with('#') || font.iter().any(|prefix| starts(url, prefix)) {
            return Some(url.to_owned());
        }
        if leads == Leads::Picture && self.silent() {
            return None;
        }
        self.mask.asset(self.node, self.part, url, self.assets)
    }

    fn hushes(&mut self, selectors: &str, parent: bool) -> bool {
        self.mask.hushed.meets(selectors, parent)
    }

    fn hushing(&self) -> bool {
        !self.mask.hushed.is_empty()
    }

    fn silent(&self) -> bool {
        self.mask.rules.private().is_some()
    }

    fn text(&mut self, text: &str) -> Option<String> {
        let found = run::merged(self.mask.find(&Text::new(text)));
        run::cover(text, 0, &found)
    }
}
