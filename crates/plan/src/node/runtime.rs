//! Node itself: from Debian, or from the npm registry's `node-linux-*` packages.

use super::package::Package;
use super::version::{self, Wanted};
use crate::context::Context;
use crate::draft::{self, Draft};
use crate::error::PlanError;
use crate::op::{BaseKind, Fetch, Op, Registry, Unpack, Version};
use crate::step::StepId;

/// The Debian release.
const RELEASE: &str = "trixie";

/// Where Node comes from.
pub(super) struct Runtime(Wanted);

impl Runtime {
    /// Chooses the version.
    pub(super) fn choose(
        context: Context<'_>,
        package: &Package,
        draft: &mut Draft,
    ) -> Result<Self, PlanError> {
        version::choose(context, package, draft).map(Self)
    }

    /// Adds the image's layers below the application's own, and answers the one that holds a Node of a carrier.
    pub(super) fn layers(&self, context: Context<'_>, draft: &mut Draft) -> Option<StepId> {
        let name = match &self.0 {
            Wanted::Debian => format!("assemble the base with Node {}", version::debian()),
            Wanted::Carried(_) => "assemble the base".to_owned(),
        };
        draft.layer("base", name, self.base(context, BaseKind::Runtime));
        match &self.0 {
            Wanted::Debian => None,
            Wanted::Carried(request) => {
                Some(draft.layer("node", format!("fetch Node {request}"), carrier(context, request)))
            }
        }
    }

    /// Answers the base for an image or a builder.
    pub(super) fn base(&self, context: Context<'_>, kind: BaseKind) -> Op {
        match self.0 {
            Wanted::Debian => draft::base(context, "node-20", RELEASE, kind, &["nodejs"]),
            Wanted::Carried(_) => draft::base(context, "plain", RELEASE, kind, &[]),
        }
    }
}

fn carrier(context: Context<'_>, request: &str) -> Op {
    let package = format!("node-linux-{}", context.target.arch.npm());
    let version = match context.lock.tool(&package, request) {
        None => Version::Newest(request.to_owned()),
        Some(tool) => Version::Exact {
            version: tool.version.clone(),
            integrity: tool.integrity.clone(),
            path: tool.path.clone(),
        },
    };
    let unpack = vec![Unpack {
        from: "bin/node".to_owned(),
        to: "/usr/local/bin/node".to_owned(),
    }];
    Op::Fetch(Fetch {
        registry: Registry::Npm,
        package,
        version,
        unpack,
    })
}
