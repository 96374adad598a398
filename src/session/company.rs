//! Companies: their agents, the sites they may open, and their rules, as the configuration gives them.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use url::Url;

use super::brand::{Brand, BrandConfig, BrandError, Picture};
use super::drift::Drift;
use crate::rules::{self, RuleConfig, RuleError, RuleSet, SiteRules};

/// A company as it is written in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompanyConfig {
    /// Short and stable: it is part of routes and logs.
    pub id: String,
    pub name: String,
    /// A CSS hex colour for the join page and the panel, `#rrggbb`.
    #[serde(default)]
    pub color: Option<String>,
    /// Its logo and words.
    #[serde(default)]
    pub brand: BrandConfig,
    /// Sites that sessions may start at: `https://www.shop.com`, `shop.com`, `*.shop.com`, `http://127.0.0.1:4000`, `*`.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Origins whose pages load Lado's script: `https://www.shop.com`.
    #[serde(default)]
    pub scripts: Vec<String>,
    #[serde(default)]
    pub agents: Vec<AgentConfig>,
    /// Rules of the company's own, beside the presets.
    #[serde(default)]
    pub rules: Vec<RuleConfig>,
    /// Files of further rules (`docs` of `lado config default`): read again when they change, while sessions go on.
    #[serde(default)]
    pub rules_files: Vec<PathBuf>,
    /// `private`: everything is masked that no rule unmasks.
    #[serde(default)]
    pub mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// What rules mask is masked.
    #[default]
    Open,
    /// What rules unmask is shown.
    Private,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// What the agent signs in with; unique over all companies.
    pub name: String,
    /// What customers and colleagues read.
    #[serde(default)]
    pub display: Option<String>,
    #[serde(default)]
    pub role: Role,
    /// An argon2 hash in PHC form, as `lado hash-password` prints it.
    pub password: String,
    /// What customers see of the agent in the panel, in place of initials: as a company's logo is.
    #[serde(default)]
    pub photo: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    #[default]
    Agent,
    /// Watches only.
    Supervisor,
    /// Sees every session of the company.
    Admin,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
        }
    }
}

#[derive(Debug)]
pub struct Company {
    pub id: String,
    pub name: String,
    pub color: Option<String>,
    pub brand: Brand,
    pub agents: Vec<Arc<Account>>,
    /// These two are the same for sessions that began before the company was read again.
    pub rules: Arc<Rules>,
    /// Origins whose pages load Lado's script.
    pub scripts: Vec<String>,
    allow: Arc<RwLock<Vec<Pattern>>>,
}

/// An agent as others see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    pub name: String,
    pub display: String,
    pub role: Role,
}

/// An agent with what proves who they are.
pub struct Account {
    pub agent: Agent,
    /// PHC string.
    pub password: String,
    pub photo: Option<Picture>,
}

/// Every company of this Lado, with a way from an agent's name to their company.
#[derive(Debug, Default)]
pub struct Companies {
    all: Vec<Arc<Company>>,
    agents: HashMap<String, (usize, usize)>,
}

#[derive(Debug, thiserror::Error)]
pub enum CompanyError {
    #[error("company id {0:?} is empty, too long or has other characters than a-z, 0-9 and hyphen")]
    Id(String),
    #[error("two companies have the id {0:?}")]
    DuplicateId(String),
    #[error("two agents sign in as {0:?}: names are unique over all companies")]
    DuplicateAgent(String),
    #[error("agent {0:?} of {1:?} has a password that is not an argon2 hash: make one with `lado hash-password`")]
    Password(String, String),
    #[error("agent name {0:?} is empty or longer than 128 bytes")]
    AgentName(String),
    #[error("{1:?} in the allow list of {0:?} is not a site: write https://www.example.com, *.example.com or *")]
    Allow(String, String),
    #[error("{1:?} under scripts of {0:?} is not an origin: write https://www.example.com")]
    Script(String, String),
    #[error("the colour {1:?} of {0:?} is not of the form #rrggbb")]
    Color(String, String),
    #[error("the photo of the agent {0:?}: {1}")]
    Photo(String, BrandError),
    #[error("the brand of {0:?}: {1}")]
    Brand(String, BrandError),
    #[error("a rule of {0:?}: {reason}", reason = told(.1))]
    Rule(String, RuleError),
}

impl CompanyError {
    /// The field of the company that it is about, and the text there.
    pub fn subject(&self) -> Option<(&'static str, &str)> {
        Some(match self {
            Self::Id(text) | Self::DuplicateId(text) => ("id", text),
            Self::DuplicateAgent(text) | Self::Password(text, _) | Self::AgentName(text) | Self::Photo(text, _) => {
                ("agents", text)
            }
            Self::Allow(_, text) => ("allow", text),
            Self::Script(_, text) => ("scripts", text),
            Self::Color(_, text) => ("color", text),
            Self::Brand(..) | Self::Rule(..) => return None,
        })
    }
}

