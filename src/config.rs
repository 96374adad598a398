//! Gathers each module's own configuration from one file, and says file, line and reason for every mistake in it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};

use crate::session::{Companies, CompanyConfig, CompanyError};
use crate::{console, front, hub, listener, load, metrics, page, route, session, store, translate, upstream};

/// The commented template that `lado config default` prints.
pub const TEMPLATE: &str = include_str!("config/default.toml");

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where it was read from, if from a file.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    pub hosts: route::Config,
    pub listener: listener::Config,
    pub upstream: upstream::Config,
    pub page: page::Config,
    pub session: session::Config,
    pub hub: hub::Config,
    pub console: console::Config,
    pub store: store::Config,
    pub translator: translate::Config,
    pub overload: load::Config,
    pub metrics: metrics::Config,
    pub log: Log,
    #[serde(rename = "front")]
    pub fronts: Vec<front::Config>,
    #[serde(rename = "company")]
    pub companies: Vec<Spanned<CompanyConfig>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub format: LogFormat,
    /// A tracing filter: `info`, or by module `info,lado::upstream=debug`.
    pub level: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Human,
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Human, level: "info".into() }
    }
}

/// One mistake of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub file: PathBuf,
    /// From 1; `None` when the file as a whole is meant.
    pub line: Option<usize>,
    pub reason: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file.display(), self.reason),
            None => write!(f, "{}: {}", self.file.display(), self.reason),
        }
    }
}

impl std::error::Error for Mistake {}

impl Config {
    /// Reads a file. Paths in it are relative to it.
    ///
    /// # Errors
    /// Every [`Mistake`] in the file, in its order.
    pub fn load(file: &Path) -> Result<Self, Vec<Mistake>> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| vec![Mistake { file: file.to_owned(), line: None, reason: error.to_string() }])?;
        let mut config = Self::parse(&text, file)?;
        config.file = Some(file.to_owned());
        config.resolve_paths(file.parent().unwrap_or(Path::new("")));
        let missing = config.missing_files();
        if missing.is_empty() { Ok(config) } else { Err(missing) }
    }

    /// Reads the text of `file`, which is named in mistakes only.
    ///
    /// # Errors
    /// Every [`Mistake`] in the text, in its order.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Vec<Mistake>> {
        let mut found = Mistakes { file, text, list: Vec::new() };
        let config = found.read().map(|mut config| {
            config.resolve_company_paths(file.parent().unwrap_or(Path::new("")));
            config
        });
        if let Some(config) = &config {
            found.judge(config);
        }
        let mut list = found.list;
        list.sort_by_key(|mistake| mistake.line);
        list.dedup();
        match config {
            Some(config) if list.is_empty() => Ok(config),
            _ => Err(list),
        }
    }

    pub fn company_configs(&self) -> Vec<CompanyConfig> {
        self.companies.iter().map(|company| company.get_ref().clone()).collect()
    }

    /// The sections in which `other` says something else that only a restart follows.
    pub fn restarts_for(&self, other: &Self) -> Vec<&'static str> {
        let told = |config: &Self| {
            let listener = listener::Config { certificates: Vec::new(), ..config.listener.clone() };
            [
                ("hosts", format!("{:?}", config.hosts)),
                ("listener", format!("{listener:?} {}", config.listener.certificates.is_empty())),
                ("upstream", format!("{:?}", config.upstream)),
                ("page", format!("{:?}", config.page)),
                ("session", format!("{:?} {:?}", config.session, config.session.link_key)),
                ("hub", format!("{:?}", config.hub)),
                ("front", format!("{:?}", config.fronts)),
                ("console", format!("{:?}", config.console)),
                ("store", format!("{:?}", config.store)),
                ("translator", format!("{:?} {:?}", config.translator, config.translator.api_key)),
                ("overload", format!("{:?}", config.overload)),
                ("metrics", format!("{:?}", config.metrics)),
                ("log", format!("{:?}", config.log)),
            ]
        };
        told(self).into_iter().zip(told(other)).filter(|(one, two)| one != two).map(|(one, _)| one.0).collect()
    }

    fn resolve_paths(&mut self, folder: &Path) {
        let certificates = self.listener.certificates.iter_mut().flat_map(|one| [&mut one.chain, &mut one.key]);
        for path in certificates.chain(&mut self.upstream.extra_ca) {
            *path = folder.join(&path);
        }
        let store = self.store.path.get_or_insert_with(|| "lado.db".into());
        *store = folder.join(&store);
    }

    fn resolve_company_paths(&mut self, folder: &Path) {
        for company in &mut self.companies {
            let company = company.get_mut();
            for path in company.brand.logo.iter_mut().chain(&mut company.rules_files) {
                *path = folder.join(&path);
            }
        }
    }

    fn missing_files(&self) -> Vec<Mistake> {
        let certificates = self.listener.certificates.iter().flat_map(|one| [&one.chain, &one.key]);
        certificates
            .chain(&self.upstream.extra_ca)
            .filter_map(|path| {
                let error = std::fs::File::open(path).err()?;
                Some(Mistake { file: path.clone(), line: None, reason: error.to_string() })
            })
            .collect()
    }
}

