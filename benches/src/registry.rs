//! Pushing and pulling a gigabyte in many layers: the platform's registry beside Debian's `docker-registry`.
//!
//! Both keep their data on the same disk. Both sync each file before they answer for it; Coracle syncs the folders too,
//! so that a name survives a power cut as well. The client is the smallest there can be, with as many connections as
//! engines have, so that what is measured is the servers.

mod client;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use coracle_peers::registry::{Options, Registry};
use sha2::{Digest as _, Sha256};

use self::client::Client;
use crate::program::Coracle;
use crate::sample::{Sample, head, timed};

const LAYERS: usize = 32;
const SIZE: usize = 32 << 20;
/// How many layers are on their way at once.
const AT_ONCE: usize = 4;
const ROUNDS: usize = 3;

/// An image whose layers nobody has seen: each begins with what it is of, and goes on alike.
struct Image<'a> {
    rest: &'a [u8],
    layers: Vec<Layer>,
}

struct Layer {
    start: [u8; 16],
    digest: String,
}

pub(crate) fn run(coracle: &Coracle, scratch: &Path) -> Result<()> {
    let peer = Registry::start(scratch, Options::default())?;
    let server = coracle.serve(0)?;
    let ours = Client::new(server.address(), Some(coracle.password()?));
    let theirs = Client::new(peer.host().parse()?, None);
    let rest = noise();
    let (mut pushes, mut pulls) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for round in 0..=ROUNDS {
        let image = Image::new(round, &rest);
        for (side, client) in [&theirs, &ours].into_iter().enumerate() {
            let (push, pull) = (timed(|| image.push(client))?, timed(|| image.pull(client))?);
            // The first round is for warming up.
            if round > 0 {
                pushes[side].push(push);
                pulls[side].push(pull);
            }
        }
    }
    head(
        &format!("A gigabyte in {LAYERS} layers, {AT_ONCE} at once"),
        "docker-registry",
    );
    print("push", pushes);
    print("pull", pulls);
    println!();
    Ok(())
}

fn print(what: &str, [theirs, ours]: [Vec<Duration>; 2]) {
    let (theirs, ours) = (Sample::of(theirs), Sample::of(ours));
    theirs.print(&format!("docker-registry, {what}"), &theirs);
    ours.print(&format!("coracle, {what}"), &theirs);
}

impl<'a> Image<'a> {
    fn new(round: usize, rest: &'a [u8]) -> Self {
        let layers = (0..LAYERS).map(|number| Layer::new(round, number, rest));
        Self {
            rest,
            layers: layers.collect(),
        }
    }

    fn push(&self, client: &Client) -> Result<()> {
        self.each(|layer| client.push(&layer.digest, [&layer.start, self.rest]))?;
        let config = format!("{{\"of\":\"{}\"}}", self.layers[0].digest);
        let config_digest = digest([config.as_bytes(), b""]);
        client.push(&config_digest, [config.as_bytes(), b""])?;
        let layers: Vec<String> = self.layers.iter().map(Layer::descriptor).collect();
        client.put_manifest(&format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":{}}},"layers":[{}]}}"#,
            config.len(),
            layers.join(",")
        ))
    }

    fn pull(&self, client: &Client) -> Result<()> {
        self.each(|layer| client.pull(&layer.digest, SIZE))
    }

    /// Does something with each layer, several at once.
    fn each(&self, act: impl Fn(&Layer) -> Result<()> + Sync) -> Result<()> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<()> {
            while let Some(layer) = self.layers.get(next.fetch_add(1, Ordering::Relaxed)) {
                act(layer)?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().ok().context("a worker panicked")?)
        })
    }
}

impl Layer {
    fn new(round: usize, number: usize, rest: &[u8]) -> Self {
        let mut start = [0; 16];
        start[..8].copy_from_slice(&round.to_le_bytes());
        start[8..].copy_from_slice(&number.to_le_bytes());
        let digest = digest([&start, rest]);
        Self { start, digest }
    }

    fn descriptor(&self) -> String {
        let digest = &self.digest;
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{digest}","size":{SIZE}}}"#
        )
    }
}

fn digest(pieces: [&[u8]; 2]) -> String {
    let mut hasher = Sha256::new();
    for piece in pieces {
        hasher.update(piece);
    }
    let mut digest = "sha256:".to_owned();
    for byte in hasher.finalize() {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

/// Answers bytes that nothing compresses (xorshift).
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = Vec::with_capacity(SIZE - 16);
    while noise.len() < SIZE - 16 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend_from_slice(&state.to_le_bytes());
    }
    noise
}
