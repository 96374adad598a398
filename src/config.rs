//! Gathers each module's own configuration from one file.
