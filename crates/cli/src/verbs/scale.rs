//! `coracle scale`: how many instances a function has.

use std::fmt;

use clap::Args;
use coracle_spec::revision::Scale as Spec;
use coracle_spec::{Class, Failure, Freeze, FunctionId, ScaleChange, Span};

use crate::args::{Remote, Reporting};
use crate::context::Context;
use crate::error::Error;

/// Change how many instances a function has
///
/// It takes effect at once and restarts nothing. It holds until the next deploy, which says anew how many there are to be.
#[derive(Debug, Args)]
pub(crate) struct Scale {
    /// The function: NAME, or NAME.NAMESPACE
    name: FunctionId,
    /// Keep at least COUNT instances
    #[arg(long, value_name = "COUNT")]
    min: Option<u32>,
    /// Have at most COUNT instances
    #[arg(long, value_name = "COUNT")]
    max: Option<u32>,
    /// Let an instance serve COUNT requests at once
    #[arg(long, value_name = "COUNT")]
    concurrency: Option<u32>,
    /// End an instance that had no request for SPAN, such as `5m`
    #[arg(long, value_name = "SPAN")]
    idle: Option<Span>,
    /// Freeze an instance that had no request for SPAN, or `never`
    #[arg(long, value_name = "SPAN")]
    freeze: Option<Freeze>,
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    reporting: Reporting,
}

/// The flags change nothing.
#[derive(Debug, thiserror::Error)]
#[error("nothing to change")]
struct NoChange;

impl Failure for NoChange {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some("say what: `--min`, `--max`, `--concurrency`, `--idle` or `--freeze`".to_owned())
    }
}

impl Scale {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let change = self.change();
        if change.is_empty() {
            return Err(NoChange.into());
        }
        let client = context.client(&self.remote)?;
        let rescaled = client.rescale(&self.name, &change).await?;
        if self.reporting.json {
            return Ok(context.printer.json(&rescaled)?);
        }
        Ok(context.printer.line(Told(&rescaled.scale))?)
    }

    fn change(&self) -> ScaleChange {
        ScaleChange {
            min: self.min,
            max: self.max,
            concurrency: self.concurrency,
            freeze: self.freeze,
            idle: self.idle,
        }
    }
}

/// A scale as people read it.
pub(crate) struct Told<'a>(pub(crate) &'a Spec);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(scale) = self;
        write!(
            f,
            "{} to {} instances, {} requests at once in each, idle ones end after {}",
            scale.min, scale.max, scale.concurrency, scale.idle
        )?;
        match scale.freeze {
            Some(after) => write!(f, ", freeze after {after}"),
            None => f.write_str(", never freeze"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_reads_as_a_sentence() {
        let mut scale = Spec::default();
        assert_eq!(
            Told(&scale).to_string(),
            "0 to 10 instances, 20 requests at once in each, idle ones end after 5m, never freeze"
        );
        scale.freeze = Some(Span::seconds(10));
        assert!(Told(&scale).to_string().ends_with(", freeze after 10s"));
    }
}
