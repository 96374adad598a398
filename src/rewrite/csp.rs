//! Translates a Content-Security-Policy: the site's sources become view hosts, Lado's script, socket and panel are let
//! in, and everything else keeps its meaning.

use crate::rewrite::url::{Site, ViewMap};

/// The document a policy belongs to, and what of Lado's it must admit.
#[derive(Clone, Debug)]
pub struct Context {
    pub map: ViewMap,
    /// The document's site.
    pub site: Site,
    /// The console's origin: the panel's frame ends up there.
    pub console: String,
    /// The nonce of Lado's script tag, random per response.
    pub nonce: Option<String>,
}

/// The Trusted Types policies of Lado's hooks, and of what puts them into workers that pages make.
pub const TRUSTED_TYPES: [&str; 2] = ["lado", "lado-worker"];

/// The header's value, which may hold several policies.
pub fn translate_header(value: &str, context: &Context) -> String {
    let policies = value.split(',').map(|policy| translate(policy, context));
    policies.filter(|policy| !policy.is_empty()).collect::<Vec<_>>().join(", ")
}

/// One serialized policy (CSP3 §2.2.1).
pub fn translate(policy: &str, context: &Context) -> String {
    let mut directives = parse(policy);
    // Reports would tell the site's collector of addresses it has never heard of.
    directives.retain(|directive| !matches!(directive.name.as_str(), "report-uri" | "report-to"));
    if context.map.domain().scheme == crate::rewrite::url::Scheme::Http {
        // It would send every request of a plain view domain to a TLS port that is not there.
        directives.retain(|directive| directive.name != "upgrade-insecure-requests");
    }
    for directive in directives.iter_mut().filter(|directive| directive.has_sources()) {
        let words = std::mem::take(&mut directive.words);
        directive.words = words.into_iter().flat_map(|word| source(word, context)).collect();
        directive.words.dedup();
    }
    admit_script(&mut directives, context);
    let view = context.map.origin(&context.site);
    let socket = view.replacen("http", "ws", 1);
    admit(&mut directives, &["connect-src", "default-src"], &[format!("{view}/__lado/"), format!("{socket}/__lado/")]);
    let panel = [context.map.panel_origin(), context.console.clone()];
    admit(&mut directives, &["frame-src", "child-src", "default-src"], &panel);
    if let Some(types) = directives.iter_mut().find(|directive| directive.name == "trusted-types") {
        types.admit(&TRUSTED_TYPES.map(str::to_owned));
    }
    serialize(&directives)
}

/// What a page on a front host needs its policy to admit.
#[derive(Debug, Clone)]
pub struct Needs<'n> {
    /// The front host's own origin.
    pub origin: &'n str,
    /// The digests of Lado's scripts, `sha256-…` as in an integrity attribute.
    pub digests: &'n [&'n str],
    /// During a session: the console's origin, where the panel's frame ends up.
    pub panel: Option<&'n str>,
}

/// A front host's policy: as it is, wherever it admits what Lado needs already. `nonce` takes the first policy's own
/// nonce, for the tag to bear. `None`: nothing has to change.
pub fn beside(value: &str, needs: &Needs<'_>, nonce: &mut Option<String>) -> Option<String> {
    let mut changed = false;
    let policies: Vec<String> = value
        .split(',')
        .map(|policy| {
            let mut directives = parse(policy);
            let script = admit_launcher(&mut directives, needs, nonce);
            let session = needs.panel.is_some_and(|panel| admit_session(&mut directives, needs.origin, panel));
            if !script && !session {
                return policy.trim().to_owned();
            }
            changed = true;
            serialize(&directives)
        })
        .collect();
    changed.then(|| policies.join(", "))
}

fn admit_launcher(directives: &mut Vec<Directive>, needs: &Needs<'_>, nonce: &mut Option<String>) -> bool {
    let names = ["script-src-elem", "script-src", "default-src"];
    let found = names.iter().find_map(|name| directives.iter().find(|directive| directive.name == *name));
    let Some(scripts) = found else { return false };
    let strict = scripts.has("'strict-dynamic'");
    let own = scripts.words.iter().find_map(|word| word.strip_prefix("'nonce-")?.strip_suffix('\''));
    if let Some(own) = own.filter(|own| nonce.as_ref().is_none_or(|nonce| nonce == own)) {
        *nonce = Some(own.to_owned());
        return false;
    }
    if !strict && (scripts.has("'self'") || scripts.has("*")) {
        return false;
    }
    // A hash beside 'unsafe-inline' would turn that off, and with it the page's own scripts.
    let inline = scripts.has("'unsafe-inline'") && !strict;
    let mut sources = vec![format!("{}/__lado/", needs.origin)];
    if !inline {
        sources.extend(needs.digests.iter().map(|digest| format!("'{digest}'")));
    }
    let elements = directives.iter().any(|directive| directive.name == "script-src-elem");
    let names: &[&str] = if elements { &["script-src-elem"] } else { &["script-src", "default-src"] };
    admit(directives, names, &sources).is_some()
}

