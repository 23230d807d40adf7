//! Runs a program in a sandbox over a root file system, and says how long each part took.
//!
//! ```text
//! run [--build] [--egress] [--times N] ROOT PROGRAM [ARGUMENT…]
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program for people who work on the keeper"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use coracle_netns::Dialer;
use coracle_sandbox::{
    KeeperClient, KeeperConfig, Limits, Network, Process, Profile, SandboxSpec, Sandboxes, Upper,
};
use coracle_spec::ByteSize;
use coracle_tasks::Tasks;
use tokio::io::AsyncReadExt;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    if arguments.nth(1).is_some_and(|verb| verb == "keeper") {
        return coracle_keeper::main(arguments);
    }
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    match runtime.block_on(run(std::env::args().skip(1).collect())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  caused by: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(mut words: Vec<String>) -> Result<(), Box<dyn Error>> {
    let mut flag = |name: &str| {
        words
            .iter()
            .take_while(|word| word.starts_with("--"))
            .position(|word| word == name)
            .map(|at| words.remove(at))
            .is_some()
    };
    let (build, egress) = (flag("--build"), flag("--egress"));
    let times = if flag("--times") {
        words.remove(0).parse()?
    } else {
        1
    };
    let root = words.remove(0);
    let directory = tempfile::tempdir()?;
    let config = KeeperConfig::this_program("keeper", directory.path().join("run"), Duration::ZERO);
    let client = KeeperClient::new(config, Tasks::new(), Dialer::start()?);
    let start = Instant::now();
    client.prepare().await?;
    eprintln!("keeper: {:?}", start.elapsed());
    for number in 0..times {
        let step = directory.path().join(number.to_string());
        std::fs::create_dir(&step)?;
        let spec = SandboxSpec {
            id: format!("run-{number}").parse()?,
            profile: if build { Profile::Build } else { Profile::Run },
            lowers: vec![root.clone().into()],
            upper: if build {
                Upper::Disk { dir: step }
            } else {
                Upper::Tmpfs {
                    size: ByteSize::mebibytes(256),
                }
            },
            mounts: Vec::new(),
            files: Vec::new(),
            directories: Vec::new(),
            made: Vec::new(),
            process: Process {
                args: words.clone(),
                env: BTreeMap::from([
                    (
                        "PATH".to_owned(),
                        "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin".to_owned(),
                    ),
                    ("HOME".to_owned(), "/tmp".to_owned()),
                ]),
                cwd: "/".into(),
                uid: if build { 0 } else { 1000 },
                gid: if build { 0 } else { 1000 },
                ..Process::default()
            },
            limits: Limits {
                memory: Some(ByteSize::mebibytes(2048)),
                cpu: None,
                pids: 1024,
            },
            network: if egress { Network::Egress } else { Network::None },
            hostname: "run".to_owned(),
        };
        // As between requests: what was just done has settled.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let start = Instant::now();
        let sandbox = client.create(spec).await?;
        let created = start.elapsed();
        let output = sandbox.output().ok_or("no output")?;
        let started = Instant::now();
        sandbox.start().await?;
        let executed = started.elapsed();
        let (mut out, mut err) = (output.stdout, output.stderr);
        let (mut out_text, mut err_text) = (Vec::new(), Vec::new());
        tokio::try_join!(out.read_to_end(&mut out_text), err.read_to_end(&mut err_text))?;
        print!("{}", String::from_utf8_lossy(&out_text));
        eprint!("{}", String::from_utf8_lossy(&err_text));
        let exit = sandbox.wait().await?;
        let ended = started.elapsed();
        let removing = Instant::now();
        sandbox.remove().await?;
        eprintln!(
            "create {created:?}, start {executed:?}, run {ended:?} ({exit}), remove {:?}",
            removing.elapsed()
        );
    }
    let start = Instant::now();
    client.shutdown(Duration::from_secs(30)).await?;
    eprintln!("shutdown: {:?}", start.elapsed());
    Ok(())
}
