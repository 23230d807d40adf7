//! Images for several platforms: one build, one index, and in each image programs for its own processors only.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::machine::{Machine, copy_of};

/// What `e_machine` says in the head of an ELF file (System V ABI), for each platform's architecture.
const MACHINES: [(&str, u16); 2] = [("amd64", 62), ("arm64", 183)];

fn tool(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("`cargo xtask test` installs {program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Builds the example for both platforms; answers the report and where the layout is.
fn built(place: &Path) -> (Value, String) {
    let copy = copy_of("two-platforms");
    let folder = copy.path().join("two-platforms");
    let layout = format!("oci:{}", place.join("layout").display());
    let arguments = [
        "build",
        folder.to_str().unwrap(),
        "--json",
        "--locked",
        "--output",
        &layout,
    ];
    let report = Machine::shared().succeed(&arguments);
    (serde_json::from_str(&report).unwrap(), layout)
}

#[test]
fn one_build_makes_an_image_for_each_platform_and_does_what_they_share_once() {
    let place = tempfile::tempdir().unwrap();
    let (report, layout) = built(place.path());
    let names: Vec<_> = report["platforms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["platform"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["linux/amd64", "linux/arm64"]);
    let steps = report["steps"].as_array().unwrap();
    let shared = steps.iter().filter(|step| step["id"] == "application").count();
    assert_eq!(shared, 1, "{steps:?}");
    let raw: Value = serde_json::from_str(&tool(
        "skopeo",
        &["inspect", "--raw", &format!("{layout}:latest")],
    ))
    .unwrap();
    let arm = &raw["manifests"][1];
    assert_eq!(arm["platform"]["architecture"], "arm64");
    assert_eq!(arm["platform"]["variant"], "v8");
    assert_eq!(arm["digest"], report["outputs"][0]["platforms"]["linux/arm64"]);
    let all = format!("oci:{}:all", place.path().join("all").display());
    let from = format!("{layout}:latest");
    tool("skopeo", &["--insecure-policy", "copy", "--all", &from, &all]);
}

#[test]
fn every_program_and_library_in_an_image_is_for_its_platform() {
    let place = tempfile::tempdir().unwrap();
    let (_, layout) = built(place.path());
    for (arch, machine) in MACHINES {
        let root = unpacked(&format!("{layout}:latest"), arch, place.path());
        let mut found = Vec::new();
        elf_files(&root, &mut found);
        assert!(
            found.len() > 20,
            "{arch}: only {} programs and libraries",
            found.len()
        );
        let foreign: Vec<_> = found.iter().filter(|(_, its)| *its != machine).collect();
        assert!(foreign.is_empty(), "{arch}: {foreign:?}");
        assert!(
            found.iter().any(|(path, _)| path.contains("markupsafe")),
            "{arch}: the dependency is compiled code"
        );
    }
}

/// Unpacks the image for `arch` out of `from`, layer over layer.
pub(crate) fn unpacked(from: &str, arch: &str, place: &Path) -> std::path::PathBuf {
    let (image, root) = (place.join(format!("{arch}-image")), place.join(arch));
    let to = format!("dir:{}", image.display());
    let copy = ["--insecure-policy", "--override-arch", arch, "copy", from, &to];
    tool("skopeo", &copy);
    fs_err::create_dir(&root).unwrap();
    let manifest: Value =
        serde_json::from_slice(&fs_err::read(image.join("manifest.json")).unwrap()).unwrap();
    for layer in manifest["layers"].as_array().unwrap() {
        let name = layer["digest"].as_str().unwrap().trim_start_matches("sha256:");
        let file = image.join(name);
        tool(
            "tar",
            &[
                "--extract",
                "--gzip",
                "--no-same-owner",
                "--directory",
                root.to_str().unwrap(),
                "--file",
                file.to_str().unwrap(),
            ],
        );
    }
    root
}

/// Collects the ELF files beneath a folder, each with its `e_machine`.
fn elf_files(folder: &Path, found: &mut Vec<(String, u16)>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            elf_files(&entry.path(), found);
        } else if kind.is_file()
            && let Some(machine) = elf_machine(&entry.path())
        {
            found.push((entry.path().to_string_lossy().into_owned(), machine));
        }
    }
}

/// Answers the `e_machine` of an ELF file; nothing for any other.
pub(crate) fn elf_machine(path: &Path) -> Option<u16> {
    let mut head = [0; 20];
    fs_err::File::open(path).unwrap().read_exact(&mut head).ok()?;
    head.starts_with(b"\x7fELF")
        .then(|| u16::from_le_bytes([head[18], head[19]]))
}

#[test]
fn what_has_images_for_other_machines_only_is_built_but_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = if cfg!(target_arch = "x86_64") {
        "arm64"
    } else {
        "amd64"
    };
    let manifest = format!("runtime: server\ncommand: [./serve]\nbuild: {{platforms: [linux/{foreign}]}}\n");
    fs_err::write(folder.path().join("coracle.yaml"), manifest).unwrap();
    let talk = Machine::shared().fail(1, &["up", folder.path().to_str().unwrap(), "--call", "/"]);
    assert!(
        talk.contains(&format!("the function's images are for `linux/{foreign}` only")),
        "{talk}"
    );
    assert!(talk.contains("hint: add `linux/"), "{talk}");
}
