//! Reaches sites: guarded addresses, pooled connections, verified TLS.
