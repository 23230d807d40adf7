//! Archives of Go modules (Go modules reference, "Module zip files"): zips whose entries are all beneath the module's
//! name and version, and whose contents have a hash by which everybody knows them (`h1:`, `golang.org/x/mod/sumdb/dirhash`).
//!
//! The hash needs every file, so all are read, by several threads, while those that are wanted are written. Nothing of
//! what was written is used before the hash was found right.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coracle_plan::Unpack;
use coracle_spec::{Digest, Hasher};
use fs_err::{self as fs, File};
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use super::MOST_UNPACKED;

/// The archive's name in its folder.
pub(super) const ARCHIVE: &str = "archive";

/// How many folders of an entry's path are the module's name and version: `golang.org/toolchain@v0.0.1-go1.27.4`.
const PREFIX: usize = 2;

/// The most files that a module may have.
const MOST_FILES: usize = 200_000;

/// The most threads that read an archive.
const MOST_THREADS: usize = 8;

/// How much of a file is read at a time.
const CHUNK: usize = 1 << 16;

/// Where a toolchain has programs: archives of modules know no modes.
const PROGRAMS: [&str; 2] = ["bin", "pkg/tool"];

/// What of a toolchain builds Go itself.
const OF_GO_ITSELF: &str = "src/cmd";

/// Writes the parts of the archive in the folder `scratch` that the plan takes beneath `root`, an empty folder that
/// nobody else sees; answers the hash of the whole archive.
pub(super) fn unpack(scratch: &Path, parts: &[Unpack], root: &Path) -> io::Result<String> {
    read(scratch, &|path| {
        let targets = parts.iter().find_map(|part| target(path, part));
        targets.map(|(inside, target)| (root.join(target), is_program(&inside)))
    })
}

/// Answers the hash of the archive in the folder `scratch`.
pub(super) fn hash(scratch: &Path) -> io::Result<String> {
    read(scratch, &|_| None)
}

/// Answers where an entry is written, and whether it is a program.
type Place<'a> = dyn Fn(&Path) -> Option<(PathBuf, bool)> + Sync + 'a;

fn read(scratch: &Path, place: &Place<'_>) -> io::Result<String> {
    let (path, next, total) = (scratch.join(ARCHIVE), AtomicUsize::new(0), AtomicU64::new(0));
    let count = open(&path)?.len();
    if count > MOST_FILES {
        return Err(io::Error::other(format!("it has more than {MOST_FILES} files")));
    }
    let work = || -> io::Result<Vec<(String, Digest)>> {
        let mut archive = open(&path)?;
        let mut hashes = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return Ok(hashes);
            }
            hashes.push(entry(&mut archive, index, &total, place)?);
        }
    };
    let threads = thread::available_parallelism().map_or(1, |count| count.get().min(MOST_THREADS));
    let hashes = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = running.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.collect::<io::Result<Vec<_>>>()
    })?;
    Ok(summary(hashes.into_iter().flatten().collect()))
}

fn open(path: &Path) -> io::Result<ZipArchive<BufReader<File>>> {
    Ok(ZipArchive::new(BufReader::new(File::open(path)?))?)
}

/// Reads one entry, writes it where it belongs, and answers its name and hash.
fn entry(
    archive: &mut ZipArchive<BufReader<File>>,
    index: usize,
    total: &AtomicU64,
    place: &Place<'_>,
) -> io::Result<(String, Digest)> {
    let mut entry = archive.by_index(index)?;
    let name = entry.name()?.into_owned();
    let mut output = place(Path::new(&name)).map(create).transpose()?;
    let (mut hasher, mut chunk) = (Hasher::default(), vec![0; CHUNK]);
    loop {
        let length = entry.read(&mut chunk)?;
        if length == 0 {
            return Ok((name, hasher.finish()));
        }
        if total.fetch_add(length as u64, Ordering::Relaxed) > MOST_UNPACKED {
            return Err(io::Error::other(format!(
                "it has more than {MOST_UNPACKED} bytes"
            )));
        }
        hasher.update(&chunk[..length]);
        if let Some(file) = &mut output {
            file.write_all(&chunk[..length])?;
        }
    }
}

