//! Go applications.

use coracle_plan::{Arch, Input, Lock, Op, Plan, Run, Target, plan};
use coracle_spec::Failure as _;
use coracle_spec::revision::Network;

use crate::folder::{manifest, message, of, planned};

const MOD: (&str, &str) = ("go.mod", "module example.com/m\n\ngo 1.25.3\n");
const MAIN: &str = "package main\n\nfunc main() {}\n";
const EXPORTED: &str = "package m\n\nfunc Hello(w http.ResponseWriter, r *http.Request) {}\n";
const REGISTERED: &str = "package m\n\nimport \"github.com/GoogleCloudPlatform/functions-framework-go/functions\"\n\n\
    func init() {\n\tfunctions.HTTP(\"hello\", hello)\n\tfunctions.CloudEvent(\"order\", order)\n}\n";

fn plan_of(files: &[(&str, &str)]) -> Plan {
    planned(&of(files), "test").unwrap()
}

fn refused(files: &[(&str, &str)]) -> String {
    message(&planned(&of(files), "test").unwrap_err())
}

fn compile(plan: &Plan) -> &Run {
    match plan.step(&"program".into()).map(|step| &step.op) {
        Some(Op::Run(run)) => run,
        other => panic!("{other:?}"),
    }
}

fn texts(run: &Run) -> String {
    let texts = run.inputs.iter().filter_map(|input| match input {
        Input::Text { contents, to } => Some(format!("{to}:\n{contents}")),
        Input::Source { .. } => None,
    });
    texts.collect()
}

/// The files of a folder, where the compiler runs, what it compiles, and the handler that it is for.
type Case = (
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
    Option<&'static str>,
);

const FOUND: &[Case] = &[
    (&[MOD, ("main.go", MAIN)], "/src", ".", None),
    (
        &[MOD, ("cmd/server/main.go", MAIN), ("lib.go", "package m\n")],
        "/src",
        "./cmd/server",
        None,
    ),
    (
        &[MOD, ("main.go", MAIN), ("cmd/tool/main.go", MAIN)],
        "/src",
        ".",
        None,
    ),
    (
        &[
            MOD,
            ("cmd/a/main.go", MAIN),
            ("cmd/b/main.go", MAIN),
            ("coracle.yaml", "build: {entry: cmd/b}\n"),
        ],
        "/src",
        "./cmd/b",
        None,
    ),
    (
        &[
            ("service/go.mod", "module example.com/s\n"),
            ("service/main.go", MAIN),
            ("README.md", ""),
        ],
        "/src/service",
        ".",
        None,
    ),
    (
        &[
            ("go.work", "go 1.25\nuse (\n\t./a\n\t./b\n)\n"),
            ("a/go.mod", "module example.com/a\n"),
            ("a/a.go", "package a\n"),
            ("b/go.mod", "module example.com/b\n"),
            ("b/cmd/b/main.go", MAIN),
        ],
        "/src/b",
        "./cmd/b",
        None,
    ),
    (
        &[MOD, ("hello.go", EXPORTED)],
        "/coracle/function",
        ".",
        Some("Hello"),
    ),
    (
        &[
            MOD,
            ("hello.go", REGISTERED),
            ("cmd/main.go", MAIN),
            ("coracle.yaml", "build: {handler: order}\n"),
        ],
        "/coracle/function",
        ".",
        Some("order"),
    ),
    (
        &[
            MOD,
            ("hello.go", REGISTERED),
            ("coracle.yaml", "signature: http\n"),
        ],
        "/coracle/function",
        ".",
        Some("hello"),
    ),
    (
        &[MOD, ("hello.go", EXPORTED), ("cmd/main.go", MAIN)],
        "/src",
        "./cmd",
        None,
    ),
    (
        &[
            MOD,
            ("main.go", MAIN),
            ("package.json", "{\"scripts\": {\"start\": \"x\"}}"),
        ],
        "/src",
        ".",
        None,
    ),
];

