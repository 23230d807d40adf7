//! What a build made, whoever built.

use std::sync::Arc;
use std::time::Duration;

use coracle_build::{Built, Request, StepReport};
use coracle_buildkit::Solved;
use coracle_content::{Lease, Store};
use coracle_oci::{Image, load_config};
use coracle_spec::manifest::Platform;
use coracle_spec::{Class, Failure};

use crate::error::Error;

/// What a build made.
pub(super) struct Made {
    /// The images with what they are for; at least one.
    pub(super) images: Vec<(Platform, Image)>,
    /// What each step took.
    pub(super) steps: Vec<StepReport>,
    /// How long the whole build took.
    pub(super) duration: Duration,
    /// Keeps the images from collection.
    _lease: Arc<Lease>,
}

/// An image is for machines that we know nothing of.
#[derive(Debug, thiserror::Error)]
#[error("BuildKit made an image for `linux/{0}`, and only those for amd64 and arm64 are of use")]
struct Foreign(String);

impl Failure for Foreign {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some("say what to build for: `--platform linux/amd64`".to_owned())
    }
}

impl Made {
    /// Takes what Coracle built.
    pub(super) fn built(request: &Request, built: Built) -> Self {
        let own = (request.target.arch.platform(), built.image);
        let others = built.others.into_iter();
        let others = others.map(|other| (other.target.arch.platform(), other.image));
        Self {
            images: std::iter::once(own).chain(others).collect(),
            steps: built.steps,
            duration: built.duration,
            _lease: built.lease,
        }
    }

    /// Takes what BuildKit built, whose configurations say what the images are for.
    pub(super) fn solved(store: &Store, solved: Solved) -> Result<Self, Error> {
        let images = solved.images.into_iter();
        let images = images.map(|image| Ok::<_, Error>((platform(store, &image)?, image)));
        Ok(Self {
            images: images.collect::<Result<_, _>>()?,
            steps: solved.steps,
            duration: solved.duration,
            _lease: solved.lease,
        })
    }
}

fn platform(store: &Store, image: &Image) -> Result<Platform, Error> {
    let architecture = load_config(store, image)?.architecture;
    let name = format!("linux/{architecture}");
    let known = Platform::ALL.into_iter().find(|platform| platform.name() == name);
    known.ok_or_else(|| Foreign(architecture).into())
}
