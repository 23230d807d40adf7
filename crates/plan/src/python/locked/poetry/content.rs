//! What of a project Poetry locks.

use toml::{Table, Value};

use super::super::fresh::{self, NULL, USUAL};

/// What Poetry notes of the project that it locked, with and, as older ones, without dependency groups
/// (`poetry.packages.locker`, `_get_content_hash`).
pub(super) fn digests(project: &Table) -> [String; 2] {
    let groups = project
        .get("dependency-groups")
        .and_then(Value::as_table)
        .cloned();
    let groups = groups.unwrap_or_default();
    [content(project, groups), content(project, Table::new())].map(|content| fresh::digest(content, &USUAL))
}

fn content(project: &Table, groups: Table) -> Table {
    let of = |table: Option<&Table>, keys: &[&str]| -> Table {
        let value = |key: &&str| Some(((*key).to_owned(), table?.get(*key)?.clone()));
        keys.iter().filter_map(value).collect()
    };
    let standard = of(
        project.get("project").and_then(Value::as_table),
        &["requires-python", "dependencies", "optional-dependencies"],
    );
    let older = ["dependencies", "source", "extras", "dev-dependencies"];
    let mut own = of(super::poetry(project), &older);
    own.extend(of(super::poetry(project), &["group"]));
    let mut all = Table::new();
    if !standard.is_empty() {
        all.insert("project".to_owned(), standard.into());
    }
    if !groups.is_empty() {
        all.insert("dependency-groups".to_owned(), groups.into());
    }
    if all.is_empty() {
        for key in older {
            own.entry(key).or_insert_with(|| NULL.to_owned().into());
        }
        return own;
    }
    let own = Table::from_iter([("poetry".to_owned(), own.into())]);
    all.insert("tool".to_owned(), own.into());
    all
}