#[test]
fn programs_and_handlers_are_found() {
    for (files, folder, package, handler) in FOUND {
        let plan = plan_of(files);
        let run = compile(&plan);
        assert_eq!(plan.runtime, "go");
        assert_eq!(
            (run.workdir.as_str(), run.command.last().unwrap().as_str()),
            (*folder, *package),
            "{files:?}"
        );
        assert_eq!(
            plan.image.env.get("FUNCTION_TARGET").map(String::as_str),
            *handler,
            "{files:?}"
        );
    }
}

#[test]
fn what_cannot_be_compiled_is_refused_before_anything_is_built() {
    let sums = ("go.mod", "module m\nrequire example.com/x v1.2.3\n");
    let outside = ("go.mod", "module m\nreplace example.com/x => ../x\n");
    for (files, parts) in [
        (vec![("main.go", MAIN)], ["no `go.mod`", "go mod init"]),
        (
            vec![MOD, ("a/main.go", MAIN), ("b/main.go", MAIN)],
            ["several programs: `a`, `b`", "{entry: a}"],
        ),
        (
            vec![MOD, ("hello.go", REGISTERED)],
            ["several handlers: `hello`, `order`", "{handler: hello}"],
        ),
        (
            vec![MOD, ("lib.go", "package m\n")],
            ["no start command found", "`package main`"],
        ),
        (
            vec![sums, ("main.go", MAIN)],
            ["`go.sum` does not have `example.com/x v1.2.3`", "go mod tidy"],
        ),
        (
            vec![outside, ("main.go", MAIN)],
            ["line 2 replaces `example.com/x` by `../x`", "go mod vendor"],
        ),
        (
            vec![("go.work", "go 1.25\nuse ../a\n")],
            ["uses `../a`, which is not in this folder", "holds all modules"],
        ),
        (
            vec![
                MOD,
                ("main.go", MAIN),
                ("coracle.yaml", "build: {go: {version: 1.24}}\n"),
            ],
            ["`go.mod` requires Go 1.25.3", "asks for 1.24"],
        ),
    ] {
        let message = refused(&files);
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
}

#[test]
fn a_program_is_compiled_without_a_network_when_its_modules_are_in_the_folder() {
    let sum = "example.com/x v1.2.3/go.mod h1:x=\n";
    let require = "module m\n\ngo 1.25\n\nrequire example.com/x v1.2.3\n";
    let network = |files: &[(&str, &str)]| compile(&plan_of(files)).network;
    assert_eq!(network(&[MOD, ("main.go", MAIN)]), Network::None);
    let remote = [("go.mod", require), ("go.sum", sum), ("main.go", MAIN)];
    assert_eq!(network(&remote), Network::Egress);
    let vendored = [("go.mod", require), ("vendor/modules.txt", ""), ("main.go", MAIN)];
    let plan = plan_of(&vendored);
    assert_eq!(compile(&plan).network, Network::None);
    assert!(compile(&plan).env["GOFLAGS"].contains("-mod=vendor"));
    let local = format!("{require}replace example.com/x => ./x\n");
    let replaced = [
        ("go.mod", local.as_str()),
        ("x/go.mod", "module x\n"),
        ("main.go", MAIN),
    ];
    assert_eq!(network(&replaced), Network::None);
    assert_eq!(network(&[MOD, ("hello.go", EXPORTED)]), Network::Egress);
}

#[test]
fn the_toolchain_is_the_newest_patch_of_what_the_modules_ask_for() {
    for (text, manifest, request) in [
        ("go 1.25.3\n", "", "1.25"),
        ("go 1.25.3\ntoolchain go1.26.1\n", "", "1.26"),
        ("go 1.17\n", "", "1.21"),
        ("", "", "1.21"),
        ("go 1.25.3\n", "build: {go: {version: 1.26.2}}\n", "1.26.2"),
        ("go 1.25.3\n", "build: {go: {version: 1.25}}\n", "1.25"),
    ] {
        let text = format!("module m\n{text}");
        let files = [
            ("go.mod", text.as_str()),
            ("main.go", MAIN),
            ("coracle.yaml", manifest),
        ];
        let plan = plan_of(&files);
        let step = plan.step(&"toolchain".into()).unwrap();
        assert_eq!(step.name, format!("fetch Go {request}"), "{text}{manifest}");
    }
}

#[test]
fn a_handlers_program_has_the_authors_version_of_the_framework_or_the_pinned_one() {
    let with = texts(compile(&plan_of(&[MOD, ("hello.go", EXPORTED)])));
    assert!(
        with.contains("functions.HTTP(\"Hello\", function.Hello)"),
        "{with}"
    );
    assert!(with.contains("require github.com/GoogleCloudPlatform/functions-framework-go v1."));
    assert!(
        with.contains("go 1.25.3\n\nuse /coracle/function\nuse /src\n"),
        "{with}"
    );
    let framework = "github.com/GoogleCloudPlatform/functions-framework-go v1.8.0";
    let require = format!("module example.com/m\n\ngo 1.25\n\nrequire {framework}\n");
    let sum = format!("{framework}/go.mod h1:x=\n");
    let one = REGISTERED.replace("functions.CloudEvent(\"order\", order)", "");
    let own = [
        ("go.mod", require.as_str()),
        ("go.sum", sum.as_str()),
        ("fn/hello.go", one.as_str()),
    ];
    let own = texts(compile(&plan_of(&own)));
    assert!(
        own.contains("_ \"example.com/m/fn\"") && !own.contains("require"),
        "{own}"
    );
}

#[test]
fn files_that_a_program_may_open_are_in_the_image_and_its_source_is_not() {
    let plan = plan_of(&[
        MOD,
        ("main.go", MAIN),
        ("main_test.go", "package main\n"),
        ("templates/page.html", ""),
        ("vendor/x/x.txt", ""),
        ("testdata/y", ""),
    ]);
    let Some(Op::Copy(copy)) = plan.step(&"application".into()).map(|step| &step.op) else {
        panic!("{plan:?}");
    };
    assert_eq!(copy.files, ["templates/page.html"]);
    let Input::Source { files, .. } = &compile(&plan).inputs[0] else {
        panic!("{plan:?}");
    };
    assert!(
        !files.contains(&"main_test.go".to_owned()),
        "a changed test compiles nothing"
    );
}

#[test]
fn an_image_for_other_processors_is_cross_compiled_on_a_root_of_the_host() {
    let source = of(&[MOD, ("main.go", MAIN)]);
    let target = Target {
        arch: Arch::Arm64,
        host: Arch::Amd64,
    };
    let plan = plan(&source, &manifest(&source, "test"), &Lock::default(), &target).unwrap();
    assert_eq!(compile(&plan).env["GOARCH"], "arm64");
    let base = |id: &str| match plan.step(&id.into()).map(|step| &step.op) {
        Some(Op::Base(base)) => base.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(base("base").recipe, "static-arm64");
    assert_eq!(base("builder").recipe, "static-amd64");
}

#[test]
fn c_code_brings_a_compiler_and_a_c_library_and_no_other_processors() {
    let code = "package main\n\n// int one() { return 1; }\nimport \"C\"\n\nfunc main() { C.one() }\n";
    let plan = plan_of(&[MOD, ("main.go", code)]);
    assert_eq!(compile(&plan).env["CGO_ENABLED"], "1");
    let Some(Op::Base(builder)) = plan.step(&"builder".into()).map(|step| &step.op) else {
        panic!("{plan:?}");
    };
    assert!(builder.packages.contains(&"gcc".to_owned()));
    let source = of(&[MOD, ("main.go", code)]);
    let target = Target {
        arch: Arch::Arm64,
        host: Arch::Amd64,
    };
    let foreign =
        coracle_plan::plan(&source, &manifest(&source, "test"), &Lock::default(), &target).unwrap_err();
    assert!(foreign.to_string().contains("`main.go` has C code"), "{foreign}");
    assert!(foreign.hint().unwrap().contains("without C code"));
}
