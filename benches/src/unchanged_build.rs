//! An unchanged folder is built again: a whole process each, everything cached.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use coracle_peers::{Engine, checked};

use crate::docker;
use crate::program::{Coracle, repository};
use crate::sample::{Sample, head, timed};

const ROUNDS: usize = 15;

pub(crate) fn run(coracle: &Coracle, engine: &Engine, scratch: &Path) -> Result<()> {
    let folder = scratch.join("hello");
    checked(
        Command::new("cp")
            .arg("-r")
            .arg(repository("examples/hello-python"))
            .arg(&folder),
    )?;
    let image = docker::load(engine, coracle, &folder, &scratch.join("hello.tar"))?;
    engine.call(&["tag", &image, "hello-base:latest"])?;
    fs_err::write(
        folder.join("Dockerfile.peer"),
        "FROM hello-base\nCOPY main.py /app/\n",
    )?;
    let peer_file = folder.join("Dockerfile.peer");
    let peer = || {
        timed(|| {
            let file = peer_file.to_string_lossy();
            let context = folder.to_string_lossy();
            let mut build = engine.docker(&["build", "--quiet", "--tag", "peer", "--file", &file, &context]);
            ensure!(
                build.stdout(Stdio::null()).status()?.success(),
                "the peer's build failed"
            );
            Ok(())
        })
    };
    let buildkit = Sample::take(ROUNDS, peer)?;
    fs_err::remove_file(&peer_file)?;
    coracle.run(&["build".as_ref(), folder.as_os_str()])?;
    let ours = Sample::take(ROUNDS, || {
        timed(|| coracle.run(&["build".as_ref(), folder.as_os_str()]).map(drop))
    })?;
    head("Unchanged build, whole process", "BuildKit, fully cached");
    ours.print("coracle build", &buildkit);
    buildkit.print("docker build (BuildKit)", &buildkit);
    println!();
    Ok(())
}
