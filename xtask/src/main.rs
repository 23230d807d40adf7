//! The project's own chores: tests, lints, benchmarks.

fn main() {}
