//! `coracle image rm`.

use clap::Args;
use coracle_spec::ImageRef;

use crate::context::Context;
use crate::engine::open_store;
use crate::error::Error;
use crate::stored::StoredError;

/// Remove names of images
///
/// What nothing else uses is then removed by itself in time, or with `coracle cache gc`.
#[derive(Debug, Args)]
pub(super) struct Rm {
    /// The names
    #[arg(required = true)]
    images: Vec<ImageRef>,
}

impl Rm {
    pub(super) fn run(self, context: &Context) -> Result<(), Error> {
        let store = open_store(&context.settings)?;
        let mut unknown = Vec::new();
        for image in &self.images {
            if store.remove_name(image)? {
                context.printer.say(format_args!("removed {}", image.canonical()));
            } else {
                unknown.push(image.to_string());
            }
        }
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(StoredError::Unknown(unknown.join("`, `")).into())
        }
    }
}
