//! What goes where, with real overlays.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::PathBuf;

use coracle_oci::unpack;
use coracle_plan::Origin;
use coracle_plan::patterns::Patterns;
use fs_err as fs;

use super::*;
use crate::context::{Context, Digests};

struct World {
    folder: tempfile::TempDir,
    store: Store,
}

impl World {
    /// A context with a folder, a link and a program, and a root with users, a folder and a link to it.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        let world = Self { folder, store };
        for path in ["context/a/b", "context/empty", "root/etc", "root/real"] {
            fs::create_dir_all(world.path(path)).unwrap();
        }
        for path in [
            "context/a/b/two",
            "context/a/one",
            "context/run.sh",
            "root/real/old",
        ] {
            fs::write(world.path(path), path).unwrap();
        }
        fs::write(world.path("root/etc/passwd"), "web:x:33:34::/srv:\n").unwrap();
        let mode = std::fs::Permissions::from_mode(0o750);
        fs::set_permissions(world.path("context/run.sh"), mode).unwrap();
        symlink("one", world.path("context/a/link")).unwrap();
        symlink("../../../real", world.path("root/link")).unwrap();
        world
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn context(&self, place: &Place) -> Result<Arc<ContextFiles>, PlaceError> {
        let context = Context::open(&self.store, &self.path("context"), &Patterns::default()).unwrap();
        let mut digests = Digests::new();
        for placed in &place.what {
            let Placed::Files {
                from: Origin::Context,
                pattern,
            } = placed
            else {
                continue;
            };
            for path in chosen(&context.listing, place, pattern)?
                .into_iter()
                .flat_map(|chosen| chosen.paths)
            {
                digests.insert(path.clone(), context.copied(&path).unwrap());
            }
        }
        let listing = context.listing;
        Ok(Arc::new(ContextFiles { listing, digests }))
    }

    /// Places, and answers where the layer lies unpacked.
    fn place(&self, what: &Place) -> Result<PathBuf, PlaceError> {
        let context = self.context(what)?;
        self.place_of(what, &context)
    }

    fn place_of(&self, what: &Place, context: &Arc<ContextFiles>) -> Result<PathBuf, PlaceError> {
        let supply = |placed: &Placed| match placed {
            Placed::Files {
                from: Origin::Context,
                ..
            } => From::context(&self.store, context),
            Placed::Files { .. } => Ok(From::Root(View::of(&self.store, &[self.path("root")])?)),
            Placed::Text { name, contents } => remote::lay_out_text(&self.store, name, contents),
            Placed::Remote { url, .. } => Err(PlaceError::NotFound(url.clone())),
        };
        let supplies: Vec<From> = what.what.iter().map(supply).collect::<Result<_, _>>()?;
        let ground = Ground::over(&self.store, &[self.path("root")])?;
        let layer = place((&self.store, ground), what, &supplies, &CancellationToken::new())?;
        Ok(unpack(&self.store, &layer).unwrap().path().to_owned())
    }
}

fn copy(patterns: &[&str], to: &str) -> Place {
    let files = |pattern: &&str| Placed::Files {
        from: Origin::Context,
        pattern: (*pattern).to_owned(),
    };
    Place {
        root: Vec::new(),
        what: patterns.iter().map(files).collect(),
        to: to.to_owned(),
        many: patterns.len() > 1,
        owner: None,
        mode: None,
        parents: false,
        exclude: Vec::new(),
        unpack: None,
        add: false,
    }
}

/// Lists a tree: paths with modes and owners.
fn listed(tree: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut pending = vec![tree.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            let path = entry.path();
            let name = path.strip_prefix(tree).unwrap().display().to_string();
            let (mode, uid, gid) = (metadata.mode() & 0o7777, metadata.uid(), metadata.gid());
            all.push(format!("{name} {mode:o} {uid}:{gid}"));
            if metadata.is_dir() {
                pending.push(path);
            }
        }
    }
    all.sort();
    all
}

#[test]
fn a_folder_means_its_contents_and_a_file_goes_into_a_folder() {
    let world = World::new();
    let tree = world.place(&copy(&["a", "run.sh", "empty"], "/new/")).unwrap();
    assert_eq!(
        listed(&tree),
        [
            "new 755 0:0",
            "new/b 755 0:0",
            "new/b/two 644 0:0",
            "new/link 777 0:0",
            "new/one 644 0:0",
            "new/run.sh 750 0:0"
        ]
    );
    assert_eq!(
        fs::read_to_string(tree.join("new/link")).unwrap(),
        "context/a/one"
    );
}

#[test]
fn links_in_the_destination_lead_to_what_is_beneath_the_root() {
    let world = World::new();
    let tree = world.place(&copy(&["run.sh"], "/link/deep/x")).unwrap();
    assert_eq!(
        listed(&tree),
        ["real 755 0:0", "real/deep 755 0:0", "real/deep/x 750 0:0"]
    );
    assert!(!Path::new("/real").exists());
}

#[test]
fn a_link_that_is_a_source_is_followed_and_one_in_a_folder_stays() {
    let world = World::new();
    let tree = world.place(&copy(&["a/link"], "/file")).unwrap();
    assert!(fs::symlink_metadata(tree.join("file")).unwrap().is_file());
}

