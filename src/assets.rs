//! The web assets that the binary carries: apps, injected scripts, their hashes.
