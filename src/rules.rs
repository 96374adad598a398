//! What to mask and to lock: rules from files and companies, compiled once, scoped to sites.
//!
//! A rules file is TOML:
//!
//! ```toml
//! [[rule]]
//! id = "own-balance"
//! action = "mask"                   # mask, unmask, lock, or private: all is masked there that no rule unmasks
//! sites = ["*.bank.example"]        # globs over the host; everywhere when absent
//! paths = ["/account/**"]           # globs over the path: * stays inside a segment, ** does not
//! selector = ".balance, [data-iban]"  # the subset of `rules::selector`
//! # … or, instead of a selector:
//! # fields = ["cvv", "=pin"]        # form fields whose name or id contains (or, with =, is) this, whatever the case
//! # names = ["Comprar agora"]       # accessible names: of controls for lock, of form fields for mask
//! # firm = true                     # no unmask rule, here or further in, takes this mask away
//!
//! [[detector]]
//! id = "card"
//! pattern = '[0-9](?:[ .\-/]?[0-9]){12,}'
//! check = "luhn"                    # luhn, cpf, cnpj, mod97, ssn, nino, dni, number (no letter or digit beside it), or absent
//! ```
//!
//! Which mask holds: an element's own rule counts before its ancestors'. On one element an unmask rule wins over mask
//! rules that are not firm. Below a firm mask nothing is unmasked. Detectors look at everything that is not masked,
//! unmasked elements too. What is masked once stays masked for as long as the element lives.

pub mod detector;
mod file;
mod glob;
pub mod name;
pub mod selector;
pub mod wall;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use detector::Detector;
pub use file::{Action, RuleConfig, Source, check};
use glob::Glob;
use selector::{Element, Selector};

/// The files that ship with Lado: detectors, masks and locks.
pub const PRESETS: [Source<'static>; 3] = [
    Source { file: "rules/detectors.toml", text: include_str!("../rules/detectors.toml") },
    Source { file: "rules/mask.toml", text: include_str!("../rules/mask.toml") },
    Source { file: "rules/locks.toml", text: include_str!("../rules/locks.toml") },
];

/// A mistake in the rules, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct RuleError {
    /// Empty for rules inside the configuration file.
    pub file: String,
    /// From 1; 0 for rules inside the configuration file, where only its reader knows.
    pub line: usize,
    /// Bytes of the file, or of the configuration file.
    pub span: Range<usize>,
    pub reason: String,
}

/// One rule, compiled.
#[derive(Debug)]
pub struct Rule {
    pub id: String,
    pub action: Action,
    /// No unmask rule takes this mask away.
    pub firm: bool,
    sites: Vec<Glob>,
    paths: Vec<Glob>,
    by: By,
}

#[derive(Debug)]
enum By {
    /// With the text that the page evaluates.
    Selector(String, Selector),
    /// Normalised by [`name::normal`].
    Names(Vec<String>),
    /// Everything there.
    Place,
}

/// All rules, compiled.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    rules: Vec<Arc<Rule>>,
    detectors: Arc<[Detector]>,
}

impl RuleSet {
    /// # Errors
    /// The first mistake: bad syntax, unknown keys, bad selectors and patterns, an id used twice.
    pub fn load(files: &[Source<'_>], company: &[RuleConfig]) -> Result<Self, RuleError> {
        let (set, mistakes) = Self::read(files, company);
        mistakes.into_iter().next().map_or(Ok(set), Err)
    }

    /// What has no mistake in it, and every mistake, in order.
    pub fn read(files: &[Source<'_>], company: &[RuleConfig]) -> (Self, Vec<RuleError>) {
        let mut mistakes = Vec::new();
        (file::compile(files, company, &mut mistakes), mistakes)
    }

    /// The rules that ship with Lado, alone.
    ///
    /// # Errors
    /// None that a test has not seen: the presets are part of the program.
    pub fn presets() -> Result<Self, RuleError> {
        Self::load(&PRESETS, &[])
    }

    /// The same with everything masked that no rule unmasks.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.rules.push(Arc::new(Rule {
            id: "private-mode".into(),
            action: Action::Private,
            firm: false,
            sites: Vec::new(),
            paths: Vec::new(),
            by: By::Place,
        }));
        self
    }

    /// The rules that apply on a host (no port), whatever the path.
    pub fn for_site(&self, host: &str) -> Arc<SiteRules> {
        let host = host.to_ascii_lowercase();
        let applies = |rule: &&Arc<Rule>| rule.sites.is_empty() || rule.sites.iter().any(|glob| glob.matches(&host));
        Arc::new(SiteRules {
            rules: self.rules.iter().filter(applies).cloned().collect(),
            detectors: Arc::clone(&self.detectors),
        })
    }
}

/// The rules of one site.
#[derive(Debug, Default)]
pub struct SiteRules {
    rules: Vec<Arc<Rule>>,
    detectors: Arc<[Detector]>,
}