/// A mistake in a file has a place; one in the configuration has its reader's.
fn told(error: &RuleError) -> String {
    if error.file.is_empty() { error.reason.clone() } else { error.to_string() }
}

/// The rules of a company, as they are now: their files may change under the sessions that go by them.
#[derive(Debug)]
pub struct Rules {
    now: RwLock<Now>,
    pub drift: Drift,
}

/// Where a company's rules come from.
#[derive(Debug, Clone, PartialEq)]
struct Origin {
    own: Vec<RuleConfig>,
    files: Vec<PathBuf>,
    mode: Mode,
}

#[derive(Debug)]
struct Now {
    from: Arc<Origin>,
    set: Arc<RuleSet>,
    /// Counts up with every change.
    version: u64,
    /// What the files looked like when they were last read, with mistakes or without.
    seen: Vec<Option<(SystemTime, u64)>>,
}

impl Rules {
    fn load(config: &CompanyConfig) -> (Self, Vec<RuleError>) {
        let from = Origin { own: config.rules.clone(), files: config.rules_files.clone(), mode: config.mode };
        let seen = from.look();
        let (set, mistakes) = from.compile();
        let now = Now { from: Arc::new(from), set: Arc::new(set), version: 0, seen };
        (Self { now: RwLock::new(now), drift: Drift::default() }, mistakes)
    }

    /// The rules that hold on a host at the moment; where one of them has drifted, all is private.
    pub fn for_site(&self, host: &str) -> Arc<SiteRules> {
        let set = Arc::clone(&self.read().set);
        let rules = set.for_site(host);
        let private = self.drift.private_paths(host);
        if private.is_empty() { rules } else { Arc::new(rules.private_on(&private)) }
    }

    /// Another number for other rules.
    pub fn version(&self) -> u64 {
        // Both only grow.
        self.read().version + self.drift.version()
    }

    /// Reads the files again when one of them looks otherwise than before; true when other rules hold now.
    ///
    /// # Errors
    /// The first mistake, with its file and line; the rules before go on to hold. Told once for each state of the files.
    pub fn refresh(&self) -> Result<bool, RuleError> {
        let from = self.read().from.clone();
        let seen = from.look();
        if self.read().seen == seen {
            return Ok(false);
        }
        let (set, mistakes) = from.compile();
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        now.seen = seen;
        if let Some(first) = mistakes.into_iter().next() {
            return Err(first);
        }
        now.set = Arc::new(set);
        now.version += 1;
        Ok(true)
    }

