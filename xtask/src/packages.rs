//! The Debian packages that tests need beside Rust: other programs that must accept what Coracle makes.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::command::run;

/// A program that is called.
pub(crate) struct Need {
    program: &'static str,
    package: &'static str,
    why: &'static str,
}

/// What tests call.
pub(crate) const FOR_TESTS: &[Need] = &[
    Need {
        program: "skopeo",
        package: "skopeo",
        why: "reads the images that are built",
    },
    Need {
        program: "podman",
        package: "podman",
        why: "runs the images that are built",
    },
    Need {
        program: "nft",
        package: "nftables",
        why: "shows the rules that keep sandboxes apart",
    },
    Need {
        program: "iptables",
        package: "iptables",
        why: "sets up a host whose firewall drops what is forwarded",
    },
];

/// What benchmarks measure beside Coracle.
pub(crate) const FOR_BENCHMARKS: &[Need] = &[
    Need {
        program: "dockerd",
        package: "docker.io",
        why: "is a peer",
    },
    Need {
        program: "runc",
        package: "runc",
        why: "is a peer",
    },
];

/// Installs the missing packages and says which.
pub(crate) fn install(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !is_there(need.program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        eprintln!("`{}` is needed: it {}", need.package, need.why);
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if !is_there("apt-get") {
        bail!("install these packages, then try again: {}", packages.join(" "));
    }
    let quiet = [("DEBIAN_FRONTEND", "noninteractive")];
    run("apt-get", &["update", "--quiet"], &quiet)?;
    let install = ["install", "--quiet", "--yes", "--no-install-recommends"];
    run("apt-get", &[&install, packages.as_slice()].concat(), &quiet)
}

/// Answers whether a program can be started.
fn is_there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}