impl SiteRules {
    /// The rules that apply on one of the site's paths, indexed: take it once per document.
    pub fn at(&self, path: &str) -> PathRules {
        let mut rules = PathRules { detectors: Arc::clone(&self.detectors), ..PathRules::default() };
        for rule in &self.rules {
            if rule.paths.is_empty() || rule.paths.iter().any(|glob| glob.matches(path)) {
                rules.add(rule);
            }
        }
        rules
    }

    /// The same with all masked on some paths, given as the id of what is to blame and a glob, that no rule unmasks.
    pub fn private_on(&self, paths: &[(String, String)]) -> Self {
        let rule = |(id, path): &(String, String)| {
            Arc::new(Rule {
                id: format!("drifted-{id}"),
                action: Action::Private,
                firm: false,
                sites: Vec::new(),
                // Nothing is left open by a path that is none.
                paths: Glob::path(path).into_iter().collect(),
                by: By::Place,
            })
        };
        Self {
            rules: self.rules.iter().cloned().chain(paths.iter().map(rule)).collect(),
            detectors: Arc::clone(&self.detectors),
        }
    }

    /// Whether a rule is firm; nothing of rules that are not of this site.
    pub fn is_firm(&self, id: &str) -> Option<bool> {
        self.rules.iter().find(|rule| rule.id == id).map(|rule| rule.firm)
    }

    /// What the page evaluates: `PageRules` of `injected/boot.ts`, and `labels`, the masks of form fields by name.
    pub fn page_json(&self) -> serde_json::Value {
        let mut out =
            serde_json::json!({"mask": [], "unmask": [], "lock": [], "names": [], "labels": [], "private": []});
        for rule in &self.rules {
            let paths: Vec<&str> = rule.paths.iter().map(Glob::source).collect();
            let (list, item) = match (&rule.by, rule.action) {
                (By::Selector(text, _), action) => {
                    let mut item = serde_json::json!({"id": rule.id, "selector": text, "paths": paths});
                    if rule.firm {
                        item["firm"] = true.into();
                    }
                    (action.name(), item)
                }
                (By::Place, _) => ("private", serde_json::json!({"id": rule.id, "paths": paths})),
                (By::Names(names), action) => (
                    if action == Action::Lock { "names" } else { "labels" },
                    serde_json::json!({"id": rule.id, "names": names, "paths": paths}),
                ),
            };
            if let Some(list) = out[list].as_array_mut() {
                list.push(item);
            }
        }
        out["detectors"] = self
            .detectors
            .iter()
            .map(|d| serde_json::json!({"id": d.id, "pattern": d.pattern, "check": d.check.name()}))
            .collect();
        out
    }
}

/// The rules of one path of a site.
#[derive(Debug, Default)]
pub struct PathRules {
    mask: Index,
    unmask: Index,
    lock: Index,
    lock_names: Vec<Arc<Rule>>,
    labels: Vec<Arc<Rule>>,
    private: Option<Arc<Rule>>,
    detectors: Arc<[Detector]>,
    /// Attributes that selectors ask elements for, and those around them.
    attrs: HashSet<String>,
    outer_attrs: HashSet<String>,
    outer: bool,
}

/// How far a change of an attribute reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    Nothing,
    Element,
    Subtree,
}

/// What an element's own rules say of it, ancestors aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    Mask {
        rule: &'a str,
        firm: bool,
    },
    Unmask,
    /// As its parent.
    Inherit,
}

impl PathRules {
    fn add(&mut self, rule: &Arc<Rule>) {
        if let By::Selector(_, selector) = &rule.by {
            self.attrs.extend(selector.attrs().into_iter().map(str::to_owned));
            if let Some(names) = selector.outer_attrs() {
                self.outer = true;
                self.outer_attrs.extend(names.into_iter().map(str::to_owned));
            }
        }
        match (&rule.by, rule.action) {
            (By::Selector(..), Action::Mask) => self.mask.add(rule),
            (By::Selector(..), Action::Unmask) => self.unmask.add(rule),
            (By::Selector(..), Action::Lock) => self.lock.add(rule),
            (By::Names(_), Action::Lock) => self.lock_names.push(Arc::clone(rule)),
            (By::Place, _) | (_, Action::Private) => self.private = Some(Arc::clone(rule)),
            (By::Names(_), _) => self.labels.push(Arc::clone(rule)),
        }
    }

    /// Whether a selector asks elements for this attribute.
    pub fn asks(&self, attr: &str) -> bool {
        self.attrs.contains(attr)
    }

    /// Which elements a change of an attribute can change the selectors' answer for.
    pub fn reach(&self, attr: &str) -> Reach {
        if self.outer_attrs.contains(attr) {
            Reach::Subtree
        } else if self.attrs.contains(attr) {
            Reach::Element
        } else {
            Reach::Nothing
        }
    }

    /// Whether a selector looks at the elements around one: moving it may then change the answer.
    pub fn looks_around(&self) -> bool {
        self.outer
    }

