//! One layer of an image, put over a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use anyhow::{Context as _, Result, bail, ensure};
use coracle_spec::{Digest, Hasher};
use tar::{Archive, EntryType};

use crate::tree::{Contents, Entry, Kind, Tree};

/// Contents that are at most so long and are text are listed themselves.
const SHORT: usize = 600;

/// What a name begins with that hides one of a lower layer.
const WHITEOUT: &str = ".wh.";

/// What hides everything in its folder that lower layers have.
const OPAQUE: &str = ".wh..wh..opq";

/// The prefix of extended attributes in a tar's extended headers.
const ATTRIBUTE: &str = "SCHILY.xattr.";

/// Puts the layer in the tar archive `layer` over `tree`.
///
/// What hides is about lower layers only, wherever in the archive it is.
pub(crate) fn put_over(tree: &mut Tree, layer: impl Read) -> Result<()> {
    let mut own = BTreeSet::new();
    let mut archive = Archive::new(layer);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = path_of(&entry)?;
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if name == OPAQUE {
            tree.empty(parent, &own);
        } else if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            let hidden = join(parent, hidden);
            ensure!(!own.contains(&hidden), "a layer has and hides `{hidden}`");
            tree.remove(&hidden);
        } else {
            ensure!(own.insert(path.clone()), "a layer has `{path}` twice");
            put(tree, &path, &mut entry).with_context(|| format!("entry `{path}`"))?;
        }
    }
    Ok(())
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}/{name}")
    }
}

fn path_of(entry: &tar::Entry<'_, impl Read>) -> Result<String> {
    text(&entry.path_bytes())
}

/// Answers a path as text, without a beginning or an end that says nothing.
fn text(path: &[u8]) -> Result<String> {
    let path = String::from_utf8(path.to_vec()).context("a path is not UTF-8")?;
    let path = path.trim_start_matches("./").trim_matches('/');
    Ok(if path == "." { "" } else { path }.to_owned())
}

fn put(tree: &mut Tree, path: &str, entry: &mut tar::Entry<'_, impl Read>) -> Result<()> {
    if entry.header().entry_type() == EntryType::Link {
        let target = text(&entry.link_name_bytes().context("a hard link without a target")?)?;
        ensure!(
            tree.link(path, &target),
            "a hard link to `{target}`, which is not there"
        );
        return Ok(());
    }
    let attributes = attributes(entry)?;
    let header = entry.header();
    let mode = header.mode()? & 0o7777;
    let owner = (header.uid()?, header.gid()?);
    let kind = kind(entry)?;
    let mode = if matches!(kind, Kind::Link(_)) {
        0o777
    } else {
        mode
    };
    let entry = Entry {
        file: 0,
        kind,
        mode,
        owner,
        attributes,
    };
    tree.put(path, entry);
    Ok(())
}

fn attributes(entry: &mut tar::Entry<'_, impl Read>) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut attributes = BTreeMap::new();
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        let extension = extension?;
        if let Some(name) = extension.key()?.strip_prefix(ATTRIBUTE) {
            attributes.insert(name.to_owned(), extension.value_bytes().to_vec());
        }
    }
    Ok(attributes)
}

fn kind(entry: &mut tar::Entry<'_, impl Read>) -> Result<Kind> {
    let header = entry.header();
    Ok(match header.entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File(contents(entry)?),
        EntryType::Directory => Kind::Folder,
        EntryType::Symlink => {
            let target = entry.link_name_bytes().context("a link without a target")?;
            Kind::Link(String::from_utf8_lossy(&target).into_owned())
        }
        EntryType::Fifo => Kind::Pipe,
        EntryType::Char => device('c', header)?,
        EntryType::Block => device('b', header)?,
        other => bail!("an entry of type {other:?}"),
    })
}

fn device(kind: char, header: &tar::Header) -> Result<Kind> {
    let number = |number: Option<u32>| number.context("a device without a number");
    Ok(Kind::Device(
        kind,
        number(header.device_major()?)?,
        number(header.device_minor()?)?,
    ))
}

fn contents(entry: &mut impl Read) -> Result<Contents> {
    let mut hasher = Hasher::default();
    let (mut size, mut start, mut piece) = (0, Vec::new(), vec![0; 64 << 10]);
    loop {
        let read = entry.read(&mut piece)?;
        if read == 0 {
            break;
        }
        size += read as u64;
        hasher.update(&piece[..read]);
        if start.len() <= SHORT {
            start.extend_from_slice(&piece[..read]);
        }
    }
    let digest: Digest = hasher.finish();
    let digest = digest.to_string();
    Ok(match String::from_utf8(start) {
        Ok(text) if text.len() <= SHORT && text.len() as u64 == size => Contents::Text(text),
        _ => Contents::Digest { size, digest },
    })
}
