//! Decides by Host and path which face of Lado a request meets.
