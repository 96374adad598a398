//! Accepts connections: TCP or TLS, HTTP/1.1 and HTTP/2, with limits, timers and a graceful drain.
