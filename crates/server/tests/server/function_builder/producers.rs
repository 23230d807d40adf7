//! Bodies in the shape that each producer gives them: whose headers, which names, in which order, with what beside them.

use std::io::Write as _;

use tar::{EntryType, Header};

use super::yard::Yard;

/// A name that fits into no header.
const LONG: &str = "context/function/a-folder-with-a-name-of-some-length/and-another-one-below-it-that-is-longer-still/handler.js";

/// The dialects of headers.
#[derive(Clone, Copy)]
enum Dialect {
    /// As archivers wrote them before there was a standard.
    Old,
    /// POSIX's, with extended headers for what does not fit.
    Posix,
    /// GNU's.
    Gnu,
}

/// A body in the making.
struct Body {
    dialect: Dialect,
    /// What goes before each name.
    prefix: &'static str,
    /// What each entry says beside its name, as a record of an extended header.
    note: Option<(&'static str, &'static str)>,
    bytes: Vec<u8>,
}

impl Body {
    fn of(dialect: Dialect, prefix: &'static str) -> Self {
        Self {
            dialect,
            prefix,
            note: None,
            bytes: Vec::new(),
        }
    }

    fn noting(self, key: &'static str, value: &'static str) -> Self {
        Self {
            note: Some((key, value)),
            ..self
        }
    }

    fn folder(self, name: &str) -> Self {
        self.entry(name, EntryType::Directory, "")
    }

    fn file(self, name: &str, contents: &str) -> Self {
        self.entry(name, EntryType::Regular, contents)
    }

    fn entry(mut self, name: &str, kind: EntryType, contents: &str) -> Self {
        let name = format!("{}{name}", self.prefix);
        let mut records = self
            .note
            .map_or_else(String::new, |(key, value)| record(key, value));
        if name.len() > 100 {
            match self.dialect {
                Dialect::Old | Dialect::Gnu => {
                    self.put("././@LongLink", EntryType::GNULongName, &format!("{name}\0"));
                }
                Dialect::Posix => records += &record("path", &name),
            }
        }
        if !records.is_empty() {
            self.put("PaxHeaders.0/entry", EntryType::XHeader, &records);
        }
        self.put(&name[..name.len().min(100)], kind, contents);
        self
    }

    fn put(&mut self, name: &str, kind: EntryType, contents: &str) {
        let mut header = match self.dialect {
            Dialect::Old => Header::new_old(),
            Dialect::Posix => Header::new_ustar(),
            Dialect::Gnu => Header::new_gnu(),
        };
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o700);
        header.set_uid(501);
        header.set_gid(20);
        header.set_mtime(1_700_000_000);
        header.set_size(contents.len() as u64);
        header.set_cksum();
        self.bytes.extend(header.as_bytes());
        self.bytes.extend(contents.as_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
    }

    /// Puts the context there, its folders only if they have to be there.
    fn context(self, folders: bool) -> Self {
        let body = if folders {
            self.folder("context").folder("context/function")
        } else {
            self
        };
        body.file("context/Dockerfile", "list").file(LONG, "'use strict'")
    }

    fn config(self, yard: &Yard) -> Self {
        let config = format!(
            r#"{{"image":"{}","buildArgs":{{"ADDITIONAL_PACKAGE":""}},"frontend":"x","labels":{{}}}}"#,
            yard.image()
        );
        self.file("com.openfaas.docker.config", &config)
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes.extend([0; 1024]);
        self.bytes
    }
}

/// A record of an extended header says how long it is itself.
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let length = (1..9).find(|digits| (rest.len() + digits).to_string().len() == *digits);
    format!("{}{rest}", rest.len() + length.unwrap())
}

async fn built(yard: &Yard, body: Vec<u8>, who: &str) {
    let answer = yard.post(body, "application/x-ndjson").await;
    assert_eq!(answer.status, 200, "{who}: {}", answer.body);
    assert_eq!(answer.last()["status"], "success", "{who}: {}", answer.body);
    let handler = LONG.strip_prefix("context/").unwrap();
    assert_eq!(answer.log()[..2], ["Dockerfile", handler], "{who}");
    assert!(yard.is_clean());
}

#[tokio::test]
async fn a_context_is_the_same_whoever_packs_it() {
    let yard = Yard::usual().await;
    let go = || Body::of(Dialect::Posix, "").context(true).config(&yard);
    let shell = || Body::of(Dialect::Gnu, "./").folder("").context(true);
    for (who, body) in [
        ("the Go SDK", go()),
        ("`tar` in a shell", shell().config(&yard)),
        (
            "`tar` beside other functions",
            shell().file("other-fn/Dockerfile", "another").config(&yard),
        ),
        (
            "Python's `tarfile`",
            Body::of(Dialect::Posix, "")
                .noting("mtime", "1700000000.1234567")
                .config(&yard)
                .context(true),
        ),
        (
            "node-tar",
            Body::of(Dialect::Posix, "./")
                .noting("SCHILY.ino", "17")
                .context(true)
                .config(&yard),
        ),
        (
            "the `tar` of macOS",
            Body::of(Dialect::Posix, "./")
                .noting("LIBARCHIVE.xattr.com.apple.provenance", "AQIAjw")
                .folder("")
                .file("._context", "\u{0}\u{5}\u{16}\u{7}")
                .context(true)
                .file("._com.openfaas.docker.config", "\u{0}\u{5}")
                .config(&yard),
        ),
        (
            "an archiver that leaves folders out",
            Body::of(Dialect::Posix, "").context(false).config(&yard),
        ),
        (
            "an archiver of old",
            Body::of(Dialect::Old, "").context(true).config(&yard),
        ),
    ] {
        built(&yard, body.end(), who).await;
    }
}

#[tokio::test]
async fn a_context_may_be_compressed() {
    let yard = Yard::usual().await;
    let body = Body::of(Dialect::Gnu, "./").context(true).config(&yard).end();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&body).unwrap();
    built(&yard, gzip.finish().unwrap(), "gzip").await;
    built(&yard, zstd::encode_all(&body[..], 1).unwrap(), "zstd").await;
}

#[tokio::test]
async fn of_two_configurations_the_last_one_counts() {
    let yard = Yard::usual().await;
    let body = Body::of(Dialect::Gnu, "")
        .file("com.openfaas.docker.config", "{")
        .context(true)
        .config(&yard);
    built(&yard, body.end(), "two configurations").await;
}
