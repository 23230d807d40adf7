//! uv, which installs packages: a program of its own, taken out of its wheel, so that no builder with pip is needed.
//!
//! pip lost: it is a Python program that has to be compiled before it starts in reasonable time, downloads one
//! package after the other, and needs a larger root.

use crate::draft::Draft;
use crate::op::{Fetch, Op, Registry, Unpack, Version};
use crate::step::StepId;
use crate::target::Arch;

/// The version, with what the files of its release are.
const VERSION: &str = "0.13.8";

/// Where a wheel lies beneath the host that PyPI's index leads to, and what it holds.
struct Wheel {
    path: &'static str,
    integrity: &'static str,
}

const AMD64: Wheel = Wheel {
    path: "packages/c5/32/52ee34636aea1ab3f8baeeae1c3599461b8cddfb379862cc72ac61b8d91c/\
           uv-0.13.8-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    integrity: "sha256-4YpXuLNS63yP6zF7n29TPI8K2Wc/1s80u+PPGp9qiYQ=",
};
const ARM64: Wheel = Wheel {
    path: "packages/80/ce/f5eba24d8ec7fa566f9d50d1a69dbf9510137c30366b9f16dbeaf9b9dae4/\
           uv-0.13.8-py3-none-manylinux_2_28_aarch64.whl",
    integrity: "sha256-UzfDC7iTtPnODOuSG6LaDRP2SdpkT0CtO++ECDvvAgM=",
};

/// Adds the step that holds uv for the processors `host`.
pub(super) fn uv(host: Arch, draft: &mut Draft) -> StepId {
    let wheel = match host {
        Arch::Amd64 => AMD64,
        Arch::Arm64 => ARM64,
    };
    let fetch = Fetch {
        registry: Registry::PyPi,
        package: "uv".to_owned(),
        version: Version::Exact {
            version: VERSION.to_owned(),
            integrity: wheel.integrity.to_owned(),
            path: wheel.path.to_owned(),
        },
        unpack: vec![Unpack {
            from: format!("uv-{VERSION}.data/scripts/uv"),
            to: "/usr/local/bin/uv".to_owned(),
        }],
    };
    draft.step("uv", format!("fetch uv {VERSION}"), Op::Fetch(fetch))
}
