//! The lines of a requirements file.

/// A logical line: continued ones joined, its comment taken away.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The number of its last physical line, counted from one.
    pub(super) number: usize,
    pub(super) text: String,
}

/// Answers the lines that say something.
pub(super) fn logical(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut joined = String::new();
    for (index, line) in text.lines().enumerate() {
        let line = without_comment(line);
        if let Some(start) = line.strip_suffix('\\') {
            joined += start;
            continue;
        }
        let text = format!("{joined}{line}").trim().to_owned();
        joined.clear();
        if !text.is_empty() {
            let number = index + 1;
            lines.push(Line { number, text });
        }
    }
    lines
}

impl Line {
    /// Answers the value of an option under any of its names.
    pub(super) fn option(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            let rest = self.text.strip_prefix(name)?;
            (rest.starts_with([' ', '=', '\t'])).then(|| rest.trim_start_matches([' ', '=', '\t']).trim())
        })
    }

    /// Answers the path of a local package, with its extras, when the line asks for one.
    pub(super) fn local(&self) -> Option<&str> {
        let (is_editable, wanted) = match self.option(&["-e", "--editable"]) {
            Some(wanted) => (true, wanted),
            None => (false, self.text.as_str()),
        };
        let wanted = wanted.split(" ;").next().unwrap_or(wanted).trim();
        let path = match wanted.split_once(" @ ") {
            Some((_, address)) => address.trim(),
            None => wanted,
        };
        if let Some(path) = path.strip_prefix("file:") {
            return Some(path.strip_prefix("//").unwrap_or(path));
        }
        let is_path = path.starts_with(['.', '/']) || (is_editable && !path.contains("://"));
        is_path.then_some(path)
    }
}

/// A comment starts the line or follows white space.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    let end = line.find(" #").or_else(|| line.find("\t#")).unwrap_or(line.len());
    line[..end].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::local;

    #[test]
    fn local_packages_are_told_from_those_of_an_index() {
        for (text, local) in [
            ("-e .", Some(".")),
            (
                "--editable=./libs/a[x] ; python_version > '3'",
                Some("./libs/a[x]"),
            ),
            ("-e libs/a", Some("libs/a")),
            ("a @ file:libs/a", Some("libs/a")),
            ("file:///a", Some("/a")),
            ("../a", Some("../a")),
            ("-e git+https://x/y", None),
            ("a @ https://x/y", None),
            ("a==1", None),
        ] {
            let line = Line {
                number: 1,
                text: text.to_owned(),
            };
            assert_eq!(line.local(), local, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn lines_are_read_without_panic(text in "[ -~\\n\\t\\\\#é]{0,200}") {
            for line in logical(&text) {
                let _ = (line.local(), line.option(&["-r"]), local::beside("a/b", &line.text));
            }
        }
    }
}
