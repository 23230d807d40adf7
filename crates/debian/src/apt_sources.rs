//! The addresses in APT's own configuration (`sources.list(5)`, both formats).
//!
//! Only addresses are taken: which suites, components and keys count is this program's matter. A file that cannot
//! be read or understood is passed over, since the addresses are a convenience.

use std::path::{Path, PathBuf};

use crate::stanza::Stanzas;

/// Answers the `http` and `https` addresses of binary packages that are enabled, without trailing slashes, in
/// the order APT reads them.
pub(crate) fn read(apt: &Path) -> Vec<String> {
    files(apt)
        .iter()
        .filter_map(|path| Some((path.extension()?.to_owned(), fs_err::read_to_string(path).ok()?)))
        .flat_map(|(extension, text)| {
            if extension == "sources" {
                deb822(&text)
            } else {
                one_line(&text)
            }
        })
        .filter(|address| address.starts_with("http://") || address.starts_with("https://"))
        .map(|address| address.trim_end_matches('/').to_owned())
        .collect()
}

fn files(apt: &Path) -> Vec<PathBuf> {
    let known = |path: &PathBuf| {
        path.extension()
            .is_some_and(|ending| ending == "list" || ending == "sources")
    };
    let folder = fs_err::read_dir(apt.join("sources.list.d")).into_iter().flatten();
    let mut files: Vec<_> = folder.flatten().map(|entry| entry.path()).filter(known).collect();
    files.sort();
    files.insert(0, apt.join("sources.list"));
    files
}

fn one_line(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(address_in_line)
        .map(str::to_owned)
        .collect()
}

fn address_in_line(line: &str) -> Option<&str> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => rest,
    };
    rest.split_whitespace().next()
}

fn deb822(text: &str) -> Vec<String> {
    let uncommented: String = text
        .split_inclusive('\n')
        .filter(|line| !line.starts_with('#'))
        .collect();
    let mut stanzas = Stanzas::new(uncommented.as_bytes());
    let mut addresses = Vec::new();
    while let Ok(Some(stanza)) = stanzas.next() {
        let words = |field: &str| stanza.get(field).unwrap_or_default().split_whitespace();
        let enabled = !matches!(stanza.get("Enabled"), Some("no" | "false" | "0"));
        if enabled && words("Types").any(|kind| kind == "deb") {
            addresses.extend(words("URIs").map(str::to_owned));
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_sources_give_the_addresses_of_binary_packages() {
        let text = "# deb http://commented/debian x main\n\
                    deb http://a/debian/ bookworm main # comment\n\
                    deb-src http://source/debian bookworm main\n\
                    deb [arch=amd64 signed-by=/k.gpg] https://b/debian-security bookworm-security main\n\
                    debug http://no/debian x\ndeb\n\n";
        assert_eq!(one_line(text), ["http://a/debian/", "https://b/debian-security"]);
    }

    #[test]
    fn deb822_sources_give_the_addresses_that_are_enabled() {
        let text = "Types: deb deb-src\n# comment\nURIs: http://a/debian\n http://b/debian\nSuites: x\n\n\
                    Types: deb\nEnabled: no\nURIs: http://off/debian\n\n\
                    Types: deb-src\nURIs: http://source/debian\n\n\
                    Types: deb\nURIs: http://c/debian-security\n";
        assert_eq!(
            deb822(text),
            ["http://a/debian", "http://b/debian", "http://c/debian-security"]
        );
    }

    #[test]
    fn only_what_can_be_fetched_is_answered() {
        let apt = tempfile::tempdir().expect("a temporary directory");
        let list = "deb cdrom:[disk]/ x main\ndeb file:/srv/debian x main\ndeb http://a/debian// x main\n";
        fs_err::write(apt.path().join("sources.list"), list).expect("writes");
        assert_eq!(read(apt.path()), ["http://a/debian"]);
        assert!(read(&apt.path().join("missing")).is_empty());
    }
}
