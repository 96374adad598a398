//! Whole Lado on ports of its own, with sites in the same process: what goes over the sockets is what is asserted.

#![allow(clippy::disallowed_methods, reason = "tests stand on the other side of the address guard")]

mod agent;
mod command;
mod deploy;
mod drain;
mod failures;
mod front;
mod guard;
mod hostile;
mod kit;
mod listener;
mod many;
mod operations;
mod proxy;
mod reload;
mod script;
mod sessions;
mod streams;
mod strict;
mod upstreams;
mod viewer;
