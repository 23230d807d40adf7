//! Files from elsewhere, put into a root file system: `COPY` and `ADD`.
//!
//! What goes where is BuildKit's rule to the letter (its packages `solver/llbsolver/file` and
//! `github.com/tonistiigi/fsutil/copy`): a folder's contents are copied, a file goes into a destination that is a
//! folder, links in the destination's path are followed beneath the root, and what is missing of it is made.

mod archive;
mod copier;
mod error;
mod mode;
pub(crate) mod remote;
mod sources;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use coracle_content::{Scratch, Store};
use coracle_oci::Layer;
use coracle_plan::patterns::clean;
use coracle_plan::{MakeFolder, Place, Placed};
use tokio_util::sync::CancellationToken;

pub use error::PlaceError;
pub(crate) use sources::{Chosen, ContextFiles, From, chosen};

use crate::accounts::accounts;
use crate::files::{Root, Rules, resolve};
use crate::ground::{Ground, View};
use copier::{Copier, Goods};
use mode::ModeChange;

/// Puts what `place` says into `ground`, from `supplies` in the same order, and makes a layer of what that changed.
pub(crate) fn place(
    (store, ground): (&Store, Ground),
    place: &Place,
    supplies: &[From],
    cancel: &CancellationToken,
) -> Result<Layer, PlaceError> {
    let owner = match &place.owner {
        Some(owner) => Some(accounts(&ground.root)?.owner(owner)),
        None => None,
    };
    let mut copier = Copier {
        to: &ground.root,
        owner,
        mode: place.mode.as_deref().map(ModeChange::parse).transpose()?,
        times: BTreeMap::new(),
        cancel,
    };
    for (what, from) in place.what.iter().zip(supplies) {
        put(&mut copier, place, what, from)?;
    }
    copier.finish()?;
    Ok(ground.capture(store)?)
}

/// Copies the folder `from` of `view`, with everything in it, to the empty folder `to`, which gets its attributes.
pub(crate) fn seed(view: View, from: &Path, to: &Path) -> Result<(), Box<PlaceError>> {
    let copied = || {
        let root = Root::open(to)?;
        let cancel = CancellationToken::new();
        let mut copier = Copier {
            to: &root,
            owner: None,
            mode: None,
            times: BTreeMap::new(),
            cancel: &cancel,
        };
        let from_view = From::Root(view);
        let rules = Rules::default();
        let goods = Goods {
            from: &from_view,
            rules: &rules,
            is_contents: true,
        };
        copier.copy(&goods, from, "/")?;
        copier.finish()
    };
    copied().map_err(Box::new)
}

/// Copies what the context has at `path`, wherever links lead there, to the same path of a folder, for a mount.
pub(crate) fn stage(
    store: &Store,
    context: &Arc<ContextFiles>,
    path: &str,
    cancel: &CancellationToken,
) -> Result<Scratch, PlaceError> {
    let staged = store.scratch()?;
    let root = Root::open(staged.path())?;
    let from = From::context(store, context)?;
    let path = clean(&format!("/{path}"));
    let top = sources::existing(from.files(), Path::new(&path))?;
    let rules = Rules::default();
    let mut copier = Copier {
        to: &root,
        owner: None,
        mode: None,
        times: BTreeMap::new(),
        cancel,
    };
    let goods = Goods {
        from: &from,
        rules: &rules,
        is_contents: true,
    };
    copier.copy(&goods, &top, &path)?;
    copier.finish()?;
    Ok(staged)
}

/// Makes the folder that `what` says in `ground`, unless it is there, and a layer of what that changed.
pub(crate) fn make_folder(store: &Store, ground: Ground, what: &MakeFolder) -> Result<Layer, PlaceError> {
    let owner = match what.user.as_str() {
        "" => None,
        user => Some(accounts(&ground.root)?.owner(user)),
    };
    let cancel = CancellationToken::new();
    let mut copier = Copier {
        to: &ground.root,
        owner,
        mode: None,
        times: BTreeMap::new(),
        cancel: &cancel,
    };
    let path = resolve(&ground.root, Path::new(&what.path))?;
    copier.make_folders(&path, 0o755)?;
    copier.finish()?;
    Ok(ground.capture(store)?)
}

fn put(copier: &mut Copier<'_>, place: &Place, what: &Placed, from: &From) -> Result<(), PlaceError> {
    let is_unpacked = place.unpack.unwrap_or(place.add);
    match (what, from) {
        (Placed::Files { pattern, .. }, from) => {
            let rules = sources::rules(place, pattern)?;
            for source in sources::found(from.files(), place, pattern)? {
                if is_unpacked && copier.unpack(from, &source, &place.to)? {
                    continue;
                }
                let goods = Goods {
                    from,
                    rules: &rules,
                    is_contents: true,
                };
                copier.copy(&goods, &source, &place.to)?;
            }
            Ok(())
        }
        (Placed::Text { name, .. }, from) => copier.copy(&Goods::single(from), Path::new(name), &place.to),
        (Placed::Remote { url, .. }, from) => {
            let name = remote::name(url);
            let name = Path::new(&name);
            if place.unpack == Some(true) && copier.unpack(from, name, &place.to)? {
                return Ok(());
            }
            copier.copy(&Goods::single(from), name, &place.to)
        }
    }
}

#[cfg(test)]
mod tests;
