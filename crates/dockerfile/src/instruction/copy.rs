//! `COPY` and `ADD`.

use super::options::Options;
use crate::arguments;
use crate::error::Problem;
use crate::heredoc::{self, Heredoc};

/// Files and where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Paths, patterns and addresses.
    pub sources: Vec<String>,
    /// Files whose contents are in the Dockerfile.
    pub inline: Vec<Inline>,
    /// A folder when it ends with a slash or there are several sources.
    pub destination: String,
    /// Who gets them: a user, and maybe a group after a colon.
    pub chown: Option<String>,
    /// The permission bits that they get, as `chmod` takes them.
    pub chmod: Option<String>,
    /// Whether the layer does not depend on what is below it.
    pub link: bool,
    /// Patterns of what is left out.
    pub exclude: Vec<String>,
}

/// A file whose contents are in the Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inline {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub contents: String,
    /// Whether variables in it are expanded.
    pub expands: bool,
}

/// `COPY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// What and where to.
    pub transfer: Transfer,
    /// The stage or image that it comes from, else the context.
    pub from: Option<String>,
    /// Whether the folders of the sources are made at the destination as well.
    pub parents: bool,
}

/// `ADD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Add {
    /// What and where to.
    pub transfer: Transfer,
    /// Whether a repository keeps its `.git`.
    pub keep_git_dir: Option<bool>,
    /// What a remote file must hash to.
    pub checksum: Option<String>,
    /// Whether archives are unpacked: local ones are and remote ones are not when nothing is said.
    pub unpack: Option<bool>,
}

pub(super) fn copy(rest: &str, mut options: Options, heredocs: &[Heredoc]) -> Result<Copy, Problem> {
    let copy = Copy {
        from: options.text("from")?,
        parents: options.truth("parents")?.unwrap_or(false),
        transfer: transfer("COPY", rest, &mut options, heredocs)?,
    };
    options.finish()?;
    Ok(copy)
}

pub(super) fn add(rest: &str, mut options: Options, heredocs: &[Heredoc]) -> Result<Add, Problem> {
    let add = Add {
        keep_git_dir: options.truth("keep-git-dir")?,
        checksum: options.text("checksum")?,
        unpack: options.truth("unpack")?,
        transfer: transfer("ADD", rest, &mut options, heredocs)?,
    };
    options.finish()?;
    Ok(add)
}

fn transfer(
    name: &str,
    rest: &str,
    options: &mut Options,
    heredocs: &[Heredoc],
) -> Result<Transfer, Problem> {
    let mut paths = match arguments::json(rest)? {
        Some(paths) => paths,
        None => arguments::spaced(rest),
    };
    let destination = paths.pop().filter(|_| !paths.is_empty()).ok_or_else(|| {
        Problem::new(format!(
            "{name} requires at least two arguments: sources and a destination"
        ))
    })?;
    if heredoc::of_word(&destination).is_some() {
        return Err(Problem::new(format!(
            "{name} cannot accept a here-document as a destination"
        )));
    }
    let (inline, sources): (Vec<_>, Vec<_>) = paths
        .into_iter()
        .partition(|path| heredoc::of_word(path).is_some());
    Ok(Transfer {
        sources,
        inline: inline
            .iter()
            .filter_map(|word| self::inline(word, heredocs))
            .collect(),
        destination,
        chown: options.text("chown")?,
        chmod: options.text("chmod")?,
        link: options.truth("link")?.unwrap_or(false),
        exclude: options.texts("exclude")?,
    })
}

fn inline(word: &str, heredocs: &[Heredoc]) -> Option<Inline> {
    let name = heredoc::of_word(word)?.name;
    let heredoc = heredocs.iter().rev().find(|heredoc| heredoc.name == name)?;
    Some(Inline {
        name,
        contents: heredoc.text(),
        expands: heredoc.expands,
    })
}
