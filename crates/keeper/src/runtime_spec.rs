//! A sandbox's specification in the words of the OCI runtime specification, for libcontainer.
//!
//! Only what libcontainer is to do itself: namespaces, the mounts of the kernel's own file systems,
//! users and capabilities. Control groups and the root file system are there already, and the program is executed by our own code; so the
//! environment given here is nobody's, except that libcontainer asks for a `PATH`, and without a `HOME` would have the C
//! library look one up with whatever code the sandbox's root holds.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use coracle_sandbox::{ID_COUNT, PlacedFile, Profile, SandboxSpec};
use libcontainer::oci_spec::OciSpecError;
use libcontainer::oci_spec::runtime::{
    Capabilities, Capability, LinuxBuilder, LinuxCapabilities, LinuxCapabilitiesBuilder, LinuxIdMapping,
    LinuxIdMappingBuilder, LinuxNamespace, LinuxNamespaceBuilder, LinuxNamespaceType, Mount, MountBuilder,
    ProcessBuilder, RootBuilder, Spec, SpecBuilder, UserBuilder,
};

use crate::id_map::IdBase;
use crate::rootfs::{Stage, is_late};

/// What every sandbox gets anew. Its user and network namespaces may be there before.
const NAMESPACES: [LinuxNamespaceType; 5] = [
    LinuxNamespaceType::Mount,
    LinuxNamespaceType::Pid,
    LinuxNamespaceType::Uts,
    LinuxNamespaceType::Ipc,
    LinuxNamespaceType::Cgroup,
];

