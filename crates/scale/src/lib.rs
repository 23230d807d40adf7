//! The pure scaling decision.
