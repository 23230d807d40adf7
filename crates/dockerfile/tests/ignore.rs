//! What ignore files leave out.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use coracle_dockerfile::Ignore;
use proptest::prelude::*;

fn ignores(text: &str, path: &str) -> bool {
    Ignore::parse(text).unwrap().is_ignored(path)
}

#[test]
fn a_pattern_matches_as_docker_says() {
    for (pattern, path, ignored) in [
        ("**", "file", true),
        ("**", "dir/file", true),
        ("**/", "file", true),
        ("**/**", "dir/dir2/file", true),
        ("dir/**", "dir/file", true),
        ("dir/**", "dir/dir2/file", true),
        ("dir/**", "dir", false),
        ("**/dir2/*", "dir/dir2/file", true),
        ("**/dir2/*", "dir/dir2/dir2/file", true),
        ("**/dir2/**", "dir/dir2/dir2/file/", true),
        ("**file", "dir/file", true),
        ("**file", "dirfile", true),
        ("**/file", "dir/dir/file", true),
        ("**/file*", "dir/dir/file.txt", true),
        ("**/file*txt", "dir/dir/file.txt", true),
        ("**/**/*.txt", "dir/dir/file.txt", true),
        ("**/**/*.txt2", "dir/dir/file.txt", false),
        ("a**/*.txt", "a/file.txt", true),
        ("a**/*.txt", "a/dir/dir/file.txt", true),
        ("a/*.txt", "a/dir/file.txt", false),
        ("a[b-d]e", "ae", false),
        ("a[b-d]e", "ace", true),
        ("a[^b-d]e", "aze", true),
        (".*", ".foo", true),
        (".*", "foo", false),
        ("abc.def", "abcZdef", false),
        ("abc?def", "abcZdef", true),
        ("**/foo/bar", "foo/bar", true),
        ("**/foo/bar", "dir/dir2/foo/bar", true),
        ("abc/**", "abc/def/ghi", true),
        ("**/.foo", "bar.foo", false),
        ("a(b)c/def", "a(b)c/def", true),
        ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
        ("dist/*.whl", "dist/proxy.py-2.4.0rc3.whl", true),
        ("dir", "dir/file", true),
        ("dir/", "dir/file", true),
        ("/dir", "dir/file", true),
        ("./dir/../dir2", "dir2", true),
        ("name", "dir/name", false),
        ("*.md", "a/b.md", false),
        ("*/*.md", "a/b.md", true),
        ("  spaces  ", "spaces", true),
    ] {
        assert_eq!(ignores(pattern, path), ignored, "{pattern} {path}");
    }
}

#[test]
fn the_last_line_that_matches_counts() {
    let text = "# comment\n\n*.md\n!README.md\nREADME.md\n!README*\nREADME-secret.md\n";
    for (path, ignored) in [
        ("a.md", true),
        ("README.md", false),
        ("README-secret.md", true),
        ("# comment", false),
    ] {
        assert_eq!(ignores(text, path), ignored, "{path}");
    }
}

#[test]
fn an_exception_takes_back_what_is_in_a_folder_that_is_left_out() {
    let text = "node_modules\n!node_modules/keep\n";
    assert!(ignores(text, "node_modules/other"));
    assert!(!ignores(text, "node_modules/keep"));
    assert!(!ignores(text, "node_modules/keep/file"));
}

#[test]
fn a_folder_is_looked_into_when_something_beneath_may_be_taken_back() {
    for (text, folder, may) in [
        ("a\n", "a", false),
        ("a\n!a/b/c", "a", true),
        ("a\n!a/b/c", "a/b", true),
        ("a\n!a/b/c", "a/c", false),
        ("a\n!a/b/**", "a/b", true),
        ("a\n!**/x", "a", true),
        ("*\n!src/*", "src", true),
        ("*\n!src/*", "other", false),
    ] {
        let ignore = Ignore::parse(text).unwrap();
        assert_eq!(ignore.may_contain_exceptions(folder), may, "{text} {folder}");
    }
}

#[test]
fn a_source_is_left_out_for_certain_or_not() {
    let ignore = Ignore::parse("*.env\nbuild").unwrap();
    assert!(ignore.leaves_out("./prod.env") && ignore.leaves_out("build/x"));
    assert!(!ignore.leaves_out(".") && !ignore.leaves_out("src"));
    assert!(Ignore::parse("**").unwrap().leaves_out("."));
}

#[test]
fn a_broken_pattern_is_an_error_that_shows_it() {
    assert_eq!(
        Ignore::parse("ok\n[a\n").unwrap_err().to_string(),
        "`[a` is no pattern"
    );
    assert!(Ignore::parse("!").is_err());
}

proptest! {
    #[test]
    fn no_pattern_and_path_are_too_strange(text in "[a-z*?\\[\\]^!/.\\\\# \n-]{0,30}", path in "[a-z/.]{0,20}") {
        if let Ok(ignore) = Ignore::parse(&text) {
            let _ = ignore.is_ignored(&path);
            let _ = ignore.may_contain_exceptions(&path);
        }
    }
}
