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
        Self::read(&text, file, |found, config| {
            config.file = Some(file.to_owned());
            config.resolve_paths(file.parent().unwrap_or(Path::new("")));
            found.judge_files(config);
        })
    }

    /// Reads the text of `file`, which is named in mistakes only.
    ///
    /// # Errors
    /// Every [`Mistake`] in the text, in its order.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Vec<Mistake>> {
        Self::read(text, file, |_, _| {})
    }

    fn read(text: &str, file: &Path, more: impl FnOnce(&mut Mistakes<'_>, &mut Self)) -> Result<Self, Vec<Mistake>> {
        let mut found = Mistakes { file, text, list: Vec::new() };
        let config = found.read().map(|mut config| {
            config.resolve_company_paths(file.parent().unwrap_or(Path::new("")));
            found.judge(&config);
            more(&mut found, &mut config);
            config
        });
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
            let photos = company.agents.iter_mut().filter_map(|agent| agent.photo.as_mut());
            for path in company.brand.logo.iter_mut().chain(&mut company.rules_files).chain(photos) {
                *path = folder.join(&path);
            }
        }
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
        let places = Places::of(self.text);
        let hosts = places.entry("hosts");
        if let Some(reason) = route::conflict(&config.hosts) {
            self.note(hosts.clone(), &reason);
        }
        let secure = config.hosts.view.0.scheme == crate::rewrite::url::Scheme::Https;
        if !config.listener.certificates.is_empty() && !secure {
            self.note(hosts, "with certificates the console and the view domain are https origins");
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&config.log.level) {
            self.note(places.entry_of("log", "level"), &format!("log.level: {error}"));
        }
        if let Err(error) = config.session.key() {
            self.note(places.entry_of("session", "link_key"), &error.to_string());
        }
        let companies = config.company_configs();
        for (number, mistake) in Companies::check(&companies) {
            let place = match &mistake {
                // A rule knows its own place in the file.
                CompanyError::Rule(_, rule) if rule.file.is_empty() => Some(rule.span.clone()),
                _ => places.within("company", number, mistake.subject()),
            };
            self.note(place, &mistake.to_string());
        }
        let is_company = |id: &str| companies.iter().any(|company| company.id == id);
        for (number, mistake) in front::check(&config.fronts, is_company) {
            self.note(places.within("front", number, mistake.subject()), &mistake.to_string());
        }
    }

    /// What is in the files that it names.
    fn judge_files(&mut self, config: &Config) {
        let places = Places::of(self.text);
        for (number, certificate) in config.listener.certificates.iter().enumerate() {
            for mistake in listener::check_certificate(certificate) {
                self.note(places.item("listener", "certificates", number), &mistake.to_string());
            }
        }
        for (number, path) in config.upstream.extra_ca.iter().enumerate() {
            if let Err(mistake) = upstream::authorities(path) {
                self.note(places.item("upstream", "extra_ca", number), &mistake.to_string());
            }
        }
    }

    fn note(&mut self, span: Option<Range<usize>>, reason: &str) {
        let line = span.map(|span| 1 + self.text.as_bytes()[..span.start].iter().filter(|b| **b == b'\n').count());
        self.list.push(Mistake { file: self.file.to_owned(), line, reason: reason.trim().to_owned() });
    }
}

/// Where in the text something stands.
struct Places<'t>(DeTable<'t>);

impl<'t> Places<'t> {
    fn of(text: &'t str) -> Self {
        Self(DeTable::parse_recoverable(text).0.into_inner())
    }

    fn entry(&self, section: &str) -> Option<Range<usize>> {
        self.0.get_key_value(section).map(|(key, _)| key.span())
    }

    fn entry_of(&self, section: &str, name: &str) -> Option<Range<usize>> {
        self.0.get(section)?.get_ref().as_table()?.get_key_value(name).map(|(key, _)| key.span())
    }

    fn item(&self, section: &str, name: &str, number: usize) -> Option<Range<usize>> {
        let list = self.0.get(section)?.get_ref().as_table()?.get(name)?.get_ref().as_array()?;
        list.get(number).map(Spanned::span)
    }

    /// In the section of this name and number: where a text stands in a field, else where the section begins.
    fn within(&self, section: &str, number: usize, subject: Option<(&str, &str)>) -> Option<Range<usize>> {
        let section = self.0.get(section)?.get_ref().as_array()?.get(number)?;
        let place = subject.and_then(|(field, text)| place_of(section.get_ref().as_table()?.get(field)?, text));
        place.or_else(|| Some(section.span()))
    }
}

