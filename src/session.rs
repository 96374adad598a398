//! Sessions: who takes part, what they may do, and what is gone when one ends.
