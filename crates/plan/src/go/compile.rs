//! The step that compiles the program, and what it stands on.

use coracle_spec::revision::Network;

use super::application::{Application, Kind};
use super::framework;
use super::project::{Module, Project, inside};
use super::{PROGRAM, RELEASE, cgo, toolchain};
use crate::context::Context;
use crate::development;
use crate::draft::{self, Draft, build_environment, words};
use crate::error::PlanError;
use crate::op::{BaseKind, CacheMount, Capture, Input, Op, Run, Sharing};
use crate::step::StepId;

/// Where the source is while it is compiled.
const SOURCE: &str = "/src";

/// Where modules are kept between builds, and what the compiler wrote.
const MODULES: &str = "/go/pkg/mod";
const CACHE: &str = "/root/.cache/go-build";

/// No names of local variables and types for debuggers, and no identity of the link: nothing that differs between
/// equal builds, and a third less to store. Stack traces keep files and lines.
const LINKER: &str = "-ldflags=-s -w -buildid=";

/// A program to compile.
pub(super) struct Compile<'a> {
    project: &'a Project,
    application: &'a Application,
    files: Vec<String>,
    is_vendored: bool,
}

impl<'a> Compile<'a> {
    /// Prepares to compile an application of which `files` are part.
    pub(super) fn new(
        context: Context<'_>,
        project: &'a Project,
        application: &'a Application,
        files: Vec<String>,
    ) -> Result<Self, PlanError> {
        let module = project.module_of(&application.folder)?;
        Ok(Self {
            project,
            application,
            files: files.into_iter().filter(|file| is_compiled(file)).collect(),
            is_vendored: project.is_vendored(context, module) && application.kind == Kind::Program,
        })
    }

    /// Adds the image's base, and what the compiler runs in; answers the latter.
    pub(super) fn root(
        &self,
        context: Context<'_>,
        request: &str,
        draft: &mut Draft,
    ) -> Result<Vec<StepId>, PlanError> {
        let has_c = cgo::is_used(context, self.application)?;
        let packages = &context.manifest.build.packages;
        let is_static = !has_c && packages.iter().all(|name| development::is_only_for_builds(name));
        let base = draft.layer("base", "assemble the base", image_base(context, is_static));
        let builder = if has_c || development::is_wanted(context.manifest) {
            let packages: &[&str] = if has_c { &cgo::BUILDER } else { &[] };
            let op = draft::base(context, "go", RELEASE, BaseKind::Builder, packages);
            draft.step("builder", "assemble the builder", op)
        } else if is_static && !context.target.is_foreign() {
            base
        } else {
            draft.step(
                "builder",
                "assemble the builder",
                draft::static_base(context.target.host),
            )
        };
        let name = format!("fetch Go {request}");
        let toolchain = draft.step("toolchain", name, toolchain::fetch(context, request));
        Ok(vec![builder, toolchain])
    }

    /// Answers the operation.
    pub(super) fn op(self, context: Context<'_>, root: Vec<StepId>) -> Result<Op, PlanError> {
        let module = self.project.module_of(&self.application.folder)?;
        let has_c = cgo::is_used(context, self.application)?;
        let (workdir, package) = self.package(module);
        let network = self.network(module);
        let mut env = build_environment([
            ("CGO_ENABLED", if has_c { "1" } else { "0" }),
            ("GOARCH", context.target.arch.name()),
            ("GOCACHE", CACHE),
            ("GOFLAGS", self.flags()),
            ("GOMODCACHE", MODULES),
            ("GOOS", "linux"),
            ("GOTELEMETRY", "off"),
            ("GOTOOLCHAIN", "local"),
        ]);
        env.insert("GOWORK".to_owned(), self.workspace());
        let path = format!("{}/bin:/usr/bin:/bin", toolchain::FOLDER);
        env.insert("PATH".to_owned(), path);
        let mut inputs = vec![Input::Source {
            files: self.files,
            to: SOURCE.to_owned(),
        }];
        if let Kind::Handler(handler) = &self.application.kind {
            let own = framework::inputs(self.project, module, handler, &self.application.folder);
            inputs.extend(own);
        }
        Ok(Op::Run(Run {
            root,
            command: words(["go", "build", LINKER, "-o", PROGRAM, &package]),
            env,
            workdir,
            inputs,
            caches: vec![cache("go-build", CACHE), cache("go-modules", MODULES)],
            network,
            capture: vec![Capture {
                path: "/usr/local/bin".to_owned(),
                exclude: Vec::new(),
            }],
        }))
    }

    /// Answers where the compiler runs, and what it compiles.
    fn package(&self, module: &Module) -> (String, String) {
        match &self.application.kind {
            Kind::Handler(_) => (framework::FOLDER.to_owned(), ".".to_owned()),
            Kind::Program => {
                let beneath = self.application.folder[module.folder.len()..].trim_start_matches('/');
                (
                    staged(&module.folder),
                    format!("./{beneath}").trim_end_matches('/').to_owned(),
                )
            }
        }
    }

    /// Changes to what the author pinned are refused, and nothing of the machine or of version control gets into the
    /// program.
    fn flags(&self) -> &'static str {
        if self.is_vendored {
            "-mod=vendor -trimpath -buildvcs=false"
        } else {
            "-mod=readonly -modcacherw -trimpath -buildvcs=false"
        }
    }

    fn workspace(&self) -> String {
        match (&self.application.kind, &self.project.workspace) {
            (Kind::Handler(_), _) => format!("{}/go.work", framework::FOLDER),
            (Kind::Program, Some(file)) => staged(&file.file),
            (Kind::Program, None) => "off".to_owned(),
        }
    }

    /// A program whose modules are all in the folder is compiled without a network.
    fn network(&self, module: &Module) -> Network {
        let modules: Vec<&Module> = match self.project.workspace {
            Some(_) => self.project.modules.iter().collect(),
            None => vec![module],
        };
        let is_elsewhere = |module: &&Module| {
            let local = |name: &str| {
                let replaced = module.file.replaced(name);
                replaced.is_some_and(|replace| replace.folder().is_some())
                    || modules.iter().any(|other| other.file.module == name)
            };
            module.file.requires.iter().any(|(name, _)| !local(name))
        };
        let needs = matches!(self.application.kind, Kind::Handler(_)) || modules.iter().any(is_elsewhere);
        if needs && !self.is_vendored {
            Network::Egress
        } else {
            Network::None
        }
    }
}

/// Answers where a file or folder of the source is while it is compiled.
pub(super) fn staged(path: &str) -> String {
    inside(SOURCE, path).trim_end_matches('/').to_owned()
}

/// Answers whether a file of the application can matter to the compiler: any may be embedded, but tests.
fn is_compiled(file: &str) -> bool {
    !file.ends_with("_test.go")
}

/// Answers whether a program may open a file of the application: what only the compiler reads is not in images.
pub(super) fn is_read_at_run_time(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    let about_modules = ["go.mod", "go.sum", "go.work", "go.work.sum"];
    let aside = ["vendor", "testdata"];
    !(super::is_source(file)
        || about_modules.contains(&name)
        || file.split('/').any(|folder| aside.contains(&folder)))
}

fn image_base(context: Context<'_>, is_static: bool) -> Op {
    if is_static {
        draft::static_base(context.target.arch)
    } else {
        draft::base(context, "plain", RELEASE, BaseKind::Runtime, &[])
    }
}

fn cache(name: &str, target: &str) -> CacheMount {
    CacheMount {
        name: name.to_owned(),
        target: target.to_owned(),
        sharing: Sharing::Shared,
    }
}
