//! An archive of a handful of packages, signed with a key of its own and served from memory, so that a test can let
//! it lie.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::sync::{Arc, Mutex};

use coracle_spec::Digest;

use super::server::{Reply, Server};
use super::signer::{Signer, With};

/// When the archive was published: 2026-11-20, in seconds since 1970.
pub(crate) const PUBLISHED: u32 = 1_795_132_800;

/// One entry of a package's files.
pub(crate) enum File {
    Text(&'static str, &'static str),
    Program(&'static str, &'static str),
    Link(&'static str, &'static str),
    HardLink(&'static str, &'static str),
    Folder(&'static str, u32),
}

/// A package.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) fields: &'static str,
    pub(crate) postinst: &'static str,
    pub(crate) files: Vec<File>,
}

impl Package {
    pub(crate) fn new(name: &'static str, files: Vec<File>) -> Self {
        Self {
            name,
            version: "1.0-1",
            fields: "",
            postinst: "",
            files,
        }
    }

    fn control(&self) -> String {
        let Self {
            name,
            version,
            fields,
            ..
        } = self;
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\n{fields}Description: {name}\n for tests\n"
        )
    }

    fn path(&self) -> String {
        format!("pool/main/{}_{}_amd64.deb", self.name, self.version)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut deb = b"!<arch>\n".to_vec();
        member(&mut deb, "debian-binary", b"2.0\n");
        let control = [
            File::Text("control", self.control().leak()),
            File::Text("postinst", self.postinst),
        ];
        member(&mut deb, "control.tar.xz", &xz(&tar(&control)));
        member(&mut deb, "data.tar.xz", &xz(&tar(&self.files)));
        deb
    }
}

fn member(archive: &mut Vec<u8>, name: &str, contents: &[u8]) {
    let size = contents.len();
    writeln!(
        archive,
        "{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`",
        0, 0, 0, 100_644
    )
    .expect("writes");
    archive.extend_from_slice(contents);
    archive.extend(std::iter::repeat_n(b'\n', size % 2));
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    liblzma::read::XzEncoder::new(bytes, 0)
        .read_to_end(&mut output)
        .expect("compresses");
    output
}

fn tar(files: &[File]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(1_700_000_000);
        header.set_size(0);
        let (path, mode, contents) = match file {
            File::Text(path, text) => (path, 0o644, *text),
            File::Program(path, text) => (path, 0o755, *text),
            File::Folder(path, mode) => (path, *mode, ""),
            File::Link(path, _) | File::HardLink(path, _) => (path, 0o777, ""),
        };
        header.set_mode(mode);
        match file {
            File::Folder(..) => header.set_entry_type(tar::EntryType::Directory),
            File::Link(_, target) | File::HardLink(_, target) => {
                let link = matches!(file, File::Link(..));
                header.set_entry_type(if link {
                    tar::EntryType::Symlink
                } else {
                    tar::EntryType::Link
                });
                header.set_link_name(target).expect("a short target");
            }
            _ => header.set_size(contents.len() as u64),
        }
        archive
            .append_data(&mut header, path, contents.as_bytes())
            .expect("appends");
    }
    archive.into_inner().expect("ends")
}

/// The files of an archive by their paths on the server; changed at will.
#[derive(Clone, Default)]
pub(crate) struct Files(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Files {
    pub(crate) fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.0
            .lock()
            .expect("is not poisoned")
            .insert(path.to_owned(), bytes.into());
    }

    pub(crate) fn take(&self, path: &str) -> Vec<u8> {
        self.0
            .lock()
            .expect("is not poisoned")
            .remove(path)
            .unwrap_or_else(|| panic!("`{path}` is there"))
    }

    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        self.0
            .lock()
            .expect("is not poisoned")
            .get(path)
            .cloned()
            .unwrap_or_else(|| panic!("`{path}` is there"))
    }

    /// Answers the paths that end so.
    pub(crate) fn ending(&self, ending: &str) -> Vec<String> {
        self.0
            .lock()
            .expect("is not poisoned")
            .keys()
            .filter(|path| path.ends_with(ending))
            .cloned()
            .collect()
    }

    pub(crate) fn serve(&self) -> Server {
        let files = self.clone();
        Server::new(
            move |request| match files.0.lock().expect("is not poisoned").get(&request.target) {
                Some(bytes) => Reply::ok(bytes.clone()),
                None => Reply::status(404),
            },
        )
    }
}

/// How a suite is published.
#[derive(Clone, Copy)]
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    pub(crate) codename: &'static str,
    pub(crate) date: u32,
    pub(crate) valid_until: Option<u32>,
}

impl Suite {
    pub(crate) fn named(name: &'static str) -> Self {
        Self {
            name,
            codename: name,
            date: PUBLISHED,
            valid_until: None,
        }
    }

    fn folder(&self) -> String {
        let tree = if self.name.ends_with("-security") {
            "debian-security"
        } else {
            "debian"
        };
        format!("/{tree}/dists/{}", self.name)
    }

    /// Answers the path of the suite's release file.
    pub(crate) fn in_release(&self) -> String {
        format!("{}/InRelease", self.folder())
    }

    /// Publishes the suite with these packages.
    pub(crate) fn publish(&self, files: &Files, signer: &Signer, packages: &[Package]) {
        let list = xz(list(files, packages).as_bytes());
        let hash = Digest::of(&list).hex();
        let text = self.release(&hash, list.len());
        files.put(
            &format!("{}/main/binary-amd64/by-hash/SHA256/{hash}", self.folder()),
            list,
        );
        files.put(&self.in_release(), signer.sign(&text, With::Subkey, self.date));
    }

    fn release(&self, hash: &str, size: usize) -> String {
        let mut text = format!(
            "Origin: Debian\nCodename: {}\nDate: {}\n",
            self.codename,
            date(self.date)
        );
        if let Some(until) = self.valid_until {
            writeln!(text, "Valid-Until: {}", date(until)).expect("writes");
        }
        writeln!(
            text,
            "Acquire-By-Hash: yes\nSHA256:\n {hash} {size} main/binary-amd64/Packages.xz"
        )
        .expect("writes");
        text
    }
}

/// Puts the package files in place and answers the list of them.
fn list(files: &Files, packages: &[Package]) -> String {
    packages.iter().fold(String::new(), |mut list, package| {
        let (path, bytes) = (package.path(), package.bytes());
        let (size, hash) = (bytes.len(), Digest::of(&bytes).hex());
        files.put(&format!("/debian/{path}"), bytes);
        write!(
            list,
            "{}Filename: {path}\nSize: {size}\nSHA256: {hash}\n\n",
            package.control()
        )
        .expect("writes");
        list
    })
}

fn date(seconds: u32) -> String {
    let time = jiff::Timestamp::from_second(i64::from(seconds)).expect("a time");
    time.strftime("%a, %d %b %Y %H:%M:%S UTC").to_string()
}
