//! What of a package is left out of every base: what only people at a terminal read.

/// Folders that are left out whole.
const LEFT_OUT: [&str; 6] = [
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/bug",
    "usr/share/doc-base",
];

const DOC: &str = "usr/share/doc/";

/// Answers whether the file or link `path` (relative, without usr-merged prefixes) goes into a base. Licences do.
pub(crate) fn keeps(path: &str, is_link: bool) -> bool {
    if let Some(in_doc) = path.strip_prefix(DOC) {
        return match in_doc.split_once('/') {
            // Packages of one source share a folder through a link.
            None => is_link,
            Some((_, file)) => file == "copyright",
        };
    }
    !LEFT_OUT.iter().any(|folder| is_in(path, folder))
}

/// Answers whether the directory `path` goes into a base. A directory that holds a licence is made with it.
pub(crate) fn keeps_directory(path: &str) -> bool {
    !path.starts_with(DOC) && path != "usr/share/doc" && !LEFT_OUT.iter().any(|folder| is_in(path, folder))
}

fn is_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_goes_and_licences_stay() {
        for (path, is_link, kept) in [
            ("usr/share/doc/libc6/copyright", false, true),
            ("usr/share/doc/libc6/changelog.gz", false, false),
            ("usr/share/doc/libc6/examples/copyright", false, false),
            ("usr/share/doc/libstdc++6", true, true),
            ("usr/share/man/man1/ls.1.gz", false, false),
            ("usr/share/manual/x", false, true),
            ("usr/share/locale/de/x.mo", false, false),
            ("usr/share/lintian/overrides/x", false, false),
            ("usr/bin/python3", true, true),
        ] {
            assert_eq!(keeps(path, is_link), kept, "{path}");
        }
        assert!(keeps_directory("usr/share"));
        assert!(!keeps_directory("usr/share/doc"));
        assert!(!keeps_directory("usr/share/doc/libc6"));
        assert!(!keeps_directory("usr/share/info"));
    }
}
