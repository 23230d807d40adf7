//! Coracle's part: a platform, and requests that find its function asleep, frozen or awake.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::image::{FROZEN, Image, SLEEPY};
use crate::http::first_byte;
use crate::program::{Coracle, Server};
use crate::sample::timed;

const PATIENCE: Duration = Duration::from_mins(1);
/// How often to look whether a function has fallen asleep.
const LOOK: Duration = Duration::from_millis(200);

/// A platform that serves the image.
pub(super) struct Ours<'a> {
    coracle: &'a Coracle,
    server: Server,
}

impl<'a> Ours<'a> {
    /// Starts a platform that keeps at most `spares` sandboxes ready.
    pub(super) fn serve(coracle: &'a Coracle, image: &Image, spares: usize) -> Result<Self> {
        let server = coracle.serve(spares)?;
        for folder in [&image.sleepy, &image.frozen] {
            coracle.run(&["deploy".as_ref(), folder.as_os_str()])?;
        }
        Ok(Self { coracle, server })
    }

    /// Asks when no instance is left.
    pub(super) fn cold(&self) -> Result<Duration> {
        self.until(SLEEPY, Vec::is_empty)?;
        self.ask(SLEEPY)
    }

    /// Asks when the only instance is frozen.
    pub(super) fn woken(&self) -> Result<Duration> {
        self.until(FROZEN, |states| states == &["frozen"])?;
        self.ask(FROZEN)
    }

    /// Asks right after a request.
    pub(super) fn warm(&self) -> Result<Duration> {
        self.ask(FROZEN)?;
        self.ask(FROZEN)
    }

    fn ask(&self, name: &str) -> Result<Duration> {
        timed(|| first_byte(self.server.address(), &format!("/function/{name}")))
    }

    /// Waits until the states of a function's instances are as wished.
    fn until(&self, name: &str, wished: impl Fn(&Vec<String>) -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let states = self.states(name)?;
            if wished(&states) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "instances of {name} stay {states:?}");
            std::thread::sleep(LOOK);
        }
    }

    fn states(&self, name: &str) -> Result<Vec<String>> {
        let text = self.coracle.run(&["describe", name, "--json"].map(str::as_ref))?;
        let described: Value = serde_json::from_str(&text)?;
        let instances = described["instances"]
            .as_array()
            .context("no instances are listed")?;
        let state = |instance: &Value| instance["state"].as_str().unwrap_or_default().to_owned();
        Ok(instances.iter().map(state).collect())
    }
}
