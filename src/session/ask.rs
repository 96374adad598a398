//! What an agent asks the customer for: a question in the panel, to which only the customer says yes.

use url::Url;

use super::talk::Event;
use super::{Agent, Phase, Role, Session};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// To click and type.
    Control,
    /// To go to an address of a site.
    Open(Url),
    /// To leave the session to a colleague.
    HandOver(Agent),
    /// To let somebody watch, too.
    Invite(Agent),
}

/// A question that waits for the customer's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub id: u32,
    pub by: Agent,
    pub ask: Ask,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    #[error("the customer has another question to answer first")]
    Busy,
    #[error("{0} is not on the list of sites that your company co-browses")]
    NotAllowed(String),
    #[error("supervisors watch only")]
    Supervisor,
    #[error("that colleague is in the session already")]
    There,
    #[error("the session is not active")]
    NotActive,
}

impl Session {
    /// An admitted agent asks the customer for something. One question waits at a time.
    ///
    /// # Errors
    /// [`AskError`] when it may not be asked.
    pub fn ask(&self, by: &Agent, ask: Ask) -> Result<(), AskError> {
        if by.role == Role::Supervisor {
            return Err(AskError::Supervisor);
        }
        match &ask {
            Ask::Open(url) if !self.company.allows(url) => {
                return Err(AskError::NotAllowed(url.origin().ascii_serialization()));
            }
            Ask::HandOver(other) | Ask::Invite(other) if self.admits(other) => return Err(AskError::There),
            _ => {}
        }
        self.touch();
        let mut result = Err(AskError::NotActive);
        self.update(|state| {
            if state.phase != Phase::Active || !state.admitted.iter().any(|agent| agent.name == by.name) {
                return false;
            }
            if state.request.as_ref().is_some_and(|request| request.by.name != by.name) {
                result = Err(AskError::Busy);
                return false;
            }
            state.asked += 1;
            state.request = Some(Request { id: state.asked, by: by.clone(), ask: ask.clone() });
            result = Ok(());
            true
        });
        if result.is_ok() {
            self.talk.happened(Event::Asked(by.clone(), ask));
        }
        result
    }

    /// An agent takes their own question back.
    pub fn withdraw(&self, by: &Agent) {
        let own = |request: &Request| request.by.name == by.name;
        if self.update(|state| state.request.take_if(|request| own(request)).is_some()) {
            self.talk.happened(Event::Withdrew(by.clone()));
        }
    }

    /// The customer answers. What they have said yes to is the caller's to do, but for who may watch, which is done here.
    /// Answers to questions that are gone are nothing.
    pub fn answer(&self, id: u32, yes: bool) -> Option<Request> {
        self.touch();
        let mut answered = None;
        self.update(|state| {
            answered = state.request.take_if(|request| request.id == id);
            if let Some(Request { by, ask: Ask::HandOver(other) | Ask::Invite(other), .. }) =
                answered.as_ref().filter(|_| yes)
            {
                state.admitted.push(other.clone());
                if matches!(answered.as_ref().map(|request| &request.ask), Some(Ask::HandOver(_))) {
                    state.admitted.retain(|agent| agent.name != by.name);
                }
            }
            answered.is_some()
        });
        let request = answered?;
        tracing::info!(session = %self.id, agent = %request.by.name, yes, "the customer has answered");
        self.talk.happened(Event::Answered(request.ask.clone(), yes));
        Some(request)
    }
}
