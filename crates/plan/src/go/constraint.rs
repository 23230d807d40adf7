//! Which files are part of a build (`go help buildconstraint`): by the expression in `//go:build`, and by the name.

use crate::target::Arch;

/// Systems that a file's name may end with, other than the one that images are for.
const OTHER_SYSTEMS: [&str; 14] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "illumos",
    "ios",
    "js",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
];

/// Processors that a file's name may end with.
const PROCESSORS: [&str; 12] = [
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64le", "riscv64",
    "s390x",
];

/// Answers whether a file is part of a build for Linux on `arch`.
pub(super) fn is_built(path: &str, text: &str, arch: Arch) -> bool {
    name_fits(path, arch) && expression(text).is_none_or(|expression| holds(expression, arch))
}

fn name_fits(path: &str, arch: Arch) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let parts: Vec<&str> = name.trim_end_matches(".go").split('_').skip(1).collect();
    let last = parts.iter().rev().take(2);
    last.copied()
        .all(|part| !OTHER_SYSTEMS.contains(&part) && (!PROCESSORS.contains(&part) || part == arch.name()))
}

/// Answers the expression of a `//go:build` line before the package clause.
fn expression(text: &str) -> Option<&str> {
    let mut head = text.lines().take_while(|line| !line.starts_with("package "));
    head.find_map(|line| line.trim().strip_prefix("//go:build "))
}

/// Evaluates an expression of tags, `!`, `&&`, `||` and brackets. What is none counts as true: Go will say so.
fn holds(expression: &str, arch: Arch) -> bool {
    let mut tokens = Tokens {
        rest: expression,
        arch,
    };
    tokens.any()
}

struct Tokens<'a> {
    rest: &'a str,
    arch: Arch,
}

impl Tokens<'_> {
    fn any(&mut self) -> bool {
        let mut value = self.all();
        while self.take("||") {
            value |= self.all();
        }
        value
    }

    fn all(&mut self) -> bool {
        let mut value = self.one();
        while self.take("&&") {
            value &= self.one();
        }
        value
    }

    fn one(&mut self) -> bool {
        if self.take("!") {
            return !self.one();
        }
        if self.take("(") {
            let value = self.any();
            self.take(")");
            return value;
        }
        let rest = self.rest.trim_start();
        let is_tag = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.');
        let end = rest.find(|letter| !is_tag(letter)).unwrap_or(rest.len());
        let (tag, rest) = rest.split_at(end);
        self.rest = rest;
        tag.is_empty() || self.is_set(tag)
    }

    fn is_set(&self, tag: &str) -> bool {
        matches!(tag, "linux" | "unix" | "gc") || tag == self.arch.name() || tag.starts_with("go1.")
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_part_of_a_build_by_name_and_expression() {
        for (path, head, is_part) in [
            ("main.go", "", true),
            ("main_windows.go", "", false),
            ("main_linux_arm64.go", "", false),
            ("main_linux_amd64.go", "", true),
            ("windows.go", "", true),
            ("a.go", "//go:build ignore\n", false),
            (
                "a.go",
                "// Copyright\n\n//go:build linux && (amd64 || arm64) && !cgo\n",
                true,
            ),
            ("a.go", "//go:build !(linux || darwin)\n", false),
            ("a.go", "//go:build go1.21\n", true),
            ("a.go", "//go:build (((\n", true),
        ] {
            let text = format!("{head}package main\n//go:build ignore\n");
            assert_eq!(is_built(path, &text, Arch::Amd64), is_part, "{path} {head}");
        }
    }

    proptest::proptest! {
        #[test]
        fn evaluating_ends_and_never_panics(text in "[ a-z0-9!&|()._é]{0,80}") {
            holds(&text, Arch::Amd64);
        }
    }
}