struct Mistakes<'t> {
    file: &'t Path,
    text: &'t str,
    list: Vec<Mistake>,
}

impl<'t> Mistakes<'t> {
    /// Reads the text; where an entry is wrong, notes it and reads on without that entry.
    ///
    /// serde stops at the first mistake, and a person wants to see all of them.
    fn read(&mut self) -> Option<Config> {
        let (mut tree, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.note(error.span(), error.message());
        }
        if !errors.is_empty() {
            return None;
        }
        // Every round takes one entry away, so this ends.
        loop {
            let error = match Config::deserialize(Deserializer::from(tree.clone())) {
                Ok(config) => return Some(config),
                Err(error) => error,
            };
            self.note(error.span(), error.message());
            if !error.span().is_some_and(|span| remove(tree.get_mut(), &span)) {
                return None;
            }
        }
    }

    /// What can only be judged on the whole.
    fn judge(&mut self, config: &Config) {
        let hosts = self.text.find("[hosts]").map(|at| at..at);
        if let Some(reason) = route::conflict(&config.hosts) {
            self.note(hosts.clone(), &reason);
        }
        let secure = config.hosts.view.0.scheme == crate::rewrite::url::Scheme::Https;
        if !config.listener.certificates.is_empty() && !secure {
            self.note(hosts, "with certificates the console and the view domain are https origins");
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&config.log.level) {
            let at = self.text.find("level").map(|at| at..at);
            self.note(at, &format!("log.level: {error}"));
        }
        // One by one, so that the line of the company is known.
        for count in 1..=config.companies.len() {
            let company = &config.companies[count - 1];
            let alone = std::slice::from_ref(company.get_ref());
            let result = Companies::load(alone).and_then(|_| {
                let upto: Vec<_> = config.companies[..count].iter().map(|one| one.get_ref().clone()).collect();
                Companies::load(&upto)
            });
            if let Err(error) = result {
                // A rule knows its own place in the file, anything else is told by its company's.
                let place = match &error {
                    CompanyError::Rule(_, rule) if !rule.span.is_empty() => rule.span.clone(),
                    _ => company.span(),
                };
                self.note(Some(place), &error.to_string());
                return;
            }
        }
    }

    fn note(&mut self, span: Option<Range<usize>>, reason: &str) {
        let line = span.map(|span| 1 + self.text.as_bytes()[..span.start].iter().filter(|b| **b == b'\n').count());
        self.list.push(Mistake { file: self.file.to_owned(), line, reason: reason.trim().to_owned() });
    }
}

/// Takes the smallest entry around `span` out of the tree; whether there was one.
fn remove(table: &mut DeTable<'_>, span: &Range<usize>) -> bool {
    let Some(smallest) = smallest_in_table(table, span) else { return false };
    remove_in_table(table, &smallest);
    true
}

fn smallest_in_table(table: &DeTable<'_>, span: &Range<usize>) -> Option<Range<usize>> {
    let of_entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let own = around(&key.span(), span).or(around(&value.span(), span).map(|_| key.span()));
        let own = own.map(|key| key.start..key.end.max(value.span().end));
        smaller(own, smallest_in_value(value.get_ref(), span))
    };
    table.iter().map(of_entry).fold(None, smaller)
}

fn smallest_in_value(value: &DeValue<'_>, span: &Range<usize>) -> Option<Range<usize>> {
    match value {
        DeValue::Table(table) => smallest_in_table(table, span),
        DeValue::Array(array) => array
            .iter()
            .map(|item| smaller(around(&item.span(), span), smallest_in_value(item.get_ref(), span)))
            .fold(None, smaller),
        _ => None,
    }
}