fn admit_session(directives: &mut Vec<Directive>, origin: &str, panel: &str) -> bool {
    let own = format!("{origin}/__lado/");
    let socket = own.replacen("http", "ws", 1);
    let lines = admit(directives, &["connect-src", "default-src"], &[own.clone(), socket]).is_some();
    let frames = admit(directives, &["frame-src", "child-src", "default-src"], &[own, panel.to_owned()]).is_some();
    lines || frames
}

fn parse(policy: &str) -> Vec<Directive> {
    let mut directives: Vec<Directive> = Vec::new();
    for text in policy.split(';') {
        let mut words = text.split_ascii_whitespace().map(str::to_owned);
        let Some(name) = words.next() else { continue };
        let name = name.to_ascii_lowercase();
        // The first of two directives with one name counts.
        if directives.iter().all(|known| known.name != name) {
            directives.push(Directive { name, words: words.collect() });
        }
    }
    directives
}

fn serialize(directives: &[Directive]) -> String {
    let serialized = directives.iter().map(|directive| {
        let words = std::iter::once(&directive.name).chain(&directive.words);
        words.map(String::as_str).collect::<Vec<_>>().join(" ")
    });
    serialized.collect::<Vec<_>>().join("; ")
}

/// A policy that forbids nothing and reports what a page asks for outside of its views.
pub fn watch(context: &Context) -> String {
    let domain = context.map.domain();
    let (view, console) = (format!("{}://*.{}", domain.scheme, domain.domain), &context.console);
    let socket = view.replacen("http", "ws", 1);
    format!(
        "default-src 'self' {view} {socket} {console} data: blob: filesystem: mediastream: 'unsafe-inline' 'unsafe-eval' \
         'wasm-unsafe-eval'; form-action 'self' {view}; report-uri /__lado/escaped"
    )
}

struct Directive {
    /// Lower case.
    name: String,
    words: Vec<String>,
}

impl Directive {
    fn has_sources(&self) -> bool {
        let name = self.name.as_str();
        name.ends_with("-src")
            || matches!(
                name,
                "script-src-elem"
                    | "script-src-attr"
                    | "style-src-elem"
                    | "style-src-attr"
                    | "base-uri"
                    | "form-action"
                    | "frame-ancestors"
                    | "navigate-to"
            )
    }

    fn has(&self, word: &str) -> bool {
        self.words.iter().any(|known| known.eq_ignore_ascii_case(word))
    }

    /// Adds sources, which `'none'` must not stand beside.
    fn admit(&mut self, sources: &[String]) {
        if self.has("*") && self.name == "trusted-types" {
            return;
        }
        self.words.retain(|word| !word.eq_ignore_ascii_case("'none'"));
        for source in sources {
            if !self.has(source) {
                self.words.push(source.clone());
            }
        }
    }
}

/// Adds sources where the first of `names` that the policy has is in force; a fallback is copied under the first name
/// and stays as it is for everything else.
fn admit<'d>(directives: &'d mut Vec<Directive>, names: &[&str], sources: &[String]) -> Option<&'d mut Directive> {
    let position = |name: &str| directives.iter().position(|directive| directive.name == name);
    let (name, at) = names.iter().find_map(|name| Some((*name, position(name)?)))?;
    let at = if name == names[0] {
        at
    } else {
        let words = directives[at].words.clone();
        directives.push(Directive { name: names[0].to_owned(), words });
        directives.len() - 1
    };
    directives[at].admit(sources);
    Some(&mut directives[at])
}

/// A nonce only where inline scripts are judged by nonces or hashes already: beside `'unsafe-inline'` it would turn
/// that off. Everywhere else the path of Lado's own scripts.
fn admit_script(directives: &mut Vec<Directive>, context: &Context) {
    let own = format!("{}/__lado/", context.map.origin(&context.site));
    let names: &[&str] = if directives.iter().any(|directive| directive.name == "script-src-elem") {
        &["script-src-elem"]
    } else {
        &["script-src", "default-src"]
    };
    let Some(scripts) = admit(directives, names, &[own]) else { return };
    let judged = scripts.words.iter().any(|word| {
        let word = word.to_ascii_lowercase();
        ["'nonce-", "'sha256-", "'sha384-", "'sha512-"].iter().any(|start| word.starts_with(start))
    });
    if let Some(nonce) = &context.nonce
        && (judged || scripts.has("'strict-dynamic'"))
    {
        scripts.admit(&[format!("'nonce-{nonce}'")]);
    }
}

