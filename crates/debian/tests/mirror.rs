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

/// Copies trees over each other, the way an overlay shows them.
fn stack(debian: &Debian, lock: &BaseLock, root: &Path) {
    fs::create_dir_all(root).expect("makes a folder");
    for tree in debian.trees(lock, &Silent).expect("has trees") {
        let status = Command::new("cp")
            .arg("-a")
            .arg(tree.path().join("."))
            .arg(root)
            .status();
        assert!(status.expect("runs cp").success());
    }
    let status = Command::new("mount")
        .args(["-t", "proc", "proc"])
        .arg(root.join("proc"))
        .status();
    assert!(status.expect("runs mount").success(), "mounting /proc needs root");
}

/// A root file system with `/proc` mounted.
struct Chroot(PathBuf);

impl Chroot {
    fn output(&self, command: &[&str]) -> String {
        let output = Command::new("chroot")
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
        let _ = Command::new("umount").arg(self.0.join("proc")).status();
    }
}

fn digests(layers: &[Layer]) -> Vec<String> {
    layers
        .iter()
        .flat_map(|layer| [layer.diff_id.to_string(), layer.digest.to_string()])
        .collect()
}

#[test]
fn bases_of_todays_debian_are_small_run_and_come_out_the_same_twice() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let debian = debian(&data.path().join("first"));
    let t = std::time::Instant::now();
    let snapshot = debian
        .snapshot(Release::Trixie, Arch::Amd64, &Silent)
        .expect("reads the archive");
    eprintln!("snapshot {:?} packages {}", t.elapsed(), snapshot.packages());
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
    eprintln!(
        "builder {} {:?}",
        builder.shared.len() + builder.packages.len(),
        names(&builder.packages)
    );

    let t = std::time::Instant::now();
    let layers = debian
        .layers(&python, Compression::Zstd, &Silent)
        .expect("assembles");
    eprintln!("python {:?} {:?}", t.elapsed(), layers);
    let t = std::time::Instant::now();
    let nodes = debian
        .layers(&node, Compression::Zstd, &Silent)
        .expect("assembles");
    eprintln!("node {:?} {:?}", t.elapsed(), nodes);
    let t = std::time::Instant::now();
    let trees = debian.trees(&builder, &Silent).expect("assembles");
    eprintln!("builder {:?} {:?}", t.elapsed(), trees);
    let t = std::time::Instant::now();
    debian
        .layers(&python, Compression::Zstd, &Silent)
        .expect("assembles");
    eprintln!("warm {:?}", t.elapsed());
    assert_eq!(layers[0], nodes[0]);

    let _ = digests(&layers);
    let root = Chroot(data.path().join("root"));
    stack(&debian, &python, &root.0);
    let script = "import ssl,json,sqlite3,ctypes,zoneinfo,pwd;\
        print(len(ssl.create_default_context().get_ca_certs()), pwd.getpwuid(65532).pw_name, zoneinfo.ZoneInfo('Europe/Berlin'))";
    eprintln!("{}", root.output(&["/usr/bin/python3", "-c", script]));
}
