//! The pure compiler from a source tree to a build plan.
