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
use crate::session::{HomeKind, Session};

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

impl Script {
    fn path(&self, name: &str) -> String {
        format!("/__lado/{name}.{}.js", self.hash)
    }

    /// As in an integrity attribute.
    pub fn digest(&self) -> String {
        assets::digest(&self.bytes)
    }
}

impl Scripts {
    /// The path of the script that goes into documents.
    pub fn boot_path(&self) -> String {
        self.boot.path("boot")
    }
}

/// Everything that a script depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    session: SessionId,
    site: Site,
    locale: &'static str,
    aliases: usize,
    rules: u64,
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
        let key = Key {
            session: session.id,
            site: site.clone(),
            locale: locale.tag(),
            aliases: aliases.len(),
            rules: session.company.rules.version(),
        };
        self.built.get_with(key, || {
            let domain = session.views.domain();
            let fronts: Vec<_> = session.views.fronts().iter().map(Site::origin).collect();
            let Place { panel, sync, leave, token, late } = self.place(session, site);
            let bundle = if leave.is_some() { assets::front } else { assets::boot };
            let mut config = json!({
                "version": VERSION,
                "session": session.id.as_str(),
                "site": site.origin(),
                "registrable": site.registrable(),
                "view": { "scheme": domain.scheme.as_str(), "domain": domain.domain },
                "console": self.console,
                "panel": panel,
                "sync": sync,
                "leave": leave,
                "token": token,
                "fronts": fronts,
                "aliases": aliases,
                "late": late,
                "rules": session.company.rules.for_site(site.host()).page_json(),
                "text": words(locale),
            });
            let worker = script(assets::worker(&config.to_string()));
            config["worker"] = worker.path("worker").into();
            Arc::new(Scripts { boot: script(bundle(&config.to_string())), worker })
        })
    }
}

fn script(bundle: assets::Bundle) -> Script {
    Script { hash: bundle.hash, bytes: bundle.bytes.into() }
}

/// Where a page finds what is Lado's: beside itself, or on the console's host where Lado does not serve the page.
struct Place {
    panel: String,
    /// `None`: on the page's own host.
    sync: Option<String>,
    /// Links to other sites go through here; `None`: they are mapped in the page.
    leave: Option<String>,
    /// What the page comes back with.
    token: Option<String>,
    /// The script that is loaded when something in it is needed.
    late: String,
}

impl Boots {
    fn place(&self, session: &Session, site: &Site) -> Place {
        let home = session.home.as_ref().filter(|home| home.sites.contains(site)).map(|home| home.kind);
        let late = format!("late.{}.js", assets::late().hash);
        match home {
            None => Place {
                panel: format!("{}/", session.views.panel_origin()),
                sync: None,
                leave: None,
                token: None,
                late: format!("/__lado/{late}"),
            },
            Some(HomeKind::Front) => Place {
                panel: format!("{}/__lado/panel", site.origin()),
                sync: None,
                leave: Some("/__lado/leave?".into()),
                token: None,
                late: format!("/__lado/{late}"),
            },
            Some(HomeKind::Script) => {
                let token = session.page_token();
                Place {
                    panel: format!("{}/script/panel?token={token}", self.console),
                    sync: Some(format!("{}/script/sync?token={token}", self.console.replacen("http", "ws", 1))),
                    leave: Some(format!("{}/script/leave?token={token}&", self.console)),
                    token: Some(token),
                    late: format!("{}/script/{late}", self.console),
                }
            }
        }
    }
}

/// What the overlay on the customer's page says, in the order of [`Locale`].
const WORDS: [(&str, [&str; 5]); 9] = [
    (
        "hidden",
        [
            "Hidden from the agent",
            "Oculto para o atendente",
            "Oculto para el agente",
            "Masqué pour le conseiller",
            "Für den Betreuer verborgen",
        ],
    ),
    (
        "locked",
        [
            "Only you can use this",
            "Só você pode usar isto",
            "Solo usted puede usar esto",
            "Vous seul pouvez utiliser ceci",
            "Nur Sie können das benutzen",
        ],
    ),
    ("agent", ["Agent", "Atendente", "Agente", "Conseiller", "Betreuer"]),
    ("supervisor", ["Supervisor", "Supervisão", "Supervisión", "Supervision", "Aufsicht"]),
    ("admin", ["Administrator", "Administração", "Administración", "Administration", "Verwaltung"]),
    ("look", ["Look here", "Olhe aqui", "Mire aquí", "Regardez ici", "Schauen Sie hier"]),
    (
        "choose_hide",
        [
            "Press what you want to hide, or go there with the arrow keys and press Enter. Esc to cancel.",
            "Toque no que você quer ocultar, ou vá até lá com as setas e pressione Enter. Esc para cancelar.",
            "Pulse lo que quiere ocultar, o llegue con las flechas y pulse Intro. Esc para cancelar.",
            "Appuyez sur ce que vous voulez masquer, ou allez-y avec les flèches puis Entrée. Échap pour annuler.",
            "Drücken Sie auf das, was Sie verbergen wollen, oder gehen Sie mit den Pfeiltasten hin und drücken Enter. \
             Esc bricht ab.",
        ],
    ),
    (
        "choose_look",
        [
            "Press what the agent should look at, or go there with the arrow keys and press Enter. Esc to cancel.",
            "Toque no que o atendente deve olhar, ou vá até lá com as setas e pressione Enter. Esc para cancelar.",
            "Pulse lo que el agente debe mirar, o llegue con las flechas y pulse Intro. Esc para cancelar.",
            "Appuyez sur ce que le conseiller doit regarder, ou allez-y avec les flèches puis Entrée. Échap pour annuler.",
            "Drücken Sie auf das, was sich der Betreuer ansehen soll, oder gehen Sie mit den Pfeiltasten hin und \
             drücken Enter. Esc bricht ab.",
        ],
    ),
    (
        "ask",
        [
            "Please do this yourself",
            "Faça isto você mesmo, por favor",
            "Hágalo usted mismo, por favor",
            "Faites-le vous-même, s’il vous plaît",
            "Bitte machen Sie das selbst",
        ],
    ),
];

fn words(locale: Locale) -> serde_json::Map<String, serde_json::Value> {
    WORDS.iter().map(|(key, said)| ((*key).to_owned(), said[locale as usize].into())).collect()
}
