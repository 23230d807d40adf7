//! The name of a function whose manifest gives none.

use crate::name::FunctionName;

/// Answers the name that a folder called `folder` gives to its function.
///
/// Letters become lower case, runs of anything that a DNS label cannot hold become one dash. What is left empty
/// is called `function`.
pub fn name_of_folder(folder: &str) -> FunctionName {
    let mut label = String::new();
    for letter in folder.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            label.push(letter);
        } else if !label.is_empty() && !label.ends_with('-') {
            label.push('-');
        }
    }
    label.truncate(63);
    let label = label.trim_end_matches('-');
    #[expect(
        clippy::expect_used,
        reason = "a label of letters, digits and inner dashes is a name"
    )]
    if label.is_empty() { "function" } else { label }
        .parse()
        .expect("a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_give_their_names_as_dns_labels() {
        for (folder, name) in [
            ("hello-python", "hello-python"),
            ("My_Test Function", "my-test-function"),
            ("Grüße", "gr-e"),
            ("..", "function"),
            ("--a--", "a"),
            (&"x".repeat(80), &"x".repeat(63)),
            ("日本", "function"),
        ] {
            assert_eq!(name_of_folder(folder).as_str(), name, "{folder}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_folder_has_a_name(folder in ".*") {
            name_of_folder(&folder);
        }
    }
}
