//! An image as text: one line for each file that its base has not, and its configuration.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::image::Image;
use crate::outcome::Base;
use crate::tree::{Contents, Entry, Kind, Tree};

/// Lists `image` in comparison with its base. What depends on when and where it was built is left out: times, what tools
/// note about themselves, digests of layers, which time decides.
pub(crate) fn listing(image: &Image, base: Option<&Base>) -> String {
    let mut text = format!("layers {}\n", image.diff_ids.len());
    let _ = writeln!(text, "config {:#}", timeless(&image.config));
    let name = base.map_or("nothing", |base| &base.name);
    let _ = writeln!(text, "tree over {name}");
    let empty = Tree::default();
    let before = lines(base.map_or(&empty, |base| &base.tree));
    let after = lines(&image.tree);
    for path in before.keys().filter(|path| !after.contains_key(*path)) {
        let _ = writeln!(text, "- {}", shown(path));
    }
    for (path, line) in &after {
        if before.get(path) != Some(line) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// Answers an image's configuration without what depends on when and where it was built.
pub fn timeless(config: &Value) -> Value {
    let mut config = config.clone();
    let Some(fields) = config.as_object_mut() else {
        return config;
    };
    fields.remove("created");
    fields.remove("rootfs");
    for entry in fields
        .get_mut("history")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(entry) = entry.as_object_mut() {
            entry.remove("created");
            entry.remove("comment");
        }
    }
    config
}

fn lines(tree: &Tree) -> BTreeMap<&str, String> {
    let mut first = BTreeMap::new();
    let entries = tree.entries().map(|(path, entry)| {
        let first = *first.entry(entry.file).or_insert(path);
        (path, line(path, entry, first))
    });
    entries.collect()
}

fn line(path: &str, entry: &Entry, first: &str) -> String {
    let (user, group) = entry.owner;
    let (kind, details) = match &entry.kind {
        _ if first != path => ('=', format!(" {}", shown(first))),
        Kind::File(contents) => ('f', text_of(contents)),
        Kind::Folder => ('d', String::new()),
        Kind::Link(target) => ('l', format!(" -> {}", shown_word(target))),
        Kind::Pipe => ('p', String::new()),
        Kind::Device(kind, major, minor) => (*kind, format!(" {major}:{minor}")),
    };
    let mut line = format!(
        "{kind} {:04o} {user}:{group} {}{details}",
        entry.mode,
        shown(path)
    );
    for (name, value) in &entry.attributes {
        let _ = write!(line, " {name}={}", value.escape_ascii());
    }
    line
}

fn text_of(contents: &Contents) -> String {
    match contents {
        Contents::Text(text) => format!(" {text:?}"),
        Contents::Digest { size, digest } => format!(" {size} bytes {digest}"),
    }
}

fn shown(path: &str) -> String {
    shown_word(&format!("/{path}"))
}

/// Answers a word as it is, or quoted where it would not look like one.
fn shown_word(word: &str) -> String {
    let is_plain = |letter: char| !letter.is_whitespace() && !letter.is_control() && letter != '"';
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("{word:?}")
    }
}
