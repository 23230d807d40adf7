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

/// What tests call. Before podman comes what it runs images with, else it brings one that refuses hosts with both
/// versions of control groups.
pub(crate) const FOR_TESTS: &[Need] = &[
    Need {
        program: "skopeo",
        package: "skopeo",
        why: "reads the images that are built",
    },
    Need {
        program: "dockerd",
        package: "docker.io",
        why: "loads and runs the images that are built",
    },
    Need {
        program: "runc",
        package: "runc",
        why: "is what podman runs them with",
    },
    Need {
        program: "go",
        package: "golang-go",
        why: "compiles the BuildKit that builds are compared with, the registry's conformance suite and the Go SDK's client",
    },
    Need {
        program: "docker-registry",
        package: "docker-registry",
        why: "takes and gives the images that are pushed and pulled",
    },
    Need {
        program: "busybox",
        package: "busybox-static",
        why: "is what images are made of that others built",
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
    // Debian 12 has it in the package above, later ones beside it.
    Need {
        program: "docker",
        package: "docker-cli",
        why: "talks to the one above",
    },
    Need {
        program: "runc",
        package: "runc",
        why: "is a peer",
    },
    Need {
        program: "go",
        package: "golang-go",
        why: "compiles the newest BuildKit, a peer",
    },
    Need {
        program: "docker-registry",
        package: "docker-registry",
        why: "is a peer",
    },
    Need {
        program: "curl",
        package: "curl",
        why: "fetches the npm that a peer runs",
    },
    Need {
        program: "mmdebstrap",
        package: "mmdebstrap",
        why: "makes the systems whose size is compared",
    },
];

/// What the Debian package is made with.
pub(crate) const FOR_PACKAGES: &[Need] = &[
    Need {
        program: "dpkg-shlibdeps",
        package: "dpkg-dev",
        why: "finds the libraries that the program needs",
    },
    Need {
        program: "strip",
        package: "binutils",
        why: "leaves out what only debuggers need",
    },
];

/// Installs the missing packages, and says which and why.
pub(crate) fn install(needs: &[Need]) -> Result<()> {
    let mut is_updated = false;
    // One after the other: a package may bring what another one is needed for.
    for need in needs {
        if is_there(need.program) {
            continue;
        }
        eprintln!("`{}` is missing; it {}", need.program, need.why);
        if !is_there("apt-get") {
            bail!("install the package `{}`, then try again", need.package);
        }
        if !is_updated {
            apt_get(&["update", "--quiet"])?;
            is_updated = true;
        }
        apt_get(&[
            "install",
            "--quiet",
            "--yes",
            "--no-install-recommends",
            need.package,
        ])?;
    }
    Ok(())
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    run("apt-get", arguments, &[("DEBIAN_FRONTEND", "noninteractive")])
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
