use crate::folder::{message, of, planned};

const LONG_LOCK: &str = r#"{
  "name": "x",
  "lockfileVersion": 3,
<<<<<<< HEAD
  "packages": {}
}"#;

/// Folders that cannot be planned, one or more files each.
const FOLDERS: &[(&str, &[(&str, &str)])] = &[
    ("nothing at all", &[]),
    ("only a page", &[("index.html", "<p>")]),
    (
        "no start in Python",
        &[("main.py", "print('hi')\n"), ("requirements.txt", "")],
    ),
    ("only requirements", &[("requirements.txt", "flask==3.1.3\n")]),
    (
        "two handlers",
        &[(
            "main.py",
            "def a(request):\n    pass\ndef b(request):\n    pass\n",
        )],
    ),
    (
        "no such handler",
        &[
            ("main.py", "def a(request):\n    pass\n"),
            ("coracle.yaml", "build: {handler: b}\n"),
        ],
    ),
    (
        "no such entry",
        &[("main.py", ""), ("coracle.yaml", "build: {entry: app.py}\n")],
    ),
    (
        "no such requirements",
        &[
            ("main.py", "def a(request): 1\n"),
            ("requirements.txt", "# base\n-r base.txt\n"),
        ],
    ),
    (
        "a broken project file",
        &[
            ("main.py", "def a(request): 1\n"),
            ("pyproject.toml", "[project]\nname = x\n"),
        ],
    ),
    (
        "poetry",
        &[
            ("main.py", "def a(request): 1\n"),
            ("pyproject.toml", "[tool.poetry.dependencies]\nflask = '3'\n"),
        ],
    ),
    (
        "a Pipfile",
        &[
            ("main.py", "def a(request): 1\n"),
            ("Pipfile", "[packages]\nflask = '*'\n"),
        ],
    ),
    (
        "a manager without its lock file",
        &[
            ("main.py", "def a(request): 1\n"),
            ("coracle.yaml", "build: {python: {manager: pdm}}\n"),
        ],
    ),
    (
        "uv.lock of another project",
        &[
            ("main.py", "def a(request): 1\n"),
            (
                "pyproject.toml",
                "[project]\nname = 'x'\ndependencies = ['flask>=3']\n",
            ),
            (
                "uv.lock",
                "[[package]]\nname = 'x'\nsource = {virtual = '.'}\nmetadata = {requires-dist = [{name = 'flask'}]}\n",
            ),
        ],
    ),
    (
        "poetry.lock of another project",
        &[
            ("main.py", "def a(request): 1\n"),
            ("pyproject.toml", "[tool.poetry.dependencies]\nflask = '3'\n"),
            ("poetry.lock", "[metadata]\ncontent-hash = '00'\n"),
        ],
    ),
    (
        "pdm.lock of another project",
        &[
            ("main.py", "def a(request): 1\n"),
            ("pyproject.toml", "[project]\ndependencies = []\n"),
            ("pdm.lock", "[metadata]\ncontent_hash = 'sha256:00'\n"),
        ],
    ),
    (
        "Pipfile.lock of another project",
        &[
            ("main.py", "def a(request): 1\n"),
            ("Pipfile", "[packages]\n"),
            ("Pipfile.lock", "{\"_meta\": {\"hash\": {\"sha256\": \"00\"}}}"),
        ],
    ),
    (
        "a broken Pipfile.lock",
        &[
            ("main.py", "def a(request): 1\n"),
            ("Pipfile.lock", "{\n  \"default\": 1\n}"),
        ],
    ),
    (
        "the folder itself without a project",
        &[("main.py", "def a(request): 1\n"), ("requirements.txt", "-e .\n")],
    ),
    (
        "a Python that nobody has",
        &[
            ("main.py", "def a(request): 1\n"),
            (
                "pyproject.toml",
                "[project]\nname = 'x'\nrequires-python = '>=3.14'\n",
            ),
        ],
    ),
    (
        "a Python that is not there",
        &[
            ("main.py", ""),
            ("coracle.yaml", "build: {python: {version: 3.14}}\n"),
        ],
    ),
    (
        "no text",
        &[("package.json", "{\"main\": \"a.js\"}"), ("a.js", "\u{0}")],
    ),
    (
        "a broken package",
        &[("package.json", "{\n  \"main\": \"a.js\",\n}\n")],
    ),
    (
        "a package of the wrong kind",
        &[("package.json", "{\n  \"dependencies\": [\"express\"]\n}\n")],
    ),
    (
        "a broken lock",
        &[
            (
                "package.json",
                "{\"main\": \"a.js\", \"dependencies\": {\"x\": \"1\"}}",
            ),
            ("a.js", "server.listen(1)"),
            ("package-lock.json", LONG_LOCK),
        ],
    ),
    (
        "an old lock",
        &[
            (
                "package.json",
                "{\"main\": \"a.js\", \"dependencies\": {\"x\": \"1\"}}",
            ),
            ("a.js", "server.listen(1)"),
            (
                "package-lock.json",
                "{\n  \"lockfileVersion\": 3,\n  \"packages\": {\"\": {}}\n}",
            ),
        ],
    ),
    (
        "yarn",
        &[
            (
                "package.json",
                "{\"main\": \"a.js\", \"dependencies\": {\"x\": \"1\"}}",
            ),
            ("a.js", "server.listen(1)"),
            ("yarn.lock", ""),
        ],
    ),
    (
        "a local dependency",
        &[
            (
                "package.json",
                "{\"main\": \"a.js\", \"dependencies\": {\"x\": \"file:../x\"}}",
            ),
            ("a.js", "listen.listen(1)"),
        ],
    ),
    (
        "a script for a shell",
        &[(
            "package.json",
            "{\"scripts\": {\"start\": \"npm run build && node .\"}}",
        )],
    ),
    (
        "no start in Node",
        &[("package.json", "{}"), ("index.js", "console.log('hi')")],
    ),
    (
        "an old Node",
        &[
            ("package.json", "{\"engines\": {\"node\": \"<16\"}}"),
            ("index.js", ""),
        ],
    ),
    (
        "two handlers in Node",
        &[(
            "index.js",
            "require('@google-cloud/functions-framework'); f.http('a', x); f.http('b', x)",
        )],
    ),
    (
        "a Dockerfile",
        &[
            ("Dockerfile", "FROM scratch\n"),
            ("main.py", "def a(request): 1\n"),
        ],
    ),
    (
        "an OpenFaaS stack",
        &[("stack.yaml", "functions:\n"), ("main.py", "def a(request): 1\n")],
    ),
    (
        "a STACKIT project",
        &[
            (".stackit-functions/functions.yaml", ""),
            ("main.py", "def a(request): 1\n"),
        ],
    ),
    ("an unknown runtime", &[("coracle.yaml", "runtime: cobol\n")]),
    (
        "a server without a command",
        &[("coracle.yaml", "runtime: server\n")],
    ),
    (
        "a broken glob",
        &[
            ("main.py", "def a(request): 1\n"),
            ("coracle.yaml", "build: {exclude: ['[a']}\n"),
        ],
    ),
];

