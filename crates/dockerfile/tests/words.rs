//! Words: quotes, escapes and variables.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use coracle_dockerfile::word::{Expanded, Quotes, Rules, expand};
use proptest::prelude::*;

fn value(name: &str) -> Option<String> {
    let value = match name {
        "PWD" => "/home",
        "SHELL" => "bash",
        "TWO" => "two words",
        "EMPTY" => "",
        "FILE" => "image.tar.gz",
        "한국" => "korea",
        _ => return None,
    };
    Some(value.to_owned())
}

fn expanded(text: &str) -> Option<Expanded> {
    expand(text, Rules::of_arguments('\\'), &value).ok()
}

#[test]
fn variables_quotes_and_escapes_mean_what_they_mean_to_buildkit() {
    for (text, result) in [
        ("hello", Some("hello")),
        ("a'b'c", Some("abc")),
        ("it\\'s", Some("it's")),
        ("a\\tb", Some("atb")),
        ("\"a\\tb\"", Some("a\\tb")),
        ("\"a\\\\b\"", Some("a\\b")),
        ("'a\\tb'", Some("a\\tb")),
        ("end\\", Some("end")),
        ("end\\\\", Some("end\\")),
        ("it's", None),
        ("\"open", None),
        ("\"$PWD and '$SHELL'\"", Some("/home and 'bash'")),
        ("'$PWD'", Some("$PWD")),
        ("\\$PWD", Some("$PWD")),
        ("\\\\$PWD", Some("\\/home")),
        ("$.", Some("$.")),
        ("a$1x", Some("ax")),
        ("${PWD}x", Some("/homex")),
        ("$NOTHING.", Some(".")),
        ("${NOTHING:-a}${PWD:-b}", Some("a/home")),
        ("${EMPTY-a}${EMPTY:-b}", Some("b")),
        ("${NOTHING:-${PWD:-x}}", Some("/home")),
        ("${NOTHING+a}${PWD:+b}${EMPTY:+c}${EMPTY+d}", Some("bd")),
        ("${PWD?}${EMPTY?}", Some("/home")),
        ("${EMPTY:?}", None),
        ("${NOTHING?give it}", None),
        ("${FILE#*.}", Some("tar.gz")),
        ("${FILE##*.}", Some("gz")),
        ("${FILE%.*}", Some("image.tar")),
        ("${FILE%%.*}", Some("image")),
        ("${FILE/a/-}", Some("im-ge.tar.gz")),
        ("${FILE//a/-}", Some("im-ge.t-r.gz")),
        ("${FILE//\\//-}", Some("image.tar.gz")),
        ("${PWD//\\//-}", Some("-home")),
        ("${한국}", Some("korea")),
        ("$한국", Some("korea")),
        ("${}", None),
        ("${:-a}", None),
        ("${{a}", None),
        ("${PWD", None),
        ("${PWD:=a}", None),
        ("${PWD:#a}", None),
        ("${PWD/a}", None),
        ("${PWD}}", Some("/home}")),
    ] {
        let found = expanded(text).map(|expanded| expanded.text);
        assert_eq!(found.as_deref(), result, "{text}");
    }
}

#[test]
fn a_value_may_be_several_words_unless_it_is_quoted() {
    assert_eq!(expanded("a $TWO b").unwrap().words, ["a", "two", "words", "b"]);
    assert_eq!(
        expanded("a \"$TWO\" 'b c'").unwrap().words,
        ["a", "two words", "b c"]
    );
    assert_eq!(expanded("a\\ b").unwrap().words, ["a b"]);
}

#[test]
fn what_had_a_value_and_what_had_none_is_told() {
    let expanded = expanded("$PWD ${NOTHING} ${OTHER:-x}").unwrap();
    assert_eq!(expanded.used.into_iter().collect::<Vec<_>>(), ["PWD"]);
    assert_eq!(
        expanded.unset.into_iter().collect::<Vec<_>>(),
        ["NOTHING", "OTHER"]
    );
}

#[test]
fn quotes_escapes_and_unset_variables_may_stay() {
    let rules = Rules {
        escape: '\\',
        quotes: Quotes::Kept,
        keeps_escapes: true,
        keeps_unset: true,
    };
    let text = "a 'b c' \"d\\\"\" $NOTHING ${NOTHING:-x} \\e";
    assert_eq!(expand(text, rules, &value).unwrap().text, text);
    let ordinary = Rules {
        quotes: Quotes::Ordinary,
        ..Rules::of_arguments('\\')
    };
    assert_eq!(expand("it's $PWD", ordinary, &value).unwrap().text, "it's /home");
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in ".{0,40}", escape in prop::sample::select(vec!['\\', '`'])) {
        let _ = expand(&text, Rules::of_arguments(escape), &value);
    }

    #[test]
    fn what_holds_nothing_special_stays_as_it_is(text in "[a-zA-Z0-9 ./:=_-]{0,40}") {
        prop_assert_eq!(expanded(&text).unwrap().text, text);
    }

    #[test]
    fn a_single_quoted_text_stays_as_it_is(text in "[^']{0,40}") {
        prop_assert_eq!(expanded(&format!("'{text}'")).unwrap().text, text);
    }
}
