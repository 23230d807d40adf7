//! The root that npm runs in.

use super::runtime::Runtime;
use crate::context::Context;
use crate::draft::Draft;
use crate::op::{BaseKind, Fetch, Op, Registry, Unpack, Version, Write, Written};
use crate::step::StepId;

/// npm's version: the newest that runs on every Node that is offered.
const VERSION: &str = "11.21.2";
const INTEGRITY: &str =
    "sha512-7HPApk+AflMUavSseL1Pm6CnYqMIHk53x+KmuhqmTDqPkjPMgxIpTPcTqsE91EKNw4gFBJV9fnXiSdGm1DXq9A==";

const FOLDER: &str = "/usr/local/lib/node_modules/npm";

/// Answers the command that runs npm.
pub(super) fn npm() -> [String; 2] {
    ["node".to_owned(), format!("{FOLDER}/bin/npm-cli.js")]
}

/// Adds the root that npm runs in. `node` holds Node, when the base does not.
pub(super) fn builder(
    context: Context<'_>,
    runtime: &Runtime,
    node: Option<StepId>,
    draft: &mut Draft,
) -> Vec<StepId> {
    let base = draft.step(
        "builder",
        "assemble the builder",
        runtime.base(context, BaseKind::Builder),
    );
    let npm = draft.step("npm", format!("fetch npm {VERSION}"), fetch());
    let links = draft.step(
        "npm-links",
        "put npm on the search path",
        Op::Write(Write { files: links() }),
    );
    [Some(base), node, Some(npm), Some(links)]
        .into_iter()
        .flatten()
        .collect()
}

fn fetch() -> Op {
    Op::Fetch(Fetch {
        registry: Registry::Npm,
        package: "npm".to_owned(),
        version: Version::Exact {
            version: VERSION.to_owned(),
            integrity: INTEGRITY.to_owned(),
            path: format!("npm/-/npm-{VERSION}.tgz"),
        },
        unpack: vec![Unpack {
            from: String::new(),
            to: FOLDER.to_owned(),
        }],
    })
}

/// Install scripts of packages call npm by its name.
fn links() -> Vec<Written> {
    let link = |name: &str| Written::Link {
        path: format!("/usr/local/bin/{name}"),
        target: format!("{FOLDER}/bin/{name}-cli.js"),
    };
    vec![link("npm"), link("npx")]
}
