//! From a Dockerfile to a plan.
//!
//! [`plan`](plan()) is what BuildKit's front end `docker/dockerfile:1` is to BuildKit: it walks the stages that the target
//! needs, replaces variables, and answers steps and the image's configuration. It does no input or output either, which
//! costs one detour: what an image of a registry is has to be looked up, and an image may hold instructions
//! (`ONBUILD`) that name further ones. So a plan may *want* images; the caller looks them up and asks again, until
//! nothing is wanted. Giving the compiler something to look images up with lost: plans could not be made from what is
//! written down, and everything here would wait for networks.

mod error;

use std::collections::{BTreeMap, BTreeSet};

use coracle_spec::image::ImageDocument;
use coracle_spec::{Digest, ImageRef};

use crate::plan::Plan;
use crate::target::{Arch, Target};

pub use error::DockerfileError;

/// What a Dockerfile is planned with.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The Dockerfile's name, for messages.
    pub name: &'a str,
    /// What is in it.
    pub text: &'a str,
    /// The stage that becomes the image, by name or number; the last one when nothing is said.
    pub stage: Option<&'a str>,
    /// The values of variables (`--build-arg`). Proxies among them reach commands without being in keys or history.
    pub args: &'a BTreeMap<String, String>,
    /// Labels that the image gets beside the Dockerfile's.
    pub labels: &'a BTreeMap<String, String>,
    /// What the image is for, and where it is built.
    pub target: Target,
    /// The port that the application listens on, when the manifest says.
    pub port: Option<u16>,
    /// What the context's ignore file leaves out, for warnings about copying it.
    pub ignore: Option<&'a str>,
}

/// An image that has to be looked up before there is a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// Its name.
    pub reference: ImageRef,
    /// The processors that it is for.
    pub arch: Arch,
}

/// What an image of a registry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownImage {
    /// The digest of the manifest for the processors that were asked for.
    pub digest: Digest,
    /// Its configuration.
    pub document: ImageDocument,
}

/// The images that were looked up so far.
pub type Known = BTreeMap<Wanted, KnownImage>;

/// What became of a Dockerfile.
#[derive(Debug)]
pub enum Planned {
    /// There is a plan.
    Complete(Box<Plan>),
    /// These images have to be looked up first.
    Wants(BTreeSet<Wanted>),
}
