//! Sessions from outside: the console's API as its apps ask it, and the sockets of pages, viewers and panels.

mod console;
mod panel;
mod stage;
mod sync;
