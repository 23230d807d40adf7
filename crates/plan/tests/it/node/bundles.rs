//! TypeScript: what is bundled, of what, and what stays beside the bundle.

use coracle_plan::{Input, Op};

use super::{EXPRESS, NPM, SERVER, has, layers, plan_of, run};

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
