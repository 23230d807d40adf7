//! Programs that were built before.

use coracle_plan::{MemorySource, Op, Plan, PlanError};

use crate::folder::{message, of, planned};

const NAMED: &str = "build: {type: artifact, path: dist/server}\n";

/// A program's header (ELF-64), and behind it what loads it when it is not static.
fn program(machine: u8, interpreter: Option<&str>) -> Vec<u8> {
    let mut bytes = vec![0; 120];
    bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
    bytes[18] = machine;
    if let Some(interpreter) = interpreter {
        (bytes[32], bytes[54], bytes[56]) = (64, 56, 1);
        (bytes[64], bytes[72], bytes[96]) = (3, 120, u8::try_from(interpreter.len()).unwrap());
        bytes.extend(interpreter.as_bytes());
    }
    bytes
}

fn with(path: &str, contents: &[u8], manifest: &str) -> MemorySource {
    let source = of(&[("coracle.yaml", manifest)]).with(path, contents);
    source.executable(path)
}

fn named(contents: &[u8]) -> Result<Plan, PlanError> {
    planned(&with("dist/server", contents, NAMED), "test")
}

#[test]
fn a_static_program_that_the_manifest_names_is_all_of_the_image_above_its_base() {
    let plan = named(&program(62, None)).unwrap();
    assert_eq!(plan.runtime, "binary");
    assert_eq!(plan.image.command, ["/app/dist/server"]);
    let ops: Vec<&Op> = plan.steps.iter().map(|step| &step.op).collect();
    assert!(
        matches!(ops[..], [Op::Base(base), Op::Copy(copy)] if base.recipe == "static-amd64" && copy.files == ["dist/server"])
    );
}

#[test]
fn a_folder_whose_only_program_is_static_needs_no_manifest() {
    let source = of(&[("page.html", "")]).with("server", program(62, None));
    let plan = planned(&source.executable("server"), "test").unwrap();
    assert_eq!(plan.image.command, ["/app/server"]);
    assert!(
        plan.why.iter().any(|why| why.contains("only program")),
        "{:?}",
        plan.why
    );
}

#[test]
fn a_folder_is_copied_whole_and_its_command_starts() {
    let manifest = "build: {type: artifact, path: dist}\ncommand: [./dist/server, --fast]\n";
    let plan = planned(&with("dist/server", &program(62, None), manifest), "test").unwrap();
    assert_eq!(plan.image.command, ["./dist/server", "--fast"]);
}

#[test]
fn a_program_that_could_not_run_is_refused_with_what_it_wants() {
    for (contents, parts) in [
        (
            program(62, Some("/lib64/ld-linux-x86-64.so.2")),
            ["wants `/lib64/ld-linux-x86-64.so.2`", "`runtime: server`"],
        ),
        (
            program(62, Some("/lib/ld-musl-x86_64.so.1")),
            ["ld-musl", "link it statically"],
        ),
        (
            program(183, None),
            ["is for arm64 processors", "compile it for amd64"],
        ),
        (
            program(243, None),
            ["is for other processors", "compile it for amd64"],
        ),
        (b"#!/bin/sh\n".to_vec(), ["is a script", "coracle runtimes"]),
        (
            b"MZ\0".to_vec(),
            ["a program for Windows", "compile it for Linux"],
        ),
        (b"hello".to_vec(), ["is no program", "compile it for Linux"]),
    ] {
        let message = message(&named(&contents).unwrap_err());
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
}

#[test]
fn what_a_manifest_names_must_be_there_and_say_what_starts() {
    let missing = planned(&of(&[("coracle.yaml", NAMED)]), "test").unwrap_err();
    assert!(
        message(&missing).contains("`dist/server` does not exist"),
        "{missing}"
    );
    for (manifest, part) in [
        ("build: {type: artifact}\n", "needs to know what was built"),
        (
            "build: {type: artifact, path: dist}\n",
            "nothing says what starts",
        ),
    ] {
        let error = planned(&with("dist/server", &program(62, None), manifest), "test").unwrap_err();
        assert!(message(&error).contains(part), "{error}");
    }
    let unmarked = of(&[("coracle.yaml", NAMED)]).with("dist/server", program(62, None));
    let error = planned(&unmarked, "test").unwrap_err();
    assert!(message(&error).contains("chmod +x dist/server"), "{error}");
}
