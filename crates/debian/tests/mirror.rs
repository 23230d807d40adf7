//! The real thing: Debian's archive as it is today, or the mirror that the host's own APT uses.

use std::path::{Path, PathBuf};
use std::process::Command;

use coracle_content::Store;
use coracle_debian::{Arch, Archive, BaseLock, Debian, Kind, Recipe, Release, Silent};
use coracle_fetch::{FetchConfig, Fetcher};
use coracle_oci::{Compression, Layer};
use fs_err as fs;

const COMMON: [&str; 13] = [
    "base-files",
    "base-passwd",
    "ca-certificates",
    "gcc-14-base",
    "libc6",
    "libgcc-s1",
    "libssl3t64",
    "libstdc++6",
    "libzstd1",
    "media-types",
    "netbase",
    "tzdata",
    "zlib1g",
];

const PYTHON: [&str; 17] = [
    "libbz2-1.0",
    "libexpat1",
    "libffi8",
    "liblzma5",
    "libncursesw6",
    "libpython3-stdlib",
    "libpython3.13-minimal",
    "libpython3.13-stdlib",
    "libreadline8t64",
    "libsqlite3-0",
    "libtinfo6",
    "libuuid1",
    "python3",
    "python3-minimal",
    "python3.13",
    "python3.13-minimal",
    "readline-common",
];

const NODE: [&str; 14] = [
    "libbrotli1",
    "libcares2",
    "libicu76",
    "libnghttp2-14",
    "libnode115",
    "libuv1t64",
    "node-acorn",
    "node-balanced-match",
    "node-brace-expansion",
    "node-cjs-module-lexer",
    "node-minimatch",
    "node-undici",
    "node-xtend",
    "nodejs",
];

fn recipe(kind: Kind, packages: &[&str]) -> Recipe {
    let packages = packages.iter().map(ToString::to_string).collect();
    Recipe {
        release: Release::Trixie,
        arch: Arch::Amd64,
        kind,
        packages,
    }
}

fn debian(data: &Path) -> Debian {
    let store = Store::open(data).expect("opens a store");
    let fetcher = Fetcher::new(FetchConfig::default()).expect("makes a fetcher");
    let archive = Archive::choose(None, Path::new("/etc/apt")).expect("chooses an archive");
    Debian::new(store, fetcher, archive)
}

fn names(packages: &[coracle_debian::LockedPackage]) -> Vec<&str> {
    packages.iter().map(|package| package.name.as_str()).collect()
}

/// A root file system with `/proc` mounted.
struct Chroot(PathBuf);

impl Chroot {
    /// Lays the trees of a base over each other.
    fn of(debian: &Debian, lock: &BaseLock, root: &Path) -> Self {
        fs::create_dir_all(root).expect("makes a folder");
        let trees = debian.trees(lock, &Silent).expect("has trees");
        let paths: Vec<_> = trees
            .iter()
            .rev()
            .map(|tree| tree.path().to_string_lossy())
            .collect();
        let chroot = Self(root.to_owned());
        mount(
            &[
                "-t",
                "overlay",
                "-o",
                &format!("lowerdir={}", paths.join(":")),
                "overlay",
            ],
            root,
        );
        mount(&["-t", "proc", "proc"], &root.join("proc"));
        chroot
    }

    fn output(&self, command: &[&str]) -> String {
        let output = Command::new("/usr/sbin/chroot")
            .arg(&self.0)
            .args(command)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin")
            .output()
            .expect("runs chroot, which needs root");
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{command:?}: {stdout}{stderr}");
        stdout.into_owned()
    }
}

impl Drop for Chroot {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--recursive").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], at: &Path) {
    let status = Command::new("mount")
        .args(arguments)
        .arg(at)
        .status()
        .expect("runs mount");
    assert!(status.success(), "mounting needs root");
}

