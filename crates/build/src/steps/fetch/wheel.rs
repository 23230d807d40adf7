//! Tools that come as wheels of a Python package index (binary distribution format specification): zips of which the
//! plan takes single files, all of them programs.
//!
//! Where a wheel lies is written into plans for the public index. Another index, which the host's configuration
//! names, may keep it anywhere, so that its page of the package (PEP 503) is asked for the file of that name.

use std::fs::Permissions;
use std::io::{self, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use coracle_content::{Store, Tree};
use coracle_fetch::{Checksum, Download, FetchError, Fetcher, Progress};
use coracle_plan::{Tool, Unpack};
use coracle_spec::Digest;
use fs_err::{self as fs, File};
use zip::ZipArchive;

use super::{MOST_DOWNLOAD, MOST_UNPACKED, ToolError, downloaded, named};
use crate::registries::Pip;

/// Where the public index keeps files.
const FILES: &str = "https://files.pythonhosted.org";

/// The largest page of a package: of uv, which has many releases, it is 2 MB.
const MOST_PAGE: u64 = 64 << 20;

/// What the digests of wheels' trees are made of besides the wheel's checksum.
const TREE: &str = "wheel-1";

/// Downloads a pinned wheel, and makes a tree of the parts that the plan takes.
pub(crate) fn fetch_wheel(
    (store, fetcher): (&Store, &Fetcher),
    pip: &Pip,
    tool: &Tool,
    parts: &[Unpack],
    progress: &dyn Progress,
) -> Result<Tree, ToolError> {
    let failed = |source| ToolError::Download {
        tool: named(tool),
        source: Box::new(source),
    };
    let url = address(fetcher, pip, tool).map_err(failed)?;
    let url = url.ok_or_else(|| ToolError::Missing {
        tool: named(tool),
        path: file_name(tool).to_owned(),
    })?;
    let checksum = Checksum::from_integrity(&tool.integrity).map_err(|source| ToolError::Checksum {
        tool: named(tool),
        source,
    })?;
    let download = Download {
        url: &url,
        checksum,
        limit: MOST_DOWNLOAD,
    };
    let (_scratch, archive) = downloaded(store, &named(tool), |file| {
        fetcher.download(&download, file, progress)
    })?;
    let staged = store.stage_tree()?;
    unpack(archive, parts, staged.path()).map_err(|source| ToolError::Unpack {
        tool: named(tool),
        source,
    })?;
    Ok(staged.commit(&Digest::of_value(&(TREE, &tool.integrity, parts)))?)
}

/// Answers where the wheel can be had; nothing when the host's index does not have it.
fn address(fetcher: &Fetcher, pip: &Pip, tool: &Tool) -> Result<Option<String>, FetchError> {
    if pip.is_public() {
        return Ok(Some(format!("{FILES}/{}", tool.path)));
    }
    let page = format!("{}/{}/", pip.index().trim_end_matches('/'), tool.name);
    let text = fetcher.get(&page, MOST_PAGE)?;
    Ok(link(&String::from_utf8_lossy(&text), file_name(tool)).map(|link| joined(&page, &link)))
}

fn file_name(tool: &Tool) -> &str {
    tool.path.rsplit('/').next().unwrap_or(&tool.path)
}

/// Answers the address of the file `name` that a page links to, without the checksum behind it.
fn link(page: &str, name: &str) -> Option<String> {
    let mut links = page.split("href=").skip(1).filter_map(|rest| {
        let quote = rest.chars().next().filter(|quote| "\"'".contains(*quote))?;
        let link = rest[1..].split(quote).next()?;
        Some(link.split('#').next().unwrap_or(link))
    });
    let is_wanted = |link: &&str| {
        let path = link.split('?').next().unwrap_or(link);
        path.rsplit('/').next() == Some(name)
    };
    links.find(is_wanted).map(|link| link.replace("&amp;", "&"))
}

/// Answers a link of the page at `page` as an address of its own (RFC 3986, section 5.2).
fn joined(page: &str, link: &str) -> String {
    if link.contains("://") {
        return link.to_owned();
    }
    let (scheme, rest) = page.split_once("://").unwrap_or(("https", page));
    let (host, folder) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some(elsewhere) = link.strip_prefix("//") {
        return format!("{scheme}://{elsewhere}");
    }
    if let Some(path) = link.strip_prefix('/') {
        return format!("{scheme}://{host}/{path}");
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    format!("{scheme}://{host}/{}", parts.join("/"))
}

/// Writes each part, a file, where it belongs beneath `root`, an empty folder that nobody else sees.
fn unpack(archive: File, parts: &[Unpack], root: &Path) -> io::Result<()> {
    let mut archive = ZipArchive::new(BufReader::new(archive))?;
    for part in parts {
        let mut entry = archive.by_name(&part.from)?.take(MOST_UNPACKED);
        let target = root.join(part.to.trim_start_matches('/'));
        target.parent().map_or(Ok(()), fs::create_dir_all)?;
        let mut file = File::options().write(true).create_new(true).open(target)?;
        io::copy(&mut entry, &mut file)?;
        file.set_permissions(Permissions::from_mode(0o755))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    #[test]
    fn a_page_leads_to_the_file_wherever_it_lies() {
        let page = "<a href=\"../../packages/a/uv-1.tar.gz#sha256=0\">x</a>\n<a href='/f/uv-1.whl?a=1&amp;b=2#sha256=1' >\
                    <a href=\"https://files.example/uv-2.whl\">";
        let at =
            |name: &str| link(page, name).map(|link| joined("https://u@i.example/root/simple/uv/", &link));
        for (name, address) in [
            (
                "uv-1.tar.gz",
                Some("https://u@i.example/root/packages/a/uv-1.tar.gz"),
            ),
            ("uv-1.whl", Some("https://u@i.example/f/uv-1.whl?a=1&b=2")),
            ("uv-2.whl", Some("https://files.example/uv-2.whl")),
            ("uv-3.whl", None),
        ] {
            assert_eq!(at(name).as_deref(), address, "{name}");
        }
    }

    #[test]
    fn a_program_is_taken_out_of_a_wheel_and_one_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut zip = ZipWriter::new(
            File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(folder.path().join("wheel"))
                .unwrap(),
        );
        zip.start_file("a.data/scripts/a", SimpleFileOptions::default())
            .unwrap();
        zip.write_all(b"program").unwrap();
        let mut file = zip.finish().unwrap();
        file.rewind().unwrap();
        let part = |from: &str| Unpack {
            from: from.to_owned(),
            to: "/usr/local/bin/a".to_owned(),
        };
        unpack(
            file.try_clone().unwrap(),
            &[part("a.data/scripts/a")],
            folder.path(),
        )
        .unwrap();
        let found = folder.path().join("usr/local/bin/a");
        assert_eq!(fs::read(&found).unwrap(), b"program");
        assert_eq!(fs::metadata(&found).unwrap().permissions().mode() & 0o777, 0o755);
        assert!(unpack(file, &[part("b")], folder.path()).is_err());
    }
}
