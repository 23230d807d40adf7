//! What a plan is made for.

use coracle_spec::manifest::Platform;
use serde::{Deserialize, Serialize};

/// What an image is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The processors it runs on.
    pub arch: Arch,
    /// The processors that build it: every command of a build runs there, whatever the image is for.
    pub host: Arch,
}

impl Target {
    /// Answers the target of an image that runs on the processors that build it.
    pub fn native(arch: Arch) -> Self {
        Self { arch, host: arch }
    }

    /// Answers whether the machine that builds the image cannot run its programs.
    pub fn is_foreign(self) -> bool {
        self.arch != self.host
    }
}

/// A processor architecture, in the words of OCI images (`GOARCH`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arch {
    /// 64-bit x86.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

impl Arch {
    /// Answers the name that OCI images, Go and Debian use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Answers which variant of the architecture images are for, in the words of OCI images (`GOARM64` without its
    /// minor part); empty where there is only one.
    pub fn variant(self) -> &'static str {
        match self {
            Self::Amd64 => "",
            Self::Arm64 => "v8",
        }
    }

    /// Answers the platform of images for these processors.
    pub fn platform(self) -> Platform {
        match self {
            Self::Amd64 => Platform::LinuxAmd64,
            Self::Arm64 => Platform::LinuxArm64,
        }
    }

    /// Answers the word that npm's packages use.
    pub fn npm(self) -> &'static str {
        match self {
            Self::Amd64 => "x64",
            Self::Arm64 => "arm64",
        }
    }
}

impl From<Platform> for Arch {
    fn from(platform: Platform) -> Self {
        match platform {
            Platform::LinuxAmd64 => Self::Amd64,
            Platform::LinuxArm64 => Self::Arm64,
        }
    }
}
