//! `coracle doctor`: whether this machine can build and run functions, and what to do where it cannot.
//!
//! What can be tried is tried rather than guessed at: a keeper is started, a sandbox runs a program, the archive's
//! signed lists are read. Versions and settings are only looked at where a trial would say no more.

mod bounded;
mod finding;
mod machine;
mod network;
mod program;
mod sandbox;
mod way_out;

use std::process::ExitCode;

use clap::Args;

use crate::args::Reporting;
use crate::context::Context;
use crate::error::Error;

use finding::{Finding, State};

/// Check that this machine can build and run functions
///
/// Says what to do where it cannot. Changes nothing that stays. Exits with 1 when something is missing that builds or sandboxes need.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    reporting: Reporting,
}

impl Doctor {
    pub(super) async fn run(self, context: &Context) -> Result<ExitCode, Error> {
        let mut findings = machine::check(&context.settings.data);
        let (sandboxes, way_out, outside) = tokio::join!(
            sandbox::check(context),
            way_out::check(&context.settings.outside),
            network::check(context),
        );
        findings.extend([sandboxes, way_out, outside].concat());
        if self.reporting.json {
            context.printer.json(&findings)?;
        } else {
            context.printer.line(page(&findings))?;
        }
        let is_sick = findings.iter().any(|finding| finding.state == State::Missing);
        Ok(if is_sick {
            ExitCode::from(1)
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// Answers the findings as people read them: a line each, what to do beneath.
fn page(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max();
    let width = width.unwrap_or(0);
    let lines = findings.iter().map(|finding| {
        let sign = match finding.state {
            State::Good => "✓",
            State::Doubtful => "!",
            State::Missing => "✗",
        };
        let line = format!("{sign} {:<width$}  {}", finding.check, finding.found);
        match &finding.advice {
            None => line,
            Some(advice) => format!("{line}\n  {:<width$}  hint: {advice}", ""),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_line_for_each_finding_and_what_to_do_beneath() {
        let findings = [
            Finding::good("kernel", "6.12.1"),
            Finding::doubtful("disk", "1 GiB free", "make room"),
            Finding::missing("sandboxes", "need root", "run this as root"),
        ];
        insta::assert_snapshot!(page(&findings), @r"
        ✓ kernel     6.12.1
        ! disk       1 GiB free
                     hint: make room
        ✗ sandboxes  need root
                     hint: run this as root
        ");
    }
}
