use std::collections::BTreeSet;

use coracle_plan::Plan;
use proptest::prelude::*;

use super::Given;

/// Lines that are right, or almost, so that stages, triggers and variables meet.
const LINES: [&str; 38] = [
    "FROM scratch",
    "FROM a AS one",
    "FROM one AS two",
    "FROM --platform=$BUILDPLATFORM a:$V AS one",
    "FROM $V",
    "ARG V=1",
    "ARG V",
    "ARG TARGETARCH W=$V$V",
    "ENV A=$V B=${A:-x} V=$A",
    "ENV A x $V",
    "RUN true",
    "RUN [\"a\", \"b\"]",
    "RUN <<E\n#!/bin/x\nE",
    "RUN cat <<E <<F\n1\nE\n2\nF",
    "RUN --mount=type=cache,target=$V true",
    "RUN --mount=from=one,target=/x --mount=type=secret,id=s true",
    "RUN --network=none true",
    "COPY . .",
    "COPY --from=one a b",
    "COPY --from=0 a b",
    "COPY --from=two --link --chown=$A a b/",
    "COPY <<E /x\n$V\nE",
    "ADD https://x/y z",
    "WORKDIR $V/x",
    "WORKDIR /x/../y",
    "USER $A",
    "EXPOSE $V 80-82",
    "CMD x",
    "ENTRYPOINT [\"x\"]",
    "SHELL [\"x\"]",
    "LABEL a=$V",
    "VOLUME $V /x",
    "STOPSIGNAL $V",
    "HEALTHCHECK CMD x",
    "ONBUILD RUN true",
    "ONBUILD COPY --from=one a b",
    "ONBUILD ARG V=2",
    "# check=skip=all",
];

proptest! {
    #[test]
    fn a_file_of_usual_lines_becomes_a_plan_that_holds_together_or_is_refused(
        lines in proptest::collection::vec(proptest::sample::select(&LINES[..]), 0..14),
    ) {
        let given = Given::new(&(lines.join("\n") + "\n"));
        let plan = given.planned();
        if let Ok(plan) = &plan {
            holds_together(plan);
        }
        prop_assert_eq!(given.planned(), plan);
    }

    #[test]
    fn no_text_is_too_strange(text in "(FROM a|RUN|COPY|ENV|ARG|ONBUILD|EXPOSE|[ -~]){0,6}([\n ]|\\$\\{|[ -~é]){0,60}") {
        let _ = Given::new(&format!("FROM a\n{text}")).planned();
        let _ = Given::new(&text).planned();
    }
}

/// Steps stand on earlier steps, ids are unique, layers are steps, and the history has one entry for each.
fn holds_together(plan: &Plan) {
    let mut before = BTreeSet::new();
    for step in &plan.steps {
        assert!(
            step.op.depends_on().iter().all(|id| before.contains(*id)),
            "{}",
            step.id
        );
        assert!(before.insert(step.id.clone()), "{}", step.id);
        assert!(plan.excerpts.contains_key(&step.id), "{}", step.id);
    }
    assert!(plan.image.layers.iter().all(|id| before.contains(id)));
    let own = plan
        .image
        .layers
        .iter()
        .filter(|id| !id.as_str().starts_with("image."));
    let document = plan.image.document.as_ref().unwrap();
    let noted = document.history.iter().filter(|entry| !entry.empty_layer);
    assert_eq!(own.count(), noted.count());
}
