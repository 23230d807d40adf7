//! What is wrong, with the lines that it is about.

use super::{Given, refusal, refused};

#[test]
fn an_error_shows_the_instruction_and_what_to_do() {
    insta::assert_snapshot!(refusal("FROM scratch\nENV A=1\nCOPY --chmod=rwx a \\\n  b\nRUN true\n"), @r"
    error: `Dockerfile`, line 3: `rwx` is no value for `--chmod`
      1 | FROM scratch
      2 | ENV A=1
    > 3 | COPY --chmod=rwx a \
    > 4 |   b
      5 | RUN true
    hint: expected bits such as `755`, or changes such as `u=rwX,go=rX`
    ");
}

#[test]
fn what_cannot_be_parsed_is_shown_in_the_same_way() {
    insta::assert_snapshot!(refusal("FROM a\nRUM true\n"), @r"
    error: `Dockerfile`, line 2: unknown instruction `RUM`
      1 | FROM a
    > 2 | RUM true
    hint: did you mean `RUN`?
    ");
}

#[test]
fn each_mistake_has_its_own_words() {
    let texts = [
        "ARG V\nFROM a$V$\n",
        "ARG V\nFROM $V\n",
        "FROM Build\n",
        "FROM --platform=$NONE a\n",
        "FROM --platform=a//b a\n",
        "FROM --platform=linux/s390x a\n",
        "FROM a\nENV A=${B\n",
        "FROM a\nENV A=${B:?is needed}\n",
        "FROM a\nCOPY --from=$X a b\n",
        "FROM a\nCOPY --from=7 a b\n",
        "FROM a AS x\nCOPY --from=x a b\n",
        "FROM a AS x\nCOPY --from=y a b\nFROM b AS y\nCOPY --from=x a b\n",
        "FROM a\nCOPY --from=1 a b\nFROM b\nCOPY --from=0 a b\n",
        "FROM a\nCOPY https://x/y z\n",
        "FROM a\nADD https://x/y.git z\n",
        "FROM a\nADD --checksum=sha256:1 https://x/y z\n",
        "FROM a\nADD --checksum=sha256:1 a b z\n",
        "FROM a\nRUN --security=insecure true\n",
        "FROM a\nRUN --network=host true\n",
        "FROM a\nRUN --mount=type=ssh true\n",
        "FROM a\nRUN --mount=type=cache,target=/ true\n",
        "FROM a\nRUN --mount=type=nothing true\n",
        "FROM a\nSTOPSIGNAL SIGNOTHING\n",
        "FROM a\nEXPOSE 80/http\n",
        "# check=what\nFROM a\n",
        "FROM scratch AS x\nONBUILD COPY --from=9 a b\nFROM x\n",
    ];
    let all: Vec<_> = texts.iter().map(|text| refusal(text)).collect();
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn a_stage_that_there_is_not_suggests_one() {
    let given = |stage| Given::new("FROM a AS build\nFROM b AS run\n").stage(stage);
    insta::assert_snapshot!(refused(&given("biuld")), @r"
    error: `Dockerfile`, line 2: there is no stage `biuld`
      1 | FROM a AS build
    > 2 | FROM b AS run
    hint: did you mean `build`?
    ");
    assert!(refused(&given("9")).contains("the stages are `build`, `run`"));
}

#[test]
fn a_stage_that_nothing_needs_may_be_wrong() {
    let text = "FROM a AS broken\nSTOPSIGNAL nothing\nRUN --security=insecure true\nFROM scratch\n";
    assert!(Given::new(text).planned().is_ok());
    assert!(Given::new(text).stage("broken").planned().is_err());
}

#[test]
fn an_image_that_cannot_be_had_is_shown_where_it_is_named_and_may_be_a_stage_mistyped() {
    let given = Given::new("ARG V=1\nFROM a:$V AS build\nFROM scratch\nCOPY --from=biuld /x /x\n");
    insta::assert_snapshot!(given.without_images(), @r#"
    `Dockerfile`, line 4: cannot have the image `biuld:latest`
      2 | FROM a:$V AS build
      3 | FROM scratch
    > 4 | COPY --from=biuld /x /x
    hint: Some("no stage is called so: did you mean `build`?")
    "#);
}
