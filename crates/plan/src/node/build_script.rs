//! The author's own `build` script: run where the packages for development are, so that the image needs none of them.

use coracle_spec::revision::Network;

use super::tools::Installed;
use crate::context::Context;
use crate::draft::{APP, build_environment};
use crate::files;
use crate::op::{CacheMount, Capture, Input, Op, Run, Sharing};
use crate::step::StepId;

/// Answers the operation that runs the script and keeps what it made. `npm` runs it, whichever manager installed the
/// packages: all that a script needs of a manager is the search path.
pub(super) fn op(context: Context<'_>, npm: Installed, installed: Vec<StepId>) -> Op {
    let words = ["run", "build"].map(str::to_owned);
    let mut root = npm.root;
    root.extend(
        installed
            .into_iter()
            .filter(|step| !root.contains(step))
            .collect::<Vec<_>>(),
    );
    Op::Run(Run {
        root,
        command: npm.command.into_iter().chain(words).collect(),
        env: build_environment([
            ("CI", "true"),
            ("npm_config_cache", "/root/.npm"),
            ("npm_config_update_notifier", "false"),
        ]),
        workdir: APP.to_owned(),
        inputs: vec![Input::Source {
            files: files::readable(context),
            to: APP.to_owned(),
        }],
        caches: vec![CacheMount {
            name: "npm".to_owned(),
            target: "/root/.npm".to_owned(),
            sharing: Sharing::Shared,
        }],
        network: Network::Egress,
        capture: vec![Capture {
            path: APP.to_owned(),
            exclude: ["**/node_modules/**", "**/*.tsbuildinfo", ".next/cache/**"]
                .map(str::to_owned)
                .into(),
        }],
    })
}