#[test]
fn todays_debian_gives_small_bases_that_run_and_come_out_the_same_twice() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let first = debian(&data.path().join("first"));
    let snapshot = first
        .snapshot(Release::Trixie, Arch::Amd64, &Silent)
        .expect("reads the archive");
    let python = snapshot
        .lock(&recipe(Kind::Runtime, &["python3"]))
        .expect("resolves");
    let node = snapshot
        .lock(&recipe(Kind::Runtime, &["nodejs"]))
        .expect("resolves");
    let builder = snapshot
        .lock(&recipe(Kind::Builder, &["python3-pip", "python3-venv"]))
        .expect("resolves");
    assert_eq!(names(&python.shared), COMMON);
    assert_eq!(names(&python.packages), PYTHON);
    assert_eq!(names(&node.packages), NODE);
    assert_eq!(builder.shared, python.shared);
    assert_eq!(builder.shared.len() + builder.packages.len(), 59);

    let for_python = first
        .layers(&python, Compression::Zstd, &Silent)
        .expect("assembles");
    let for_node = first
        .layers(&node, Compression::Zstd, &Silent)
        .expect("assembles");
    assert_eq!(for_python[0], for_node[0], "the lower layer is shared");
    let size = |layers: &[Layer]| layers.iter().map(|layer| layer.size).sum::<u64>();
    assert!(size(&for_python) < 18_000_000, "{} bytes", size(&for_python));
    assert!(size(&for_node) < 43_000_000, "{} bytes", size(&for_node));

    let elsewhere = debian(&data.path().join("second"));
    let again = elsewhere
        .layers(&python, Compression::Zstd, &Silent)
        .expect("assembles");
    assert_eq!(again, for_python);

    let root = Chroot::of(&first, &python, &data.path().join("python"));
    let script = "import ssl,json,sqlite3,ctypes,asyncio,bz2,lzma,zoneinfo,pwd,mimetypes\n\
        zoneinfo.ZoneInfo('Europe/Berlin')\n\
        print(len(ssl.create_default_context().get_ca_certs()) > 100, pwd.getpwuid(65532).pw_name)";
    assert_eq!(root.output(&["python3", "-c", script]), "True nonroot\n");

    let root = Chroot::of(&first, &node, &data.path().join("node"));
    let script =
        "require('https'); new Intl.DateTimeFormat('de'); console.log(process.version, process.getuid())";
    assert!(root.output(&["node", "-e", script]).starts_with("v20."));

    let root = Chroot::of(&first, &builder, &data.path().join("builder"));
    assert_eq!(
        root.output(&["sh", "-c", "which sh | awk '{ print $1 }' | tr / -"]),
        "-usr-bin-sh\n"
    );
    assert!(
        root.output(&["python3", "-m", "pip", "--version"])
            .starts_with("pip ")
    );
}

#[test]
fn a_static_base_is_one_small_layer_with_what_programs_look_up_and_no_c_library() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let debian = debian(data.path());
    let lock = debian
        .lock(&recipe(Kind::Static, &[]), &Silent)
        .expect("resolves");
    assert_eq!(
        names(&lock.shared),
        [
            "base-files",
            "base-passwd",
            "ca-certificates",
            "media-types",
            "netbase",
            "tzdata"
        ]
    );
    assert!(lock.packages.is_empty());
    let layers = debian
        .layers(&lock, Compression::Zstd, &Silent)
        .expect("assembles");
    assert_eq!(layers.len(), 1);
    assert!(layers[0].size < 700_000, "{} bytes", layers[0].size);
    let trees = debian.trees(&lock, &Silent).expect("assembles");
    let root = trees[0].path();
    for file in [
        "etc/passwd",
        "etc/nsswitch.conf",
        "etc/services",
        "etc/protocols",
        "etc/mime.types",
        "etc/ssl/certs/ca-certificates.crt",
        "usr/share/zoneinfo/Europe/Berlin",
    ] {
        assert!(root.join(file).is_file(), "{file}");
    }
    assert!(!root.join("usr/lib/x86_64-linux-gnu/libc.so.6").exists());
    assert!(!root.join("usr/bin/sh").exists());
}

#[test]
fn the_release_before_gives_a_base_that_runs() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let debian = debian(&data.path().join("data"));
    let recipe = Recipe {
        release: Release::Bookworm,
        ..recipe(Kind::Runtime, &["python3"])
    };
    let lock = debian.lock(&recipe, &Silent).expect("locks");
    let root = Chroot::of(&debian, &lock, &data.path().join("root"));
    assert_eq!(
        root.output(&["python3", "-c", "import ssl,json; print(json.dumps([1]))"]),
        "[1]\n"
    );
    assert_eq!(
        fs::read_link(root.0.join("lib")).expect("a link"),
        Path::new("usr/lib")
    );
}
