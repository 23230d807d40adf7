//! Whole files: what they mean, and how errors read.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use coracle_dockerfile::instruction::{CommandLine, Instruction, MountKind, Run, Sharing};
use coracle_dockerfile::{Dockerfile, Problem, parse};
use coracle_spec::Failure as _;
use proptest::prelude::*;

/// Parses what follows a `FROM`, and answers its instructions.
fn instructions(text: &str) -> Vec<Instruction> {
    let file = parse(&format!("FROM scratch\n{text}")).unwrap_or_else(|error| panic!("{text}: {error}"));
    file.stages[0]
        .instructions
        .iter()
        .map(|located| located.instruction.clone())
        .collect()
}

fn only(text: &str) -> Instruction {
    let mut all = instructions(text);
    assert_eq!(all.len(), 1, "{text}");
    all.remove(0)
}

fn run(text: &str) -> Run {
    match only(text) {
        Instruction::Run(run) => run,
        other => panic!("{other:?}"),
    }
}

/// Answers how a file is refused: message, hint, and the lines around the place.
fn refusal(text: &str) -> String {
    let error = parse(text).expect_err("a broken file");
    let hint = error
        .hint()
        .map(|hint| format!("\nhint: {hint}"))
        .unwrap_or_default();
    format!("{error}{hint}\n{}", error.excerpt())
}

const WHOLE: &str = r#"# syntax=docker/dockerfile:1
# escape=\
ARG VERSION=3.13
FROM --platform=$BUILDPLATFORM python:${VERSION}-slim AS Build
WORKDIR /src
COPY --chown=1000:1000 --link requirements.txt ./
RUN --mount=type=cache,target=/root/.cache,sharing=locked \
    # a comment in between
    pip install \
      -r requirements.txt
FROM scratch
COPY --from=build /src /src
ENV A=1 B="two words" \
    C=3
ENV OLD form of it
EXPOSE 8080/tcp 53/udp
HEALTHCHECK --interval=5s --retries=3 CMD curl -f http://localhost/
ENTRYPOINT ["/src/app", "--flag"]
CMD serve
"#;

#[test]
fn a_whole_file_becomes_stages_of_instructions() {
    let file = parse(WHOLE).unwrap();
    assert_eq!(
        (file.escape, file.syntax.as_deref()),
        ('\\', Some("docker/dockerfile:1"))
    );
    insta::assert_snapshot!(outline(&file));
}

fn outline(file: &Dockerfile) -> String {
    let mut lines = Vec::new();
    for stage in &file.stages {
        lines.push(format!(
            "{:?} {} {:?} {:?}",
            stage.name, stage.base, stage.platform, stage.lines
        ));
        for located in &stage.instructions {
            let (first, last) = (located.lines.first, located.lines.last);
            lines.push(format!("  {first}-{last} {:?}", located.instruction));
        }
    }
    lines.join("\n")
}

#[test]
fn continued_lines_are_joined_and_what_stands_between_them_does_not_count() {
    let file = parse("FROM scratch\nRUN a \\\n# no\n\n  && b\nRUN c\\\\\nRUN `d\n").unwrap();
    let texts: Vec<_> = file.stages[0]
        .instructions
        .iter()
        .map(|located| located.text.as_str())
        .collect();
    assert_eq!(texts, ["RUN a   && b", "RUN c\\\\", "RUN `d"]);
    assert_eq!(file.warnings.len(), 1);
    let backquotes = parse("# escape=`\nFROM scratch\nRUN a `\n b\nCOPY c:\\ d:\\\n").unwrap();
    assert_eq!(backquotes.stages[0].instructions[0].text, "RUN a  b");
    assert_eq!(backquotes.stages[0].instructions.len(), 2);
}

#[test]
fn here_documents_belong_to_the_instruction_above_them() {
    let script = run("RUN <<EOF\necho $A\nFROM is no instruction\nEOF");
    assert_eq!(script.heredocs[0].contents, "echo $A\nFROM is no instruction\n");
    assert!(script.heredocs[0].expands);
    let two = run("RUN <<A cat; 3<<-'B' python3\na\nA\n\tb\n\tB");
    assert_eq!(two.heredocs.len(), 2);
    assert_eq!(two.heredocs[1].text(), "b\n");
    assert!(!two.heredocs[1].expands);
    let Instruction::Copy(copy) = only("COPY <<one <<\"two\" /to/\n$A\none\n$B\ntwo") else {
        panic!("no copy")
    };
    let inline: Vec<_> = copy
        .transfer
        .inline
        .iter()
        .map(|file| (file.name.as_str(), file.expands))
        .collect();
    assert_eq!(inline, [("one", true), ("two", false)]);
    // Not a here-document: the JSON form, a shift without spaces, another instruction.
    assert_eq!(
        instructions("RUN [\"<<EOF\"]\nRUN echo $((1<<2))\nENV A=<<EOF").len(),
        3
    );
    let Instruction::Onbuild(later) = only("ONBUILD RUN <<EOF\nlater\nEOF") else {
        panic!("nothing waits")
    };
    assert_eq!(later, "RUN <<EOF\nlater\nEOF");
}