#[test]
fn owners_are_looked_up_in_the_root_and_modes_changed() {
    let world = World::new();
    let what = Place {
        owner: Some("web".to_owned()),
        mode: Some("u=rwX,go=".to_owned()),
        ..copy(&["a"], "/srv/x")
    };
    let tree = world.place(&what).unwrap();
    assert_eq!(
        listed(&tree),
        [
            "srv 755 33:34",
            "srv/x 755 33:34",
            "srv/x/b 700 33:34",
            "srv/x/b/two 600 33:34",
            "srv/x/link 777 33:34",
            "srv/x/one 600 33:34"
        ]
    );
}

#[test]
fn patterns_leave_out_and_parents_are_kept() {
    let world = World::new();
    let what = Place {
        exclude: vec!["b".to_owned(), "*nk".to_owned()],
        ..copy(&["a"], "/x")
    };
    assert_eq!(
        listed(&world.place(&what).unwrap()),
        ["x 755 0:0", "x/one 644 0:0"]
    );
    let what = Place {
        parents: true,
        ..copy(&["a/*/two"], "/x/")
    };
    assert_eq!(
        listed(&world.place(&what).unwrap()),
        ["x 755 0:0", "x/a 755 0:0", "x/a/b 755 0:0", "x/a/b/two 644 0:0"]
    );
}

#[test]
fn a_file_does_not_replace_a_folder_nor_a_folder_a_file() {
    let world = World::new();
    fs::create_dir_all(world.path("root/d/run.sh")).unwrap();
    fs::write(world.path("root/f"), "").unwrap();
    let file = world.place(&copy(&["run.sh"], "/d/")).unwrap_err();
    assert!(matches!(file, PlaceError::ReplacesFolder(_)), "{file:?}");
    let folder = world.place(&copy(&["a"], "/f")).unwrap_err();
    assert!(matches!(folder, PlaceError::ReplacesFile(_)), "{folder:?}");
    let missing = world.place(&copy(&["nothing"], "/x")).unwrap_err();
    assert!(matches!(missing, PlaceError::NotFound(_)), "{missing:?}");
    assert_eq!(
        listed(&world.place(&copy(&["*.nothing"], "/x/")).unwrap()),
        ["x 755 0:0"; 0]
    );
}

#[test]
fn a_file_that_changed_since_the_key_was_made_fails_the_step() {
    let world = World::new();
    let what = copy(&["a"], "/x");
    let context = world.context(&what).unwrap();
    fs::write(world.path("context/a/one"), "another").unwrap();
    let error = world.place_of(&what, &context).unwrap_err();
    assert!(matches!(error, PlaceError::Changed(_)), "{error:?}");
}

#[test]
fn equal_contexts_make_equal_layers_whenever_they_were_written() {
    let layer = || {
        World::new().place(&copy(&["a", "empty"], "/x/y/")).map(|tree| {
            // Trees are called by the digests of their layers.
            tree.parent().unwrap().file_name().unwrap().to_owned()
        })
    };
    assert_eq!(layer().unwrap(), layer().unwrap());
}

#[test]
fn archives_are_unpacked_by_how_they_begin_and_do_not_lead_out() {
    let archive = |entries: &[(&str, &str)]| {
        let mut archive = ::tar::Builder::new(Vec::new());
        for (name, contents) in entries {
            let mut header = ::tar::Header::new_ustar();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_mode(0o640);
            header.set_uid(5);
            header.set_gid(6);
            header.set_size(contents.len() as u64);
            header.set_cksum();
            archive.append(&header, contents.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap()
    };
    let world = World::new();
    let plain = archive(&[("d/x", "hi"), ("./real/old", "new")]);
    let add = Place {
        add: true,
        ..copy(&["it"], "/")
    };
    for packed in [plain.clone(), zstd::encode_all(&plain[..], 1).unwrap()] {
        fs::write(world.path("context/it"), packed).unwrap();
        assert_eq!(
            listed(&world.place(&add).unwrap()),
            ["d 755 0:0", "d/x 640 5:6", "real 755 0:0", "real/old 640 5:6"]
        );
    }
    let copied = Place {
        add: false,
        ..add.clone()
    };
    assert_eq!(listed(&world.place(&copied).unwrap()), ["it 644 0:0"]);
    fs::write(world.path("context/it"), archive(&[("../../out", "hi")])).unwrap();
    assert_eq!(listed(&world.place(&add).unwrap()), ["out 640 5:6"]);
}

#[test]
fn what_is_copied_of_another_root_keeps_owner_time_and_hard_links() {
    let world = World::new();
    fs::hard_link(world.path("root/real/old"), world.path("root/real/same")).unwrap();
    std::os::unix::fs::chown(world.path("root/real/old"), Some(7), Some(8)).unwrap();
    let what = Place {
        what: vec![Placed::Files {
            from: Origin::Steps(Vec::new()),
            pattern: "link".to_owned(),
        }],
        ..copy(&[], "/copy")
    };
    let tree = world.place(&what).unwrap();
    let metadata = fs::metadata(tree.join("copy/old")).unwrap();
    assert_eq!((metadata.uid(), metadata.gid(), metadata.nlink()), (7, 8, 2));
    let before = fs::metadata(world.path("root/real/old")).unwrap();
    assert_eq!(metadata.mtime(), before.mtime());
}
