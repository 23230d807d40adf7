//! Tools that come as packages of a language's registry.

mod module;
mod wheel;

use std::io::{self, Read, Seek};
use std::path::{Component, Path, PathBuf};

use coracle_content::{Scratch, Store, StoreError, Tree};
use coracle_fetch::{Checksum, Download, FetchError, Fetcher, InvalidChecksum, Progress, Silent};
use coracle_oci::{Layer, LayerError, LayerWriter, Metadata, write_layer};
use coracle_plan::{Tool, Unpack};
use coracle_spec::{Class, Digest, FREE_SPACE, Failure};
use flate2::read::GzDecoder;
use fs_err::File;

use super::{EPOCH, layer_options};

pub(crate) use wheel::fetch_wheel;

/// The largest archive of a tool: Node's is 60 MB.
const MOST_DOWNLOAD: u64 = 512 << 20;

/// The most that an archive may hold.
const MOST_UNPACKED: u64 = 2 << 30;

/// What the digests of toolchains' trees are made of besides their contents.
const TREE: &str = "toolchain-1";

/// Why a tool cannot be put into a layer.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The pinned checksum is none.
    #[error("the checksum that `{tool}` is pinned to is unusable")]
    Checksum {
        /// The tool.
        tool: String,
        /// What is wrong with it.
        source: InvalidChecksum,
    },
    /// The archive cannot be downloaded.
    #[error("cannot download `{tool}`")]
    Download {
        /// The tool and its version.
        tool: String,
        /// Why not.
        source: Box<FetchError>,
    },
    /// The archive cannot be read.
    #[error("cannot unpack `{tool}`")]
    Unpack {
        /// The tool and its version.
        tool: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The archive holds something else than what is pinned.
    #[error("`{tool}` is not what is pinned: `{found}` instead of `{pinned}`")]
    Other {
        /// The tool and its version.
        tool: String,
        /// The hash of what it holds.
        found: String,
        /// The hash of what it should hold.
        pinned: String,
    },
    /// The archive lacks what the plan takes out of it.
    #[error("`{tool}` holds no `{path}`")]
    Missing {
        /// The tool and its version.
        tool: String,
        /// What the plan takes.
        path: String,
    },
    /// The layer cannot be written.
    #[error("cannot write the layer")]
    Layer(#[from] LayerError),
    /// The store has no room for the archive.
    #[error("cannot keep the archive")]
    Store(#[from] StoreError),
}

impl Failure for ToolError {
    fn class(&self) -> Class {
        match self {
            Self::Checksum { .. } => Class::User,
            Self::Download { source, .. } => source.class(),
            Self::Unpack { .. } | Self::Missing { .. } | Self::Other { .. } => Class::Unavailable,
            Self::Layer(error) => error.class(),
            Self::Store(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Checksum { .. } => Some("restore `coracle.lock` from version control".to_owned()),
            Self::Download { source, .. } => source.hint(),
            Self::Layer(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Other { .. } => {
                Some("somebody between here and the registry may change archives".to_owned())
            }
            Self::Unpack { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some(FREE_SPACE.to_owned())
            }
            Self::Unpack { .. } | Self::Missing { .. } => None,
        }
    }
}

/// Downloads the archive of a pinned tool from `registry` and makes a layer of the parts that the plan takes.
pub(crate) fn fetch(
    (store, fetcher): (&Store, &Fetcher),
    registry: &str,
    tool: &Tool,
    parts: &[Unpack],
    progress: &dyn Progress,
) -> Result<Layer, ToolError> {
    let name = named(tool);
    let checksum = Checksum::from_integrity(&tool.integrity).map_err(|source| ToolError::Checksum {
        tool: name.clone(),
        source,
    })?;
    let url = format!("{registry}/{}", tool.path);
    let download = Download {
        url: &url,
        checksum,
        limit: MOST_DOWNLOAD,
    };
    let (_scratch, mut archive) =
        downloaded(store, &name, |file| fetcher.download(&download, file, progress))?;
    let unpack_failed = |source| ToolError::Unpack {
        tool: name.clone(),
        source,
    };
    write_layer(store, &layer_options(), |layer| {
        for part in parts {
            archive.rewind().map_err(unpack_failed)?;
            let added = add(layer, &archive, part, &name)?;
            if added == 0 {
                return Err(ToolError::Missing {
                    tool: name.clone(),
                    path: part.from.clone(),
                });
            }
        }
        Ok(())
    })
}

/// Downloads the toolchain of a pinned release from the module proxy `registry`, and makes a tree of the parts that the
/// plan takes.
pub(crate) fn fetch_toolchain(
    (store, fetcher): (&Store, &Fetcher),
    registry: &str,
    tool: &Tool,
    parts: &[Unpack],
    progress: &dyn Progress,
) -> Result<Tree, ToolError> {
    let archive = module_archive((store, fetcher), registry, tool, progress)?;
    let staged = store.stage_tree()?;
    let found =
        module::unpack(archive.0.path(), parts, staged.path()).map_err(|source| ToolError::Unpack {
            tool: named(tool),
            source,
        })?;
    if found != tool.integrity {
        return Err(ToolError::Other {
            tool: named(tool),
            found,
            pinned: tool.integrity.clone(),
        });
    }
    Ok(staged.commit(&Digest::of_value(&(TREE, found, parts)))?)
}

/// Answers the hash of what the module proxy `registry` gives now as a release.
pub(crate) fn module_hash(
    (store, fetcher): (&Store, &Fetcher),
    registry: &str,
    tool: &Tool,
) -> Result<String, ToolError> {
    let archive = module_archive((store, fetcher), registry, tool, &Silent)?;
    module::hash(archive.0.path()).map_err(|source| ToolError::Unpack {
        tool: named(tool),
        source,
    })
}

fn module_archive(
    (store, fetcher): (&Store, &Fetcher),
    registry: &str,
    tool: &Tool,
    progress: &dyn Progress,
) -> Result<(Scratch, File), ToolError> {
    let url = format!("{registry}/{}", tool.path);
    downloaded(store, &named(tool), |file| {
        fetcher.stream(&url, MOST_DOWNLOAD, file, progress)
    })
}

/// Puts what `download` writes into a file, and answers the file with the scratch folder that it is in as `archive`.
fn downloaded(
    store: &Store,
    name: &str,
    download: impl FnOnce(&mut File) -> Result<u64, FetchError>,
) -> Result<(Scratch, File), ToolError> {
    let scratch = store.scratch()?;
    let mut file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(scratch.path().join(module::ARCHIVE))
        .map_err(|source| ToolError::Unpack {
            tool: name.to_owned(),
            source,
        })?;
    download(&mut file).map_err(|source| ToolError::Download {
        tool: name.to_owned(),
        source: Box::new(source),
    })?;
    Ok((scratch, file))
}

fn named(tool: &Tool) -> String {
    format!("{} {}", tool.name, tool.version)
}

/// Adds the files of `archive` that are `part`; answers how many.
///
/// Packages hold regular files and, rarely, links; npm itself drops everything else, and so does this.
fn add(layer: &mut LayerWriter, archive: impl Read, part: &Unpack, tool: &str) -> Result<usize, ToolError> {
    let failed = |source| ToolError::Unpack {
        tool: tool.to_owned(),
        source,
    };
    let mut tar = tar::Archive::new(GzDecoder::new(archive).take(MOST_UNPACKED));
    let mut added = 0;
    for entry in tar.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let header = entry.header();
        let (is_file, mode, size) = (
            header.entry_type().is_file(),
            header.mode().map_err(failed)?,
            entry.size(),
        );
        let path = entry.path().map_err(failed)?.into_owned();
        let Some(target) = target(&path, part).filter(|_| is_file) else {
            continue;
        };
        let metadata = if mode & 0o100 == 0 {
            Metadata::file()
        } else {
            Metadata::program()
        };
        layer.file(
            target,
            &Metadata {
                mtime: EPOCH,
                ..metadata
            },
            size,
            &mut entry,
        )?;
        added += 1;
    }
    Ok(added)
}

/// Answers the path in the layer of the archive's entry `path`; nothing when `part` does not take it. The first
/// folder of the archive, whatever it is called, is not part of the paths.
fn target(path: &Path, part: &Unpack) -> Option<PathBuf> {
    if path
        .components()
        .any(|component| !matches!(component, Component::Normal(_)))
    {
        return None;
    }
    let inside: PathBuf = path.components().skip(1).collect();
    let rest = inside.strip_prefix(&part.from).ok()?;
    Some(
        Path::new(part.to.trim_start_matches('/'))
            .join(rest)
            .components()
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_an_archive_goes_where_the_plan_says_and_nothing_leaves_it() {
        let part = |from: &str, to: &str| Unpack {
            from: from.to_owned(),
            to: to.to_owned(),
        };
        let cases = [
            (
                "package/bin/node",
                "bin/node",
                "/usr/local/bin/node",
                Some("usr/local/bin/node"),
            ),
            ("package/bin/npm", "bin/node", "/usr/local/bin/node", None),
            ("package/lib/a/b.js", "lib", "/opt/lib", Some("opt/lib/a/b.js")),
            ("other/index.js", "", "/opt/npm", Some("opt/npm/index.js")),
            ("package/library/x", "lib", "/opt/lib", None),
            ("package/../../etc/passwd", "", "/opt/npm", None),
            ("/package/x", "", "/opt/npm", None),
        ];
        for (path, from, to, expected) in cases {
            assert_eq!(
                target(Path::new(path), &part(from, to)),
                expected.map(PathBuf::from),
                "{path}"
            );
        }
    }
}
