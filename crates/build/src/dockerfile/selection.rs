//! What a build of a Dockerfile takes from its folder, for whoever carries it elsewhere.
//!
//! It is what the builds of this machine copy from, by the same listing. The Dockerfile and its ignore file are always in
//! it, under the names that every builder looks for, as no builder can do without them: the ignore file says for itself
//! whether copies see them.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use coracle_content::Store;
use coracle_plan::dockerfile::FILE_NAME;

use super::text::{OWN_IGNORE, Text};
use crate::context::Listing;
use crate::error::BuildError;
use crate::files::{Files as _, Node, NodeKind, Root, Rules, walk};
use crate::request::Request;

/// The mode of a file that is in the context under another name, or not at all.
const MODE: u32 = 0o644;

/// What a build of a Dockerfile takes from its folder.
#[derive(Debug)]
pub struct Selection {
    listing: Listing,
    /// The Dockerfile and its ignore file, by the names that they get.
    added: BTreeMap<String, String>,
}

/// Something of a selection.
pub struct Selected<'a> {
    /// Where it is in the context; the empty path is the context itself.
    pub path: &'a Path,
    /// Permission bits with set-user-id, set-group-id and sticky.
    pub mode: u32,
    /// What it is.
    pub what: What<'a>,
}

/// What something of a selection is.
pub enum What<'a> {
    /// A folder. It comes before what is in it.
    Folder,
    /// A file of so many bytes.
    File(u64, Box<dyn Read + 'a>),
    /// A symbolic link that leads there.
    Link(&'a Path),
    /// Another name of the file at this path of the context, which came before.
    Same(&'a Path),
}

impl Selection {
    /// Chooses what the build of `request` takes; nothing when it is not one of a Dockerfile. Reads no file of the context.
    pub fn of(store: &Store, request: &Request) -> Result<Option<Self>, BuildError> {
        let Some(text) = Text::read(store, request)? else {
            return Ok(None);
        };
        let mut added = BTreeMap::from([(FILE_NAME.to_owned(), text.body)]);
        added.extend(text.ignore_file);
        Ok(Some(Self {
            listing: Listing::of(text.context, &text.ignore)?,
            added,
        }))
    }

    /// Visits everything in the same order each time. What is neither a folder nor a file nor a link is left out.
    pub fn each(&self, visit: &mut dyn FnMut(Selected<'_>) -> io::Result<()>) -> io::Result<()> {
        let root = Root::open(self.listing.folder())?;
        walk(&self.listing, Path::new(""), &Rules::default(), &mut |found| {
            if self.is_replaced(&found.path) {
                return Ok(());
            }
            self.one(&root, &found.path, found.node, visit)?;
            if found.path.as_os_str().is_empty() {
                self.add(visit)?;
            }
            Ok(())
        })
    }

    /// Visits what is at `path`, as it is.
    fn one(
        &self,
        root: &Root,
        path: &Path,
        node: Node,
        visit: &mut dyn FnMut(Selected<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let target;
        let what = match (node.kind, self.listing.same(path)) {
            (NodeKind::Folder, _) => What::Folder,
            (NodeKind::Link, _) => {
                target = self.listing.link(path)?;
                What::Link(&target)
            }
            (NodeKind::File, Some(same)) if !self.is_replaced(same) => What::Same(same),
            (NodeKind::File, _) => {
                let file = root.read(path).map_err(|error| named(path, &error))?;
                let size = file.metadata()?.len();
                What::File(size, Box::new(file.take(size)))
            }
            (NodeKind::Pipe | NodeKind::Other, _) => return Ok(()),
        };
        let mode = node.mode;
        visit(Selected { path, mode, what })
    }

    /// Visits the Dockerfile and its ignore file.
    fn add(&self, visit: &mut dyn FnMut(Selected<'_>) -> io::Result<()>) -> io::Result<()> {
        for (name, text) in &self.added {
            let path = Path::new(name);
            let known = self.listing.node(path)?;
            let known = known.filter(|node| node.kind == NodeKind::File);
            visit(Selected {
                path,
                mode: known.map_or(MODE, |node| node.mode),
                what: What::File(text.len() as u64, Box::new(text.as_bytes())),
            })?;
        }
        Ok(())
    }

    /// Answers whether the file of the context makes way for the Dockerfile or its ignore file, or would be taken for one.
    fn is_replaced(&self, path: &Path) -> bool {
        let names = self.added.keys().map(String::as_str);
        let own = format!("{FILE_NAME}{OWN_IGNORE}");
        names.chain([own.as_str()]).any(|name| path.starts_with(name))
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}