fn around(outer: &Range<usize>, inner: &Range<usize>) -> Option<Range<usize>> {
    (outer.start <= inner.start && inner.end <= outer.end).then(|| outer.clone())
}

fn smaller(one: Option<Range<usize>>, other: Option<Range<usize>>) -> Option<Range<usize>> {
    [one, other].into_iter().flatten().min_by_key(ExactSizeIterator::len)
}

fn remove_in_table(table: &mut DeTable<'_>, entry: &Range<usize>) {
    let whole = |key: &Spanned<_>, value: &Spanned<_>| key.span().start..key.span().end.max(value.span().end);
    let name = table.iter().find(|(key, value)| whole(key, value) == *entry).map(|(key, _)| key.get_ref().to_string());
    if let Some(name) = name {
        table.remove(name.as_str());
        return;
    }
    for (_, value) in table.iter_mut() {
        remove_in_value(value.get_mut(), entry);
    }
}

fn remove_in_value<'i>(value: &mut DeValue<'i>, entry: &Range<usize>) {
    match value {
        DeValue::Table(table) => remove_in_table(table, entry),
        DeValue::Array(array) => {
            let items: DeArray<'i> = std::mem::replace(array, DeArray::new());
            let kept = items.into_iter().filter(|item| item.span() != *entry).map(|mut item| {
                remove_in_value(item.get_mut(), entry);
                item
            });
            *array = kept.collect::<DeArray<'i>>();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        Config::parse(text, Path::new("lado.toml")).map(|_| ()).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_template_says_what_holds_without_it() {
        let template = Config::parse(TEMPLATE, Path::new("template")).unwrap();
        assert_eq!(format!("{template:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn the_templates_examples_are_right() {
        let example = |from: &str| -> String {
            let lines =
                TEMPLATE.lines().skip_while(|line| !line.starts_with(from)).take_while(|line| line.starts_with('#'));
            lines.map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or_default())).collect()
        };
        let examples = example("# [[front]]") + &example("# [[company]]");
        let config = Config::parse(&examples, Path::new("template")).unwrap();
        assert_eq!(config.fronts[0].hosts, ["www.shop.com", "shop.com"]);
        assert_eq!(config.companies[0].get_ref().agents[0].name, "ana");
        for line in
            TEMPLATE.lines().filter(|line| line.starts_with("# allow_private") || line.starts_with("# certificates"))
        {
            let section = if line.contains("allow") { "upstream" } else { "listener" };
            let text = format!("[hosts]\nconsole='https://a.test'\nview='https://b.test'\n[{section}]\n{}", &line[2..]);
            assert!(Config::parse(&text, Path::new("template")).is_ok(), "{line}");
        }
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let text = "[listener]\naddress = \"nowhere\"\nmax_conections = 3\n\n[upstream]\nallow_private = [\"10.0.0.0/8\", \"x\"]\nidle_timeout = 5\n\n[[company]]\nid = \"a\"\n\n[typo]\n";
        let told = mistakes(text);
        assert_eq!(told.len(), 6, "{told:#?}");
        for (line, word) in
            [(2, "address"), (3, "max_conections"), (6, "\"x\""), (7, "string"), (9, "name"), (12, "typo")]
        {
            assert!(
                told.iter().any(|one| one.starts_with(&format!("lado.toml:{line}: ")) && one.contains(word)),
                "{line} {word} {told:#?}"
            );
        }
    }

    #[test]
    fn mistakes_of_syntax_and_of_meaning_are_told_too() {
        assert!(mistakes("[listener\n")[0].starts_with("lado.toml:1: "));
        let told = mistakes("[hosts]\nconsole = \"https://lado.example.com\"\nview = \"https://example.com\"\n");
        assert!(told[0].starts_with("lado.toml:1: ") && told[0].contains("one under the other"), "{told:?}");
        let told = mistakes("\n[[company]]\nid = \"A b\"\nname = \"x\"\n");
        assert!(told[0].starts_with("lado.toml:2: ") && told[0].contains("company id"), "{told:?}");
        let rule = "[[company]]\nid = \"a\"\nname = \"x\"\n\n[[company.rules]]\nid = \"r\"\naction = \"mask\"\nselector = \"a[\"\n";
        let told = mistakes(rule);
        assert!(told[0].starts_with("lado.toml:8: "), "{told:?}");
    }
}
