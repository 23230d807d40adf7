//! The name that somebody probably meant.

/// Answers the name most like `word`, if one is much like it: it differs in case, or in up to two letters.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase();
    let most = ((folded.chars().count() + 1) / 3).min(2);
    let near = names.into_iter().filter(|name| *name != word);
    let near = near.map(|name| (distance(&folded, &name.to_lowercase()), name));
    let (far, name) = near.min()?;
    (far <= most).then_some(name)
}

/// Counts how many letters have to be added, removed or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = index;
        row[0] = index + 1;
        for (column, candidate) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_what_was_meant() {
        for (word, meant) in [
            ("biuld", Some("build")),
            ("Build", Some("build")),
            ("VERSIN", Some("version")),
            ("x", None),
            ("completely", None),
        ] {
            assert_eq!(nearest(word, ["build", "version"]), meant, "{word}");
        }
    }
}