const GROUPS: &str = "/sys/fs/cgroup";
/// Place, type, and options of the kernel's own file systems.
const MOUNTS: [(&str, &str, &[&str]); 7] = [
    ("/proc", "proc", &["nosuid", "noexec", "nodev"]),
    (
        "/dev",
        "tmpfs",
        &["nosuid", "noexec", "strictatime", "mode=755", "size=64k"],
    ),
    (
        "/dev/pts",
        "devpts",
        &[
            "nosuid",
            "noexec",
            "newinstance",
            "ptmxmode=0666",
            "mode=0620",
            "gid=5",
        ],
    ),
    (
        "/dev/shm",
        "tmpfs",
        &["nosuid", "noexec", "nodev", "mode=1777", "size=64m"],
    ),
    ("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
    ("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
    (
        GROUPS,
        "tmpfs",
        &["nosuid", "noexec", "nodev", "mode=755", "size=64k"],
    ),
];

/// What tells about the host, or acts on it, even from a namespace (as container engines mask it).
const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// Docker's default set, but for `CAP_NET_RAW` and `CAP_MKNOD` in builds: nothing that builds sends raw packets, and no
/// user namespace makes device nodes.
const OF_BUILDS: [Capability; 12] = [
    Capability::AuditWrite,
    Capability::Chown,
    Capability::DacOverride,
    Capability::Fowner,
    Capability::Fsetid,
    Capability::Kill,
    Capability::NetBindService,
    Capability::Setfcap,
    Capability::Setgid,
    Capability::Setpcap,
    Capability::Setuid,
    Capability::SysChroot,
];
const OF_IMAGES_TOO: [Capability; 2] = [Capability::Mknod, Capability::NetRaw];

/// Where things are on the host's side.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    /// The root file system.
    pub(crate) root: PathBuf,
    /// The users.
    pub(crate) base: IdBase,
    /// The control groups that the program sees, and where below `/sys/fs/cgroup`.
    pub(crate) groups: &'a [(PathBuf, PathBuf)],
    /// The user namespace to join, if not a new one.
    pub(crate) user: Option<BorrowedFd<'a>>,
    /// The network namespace to join, if not a new one.
    pub(crate) network: Option<BorrowedFd<'a>>,
}

/// Translates `spec`.
pub(crate) fn runtime_spec(spec: &SandboxSpec, around: &Surroundings<'_>) -> Result<Spec, OciSpecError> {
    let process = ProcessBuilder::default()
        .args(spec.process.args.clone())
        .env(vec!["PATH=/".to_owned(), "HOME=/".to_owned()])
        .cwd(&spec.process.cwd)
        .user(
            UserBuilder::default()
                .uid(spec.process.uid)
                .gid(spec.process.gid)
                .additional_gids(spec.process.groups.clone())
                .umask(0o022_u32)
                .build()?,
        )
        .capabilities(capabilities(spec.profile, spec.process.uid)?)
        .rlimits(Vec::new())
        .no_new_privileges(true)
        .build()?;
    let mut linux = LinuxBuilder::default()
        .namespaces(namespaces(around)?)
        .uid_mappings(mapping(around.base)?)
        .gid_mappings(mapping(around.base)?)
        .cgroups_path("/coracle")
        .masked_paths(MASKED.map(str::to_owned).to_vec())
        .readonly_paths(READ_ONLY.map(str::to_owned).to_vec())
        .build()?;
    // The default holds rules about devices.
    linux.set_resources(None);
    SpecBuilder::default()
        .root(
            RootBuilder::default()
                .path(&around.root)
                .readonly(false)
                .build()?,
        )
        .hostname(&spec.hostname)
        .mounts(mounts(around.groups, &spec.files)?)
        .process(process)
        .linux(linux)
        .build()
}

fn namespaces(around: &Surroundings<'_>) -> Result<Vec<LinuxNamespace>, OciSpecError> {
    let anew = NAMESPACES.map(|kind| (kind, None));
    let joined = [
        (LinuxNamespaceType::User, around.user),
        (LinuxNamespaceType::Network, around.network),
    ];
    anew.into_iter().chain(joined).map(namespace).collect()
}

/// The process that joins has a copy of the descriptor, under the same number.
fn namespace(
    (kind, join): (LinuxNamespaceType, Option<BorrowedFd<'_>>),
) -> Result<LinuxNamespace, OciSpecError> {
    let new = LinuxNamespaceBuilder::default().typ(kind);
    match join {
        Some(descriptor) => new
            .path(format!("/proc/self/fd/{}", descriptor.as_raw_fd()))
            .build(),
        None => new.build(),
    }
}

fn mapping(base: IdBase) -> Result<Vec<LinuxIdMapping>, OciSpecError> {
    let mapping = LinuxIdMappingBuilder::default()
        .container_id(0_u32)
        .host_id(base.outer(0))
        .size(ID_COUNT)
        .build()?;
    Ok(vec![mapping])
}

/// The kernel's own file systems, small files in them, and the sandbox's control groups read-only: from them Node and Java learn how much
/// memory they may use.
fn mounts(groups: &[(PathBuf, PathBuf)], files: &[PlacedFile]) -> Result<Vec<Mount>, OciSpecError> {
    let own = MOUNTS
        .iter()
        .map(|(place, kind, options)| mount(Path::new(place), kind, Path::new(kind), options));
    let groups = groups.iter().map(|(group, name)| {
        let place = Path::new(GROUPS).join(name);
        mount(
            &place,
            "bind",
            group,
            &["bind", "ro", "nosuid", "noexec", "nodev"],
        )
    });
    let files = files.iter().enumerate().filter(|(_, file)| is_late(file));
    let files = files.map(|(index, file)| {
        let options = ["bind", "ro", "nosuid", "nodev"];
        mount(&file.path, "bind", &Stage::file(index), &options)
    });
    own.chain(groups).chain(files).collect()
}

fn mount(place: &Path, kind: &str, source: &Path, options: &[&str]) -> Result<Mount, OciSpecError> {
    MountBuilder::default()
        .destination(place)
        .typ(kind)
        .source(source)
        .options(
            options
                .iter()
                .map(|option| (*option).to_owned())
                .collect::<Vec<_>>(),
        )
        .build()
}

/// A user other than root has none at the start, as after any execution, but may reach its bounding set.
fn capabilities(profile: Profile, uid: u32) -> Result<LinuxCapabilities, OciSpecError> {
    let bounding: Capabilities = match profile {
        Profile::Run => Capabilities::new(),
        Profile::Build => OF_BUILDS.into_iter().collect(),
        Profile::Image => OF_BUILDS.into_iter().chain(OF_IMAGES_TOO).collect(),
    };
    let held = if uid == 0 {
        bounding.clone()
    } else {
        Capabilities::new()
    };
    LinuxCapabilitiesBuilder::default()
        .bounding(bounding)
        .effective(held.clone())
        .permitted(held)
        .inheritable(Capabilities::new())
        .ambient(Capabilities::new())
        .build()
}
