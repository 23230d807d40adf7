//! `yarn.lock`: the form of Yarn 1, which is its own, and that of later ones, which is YAML. In both an entry begins
//! with what was asked for: `"express@^5.1.0, express@^5.0.0":`, later `"express@npm:^5.1.0":`.

use crate::node::package::Package;

/// Answers the number of the form that later Yarns write, and nothing for Yarn 1's.
pub(in crate::node) fn format(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("__metadata:")?;
    let line = rest
        .lines()
        .find_map(|line| line.trim().strip_prefix("version:"))?;
    line.trim().parse().ok()
}

/// Answers a package that `package` depends on and the lock file does not have. `protocol` stands before versions.
pub(super) fn missing(text: &str, package: &Package, protocol: &str) -> Option<String> {
    let entries: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with([' ', '#']))
        .collect();
    let has = |name: &str, range: &str| {
        // What names a protocol itself is written in ways of its own: only the name is looked for.
        let wanted = if range.contains(':') || range.contains('/') {
            format!("{name}@")
        } else {
            format!("{name}@{protocol}{range}")
        };
        entries
            .iter()
            .any(|entry| asks_for(entry, &wanted, range.contains([':', '/'])))
    };
    let missing = package
        .dependencies
        .iter()
        .find(|(name, range)| !has(name, range));
    missing.map(|(name, _)| name.clone())
}

fn asks_for(entry: &str, wanted: &str, is_start: bool) -> bool {
    entry
        .trim_end_matches(':')
        .split(", ")
        .map(|one| one.trim_matches('"'))
        .any(|one| one == wanted || (is_start && one.starts_with(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::package;

    #[test]
    fn what_is_asked_for_is_found_in_both_forms() {
        let package: Package = package::parse(
            "package.json",
            r#"{"dependencies": {"a": "^1.0.0", "@s/b": "1 || 2", "c": "github:x/c"}}"#,
        )
        .unwrap();
        let classic = "# yarn lockfile v1\n\na@^1.0.0, a@^1.1.0:\n  version \"1.2.0\"\n\n\"@s/b@1 || 2\":\n  version \"2\"\n\n\"c@github:x/c\":\n";
        assert_eq!(missing(classic, &package, ""), None);
        assert_eq!(format(classic), None);
        let berry =
            "__metadata:\n  version: 8\n\n\"a@npm:^1.0.0\":\n  x: 1\n\n\"@s/b@npm:1 || 2\":\n\n\"c@x/c\":\n";
        assert_eq!(missing(berry, &package, "npm:"), None);
        assert_eq!(format(berry), Some(8));
        let old = classic.replace("a@^1.0.0, ", "");
        assert_eq!(missing(&old, &package, ""), Some("a".to_owned()));
    }
}
