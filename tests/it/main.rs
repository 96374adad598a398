//! Whole Lado on ports of its own, with sites in the same process: what goes over the sockets is what is asserted.

mod guard;
mod kit;
mod listener;
mod proxy;
