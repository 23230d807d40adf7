//! Esbuild: one static program without dependencies, from the npm registry.

use crate::node::tools;
use crate::op::{Fetch, Op, Registry, Unpack, Version};
use crate::target::Arch;

/// The version.
pub(super) const VERSION: &str = "0.28.2";
const INTEGRITY_AMD64: &str =
    "sha512-4xTZr1FUmSoQW4XIWmit3tzQrUTZM+N3P0XV8xROKYF50XfI7xeO90+1bZvNwxIufQ9hDQVRJH5YhgPVF8A/HQ==";
const INTEGRITY_ARM64: &str =
    "sha512-pW4AC0P3it8c7do9MVM4p51FzHzdM/TZrerurgRcHJ2WTa1VQ1CIq18xncfpBJw4ojkiZZrKW2yIBWBP92j6Ug==";

/// Answers the operation that fetches it, for the processors that build.
pub(super) fn fetch(host: Arch) -> Op {
    let package = format!("@esbuild/linux-{}", host.npm());
    let integrity = match host {
        Arch::Amd64 => INTEGRITY_AMD64,
        Arch::Arm64 => INTEGRITY_ARM64,
    };
    Op::Fetch(Fetch {
        registry: Registry::Npm,
        version: Version::Exact {
            version: VERSION.to_owned(),
            integrity: integrity.to_owned(),
            path: tools::archive(&package, VERSION),
        },
        package,
        unpack: vec![Unpack {
            from: "bin/esbuild".to_owned(),
            to: "/usr/local/bin/esbuild".to_owned(),
        }],
    })
}
