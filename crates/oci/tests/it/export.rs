//! Images as they are assembled, and as other tools take them.

use std::path::Path;
use std::process::Command;

use coracle_oci::{
    Compression, ExportError, Image, ImageConfig, ImageError, LayerError, LayerOptions, LayerWriter,
    Metadata, Output, assemble, export, load, load_config, write_layer,
};
use coracle_spec::{Class, Digest, Failure, ImageRef};
use fs_err as fs;
use serde_json::{Value, json};

use crate::support::{Mounted, Place, noise};

fn config() -> ImageConfig {
    ImageConfig {
        architecture: "amd64".to_owned(),
        variant: String::new(),
        created: 1_700_000_000,
        entrypoint: vec!["/usr/bin/app".to_owned()],
        cmd: vec!["--serve".to_owned()],
        env: [("PATH", "/usr/bin"), ("GREETING", "a=b")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        workdir: "/app".to_owned(),
        user: "65532:65532".to_owned(),
        exposed_ports: ["8080/tcp".to_owned()].into(),
        labels: [("who".to_owned(), "me".to_owned())].into(),
        stop_signal: "SIGINT".to_owned(),
        volumes: ["/data".to_owned()].into(),
    }
}

fn image(place: &Place) -> Image {
    let base = |layer: &mut LayerWriter| layer.bytes("usr/bin/app", &Metadata::program(), "#!/bin/sh\n");
    let code =
        |layer: &mut LayerWriter| layer.bytes("app/main.py", &Metadata::file(), "print()\n".repeat(1000));
    let layers = [write(place, "base", base), write(place, "application", code)];
    assemble(&place.store, &config(), &layers).unwrap()
}

fn write(
    place: &Place,
    note: &str,
    fill: impl FnOnce(&mut LayerWriter) -> Result<(), LayerError>,
) -> coracle_oci::Layer {
    write_layer(&place.store, &LayerOptions::default(), fill)
        .unwrap()
        .noted(note)
}

fn name() -> ImageRef {
    "team/app:1.2".parse().unwrap()
}

#[test]
fn the_same_layers_and_settings_give_the_same_image() {
    let image = image(&Place::new());
    assert_eq!(image, self::image(&Place::new()));
    assert_eq!(image.manifest.short(), "ef3656de34b4");
}

#[test]
fn an_image_is_loaded_as_it_was_assembled() {
    let place = Place::new();
    let image = image(&place);
    assert_eq!(load(&place.store, &image.manifest).unwrap(), image);
    assert_eq!(load_config(&place.store, &image).unwrap(), config());
}

#[test]
fn an_image_that_is_not_there_is_not_found() {
    let error = load(&Place::new().store, &Digest::of("x")).unwrap_err();
    assert!(matches!(error, ImageError::NotFound { .. }));
    assert_eq!(error.class(), Class::NotFound);
}

#[test]
fn the_configuration_says_what_the_specification_names() {
    let place = Place::new();
    let image = image(&place);
    let text = place
        .store
        .existing_blob(&image.config)
        .unwrap()
        .read(1 << 20)
        .unwrap();
    let found: Value = serde_json::from_slice(&text).unwrap();
    let diff_ids: Vec<_> = image
        .layers
        .iter()
        .map(|layer| layer.diff_id.to_string())
        .collect();
    let created = "2023-11-14T22:13:20Z";
    let expected = json!({
        "created": created, "architecture": "amd64", "os": "linux",
        "config": {
            "User": "65532:65532", "ExposedPorts": {"8080/tcp": {}}, "Env": ["GREETING=a=b", "PATH=/usr/bin"],
            "Entrypoint": ["/usr/bin/app"], "Cmd": ["--serve"], "WorkingDir": "/app", "Labels": {"who": "me"},
            "StopSignal": "SIGINT", "Volumes": {"/data": {}},
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created": created, "created_by": "base"}, {"created": created, "created_by": "application"}],
    });
    assert_eq!(found, expected);
}

fn skopeo(arguments: &[&str]) -> Value {
    let output = Command::new("skopeo")
        .arg("--insecure-policy")
        .args(arguments)
        .output()
        .expect("skopeo is needed: apt-get install skopeo");
    assert!(
        output.status.success(),
        "skopeo {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

/// Inspects with skopeo, and lets it copy, which checks every digest.
fn check(place: &Place, source: &str, image: &Image) {
    let found = skopeo(&["inspect", source]);
    assert_eq!(found["Architecture"], "amd64", "{source}");
    assert_eq!(found["Env"], json!(["GREETING=a=b", "PATH=/usr/bin"]), "{source}");
    assert_eq!(
        found["Layers"].as_array().unwrap().len(),
        image.layers.len(),
        "{source}"
    );
    let config = skopeo(&["inspect", "--config", source]);
    let diff_ids: Vec<_> = image
        .layers
        .iter()
        .map(|layer| layer.diff_id.to_string())
        .collect();
    assert_eq!(config["rootfs"]["diff_ids"], json!(diff_ids), "{source}");
    let copy = place.path("copy");
    skopeo(&["copy", source, &format!("dir:{}", copy.display())]);
    fs::remove_dir_all(copy).unwrap();
}

#[test]
fn skopeo_takes_a_layout_in_each_compression() {
    let place = Place::new();
    let image = image(&place);
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let directory = place.path(&format!("{compression:?}"));
        let exported = export(
            &place.store,
            &image,
            &Output::Layout(directory.clone()),
            compression,
            &name(),
        )
        .unwrap();
        let source = format!("oci:{}:1.2", directory.display());
        check(&place, &source, &image);
        assert_eq!(
            skopeo(&["inspect", &source])["Digest"],
            exported.manifest.to_string()
        );
        assert_eq!(exported == image, compression == Compression::Zstd);
    }
}

#[test]
fn one_archive_is_an_oci_archive_and_a_docker_archive() {
    let place = Place::new();
    let image = image(&place);
    let file = place.path("deep/er/image.tar");
    export(
        &place.store,
        &image,
        &Output::Archive(file.clone()),
        Compression::Gzip,
        &name(),
    )
    .unwrap();
    check(&place, &format!("oci-archive:{}", file.display()), &image);
    check(&place, &format!("docker-archive:{}", file.display()), &image);
    check(
        &place,
        &format!("docker-archive:{}:docker.io/team/app:1.2", file.display()),
        &image,
    );
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn the_same_image_gives_the_same_archive() {
    let archive = || {
        let place = Place::new();
        let file = place.path("image.tar");
        let output = Output::Archive(file.clone());
        export(&place.store, &image(&place), &output, Compression::Gzip, &name()).unwrap();
        Digest::of(fs::read(file).unwrap())
    };
    assert_eq!(archive(), archive());
}

#[test]
fn a_layout_keeps_its_other_images_and_replaces_one_of_the_same_name() {
    let place = Place::new();
    let first = image(&place);
    let second = assemble(
        &place.store,
        &ImageConfig {
            user: "1".to_owned(),
            ..config()
        },
        &first.layers,
    )
    .unwrap();
    let directory = place.path("layout");
    let to = Output::Layout(directory.clone());
    for (image, name) in [
        (&first, "app:1"),
        (&second, "app:2"),
        (&second, "app:1"),
        (&second, "app:1"),
    ] {
        export(
            &place.store,
            image,
            &to,
            Compression::Zstd,
            &name.parse().unwrap(),
        )
        .unwrap();
    }
    let index: Value = serde_json::from_slice(&fs::read(directory.join("index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
    for tag in ["1", "2"] {
        let found = skopeo(&[
            "inspect",
            "--config",
            &format!("oci:{}:{tag}", directory.display()),
        ]);
        assert_eq!(found["config"]["User"], "1");
    }
}

#[test]
fn a_directory_with_something_else_in_it_is_left_alone() {
    let place = Place::new();
    let image = image(&place);
    let directory = place.path("mine");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("thesis.txt"), "text").unwrap();
    let output = Output::Layout(directory.clone());
    let error = export(&place.store, &image, &output, Compression::Zstd, &name()).unwrap_err();
    assert!(matches!(error, ExportError::Occupied { .. }), "{error:?}");
    assert_eq!(fs::read_dir(directory).unwrap().count(), 1);
}

#[test]
fn an_export_that_fails_leaves_no_file_and_an_earlier_one_as_it_was() {
    let place = Place::new();
    let image = image(&place);
    let disk = Mounted::new("tmpfs", &place.path("disk"), "size=64k");
    let noise = noise(256);
    let layer = write(&place, "noise", |layer| {
        layer.bytes("noise", &Metadata::file(), noise)
    });
    let large = assemble(&place.store, &config(), &[layer]).unwrap();
    let file = disk.path().join("image.tar");
    let output = Output::Archive(file.clone());
    export(&place.store, &image, &output, Compression::Zstd, &name()).unwrap();
    let before = fs::read(&file).unwrap();
    let error = export(&place.store, &large, &output, Compression::Zstd, &name()).unwrap_err();
    assert_eq!(error.class(), Class::Busy, "{error:?}");
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(names(disk.path()), ["image.tar"]);
}

#[test]
fn a_layout_that_fails_is_not_there_and_one_whose_writer_was_killed_is_cleared_away() {
    let place = Place::new();
    let image = image(&place);
    let disk = Mounted::new("tmpfs", &place.path("disk"), "size=64k");
    let layer = write(&place, "noise", |layer| {
        layer.bytes("noise", &Metadata::file(), noise(256))
    });
    let large = assemble(&place.store, &config(), &[layer]).unwrap();
    let to = Output::Layout(disk.path().join("layout"));
    let error = export(&place.store, &large, &to, Compression::Zstd, &name()).unwrap_err();
    assert_eq!(error.class(), Class::Busy, "{error:?}");
    assert_eq!(names(disk.path()), Vec::<String>::new());

    // What a dead process left, what a living one makes, and what is somebody else's.
    let living = disk.path().join("layout.2-0.partial");
    for other in [
        "layout.1-0.partial/blobs",
        "layout.2-0.partial",
        "layout.mine.partial",
    ] {
        fs::create_dir_all(disk.path().join(other)).unwrap();
    }
    let lock = fs::File::open(living).unwrap();
    lock.file().lock().unwrap();
    export(&place.store, &image, &to, Compression::Zstd, &name()).unwrap();
    let mut left = names(disk.path());
    left.sort();
    assert_eq!(left, ["layout", "layout.2-0.partial", "layout.mine.partial"]);
}

#[test]
fn layouts_that_are_made_at_once_at_one_place_end_as_one_that_is_whole() {
    let place = Place::new();
    let image = image(&place);
    let directory = place.path("layout");
    let to = Output::Layout(directory.clone());
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (place, image, to) = (&place, &image, &to);
            let name: ImageRef = format!("app:{number}").parse().unwrap();
            scope.spawn(move || export(&place.store, image, to, Compression::Zstd, &name).unwrap());
        }
    });
    let index: Value = serde_json::from_slice(&fs::read(directory.join("index.json")).unwrap()).unwrap();
    for named in index["manifests"].as_array().unwrap() {
        let tag = &named["annotations"]["org.opencontainers.image.ref.name"];
        let layout = format!("oci:{}:{}", directory.display(), tag.as_str().unwrap());
        check(&place, &layout, &image);
    }
    assert_eq!(
        names(directory.parent().unwrap()).len(),
        2,
        "the store and the layout"
    );
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}
