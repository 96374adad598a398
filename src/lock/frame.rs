//! Encoded commands for the customer's page: what its socket is sent, and nothing else.

use bytes::Bytes;

use super::Allowed;
use crate::protocol::{self, Action, Drawing, Level, PageCommand};

/// One WebSocket message for the customer's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame(Bytes);

/// The commands that carry no agent's action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    Welcome {
        received: u32,
        snapshot: bool,
        level: Level,
    },
    Ack {
        seq: u32,
    },
    Resync,
    Mend {
        node: u32,
    },
    /// Only at [`Level::Point`] and above: ask [`super::may_point`].
    Pointer {
        participant: u32,
        name: String,
        role: String,
        shown: bool,
        x: i32,
        y: i32,
    },
    SetLevel {
        level: Level,
    },
    Ended,
    Reconnect {
        after: u32,
    },
    Watched {
        viewers: u32,
    },
    Paused {
        paused: bool,
    },
    Rules {
        json: String,
    },
    Beat,
    /// Only what [`super::drawing`] has let through.
    Draw {
        drawing: Allowed<Drawing>,
    },
    Erase {
        participant: u32,
        id: u32,
    },
    /// What the customer has hidden by hand, as the panel asks.
    Show {
        last: u32,
    },
    Frame {
        nonce: String,
    },
}

impl Frame {
    pub fn act(id: u32, action: &Allowed<Action>) -> Self {
        Self::of(&PageCommand::Act { id, action: action.0.clone() })
    }

    pub fn control(control: &Control) -> Self {
        Self::of(&match control.clone() {
            Control::Welcome { received, snapshot, level } => {
                PageCommand::Welcome { version: protocol::VERSION, received, snapshot, level }
            }
            Control::Ack { seq } => PageCommand::Ack { seq },
            Control::Resync => PageCommand::Resync {},
            Control::Mend { node } => PageCommand::Mend { node },
            Control::Pointer { participant, name, role, shown, x, y } => {
                PageCommand::Pointer { participant, name, role, shown, x, y }
            }
            Control::SetLevel { level } => PageCommand::SetLevel { level },
            Control::Ended => PageCommand::Ended {},
            Control::Reconnect { after } => PageCommand::Reconnect { after },
            Control::Watched { viewers } => PageCommand::Watched { viewers },
            Control::Paused { paused } => PageCommand::Paused { paused },
            Control::Rules { json } => PageCommand::Rules { json },
            Control::Beat => PageCommand::Beat {},
            Control::Draw { drawing } => PageCommand::Draw { drawing: drawing.0 },
            Control::Erase { participant, id } => PageCommand::Erase { participant, id },
            Control::Show { last } => PageCommand::Show { last },
            Control::Frame { nonce } => PageCommand::Frame { nonce },
        })
    }

    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    fn of(command: &PageCommand) -> Self {
        Self(protocol::encode(command).into())
    }
}
