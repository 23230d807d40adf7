//! Programs that lead requests to another program in the same instance: OpenFaaS' of-watchdog, in most images that are
//! made of its templates.
//!
//! It listens before what it starts does, and answers `/_/health` and `/_/ready` well from then on: neither says when the
//! first request would be answered. Its configuration does say where the other program will listen (of-watchdog's
//! README.md, "Configuration"), so that this can be waited for.

use coracle_oci::ImageConfig;
use coracle_spec::RevisionConfig;
use hyper::Uri;

/// What the other program is started by, under either name.
const PROCESS: [&str; 2] = ["function_process", "fprocess"];
/// Where it listens, the name that counts more first.
const UPSTREAM: [&str; 2] = ["http_upstream_url", "upstream_url"];
/// Whether there is another program for all requests, or one for each.
const MODE: &str = "mode";

/// Answers the port of the program that a watchdog leads requests to; `None` where there is none.
pub(crate) fn behind(image: &ImageConfig, config: &RevisionConfig) -> Option<u16> {
    let told = |name: &str| config.env.get(name).or_else(|| image.env.get(name));
    let is_watchdog =
        told(MODE).is_some_and(|mode| mode == "http") && PROCESS.into_iter().any(|name| told(name).is_some());
    let upstream = UPSTREAM.into_iter().find_map(told).filter(|_| is_watchdog)?;
    port_here(upstream)
}

/// Answers the port of an address on the instance's own loopback.
fn port_here(address: &str) -> Option<u16> {
    let address: Uri = address.parse().ok()?;
    let is_here = matches!(address.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
    is_here.then(|| address.port_u16().unwrap_or(80))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn a_program_behind_a_watchdog_is_found_by_the_images_and_the_revisions_variables() {
        let whole = [
            ("mode", "http"),
            ("fprocess", "node index.js"),
            ("upstream_url", "http://127.0.0.1:3000"),
        ];
        let with = |more: &[(&str, &str)]| env(&[&whole[..], more].concat());
        for (of_image, of_revision, expected) in [
            (with(&[]), env(&[]), Some(3000)),
            (
                with(&[]),
                env(&[("upstream_url", "http://localhost:5000/")]),
                Some(5000),
            ),
            (
                with(&[("http_upstream_url", "http://127.0.0.1")]),
                env(&[]),
                Some(80),
            ),
            (env(&whole[..2]), env(&whole[2..]), Some(3000)),
            (with(&[]), env(&[("mode", "streaming")]), None),
            (
                with(&[]),
                env(&[("upstream_url", "http://db.example:3000")]),
                None,
            ),
            (with(&[]), env(&[("upstream_url", "not an address")]), None),
            (env(&[whole[0], whole[2]]), env(&[]), None),
            (env(&whole[1..]), env(&[]), None),
            (env(&whole[..2]), env(&[]), None),
        ] {
            let image = ImageConfig {
                env: of_image,
                ..ImageConfig::default()
            };
            let config = RevisionConfig {
                env: of_revision,
                ..RevisionConfig::default()
            };
            assert_eq!(
                behind(&image, &config),
                expected,
                "{:?} {:?}",
                image.env,
                config.env
            );
        }
    }
}
