//! Companies: their agents, the sites they may open, and their rules, as the configuration gives them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::rules::{self, RuleConfig, RuleError, RuleSet};

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
    pub agents: Vec<Account>,
    pub rules: Arc<RuleSet>,
    /// Origins whose pages load Lado's script.
    pub scripts: Vec<String>,
    allow: Vec<Pattern>,
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
    #[error("a rule of {0:?}: {reason}", reason = .1.reason)]
    Rule(String, RuleError),
}

impl Companies {
    /// # Errors
    /// [`CompanyError`] for the first mistake.
    pub fn load(configs: &[CompanyConfig]) -> Result<Self, CompanyError> {
        let mut companies = Self::default();
        for config in configs {
            let company = Company::load(config)?;
            if companies.get(&company.id).is_some() {
                return Err(CompanyError::DuplicateId(company.id));
            }
            for (at, account) in company.agents.iter().enumerate() {
                let name = account.agent.name.clone();
                if companies.agents.insert(name, (companies.all.len(), at)).is_some() {
                    return Err(CompanyError::DuplicateAgent(account.agent.name.clone()));
                }
            }
            companies.all.push(Arc::new(company));
        }
        Ok(companies)
    }

    pub fn get(&self, id: &str) -> Option<&Arc<Company>> {
        self.all.iter().find(|company| company.id == id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Company>> {
        self.all.iter()
    }

    /// The agent who signs in under `name`, and their company.
    pub fn account(&self, name: &str) -> Option<(&Arc<Company>, &Account)> {
        let (company, account) = self.agents.get(name)?;
        let company = self.all.get(*company)?;
        Some((company, company.agents.get(*account)?))
    }
}

impl Company {
    fn load(config: &CompanyConfig) -> Result<Self, CompanyError> {
        let id_char = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if config.id.is_empty() || config.id.len() > 64 || !config.id.bytes().all(id_char) {
            return Err(CompanyError::Id(config.id.clone()));
        }
        if let Some(color) = &config.color
            && !is_hex_color(color)
        {
            return Err(CompanyError::Color(config.id.clone(), color.clone()));
        }
        let allow = config
            .allow
            .iter()
            .map(|text| Pattern::parse(text).ok_or_else(|| CompanyError::Allow(config.id.clone(), text.clone())))
            .collect::<Result<_, _>>()?;
        let scripts = config
            .scripts
            .iter()
            .map(|text| script_origin(text).ok_or_else(|| CompanyError::Script(config.id.clone(), text.clone())))
            .collect::<Result<_, _>>()?;
        let agents = config.agents.iter().map(|agent| Account::load(&config.id, agent)).collect::<Result<_, _>>()?;
        let rules = RuleSet::load(&rules::PRESETS, &config.rules)
            .map_err(|error| CompanyError::Rule(config.id.clone(), error))?;
        Ok(Self {
            id: config.id.clone(),
            name: config.name.clone(),
            color: config.color.clone(),
            agents,
            rules: Arc::new(rules),
            scripts,
            allow,
        })
    }

    /// Whether pages of this origin may offer the company's help.
    pub fn loads_script(&self, origin: &str) -> bool {
        self.scripts.iter().any(|known| known == origin)
    }

    /// Whether a session may start at `url`.
    pub fn allows(&self, url: &Url) -> bool {
        self.allow.iter().any(|pattern| pattern.matches(url))
    }
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
        Ok(Self {
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
