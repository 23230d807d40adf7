//! Installing packages with uv, and compiling them.

use std::collections::BTreeSet;

use coracle_spec::revision::Network;

use super::bytecode;
use super::release::Release;
use crate::context::Context;
use crate::development;
use crate::draft::{self, Draft, build_environment};
use crate::op::{BaseKind, CacheMount, Capture, Input, Op, Run, Sharing};
use crate::step::StepId;
use crate::target::Arch;

/// Where requirements files are during the installation.
pub(super) const FILES: &str = "/build";

const MAIN: &str = include_str!("install.py");

/// Where the program is that calls uv.
const PROGRAM: &str = "/opt/coracle/install.py";

/// Where what was compiled before lies: most of an installation that changes is as it was.
const BYTECODE_CACHE: &str = "/root/.cache/bytecode";

/// Where the packages lie that were downloaded before.
const UV_CACHE: &str = "/root/.cache/uv";

/// What stands between two calls of uv.
const THEN: &str = ";";

/// What is installed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Install {
    /// What uv is called with, one call after the other; those that install come without what all of them have.
    pub(super) calls: Vec<Call>,
    /// What it reads.
    pub(super) inputs: Vec<Input>,
    /// Whether the author's files name the index that is asked in place of the host's.
    pub(super) names_index: bool,
    /// Debian packages that installing needs.
    pub(super) tools: BTreeSet<&'static str>,
}

/// A call of uv.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// Installs what these arguments name.
    Install(Vec<String>),
    /// Anything else.
    Other(Vec<String>),
}

impl Install {
    /// Answers the operation that installs into `/usr/local` over `root`, and compiles what it installed.
    pub(super) fn op(&self, context: Context<'_>, release: Release, root: Vec<StepId>) -> Op {
        Op::Run(Run {
            root,
            command: self.command(context, release),
            env: build_environment([
                ("BYTECODE_CACHE", BYTECODE_CACHE),
                ("PYTHONHASHSEED", "0"),
                // The earliest time that a zip archive can hold.
                ("SOURCE_DATE_EPOCH", "315532800"),
                ("UV_BREAK_SYSTEM_PACKAGES", "1"),
                ("UV_CACHE_DIR", UV_CACHE),
                ("UV_HTTP_RETRIES", "2"),
                // What pip does: the best version of all indexes.
                ("UV_INDEX_STRATEGY", "unsafe-best-match"),
                ("UV_LINK_MODE", "copy"),
                ("UV_NO_EDITABLE", "1"),
                ("UV_NO_PROGRESS", "1"),
                ("UV_PYTHON_DOWNLOADS", "never"),
            ]),
            workdir: FILES.to_owned(),
            inputs: self.inputs.iter().cloned().chain([program()]).collect(),
            caches: vec![cache("bytecode", BYTECODE_CACHE), cache("uv", UV_CACHE)],
            network: Network::Egress,
            capture: vec![Capture {
                path: "/usr/local".to_owned(),
                exclude: vec!["**/*.dist-info/uv_cache.json".to_owned()],
            }],
        })
    }

    fn command(&self, context: Context<'_>, release: Release) -> Vec<String> {
        let folder = format!("/usr/local/lib/python{}/dist-packages", release.version());
        let mut command = ["python3", "-SB", PROGRAM, &folder].map(str::to_owned).to_vec();
        command.extend(self.names_index.then(|| "own-index".to_owned()));
        for (index, call) in self.calls.iter().enumerate() {
            command.extend((index > 0).then(|| THEN.to_owned()));
            match call {
                Call::Install(arguments) => {
                    command.extend(install_words(context, release));
                    command.extend(arguments.iter().cloned());
                }
                Call::Other(words) => command.extend(words.iter().cloned()),
            }
        }
        command
    }
}

/// Adds a root with a shell and tools, if one is needed: the image's own base does else, as uv needs nothing but Python.
pub(super) fn builder(
    context: Context<'_>,
    release: Release,
    install: Option<&Install>,
    draft: &mut Draft,
) -> Option<StepId> {
    let builds = install.is_some() && development::is_wanted(context.manifest);
    let tools = install
        .map(|install| &install.tools)
        .into_iter()
        .flatten()
        .copied();
    let headers = builds.then_some("python3-dev");
    let mut packages: Vec<&str> = tools.chain(headers).collect();
    if packages.is_empty() && !context.target.is_foreign() {
        return None;
    }
    packages.push("python3");
    let op = draft::base(
        context,
        release.recipe(),
        release.debian(),
        BaseKind::Builder,
        &packages,
    );
    Some(draft.step("builder", "assemble the builder", op))
}

fn cache(name: &str, target: &str) -> CacheMount {
    CacheMount {
        name: name.to_owned(),
        target: target.to_owned(),
        sharing: Sharing::Shared,
    }
}

fn program() -> Input {
    Input::Text {
        contents: format!("{}{MAIN}", bytecode::FUNCTIONS),
        to: PROGRAM.to_owned(),
    }
}

/// Answers what every installation says: where to, and for an image that cannot run here, what for.
fn install_words(context: Context<'_>, release: Release) -> Vec<String> {
    let python = format!("/usr/bin/python{}", release.version());
    let mut words = ["pip", "install", "--python", &python]
        .map(str::to_owned)
        .to_vec();
    if context.target.is_foreign() {
        let platform = format!("{}-manylinux_{}", machine(context.target.arch), release.glibc());
        let foreign = ["--python-platform", &platform, "--only-binary", ":all:"];
        words.extend(foreign.map(str::to_owned));
    }
    words
}

/// Answers the processors' name in the platforms of wheels (PEP 600).
fn machine(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "x86_64",
        Arch::Arm64 => "aarch64",
    }
}
