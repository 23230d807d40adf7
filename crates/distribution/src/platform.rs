//! Which image of an index is for a platform (image-spec, image-index.md, "platform").

use coracle_spec::manifest::Platform as Wanted;

use crate::document::{Descriptor, Platform};
use crate::error::DistributionError;

/// Chooses the image for `wanted` out of an index.
pub(crate) fn choose<'a>(
    image: &str,
    manifests: &'a [Descriptor],
    wanted: Wanted,
) -> Result<&'a Descriptor, DistributionError> {
    let offered = || {
        manifests
            .iter()
            .filter_map(|one| Some((one.platform.as_ref()?, one)))
    };
    let best = offered()
        .filter_map(|(platform, one)| Some((rank(platform, wanted)?, one)))
        .min_by_key(|(rank, _)| *rank);
    best.map(|(_, one)| one)
        .ok_or_else(|| mismatch(image, wanted, offered().map(|(platform, _)| platform)))
}

/// Answers whether an image for `platform` can be run as one for `wanted`. One that does not say so may be.
pub(crate) fn fits(platform: &Platform, wanted: Wanted) -> bool {
    platform.architecture.is_empty() || rank(platform, wanted).is_some()
}

pub(crate) fn mismatch<'a>(
    image: &str,
    wanted: Wanted,
    offered: impl Iterator<Item = &'a Platform>,
) -> DistributionError {
    let mut names: Vec<String> = offered.filter_map(name).collect();
    names.dedup();
    if names.is_empty() {
        names.push("no platform that it names".to_owned());
    }
    DistributionError::Platform {
        image: image.to_owned(),
        wanted: wanted.name(),
        offered: names,
    }
}

/// Answers how well an image suits, the best with 0: each 64-bit processor runs the oldest variant.
fn rank(platform: &Platform, wanted: Wanted) -> Option<u8> {
    let (os, architecture) = wanted.name().split_once('/')?;
    if platform.os != os || platform.architecture != architecture {
        return None;
    }
    match (wanted, platform.variant.as_str()) {
        (_, "") | (Wanted::LinuxArm64, "v8") => Some(0),
        (Wanted::LinuxAmd64, "v1") => Some(1),
        _ => None,
    }
}

/// Answers a platform's name; nothing for what is no image, such as an attestation.
fn name(platform: &Platform) -> Option<String> {
    let Platform {
        os,
        architecture,
        variant,
    } = platform;
    let slash = if variant.is_empty() { "" } else { "/" };
    (os != "unknown").then(|| format!("{os}/{architecture}{slash}{variant}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(platforms: &[&str]) -> Vec<Descriptor> {
        let one = |name: &&str| {
            let mut parts = name.split('/');
            let mut next = || parts.next().unwrap_or_default();
            let (os, architecture, variant) = (next(), next(), next());
            let json = format!(
                r#"{{"digest":"{name}","size":1,"platform":{{"os":"{os}","architecture":"{architecture}","variant":"{variant}"}}}}"#
            );
            serde_json::from_str(&json).unwrap()
        };
        platforms.iter().map(one).collect()
    }

    #[test]
    fn the_image_for_the_platform_is_chosen_whatever_stands_before_it() {
        for (platforms, wanted, expected) in [
            (
                &["unknown/unknown", "linux/arm64", "linux/amd64"][..],
                Wanted::LinuxAmd64,
                Some(2),
            ),
            (&["linux/amd64/v3", "linux/amd64"], Wanted::LinuxAmd64, Some(1)),
            (&["linux/amd64/v1"], Wanted::LinuxAmd64, Some(0)),
            (&["linux/arm/v7", "linux/arm64/v8"], Wanted::LinuxArm64, Some(1)),
            (&["windows/amd64", "linux/amd64/v2"], Wanted::LinuxAmd64, None),
            (&[], Wanted::LinuxAmd64, None),
        ] {
            let index = index(platforms);
            let chosen = choose("a:1", &index, wanted).ok();
            let place = chosen.and_then(|chosen| index.iter().position(|one| std::ptr::eq(one, chosen)));
            assert_eq!(place, expected, "{platforms:?}");
        }
    }

    #[test]
    fn what_is_offered_instead_is_named() {
        let index = index(&["unknown/unknown", "linux/s390x", "linux/arm/v7"]);
        let error = choose("a:1", &index, Wanted::LinuxAmd64).unwrap_err().to_string();
        assert_eq!(
            error,
            "`a:1` is not made for linux/amd64, but for linux/s390x, linux/arm/v7"
        );
    }
}
