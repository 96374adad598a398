//! Sites: upstream origins.

use std::fmt;

use url::Url;

/// An upstream origin: scheme, host and port.
///
/// WebSocket URLs belong to the site of the http(s) URL beside them, as their handshake does.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    pub(super) scheme: Scheme,
    pub(super) host: String,
    pub(super) port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    Http,
    Https,
}

impl Site {
    /// The site of an http, https, ws or wss URL; `None` for any other scheme.
    pub fn of(url: &Url) -> Option<Self> {
        let scheme = match url.scheme() {
            "http" | "ws" => Scheme::Http,
            "https" | "wss" => Scheme::Https,
            _ => return None,
        };
        let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
        Some(Self { scheme, host, port: url.port().unwrap_or(scheme.port()) })
    }

    /// The site that an origin or any URL of it names, like `https://www.shop.com`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::of(&Url::parse(text).ok()?)
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// As the URL standard serialises it: lower case, punycode, IPv6 in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The site with this name, of the same scheme and port.
    pub fn with_host(&self, host: &str) -> Option<Self> {
        Self::parse(&format!("{}://{host}:{}", self.scheme.as_str(), self.port))
    }

    /// The serialised origin, like `https://www.shop.com` or `http://127.0.0.1:8080`.
    pub fn origin(&self) -> String {
        self.to_string()
    }

    /// The value of `Host` and of `:authority` in requests to the site.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.port() { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// The site's root.
    pub fn url(&self) -> Url {
        Url::parse(&self.to_string()).expect("a site's parts come from a parsed URL")
    }

    /// The registrable domain, or the host itself where it has none (addresses, single labels, public suffixes).
    pub fn registrable(&self) -> &str {
        registrable(&self.host)
    }

    /// Schemeful same-site (HTML standard, "same site").
    pub fn same_site(&self, other: &Site) -> bool {
        self.scheme == other.scheme && self.registrable() == other.registrable()
    }
}

/// The registrable domain of `host` by the public suffix list, or `host` itself where there is none.
pub fn registrable(host: &str) -> &str {
    if host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok() {
        return host;
    }
    psl::domain_str(host).unwrap_or(host)
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    pub fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }

    pub(super) fn websocket(self) -> &'static str {
        match self {
            Scheme::Http => "ws",
            Scheme::Https => "wss",
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Site({self})")
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
