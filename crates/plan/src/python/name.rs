//! Names of packages.

/// Answers the form in which names of packages are compared (PEP 503, "Normalized Names").
pub(super) fn normalised(name: &str) -> String {
    let mut normal = String::new();
    for letter in name.chars().map(|letter| letter.to_ascii_lowercase()) {
        match letter {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            other => normal.push(other),
        }
    }
    normal
}

/// Answers the normalised name that a requirement begins with (PEP 508), and nothing when it begins with none.
pub(super) fn of_requirement(requirement: &str) -> Option<String> {
    let name: String = requirement
        .chars()
        .take_while(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(*letter))
        .collect();
    (!name.is_empty()).then(|| normalised(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_in_one_form() {
        for (requirement, name) in [
            ("Functions_Framework==3", Some("functions-framework")),
            ("zope..interface[extra] ; x", Some("zope-interface")),
            ("@nothing", None),
        ] {
            assert_eq!(of_requirement(requirement).as_deref(), name);
        }
    }
}
