//! The conformance suite of the OCI distribution specification: compiled once from its Go module, with the sums of
//! everything in it beside this file.

use std::path::PathBuf;

use anyhow::Result;

use crate::go::Module;

/// `go.mod` names the newest version that the Go module proxy has.
const SUITE: Module = Module {
    name: "conformance",
    files: &[
        ("go.mod", include_str!("conformance/go.mod")),
        ("go.sum", include_str!("conformance/go.sum")),
    ],
    compile: &[
        "test",
        "-c",
        "github.com/opencontainers/distribution-spec/conformance",
    ],
};

/// Answers the suite as a program, compiled now unless it was before. The environment tells it which registry and what
/// of it to try (its README.md).
pub fn suite() -> Result<PathBuf> {
    SUITE.program()
}
