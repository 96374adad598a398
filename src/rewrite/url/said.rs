//! What pages say of their own address: scripts read the view host's in `location`, and pass it on in queries and bodies.

use memchr::memmem;
use regex::bytes::{Captures, Regex};

use super::{Label, Shared, Site, ViewMap};

impl ViewMap {
    /// `text`, in any encoding that ASCII is a part of, with every address of this session's view hosts replaced by the
    /// site's own, percent-encoded as it stands there; `None` when there is none.
    pub fn unmap_said(&self, text: &[u8]) -> Option<Vec<u8>> {
        memmem::find(text, self.shared.session.as_str().as_bytes())?;
        let pattern = self.shared.said.get_or_init(|| pattern(&self.shared));
        let mut out = Vec::with_capacity(text.len());
        let mut done = 0;
        for found in pattern.captures_iter(text) {
            let whole = found.get_match();
            let ends = ends_there(&text[whole.end()..]);
            let Some(site) = ends.then(|| self.site_of_label(&found)).flatten() else { continue };
            out.extend_from_slice(&text[done..whole.start()]);
            write(&site, &found, &mut out);
            done = whole.end();
        }
        (done > 0).then(|| [&out, &text[done..]].concat())
    }

    fn site_of_label(&self, found: &Captures<'_>) -> Option<Site> {
        let label = str::from_utf8(&found["label"]).ok()?.to_ascii_lowercase();
        // These are Lado's own.
        if ["viewer", "panel"].contains(&label.as_str()) {
            return None;
        }
        self.site(&Label::parse(&label).ok()?)
    }
}

/// A colon and a slash, which may be percent-encoded up to three times: a query in a query in a query.
const COLON: &str = "(?::|%(?:25){0,2}3a)";
const SLASH: &str = r"(?:\\?/|%(?:25){0,2}2f)";

/// Without scheme and port it is a host name alone, which pages say as well.
pub(super) fn pattern(Shared { session, domain, .. }: &Shared) -> Regex {
    let host = regex::escape(domain.host());
    let port = domain.domain.split_once(':').map(|(_, port)| format!("(?:(?<between>{COLON}){port})?"));
    let text = format!(
        "(?i-u)(?:(?:(?<scheme>https?|wss?)(?<colon>{COLON}))?(?<slashes>{SLASH}{{2}}))?\
         {session}-(?<label>[a-z0-9-]+)\\.{host}{}",
        port.unwrap_or_default()
    );
    Regex::new(&text).expect("a pattern of escaped names")
}

/// Whether the name that comes before is over.
fn ends_there(rest: &[u8]) -> bool {
    match rest {
        [b'-', ..] => false,
        [b'.' | b':', next, ..] => !next.is_ascii_alphanumeric(),
        [next, ..] => !next.is_ascii_alphanumeric(),
        [] => true,
    }
}

fn write(site: &Site, found: &Captures<'_>, out: &mut Vec<u8>) {
    let scheme = found.name("scheme").map(|scheme| scheme.as_bytes().to_ascii_lowercase());
    let colon = found.name("colon").or(found.name("between")).map_or(&b":"[..], |colon| colon.as_bytes());
    if let Some(scheme) = &scheme {
        let own = if scheme.starts_with(b"ws") { site.scheme.websocket() } else { site.scheme.as_str() };
        out.extend_from_slice(own.as_bytes());
        out.extend_from_slice(colon);
    }
    let slashes = found.name("slashes");
    out.extend_from_slice(slashes.map_or(&b""[..], |slashes| slashes.as_bytes()));
    out.extend_from_slice(site.host.as_bytes());
    // `location.hostname` has no port.
    let whole = slashes.is_some() || found.name("between").is_some();
    if whole && site.port != site.scheme.port() {
        out.extend_from_slice(colon);
        out.extend_from_slice(site.port.to_string().as_bytes());
    }
}
