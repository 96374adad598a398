//! The life of a request: session, upstream, rewrite, respond.
