//! The name that somebody probably meant.

/// Answers the name most like `word`, if one is much like it: it differs in case, or in up to two letters that are
/// missing, too many, others or changed in places. Of a short word, one letter is much.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase();
    let most = ((folded.chars().count() + 1) / 3).min(2);
    let near = names.into_iter().filter(|name| *name != word);
    let near = near.map(|name| (strsim::osa_distance(&folded, &name.to_lowercase()), name));
    let (far, name) = near.min()?;
    (far <= most).then_some(name)
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
            ("rnu", Some("run")),
            ("x", None),
            ("completely", None),
        ] {
            assert_eq!(nearest(word, ["build", "version", "run"]), meant, "{word}");
        }
    }
}
