//! `coracle completions`: what a shell needs to complete the command line.

use clap::Args;
use clap_complete::Shell;

use crate::context::Context;
use crate::error::Error;
use crate::help;

/// Print a shell's completions of this command line
///
/// bash: `coracle completions bash > /usr/share/bash-completion/completions/coracle`; zsh: to a file `_coracle` in a folder
/// of `fpath`; fish: to `~/.config/fish/completions/coracle.fish`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, context: &Context) -> Result<(), Error> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut help::command(), "coracle", &mut script);
        Ok(context.printer.bytes(&script)?)
    }
}
