//! Sessions as the API tells agents of them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sign_in::Caller;
use super::talk::AskView;
use super::text::{rfc3339, shown};
use crate::protocol::Level;
use crate::session::{Agent, Ended, EndedBy, Escape, Phase, Role, Session};

/// A session as its agents see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SessionView {
    #[schema(example = "k5uwqy3b7zr2mxa4")]
    id: String,
    /// Where the link leads.
    #[schema(example = "https://www.example.com")]
    site: String,
    state: PhaseName,
    /// RFC 3339.
    created: String,
    agent: AgentName,
    /// To send to the customer: only for the agent who made it, while nobody has used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// When the link stops working, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    level: LevelName,
    /// Whether the customer's browser is connected.
    online: bool,
    /// How many viewers are connected.
    viewers: usize,
    /// The agents who have been let in.
    people: Vec<Participant>,
    /// The customer has blanked the view.
    paused: bool,
    /// What an agent has asked the customer, until it is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestView>,
    /// Since when an agent watches, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    active_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<PageView>,
    /// Requests of the customer's pages that went past Lado, by report of their browser: the most frequent kinds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    escaped: Vec<EscapeView>,
    /// Who or what ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<EndedName>,
}

/// An agent in the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Participant {
    name: String,
    display: String,
    role: Role,
    /// Whether their viewer shows the page at the moment.
    here: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct RequestView {
    by: AgentName,
    #[serde(flatten)]
    ask: AskView,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct EscapeView {
    /// The page's site.
    #[schema(example = "https://www.example.com")]
    site: String,
    /// What kind of request, as policies name it.
    #[schema(example = "img-src")]
    kind: String,
    /// The origin that was asked.
    #[schema(example = "https://cdn.example.net")]
    target: String,
    count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct AgentName {
    name: String,
    display: String,
}

/// The page in front, masked as the mirror is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct PageView {
    title: String,
    url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PhaseName {
    Invited,
    Waiting,
    Active,
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum LevelName {
    Look,
    Point,
    Control,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum EndedName {
    Customer,
    Agent,
    Declined,
    Expired,
    Idle,
}

/// Kinds of escaped requests that a session's details name.
const MAX_ESCAPES: usize = 20;

impl SessionView {
    /// What the caller may know of an open session; `link` where it is theirs to send.
    pub(super) fn of(session: &Session, caller: &Caller, link: Option<String>) -> Self {
        let state = session.state();
        Self {
            id: session.id.to_string(),
            site: shown(&session.began_at()),
            state: state.phase.into(),
            created: rfc3339(session.created),
            agent: AgentName::of(&session.agent),
            expires: link.as_ref().map(|_| rfc3339(session.link_expires)),
            link,
            level: state.level.into(),
            online: state.online,
            viewers: state.watching.len(),
            people: state.admitted.iter().map(|agent| Participant::of(agent, &state.watching)).collect(),
            paused: state.paused,
            request: state
                .request
                .as_ref()
                .map(|request| RequestView { by: AgentName::of(&request.by), ask: AskView::of(&request.ask) }),
            active_since: state.active_since.map(rfc3339),
            page: state
                .page
                .filter(|_| session.admits(&caller.agent))
                .map(|page| PageView { title: page.title, url: page.url }),
            escaped: session.escapes(MAX_ESCAPES).1.into_iter().map(EscapeView::from).collect(),
            ended_by: None,
        }
    }

    /// What is left to know of one that is over.
    pub(super) fn farewell(ended: &Ended) -> Self {
        Self {
            id: ended.id.to_string(),
            site: shown(&ended.start),
            state: PhaseName::Ended,
            created: rfc3339(ended.created),
            agent: AgentName::of(&ended.agent),
            link: None,
            expires: None,
            level: LevelName::Look,
            online: false,
            viewers: 0,
            people: Vec::new(),
            paused: false,
            request: None,
            active_since: ended.active_since.map(rfc3339),
            page: None,
            escaped: Vec::new(),
            ended_by: Some(ended.by.into()),
        }
    }
}

impl Participant {
    fn of(agent: &Agent, watching: &[Agent]) -> Self {
        Self {
            name: agent.name.clone(),
            display: agent.display.clone(),
            role: agent.role,
            here: watching.iter().any(|other| other.name == agent.name),
        }
    }
}

impl AgentName {
    fn of(agent: &Agent) -> Self {
        Self { name: agent.name.clone(), display: agent.display.clone() }
    }
}

impl From<Escape> for EscapeView {
    fn from(Escape { site, kind, target, count }: Escape) -> Self {
        Self { site, kind, target, count }
    }
}

impl From<Phase> for PhaseName {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Invited => Self::Invited,
            Phase::Waiting => Self::Waiting,
            Phase::Active => Self::Active,
            Phase::Ended => Self::Ended,
        }
    }
}

impl From<Level> for LevelName {
    fn from(level: Level) -> Self {
        match level {
            Level::Look => Self::Look,
            Level::Point => Self::Point,
            Level::Control => Self::Control,
        }
    }
}

impl From<LevelName> for Level {
    fn from(level: LevelName) -> Self {
        match level {
            LevelName::Look => Self::Look,
            LevelName::Point => Self::Point,
            LevelName::Control => Self::Control,
        }
    }
}

impl From<EndedBy> for EndedName {
    fn from(by: EndedBy) -> Self {
        match by {
            EndedBy::Customer => Self::Customer,
            EndedBy::Agent => Self::Agent,
            EndedBy::Declined => Self::Declined,
            EndedBy::Expired => Self::Expired,
            EndedBy::Idle => Self::Idle,
        }
    }
}
