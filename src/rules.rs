//! What to mask and to lock: rules from files and companies, compiled once, scoped to sites.

pub mod selector;

use std::ops::Range;
use std::sync::Arc;

/// One rules file: its name for messages, and its text.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

/// The files that ship with Lado: detectors, masks and locks.
pub const PRESETS: [Source<'static>; 0] = [];

/// A mistake in the rules, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct RuleError {
    /// Empty for rules inside the configuration file.
    pub file: String,
    /// From 1; 0 where only the byte offset is known.
    pub line: usize,
    /// Byte range in the file; of the configuration file for rules inside it.
    pub span: Range<usize>,
    pub reason: String,
}

/// A `[[rule]]` of a file or of a company's configuration.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    pub id: toml::Spanned<String>,
}

/// All rules, compiled.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {}

impl RuleSet {
    /// # Errors
    /// The first [`RuleError`] of [`check`], or of the company's own rules.
    pub fn load(_presets: &[Source<'_>], _company: &[RuleConfig]) -> Result<Self, RuleError> {
        Ok(Self {})
    }

    /// The rules that apply on a host (no port), whatever the path.
    pub fn for_site(&self, _host: &str) -> Arc<SiteRules> {
        Arc::new(SiteRules {})
    }
}

/// The rules of one site.
#[derive(Debug, Default)]
pub struct SiteRules {}

impl SiteRules {
    /// What the page evaluates: `PageRules` of `injected/boot.ts`.
    pub fn page_json(&self) -> serde_json::Value {
        serde_json::json!({"mask": [], "unmask": [], "lock": [], "names": [], "detectors": []})
    }

    /// The first mask rule by selector that matches an element on a page's path, if no unmask rule does.
    pub fn masks<E: selector::Element>(&self, _element: &E, _path: &str) -> Option<&str> {
        None
    }

    /// The first lock rule by selector that matches.
    pub fn locks<E: selector::Element>(&self, _element: &E, _path: &str) -> Option<&str> {
        None
    }
}

/// Every mistake in the files, in order: `lado rules check`.
pub fn check(_files: &[Source<'_>]) -> Vec<RuleError> {
    Vec::new()
}
