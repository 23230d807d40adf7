//! Where a package's paths go on a system whose `/bin`, `/sbin`, `/lib` and `/lib64` are links into `/usr`.

use coracle_oci::{InvalidPath, LayerPath};

use crate::release::Arch;

/// The directories that are links into `/usr`.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// Answers the links to make, name and target, on `arch`.
pub(crate) fn links(arch: Arch) -> impl Iterator<Item = (&'static str, String)> {
    let has = move |name: &&str| arch == Arch::Amd64 || *name != "lib64";
    MERGED
        .into_iter()
        .filter(has)
        .map(|name| (name, format!("usr/{name}")))
}

/// Answers whether `path` is one of the links, whose entries in packages are not taken.
pub(crate) fn is_link(path: &LayerPath) -> bool {
    MERGED.iter().any(|name| path.as_bytes() == name.as_bytes())
}

/// Answers where the entry that a package calls `path` goes.
pub(crate) fn place(path: &[u8]) -> Result<LayerPath, InvalidPath> {
    let path = LayerPath::parse(path)?;
    let first = path.as_path().iter().next();
    let is_below = path.as_path().iter().nth(1).is_some();
    match first {
        Some(first) if is_below && MERGED.iter().any(|name| first == *name) => {
            LayerPath::new(std::path::Path::new("usr").join(path.as_path()))
        }
        _ => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_below_the_merged_directories_move_and_the_links_stay() {
        for (path, placed) in [
            ("./bin/sh", "/usr/bin/sh"),
            (
                "lib/x86_64-linux-gnu/libc.so.6",
                "/usr/lib/x86_64-linux-gnu/libc.so.6",
            ),
            ("./usr/lib/x", "/usr/lib/x"),
            ("./library/x", "/library/x"),
            ("./bin", "/bin"),
            ("./", "/"),
        ] {
            assert_eq!(place(path.as_bytes()).expect("a path").to_string(), placed);
        }
        assert!(is_link(&place(b"./lib64").expect("a path")));
        assert!(!is_link(&place(b"./lib64/ld.so").expect("a path")));
        for path in ["../etc/passwd", "./a/../../b", "/etc/passwd"] {
            assert!(place(path.as_bytes()).is_err(), "{path}");
        }
        assert_eq!(links(Arch::Amd64).count(), 4);
        assert_eq!(links(Arch::Arm64).count(), 3);
    }
}
