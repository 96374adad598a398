//! Reads rules files, and says of every mistake where it is.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::detector::{Check, Detector};
use super::glob::Glob;
use super::selector::Selector;
use super::{By, PRESETS, Rule, RuleError, RuleSet, name};

/// One rules file: its name for messages, and its text.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

/// A `[[rule]]` of a file or of a company's configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    pub id: Spanned<String>,
    pub action: Action,
    #[serde(default)]
    pub firm: bool,
    #[serde(default)]
    pub sites: Vec<Spanned<String>>,
    #[serde(default)]
    pub paths: Vec<Spanned<String>>,
    pub selector: Option<Spanned<String>>,
    #[serde(default)]
    pub fields: Vec<Spanned<String>>,
    #[serde(default)]
    pub names: Vec<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Mask,
    Unmask,
    Lock,
    /// Everything on its sites and paths is masked that no rule unmasks.
    Private,
}

impl Action {
    pub fn name(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Unmask => "unmask",
            Self::Lock => "lock",
            Self::Private => "private",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<RuleConfig>,
    #[serde(default)]
    detector: Vec<DetectorConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DetectorConfig {
    id: Spanned<String>,
    pattern: Spanned<String>,
    check: Option<Spanned<String>>,
}

/// Every mistake in the files, in order: `lado rules check`.
pub fn check(files: &[Source<'_>]) -> Vec<RuleError> {
    let mut mistakes = Vec::new();
    compile(files, &[], &mut mistakes);
    mistakes
}

/// Compiles what has no mistake in it, and collects the others.
pub(super) fn compile(files: &[Source<'_>], company: &[RuleConfig], mistakes: &mut Vec<RuleError>) -> RuleSet {
    let mut compiler =
        Compiler { source: Source { file: "", text: "" }, ids: HashMap::new(), presets: HashSet::new(), mistakes };
    let mut detectors = Vec::new();
    let mut rules = Vec::new();
    for source in files {
        compiler.source = *source;
        let file: File = match toml::from_str(source.text) {
            Ok(file) => file,
            Err(error) => {
                compiler.fault(error.span().unwrap_or(0..0), error.message().trim());
                continue;
            }
        };
        rules.extend(file.rule.iter().filter_map(|config| compiler.rule(config)));
        detectors.extend(file.detector.iter().filter_map(|config| compiler.detector(config)));
    }
    compiler.source = Source { file: "", text: "" };
    rules.extend(company.iter().filter_map(|config| compiler.rule(config)));
    RuleSet { rules: rules.into_iter().map(Arc::new).collect(), detectors: detectors.into(), sites: Arc::default() }
}

fn is_preset(file: &str) -> bool {
    PRESETS.iter().any(|preset| preset.file == file)
}

struct Compiler<'a, 'b> {
    source: Source<'a>,
    /// The file that each id was first used in.
    ids: HashMap<String, String>,
    /// Ids of the presets: a company that has one of the same name means its own.
    presets: HashSet<String>,
    mistakes: &'b mut Vec<RuleError>,
}

impl Compiler<'_, '_> {
    fn fault(&mut self, span: Range<usize>, reason: impl Into<String>) {
        let text = self.source.text;
        let line = if text.is_empty() { 0 } else { text[..span.start.min(text.len())].matches('\n').count() + 1 };
        self.mistakes.push(RuleError { file: self.source.file.to_owned(), line, span, reason: reason.into() });
    }

    /// Reports an error at the value it is about.
    fn ok<T, E: ToString>(&mut self, at: &Spanned<String>, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.fault(at.span(), error.to_string())).ok()
    }

    fn id(&mut self, id: &Spanned<String>) -> Option<String> {
        let text = id.get_ref();
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > 64 || !text.bytes().all(good) {
            self.fault(id.span(), format!("the id `{text}` is not made of up to 64 of a-z, 0-9 and -"));
            return None;
        }
        if is_preset(self.source.file) {
            self.presets.insert(text.clone());
        } else if self.presets.contains(text) && self.ids.get(text).is_none_or(|first| is_preset(first)) {
            self.ids.insert(text.clone(), self.source.file.to_owned());
            return Some(format!("own/{text}"));
        }
        if let Some(first) = self.ids.insert(text.clone(), self.source.file.to_owned()) {
            let place = if first.is_empty() { "the configuration".into() } else { first };
            self.fault(id.span(), format!("the id `{text}` is used twice, first in {place}"));
            return None;
        }
        Some(text.clone())
    }

    fn rule(&mut self, config: &RuleConfig) -> Option<Rule> {
        let id = self.id(&config.id);
        let sites = self.all(&config.sites, Glob::host);
        let paths = self.all(&config.paths, Glob::path);
        let by = self.by(config);
        if config.firm && config.action != Action::Mask {
            self.fault(config.id.span(), "only a mask can be firm");
            return None;
        }
        Some(Rule { id: id?, action: config.action, firm: config.firm, sites: sites?, paths: paths?, by: by? })
    }

    fn all<T>(&mut self, texts: &[Spanned<String>], parse: fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        let parsed: Vec<Option<T>> = texts.iter().map(|text| self.ok(text, parse(text.get_ref()))).collect();
        parsed.into_iter().collect()
    }

    fn by(&mut self, config: &RuleConfig) -> Option<By> {
        let RuleConfig { selector, fields, names, .. } = config;
        match (selector, fields.as_slice(), names.as_slice()) {
            (None, [], []) if config.action == Action::Private => Some(By::Place),
            _ if config.action == Action::Private => {
                self.fault(config.id.span(), "private goes by sites and paths alone");
                None
            }
            (Some(text), [], []) => {
                let selector = self.ok(text, Selector::parse(text.get_ref()))?;
                Some(By::Selector(text.get_ref().split_whitespace().collect::<Vec<_>>().join(" "), selector))
            }
            (None, [_, ..], []) => {
                let text = self.all(fields, field_selector)?.join(", ");
                let selector = self.ok(&config.id, Selector::parse(&text))?;
                Some(By::Selector(text, selector))
            }
            (None, [], [_, ..]) if config.action == Action::Unmask => {
                self.fault(config.id.span(), "an unmask rule goes by selector or fields, not by names");
                None
            }
            (None, [], [_, ..]) => {
                self.all(names, if config.action == Action::Mask { field_name } else { phrase }).map(By::Names)
            }
            _ => {
                self.fault(config.id.span(), "a rule has exactly one of selector, fields and names");
                None
            }
        }
    }

    fn detector(&mut self, config: &DetectorConfig) -> Option<Detector> {
        let id = self.id(&config.id);
        let check = match &config.check {
            None => Check::None,
            Some(name) => {
                let known = "expected luhn, cpf, cnpj, mod97, number, ssn, nino or dni";
                self.ok(
                    name,
                    Check::parse(name.get_ref()).ok_or_else(|| format!("no check `{}`: {known}", name.get_ref())),
                )?
            }
        };
        let id = id?;
        self.ok(&config.pattern, Detector::new(&id, config.pattern.get_ref(), check))
    }
}

fn phrase(text: &str) -> Result<String, String> {
    match name::normal(text) {
        normal if normal.is_empty() => Err(format!("the name `{text}` has no letters or digits")),
        normal => Ok(normal),
    }
}

/// What is in the name of a field, or is the whole of it where it begins with `=`.
fn field_name(text: &str) -> Result<String, String> {
    let normal = phrase(text)?;
    Ok(if text.starts_with('=') { format!("={normal}") } else { normal })
}

/// Text fields, areas and lists whose name or id contains a fragment, or is it where it begins with `=`.
fn field_selector(fragment: &str) -> Result<String, String> {
    let (test, value) = match fragment.strip_prefix('=') {
        Some(value) => ("=", value),
        None => ("*=", fragment),
    };
    if value.is_empty() || value.contains(['"', '\\', '\n', '\r', '\x0c']) {
        return Err(format!("the field `{fragment}` is empty or has quotes or backslashes in it"));
    }
    // Buttons, choices and what never shows hold no value that anyone types.
    let typed = ["submit", "button", "reset", "image", "checkbox", "radio"].map(|kind| format!(":not([type={kind}])"));
    // What seldom matches stands first: most fields are done with it.
    let of =
        |tag: &str, rest: &str| ["name", "id"].map(|attr| format!("{tag}[{attr}{test}\"{value}\" i]{rest}")).join(", ");
    Ok([of("input", &typed.concat()), of("select", ""), of("textarea", "")].join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        check(&[Source { file: "own.toml", text }]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_mistake_is_told_with_file_line_and_reason() {
        let text = "[[rule]]\nid = \"a\"\naction = \"mask\"\nselector = \"a:hover\"\n\n\
                    [[rule]]\nid = \"a\"\naction = \"lock\"\nnames = [\"Pay\", \"!\"]\n\n\
                    [[rule]]\nid = \"Big Id\"\naction = \"lock\"\nnames = [\"Pay\"]\nsites = [\"https://x\"]\n\n\
                    [[detector]]\nid = \"d\"\npattern = '('\n\n[[detector]]\nid = \"e\"\npattern = 'x*'\n\n\
                    [[detector]]\nid = \"f\"\npattern = 'x'\ncheck = \"md5\"\n";
        let found = mistakes(text);
        for (place, reason) in [
            ("own.toml:4: ", "only :not()"),
            ("own.toml:7: ", "used twice"),
            ("own.toml:9: ", "no letters"),
            ("own.toml:12: ", "a-z, 0-9"),
            ("own.toml:15: ", "not a host"),
            ("own.toml:19: ", "unclosed group"),
            ("own.toml:23: ", "everywhere"),
            ("own.toml:28: ", "no check `md5`"),
        ] {
            assert!(found.iter().any(|m| m.starts_with(place) && m.contains(reason)), "{place}{reason}: {found:#?}");
        }
        assert_eq!(found.len(), 8, "{found:#?}");
    }

    #[test]
    fn a_company_may_use_the_name_of_a_preset_for_a_rule_of_its_own() {
        let text = "[[rule]]\nid = \"pay\"\naction = \"lock\"\nselector = \".x\"\n";
        let files = PRESETS.into_iter().chain([Source { file: "own.toml", text }]).collect::<Vec<_>>();
        let set = RuleSet::load(&files, &[]).unwrap();
        let ids: Vec<&str> = set.rules.iter().map(|rule| rule.id.as_str()).filter(|id| id.ends_with("pay")).collect();
        assert_eq!(ids, ["pay", "own/pay"]);
        let twice = format!("{text}{text}");
        let files = PRESETS.into_iter().chain([Source { file: "own.toml", text: &twice }]).collect::<Vec<_>>();
        assert!(RuleSet::load(&files, &[]).unwrap_err().reason.contains("twice"));
    }

    #[test]
    fn private_goes_by_sites_and_paths_alone() {
        assert_eq!(mistakes("[[rule]]\nid = \"a\"\naction = \"private\"\npaths = [\"/x/**\"]\n"), Vec::<String>::new());
        let wrong = mistakes("[[rule]]\nid = \"a\"\naction = \"private\"\nselector = \"p\"\n");
        assert!(wrong[0].contains("sites and paths alone"), "{wrong:?}");
    }

    #[test]
    fn unknown_keys_and_actions_are_mistakes() {
        for (text, reason) in [
            ("[[rule]]\nid = \"a\"\naction = \"mask\"\nselektor = \"a\"\n", "own.toml:4: unknown field"),
            ("[[rule]]\nid = \"a\"\naction = \"hide\"\nselector = \"a\"\n", "own.toml:3: unknown variant"),
            ("[[rules]]\n", "own.toml:1: unknown field"),
            ("[[rule]]\naction = \"mask\"\nselector = \"a\"\n", "own.toml:1: missing field"),
            ("[[rule]]\nid = \"a\"\naction = \"mask\"\n", "own.toml:2: a rule has exactly one"),
            ("[[rule]]\nid = \"a\"\naction = \"unmask\"\nnames = [\"x\"]\n", "own.toml:2: an unmask rule"),
            ("[[rule\n", "own.toml:1: "),
        ] {
            let found = mistakes(text);
            assert!(found.len() == 1 && found[0].starts_with(reason), "{reason}: {found:?}");
        }
    }
}
