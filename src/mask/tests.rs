//! Stories of the mask.

mod drawn;
mod found;
mod judged;
mod planted;
mod room;
mod shape;

pub use room::{Room, folded, parent, text};
