//! Keeps the history up with the sessions, beside them: a store that fails costs history and nothing else.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use tokio::sync::broadcast::error::RecvError;
use url::{Position, Url};

use crate::id::SessionId;
use crate::session::{Agent, Ended, EndedBy, Found, Phase, Session, Sessions};
use crate::store::{End, Person, Record, Store, Via};

/// What could not be written is tried again this often; what is old is forgotten, too.
const AGAIN: Duration = Duration::from_secs(60);
/// Sessions that wait for a store that works again. Beyond these the history has gaps.
const MAX_WAITING: usize = 10_000;

/// Writes every session that begins, gets people or ends, and forgets those that ended longer than `keep` ago.
pub async fn follow(sessions: Weak<Sessions>, store: Arc<dyn Store>, keep: Duration) {
    let Some(mut changes) = sessions.upgrade().map(|sessions| sessions.changes()) else { return };
    let mut history = History { store, written: HashMap::new(), waiting: HashMap::new() };
    // Some may have begun before anybody listened.
    if let Some(sessions) = sessions.upgrade() {
        history.look_at_all(&sessions).await;
    }
    let mut again = tokio::time::interval(AGAIN);
    loop {
        tokio::select! {
            change = changes.recv() => {
                let Some(sessions) = sessions.upgrade() else { return };
                match change {
                    Ok(id) => history.changed(&sessions, id).await,
                    Err(RecvError::Lagged(_)) => history.look_at_all(&sessions).await,
                    Err(RecvError::Closed) => return,
                }
            }
            _ = again.tick() => history.try_again(keep).await,
        }
    }
}

struct History {
    store: Arc<dyn Store>,
    /// Open sessions as they were last written: most changes of a session are none of its history.
    written: HashMap<SessionId, Record>,
    waiting: HashMap<SessionId, Record>,
}

impl History {
    async fn changed(&mut self, sessions: &Sessions, id: SessionId) {
        let record = match sessions.find(id) {
            Found::Open(session) if session.phase() == Phase::Active => of_open(&session),
            // A link that nobody has used is part of its agent's history; a call for help that nobody has answered of none.
            Found::Ended(ended) if ended.active_since.is_some() || !ended.agent.name.is_empty() => of_ended(&ended),
            Found::Unknown => {
                self.written.remove(&id);
                return;
            }
            _ => return,
        };
        if self.written.get(&id) != Some(&record) {
            self.write(record).await;
        }
    }

    /// Changes were missed: every session is looked at that may be among them.
    async fn look_at_all(&mut self, sessions: &Sessions) {
        let companies = sessions.companies();
        let open = companies.iter().flat_map(|company| sessions.of_company(&company.id));
        let ids: Vec<_> = open.map(|session| session.id).chain(self.written.keys().copied()).collect();
        for id in ids {
            self.changed(sessions, id).await;
        }
    }

    async fn write(&mut self, record: Record) {
        let id = record.id;
        self.written.remove(&id);
        self.waiting.remove(&id);
        match self.store.record(&record).await {
            Ok(()) if record.end.is_none() => drop(self.written.insert(id, record)),
            Ok(()) => {}
            Err(error) => {
                tracing::error!(session = %id, %error, "the session's history is not kept yet: it is tried again");
                if self.waiting.len() < MAX_WAITING {
                    self.waiting.insert(id, record);
                }
            }
        }
    }

    async fn try_again(&mut self, keep: Duration) {
        let waiting: Vec<_> = self.waiting.values().cloned().collect();
        for record in waiting {
            let id = record.id;
            self.write(record).await;
            // It does not work yet: the others would only fill the log.
            if self.waiting.contains_key(&id) {
                return;
            }
        }
        match self.store.forget(SystemTime::now().checked_sub(keep).unwrap_or(SystemTime::UNIX_EPOCH)).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "old history forgotten"),
            Err(error) => tracing::error!(%error, "old history cannot be forgotten"),
        }
    }
}

pub(super) fn of_open(session: &Session) -> Record {
    let state = session.state();
    let record = record(session.id, &session.company.id, &session.agent, &session.start, session.created);
    joined(record, state.active_since, &state.admitted)
}

pub(super) fn of_ended(ended: &Ended) -> Record {
    let record = record(ended.id, &ended.company.id, &ended.agent, &ended.start, ended.created);
    let end = End { at: ended.ended, by: word(ended.by).into() };
    Record { end: Some(end), ..joined(record, ended.active_since, &ended.admitted) }
}

fn record(id: SessionId, company: &str, maker: &Agent, start: &Url, created: SystemTime) -> Record {
    // Who has asked for help on a page has no agent yet.
    let asked = maker.name.is_empty();
    Record {
        id,
        company: company.to_owned(),
        site: start[Position::BeforeHost..Position::AfterPort].to_owned(),
        via: if asked { Via::Pin } else { Via::Link },
        created,
        active: None,
        end: None,
        people: if asked { Vec::new() } else { vec![person(maker)] },
    }
}

fn joined(mut record: Record, active: Option<SystemTime>, admitted: &[Agent]) -> Record {
    record.active = active;
    for agent in admitted {
        if record.people.iter().all(|person| person.name != agent.name) {
            record.people.push(person(agent));
        }
    }
    record
}

fn person(agent: &Agent) -> Person {
    Person { name: agent.name.clone(), display: agent.display.clone() }
}

fn word(by: EndedBy) -> &'static str {
    match by {
        EndedBy::Customer => "customer",
        EndedBy::Agent => "agent",
        EndedBy::Declined => "declined",
        EndedBy::Expired => "expired",
        EndedBy::Idle => "idle",
    }
}
