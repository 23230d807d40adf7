//! What a base is made of: the packages that every base has, and what is left out.

use serde::{Deserialize, Serialize};

use crate::release::{Arch, Release};

/// The version of everything here that decides a layer's bytes: the lists, the fixes, the pruning, the order of
/// entries. A change that alters a layer raises it; locks and cached layers of other versions are not used.
pub const RECIPE_VERSION: u32 = 1;

/// What a base is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The lowest layer of an image whose one program is linked statically: no C library, nothing that runs.
    Static,
    /// The lowest layers of an image: no shell, nothing that only a build needs.
    Runtime,
    /// The root of a build: a shell and the usual tools besides.
    Builder,
}

/// A base to assemble.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Recipe {
    /// The Debian release.
    pub release: Release,
    /// The architecture of the packages.
    pub arch: Arch,
    /// What the base is for.
    pub kind: Kind,
    /// The packages wanted besides what every base of the kind has.
    pub packages: Vec<String>,
}

/// What every base has: file system skeleton, users, names of protocols and media types, time zones, certificates.
const SKELETON: [&str; 6] = [
    "base-files",
    "base-passwd",
    "netbase",
    "tzdata",
    "ca-certificates",
    "media-types",
];

/// What compiled programs need. With the skeleton it is the lowest layer, which all bases but static ones share.
const COMMON: [&str; 4] = ["libc6", "libgcc-s1", "libstdc++6", "zlib1g"];

/// What build scripts take for granted.
const TOOLS: [&str; 11] = [
    "dash",
    "bash",
    "coreutils",
    "sed",
    "grep",
    "findutils",
    "tar",
    "gzip",
    "diffutils",
    "mawk",
    "libc-bin",
];

/// Names that count as installed: what only maintainer scripts and interactive systems use. No maintainer script
/// is ever run here.
const DROPPED: [&str; 20] = [
    "debconf",
    "debconf-2.0",
    "cdebconf",
    "libdebconfclient0",
    "dpkg",
    "install-info",
    "perl",
    "perl-base",
    "sensible-utils",
    "adduser",
    "passwd",
    "init-system-helpers",
    "ucf",
    "fontconfig-config",
    "alsa-topology-conf",
    "alsa-ucm-conf",
    "dbus",
    "dbus-session-bus",
    "default-dbus-session-bus",
    "original-awk",
];

/// Besides, in a runtime: the `awk` that `base-files` asks for.
const DROPPED_FROM_RUNTIMES: [&str; 3] = ["awk", "mawk", "gawk"];

/// Besides, in a static base: what its packages' own few programs need, which nobody calls.
const DROPPED_FROM_STATIC: [&str; 2] = ["libc6", "libcrypt1"];

/// Dependencies that a runtime does without: who has it, and on what. Unlike a dropped name, the dependency
/// stays in force for everyone else, so that packages a project adds get what they need.
const TRIMMED: [(&str, &str); 7] = [
    // Only the maintainer script writes SELinux labels.
    ("base-passwd", "libselinux1"),
    // Only `update-ca-certificates` calls the command.
    ("ca-certificates", "openssl"),
    // Ciphers of the last century, loaded on request only.
    ("libssl3t64", "openssl-provider-legacy"),
    // A downloader of package managers.
    ("nodejs", "node-corepack"),
    ("nodejs", "corepack"),
    // Serves `dbm.ndbm` alone.
    ("libpython3.13-stdlib", "libdb5.3t64"),
    ("libpython3.11-stdlib", "libdb5.3"),
];

/// What a search for packages leaves out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Omissions {
    kind: Kind,
}

impl Omissions {
    pub(crate) fn of(kind: Kind) -> Self {
        Self { kind }
    }

    /// Answers whether the dependency of `package` on `name` counts as met.
    pub(crate) fn cover(self, package: &str, name: &str) -> bool {
        self.is_dropped(name) || (self.kind != Kind::Builder && TRIMMED.contains(&(package, name)))
    }

    /// Answers whether `name` is never chosen for a dependency.
    pub(crate) fn is_dropped(self, name: &str) -> bool {
        DROPPED.contains(&name)
            || (self.kind != Kind::Builder && DROPPED_FROM_RUNTIMES.contains(&name))
            || (self.kind == Kind::Static && DROPPED_FROM_STATIC.contains(&name))
    }
}

impl Recipe {
    /// Answers the packages to start the search from.
    pub(crate) fn roots(&self) -> Vec<String> {
        let mut roots = common_roots(self.release, self.kind);
        if self.kind == Kind::Builder {
            roots.extend(TOOLS.map(str::to_owned));
        }
        roots.extend(self.packages.iter().cloned());
        roots
    }
}

/// Answers the roots of the layer that all bases of a release share; static ones share a smaller one.
pub(crate) fn common_roots(release: Release, kind: Kind) -> Vec<String> {
    let ssl = match release {
        Release::Trixie => "libssl3t64",
        Release::Bookworm => "libssl3",
    };
    let libraries = COMMON.into_iter().chain([ssl]).filter(|_| kind != Kind::Static);
    SKELETON.into_iter().chain(libraries).map(str::to_owned).collect()
}
