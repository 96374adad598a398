//! Decides by the Host alone what a request meets: the console, a view, a viewer, the door to a panel.

use std::collections::HashMap;

use serde::Deserialize;

use crate::id::SessionId;
use crate::rewrite::url::{Label, Scheme, Site, UrlError, ViewDomain, ViewFace, ViewHost};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The origin that agents and invited customers open.
    pub console: Origin,
    /// The origin above all view hosts.
    pub view: View,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            console: Origin(Site::parse("http://lado.localhost:7070").expect("a constant origin")),
            view: View(ViewDomain { scheme: Scheme::Http, domain: "view.localhost:7070".into() }),
        }
    }
}

/// An origin in a configuration file, like `https://lado.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(pub Site);

/// The origin above all view hosts in a configuration file, like `https://view.example.net`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct View(pub ViewDomain);

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not an origin; write scheme and host name only, like https://lado.example.com")]
pub struct NoOrigin(String);

impl TryFrom<String> for Origin {
    type Error = NoOrigin;

    fn try_from(text: String) -> Result<Self, NoOrigin> {
        // `ViewDomain` has the same shape and refuses paths, credentials and addresses without a name.
        let bare = ViewDomain::parse(&text).is_ok();
        Site::parse(&text).filter(|_| bare).map(Self).ok_or(NoOrigin(text))
    }
}

impl TryFrom<String> for View {
    type Error = NoOrigin;

    fn try_from(text: String) -> Result<Self, NoOrigin> {
        ViewDomain::parse(&text).map(Self).map_err(|_| NoOrigin(text))
    }
}

/// What a request meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Face {
    Console,
    /// A site, as the customer of the session sees it.
    View(SessionId, Label),
    Viewer(SessionId),
    /// The door to the customer's panel.
    Panel(SessionId),
    /// A company's own site, by its number in the configuration.
    Front(usize),
}

impl Face {
    /// The word for it in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::View(..) => "view",
            Self::Viewer(..) => "viewer",
            Self::Panel(..) => "panel",
            Self::Front(..) => "front",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misdirected {
    #[error("downstream asked for a host that Lado does not serve")]
    Unknown,
    #[error("downstream asked for a name under the view domain that is no view host: {0}")]
    NotAView(UrlError),
}

/// The names that Lado answers to.
#[derive(Debug, Clone)]
pub struct Hosts {
    console: Site,
    view: ViewDomain,
    /// Without ports, in lower case.
    fronts: HashMap<String, usize>,
}

impl Hosts {
    pub fn new(config: &Config) -> Self {
        Self { console: config.console.0.clone(), view: config.view.0.clone(), fronts: HashMap::new() }
    }

    /// The same with front hosts: the names of the first front, of the second, and so on.
    #[must_use]
    pub fn with_fronts<'n>(mut self, fronts: impl Iterator<Item = &'n [String]>) -> Self {
        for (number, names) in fronts.enumerate() {
            self.fronts.extend(names.iter().map(|name| (name.to_ascii_lowercase(), number)));
        }
        self
    }

    /// Where the console lives, without a slash at its end.
    pub fn console(&self) -> String {
        self.console.origin()
    }

    pub fn view(&self) -> &ViewDomain {
        &self.view
    }

    /// # Errors
    /// [`Misdirected`] for every other host: 421 (RFC 9110 §15.5.20).
    pub fn face(&self, host: &str) -> Result<Face, Misdirected> {
        if self.is_console(host) {
            return Ok(Face::Console);
        }
        if let Some(number) = self.front(host) {
            return Ok(Face::Front(number));
        }
        match ViewHost::parse(host, &self.view) {
            Ok(ViewHost { session, face: ViewFace::Site(label) }) => Ok(Face::View(session, label)),
            Ok(ViewHost { session, face: ViewFace::Viewer }) => Ok(Face::Viewer(session)),
            Ok(ViewHost { session, face: ViewFace::Panel }) => Ok(Face::Panel(session)),
            Err(UrlError::OutsideDomain) => Err(Misdirected::Unknown),
            Err(other) => Err(Misdirected::NotAView(other)),
        }
    }

    fn front(&self, host: &str) -> Option<usize> {
        if self.fronts.is_empty() {
            return None;
        }
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        match self.fronts.get(name) {
            Some(number) => Some(*number),
            None => self.fronts.get(&name.to_ascii_lowercase()).copied(),
        }
    }

    fn is_console(&self, host: &str) -> bool {
        let own = self.console.authority();
        if host.eq_ignore_ascii_case(&own) {
            return true;
        }
        // A Host may spell out its scheme's own port.
        let spelled = format!("{}:{}", self.console.host(), self.console.port());
        host.eq_ignore_ascii_case(&spelled)
    }
}

/// Why a pair of origins cannot serve as console and view domain: cookies of one must never reach the other.
pub fn conflict(config: &Config) -> Option<String> {
    let (console, view) = (config.console.0.host(), config.view.0.host());
    let under = |name: &str, above: &str| name == above || name.ends_with(&format!(".{above}"));
    if under(console, view) || under(view, console) {
        return Some(format!("the console ({console}) and the view domain ({view}) must not lie one under the other"));
    }
    (config.console.0.scheme() != config.view.0.scheme)
        .then(|| "the console and the view domain must use the same scheme".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts::new(&Config::default())
    }

    #[test]
    fn the_host_alone_decides() {
        assert_eq!(hosts().face("lado.localhost:7070"), Ok(Face::Console));
        assert_eq!(hosts().face("LADO.localhost:7070"), Ok(Face::Console));
        let session = SessionId::parse("abcdefghijklmnop").unwrap();
        assert_eq!(hosts().face("abcdefghijklmnop-viewer.view.localhost:7070"), Ok(Face::Viewer(session)));
        assert_eq!(hosts().face("abcdefghijklmnop-panel.view.localhost:7070"), Ok(Face::Panel(session)));
        let label = Label::parse("www-shop-com").unwrap();
        assert_eq!(hosts().face("abcdefghijklmnop-www-shop-com.view.localhost:7070"), Ok(Face::View(session, label)));
    }

    #[test]
    fn every_other_host_is_misdirected() {
        for host in
            ["", "localhost:7070", "lado.localhost", "lado.localhost:7071", "127.0.0.1:7070", "view.localhost:7070"]
        {
            assert!(hosts().face(host).is_err(), "{host}");
        }
        assert!(matches!(hosts().face("short-x.view.localhost:7070"), Err(Misdirected::NotAView(_))));
    }

    #[test]
    fn one_domain_under_the_other_is_a_conflict() {
        let config = |console: &str, view: &str| Config {
            console: Origin::try_from(console.to_owned()).unwrap(),
            view: View::try_from(view.to_owned()).unwrap(),
        };
        assert_eq!(conflict(&Config::default()), None);
        assert_eq!(conflict(&config("https://lado.example.com", "https://view.example.net")), None);
        assert!(conflict(&config("https://lado.example.com", "https://example.com")).is_some());
        assert!(conflict(&config("https://example.com", "https://view.example.com")).is_some());
        assert!(conflict(&config("http://lado.example.com", "https://view.example.net")).is_some());
        assert!(Origin::try_from("https://lado.example.com/x".to_owned()).is_err());
    }
}
