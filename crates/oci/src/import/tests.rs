use std::io::Write as _;

use super::*;
use crate::{
    Compression, ImageConfig, LayerError, LayerOptions, Metadata, Output, assemble, export, write_layer,
};

struct World {
    _root: tempfile::TempDir,
    from: Store,
    to: Store,
}

fn world() -> World {
    let root = tempfile::tempdir().unwrap();
    let store = |name| Store::open(&root.path().join(name)).unwrap();
    World {
        from: store("from"),
        to: store("to"),
        _root: root,
    }
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ::tar::Builder::new(Vec::new());
    for (name, contents) in entries {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *contents).unwrap();
    }
    archive.into_inner().unwrap()
}

/// Answers what `docker save` of version 20.10 writes of a layer with the file `hello`.
fn saved() -> (Vec<u8>, Digest) {
    let layer = archive(&[("hello", b"hi")]);
    let diff_id = Digest::of(&layer);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Cmd":["/hello"]}},"rootfs":{{"type":"layers","diff_ids":["{diff_id}","{diff_id}"]}},"history":[{{"created_by":"COPY"}},{{"created_by":"ADD"}}]}}"#
    );
    let id = Digest::of(&config);
    let manifest = format!(
        r#"[{{"Config":"{0}.json","RepoTags":["x:y"],"Layers":["one/layer.tar","two/layer.tar"]}}]"#,
        id.hex()
    );
    let mut whole = ::tar::Builder::new(Vec::new());
    let mut add = |name: &str, contents: &[u8]| {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        whole.append_data(&mut header, name, contents).unwrap();
    };
    add("one/VERSION", b"1.0");
    add("one/layer.tar", &layer);
    add(&format!("{}.json", id.hex()), config.as_bytes());
    add("manifest.json", manifest.as_bytes());
    let mut link = ::tar::Header::new_gnu();
    link.set_entry_type(::tar::EntryType::Symlink);
    link.set_size(0);
    whole
        .append_link(&mut link, "two/layer.tar", "../one/layer.tar")
        .unwrap();
    (whole.into_inner().unwrap(), id)
}

fn taken(store: &Store, archive: &[u8]) -> Result<Vec<Image>, ImportError> {
    import(store, archive, &ImportLimits::default())
}

#[test]
fn an_exported_image_comes_back_with_its_digest() {
    let world = world();
    let layer = write_layer::<LayerError>(&world.from, &LayerOptions::default(), |layer| {
        layer.bytes("hello", &Metadata::file(), "hi")
    })
    .unwrap();
    let config = ImageConfig {
        architecture: "amd64".to_owned(),
        ..ImageConfig::default()
    };
    let image = assemble(&world.from, &config, &[layer]).unwrap();
    let file = world.to.root().join("image.tar");
    let name = "x:y".parse().unwrap();
    let output = Output::Archive(file.clone());
    let exported = export(&world.from, &image, &output, Compression::Gzip, &name).unwrap();
    let images = taken(&world.to, &fs_err::read(&file).unwrap()).unwrap();
    assert_eq!(images.len(), 1);
    assert_eq!(images[0].manifest, exported.manifest);
    assert_eq!(images[0].layers[0].diff_id, image.layers[0].diff_id);
}

#[test]
fn what_docker_saves_keeps_its_configuration_and_shares_layers() {
    let world = world();
    let (archive, id) = saved();
    let images = taken(&world.to, &archive).unwrap();
    let [image] = images.as_slice() else {
        panic!("there is one image: {images:?}")
    };
    assert_eq!(image.config, id);
    assert_eq!(image.layers[0].digest, image.layers[1].digest);
    assert_eq!(image.layers[1].note, "ADD");
    crate::unpack(&world.to, &image.layers[0]).unwrap();
}

#[test]
fn what_is_cut_off_lies_or_lacks_something_is_refused() {
    let world = world();
    let (whole, _) = saved();
    for end in (0..whole.len()).step_by(311) {
        assert!(taken(&world.to, &whole[..end]).is_err(), "cut off at {end}");
    }
    let hex = Digest::of("x").hex();
    let lie = archive(&[(&format!("blobs/sha256/{hex}"), b"y")]);
    assert!(matches!(taken(&world.to, &lie), Err(ImportError::Blob { .. })));
    let index = format!(
        r#"{{"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:{hex}","size":1}}]}}"#
    );
    let lacks = archive(&[("index.json", index.as_bytes())]);
    assert!(matches!(taken(&world.to, &lacks), Err(ImportError::Lacks { .. })));
    let elsewhere = archive(&[("index.json", b"{}")]);
    assert!(matches!(taken(&world.to, &elsewhere), Err(ImportError::NoImage)));
    assert!(matches!(
        taken(&world.to, &archive(&[])),
        Err(ImportError::NoImage)
    ));
    let mut path = archive(&[("a", b"")]);
    path[..4].copy_from_slice(b"../a");
    assert!(taken(&world.to, &path).is_err());
}

#[test]
fn an_archive_has_no_more_entries_and_bytes_than_are_taken() {
    let world = world();
    let small = ImportLimits {
        entries: 2,
        bytes: ByteSize::mebibytes(1),
    };
    let many = archive(&[("a", b""), ("b", b""), ("c", b"")]);
    let refused = import(&world.to, &many[..], &small).unwrap_err();
    assert!(
        matches!(refused, ImportError::TooMany { limit: 2 }),
        "{refused:?}"
    );
    let mut long = Vec::new();
    long.write_all(&archive(&[("one/layer.tar", &vec![0; 2 << 20])]))
        .unwrap();
    assert!(import(&world.to, &long[..], &small).is_err());
    let large = archive(&[("index.json", &vec![b' '; 5 << 20])]);
    assert!(matches!(taken(&world.to, &large), Err(ImportError::Large { .. })));
}
