//! What a build came to.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::image::Image;
use crate::listing::listing;
use crate::tree::Tree;
use crate::warning::Warning;

/// What a build came to, as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An image, as text.
    Built(String),
    /// An error.
    Failed {
        /// The first line of the Dockerfile that it is about, if it is about one.
        line: Option<usize>,
        /// What was said, which the sides need not say alike.
        message: String,
    },
}

/// A base image.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    pub(crate) name: String,
    pub(crate) diff_ids: Vec<String>,
    pub(crate) tree: Tree,
}

/// The base images that builds stand on.
#[derive(Debug, Clone, Default)]
pub struct Bases(pub(crate) Vec<Base>);

impl Bases {
    /// Reads the only image of an OCI image layout.
    ///
    /// `server` is the address of the server on loopback, different each time: where the image has it, `SERVER` is put.
    pub fn built(&self, layout: &Path, server: &str) -> Result<Outcome> {
        let image = Image::read(layout)?;
        let base = self
            .0
            .iter()
            .filter(|base| image.diff_ids.starts_with(&base.diff_ids));
        let base = base.max_by_key(|base| base.diff_ids.len());
        Ok(Outcome::Built(listing(&image, base).replace(server, "SERVER")))
    }
}

/// Answers an outcome and warnings in the form that is recorded.
pub(crate) fn text(outcome: &Outcome, warnings: &[Warning]) -> String {
    let mut text = String::new();
    for warning in warnings {
        let _ = writeln!(text, "{warning}");
    }
    match outcome {
        Outcome::Built(listing) => text.push_str(listing),
        Outcome::Failed { line, message } => {
            let line = line.map(|line| format!(" {line}")).unwrap_or_default();
            let _ = writeln!(text, "fails{line}\n# {message}");
        }
    }
    text
}
