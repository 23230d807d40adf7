//! A client of the Function Builder API that is made of the published Go SDK, as its users make theirs.
//!
//! The version is the newest one that module proxies give away; later ones differ in nothing that builds are sent with.

use std::path::PathBuf;

use anyhow::Result;

use crate::go::Module;

const CLIENT: Module = Module {
    name: "go-sdk",
    files: &[
        ("go.mod", include_str!("go_sdk/go.mod")),
        ("go.sum", include_str!("go_sdk/go.sum")),
        ("main.go", include_str!("go_sdk/main.go")),
    ],
    compile: &["build", "."],
};

/// Answers the client as a program, compiled now unless it was before. It reads an order from its standard input and
/// prints what the SDK answered, or fails with the SDK's error; `main.go` has the fields of both.
pub fn client() -> Result<PathBuf> {
    CLIENT.program()
}
