//! `COPY` and `ADD`.

use coracle_plan::{Origin, Place, Placed};

use super::{history, places, planned};

fn place(instruction: &str) -> Place {
    let plan = planned(&format!(
        "FROM a AS base\nFROM b\nENV V=v\nWORKDIR /w\n{instruction}\n"
    ));
    places(&plan).last().map(|place| (*place).clone()).unwrap()
}

fn files(from: Origin, pattern: &str) -> Placed {
    Placed::Files {
        from,
        pattern: pattern.to_owned(),
    }
}

#[test]
fn sources_and_the_destination_are_read_in_both_forms() {
    let copy = place("COPY a b/ ./$V/");
    assert_eq!(
        copy.what,
        [files(Origin::Context, "a"), files(Origin::Context, "b/")]
    );
    assert_eq!((copy.to.as_str(), copy.many, copy.add), ("/w/v/", true, false));
    let json = place("COPY [\"a b\", \"/x y\"]");
    assert_eq!(
        (json.what, json.to.as_str()),
        (vec![files(Origin::Context, "a b")], "/x y")
    );
    assert_eq!(place("COPY a .").to, "/w/");
    assert_eq!(place("COPY a /").to, "/");
}

#[test]
fn files_come_from_stages_and_images() {
    let base = Origin::Steps(vec!["image.0".into()]);
    let other = Origin::Steps(vec!["image.1".into()]);
    assert_eq!(place("COPY --from=base /x /x").what, [files(base.clone(), "/x")]);
    assert_eq!(place("COPY --from=BASE /x /x").what, [files(base.clone(), "/x")]);
    assert_eq!(place("COPY --from=0 /x /x").what, [files(base, "/x")]);
    assert_eq!(place("COPY --from=c:2 /x /x").what, [files(other, "/x")]);
    assert_eq!(
        place("COPY --from=scratch /x /x").what,
        [files(Origin::Steps(Vec::new()), "/x")]
    );
}

#[test]
fn owners_modes_and_patterns_are_kept() {
    let copy = place("COPY --chown=$V:0 --chmod=u+x --parents --exclude=*.md --exclude=x a/./b /to/");
    assert_eq!(
        (copy.owner.as_deref(), copy.mode.as_deref()),
        (Some("v:0"), Some("u+x"))
    );
    assert!(copy.parents);
    assert_eq!(copy.exclude, ["*.md", "x"]);
    assert_eq!(copy.what, [files(Origin::Context, "a/./b")]);
}

#[test]
fn a_linked_layer_depends_on_nothing_below() {
    assert!(place("COPY --link a /b").root.is_empty());
    assert!(!place("COPY a /b").root.is_empty());
    assert!(!place("COPY --link --chmod=755 a /b").root.is_empty());
}

#[test]
fn here_documents_are_files_with_variables_unless_they_are_quoted() {
    let copy = place("COPY <<one <<'two' a /to/\n$V ${N:-n} \\$V \"q\"\none\n$V\ntwo");
    let text = |name: &str, contents: &str| Placed::Text {
        name: name.to_owned(),
        contents: contents.to_owned(),
    };
    assert_eq!(
        copy.what,
        [
            files(Origin::Context, "a"),
            text("one", "v n $V \"q\"\n"),
            text("two", "$V\n")
        ]
    );
    let plan = planned("FROM scratch\nCOPY <<x a /to/\n1\nx\n");
    assert_eq!(history(&plan), ["COPY a <<x /to/ # buildkit"]);
}

#[test]
fn add_takes_addresses_with_checksums_and_unpacks() {
    let sum = format!("sha256:{}", "a".repeat(64));
    let add = place(&format!("ADD --checksum={sum} --unpack=true https://x/y.tar /y/"));
    assert_eq!(
        add.what,
        [Placed::Remote {
            url: "https://x/y.tar".to_owned(),
            checksum: Some(sum)
        }]
    );
    assert_eq!((add.add, add.unpack), (true, Some(true)));
    assert_eq!(place("ADD a.tar /").unpack, None);
}

#[test]
fn the_history_shows_what_was_copied() {
    let plan = planned(
        "FROM scratch\nENV V=v\nCOPY --link --chown=1:2 --chmod=600 $V b /c/\nADD --exclude=x a $V\n",
    );
    assert_eq!(
        history(&plan)[1..],
        [
            "COPY --chown=1:2 --chmod=600 v b /c/ # buildkit",
            "ADD a v # buildkit"
        ]
    );
}
