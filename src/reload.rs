//! Follows configuration, rules and certificates as they change on disk, while sessions and connections go on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use crate::config::{Config, Mistake};
use crate::console::Console;
use crate::front::{FrontError, Fronts};
use crate::hub::Hubs;
use crate::listener::{Certificates, ListenError};
use crate::session::company::look;
use crate::session::{Companies, CompanyError, Sessions, lock};

/// How often files are looked at.
pub const EVERY: Duration = Duration::from_secs(1);

/// What can be replaced, and what it was made from.
pub struct Reload {
    now: Mutex<Now>,
    sessions: Arc<Sessions>,
    hubs: Arc<Hubs>,
    console: Arc<Console>,
    /// Known once there is a listener with TLS.
    certificates: OnceLock<Arc<Certificates>>,
}

struct Now {
    config: Config,
    /// What the files looked like when they were last read, with mistakes or without.
    seen: Vec<Option<(SystemTime, u64)>>,
}

#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Company(#[from] CompanyError),
    #[error(transparent)]
    Front(#[from] FrontError),
    #[error(transparent)]
    Certificate(#[from] ListenError),
}

impl Reload {
    pub fn new(config: &Config, sessions: Arc<Sessions>, hubs: Arc<Hubs>, console: Arc<Console>) -> Self {
        let now = Now { seen: seen(config), config: config.clone() };
        Self { now: Mutex::new(now), sessions, hubs, console, certificates: OnceLock::new() }
    }

    pub fn serves(&self, certificates: Option<Arc<Certificates>>) {
        if let Some(certificates) = certificates {
            let _ = self.certificates.set(certificates);
        }
    }

    /// Reads what looks otherwise than before.
    pub fn look(&self, fronts: &Fronts) {
        self.refresh_rules();
        let changed = {
            let now = lock(&self.now);
            now.seen != seen(&now.config)
        };
        if changed {
            self.read(fronts);
        }
    }

    /// Reads everything again. Mistakes are told, and what was before stays: all of it.
    pub fn read(&self, fronts: &Fronts) {
        let mut now = lock(&self.now);
        // What changes while it is read is read again.
        let before = seen(&now.config);
        let config = match now.config.file.as_deref().map(Config::load) {
            None => now.config.clone(),
            Some(Ok(config)) => config,
            Some(Err(mistakes)) => {
                now.seen = before;
                return told(&mistakes);
            }
        };
        let mut seen = seen(&config);
        if config.file.is_some() {
            seen[0] = before[0];
        }
        match self.follow(&config, fronts) {
            Ok(()) => {
                for section in now.config.restarts_for(&config) {
                    tracing::warn!("[{section}] has changed: that holds after a restart");
                }
                tracing::info!("configuration, rules and certificates read again");
                *now = Now { config, seen };
            }
            Err(error) => {
                // Of the files that it names, too: a mistake is told once for each state of them.
                now.seen = before;
                tracing::error!(%error, "not read again: what was before stays");
            }
        }
    }

    /// All or nothing: what can fail comes first.
    fn follow(&self, config: &Config, fronts: &Fronts) -> Result<(), ReloadError> {
        let companies = Companies::load(&config.company_configs())?;
        fronts.check(&companies)?;
        if let Some(certificates) = self.certificates.get().filter(|_| !config.listener.certificates.is_empty()) {
            certificates.replace(&config.listener.certificates)?;
        }
        for company in self.sessions.replace_companies(companies) {
            tracing::info!(%company, "rules read again");
            self.hubs.rules_changed(&company);
        }
        self.console.follow(&self.sessions.companies());
        Ok(())
    }

    /// Reads companies' rules files that have changed.
    fn refresh_rules(&self) {
        for company in self.sessions.companies().iter() {
            match company.rules.refresh() {
                Ok(false) => {}
                Ok(true) => {
                    tracing::info!(company = %company.id, "rules read again");
                    self.hubs.rules_changed(&company.id);
                }
                Err(error) => tracing::error!(company = %company.id, %error, "rules not read: those before stay"),
            }
        }
    }
}

fn told(mistakes: &[Mistake]) {
    for mistake in mistakes {
        tracing::error!(%mistake, "configuration not read: the one before stays");
    }
}

/// What the files look like from which a configuration is made, but for rules, which look for themselves.
fn seen(config: &Config) -> Vec<Option<(SystemTime, u64)>> {
    let certificates = config.listener.certificates.iter().flat_map(|one| [&one.chain, &one.key]);
    let logos = config.companies.iter().filter_map(|company| company.get_ref().brand.logo.as_ref());
    let agents = config.companies.iter().flat_map(|company| &company.get_ref().agents);
    let photos = agents.filter_map(|agent| agent.photo.as_ref());
    let files: Vec<&PathBuf> = config.file.iter().chain(certificates).chain(logos).chain(photos).collect();
    files.into_iter().map(|file| look(file)).collect()
}
