//! Recognises pages that may not let a session through: bot walls, and sign-ins that pin their host. Agents are told.

use std::sync::LazyLock;

use serde::Deserialize;

use super::glob::Glob;

/// The table that ships with Lado.
static PRESETS: LazyLock<Walls> =
    LazyLock::new(|| Walls::parse(include_str!("../../rules/walls.toml")).expect("a test reads the table"));

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The site asks whether a person is there.
    Bot,
    /// A sign-in that takes place at its own address only.
    SignIn,
}

#[derive(Debug)]
pub struct Walls(Vec<Wall>);

/// What must hold of a page; what is empty holds of any.
#[derive(Debug)]
struct Wall {
    kind: Kind,
    sites: Vec<Glob>,
    paths: Vec<Glob>,
    header: Option<String>,
    values: Vec<String>,
    statuses: Vec<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    wall: Vec<WallConfig>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WallConfig {
    kind: Kind,
    #[serde(default)]
    sites: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    header: Option<String>,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    statuses: Vec<u16>,
}

impl Walls {
    pub fn presets() -> &'static Self {
        &PRESETS
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        file.wall.into_iter().map(Wall::new).collect::<Result<_, _>>().map(Self)
    }

    /// What a page is, by where it came from and what came with it.
    pub fn judge<'a>(
        &self,
        host: &str,
        path: &str,
        status: u16,
        header: impl Fn(&str) -> Option<&'a str>,
    ) -> Option<Kind> {
        self.0.iter().find(|wall| wall.holds(host, path, status, &header)).map(|wall| wall.kind)
    }
}

impl Wall {
    fn new(config: WallConfig) -> Result<Self, String> {
        let WallConfig { kind, sites, paths, header, values, statuses } = config;
        if sites.is_empty() && header.is_none() {
            return Err("a wall is known by its sites or by a header".into());
        }
        let globs = |texts: Vec<String>, read: fn(&str) -> Result<Glob, String>| {
            texts.iter().map(|text| read(text)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self { kind, sites: globs(sites, Glob::host)?, paths: globs(paths, Glob::path)?, header, values, statuses })
    }

    fn holds<'a>(&self, host: &str, path: &str, status: u16, header: impl Fn(&str) -> Option<&'a str>) -> bool {
        let among = |globs: &[Glob], text: &str| globs.is_empty() || globs.iter().any(|glob| glob.matches(text));
        among(&self.sites, host)
            && among(&self.paths, path)
            && (self.statuses.is_empty() || self.statuses.contains(&status))
            && self.header.as_ref().is_none_or(|name| {
                header(name).is_some_and(|value| {
                    self.values.is_empty() || self.values.iter().any(|wanted| value.eq_ignore_ascii_case(wanted))
                })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(url: &str, status: u16, headers: &[(&str, &'static str)]) -> Option<Kind> {
        let (host, path) = url.split_at(url.find('/').unwrap());
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        Walls::presets().judge(host, path, status, header)
    }

    #[test]
    fn walls_are_known_by_what_came_with_them() {
        for (url, status, headers, wanted) in [
            ("shop.test/", 403, &[("cf-mitigated", "challenge")][..], Some(Kind::Bot)),
            ("shop.test/", 202, &[("x-amzn-waf-action", "Challenge")], Some(Kind::Bot)),
            ("shop.test/", 405, &[("x-datadome", "protected")], Some(Kind::Bot)),
            ("shop.test/", 200, &[("x-datadome", "protected")], None),
            ("shop.test/", 403, &[("cf-mitigated", "other")], None),
            ("shop.test/", 403, &[("server", "cloudflare")], None),
            ("www.google.com/sorry/index", 429, &[], Some(Kind::Bot)),
            ("www.google.com/search", 200, &[], None),
            ("accounts.google.com/v3/signin", 200, &[], Some(Kind::SignIn)),
            ("acme.okta.com/", 200, &[], Some(Kind::SignIn)),
            ("acme.auth0.com/u/login", 200, &[], Some(Kind::SignIn)),
            ("acme.auth0.com/docs", 200, &[], None),
            ("notaccounts.google.com.test/", 200, &[], None),
        ] {
            assert_eq!(judge(url, status, headers), wanted, "{url} {status} {headers:?}");
        }
    }

    #[test]
    fn mistakes_in_the_table_are_told() {
        for text in
            ["[[wall]]\nkind = 'bot'", "[[wall]]\nkind = 'x'\nheader = 'a'", "[[wall]]\nkind = 'bot'\nhost = 'a'"]
        {
            assert!(Walls::parse(text).is_err(), "{text}");
        }
    }
}
