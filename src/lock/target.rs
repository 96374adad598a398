//! Where an agent asks the page to go, compared with where locked links and forms lead.
//!
//! A site may answer many spellings of an address with the same page. What cannot be told apart from a locked target is
//! taken for it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use url::{Position, Url};

use crate::mask::base_of;
use crate::mirror::NodeRef;
use crate::rules::{PathRules, selector};

pub(super) struct Target {
    url: Url,
    place: Place,
}

impl Target {
    /// Nothing where the page cannot be asked to go.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let plain = url.username().is_empty() && url.password().is_none();
        let web = matches!(url.scheme(), "http" | "https") && url.has_host();
        (plain && web).then(|| Self { place: Place::of(&url), url })
    }

    /// The lock rule for links or forms that lead there, whether the page has one or not.
    pub fn locked_by<'r>(&self, rules: &'r PathRules) -> Option<&'r str> {
        let origin = &self.url[..Position::BeforePath];
        let path = &self.url[Position::BeforePath..];
        let plain = match self.url.query() {
            Some(query) => format!("{}?{}", self.place.path, decoded(query)),
            None => self.place.path.clone(),
        };
        let lower = plain.to_lowercase();
        for (tag, attr) in [("a", "href"), ("area", "href"), ("form", "action")] {
            for path in [path, &plain, &lower] {
                for value in [path, &format!("{origin}{path}")] {
                    if let Some(rule) = rules.lock(&Loose { tag, attr, value }) {
                        return Some(rule);
                    }
                }
            }
        }
        None
    }

    /// Whether an address of an element of the page leads there.
    pub fn is_led_to_by(&self, node: NodeRef<'_>, address: &str) -> bool {
        let address = address.trim_matches(|c: char| c <= ' ');
        // A place in the page itself is no target.
        if address.is_empty() || address.starts_with('#') {
            return false;
        }
        let Some(base) = base_of(node) else { return false };
        let slashes = address.len() - address.trim_start_matches(['/', '\\']).len();
        // Browsers skip all slashes before a host (WHATWG URL "special authority ignore slashes state").
        let joined = if slashes > 2 { base.join(&address[slashes - 2..]) } else { base.join(address) };
        match joined {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Place::of(&url).holds(&self.place),
            Ok(_) => false,
            // What a browser makes of it nobody can say.
            Err(_) => true,
        }
    }
}

/// An address without what sites seldom tell addresses apart by: scheme, encoding, case, slashes, order of parameters.
struct Place {
    host: String,
    port: Option<u16>,
    path: String,
    query: BTreeSet<String>,
}

impl Place {
    fn of(url: &Url) -> Self {
        let segments: Vec<String> =
            url.path().split('/').map(|part| decoded(part).into_owned()).filter(|part| !part.is_empty()).collect();
        let query = url.query().unwrap_or_default().split('&').filter(|part| !part.is_empty());
        Self {
            host: url.host_str().unwrap_or_default().trim_end_matches('.').to_owned(),
            port: url.port(),
            path: format!("/{}", segments.join("/")),
            query: query.map(|part| decoded(part).to_lowercase()).collect(),
        }
    }

    /// Whether what is asked for is this, perhaps with parameters more.
    fn holds(&self, asked: &Self) -> bool {
        self.host == asked.host
            && self.port == asked.port
            && self.path.to_lowercase() == asked.path.to_lowercase()
            && self.query.is_subset(&asked.query)
    }
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

/// A link or form that the page does not have, for the rules that lock targets.
#[derive(Clone, Copy)]
struct Loose<'a> {
    tag: &'a str,
    attr: &'a str,
    value: &'a str,
}

impl selector::Element for Loose<'_> {
    fn tag(&self) -> &str {
        self.tag
    }
    fn attr(&self, name: &str) -> Option<Cow<'_, str>> {
        (name == self.attr).then_some(Cow::Borrowed(self.value))
    }
    fn parent(&self) -> Option<Self> {
        None
    }
}