    /// What the selectors say of an element.
    pub fn verdict<E: Element>(&self, element: &E) -> Verdict<'_> {
        // The first rule, unless a firm one follows.
        let mask =
            self.mask.matching(element).reduce(|first, other| if other.firm && !first.firm { other } else { first });
        match mask {
            Some(rule) if rule.firm => Verdict::Mask { rule: &rule.id, firm: true },
            _ if self.unmask.matching(element).next().is_some() => Verdict::Unmask,
            Some(rule) => Verdict::Mask { rule: &rule.id, firm: false },
            None => Verdict::Inherit,
        }
    }

    /// The first lock rule whose selector matches an element.
    pub fn lock<E: Element>(&self, element: &E) -> Option<&str> {
        self.lock.matching(element).next().map(|rule| rule.id.as_str())
    }

    /// The first lock rule with an accessible name; `exact` asks for the whole name rather than a phrase in it.
    pub fn lock_name(&self, name: &str, exact: bool) -> Option<&str> {
        named(&self.lock_names, name, exact)
    }

    /// Whether any form field is masked by its name: nobody need compute names otherwise.
    pub fn has_labels(&self) -> bool {
        !self.labels.is_empty()
    }

    /// The first mask rule with the accessible name of a form field.
    pub fn label(&self, name: &str) -> Option<&str> {
        named(&self.labels, name, false)
    }

    /// The rule by which all is masked here that none unmasks.
    pub fn private(&self) -> Option<&str> {
        self.private.as_ref().map(|rule| rule.id.as_str())
    }

    pub fn detectors(&self) -> &[Detector] {
        &self.detectors
    }
}

fn named<'a>(rules: &'a [Arc<Rule>], name: &str, exact: bool) -> Option<&'a str> {
    let name = name::normal(name);
    if name.is_empty() {
        return None;
    }
    let holds = |wanted: &String| if exact { *wanted == name } else { name::holds(&name, wanted) };
    rules.iter().find(|rule| matches!(&rule.by, By::Names(names) if names.iter().any(holds))).map(|r| r.id.as_str())
}

/// Rules by the tag they ask for: most elements meet few of them.
#[derive(Debug, Default)]
struct Index {
    rules: Vec<Arc<Rule>>,
    by_tag: HashMap<String, Vec<usize>>,
    any: Vec<usize>,
}

impl Index {
    fn add(&mut self, rule: &Arc<Rule>) {
        let By::Selector(_, selector) = &rule.by else { return };
        let place = self.rules.len();
        self.rules.push(Arc::clone(rule));
        match selector.tags() {
            None => self.any.push(place),
            Some(tags) => {
                for tag in tags {
                    let places = self.by_tag.entry(tag.to_owned()).or_default();
                    if places.last() != Some(&place) {
                        places.push(place);
                    }
                }
            }
        }
    }

    fn matching<'a, 'e, E: Element>(&'a self, element: &'e E) -> impl Iterator<Item = &'a Rule> + use<'a, 'e, E> {
        let tagged = if self.by_tag.is_empty() { None } else { self.by_tag.get(element.tag()) };
        let places = tagged.into_iter().flatten().chain(&self.any);
        places
            .map(|&place| &*self.rules[place])
            .filter(|rule| matches!(&rule.by, By::Selector(_, selector) if selector.matches(element)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> RuleSet {
        RuleSet::load(&[Source { file: "t.toml", text }], &[]).unwrap()
    }

    #[test]
    fn the_presets_load() {
        let set = RuleSet::presets().unwrap();
        let json = set.for_site("shop.example").page_json();
        for list in ["mask", "lock", "names", "detectors"] {
            assert!(!json[list].as_array().unwrap().is_empty(), "{list}");
        }
    }

    #[test]
    fn a_rule_holds_on_its_sites_and_paths_alone() {
        let set = set(r#"
            [[rule]]
            id = "balance"
            action = "lock"
            sites = ["*.bank.example"]
            paths = ["/account/**"]
            names = ["Transferir"]
        "#);
        let at = |host: &str, path: &str| set.for_site(host).at(path).lock_name("transferir", false).is_some();
        assert!(at("www.bank.example", "/account/1/2"));
        assert!(at("WWW.BANK.EXAMPLE", "/account/"));
        assert!(!at("bank.example", "/account/1"));
        assert!(!at("www.bank.example", "/"));
    }

    #[test]
    fn the_page_gets_rules_with_paths_as_patterns() {
        let set = set(r#"
            [[rule]]
            id = "a"
            action = "mask"
            firm = true
            paths = ["/x/*.html"]
            selector = ".a"
        "#);
        let json = set.for_site("h").page_json();
        assert_eq!(
            json["mask"],
            serde_json::json!([{"id": "a", "selector": ".a", "paths": ["^/x/[^/]*\\.html$"], "firm": true}])
        );
    }
}
