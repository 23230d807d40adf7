//! What is explained instead of planned.

use super::{BERRY, DEPENDS, Files, NPM, SERVER, YARN, error_of};
use crate::folder::message;

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
