//! What is never part of a source, whatever the manifest says.

/// Names of files and folders that are never part of a source, wherever they are.
///
/// Version control, what package managers install (it is installed anew, for the image's system), what
/// interpreters and editors leave behind, and the project's own lock, which says how to build and is no input.
const ALWAYS_IGNORED: [&str; 13] = [
    ".DS_Store",
    ".git",
    ".hg",
    ".mypy_cache",
    ".nox",
    ".pytest_cache",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    "__pycache__",
    "coracle.lock",
    "node_modules",
];

/// How the names of files begin and end that exist only while, or because, somebody writes another one.
///
/// Swap and backup files of Vim, backups and locks of Emacs, what `JetBrains`' editors, `GLib` and Kate save by way of,
/// and the project's lock while it is written.
const PASSING: [(&str, &str); 10] = [
    ("", "~"),
    (".", ".swp"),
    (".", ".swo"),
    (".", ".swx"),
    (".", ".kate-swp"),
    ("#", "#"),
    (".#", ""),
    ("", "___jb_tmp___"),
    ("", "___jb_old___"),
    (".goutputstream-", ""),
];
const LOCK_BEING_WRITTEN: &str = ".coracle.lock.";

/// Answers whether a file or folder called `name` is never part of a source. A folder is not entered then.
pub fn is_always_ignored(name: &str) -> bool {
    ALWAYS_IGNORED.binary_search(&name).is_ok() || is_passing(name)
}

fn is_passing(name: &str) -> bool {
    let fits = |(start, end): &(&str, &str)| {
        name.len() > start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
    };
    PASSING.iter().any(fits) || name.starts_with(LOCK_BEING_WRITTEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_sorted_for_the_search() {
        assert!(ALWAYS_IGNORED.is_sorted());
        assert!(
            is_always_ignored(".git") && is_always_ignored("node_modules") && !is_always_ignored("main.py")
        );
    }

    #[test]
    fn what_editors_leave_beside_a_file_is_known() {
        for (name, ignored) in [
            (".main.py.swp", true),
            ("main.py~", true),
            ("#main.py#", true),
            (".#main.py", true),
            ("main.py___jb_tmp___", true),
            (".goutputstream-X7R2W1", true),
            (".coracle.lock.f8Ab3x", true),
            ("~", false),
            ("#", false),
            ("##", false),
            ("#1 draft.md", false),
            ("main.swp", false),
            ("coracle.lock.md", false),
        ] {
            assert_eq!(is_always_ignored(name), ignored, "{name}");
        }
    }
}
