use super::{Given, history, planned};
use crate::folder::readable;

const WHOLE: &str = r#"# syntax=docker/dockerfile:1
ARG VERSION=1.24
FROM --platform=$BUILDPLATFORM golang:${VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/root/go/pkg/mod go mod download
COPY . .
ARG TARGETARCH
RUN --mount=type=secret,id=token,env=TOKEN GOARCH=$TARGETARCH go build -o /out/app .

FROM debian:stable-slim AS unused
RUN false

FROM scratch
COPY --from=build --chown=65532:65532 /out/app /app
ENV A=1 B=2
EXPOSE 9000/udp 8081
USER 65532
ENTRYPOINT ["/app"]
CMD ["serve"]
"#;

#[test]
fn a_whole_file_becomes_steps_and_an_image() {
    insta::assert_json_snapshot!(readable(&planned(WHOLE)));
}

#[test]
fn planning_twice_gives_the_same() {
    assert_eq!(planned(WHOLE), planned(WHOLE));
}

#[test]
fn the_last_stage_is_the_image_unless_another_one_is_named() {
    let text = "FROM a AS one\nENV A=1\nFROM b AS two\nENV B=2\n";
    let of = |stage| Given::new(text).stage(stage).planned().unwrap();
    assert_eq!(history(&planned(text)), ["ENV B=2"]);
    assert_eq!(history(&of("one")), ["ENV A=1"]);
    assert_eq!(history(&of("ONE")), ["ENV A=1"]);
    assert_eq!(history(&of("0")), ["ENV A=1"]);
}

#[test]
fn a_step_of_a_stage_is_called_as_it_is_and_named_after_its_instruction() {
    let plan = planned("FROM a AS one\nrun true\nFROM one\nWORKDIR /w\nCOPY <<EOF /x\n1\n2\nEOF\n");
    let steps: Vec<_> = plan
        .steps
        .iter()
        .map(|step| format!("{} {}", step.id, step.name))
        .collect();
    assert_eq!(
        steps,
        [
            "image.0 FROM a:latest",
            "one.0 RUN true",
            "1.0 WORKDIR /w",
            "1.1 COPY <<EOF /x"
        ]
    );
    assert_eq!(
        plan.excerpts[&plan.steps[1].id],
        "line 2\n  1 | FROM a AS one\n> 2 | run true\n  3 | FROM one\n  4 | WORKDIR /w"
    );
}
