//! What to mask and to lock: rules from files and companies, compiled once, scoped to sites.
