//! Stories of the mask.

mod found;
mod judged;
mod planted;
mod room;
mod shape;

pub use room::{Room, folded, parent, text};
