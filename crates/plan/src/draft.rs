//! A plan while it is being made.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::development;
use crate::error::PlanError;
use crate::files;
use crate::op::{Base, BaseKind, Copy, Op};
use crate::plan::{ImagePlan, Plan};
use crate::step::{Step, StepId};
use crate::target::Arch;

/// Where the application is in the image.
pub(crate) const APP: &str = "/app";

/// The user that applications run as: `nonroot`, which every base has.
const USER: &str = "65532:65532";

/// The port, when the manifest names none.
const PORT: u16 = 8080;

/// The Debian release that static bases are of.
const STATIC_RELEASE: &str = "trixie";

/// A plan while it is being made.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) why: Vec<String>,
    pub(crate) warnings: Vec<String>,
    steps: Vec<Step>,
    layers: Vec<StepId>,
}

/// What a runtime says about the image, besides its layers.
pub(crate) struct Start {
    pub(crate) runtime: &'static str,
    pub(crate) command: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
}

impl Draft {
    /// Adds a step whose layers only other steps use.
    pub(crate) fn step(&mut self, id: &str, name: impl Into<String>, op: Op) -> StepId {
        let id = StepId::from(id);
        self.steps.push(Step {
            id: id.clone(),
            name: name.into(),
            op,
        });
        id
    }

    /// Adds a step whose layers are the image's next ones.
    pub(crate) fn layer(&mut self, id: &str, name: impl Into<String>, op: Op) -> StepId {
        let id = self.step(id, name, op);
        self.layers.push(id.clone());
        id
    }

    /// Adds the application's own files as the image's last layer.
    pub(crate) fn application(&mut self, context: Context<'_>) -> Result<Vec<String>, PlanError> {
        self.application_without(context, |_| false)
    }

    /// Adds the application's own files, without those that only its build reads.
    pub(crate) fn application_without(
        &mut self,
        context: Context<'_>,
        is_only_built: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, PlanError> {
        let mut selected = files::select(context)?;
        selected.files.retain(|path| !is_only_built(path));
        self.warnings.extend(selected.warnings);
        let copy = Copy {
            files: selected.files.clone(),
            to: APP.to_owned(),
        };
        self.layer("application", "copy the application", Op::Copy(copy));
        Ok(selected.files)
    }

    /// Answers the finished plan.
    pub(crate) fn finish(self, context: Context<'_>, start: Start) -> Plan {
        let revision = &context.manifest.revision;
        let port = revision.port.unwrap_or(PORT);
        let own_command = !revision.command.is_empty() || !revision.entrypoint.is_empty();
        let command = if own_command {
            revision.command.clone()
        } else {
            start.command
        };
        let image = ImagePlan {
            layers: self.layers,
            entrypoint: revision.entrypoint.clone(),
            command,
            env: environment(start.env, port),
            workdir: APP.to_owned(),
            user: USER.to_owned(),
            port,
            labels: revision.labels.clone(),
            document: None,
        };
        Plan {
            runtime: start.runtime.to_owned(),
            why: self.why,
            warnings: self.warnings,
            steps: self.steps,
            image,
            excerpts: BTreeMap::new(),
        }
    }
}

/// Answers the base of an image, for the processors that it runs on, or the root of its builds, for those that
/// build it. Packages of the author's that only builds use are in the latter alone.
pub(crate) fn base(context: Context<'_>, name: &str, release: &str, kind: BaseKind, packages: &[&str]) -> Op {
    let own = context.manifest.build.packages.iter();
    let own = own.filter(|name| kind == BaseKind::Builder || !development::is_only_for_builds(name));
    let mut packages: Vec<String> = packages
        .iter()
        .map(|name| (*name).to_owned())
        .chain(own.cloned())
        .collect();
    packages.sort();
    packages.dedup();
    let (name, arch) = match kind {
        BaseKind::Static | BaseKind::Runtime => (name.to_owned(), context.target.arch),
        BaseKind::Builder => (format!("{name}-builder"), context.target.host),
    };
    Op::Base(Base {
        recipe: format!("{name}-{}", arch.name()),
        release: release.to_owned(),
        arch,
        kind,
        packages,
    })
}

/// Answers the base of an image, or the root of a build, whose programs are all linked statically.
pub(crate) fn static_base(arch: Arch) -> Op {
    Op::Base(Base {
        recipe: format!("static-{}", arch.name()),
        release: STATIC_RELEASE.to_owned(),
        arch,
        kind: BaseKind::Static,
        packages: Vec::new(),
    })
}

/// Makes a map of texts.
pub(crate) fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// Makes a list of texts.
pub(crate) fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

fn environment(own: BTreeMap<String, String>, port: u16) -> BTreeMap<String, String> {
    let mut env = map([
        ("HOME", "/home/nonroot"),
        ("LANG", "C.UTF-8"),
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ),
    ]);
    env.insert("PORT".to_owned(), port.to_string());
    env.extend(own);
    env
}

/// Answers the environment of a build's command.
pub(crate) fn build_environment<const N: usize>(own: [(&str, &str); N]) -> BTreeMap<String, String> {
    let mut env = map([
        ("HOME", "/root"),
        ("LANG", "C.UTF-8"),
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ),
    ]);
    env.extend(map(own));
    env
}