/// What stands for one source expression in the view.
fn source(word: String, context: &Context) -> Vec<String> {
    let view = &context.map.domain().scheme;
    let everywhere = |web: bool| {
        let scheme = match (web, view) {
            (true, scheme) => scheme.as_str(),
            (false, crate::rewrite::url::Scheme::Http) => "ws",
            (false, crate::rewrite::url::Scheme::Https) => "wss",
        };
        format!("{scheme}://*.{}", context.map.domain().domain)
    };
    if word.starts_with('\'') || word == "*" {
        return vec![word];
    }
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        // `https:` does not match a plain view host.
        "http:" | "https:" => return vec![everywhere(true), word],
        "ws:" | "wss:" => return vec![everywhere(false), word],
        _ if lower.ends_with(':') && !lower.contains("//") => return vec![word],
        _ => {}
    }
    let (scheme, rest) = match lower.find("://") {
        Some(at) => (Some(&lower[..at]), &word[at + 3..]),
        None => (None, &word[..]),
    };
    let web = match scheme {
        None | Some("http" | "https") => true,
        Some("ws" | "wss") => false,
        Some(_) => return vec![word],
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // A view label holds the whole name of a site: a part of it, or any port, cannot be told from the rest.
    if authority.contains('*') {
        return vec![everywhere(web) + path];
    }
    let own = context.site.scheme().as_str();
    let schemes: &[&str] = match scheme {
        // `http:` sources match https too (CSP3 §6.7.2.8, "upgrade").
        Some("http" | "ws") => &["http", "https"],
        Some(_) => &["https"],
        None if own == "https" => &["https"],
        None => &["http", "https"],
    };
    let sites = schemes.iter().filter_map(|scheme| Site::parse(&format!("{scheme}://{authority}/")));
    let sources = sites.map(|site| {
        let origin = context.map.origin(&site);
        if web { origin + path } else { origin.replacen("http", "ws", 1) + path }
    });
    let mut sources: Vec<String> = sources.collect();
    if sources.is_empty() {
        sources.push(word);
    } else if scheme.is_none() {
        // A source without a scheme admits sockets as well.
        let sockets: Vec<String> = sources.iter().map(|source| source.replacen("http", "ws", 1)).collect();
        sources.extend(sockets);
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SessionId;
    use crate::rewrite::url::ViewDomain;

    const OWN: &str = "http://abcdefghijklmnop-www-shop-com.view.localhost:7070/__lado/";

    fn context() -> Context {
        let domain = ViewDomain::parse("http://view.localhost:7070").unwrap();
        Context {
            map: ViewMap::new(domain, SessionId::parse("abcdefghijklmnop").unwrap()),
            site: Site::parse("https://www.shop.com").unwrap(),
            console: "http://lado.localhost:7070".to_owned(),
            nonce: Some("N".to_owned()),
        }
    }

    fn translated(policy: &str) -> String {
        translate(policy, &context())
    }

    fn directive(policy: &str, name: &str) -> String {
        let out = translated(policy);
        let found =
            out.split("; ").find_map(|directive| directive.strip_prefix(&format!("{name} ")).map(str::to_owned));
        found.unwrap_or_default()
    }

    #[test]
    fn sources_become_view_hosts() {
        let view = |label: &str| format!("http://abcdefghijklmnop-{label}.view.localhost:7070");
        for (source, expected) in [
            ("'self'", "'self'".to_owned()),
            ("data:", "data:".to_owned()),
            ("*", "*".to_owned()),
            ("https://cdn.com", view("cdn-com")),
            ("https://cdn.com/js/", view("cdn-com") + "/js/"),
            ("https://cdn.com:8443", view("cdn-com-0s8443")),
            ("https://*.cdn.com", "http://*.view.localhost:7070".to_owned()),
            ("https:", "http://*.view.localhost:7070 https:".to_owned()),
            ("cdn.com", view("cdn-com") + " " + &view("cdn-com").replace("http", "ws")),
            ("wss://live.com", view("live-com").replace("http", "ws")),
        ] {
            assert_eq!(directive(&format!("img-src {source}"), "img-src"), expected, "{source}");
        }
    }

    #[test]
    fn lados_script_is_admitted_by_path_and_unsafe_inline_stays_in_force() {
        assert_eq!(
            directive("script-src 'self' 'unsafe-inline'", "script-src"),
            format!("'self' 'unsafe-inline' {OWN}")
        );
        assert_eq!(directive("script-src 'none'", "script-src"), OWN);
        assert_eq!(directive("script-src", "script-src"), OWN);
    }

    #[test]
    fn lados_script_is_admitted_by_nonce_where_nonces_or_hashes_rule() {
        assert_eq!(
            directive("script-src 'nonce-x' 'strict-dynamic'", "script-src"),
            format!("'nonce-x' 'strict-dynamic' {OWN} 'nonce-N'")
        );
        assert!(directive("script-src 'sha256-abc='", "script-src").ends_with("'nonce-N'"));
        assert!(directive("script-src 'self'; script-src-elem 'nonce-y'", "script-src-elem").ends_with("'nonce-N'"));
        assert_eq!(directive("script-src 'self'; script-src-elem 'nonce-y'", "script-src"), "'self'");
    }

    #[test]
    fn a_fallback_is_copied_and_not_widened() {
        let policy = "default-src 'self'";
        assert_eq!(directive(policy, "default-src"), "'self'");
        assert_eq!(directive(policy, "script-src"), format!("'self' {OWN}"));
        assert_eq!(directive(policy, "connect-src"), format!("'self' {OWN} {}", OWN.replace("http", "ws")));
        assert_eq!(
            directive(policy, "frame-src"),
            "'self' http://abcdefghijklmnop-panel.view.localhost:7070 http://lado.localhost:7070"
        );
        assert_eq!(translated("img-src 'self'"), "img-src 'self'", "what is not restricted needs no source");
    }

    #[test]
    fn ancestors_sandbox_and_trusted_types_keep_their_meaning() {
        assert_eq!(directive("frame-ancestors 'none'", "frame-ancestors"), "'none'");
        assert_eq!(
            directive("frame-ancestors https://a.com", "frame-ancestors"),
            "http://abcdefghijklmnop-a-com.view.localhost:7070"
        );
        assert_eq!(translated("sandbox allow-scripts"), "sandbox allow-scripts");
        assert_eq!(
            translated("trusted-types a; require-trusted-types-for 'script'"),
            "trusted-types a lado lado-worker; require-trusted-types-for 'script'"
        );
        assert_eq!(translated("trusted-types 'none'"), "trusted-types lado lado-worker");
        assert_eq!(translated("trusted-types *"), "trusted-types *");
    }

    #[test]
    fn reports_go_nowhere_and_plain_views_are_not_upgraded() {
        assert_eq!(
            translated("img-src *; report-uri https://r.com/; report-to x; upgrade-insecure-requests"),
            "img-src *"
        );
        assert_eq!(translate_header("img-src 'self', , report-uri /r", &context()), "img-src 'self'");
    }

    #[test]
    fn a_front_hosts_policy_changes_only_where_it_must() {
        let needs = Needs { origin: "https://shop.test", digests: &["sha256-abc"], panel: None };
        let admitted = |policy: &str| {
            let mut nonce = None;
            let changed = beside(policy, &needs, &mut nonce);
            (changed.unwrap_or_default(), nonce.unwrap_or_default())
        };
        for same in ["default-src 'self'", "script-src *", "img-src x.test", ""] {
            assert_eq!(admitted(same), (String::new(), String::new()), "{same}");
        }
        assert_eq!(admitted("script-src 'nonce-r4nd' 'strict-dynamic'"), (String::new(), "r4nd".into()));
        let own = "https://shop.test/__lado/";
        assert_eq!(admitted("script-src 'none'").0, format!("script-src {own} 'sha256-abc'"));
        assert_eq!(admitted("script-src 'unsafe-inline' a.test").0, format!("script-src 'unsafe-inline' a.test {own}"));
        assert_eq!(
            admitted("default-src a.test").0,
            format!("default-src a.test; script-src a.test {own} 'sha256-abc'")
        );
        let session = Needs { panel: Some("https://lado.test"), ..needs };
        let changed = beside("default-src 'self'; frame-src 'none'", &session, &mut None).unwrap();
        assert!(changed.contains(&format!("frame-src {own} https://lado.test")), "{changed}");
        assert!(changed.contains("connect-src 'self' https://shop.test/__lado/ wss://shop.test/__lado/"), "{changed}");
        assert!(changed.starts_with("default-src 'self'; "), "{changed}");
    }
}
