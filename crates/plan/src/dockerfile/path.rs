//! Paths inside images, as text: nothing is known of links here.

/// Answers a path without `.`, `..` and double slashes, from the top.
pub(super) fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Answers where a path leads from a folder. A slash at its end stays, and `.` is the folder: so it says that a
/// destination is a folder.
pub(super) fn destination(folder: &str, path: &str) -> String {
    let is_folder = path.is_empty() || path == "." || path.ends_with('/') || path.ends_with("/.");
    let cleaned = within(folder, path);
    if is_folder && cleaned != "/" {
        cleaned + "/"
    } else {
        cleaned
    }
}

/// Answers where a path leads from a folder.
pub(super) fn within(folder: &str, path: &str) -> String {
    if path.starts_with('/') {
        clean(path)
    } else {
        clean(&format!("{folder}/{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_keep_the_slash_that_makes_them_folders() {
        for (folder, path, leads) in [
            ("/", ".", "/"),
            ("/app", ".", "/app/"),
            ("/app", "", "/app/"),
            ("/app", "./", "/app/"),
            ("/app", "x", "/app/x"),
            ("/app", "x/", "/app/x/"),
            ("/app", "x/.", "/app/x/"),
            ("/app", "/x/../y", "/y"),
            ("/app", "../../..", "/"),
            ("", "a", "/a"),
        ] {
            assert_eq!(destination(folder, path), leads, "{folder} {path}");
        }
    }
}
