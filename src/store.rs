//! What outlives sessions: agents' favourite sites, and the history of their sessions with notes and outcome.

mod sqlite;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::id::SessionId;
use crate::span::Span;
pub use sqlite::Sqlite;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The database's file. Without one everything is kept in memory, and gone with the process.
    pub path: Option<PathBuf>,
    /// How long the history of a session is kept after its end.
    pub keep: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self { path: None, keep: Span(Duration::from_secs(90 * 24 * 3600)) }
    }
}

/// More favourites than this are no favourites.
pub const MAX_FAVOURITES: usize = 50;
/// In characters.
pub const MAX_NOTES: usize = 4000;

/// Why something was not kept or cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("the store cannot be used: {0}")]
    Broken(String),
    #[error("the store did not answer within {0:?}")]
    Slow(Duration),
    #[error("there are {MAX_FAVOURITES} favourites already: remove one first")]
    Full,
}

pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// An agent, by company and sign-in name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who<'a> {
    pub company: &'a str,
    pub agent: &'a str,
}

/// A site that an agent comes back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Favourite {
    /// An address without query and fragment.
    pub site: String,
    pub name: String,
}

/// What is kept of a session by itself. Whatever changes is written again, all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub id: SessionId,
    pub company: String,
    /// The host where it began, with its port.
    pub site: String,
    pub via: Via,
    pub created: SystemTime,
    /// When the first PIN was entered.
    pub active: Option<SystemTime>,
    pub end: Option<End>,
    /// Agents who made or joined it. Who has left stays in the history.
    pub people: Vec<Person>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub at: SystemTime,
    pub by: String,
}

/// An agent of a past session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    pub display: String,
}

/// How a customer came to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// By a link that an agent has sent.
    Link,
    /// Asked for help on the site, and read out a PIN.
    Pin,
}

/// How a session turned out, in the agent's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Solved,
    FollowUp,
    NotSolved,
    WrongNumber,
    Technical,
}

/// What an agent has written about a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notes {
    pub text: String,
    pub outcome: Option<Outcome>,
}

/// A session as its history tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    pub record: Record,
    /// Nobody knows how it ended: Lado was stopped meanwhile.
    pub cut_off: bool,
    pub notes: Notes,
}

/// Which part of the history is asked for: newest first.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    pub company: &'a str,
    /// Sessions of this agent alone.
    pub agent: Option<&'a str>,
    /// In site, notes, or the names of people.
    pub text: &'a str,
    /// Only those before this one.
    pub before: Option<SessionId>,
    pub limit: u32,
}

/// Where it is kept. Every answer comes within seconds, if only to say that it did not work.
pub trait Store: Send + Sync + 'static {
    fn favourites<'a>(&'a self, who: Who<'a>) -> Answer<'a, Vec<Favourite>>;
    /// A site that is there already gets the new name.
    fn add_favourite<'a>(&'a self, who: Who<'a>, favourite: &'a Favourite) -> Answer<'a, ()>;
    fn remove_favourite<'a>(&'a self, who: Who<'a>, site: &'a str) -> Answer<'a, ()>;
    /// Writes what a session is now; its notes stay, and so does its end.
    fn record<'a>(&'a self, record: &'a Record) -> Answer<'a, ()>;
    /// Writes notes of a session that has been recorded.
    fn note<'a>(&'a self, id: SessionId, notes: &'a Notes) -> Answer<'a, ()>;
    fn past<'a>(&'a self, search: Search<'a>) -> Answer<'a, Vec<Past>>;
    fn past_one<'a>(&'a self, company: &'a str, id: SessionId) -> Answer<'a, Option<Past>>;
    /// Forgets sessions that began before then and are over; answers how many.
    fn forget(&self, before: SystemTime) -> Answer<'_, u64>;
}

impl Via {
    fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Pin => "pin",
        }
    }
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Solved, Self::FollowUp, Self::NotSolved, Self::WrongNumber, Self::Technical];

    fn as_str(self) -> &'static str {
        match self {
            Self::Solved => "solved",
            Self::FollowUp => "follow_up",
            Self::NotSolved => "not_solved",
            Self::WrongNumber => "wrong_number",
            Self::Technical => "technical",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

#[cfg(test)]
mod tests;
