//! Turns every outcome, errors first of all, into a response.
