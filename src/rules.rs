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
//! # names = ["Comprar agora"]       # accessible names: of controls for lock, of form fields for mask (=: the whole name)
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
mod index;
pub mod name;
pub mod selector;
pub mod wall;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use detector::Detector;
pub use file::{Action, RuleConfig, Source, check};
use foldhash::{HashMap, HashSet};
use glob::Glob;
use index::Index;
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

impl Rule {
    fn selects<E: Element>(&self, element: &E) -> bool {
        matches!(&self.by, By::Selector(_, selector) if selector.matches(element))
    }
}

/// All rules, compiled.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    rules: Vec<Arc<Rule>>,
    detectors: Arc<[Detector]>,
    sites: Arc<Mutex<HashMap<String, Arc<SiteRules>>>>,
}

/// Sites, and combinations of paths on a site, whose rules stay indexed: a response takes what the one before it took.
const MAX_KEPT: usize = 64;

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
        self.sites = Arc::default();
        self
    }

    /// The rules that apply on a host (no port), whatever the path.
    pub fn for_site(&self, host: &str) -> Arc<SiteRules> {
        let host = host.to_ascii_lowercase();
        kept(&self.sites, &host, || {
            let applies =
                |rule: &&Arc<Rule>| rule.sites.is_empty() || rule.sites.iter().any(|glob| glob.matches(&host));
            SiteRules::new(self.rules.iter().filter(applies).cloned(), &self.detectors)
        })
    }
}

/// What stands under a key, made when it is first asked for.
fn kept<K: Clone + Eq + std::hash::Hash, V>(
    all: &Mutex<HashMap<K, Arc<V>>>,
    key: &K,
    make: impl FnOnce() -> V,
) -> Arc<V> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.get(key) {
        return Arc::clone(known);
    }
    if all.len() >= MAX_KEPT {
        all.clear();
    }
    let made = Arc::new(make());
    all.insert(key.clone(), Arc::clone(&made));
    made
}

/// The rules of one site.
#[derive(Debug, Default)]
pub struct SiteRules {
    rules: Vec<Arc<Rule>>,
    detectors: Arc<[Detector]>,
    /// By the places of the rules that hold on some paths alone and hold on this one.
    paths: Mutex<HashMap<Vec<usize>, Arc<PathRules>>>,
}

impl SiteRules {
    fn new(rules: impl Iterator<Item = Arc<Rule>>, detectors: &Arc<[Detector]>) -> Self {
        Self { rules: rules.collect(), detectors: Arc::clone(detectors), paths: Mutex::default() }
    }

    /// The rules that apply on one of the site's paths, indexed.
    pub fn at(&self, path: &str) -> Arc<PathRules> {
        let scoped = self.rules.iter().enumerate().filter(|(_, rule)| !rule.paths.is_empty());
        let here = scoped.filter(|(_, rule)| rule.paths.iter().any(|glob| glob.matches(path)));
        let here: Vec<usize> = here.map(|(place, _)| place).collect();
        kept(&self.paths, &here, || {
            let mut rules = PathRules { detectors: Arc::clone(&self.detectors), ..PathRules::default() };
            for (place, rule) in self.rules.iter().enumerate() {
                if rule.paths.is_empty() || here.contains(&place) {
                    rules.add(rule);
                }
            }
            rules
        })
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
        Self::new(self.rules.iter().cloned().chain(paths.iter().map(rule)), &self.detectors)
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
    selectors: Index,
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
            (By::Selector(..), Action::Mask | Action::Unmask | Action::Lock) => self.selectors.add(rule),
            (By::Names(_), Action::Lock) => self.lock_names.push(Arc::clone(rule)),
            (By::Place, _) | (_, Action::Private) => self.private = Some(Arc::clone(rule)),
            (By::Names(_), _) => self.labels.push(Arc::clone(rule)),
        }
    }

    /// Whether a selector asks elements for this attribute.
    pub fn asks(&self, attr: &str) -> bool {
        self.attrs.contains(attr)
    }

    /// Whether a selector may match an element for its tag (lower case) alone.
    pub fn minds_tag(&self, tag: &str) -> bool {
        self.selectors.minds_tag(tag)
    }

    /// Whether a selector may match an element for having an attribute with this value. Where neither its tag nor any
    /// attribute is minded, no selector matches.
    pub fn minds<'v>(&self, attr: &str, value: impl FnOnce() -> Cow<'v, str>) -> bool {
        self.selectors.minds(attr, value)
    }

    /// The attributes that [`PathRules::minds`] may say yes to.
    pub fn minded(&self) -> impl Iterator<Item = &str> {
        self.selectors.attrs()
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
        let first = |action: Action, firm: bool| {
            self.selectors.first(element, |rule| rule.action == action && (rule.firm || !firm))
        };
        // The first rule, unless a firm one follows.
        let Some(mask) = first(Action::Mask, false) else {
            return first(Action::Unmask, false).map_or(Verdict::Inherit, |_| Verdict::Unmask);
        };
        match mask.firm.then_some(mask).or_else(|| first(Action::Mask, true)) {
            Some(rule) => Verdict::Mask { rule: &rule.id, firm: true },
            None if first(Action::Unmask, false).is_some() => Verdict::Unmask,
            None => Verdict::Mask { rule: &mask.id, firm: false },
        }
    }

    /// The first lock rule whose selector matches an element.
    pub fn lock<E: Element>(&self, element: &E) -> Option<&str> {
        self.selectors.first(element, |rule| rule.action == Action::Lock).map(|rule| rule.id.as_str())
    }

    /// The first lock rule with an accessible name; `exact` asks for the whole name rather than a phrase in it.
    pub fn lock_name(&self, name: &str, exact: bool) -> Option<&str> {
        named(&self.lock_names, name, |name, wanted| if exact { wanted == name } else { name::holds(name, wanted) })
    }

    /// Whether any form field is masked by its name: nobody need compute names otherwise.
    pub fn has_labels(&self) -> bool {
        !self.labels.is_empty()
    }

    /// The first mask rule with the accessible name of a form field.
    pub fn label(&self, name: &str) -> Option<&str> {
        named(&self.labels, name, name::says)
    }

    /// The rule by which all is masked here that none unmasks.
    pub fn private(&self) -> Option<&str> {
        self.private.as_ref().map(|rule| rule.id.as_str())
    }

    pub fn detectors(&self) -> &[Detector] {
        &self.detectors
    }
}

fn named<'a>(rules: &'a [Arc<Rule>], name: &str, means: impl Fn(&str, &str) -> bool) -> Option<&'a str> {
    let name = name::normal(name);
    if name.is_empty() {
        return None;
    }
    let holds = |wanted: &String| means(&name, wanted);
    rules.iter().find(|rule| matches!(&rule.by, By::Names(names) if names.iter().any(holds))).map(|r| r.id.as_str())
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
