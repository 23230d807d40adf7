//! Package files: an `ar` archive of two compressed tars (`deb(5)`).

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use coracle_oci::tar::{Reader, TarError};
use fs_err as fs;
use liblzma::bufread::XzDecoder;

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;
const BUFFER: usize = 128 << 10;

/// The most bytes of a control file that are read; the archive's largest have some tens of kilobytes.
const CONTROL_LIMIT: u64 = 1 << 20;

/// Why a file is no package file that can be read.
#[derive(Debug, thiserror::Error)]
pub enum DebError {
    /// The bytes could not be read or decompressed.
    #[error("cannot read it")]
    Read(#[from] io::Error),
    /// An archive inside is broken.
    #[error("cannot read an archive in it")]
    Tar(#[from] TarError),
    /// It is no `ar` archive, or one without the members of a package file.
    #[error("it is not a Debian package: {0}")]
    Malformed(&'static str),
}

/// A package file.
pub(crate) struct Deb {
    file: fs::File,
    control: Member,
    data: Member,
}

/// Where a compressed tar lies in the file.
#[derive(Debug, Clone)]
struct Member {
    offset: u64,
    size: u64,
    compression: Compression,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Xz,
    Zstd,
}

/// What a package says of itself, and would have done when installed.
#[derive(Debug, Default)]
pub(crate) struct Control {
    pub(crate) control: String,
    pub(crate) postinst: String,
}

impl Deb {
    /// Finds the members of `file`.
    pub(crate) fn new(mut file: fs::File) -> Result<Self, DebError> {
        let mut magic = [0; MAGIC.len()];
        file.read_exact(&mut magic)?;
        if magic != MAGIC {
            return Err(DebError::Malformed("it is no ar archive"));
        }
        let (mut control, mut data) = (None, None);
        while let Some((name, member)) = next_member(&mut file)? {
            match name.as_str() {
                name if name.starts_with("control.tar") => control = control.or(Some(member)),
                name if name.starts_with("data.tar") => data = data.or(Some(member)),
                _ => {}
            }
        }
        let control = control.ok_or(DebError::Malformed("it has no control.tar"))?;
        let data = data.ok_or(DebError::Malformed("it has no data.tar"))?;
        Ok(Self { file, control, data })
    }

    /// Reads the control files.
    pub(crate) fn control(&mut self) -> Result<Control, DebError> {
        let member = self.control.clone();
        let mut archive = Reader::new(self.open(&member)?);
        let mut files = Control::default();
        while let Some(entry) = archive.next()? {
            let name = entry.path.strip_prefix(b"./").unwrap_or(&entry.path);
            let file = match name {
                b"control" => &mut files.control,
                b"postinst" => &mut files.postinst,
                _ => continue,
            };
            let mut bytes = Vec::new();
            (&mut archive).take(CONTROL_LIMIT).read_to_end(&mut bytes)?;
            *file = String::from_utf8_lossy(&bytes).into_owned();
        }
        if files.control.is_empty() {
            return Err(DebError::Malformed("it has no control file"));
        }
        Ok(files)
    }

    /// Answers the files that the package installs.
    pub(crate) fn data(&mut self) -> Result<Reader<impl Read>, DebError> {
        let member = self.data.clone();
        Ok(Reader::new(self.open(&member)?))
    }

    fn open(&mut self, member: &Member) -> Result<Box<dyn Read + '_>, DebError> {
        self.file.seek(SeekFrom::Start(member.offset))?;
        let bytes = BufReader::with_capacity(BUFFER, (&mut self.file).take(member.size));
        Ok(match member.compression {
            Compression::None => Box::new(bytes),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
            Compression::Xz => Box::new(BufReader::with_capacity(
                BUFFER,
                XzDecoder::new_multi_decoder(bytes),
            )),
            Compression::Zstd => Box::new(zstd::Decoder::with_buffer(bytes)?),
        })
    }
}

/// Reads the header of the next member and passes over its contents.
fn next_member(file: &mut fs::File) -> Result<Option<(String, Member)>, DebError> {
    let mut header = [0; HEADER];
    match file.read(&mut header[..1])? {
        0 => return Ok(None),
        _ => file.read_exact(&mut header[1..])?,
    }
    let text = |range: std::ops::Range<usize>| std::str::from_utf8(&header[range]).map(str::trim_end);
    let malformed = |_| DebError::Malformed("a member's header is no text");
    let name = text(0..16).map_err(malformed)?.trim_end_matches('/').to_owned();
    let size: u64 = text(48..58)
        .map_err(malformed)?
        .parse()
        .map_err(|_| DebError::Malformed("a member has no size"))?;
    let offset = file.stream_position()?;
    file.seek(SeekFrom::Start(offset + size + size % 2))?;
    let compression = Compression::of(&name)?;
    Ok(Some((
        name,
        Member {
            offset,
            size,
            compression,
        },
    )))
}

impl Compression {
    fn of(name: &str) -> Result<Self, DebError> {
        match name.split_once(".tar").map_or("", |(_, ending)| ending) {
            "" => Ok(Self::None),
            ".gz" => Ok(Self::Gzip),
            ".xz" => Ok(Self::Xz),
            ".zst" => Ok(Self::Zstd),
            _ => Err(DebError::Malformed(
                "a member is compressed in a way this does not know",
            )),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use super::*;

    /// Makes a package file of the given control files and data entries (path, mode, contents or link target).
    pub(crate) fn deb(control: &[(&str, &str)], data: &[u8], ending: &str) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, text) in control {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, format!("./{name}"), text.as_bytes())
                .expect("appends");
        }
        let control = tar.into_inner().expect("ends");
        let mut bytes = MAGIC.to_vec();
        member(&mut bytes, "debian-binary", b"2.0\n");
        member(
            &mut bytes,
            &format!("control.tar{ending}"),
            &compress(&control, ending),
        );
        member(&mut bytes, &format!("data.tar{ending}"), &compress(data, ending));
        bytes
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

    fn compress(bytes: &[u8], ending: &str) -> Vec<u8> {
        let mut output = Vec::new();
        match ending {
            "" => output.extend_from_slice(bytes),
            ".gz" => {
                let mut encoder = flate2::write::GzEncoder::new(&mut output, flate2::Compression::fast());
                encoder.write_all(bytes).expect("compresses");
                encoder.finish().expect("ends");
            }
            ".zst" => output = zstd::encode_all(bytes, 1).expect("compresses"),
            ".xz" => {
                liblzma::read::XzEncoder::new(bytes, 1)
                    .read_to_end(&mut output)
                    .map(drop)
                    .expect("compresses");
            }
            other => panic!("no compression {other}"),
        }
        output
    }

    fn opened(bytes: &[u8]) -> Result<Deb, DebError> {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(bytes).expect("writes");
        Deb::new(fs::File::open(file.path()).expect("opens"))
    }

    #[test]
    fn packages_in_every_compression_are_read() {
        let mut data = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        header.set_mode(0o755);
        data.append_data(&mut header, "./usr/bin/x", &b"odd"[..])
            .expect("appends");
        let data = data.into_inner().expect("ends");
        for ending in ["", ".gz", ".xz", ".zst"] {
            let control = [
                ("control", "Package: x\n"),
                ("md5sums", "abc"),
                ("postinst", "#!/bin/sh\n"),
            ];
            let mut deb = opened(&deb(&control, &data, ending)).expect("opens");
            let files = deb.control().expect("has control files");
            assert_eq!(
                (files.control.as_str(), files.postinst.as_str()),
                ("Package: x\n", "#!/bin/sh\n")
            );
            let mut archive = deb.data().expect("has data");
            let entry = archive.next().expect("reads").expect("an entry");
            let mut contents = String::new();
            archive.read_to_string(&mut contents).expect("reads");
            assert_eq!(
                (entry.path.as_slice(), contents.as_str()),
                (&b"usr/bin/x"[..], "odd"),
                "{ending}"
            );
            assert!(archive.next().expect("reads").is_none());
        }
    }

    #[test]
    fn other_files_are_refused() {
        let whole = deb(&[("control", "Package: x\n")], b"", "");
        for bytes in [
            &b""[..],
            b"not an archive",
            MAGIC,
            &whole[..whole.len() / 2],
            b"!<arch>\nshort",
        ] {
            assert!(opened(bytes).is_err(), "{:?}", bytes.escape_ascii().to_string());
        }
        assert!(matches!(
            opened(&deb(&[], b"", "")).expect("opens").control(),
            Err(DebError::Malformed(_))
        ));
    }
}
