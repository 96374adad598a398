//! The scripts that Lado puts into pages and workers, with what they must know of session and site in front.

use std::sync::Arc;

use bytes::Bytes;
use moka::sync::Cache;
use serde_json::json;

use crate::assets;
use crate::id::SessionId;
use crate::protocol::VERSION;
use crate::respond::Locale;
use crate::rewrite::url::Site;
use crate::session::Session;

/// The scripts of one session and site.
pub struct Scripts {
    pub boot: Script,
    pub worker: Script,
}

pub struct Script {
    /// Part of the file's name: the content's own.
    pub hash: String,
    pub bytes: Bytes,
}

impl Scripts {
    /// The path of the script that goes into documents.
    pub fn boot_path(&self) -> String {
        format!("/__lado/boot.{}.js", self.boot.hash)
    }
}

/// Everything that a script depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    session: SessionId,
    site: Site,
    locale: &'static str,
    aliases: usize,
}

/// Builds scripts at their first use and keeps the ones in use.
pub struct Boots {
    /// Without a slash at its end.
    console: String,
    built: Cache<Key, Arc<Scripts>>,
}

/// A script weighs about 100 KB and is made in less than a millisecond: keep those of the busiest pages.
const KEPT: u64 = 64 * 1024 * 1024;

impl Boots {
    pub fn new(console: String) -> Self {
        let weight = |_: &Key, scripts: &Arc<Scripts>| {
            u32::try_from(scripts.boot.bytes.len() + scripts.worker.bytes.len()).unwrap_or(u32::MAX)
        };
        Self { console, built: Cache::builder().weigher(weight).max_capacity(KEPT).build() }
    }

    pub fn scripts(&self, session: &Session, site: &Site, locale: Locale) -> Arc<Scripts> {
        let aliases = session.views.aliases();
        let key = Key { session: session.id, site: site.clone(), locale: locale.tag(), aliases: aliases.len() };
        self.built.get_with(key, || {
            let domain = session.views.domain();
            let config = json!({
                "version": VERSION,
                "session": session.id.as_str(),
                "site": site.origin(),
                "view": { "scheme": domain.scheme.as_str(), "domain": domain.domain },
                "console": self.console,
                "panel": format!("{}/", session.views.panel_origin()),
                "aliases": aliases,
                "late": format!("/__lado/late.{}.js", assets::late().hash),
                "rules": session.company.rules.for_site(site.host()).page_json(),
                "text": words(locale),
            })
            .to_string();
            Arc::new(Scripts { boot: script(assets::boot(&config)), worker: script(assets::worker(&config)) })
        })
    }
}

fn script(bundle: assets::Bundle) -> Script {
    Script { hash: bundle.hash, bytes: bundle.bytes.into() }
}

/// What the overlay on the customer's page says.
fn words(locale: Locale) -> serde_json::Value {
    match locale {
        Locale::En => {
            json!({ "hidden": "Hidden from the agent", "locked": "Only you can use this", "agent": "Agent", "ask": "Please do this yourself" })
        }
        Locale::PtBr => {
            json!({ "hidden": "Oculto para o atendente", "locked": "Só você pode usar isto", "agent": "Atendente", "ask": "Faça isto você mesmo, por favor" })
        }
    }
}
