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

/// Answers whether a file or folder called `name` is never part of a source. A folder is not entered then.
pub fn is_always_ignored(name: &str) -> bool {
    ALWAYS_IGNORED.binary_search(&name).is_ok()
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
}
