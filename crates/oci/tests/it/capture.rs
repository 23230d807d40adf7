//! Layers taken from directories, with real overlays.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use coracle_oci::{
    CaptureError, CaptureOptions, Compression, Layer, LayerOptions, Metadata, Owner, Source, Specials, Trees,
    Whiteouts, layer_from_directory, unpack, write_layer,
};
use coracle_spec::{Class, Failure};
use fs_err as fs;
use rustix::fs::{CWD, FileType, Mode, XattrFlags, lsetxattr, mknodat};

use crate::support::{Mounted, Place, Seen, look};

const EPOCH: i64 = 1_700_000_000;

fn capture(place: &Place, directory: &Path, options: &CaptureOptions<'_>) -> Layer {
    let layer = LayerOptions {
        compression: Compression::Zstd,
        epoch: EPOCH,
        trees: Trees::Now,
    };
    layer_from_directory(&place.store, &layer, directory, options).unwrap()
}

fn tree(place: &Place, layer: &Layer) -> BTreeMap<PathBuf, Seen> {
    look(place.store.tree(&layer.diff_id).unwrap().unwrap().path())
}

/// Answers the tree that others get who unpack the layer.
fn unpacked(place: &Place, layer: &Layer) -> BTreeMap<PathBuf, Seen> {
    let other = Place::new();
    let blob = place.store.existing_blob(&layer.digest).unwrap();
    other.store.put_blob(&blob.read(1 << 30).unwrap()).unwrap();
    look(unpack(&other.store, layer).unwrap().path())
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A lower directory and an overlay over it, whose upper directory is captured.
struct Overlay {
    place: Place,
    mounted: Mounted,
}

impl Overlay {
    fn over(fill: impl FnOnce(&Path)) -> Self {
        let place = Place::new();
        for name in ["lower", "upper", "work", "merged"] {
            fs::create_dir(place.path(name)).unwrap();
        }
        fill(&place.path("lower"));
        let options = format!(
            "lowerdir={},upperdir={},workdir={},redirect_dir=off,metacopy=off,index=off",
            place.path("lower").display(),
            place.path("upper").display(),
            place.path("work").display()
        );
        let mounted = Mounted::new("overlay", &place.path("merged"), &options);
        Self { place, mounted }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.mounted.path().join(path)
    }
}

#[test]
fn a_captured_upper_directory_over_the_same_lower_shows_the_same_files() {
    let overlay = Overlay::over(|lower| {
        for path in [
            "kept/f",
            "changed/f",
            "gone/f",
            "replaced/old",
            "file",
            "link-to-be",
        ] {
            write(&lower.join(path), path);
        }
    });
    write(&overlay.at("changed/f"), "changed");
    fs::remove_dir_all(overlay.at("gone")).unwrap();
    fs::remove_dir_all(overlay.at("replaced")).unwrap();
    write(&overlay.at("replaced/new"), "new");
    fs::remove_file(overlay.at("link-to-be")).unwrap();
    symlink("kept", overlay.at("link-to-be")).unwrap();
    fs::hard_link(overlay.at("replaced/new"), overlay.at("also-new")).unwrap();
    let merged = forget_times(look(overlay.mounted.path()));
    let Overlay { place, mounted } = overlay;
    drop(mounted);

    for source in [Source::Keep, Source::Consume] {
        let layer = capture(
            &place,
            &place.path("upper"),
            &CaptureOptions {
                source,
                ..CaptureOptions::default()
            },
        );
        let other = Place::new();
        let blob = place.store.existing_blob(&layer.digest).unwrap();
        other.store.put_blob(&blob.read(1 << 30).unwrap()).unwrap();
        let trees = [
            place.store.tree(&layer.diff_id).unwrap().unwrap(),
            unpack(&other.store, &layer).unwrap(),
        ];
        for tree in trees {
            let options = format!(
                "lowerdir={}:{}",
                tree.path().display(),
                place.path("lower").display()
            );
            let again = Mounted::new("overlay", &place.path("again"), &options);
            assert_eq!(forget_times(look(again.path())), merged, "{source:?}");
        }
    }
}

/// Takes off what a layer changes on purpose, and what overlayfs tells differently of its layers.
fn forget_times(mut seen: BTreeMap<PathBuf, Seen>) -> BTreeMap<PathBuf, Seen> {
    seen.remove(Path::new(""));
    for seen in seen.values_mut() {
        seen.mtime = 0;
        seen.names = 0;
    }
    seen
}

/// A directory as a step in a user namespace leaves it: everything owned by ids from 100000 on.
fn shifted(place: &Place) -> PathBuf {
    let upper = place.path("step");
    write(&upper.join("app/tool"), "tool");
    write(&upper.join("app/data/f"), "data");
    fs::hard_link(upper.join("app/tool"), upper.join("app/tool2")).unwrap();
    symlink("tool", upper.join("app/link")).unwrap();
    for (path, id) in [
        ("app", 0),
        ("app/tool", 0),
        ("app/data", 1000),
        ("app/data/f", 65_534),
        ("app/link", 5),
    ] {
        lchown(upper.join(path), Some(100_000 + id), Some(100_000 + id)).unwrap();
    }
    fs::set_permissions(upper.join("app/tool"), std::fs::Permissions::from_mode(0o4755)).unwrap();
    set(&upper.join("app/tool"), "security.capability", &capability(3));
    set(&upper.join("app/tool"), "trusted.overlay.origin", b"x");
    set(&upper.join("app/data"), "trusted.overlay.redirect", b"/x");
    set(&upper.join("app/data/f"), "user.note", b"mine");
    upper
}

fn set(path: &Path, name: &str, value: &[u8]) {
    lsetxattr(path, name, value, XattrFlags::empty()).expect("run the tests as root");
}

/// `cap_net_bind_service=ep`; revision 3 is bound to the namespace whose root is 100000.
fn capability(revision: u8) -> Vec<u8> {
    let mut value = vec![1, 0, 0, revision, 0, 4, 0, 0];
    value.resize(20, 0);
    if revision == 3 {
        value.extend(100_000u32.to_le_bytes());
    }
    value
}

#[test]
fn owners_and_capabilities_lose_their_namespace_whether_files_are_copied_or_taken() {
    let place = Place::new();
    let owner = Owner::Shifted { base: 100_000 };
    let keep = CaptureOptions {
        owner,
        source: Source::Keep,
        ..CaptureOptions::default()
    };
    let layer = capture(&place, &shifted(&place), &keep);
    let taking = Place::new();
    let step = shifted(&taking);
    let consume = CaptureOptions {
        owner,
        source: Source::Consume,
        ..CaptureOptions::default()
    };
    assert_eq!(capture(&taking, &step, &consume), layer);

    let seen = tree(&place, &layer);
    let at = |path: &str| &seen[Path::new(path)];
    assert_eq!(
        (at("app").owner, at("app/data").owner, at("app/data/f").owner),
        ((0, 0), (1000, 1000), (65_534, 65_534))
    );
    assert_eq!(
        (at("app/tool").owner, at("app/tool").mode, at("app/tool").mtime),
        ((0, 0), 0o104_755, EPOCH)
    );
    assert_eq!(at("app/link").owner, (5, 5));
    assert_eq!(
        at("app/tool").xattrs,
        BTreeMap::from([("security.capability".to_owned(), capability(2))])
    );
    assert_eq!(at("app/data").xattrs, BTreeMap::new());
    assert_eq!(at("app/data/f").xattrs["user.note"], b"mine");
    assert_eq!(at("app/tool2").names, 2);
    assert_eq!(without_root(seen.clone()), without_root(unpacked(&place, &layer)));

    drop(fs::remove_dir_all(step));
    assert_eq!(without_root(tree(&taking, &layer)), without_root(seen));
}

fn without_root(mut seen: BTreeMap<PathBuf, Seen>) -> BTreeMap<PathBuf, Seen> {
    seen.remove(Path::new(""));
    seen
}

#[test]
fn a_taken_file_is_not_copied() {
    let place = Place::new();
    let step = place.path("step");
    write(&step.join("f"), "text");
    let inode = fs::metadata(step.join("f")).unwrap().ino();
    let layer = capture(
        &place,
        &step,
        &CaptureOptions {
            source: Source::Consume,
            ..CaptureOptions::default()
        },
    );
    let tree = place.store.tree(&layer.diff_id).unwrap().unwrap();
    assert_eq!(fs::metadata(tree.path().join("f")).unwrap().ino(), inode);
}

#[test]
fn a_file_on_another_file_system_is_copied() {
    let place = Place::new();
    let memory = Mounted::new("tmpfs", &place.path("memory"), "size=1m");
    write(&memory.path().join("d/f"), "text");
    let options = CaptureOptions {
        source: Source::Consume,
        ..CaptureOptions::default()
    };
    let layer = capture(&place, memory.path(), &options);
    drop(memory);
    assert_eq!(tree(&place, &layer)[Path::new("d/f")].contents, b"text");
}

#[test]
fn several_directories_go_where_they_are_wanted() {
    let place = Place::new();
    write(&place.path("one/a"), "a");
    write(&place.path("two/b/c"), "c");
    write(&place.path("single"), "s");
    let layer = write_layer(&place.store, &LayerOptions::default(), |layer| {
        let to = |to| CaptureOptions {
            to: Path::new(to),
            ..CaptureOptions::default()
        };
        layer.capture(&place.path("one"), &to("usr/lib/app"))?;
        layer.capture(&place.path("two"), &to("/usr/lib/app"))?;
        layer.capture(&place.path("single"), &to("etc/name"))?;
        Ok::<_, CaptureError>(layer.bytes("last", &Metadata::file(), "")?)
    })
    .unwrap();
    let paths: Vec<_> = tree(&place, &layer)
        .into_keys()
        .map(|path| path.display().to_string())
        .collect();
    let expected = [
        "",
        "etc",
        "etc/name",
        "last",
        "usr",
        "usr/lib",
        "usr/lib/app",
        "usr/lib/app/a",
        "usr/lib/app/b",
        "usr/lib/app/b/c",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn what_is_excluded_is_left_out_with_everything_below_it() {
    let place = Place::new();
    for path in ["a/__pycache__/x", "a/b.pyc", "a/c.py"] {
        write(&place.path("step").join(path), "");
    }
    let exclude =
        |path: &Path| path.ends_with("__pycache__") || path.extension().is_some_and(|ending| ending == "pyc");
    let layer = capture(
        &place,
        &place.path("step"),
        &CaptureOptions {
            exclude: &exclude,
            ..CaptureOptions::default()
        },
    );
    let paths: Vec<_> = tree(&place, &layer).into_keys().collect();
    assert_eq!(paths, ["", "a", "a/c.py"].map(PathBuf::from));
}

#[test]
fn sockets_pipes_and_devices_are_left_out_or_refused() {
    let place = Place::new();
    let step = place.path("step");
    write(&step.join("f"), "");
    let _socket = std::os::unix::net::UnixListener::bind(step.join("socket")).unwrap();
    mknodat(CWD, step.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let layer = capture(&place, &step, &CaptureOptions::default());
    assert_eq!(
        tree(&place, &layer).into_keys().collect::<Vec<_>>(),
        ["", "f"].map(PathBuf::from)
    );

    let refuse = CaptureOptions {
        specials: Specials::Refuse,
        ..CaptureOptions::default()
    };
    let error = layer_from_directory(&place.store, &LayerOptions::default(), &step, &refuse).unwrap_err();
    assert_eq!(error.class(), Class::User);
    assert!(error.to_string().contains("pipe` is a named pipe"), "{error}");
    assert!(place.names("scratch").is_empty());
}

#[test]
fn whiteouts_can_be_left_out() {
    let overlay = Overlay::over(|lower| {
        write(&lower.join("gone"), "");
        write(&lower.join("dir/old"), "");
    });
    fs::remove_file(overlay.at("gone")).unwrap();
    fs::remove_dir_all(overlay.at("dir")).unwrap();
    fs::create_dir(overlay.at("dir")).unwrap();
    let Overlay { place, mounted } = overlay;
    drop(mounted);
    let options = CaptureOptions {
        whiteouts: Whiteouts::Ignore,
        ..CaptureOptions::default()
    };
    let layer = capture(&place, &place.path("upper"), &options);
    let seen = tree(&place, &layer);
    assert_eq!(
        seen.keys().cloned().collect::<Vec<_>>(),
        ["", "dir"].map(PathBuf::from)
    );
    assert!(seen[Path::new("dir")].xattrs.is_empty());
}

#[test]
fn the_order_of_making_and_the_times_do_not_show() {
    let (one, two) = (Place::new(), Place::new());
    for path in ["a/1", "b", "a/2"] {
        write(&one.path("step").join(path), path);
    }
    for path in ["b", "a/2", "a/1"] {
        write(&two.path("step").join(path), path);
    }
    let capture = |place: &Place| capture(place, &place.path("step"), &CaptureOptions::default());
    assert_eq!(capture(&one), capture(&two));
}
