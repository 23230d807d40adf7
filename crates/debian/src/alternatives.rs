//! The links that `update-alternatives` would make, read from the scripts that would call it.

/// A link to make, if its target exists and nothing has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alternative {
    pub(crate) link: String,
    pub(crate) target: String,
}

/// Links that scripts make in ways that cannot be read off their text.
const KNOWN: [(&str, &str); 2] = [
    ("/usr/bin/mvn", "/usr/share/maven/bin/mvn"),
    ("/usr/bin/which", "/usr/bin/which.debianutils"),
];

/// Answers the links of the known table.
pub(crate) fn known() -> impl Iterator<Item = Alternative> {
    KNOWN.into_iter().map(|(link, target)| Alternative {
        link: link.to_owned(),
        target: target.to_owned(),
    })
}

/// Answers the links that a `postinst` makes literally: `--install LINK NAME TARGET PRIORITY` and
/// `--slave LINK NAME TARGET`. Lines with shell variables are passed over, and so are manual pages.
pub(crate) fn in_postinst(script: &str) -> Vec<Alternative> {
    let joined = script.replace("\\\n", " ");
    joined
        .lines()
        .filter(|line| !line.trim_start().starts_with('#') && !line.contains('$'))
        .flat_map(in_line)
        .filter(|alternative| !alternative.link.contains("/man/"))
        .collect()
}

fn in_line(text: &str) -> Vec<Alternative> {
    let words: Vec<_> = text.split_whitespace().collect();
    words
        .windows(4)
        .filter_map(|window| match window {
            ["--install" | "--slave", link, _, target] => alternative(link, target),
            _ => None,
        })
        .collect()
}

/// Answers the links that a JVM's `.jinfo` file lists: `KIND NAME TARGET`.
pub(crate) fn in_jinfo(text: &str) -> Vec<Alternative> {
    text.lines()
        .filter_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["hl" | "jre" | "jdk" | "jdkhl", name, target] if !name.contains('/') => {
                alternative(&format!("/usr/bin/{name}"), target)
            }
            _ => None,
        })
        .collect()
}

fn alternative(link: &str, target: &str) -> Option<Alternative> {
    let absolute = link.starts_with('/') && target.starts_with('/');
    absolute.then(|| Alternative {
        link: link.to_owned(),
        target: target.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(alternatives: &[Alternative]) -> Vec<(&str, &str)> {
        alternatives
            .iter()
            .map(|one| (one.link.as_str(), one.target.as_str()))
            .collect()
    }

    #[test]
    fn the_literal_links_of_a_postinst_are_read() {
        let script = "#!/bin/sh\n# update-alternatives --install /no/a b /no/c 1\n\
            update-alternatives --quiet --install /usr/bin/awk awk /usr/bin/mawk 5 \\\n\
            \t--slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz \\\n\
            \t--slave /usr/bin/nawk nawk /usr/bin/mawk\n\
            update-alternatives --install /usr/bin/$x x /usr/bin/y 1\n\
            update-alternatives --install relative x /usr/bin/y 1\n";
        let expected = [
            ("/usr/bin/awk", "/usr/bin/mawk"),
            ("/usr/bin/nawk", "/usr/bin/mawk"),
        ];
        assert_eq!(pairs(&in_postinst(script)), expected);
    }

    #[test]
    fn the_links_of_a_jinfo_file_are_read() {
        let text = "name=java-21\npriority=2111\n\nhl java /usr/lib/jvm/java-21/bin/java\n\
            jdkhl javac /usr/lib/jvm/java-21/bin/javac\nother x /y\njre ../x /y\n";
        let expected = [
            ("/usr/bin/java", "/usr/lib/jvm/java-21/bin/java"),
            ("/usr/bin/javac", "/usr/lib/jvm/java-21/bin/javac"),
        ];
        assert_eq!(pairs(&in_jinfo(text)), expected);
    }
}
