//! Where images go that leave as files, or into a Docker Engine.

use std::path::PathBuf;
use std::str::FromStr;

use coracle_content::Store;
use coracle_distribution::Layers;
use coracle_oci::{Compression, ExportError, Image, Index, Output, export, export_index};
use coracle_spec::ImageRef;

use crate::blocking::blocking;
use crate::context::Context;
use crate::error::Error;
use crate::interrupt::Interrupt;

/// Where an image goes.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    text: String,
    to: To,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum To {
    Files(Output),
    Docker,
}

/// How layers are compressed that leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Layering {
    /// For every engine
    #[default]
    Gzip,
    /// For newer engines: smaller, and faster to unpack
    Zstd,
}

/// Something that is written to files.
pub(crate) trait Export: Clone + Send + 'static {
    /// Writes it; answers what was written.
    fn export(&self, store: &Store, files: &Files) -> Result<Self, ExportError>;
}

/// Files that are written.
pub(crate) struct Files {
    to: Output,
    compression: Compression,
    name: ImageRef,
}

impl Export for Image {
    fn export(&self, store: &Store, files: &Files) -> Result<Self, ExportError> {
        export(store, self, &files.to, files.compression, &files.name)
    }
}

impl Export for Index {
    fn export(&self, store: &Store, files: &Files) -> Result<Self, ExportError> {
        export_index(store, self, &files.to, files.compression, &files.name)
    }
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let to = match text.split_once(':') {
            Some(("oci", path)) if !path.is_empty() => To::Files(Output::Layout(PathBuf::from(path))),
            Some(("oci-archive" | "docker-archive", path)) if !path.is_empty() => {
                To::Files(Output::Archive(PathBuf::from(path)))
            }
            None if text == "docker" => To::Docker,
            _ => {
                return Err(
                    "expected `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE` or `docker`".to_owned(),
                );
            }
        };
        Ok(Self {
            text: text.to_owned(),
            to,
        })
    }
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Layering {
    /// Answers how a layer is compressed.
    pub(crate) fn compression(self) -> Compression {
        match self {
            Self::Gzip => Compression::Gzip,
            Self::Zstd => Compression::Zstd,
        }
    }

    /// Answers how layers are pushed.
    pub(crate) fn layers(self) -> Layers {
        match self {
            Self::Gzip => Layers::Gzip,
            Self::Zstd => Layers::Zstd,
        }
    }
}

impl Destination {
    /// Writes an image there under its names, of which files get the first, until Ctrl-C ends that.
    pub(crate) async fn write<T: Export>(
        &self,
        context: &Context,
        store: &Store,
        what: (&T, Layering),
        names: &[ImageRef],
    ) -> Result<T, Error> {
        let mut interrupt = Interrupt::listen()?;
        tokio::select! {
            written = self.write_whole(context, store, what, names) => written,
            () = interrupt.next() => Err(Interrupted(self.to_string()).into()),
        }
    }

    async fn write_whole<T: Export>(
        &self,
        context: &Context,
        store: &Store,
        (what, layering): (&T, Layering),
        names: &[ImageRef],
    ) -> Result<T, Error> {
        let name = names.first().ok_or(Nameless)?;
        let files = |to| Files {
            to,
            compression: layering.compression(),
            name: name.clone(),
        };
        match &self.to {
            To::Files(output) => write_files(store, what, files(output.clone())).await,
            To::Docker => {
                let scratch = store.scratch()?;
                let archive = scratch.path().join("image.tar");
                let written = write_files(store, what, files(Output::Archive(archive.clone()))).await?;
                let engine = context.settings.registries.engine();
                engine.load(&archive).await?;
                for other in &names[1..] {
                    engine.tag(name, other).await?;
                }
                Ok(written)
            }
        }
    }
}

/// Writes on a thread of its own, so that Ctrl-C is heard meanwhile; the thread ends with the process, and what it has
/// not finished has no name.
async fn write_files<T: Export>(store: &Store, what: &T, files: Files) -> Result<T, Error> {
    let (store, what) = (store.clone(), what.clone());
    Ok(blocking(move || what.export(&store, &files)).await?)
}

/// The user ended it before all was written.
#[derive(Debug, thiserror::Error)]
#[error("writing to `{0}` was interrupted")]
struct Interrupted(String);

impl coracle_spec::Failure for Interrupted {
    fn class(&self) -> coracle_spec::Class {
        coracle_spec::Class::Unavailable
    }

    fn hint(&self) -> Option<String> {
        Some("the image is there: `coracle image ls` lists it, `coracle image export` writes it".to_owned())
    }
}

/// What is written has no name.
#[derive(Debug, thiserror::Error)]
#[error("an image that leaves needs a name")]
struct Nameless;

impl coracle_spec::Failure for Nameless {
    fn class(&self) -> coracle_spec::Class {
        coracle_spec::Class::User
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_layouts_archives_and_engines_and_nothing_else() {
        let to = |text: &str| text.parse::<Destination>().map(|destination| destination.to);
        assert!(matches!(to("oci:out"), Ok(To::Files(Output::Layout(_)))));
        for archive in ["oci-archive:a.tar", "docker-archive:a.tar"] {
            assert!(matches!(to(archive), Ok(To::Files(Output::Archive(_)))));
        }
        assert_eq!(to("docker"), Ok(To::Docker));
        for bad in ["", "oci", "oci:", "docker:x", "a.tar"] {
            assert!(to(bad).is_err(), "{bad}");
        }
    }
}
