//! From nothing running to the first byte of an answer, for a server in Python's standard library.
//!
//! The peers run the very same image: Docker with `docker run` and with `docker start` of a container that was created
//! before, runc likewise with a bundle of its root file system, and, as the floor that nobody can pass, the bare program
//! in a `chroot`. They share the host's network, which spares them the bridge; Coracle's instance has a network of its
//! own and is reached through the gateway.
//!
//! All take turns, round by round, and each is compared with the bare program of its own round: a machine that others
//! use too drifts by more than what is to be measured.

mod image;
mod ours;
mod peers;
mod rounds;

use std::path::Path;

use anyhow::Result;
use coracle_peers::Engine;

use self::image::Image;
use self::ours::Ours;
use self::peers::Peers;
use self::rounds::{Contender, Rounds};
use crate::program::Coracle;

/// Enough for a 99th percentile: the second slowest of them.
const ROUNDS: usize = 100;

pub(crate) fn run(coracle: &Coracle, engine: &Engine, scratch: &Path) -> Result<()> {
    let image = Image::build(coracle, engine, scratch)?;
    let without = coracle.copy(scratch.join("without-spares"))?;
    let peers = Peers::new(&image, engine, scratch)?;
    let spared = Ours::serve(coracle, &image, 16)?;
    let unspared = Ours::serve(&without, &image, 0)?;
    let mut contenders: [Contender<'_>; 7] = [
        ("bare exec in a chroot", Box::new(|| peers.bare())),
        ("coracle, sandbox kept ready", Box::new(|| spared.cold())),
        ("coracle, nothing kept", Box::new(|| unspared.cold())),
        ("runc start of a created one", Box::new(|| peers.runc_start())),
        ("runc run", Box::new(|| peers.runc_run())),
        ("docker start of a created one", Box::new(|| peers.docker_start())),
        ("docker run", Box::new(|| peers.docker_run())),
    ];
    let rounds = Rounds::take(ROUNDS, &mut contenders)?;
    rounds.print("Cold start after idle: to the first byte", "docker run");
    let mut contenders: [Contender<'_>; 2] = [
        ("a warm request", Box::new(|| spared.warm())),
        ("one that wakes a frozen instance", Box::new(|| spared.woken())),
    ];
    Rounds::take(ROUNDS, &mut contenders)?.print("Wake from frozen", "a warm request");
    Ok(())
}