    /// Goes by what has been read anew; true when other rules hold now.
    fn become_like(&self, new: &Self) -> bool {
        let new = new.read();
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        if now.from == new.from && now.seen == new.seen {
            return false;
        }
        *now = Now { from: new.from.clone(), set: new.set.clone(), version: now.version + 1, seen: new.seen.clone() };
        true
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Now> {
        self.now.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a file was last written, and how long it is; nothing when it cannot be read.
pub fn look(file: &Path) -> Option<(SystemTime, u64)> {
    let meta = std::fs::metadata(file).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

impl Origin {
    fn look(&self) -> Vec<Option<(SystemTime, u64)>> {
        self.files.iter().map(|file| look(file)).collect()
    }

    /// What has no mistake in it, and every mistake.
    fn compile(&self) -> (RuleSet, Vec<RuleError>) {
        let mut texts = Vec::with_capacity(self.files.len());
        let mut unread = Vec::new();
        for file in &self.files {
            let name = file.display().to_string();
            match std::fs::read_to_string(file) {
                Ok(text) => texts.push((name, text)),
                Err(error) => unread.push(RuleError { file: name, line: 0, span: 0..0, reason: error.to_string() }),
            }
        }
        let sources = texts.iter().map(|(file, text)| rules::Source { file, text });
        let (set, mut mistakes) =
            RuleSet::read(&rules::PRESETS.into_iter().chain(sources).collect::<Vec<_>>(), &self.own);
        mistakes.splice(..0, unread);
        (if self.mode == Mode::Private { set.private() } else { set }, mistakes)
    }
}

impl Companies {
    /// # Errors
    /// [`CompanyError`] for the first mistake.
    pub fn load(configs: &[CompanyConfig]) -> Result<Self, CompanyError> {
        let (companies, mistakes) = Self::read(configs);
        mistakes.into_iter().next().map_or(Ok(companies), |(_, mistake)| Err(mistake))
    }

    /// Every mistake, with the number of its company.
    pub fn check(configs: &[CompanyConfig]) -> Vec<(usize, CompanyError)> {
        Self::read(configs).1
    }

    fn read(configs: &[CompanyConfig]) -> (Self, Vec<(usize, CompanyError)>) {
        let mut companies = Self::default();
        let mut mistakes = Vec::new();
        for (number, config) in configs.iter().enumerate() {
            let (company, own) = Company::load(config);
            mistakes.extend(own.into_iter().map(|mistake| (number, mistake)));
            if companies.get(&company.id).is_some() {
                mistakes.push((number, CompanyError::DuplicateId(company.id.clone())));
            }
            for (at, account) in company.agents.iter().enumerate() {
                let name = account.agent.name.clone();
                if companies.agents.insert(name.clone(), (companies.all.len(), at)).is_some() {
                    mistakes.push((number, CompanyError::DuplicateAgent(name)));
                }
            }
            companies.all.push(Arc::new(company));
        }
        (companies, mistakes)
    }

    /// These companies in the place of `before`: sessions that began under one of those go by its rules and list of
    /// sites as they are now. Also returns the ids of companies whose rules are others now.
    pub fn instead_of(mut self, before: &Self) -> (Self, Vec<String>) {
        let mut changed = Vec::new();
        for company in &mut self.all {
            let Some(known) = before.get(&company.id) else { continue };
            // Just loaded: nobody else has it.
            let Some(company) = Arc::get_mut(company) else { continue };
            if known.rules.become_like(&company.rules) {
                changed.push(company.id.clone());
            }
            let allow = company.patterns().clone();
            *known.allow.write().unwrap_or_else(PoisonError::into_inner) = allow;
            company.rules = known.rules.clone();
            company.allow = known.allow.clone();
        }
        (self, changed)
    }

    pub fn get(&self, id: &str) -> Option<Arc<Company>> {
        self.all.iter().find(|company| company.id == id).cloned()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Company>> {
        self.all.iter()
    }

    /// The agent who signs in under `name`, and their company.
    pub fn account(&self, name: &str) -> Option<(Arc<Company>, Arc<Account>)> {
        let (company, account) = self.agents.get(name)?;
        let company = self.all.get(*company)?;
        Some((company.clone(), company.agents.get(*account)?.clone()))
    }
}

impl Company {
    /// What has no mistake in it, and every mistake, in the order of the fields.
    fn load(config: &CompanyConfig) -> (Self, Vec<CompanyError>) {
        let id = || config.id.clone();
        let mut mistakes = Vec::new();
        let id_char = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if config.id.is_empty() || config.id.len() > 64 || !config.id.bytes().all(id_char) {
            mistakes.push(CompanyError::Id(id()));
        }
        let color = config.color.as_ref().filter(|color| !is_hex_color(color));
        mistakes.extend(color.map(|color| CompanyError::Color(id(), color.clone())));
        let (brand, wrong) = Brand::load(&config.brand);
        mistakes.extend(wrong.into_iter().map(|error| CompanyError::Brand(id(), error)));
        let allow = |text: &String| Pattern::parse(text).ok_or_else(|| CompanyError::Allow(id(), text.clone()));
        let allow = sound(config.allow.iter().map(allow), &mut mistakes);
        let script = |text: &String| script_origin(text).ok_or_else(|| CompanyError::Script(id(), text.clone()));
        let scripts = sound(config.scripts.iter().map(script), &mut mistakes);
        let account = |agent| Account::load(&config.id, agent).map(Arc::new);
        let agents = sound(config.agents.iter().map(account), &mut mistakes);
        let (rules, wrong) = Rules::load(config);
        mistakes.extend(wrong.into_iter().map(|error| CompanyError::Rule(id(), error)));
        let company = Self {
            id: id(),
            name: config.name.clone(),
            color: config.color.clone(),
            brand,
            agents,
            rules: Arc::new(rules),
            scripts,
            allow: Arc::new(RwLock::new(allow)),
        };
        (company, mistakes)
    }

    /// Whether pages of this origin may offer the company's help.
    pub fn loads_script(&self, origin: &str) -> bool {
        self.scripts.iter().any(|known| known == origin)
    }

    /// Whether a session may start at `url`.
    pub fn allows(&self, url: &Url) -> bool {
        self.patterns().iter().any(|pattern| pattern.matches(url))
    }

    /// Every picture that is the company's to show.
    pub fn pictures(&self) -> impl Iterator<Item = &Picture> {
        self.brand.logo.iter().chain(self.agents.iter().filter_map(|account| account.photo.as_ref()))
    }

    /// What customers see of an agent.
    pub fn photo_of(&self, agent: &Agent) -> Option<&Picture> {
        self.agents.iter().find(|account| account.agent.name == agent.name)?.photo.as_ref()
    }

    fn patterns(&self) -> std::sync::RwLockReadGuard<'_, Vec<Pattern>> {
        self.allow.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is right; the mistakes go to the others.
fn sound<T>(read: impl Iterator<Item = Result<T, CompanyError>>, mistakes: &mut Vec<CompanyError>) -> Vec<T> {
    read.filter_map(|one| one.map_err(|mistake| mistakes.push(mistake)).ok()).collect()
}

fn script_origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (bare && matches!(url.scheme(), "http" | "https")).then(|| url.origin().ascii_serialization())
}

impl Account {
    fn load(company: &str, config: &AgentConfig) -> Result<Self, CompanyError> {
        if config.name.is_empty() || config.name.len() > 128 {
            return Err(CompanyError::AgentName(config.name.clone()));
        }
        if argon2::password_hash::phc::PasswordHash::new(&config.password).is_err() {
            return Err(CompanyError::Password(config.name.clone(), company.to_owned()));
        }
        let photo = config.photo.as_deref().map(Picture::read).transpose();
        let photo = photo.map_err(|error| CompanyError::Photo(config.name.clone(), error))?;
        Ok(Self {
            photo,
            agent: Agent {
                name: config.name.clone(),
                display: config.display.clone().unwrap_or_else(|| config.name.clone()),
                role: config.role,
            },
            password: config.password.clone(),
        })
    }
}

fn is_hex_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// One line of an allow list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// Without a scheme, http and https are both meant.
    scheme: Option<String>,
    name: NamePattern,
    /// Without a port, the scheme's own is meant.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum NamePattern {
    Any,
    Exactly(String),
    /// Names that end in `.` and this, not the name itself.
    Under(String),
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "*" {
            return Some(Self { scheme: None, name: NamePattern::Any, port: None });
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => (Some(scheme.to_owned()), rest),
            Some(_) => return None,
            None => (None, text),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (under, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        // The URL parser normalises the name (case, IDNA, IPv4 forms) exactly as it will the address to be checked.
        let url = Url::parse(&format!("{}://{rest}", scheme.as_deref().unwrap_or("https"))).ok()?;
        let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !plain || !url.username().is_empty() || url.password().is_some() || rest.contains(['*', '/']) {
            return None;
        }
        let name = url.host_str()?.to_owned();
        let explicit = rest.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        let name = if under { NamePattern::Under(name) } else { NamePattern::Exactly(name) };
        Some(Self { scheme, name, port: explicit })
    }

    fn matches(&self, url: &Url) -> bool {
        if !matches!(url.scheme(), "http" | "https") {
            return false;
        }
        let Some(name) = url.host_str() else { return false };
        let scheme = self.scheme.as_deref().is_none_or(|scheme| scheme == url.scheme());
        let named = match &self.name {
            NamePattern::Any => return scheme,
            NamePattern::Exactly(exactly) => name == exactly,
            NamePattern::Under(parent) => name.strip_suffix(parent.as_str()).is_some_and(|sub| sub.ends_with('.')),
        };
        let port = match self.port {
            Some(port) => url.port_or_known_default() == Some(port),
            None => url.port().is_none(),
        };
        scheme && named && port
    }
}

impl fmt::Debug for AgentConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentConfig").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("agent", &self.agent).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allow_list_names_sites_and_nothing_else() {
        let cases = [
            ("https://www.shop.com", "https://www.shop.com/cart?x=1", true),
            ("https://www.shop.com", "http://www.shop.com/", false),
            ("https://www.shop.com", "https://www.shop.com:8443/", false),
            ("https://www.shop.com", "https://www.shop.com.evil.net/", false),
            ("shop.com", "http://shop.com/", true),
            ("shop.com", "https://SHOP.com/", true),
            ("shop.com", "https://a.shop.com/", false),
            ("*.shop.com", "https://a.b.shop.com/", true),
            ("*.shop.com", "https://shop.com/", false),
            ("*.shop.com", "https://evilshop.com/", false),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4000/x", true),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4001/x", false),
            ("http://[::1]:4000", "http://[::1]:4000/", true),
            ("*", "http://anything.example:81/", true),
            ("*", "ftp://anything.example/", false),
            ("https://shop.com:443", "https://shop.com/", true),
        ];
        for (pattern, url, allowed) in cases {
            let pattern = Pattern::parse(pattern).unwrap();
            assert_eq!(pattern.matches(&Url::parse(url).unwrap()), allowed, "{pattern:?} {url}");
        }
    }

    #[test]
    fn what_is_not_a_site_is_refused_in_an_allow_list() {
        for text in ["", "ftp://x.com", "https://x.com/path", "https://a*.com", "https://u:p@x.com", "x.com?y"] {
            assert_eq!(Pattern::parse(text), None, "{text}");
        }
    }
}