fn place_of(value: &Spanned<DeValue<'_>>, text: &str) -> Option<Range<usize>> {
    match value.get_ref() {
        DeValue::String(string) => (string == text).then(|| value.span()),
        DeValue::Array(array) => array.iter().find_map(|item| place_of(item, text)),
        // In the order of the text, not of the names.
        DeValue::Table(table) => {
            table.iter().filter_map(|(_, value)| place_of(value, text)).min_by_key(|span| span.start)
        }
        _ => None,
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
        assert!(told[0].starts_with("lado.toml:3: ") && told[0].contains("company id"), "{told:?}");
        let rule = "[[company]]\nid = \"a\"\nname = \"x\"\n\n[[company.rules]]\nid = \"r\"\naction = \"mask\"\nselector = \"a[\"\n";
        let told = mistakes(rule);
        assert!(told[0].starts_with("lado.toml:8: "), "{told:?}");
    }

    const PASSWORD: &str = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$Wjw6GbOd2JBjJ7bzRBQ9Wg";

    /// What `serve` would refuse one after the other.
    #[test]
    fn every_mistake_of_meaning_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["one", "two"] {
            let into = folder.path().join(name);
            std::fs::create_dir(&into).unwrap();
            listener::certs::write(&into, "a.test", "b.test").unwrap();
        }
        std::fs::write(folder.path().join("no.pem"), "nothing").unwrap();
        let lines = [
            ("[hosts]", ""),
            ("console = 'https://a.test'", ""),
            ("view = 'https://b.test'", ""),
            ("[log]", ""),
            ("level = 'lado=loud'", "log.level"),
            ("[session]", ""),
            ("link_key = 'short'", "link_key"),
            ("[listener]", ""),
            ("certificates = [", ""),
            ("  { chain = 'one/lado.pem', key = 'one/lado.key' },", ""),
            ("  { chain = 'one/lado.pem', key = 'two/lado.key' },", "does not go with"),
            ("  { chain = 'no.pem', key = 'no.key' },", "no.pem"),
            ("]", ""),
            ("[upstream]", ""),
            ("extra_ca = ['one/ca.pem',", ""),
            ("  'no.pem']", "holds no certificate"),
            ("[[company]]", ""),
            ("id = 'sol'", ""),
            ("name = 'Sol'", ""),
            ("color = 'red'", "#rrggbb"),
            ("allow = ['shop.com', 'ftp://shop.com',", "ftp://shop.com"),
            ("  'a b']", "\"a b\""),
            ("scripts = ['shop.com']", "is not an origin"),
            ("[[company.agents]]", ""),
            ("name = 'ana'", "not an argon2 hash"),
            ("password = 'secret'", ""),
            ("[[company.rules]]", ""),
            ("id = 'r'", ""),
            ("action = 'mask'", ""),
            ("selector = 'a['", "a rule of \"sol\""),
            ("[[company.rules]]", ""),
            ("id = 's'", ""),
            ("action = 'mask'", ""),
            ("selector = 'b['", "a rule of \"sol\""),
            ("[[company]]", ""),
            ("id = 'sol'", "two companies"),
            ("name = 'Another'", ""),
            ("[[company.agents]]", ""),
            ("name = 'bia'", ""),
            (&format!("password = '{PASSWORD}'"), ""),
            ("[[company.agents]]", ""),
            ("name = 'bia'", ""),
            (&format!("password = '{PASSWORD}'"), ""),
            ("[[front]]", ""),
            ("hosts = ['www.shop.com', 'https://shop.com']", "is no host name"),
            ("company = 'lua'", "no company \"lua\""),
            ("upstreams = ['http://10.0.0.5']", ""),
            ("[[front]]", "has no upstream"),
            ("hosts = ['WWW.shop.com']", "two fronts"),
            ("company = 'sol'", ""),
            ("upstreams = []", ""),
        ];
        let file = folder.path().join("lado.toml");
        std::fs::write(&file, lines.map(|(line, _)| format!("{line}\n")).concat()).unwrap();
        let told = Config::load(&file).unwrap_err();
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        for (number, (_, word)) in lines.iter().enumerate().filter(|(_, (_, word))| !word.is_empty()) {
            let place = format!("{}:{}: ", file.display(), number + 1);
            assert!(told.iter().any(|one| one.starts_with(&place) && one.contains(word)), "{place}{word}\n{told:#?}");
        }
        assert!(told.iter().any(|one| one.contains("two agents sign in as \"bia\"")), "{told:#?}");
        assert!(told.iter().any(|one| one.contains("no.key")), "both files of a pair: {told:#?}");
        let expected = lines.iter().filter(|(_, word)| !word.is_empty()).count() + 2;
        assert_eq!(told.len(), expected, "and nothing else: {told:#?}");
        assert!(!told.iter().any(|one| one.contains("short") || one.contains("secret")), "{told:#?}");
    }
}
