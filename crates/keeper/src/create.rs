//! Creating one sandbox, step by step, in a worker.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use coracle_netns::{EgressError, NetlinkError, Netns, NetnsError, loopback_up};
use coracle_sandbox::wire::Received;
use coracle_sandbox::{ID_COUNT, Network, Process, Refusal, SandboxId, SandboxSpec, Upper};
use coracle_spec::{Class, Failure};
use fs_err as fs;
use libcontainer::container::builder::ContainerBuilder;
use libcontainer::error::LibcontainerError;
use libcontainer::oci_spec::OciSpecError;
use libcontainer::syscall::syscall::SyscallType;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::init::InitExecutor;
use crate::rootfs::{RootfsError, Stage};
use crate::runtime_spec::{Surroundings, runtime_spec};
use crate::seccomp::{Filters, SeccompError};
use crate::worker::Workshop;

/// A sandbox that waits to be started.
#[derive(Debug)]
pub(crate) struct Creation {
    /// Its first process.
    pub(crate) pid: u32,
    /// A descriptor of it.
    pub(crate) pidfd: OwnedFd,
    /// Its network namespace.
    pub(crate) netns: OwnedFd,
    /// How long each step took.
    pub(crate) micros: BTreeMap<String, u64>,
}

/// Why a sandbox cannot be created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreationError {
    /// The specification names no program.
    #[error("no program is given")]
    NoProgram,
    /// The program is to run as a user or group that a sandbox does not have.
    #[error("a sandbox has no user or group {0}: they end at {max}", max = ID_COUNT - 1)]
    NoSuchId(u32),
    /// The request came without its descriptors.
    #[error("the request came without its descriptors")]
    Descriptors,
    /// The root file system cannot be put together.
    #[error("cannot put the root file system together")]
    Rootfs(#[from] RootfsError),
    /// The filters cannot be made.
    #[error("cannot filter system calls")]
    Seccomp(#[from] SeccompError),
    /// The specification cannot be translated.
    #[error("cannot describe the sandbox to the container runtime")]
    Describe(#[from] OciSpecError),
    /// The container runtime failed.
    #[error("the container runtime cannot create it")]
    Runtime(#[from] LibcontainerError),
    /// The first process cannot be held.
    #[error("cannot open the first process")]
    Process(#[source] io::Error),
    /// The network namespace cannot be opened.
    #[error("cannot set up the network namespace")]
    Namespace(#[from] NetnsError),
    /// The loopback cannot be brought up.
    #[error("cannot bring the loopback up")]
    Loopback(#[from] NetlinkError),
    /// There is no way out on this host.
    #[error("this host gives sandboxes no way out")]
    NoEgress(#[source] Refusal),
    /// The sandbox cannot be linked to the way out.
    #[error("cannot link the sandbox to the outside")]
    Egress(#[from] EgressError),
    /// A network setting cannot be made.
    #[error("cannot set up the network")]
    Network(#[source] io::Error),
}

impl Failure for CreationError {
    fn class(&self) -> Class {
        match self {
            Self::NoProgram | Self::NoSuchId(_) => Class::User,
            Self::Rootfs(error) => error.class(),
            Self::NoEgress(refusal) => refusal.class(),
            Self::Egress(error) => error.class(),
            _ => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Rootfs(error) => error.hint(),
            Self::NoEgress(refusal) => refusal.hint(),
            Self::Egress(error) => error.hint(),
            _ => None,
        }
    }
}

/// Answers whether the sandbox's upper outlives it.
pub(crate) fn is_on_disk(spec: &SandboxSpec) -> bool {
    matches!(spec.upper, Upper::Disk { .. })
}

/// Makes the stage's network namespace one with a way out, for a sandbox that will want it.
///
/// That takes 2 ms, so it is done before there is one. `None` when it cannot be done: then it is tried again with the
/// sandbox, whose creation tells why.
pub(crate) fn prepare_way_out(stage: &Stage, workshop: &Workshop) -> Option<Netns> {
    let namespace = Netns::from(stage.network()?.try_clone_to_owned().ok()?);
    let furnished = furnish(&namespace).and_then(|()| attach(&namespace, workshop));
    furnished.is_ok().then_some(namespace)
}

/// Creates the sandbox of `request`, whose descriptors are standard output, standard error and the lifeline. If it may
/// send, it gets the network `way_out`.
pub(crate) fn create(
    request: Received<SandboxSpec>,
    stage: &Stage,
    way_out: Option<&Netns>,
    workshop: &Workshop,
) -> Result<Creation, CreationError> {
    let spec = request.message;
    let [stdout, stderr, lifeline] =
        <[OwnedFd; 3]>::try_from(request.descriptors).map_err(|_| CreationError::Descriptors)?;
    check(&spec)?;
    let mut clock = Clock::start();
    stage.build(&spec)?;
    clock.lap("root");
    let executor = InitExecutor::new(&lifeline, spec.process.clone(), Filters::of(spec.profile)?);
    let ready = (spec.network == Network::Egress).then_some(way_out).flatten();
    let around = Surroundings {
        root: Stage::root(),
        base: stage.base(),
        groups: stage.groups(),
        user: stage.user(),
        network: ready.map(AsFd::as_fd),
    };
    runtime_spec(&spec, &around)?.save(Stage::bundle().join("config.json"))?;
    let pid = run_container(&spec.id, executor, (stdout, stderr))?;
    clock.lap("container");
    let pidfd = open_process(pid).map_err(CreationError::Process)?;
    let netns = match ready {
        Some(ready) => ready.clone(),
        None => open_network(pid, spec.network, workshop)?,
    };
    let netns = netns
        .as_fd()
        .try_clone_to_owned()
        .map_err(CreationError::Network)?;
    clock.lap("network");
    Ok(Creation {
        pid,
        pidfd,
        netns,
        micros: clock.laps,
    })
}

fn check(spec: &SandboxSpec) -> Result<(), CreationError> {
    if spec.process.args.is_empty() {
        return Err(CreationError::NoProgram);
    }
    let Process { uid, gid, groups, .. } = &spec.process;
    match [*uid, *gid]
        .into_iter()
        .chain(groups.iter().copied())
        .find(|id| *id >= ID_COUNT)
    {
        Some(id) => Err(CreationError::NoSuchId(id)),
        None => Ok(()),
    }
}

/// Has libcontainer create the container and go on to the executor, which waits by itself: what is left of libcontainer's
/// state is then not needed any more.
fn run_container(
    id: &SandboxId,
    executor: InitExecutor,
    output: (OwnedFd, OwnedFd),
) -> Result<u32, LibcontainerError> {
    let mut container = ContainerBuilder::new(id.to_string(), SyscallType::default())
        .with_root_path(Stage::state())?
        .with_executor(executor)
        .with_stdout(output.0)
        .with_stderr(output.1)
        .as_init(Stage::bundle())
        .with_systemd(false)
        .with_detach(true)
        .build()?;
    container.start()?;
    let pid = container
        .pid()
        .ok_or_else(|| LibcontainerError::Other("the container has no process".to_owned()))?;
    Ok(pid.as_raw().unsigned_abs())
}

/// The process is this one's child and was not waited for, so the number is its own.
fn open_process(pid: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or(io::ErrorKind::InvalidInput)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Opens and sets up the network namespace that was made with the sandbox.
fn open_network(pid: u32, network: Network, workshop: &Workshop) -> Result<Netns, CreationError> {
    let namespace = Netns::of_process(pid)?;
    furnish(&namespace)?;
    if network == Network::Egress {
        attach(&namespace, workshop)?;
    }
    Ok(namespace)
}

/// Brings the loopback up and lets every user listen on every port: inside, port 80 is like any other.
fn furnish(namespace: &Netns) -> Result<(), CreationError> {
    loopback_up(namespace)?;
    namespace
        .run(|| fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0"))?
        .map_err(CreationError::Network)
}

/// Links the sandbox to the outside. The link goes with the namespace.
fn attach(namespace: &Netns, workshop: &Workshop) -> Result<(), CreationError> {
    let egress = workshop
        .egress
        .as_ref()
        .map_err(|refusal| CreationError::NoEgress(refusal.clone()))?;
    egress.attach(namespace)?;
    Ok(())
}

/// Measures steps.
struct Clock {
    last: Instant,
    laps: BTreeMap<String, u64>,
}

impl Clock {
    fn start() -> Self {
        Self {
            last: Instant::now(),
            laps: BTreeMap::new(),
        }
    }

    fn lap(&mut self, name: &str) {
        let micros = u64::try_from(self.last.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.laps.insert(name.to_owned(), micros);
        self.last = Instant::now();
    }
}
