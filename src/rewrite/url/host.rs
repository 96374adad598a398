//! The view domain, and what the names under it stand for.

use url::Url;

use super::{Label, Scheme, Site};
use crate::id::SessionId;

/// Where view hosts live: the scheme and the domain (with its port, unless it is the scheme's own) above all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewDomain {
    pub scheme: Scheme,
    pub domain: String,
}

/// What a request's `Host` on the view domain names: a session, and which of its faces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewHost {
    pub session: SessionId,
    pub face: ViewFace,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewFace {
    /// A site, as the customer sees it.
    Site(Label),
    /// The viewer app, its stage and the assets of the mirror.
    Viewer,
    /// The door to the customer's panel.
    Panel,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("the view domain must be an http or https origin without a path, like https://view.example.net")]
    BadDomain,
    #[error("the host is not a name under the view domain")]
    OutsideDomain,
    #[error("the host names no session: it must start with 16 characters of base32 and a hyphen")]
    BadSession,
    #[error("the host names no site of a session")]
    BadLabel,
}

impl ViewDomain {
    /// # Errors
    /// [`UrlError::BadDomain`] unless `origin` is an http(s) origin whose host is a name.
    pub fn parse(origin: &str) -> Result<Self, UrlError> {
        let url = Url::parse(origin).map_err(|_| UrlError::BadDomain)?;
        let site = Site::of(&url).ok_or(UrlError::BadDomain)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        match url.host() {
            Some(url::Host::Domain(_)) if bare && matches!(url.scheme(), "http" | "https") => {
                Ok(Self { scheme: site.scheme, domain: site.authority() })
            }
            _ => Err(UrlError::BadDomain),
        }
    }

    /// The domain without its port: the `Domain` of the session's cookie.
    pub fn host(&self) -> &str {
        self.domain.split(':').next().unwrap_or_default()
    }

    pub fn port(&self) -> u16 {
        self.domain.split_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(self.scheme.port())
    }

    /// The labels before this domain in `host`, when it is one of the domain's names.
    pub(super) fn strip<'h>(&self, host: &'h str, port: u16) -> Option<&'h str> {
        if port != self.port() {
            return None;
        }
        host.strip_suffix(self.host())?.strip_suffix('.').filter(|labels| !labels.is_empty())
    }
}

impl ViewHost {
    /// Reads a `Host` header (or `:authority`).
    ///
    /// # Errors
    /// [`UrlError`] for every name that is not exactly one of the view domain's.
    pub fn parse(host: &str, domain: &ViewDomain) -> Result<Self, UrlError> {
        let host = host.to_ascii_lowercase();
        let (name, port) = match host.split_once(':') {
            Some((name, port)) => (name, port.parse().map_err(|_| UrlError::OutsideDomain)?),
            None => (host.as_str(), domain.scheme.port()),
        };
        let first = domain.strip(name, port).ok_or(UrlError::OutsideDomain)?;
        let (session, label) = first.split_at_checked(SessionId::LEN).ok_or(UrlError::BadSession)?;
        let session = SessionId::parse(session).map_err(|_| UrlError::BadSession)?;
        let label = label.strip_prefix('-').ok_or(UrlError::BadSession)?;
        let face = match label {
            "viewer" => ViewFace::Viewer,
            "panel" => ViewFace::Panel,
            _ => ViewFace::Site(Label::parse(label)?),
        };
        Ok(Self { session, face })
    }
}