#[test]
fn commands_are_lines_for_a_shell_unless_they_are_json() {
    for (text, words) in [
        ("CMD [\"a\", \"b c\"]", Some(vec!["a", "b c"])),
        ("CMD [ ]", Some(vec![])),
        ("CMD ['a']", None),
        ("CMD [ -f x ] && y", None),
        ("CMD a  b", None),
    ] {
        let Instruction::Cmd(command) = only(text) else {
            panic!("{text}")
        };
        let exec = match command {
            CommandLine::Exec(words) => Some(words),
            CommandLine::Shell(_) => None,
        };
        let words = words.map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(exec, words, "{text}");
    }
}

#[test]
fn mounts_get_the_values_of_variables() {
    let run = run(
        "RUN --mount=type=cache,id=$ID,'\"target=/a,b\"',sharing=private,uid=5,mode=0755 --mount=type=secret,id=key,required x",
    );
    let value = |text: &str| Ok::<_, Problem>(text.replace("$ID", "pip"));
    let mounts = run.mounts(value).unwrap();
    assert_eq!(mounts[0].kind, MountKind::Cache);
    assert_eq!(mounts[0].id.as_deref(), Some("pip"));
    assert_eq!(mounts[0].target.as_deref(), Some("/a,b"));
    assert_eq!(
        (mounts[0].sharing, mounts[0].uid, mounts[0].mode),
        (Some(Sharing::Private), Some(5), Some(0o755))
    );
    assert!(!mounts[0].read_only);
    assert!(mounts[1].required && mounts[1].read_only);
    for wrong in [
        "type=other,target=/a",
        "type=bind,size=5,target=/a",
        "type=tmpfs,size=much,target=/a",
        "type=secret",
        "type=secret,id=a,source=b",
        "type=cache,sharing=often,target=/a",
        "type=cache,colour=red",
        "type=cache,mode=9",
        "target",
    ] {
        let run = self::run(&format!("RUN --mount={wrong} x"));
        let mounts = run.mounts(|text| Ok::<_, Problem>(text.to_owned()));
        assert!(mounts.is_err(), "{wrong}");
    }
}

#[test]
fn errors_show_the_instruction_and_what_to_do() {
    for (name, text) in [
        ("unknown_instruction", "FROM scratch\nRUN a\nRUNN b\nRUN c\n"),
        ("before_the_first_stage", "RUN a\n"),
        ("no_stage", "# nothing\nARG A\n"),
        ("unknown_flag", "FROM scratch\nCOPY --owner=1 a b\n"),
        ("no_destination", "FROM scratch\nCOPY a\n"),
        ("unterminated_heredoc", "FROM scratch\nRUN <<EOF\na\nb\n"),
        ("shell_form", "FROM scratch\nSHELL /bin/bash -c\n"),
        ("twice_a_directive", "# escape=`\n# escape=`\nFROM scratch\n"),
        ("json_of_numbers", "FROM scratch\nCMD [\"a\", 1]\n"),
        ("continued", "FROM scratch\nENV A=1 \\\n  B\n"),
    ] {
        insta::assert_snapshot!(name, refusal(text));
    }
}

#[test]
fn every_refused_line_is_refused_for_itself() {
    for text in [
        "FROM",
        "FROM a b",
        "FROM a AS 1b",
        "FROM a AS b c",
        "FROM --platform a",
        "FROM --colour=red a",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    for text in [
        "ARG",
        "ARG =a",
        "ENV",
        "ENV A",
        "ENV =a",
        "EXPOSE",
        "HEALTHCHECK",
        "HEALTHCHECK NONE x",
        "HEALTHCHECK CMD",
        "HEALTHCHECK --interval=1us CMD x",
        "HEALTHCHECK --retries=-1 CMD x",
        "HEALTHCHECK OTHER x",
        "LABEL a",
        "ONBUILD",
        "ONBUILD ONBUILD RUN a",
        "ONBUILD FROM a",
        "RUN --network=moon x",
        "RUN --mount=from=$a,target=/a x",
        "RUN --mount='\"target=/a' x",
        "RUN --security=none x",
        "COPY --link=maybe a b",
        "COPY --from=a --from=b c d",
        "COPY --chown a b",
        "COPY a <<EOF\nEOF",
        "SHELL []",
        "USER",
        "VOLUME",
        "VOLUME [\" \"]",
        "WORKDIR",
    ] {
        assert!(parse(&format!("FROM scratch\n{text}\n")).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_file_is_too_strange(lines in prop::collection::vec(".{0,30}", 0..8)) {
        let _ = parse(&lines.join("\n"));
    }

    #[test]
    fn no_arguments_are_too_strange(
        name in prop::sample::select(vec!["ADD", "ARG", "CMD", "COPY", "ENV", "FROM", "HEALTHCHECK", "LABEL", "ONBUILD", "RUN", "VOLUME"]),
        rest in r#"[-a-z=<"'\\\[\]\{\}$, \n]{0,40}"#,
    ) {
        let _ = parse(&format!("FROM scratch\n{name} {rest}"));
    }
}
