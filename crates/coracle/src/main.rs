//! The `coracle` program: dispatch and nothing else.

fn main() {}
