//! The parts of the benchmarks, each of which can be run alone.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::Path;

use anyhow::{Result, bail};
use coracle_peers::Engine;
use coracle_peers::buildkit::{BuildKit, Programs};

use crate::builds::Sides;
use crate::dockerfiles::{KINDS, Kind};
use crate::program::Coracle;
use crate::{builds, cold_start, docker, dockerfiles, function_builder, registry, sizes, unchanged_build};

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Builds,
    Dockerfiles,
    /// Dockerfiles of one kind: `dockerfiles/KIND`.
    Dockerfile(Kind),
    Registry,
    FunctionBuilder,
    Sizes,
    ColdStart,
}

/// All of them, in the order they are measured in.
const PARTS: [(&str, Part); 6] = [
    ("builds", Part::Builds),
    ("dockerfiles", Part::Dockerfiles),
    ("registry", Part::Registry),
    ("function-builder", Part::FunctionBuilder),
    ("sizes", Part::Sizes),
    ("cold-start", Part::ColdStart),
];

impl Part {
    /// Answers the parts of these names, or all of them where none is named.
    pub(crate) fn chosen(names: impl Iterator<Item = OsString>) -> Result<Vec<Self>> {
        let names: Vec<_> = names.map(|name| Self::named(&name.to_string_lossy())).collect();
        if names.is_empty() {
            return Ok(PARTS.map(|(_, part)| part).to_vec());
        }
        names.into_iter().collect()
    }

    fn named(name: &str) -> Result<Self> {
        if let Some((_, part)) = PARTS.iter().find(|(known, _)| *known == name) {
            return Ok(*part);
        }
        let kind = name.strip_prefix("dockerfiles/");
        if let Some(kind) = KINDS.iter().find(|(known, _)| kind == Some(known)) {
            return Ok(Self::Dockerfile(*kind));
        }
        let known = PARTS.map(|(known, _)| known).join(", ");
        let kinds = KINDS.map(|(kind, _)| kind).join(", ");
        bail!("there is no part `{name}`; there are: {known}; and dockerfiles/KIND, a KIND of: {kinds}")
    }
}

/// What the parts are run with.
pub(crate) struct Bench<'a> {
    coracle: &'a Coracle,
    scratch: &'a Path,
    engine: OnceCell<Engine>,
}

impl<'a> Bench<'a> {
    /// Prepares to measure a program, with everything beneath `scratch`.
    pub(crate) fn new(coracle: &'a Coracle, scratch: &'a Path) -> Self {
        Self {
            coracle,
            scratch,
            engine: OnceCell::new(),
        }
    }

    /// Measures a part and prints its tables.
    pub(crate) fn run(&self, part: Part) -> Result<()> {
        match part {
            Part::Builds => self.builds(),
            Part::Dockerfiles => dockerfiles::run(self.coracle, self.scratch, &KINDS),
            Part::Dockerfile(kind) => dockerfiles::run(self.coracle, self.scratch, &[kind]),
            Part::Registry => registry::run(self.coracle, self.scratch),
            Part::FunctionBuilder => function_builder::run(self.coracle, self.scratch),
            Part::Sizes => sizes::run(self.coracle, self.scratch),
            Part::ColdStart => cold_start::run(self.coracle, self.engine()?, self.scratch),
        }
    }

    /// Measures builds beside the newest BuildKit, or, where it cannot be had, beside Docker's own.
    fn builds(&self) -> Result<()> {
        let engine = self.engine()?;
        match Programs::newest() {
            Ok(programs) => {
                let buildkit = &BuildKit::start(programs, self.scratch)?;
                println!("builds: BuildKit {}\n", buildkit.version());
                let sides = Sides {
                    coracle: self.coracle,
                    buildkit,
                    engine,
                };
                builds::run(&sides, self.scratch)
            }
            Err(error) => {
                println!("builds: Docker's own BuildKit, since {error:#}\n");
                unchanged_build::run(self.coracle, engine, self.scratch)
            }
        }
    }

    /// Answers the Docker Engine of those parts that need one, started when the first of them is run.
    fn engine(&self) -> Result<&Engine> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine);
        }
        let engine = Engine::start(self.scratch)?;
        println!(
            "peers: Docker Engine {}, {}\n",
            engine.version()?,
            docker::runc_version()?
        );
        Ok(self.engine.get_or_init(|| engine))
    }
}
