//! Where the files of a stage, a `COPY` or a mount come from.

use coracle_dockerfile::instruction::Instruction;
use coracle_spec::ImageRef;

use super::super::error::Wrong;
use super::super::scope::{self, Variables};
use super::super::{Input, Wanted};
use super::{Graph, SCRATCH};
use crate::target::Arch;

/// Where files come from, if not from the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dockerfile) enum Source {
    /// Nowhere: there are none.
    Nothing,
    /// A stage, by its number.
    Stage(usize),
    /// An image of a registry.
    Image(Wanted),
}

impl Source {
    /// Reads the name of what is no stage.
    pub(super) fn outside(name: &str, arch: Arch) -> Result<Self, Wrong> {
        if name == SCRATCH {
            return Ok(Self::Nothing);
        }
        let reference: ImageRef = name.parse().map_err(|error| {
            Wrong::new(format!("{error}, and no stage above is called so"))
                .hint("a stage is named as in `FROM image AS name`, and FROM takes its name in lower case")
        })?;
        Ok(Self::Image(Wanted { reference, arch }))
    }
}

impl Graph {
    /// Answers where the files of an instruction come from.
    pub(super) fn sources(
        &self,
        instruction: &Instruction,
        input: &Input<'_>,
        escape: char,
    ) -> Result<Vec<Option<Source>>, Wrong> {
        let arch = input.target.arch;
        match instruction {
            Instruction::Copy(copy) => {
                let from = copy.from.as_deref().filter(|from| !from.is_empty());
                let source = from.map(|from| self.copied(from, arch, escape)).transpose()?;
                Ok(source.into_iter().map(Some).collect())
            }
            Instruction::Run(run) => {
                let origins = run.origins().into_iter();
                let source = |from: Option<String>| {
                    let from = from.filter(|from| !from.is_empty());
                    from.map(|from| self.named(&from, arch)).transpose()
                };
                origins.map(source).collect()
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Reads `--from`: a stage's number or name, or an image. It takes no variables.
    fn copied(&self, from: &str, arch: Arch, escape: char) -> Result<Source, Wrong> {
        if scope::expanded(from, escape, &Variables::new())?.text != from {
            return Err(Wrong::new("`--from` takes no variables")
                .hint("give the stage another name: `FROM $IMAGE AS name`, and `--from=name`"));
        }
        match from.parse::<i64>() {
            Err(_) => self.named(from, arch),
            Ok(number) => match usize::try_from(number) {
                Ok(index) if index < self.stages.len() => Ok(Source::Stage(index)),
                _ => Err(Wrong::new(format!("there is no stage number {number}"))
                    .hint("stages are counted from 0, in their order")),
            },
        }
    }

    fn named(&self, name: &str, arch: Arch) -> Result<Source, Wrong> {
        match self.names.get(&name.to_lowercase()) {
            Some(index) => Ok(Source::Stage(*index)),
            None => Source::outside(name, arch),
        }
    }
}
