//! Hides private content from everyone but the customer: the only maker of `Masked` ops.