#[test]
fn what_cannot_be_planned_is_explained() {
    let report = FOLDERS.iter().map(|(title, files)| {
        let error = planned(&of(files), "test").expect_err(title);
        format!("# {title}\n{}", message(&error))
    });
    insta::assert_snapshot!(report.collect::<Vec<_>>().join("\n"));
}

#[test]
fn keys_that_nothing_acts_on_yet_are_refused_with_their_lines() {
    let manifests = [
        "kind: job\n",
        "signature: lambda\n",
        "options: {a: 1}\n",
        "image: a/b\n",
        "retry: {attempts: 2}\n",
        "schedule: [{cron: '* * * * *'}]\n",
        "links: [other]\n",
        "build: {type: dockerfile, packages: [curl]}\n",
        "build: {type: dockerfile}\nruntime: python\n",
        "build:\n  base: alpine:3\n",
        "build: {commands: [make]}\n",
        "build: {args: {A: b}}\n",
        "build: {secrets: {id: file}}\n",
        "build: {exclude_dependencies: [boto3]}\n",
        "build: {java: {version: 21}}\n",
        "build: {context: sub}\n",
        "build: {type: image, from: httpd}\n",
    ];
    let report = manifests.map(|text| {
        let source = of(&[("main.py", "def a(request): 1\n"), ("coracle.yaml", text)]);
        message(&planned(&source, "test").expect_err(text))
    });
    insta::assert_snapshot!(report.join(""));
}
