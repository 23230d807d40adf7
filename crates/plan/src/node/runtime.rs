//! Node itself: from Debian, or from the npm registry's `node-linux-*` packages.

use super::package::Package;
use super::version::{self, Wanted};
use crate::context::Context;
use crate::draft::{self, Draft};
use crate::error::PlanError;
use crate::op::{BaseKind, Fetch, Op, Registry, Unpack};
use crate::step::StepId;
use crate::target::Arch;

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
        let wanted = version::choose(context, package, draft)?;
        if let Wanted::Carried(request) = &wanted {
            draft.warnings.extend(substituted(context, request));
        }
        Ok(Self(wanted))
    }

    /// Answers the first part of the version: `24`.
    pub(super) fn major(&self) -> String {
        match &self.0 {
            Wanted::Debian => version::DEBIAN.0.to_string(),
            Wanted::Carried(request) => request.split('.').next().unwrap_or(request).to_owned(),
        }
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
                let fetch = carrier(context, request, context.target.arch);
                Some(draft.layer("node", format!("fetch Node {request}"), fetch))
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

    /// Answers the step that holds the Node that builds run on, when the builder's base has none. `image` holds the
    /// image's own.
    pub(super) fn builder_node(
        &self,
        context: Context<'_>,
        image: Option<StepId>,
        draft: &mut Draft,
    ) -> Option<StepId> {
        match &self.0 {
            Wanted::Carried(request) if context.target.is_foreign() => {
                let fetch = carrier(context, request, context.target.host);
                Some(draft.step(
                    "builder-node",
                    format!("fetch Node {request} for the builder"),
                    fetch,
                ))
            }
            _ => image,
        }
    }
}

/// Answers a warning when the lock file pins another version than the one that is asked for, which nobody published.
fn substituted(context: Context<'_>, request: &str) -> Option<String> {
    let tool = context.lock.tool(&package(context.target.arch), request)?;
    let version = &tool.version;
    let fits = version == request || version.starts_with(&format!("{request}."));
    (!fits).then(|| format!("Node {request} is asked for; {version} is the nearest that can be had"))
}

fn package(arch: Arch) -> String {
    format!("node-linux-{}", arch.npm())
}

fn carrier(context: Context<'_>, request: &str, arch: Arch) -> Op {
    let package = package(arch);
    let unpack = vec![Unpack {
        from: "bin/node".to_owned(),
        to: "/usr/local/bin/node".to_owned(),
    }];
    Op::Fetch(Fetch {
        registry: Registry::Npm,
        version: context.newest(&package, request),
        package,
        unpack,
    })
}
