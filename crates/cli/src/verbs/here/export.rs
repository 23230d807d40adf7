//! `coracle export`: what a Dockerfile's build takes from its folder, as a folder of its own that any builder takes.
//!
//! It is written beside its place and moved there whole: what is there is complete.

use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use clap::Args;
use coracle_build::{Selected, Selection, What};
use coracle_spec::{Class, Counted, Failure};
use coracle_tasks::CancellationToken;
use fs_err as fs;
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::args::Reporting;
use crate::context::Context;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::project::{Lock, Source};
use crate::selection::selection;
use crate::size::human;

/// Write a Dockerfile's build context to a folder
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The source folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The folder to write: one that is not there, or empty
    #[arg(value_name = "DEST")]
    dest: PathBuf,
    /// Read the manifest from FILE, or take FILE when it is a Dockerfile: its name ends in none of `.yaml`, `.yml` and
    /// `.json`; `-` is a Dockerfile on stdin [default: `coracle.yaml` in the source folder, if there is one]
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    reporting: Reporting,
}

/// What was written.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// How many files, each of its names counted.
    files: u64,
    /// What they hold.
    bytes: u64,
}

/// Why no context is written.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    /// Something is in the way.
    #[error("`{}` is there already, and is no empty folder", .0.display())]
    Taken(PathBuf),
    /// It cannot be written, or a file of the context not be read.
    #[error("cannot write the build context to `{}`", dest.display())]
    Write {
        /// Where to.
        dest: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The user ended it.
    #[error("the export was interrupted")]
    Interrupted,
}

impl Failure for ExportError {
    fn class(&self) -> Class {
        match self {
            Self::Interrupted => Class::Unavailable,
            Self::Taken(_) | Self::Write { .. } => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::Taken(_)).then(|| "name a folder that is not there yet".to_owned())
    }
}

impl Export {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let mut interrupt = Interrupt::listen()?;
        let source = Source::new(self.dir, self.file);
        let selection = selection(context, &source.images(Lock::default(), &[])?)?;
        let (dest, stop) = (self.dest.clone(), CancellationToken::new());
        let told = stop.clone();
        let mut writing = spawn_blocking(move || write(&selection, &dest, &told));
        let written = tokio::select! {
            written = &mut writing => written,
            () = interrupt.next() => {
                stop.cancel();
                // Whatever it comes to: what is half there is removed.
                let _ = writing.await;
                return Err(ExportError::Interrupted.into());
            }
        };
        let report = written.map_err(io::Error::other).map_err(failed(&self.dest))??;
        if self.reporting.json {
            return Ok(context.printer.json(&report)?);
        }
        let Report { files, bytes } = report;
        context
            .printer
            .say(format!("{}, {}", Counted(files, "file"), human(bytes)));
        Ok(context.printer.line(self.dest.display())?)
    }
}

/// Writes the selection as the folder `dest`, unless it is told to stop.
fn write(selection: &Selection, dest: &Path, stop: &CancellationToken) -> Result<Report, ExportError> {
    let place = place(dest).map_err(failed(dest))?;
    if !is_free(&place).map_err(failed(dest))? {
        return Err(ExportError::Taken(dest.to_owned()));
    }
    move_in(selection, &place, stop).map_err(failed(dest))
}

fn failed(dest: &Path) -> impl Fn(io::Error) -> ExportError + use<'_> {
    move |source| ExportError::Write {
        dest: dest.to_owned(),
        source,
    }
}

/// Answers where `dest` is: an empty folder may be known by a link.
fn place(dest: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(dest) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::path::absolute(dest),
        found => found,
    }
}

fn is_free(place: &Path) -> io::Result<bool> {
    match fs::read_dir(place) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(fs::symlink_metadata(place).is_err()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}

fn move_in(selection: &Selection, place: &Path, stop: &CancellationToken) -> io::Result<Report> {
    let beside = place.parent().unwrap_or(place);
    fs::create_dir_all(beside)?;
    let made = tempfile::Builder::new()
        .prefix(".coracle-export-")
        .tempdir_in(beside)?;
    let report = fill(selection, made.path(), stop)?;
    fs::rename(made.path(), place)?;
    // It is no longer where it was made, so that there is nothing to remove.
    let _ = made.keep();
    Ok(report)
}

fn fill(selection: &Selection, top: &Path, stop: &CancellationToken) -> io::Result<Report> {
    let (mut report, mut folders) = (Report::default(), Vec::new());
    selection.each(&mut |selected| {
        if matches!(selected.what, What::Folder) {
            folders.push((top.join(selected.path), selected.mode));
        }
        report.add(put(top, selected, stop)?);
        Ok(())
    })?;
    // Last, and from the innermost: some may not be written to.
    for (path, mode) in folders.into_iter().rev() {
        set_mode(&path, mode)?;
    }
    Ok(report)
}

/// Writes one thing, and answers how large it is if it is a file.
fn put(top: &Path, selected: Selected<'_>, stop: &CancellationToken) -> io::Result<Option<u64>> {
    let path = top.join(selected.path);
    match selected.what {
        What::Folder if selected.path.as_os_str().is_empty() => Ok(None),
        What::Folder => fs::create_dir(path).map(|()| None),
        What::Link(target) => symlink(target, path).map(|()| None),
        What::Same(other) => fs::hard_link(top.join(other), path).map(|()| Some(0)),
        What::File(_, bytes) => {
            let mut bytes = Stoppable { bytes, stop };
            let size = io::copy(&mut bytes, &mut fs::File::create_new(&path)?)?;
            set_mode(&path, selected.mode)?;
            Ok(Some(size))
        }
    }
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Bytes that come until somebody says stop.
struct Stoppable<'a, R> {
    bytes: R,
    stop: &'a CancellationToken,
}

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() {
            return Err(io::Error::other("interrupted"));
        }
        self.bytes.read(buffer)
    }
}

impl Report {
    fn add(&mut self, file: Option<u64>) {
        if let Some(bytes) = file {
            self.files += 1;
            self.bytes += bytes;
        }
    }
}
