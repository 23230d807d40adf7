//! Finds what a maintainer script would do that nothing here does in its place.

/// Commands of maintainer scripts whose effect a program may miss, and what they do.
///
/// `dpkg-divert` and `dpkg-statoverride` are not among them: nearly all scripts that call them only ask, or keep
/// peace with other packages.
const MISSED: [(&str, &str); 14] = [
    ("addgroup", "makes groups"),
    ("adduser", "makes users"),
    ("groupadd", "makes groups"),
    ("useradd", "makes users"),
    ("systemd-sysusers", "makes users"),
    ("setcap", "gives programs capabilities"),
    ("fc-cache", "indexes fonts"),
    ("fmtutil", "makes formats for TeX"),
    ("gdk-pixbuf-query-loaders", "indexes loaders of images"),
    ("gio-querymodules", "indexes modules of GIO"),
    ("glib-compile-schemas", "compiles settings"),
    ("a2enmod", "enables modules of Apache"),
    ("phpenmod", "enables modules of PHP"),
    ("update-mime-database", "indexes types of files"),
];

/// Answers what `script` does that nothing here does in its place, once each.
pub(crate) fn missed(script: &str) -> Vec<&'static str> {
    let lines = script
        .lines()
        .map(str::trim_start)
        .filter(|line| !line.starts_with('#'));
    let words: Vec<_> = lines
        .flat_map(|line| line.split(|letter: char| !is_in_name(letter)))
        .collect();
    let mut missed: Vec<_> = MISSED
        .iter()
        .filter(|(command, _)| words.contains(command))
        .map(|(_, effect)| *effect)
        .collect();
    missed.sort_unstable();
    missed.dedup();
    missed
}

fn is_in_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_that_a_program_may_miss_are_found_once_each() {
        let script = "#!/bin/sh\n# setcap would be nice\nif ! getent passwd x; then\n  adduser --system x\n  useradd y\nfi\n\
            /usr/sbin/setcap-not x\n/usr/bin/fc-cache -s";
        assert_eq!(missed(script), ["indexes fonts", "makes users"]);
        assert!(
            missed("#!/bin/sh\nset -e\npy3compile -p x\nldconfig\nupdate-alternatives --install a b c 1\n")
                .is_empty()
        );
    }
}
