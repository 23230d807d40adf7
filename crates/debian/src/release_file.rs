//! A suite's release file: when it was published, until when it counts, and the hashes of its indices.

use coracle_spec::Digest;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use crate::release::Arch;
use crate::stanza::Stanza;

/// What this program needs of a release file (<https://wiki.debian.org/DebianRepository/Format#A.22Release.22_files>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReleaseFile {
    pub(crate) codename: String,
    pub(crate) date: Timestamp,
    pub(crate) valid_until: Option<Timestamp>,
    pub(crate) by_hash: bool,
    pub(crate) packages: IndexFile,
}

/// A file that a release file vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexFile {
    pub(crate) path: String,
    pub(crate) sha256: Digest,
    pub(crate) size: u64,
}

impl ReleaseFile {
    /// Reads the text of a release file; answers the name of the field that is missing or malformed otherwise.
    pub(crate) fn parse(text: &str, arch: Arch) -> Result<Self, &'static str> {
        let stanza = Stanza::of(text);
        let path = format!("main/binary-{arch}/Packages.xz");
        Ok(Self {
            codename: stanza.get("Codename").ok_or("Codename")?.to_owned(),
            date: stanza.get("Date").and_then(time).ok_or("Date")?,
            valid_until: match stanza.get("Valid-Until") {
                Some(text) => Some(time(text).ok_or("Valid-Until")?),
                None => None,
            },
            by_hash: stanza.get("Acquire-By-Hash") == Some("yes"),
            packages: stanza
                .get("SHA256")
                .and_then(|files| find(files, &path))
                .ok_or("SHA256")?,
        })
    }
}

/// Reads a time as Debian writes it: RFC 2822's form with the zone `UTC`.
fn time(text: &str) -> Option<Timestamp> {
    let zoned = text
        .strip_suffix("UTC")
        .map_or_else(|| text.to_owned(), |time| format!("{time}+0000"));
    rfc2822::DateTimeParser::new().parse_timestamp(&zoned).ok()
}

/// Finds a file in a list of lines `SHA256 SIZE PATH`.
fn find(files: &str, path: &str) -> Option<IndexFile> {
    files.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (hash, size) = (words.next()?, words.next()?);
        (words.next()? == path).then_some(())?;
        Some(IndexFile {
            path: path.to_owned(),
            sha256: format!("sha256:{hash}").parse().ok()?,
            size: size.parse().ok()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        let (wanted, other) = (Digest::of("wanted").hex(), Digest::of("other").hex());
        format!(
            "Origin: Debian\nSuite: stable-updates\nCodename: trixie-updates\nDate: Thu, 19 Nov 2026 02:12:54 UTC\n\
             Valid-Until: Thu, 26 Nov 2026 02:12:54 UTC\nAcquire-By-Hash: yes\nMD5Sum:\n abc 1 main/binary-amd64/Packages.xz\n\
             SHA256:\n {other}  5 main/binary-amd64/Packages\n {wanted} 1108 main/binary-amd64/Packages.xz\n"
        )
    }

    #[test]
    fn a_release_file_is_read() {
        let file = ReleaseFile::parse(&text(), Arch::Amd64).expect("parses");
        assert_eq!(file.codename, "trixie-updates");
        assert_eq!(file.date, "2026-11-19T02:12:54Z".parse().expect("a time"));
        assert_eq!(
            file.valid_until,
            Some("2026-11-26T02:12:54Z".parse().expect("a time"))
        );
        assert!(file.by_hash);
        assert_eq!(
            (file.packages.sha256, file.packages.size),
            (Digest::of("wanted"), 1108)
        );
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        assert_eq!(ReleaseFile::parse(&text(), Arch::Arm64), Err("SHA256"));
        for (from, to, field) in [
            ("Codename", "Code", "Codename"),
            ("Date: Thu", "Date: never", "Date"),
            ("Valid-Until: Thu", "Valid-Until: always", "Valid-Until"),
            ("1108", "many", "SHA256"),
        ] {
            assert_eq!(
                ReleaseFile::parse(&text().replace(from, to), Arch::Amd64),
                Err(field)
            );
        }
        let without = text().replace("Valid-Until", "X-Until");
        assert_eq!(
            ReleaseFile::parse(&without, Arch::Amd64)
                .expect("parses")
                .valid_until,
            None
        );
    }
}
