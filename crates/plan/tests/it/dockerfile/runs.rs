//! `RUN`: commands, scripts, mounts.

use coracle_plan::{Exec, Mount, MountKind, Origin, Sharing};
use coracle_spec::revision::Network;

use super::{execs, line, planned};

fn exec(instruction: &str) -> Exec {
    let plan = planned(&format!("FROM a\nWORKDIR /w\n{instruction}\n"));
    execs(&plan).last().map(|exec| (*exec).clone()).unwrap()
}

fn mount(text: &str) -> Mount {
    exec(&format!("RUN --mount={text} true")).mounts.remove(0)
}

#[test]
fn a_command_has_a_shell_unless_it_is_json() {
    assert_eq!(exec("RUN a && b").command, ["/bin/sh", "-c", "a && b"]);
    assert_eq!(exec("RUN [\"a\", \"$B\"]").command, ["a", "$B"]);
    assert_eq!(
        exec("SHELL [\"/bin/bash\", \"-xc\"]\nRUN a").command,
        ["/bin/bash", "-xc", "a"]
    );
    assert_eq!(exec("USER app\nRUN true").user, "app");
    assert_eq!(exec("RUN true").workdir, "/w");
}

#[test]
fn a_here_document_alone_is_a_script_of_the_shell() {
    assert_eq!(
        line("FROM a\nRUN <<EOF\necho 1\n  echo 2\nEOF\n"),
        "echo 1\n  echo 2\n"
    );
    assert_eq!(line("FROM a\nRUN <<-EOF\n\techo 1\n\tEOF\n"), "echo 1\n");
}

#[test]
fn a_script_with_an_interpreter_is_a_file_while_it_runs() {
    let exec = exec("RUN <<END\n#!/usr/bin/env python3\nprint(1)\nEND");
    let script = exec.script.unwrap();
    assert_eq!(script.path, "/dev/pipes/END");
    assert_eq!(script.contents, "#!/usr/bin/env python3\nprint(1)\n");
    assert_eq!(exec.command, ["/bin/sh", "-c", "/dev/pipes/END"]);
}

#[test]
fn here_documents_of_a_command_are_its_shells() {
    assert_eq!(
        line("FROM a\nRUN cat <<A > /x && cat <<'B'\n1\nA\n2\nB\n"),
        "cat <<A > /x && cat <<'B'\n1\nA\n2\nB"
    );
}

#[test]
fn a_cache_is_named_after_its_target_unless_it_has_a_name() {
    let cache = |id: &str, sharing, mode, uid| MountKind::Cache {
        id: id.to_owned(),
        sharing,
        from: None,
        writable: true,
        mode,
        uid,
        gid: 0,
    };
    assert_eq!(
        mount("type=cache,target=/c/").kind,
        cache("/c", Sharing::Shared, 0o755, 0)
    );
    assert_eq!(
        mount("type=cache,target=c").kind,
        cache("c", Sharing::Shared, 0o755, 0)
    );
    assert_eq!(mount("type=cache,target=c").target, "/w/c");
    let named = mount("type=cache,id=x,dst=/c,sharing=locked,mode=0700,uid=5");
    assert_eq!(named.kind, cache("x", Sharing::Locked, 0o700, 5));
}

#[test]
fn files_of_the_context_a_stage_or_an_image_are_mounted() {
    let bind = |from, path: &str, writable| MountKind::Bind {
        from,
        path: path.to_owned(),
        writable,
    };
    assert_eq!(mount("target=/x").kind, bind(Origin::Context, "/", false));
    let image = Origin::Steps(vec!["image.1".into()]);
    assert_eq!(
        mount("type=bind,from=b,source=s/,target=/x,rw").kind,
        bind(image, "/s", true)
    );
    let plan = planned("FROM a AS one\nFROM b\nRUN --mount=from=one,target=/x true\n");
    let stage = Origin::Steps(vec!["image.0".into()]);
    assert_eq!(execs(&plan)[0].mounts[0].kind, bind(stage, "/", false));
}

#[test]
fn a_secret_is_a_file_or_a_variable() {
    let of = |text: &str| match mount(text) {
        Mount {
            target,
            kind:
                MountKind::Secret {
                    id,
                    required,
                    file,
                    env,
                    mode,
                    ..
                },
        } => (target, id, required, file, env, mode),
        other => panic!("{other:?}"),
    };
    let text = str::to_owned;
    let run = "/run/secrets/k";
    assert_eq!(
        of("type=secret,id=k"),
        (text(run), text("k"), false, true, None, 0o400)
    );
    assert_eq!(
        of("type=secret,target=/a/k,mode=0444"),
        (text("/a/k"), text("k"), false, true, None, 0o444)
    );
    assert_eq!(
        of("type=secret,id=k,env=K,required"),
        (text(run), text("k"), true, false, Some(text("K")), 0o400)
    );
    assert_eq!(
        of("type=secret,id=k,env=K,target=/k"),
        (text("/k"), text("k"), false, true, Some(text("K")), 0o400)
    );
}

#[test]
fn memory_is_mounted_up_to_a_size() {
    assert_eq!(
        mount("type=tmpfs,target=/t,size=1m").kind,
        MountKind::Tmpfs {
            size: Some(1_048_576)
        }
    );
    assert_eq!(
        mount("type=tmpfs,target=/t").kind,
        MountKind::Tmpfs { size: None }
    );
}

#[test]
fn mounts_have_variables() {
    let exec = exec("ARG D=/d\nRUN --mount=type=cache,target=$D/x true");
    assert_eq!(exec.mounts[0].target, "/d/x");
}

#[test]
fn a_command_may_be_kept_from_the_network() {
    assert_eq!(exec("RUN --network=none true").network, Network::None);
    assert_eq!(exec("RUN true").network, Network::Egress);
}
