//! Which Debian packages only builds use.
//!
//! `build.packages` names what an application needs, and what building it needs, in one list. Compilers and headers
//! are told apart by their names, so that an image does not carry 300 MB of them; a second key for them lost, as
//! nobody wants a compiler in an image by its name.

use coracle_spec::Manifest;

const TOOLS: [&str; 20] = [
    "autoconf",
    "automake",
    "bison",
    "build-essential",
    "cargo",
    "clang",
    "cmake",
    "cython3",
    "flex",
    "g++",
    "gcc",
    "gfortran",
    "git",
    "libtool",
    "make",
    "meson",
    "ninja-build",
    "pkg-config",
    "rustc",
    "swig",
];

/// Answers whether a package is a tool or a set of headers, which an application that is built does not use.
pub(crate) fn is_only_for_builds(package: &str) -> bool {
    package.ends_with("-dev") || TOOLS.contains(&package)
}

/// Answers whether the author asks for any of them.
pub(crate) fn is_wanted(manifest: &Manifest) -> bool {
    manifest
        .build
        .packages
        .iter()
        .any(|package| is_only_for_builds(package))
}
