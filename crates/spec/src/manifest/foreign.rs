//! What a manifest may say of an image that is taken as it is, and what its instances may do.
//!
//! Nothing is built of it, so that keys which say how to build would mean nothing; leaving them unread would let an
//! author wait for an effect that never comes.

use super::build::BuildType;
use super::error::Fault;
use super::section::Section;
use crate::revision::Profile;

/// The keys of `build` that mean something for an image that is taken as it is.
const OF_IMAGES: [&str; 2] = ["type", "from"];

/// Fails when `from` is missing, or stands beside what contradicts it.
pub(super) fn check(build: &Section<'_>, kind: BuildType) -> Result<(), Fault> {
    match (kind, build.find("from")) {
        (BuildType::Image, None) => {
            Err(build.invalid("type", "an image needs `build.from`, its reference".to_owned()))
        }
        (BuildType::Image, Some(_)) => match build.keys().find(|key| !OF_IMAGES.contains(key)) {
            Some(key) => Err(build.invalid(
                key,
                "nothing is built of an image that is taken as it is".to_owned(),
            )),
            None => Ok(()),
        },
        (_, Some(_)) => Err(build.invalid("from", "this is for `build.type: image` only".to_owned())),
        (_, None) => Ok(()),
    }
}

/// Answers what instances may do: what stands on others' images expects what Docker allows.
pub(super) fn profile(kind: BuildType) -> Profile {
    match kind {
        BuildType::Image | BuildType::Dockerfile | BuildType::Buildpacks => Profile::Image,
        BuildType::Source | BuildType::Artifact => Profile::Own,
    }
}