fn create((path, is_program): (PathBuf, bool)) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = File::options().write(true).create_new(true).open(path)?;
    let mode = if is_program { 0o755 } else { 0o644 };
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// Answers the hash of a module: of the list of its files' hashes and names, sorted by name.
fn summary(hashes: BTreeMap<String, Digest>) -> String {
    let mut list = Sha256::new();
    for (name, hash) in hashes {
        list.update(format!("{}  {name}\n", hash.hex()));
    }
    format!("h1:{}", STANDARD.encode(list.finalize()))
}

/// Answers the path of an entry in the module, and where it goes; nothing when `part` does not take it.
fn target(path: &Path, part: &Unpack) -> Option<(PathBuf, PathBuf)> {
    if path
        .components()
        .any(|component| !matches!(component, Component::Normal(_)))
    {
        return None;
    }
    let inside: PathBuf = path.components().skip(PREFIX).collect();
    let rest = inside.strip_prefix(&part.from).ok()?;
    let to = Path::new(part.to.trim_start_matches('/')).join(rest);
    is_needed(&inside).then(|| (inside.clone(), to.components().collect()))
}

/// Answers whether a build needs a file of a toolchain.
fn is_needed(inside: &Path) -> bool {
    let name = inside.file_name().unwrap_or_default().to_string_lossy();
    let is_data_of_tests = inside.components().any(|part| part.as_os_str() == "testdata");
    !(inside.starts_with(OF_GO_ITSELF) || name.ends_with("_test.go") || is_data_of_tests)
}

fn is_program(inside: &Path) -> bool {
    PROGRAMS.iter().any(|folder| inside.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut zip = ZipWriter::new(File::create(folder.path().join(ARCHIVE)).unwrap());
        for (name, contents) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(contents.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        folder
    }

    fn part(from: &str, to: &str) -> Unpack {
        Unpack {
            from: from.to_owned(),
            to: to.to_owned(),
        }
    }

    #[test]
    fn a_module_has_the_hash_that_go_gives_it() {
        // Of `golang.org/x/mod/sumdb/dirhash`, `Hash1`: sha256 of the lines of `sha256sum`, sorted by name.
        let folder = archive(&[("m@v1/b", "two\n"), ("m@v1/a", "one\n")]);
        let [one, two] = ["one\n", "two\n"].map(|text| Digest::of(text).hex());
        let list = format!("{one}  m@v1/a\n{two}  m@v1/b\n");
        let expected = format!("h1:{}", STANDARD.encode(Sha256::digest(list)));
        assert_eq!(hash(folder.path()).unwrap(), expected);
    }

    #[test]
    fn what_a_build_needs_is_written_with_the_modes_of_programs_and_nothing_leaves_the_root() {
        let folder = archive(&[
            ("go.example/t@v1/bin/go", "program"),
            ("go.example/t@v1/pkg/tool/linux_amd64/compile", "program"),
            ("go.example/t@v1/src/fmt/print.go", "package fmt"),
            ("go.example/t@v1/src/fmt/print_test.go", "package fmt"),
            ("go.example/t@v1/src/fmt/testdata/x", ""),
            ("go.example/t@v1/src/cmd/go/main.go", "package main"),
            ("go.example/t@v1/api/go1.txt", ""),
            ("go.example/t@v1/src/../../../../evil", ""),
        ]);
        let root = tempfile::tempdir().unwrap();
        let parts = ["bin", "pkg", "src"].map(|name| part(name, &format!("/usr/local/go/{name}")));
        let found = unpack(folder.path(), &parts, root.path()).unwrap();
        assert_eq!(found, hash(folder.path()).unwrap());
        let go = root.path().join("usr/local/go");
        let mode = |path: &str| fs::metadata(go.join(path)).unwrap().mode() & 0o777;
        assert_eq!(
            ["bin/go", "pkg/tool/linux_amd64/compile", "src/fmt/print.go"].map(mode),
            [0o755, 0o755, 0o644]
        );
        assert_eq!(fs::read_dir(go.join("src")).unwrap().count(), 1);
        assert_eq!(fs::read_dir(go.join("src/fmt")).unwrap().count(), 1);
        assert_eq!(fs::read_dir(&go).unwrap().count(), 3);
    }

    #[test]
    fn what_is_no_archive_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(ARCHIVE), "<html>").unwrap();
        assert!(hash(folder.path()).is_err());
    }
}
