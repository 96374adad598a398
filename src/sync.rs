//! The life of an op and of a command: sockets of pages and of viewers.
