//! The server's copy of a page's DOM, built from ops.
