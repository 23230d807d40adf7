use coracle_plan::{Arch, Input, Lock, Op, Plan, Run, Target, plan};

use crate::folder::{manifest, of, planned};

const FLASK: &str = "from flask import Flask\napp = Flask(__name__)\n";
const HANDLER: &str = "def hello(request):\n    return 'hi'\n";

fn plan_of(files: &[(&str, &str)]) -> Plan {
    planned(&of(files), "test").unwrap()
}

fn op<'a>(plan: &'a Plan, id: &str) -> Option<&'a Op> {
    plan.step(&id.into()).map(|step| &step.op)
}

fn dependencies(plan: &Plan) -> &Run {
    match op(plan, "dependencies") {
        Some(Op::Run(run)) => run,
        other => panic!("{other:?}"),
    }
}

/// What uv is called with, without what calls it.
fn calls(plan: &Plan) -> String {
    dependencies(plan).command[4..].join(" ")
}

/// The text that an installation reads as `/build/NAME`.
fn text<'a>(plan: &'a Plan, name: &str) -> Option<&'a str> {
    let path = format!("/build/{name}");
    dependencies(plan).inputs.iter().find_map(|input| match input {
        Input::Text { contents, to } if *to == path => Some(contents.as_str()),
        _ => None,
    })
}

fn source_files(plan: &Plan) -> Vec<&str> {
    let inputs = dependencies(plan).inputs.iter();
    let files = inputs.filter_map(|input| match input {
        Input::Source { files, .. } => Some(files),
        Input::Text { .. } => None,
    });
    files.flatten().map(String::as_str).collect()
}

#[test]
fn what_serves_an_application_is_added_only_when_its_author_does_not_name_it() {
    for (requirements, added) in [
        ("flask==3.1.3\n", true),
        ("flask==3.1.3\nGunicorn==21.2.0\n", false),
        (
            "flask==3.1.3 --hash=sha256:0\ngunicorn==21.2.0 --hash=sha256:0\n",
            false,
        ),
    ] {
        let plan = plan_of(&[("app.py", FLASK), ("requirements.txt", requirements)]);
        assert_eq!(calls(&plan).contains("gunicorn=="), added, "{requirements}");
        assert!(text(&plan, "serving.txt").is_none(), "{requirements}");
    }
}

#[test]
fn to_requirements_with_hashes_what_serves_is_added_with_hashes_and_without_what_is_there() {
    let requirements = "flask==3.1.3 --hash=sha256:0\npackaging==20 --hash=sha256:0\n";
    let plan = plan_of(&[("app.py", FLASK), ("requirements.txt", requirements)]);
    let serving = text(&plan, "serving.txt").unwrap();
    assert!(serving.contains("gunicorn==") && serving.contains("--hash=sha256:"));
    assert!(!serving.contains("packaging==") && !serving.contains("flask=="));
    let calls = calls(&plan);
    let (own, added) = calls.split_once(" ; ").unwrap();
    assert!(
        own.contains("--require-hashes") && added.contains("--no-deps --require-hashes"),
        "{calls}"
    );
}

#[test]
fn a_handler_alone_is_installed_without_resolving_anything() {
    let plan = plan_of(&[("main.py", HANDLER)]);
    assert!(calls(&plan).ends_with("--no-deps --require-hashes --requirement serving.txt"));
    assert!(
        text(&plan, "serving.txt")
            .unwrap()
            .contains("functions-framework==")
    );
    assert!(op(&plan, "builder").is_none());
    assert_eq!(dependencies(&plan).root.len(), 2);
}

#[test]
fn a_project_of_pyproject_installs_what_it_declares_and_says_that_it_is_not_locked() {
    let project = "[project]\nname = 'x'\ndependencies = ['flask>=3', 'gunicorn']\n";
    let plan = plan_of(&[("app.py", FLASK), ("pyproject.toml", project)]);
    assert_eq!(text(&plan, "requirements.txt"), Some("flask>=3\ngunicorn\n"));
    assert!(plan.warnings[0].contains("`flask`"));
    let configured = format!("{project}[tool.uv]\nindex-url = 'https://own.example'\n");
    let plan = plan_of(&[("app.py", FLASK), ("pyproject.toml", &configured)]);
    assert_eq!(source_files(&plan), ["pyproject.toml"]);
}

#[test]
fn the_folder_itself_in_a_requirements_file_means_what_its_project_declares() {
    let plan = plan_of(&[
        ("app.py", FLASK),
        ("requirements.txt", "gunicorn==1\n-e .[web]\n./libs/a\n"),
        (
            "pyproject.toml",
            "[project]\nname = 'x'\ndependencies = ['flask==3']\noptional-dependencies.web = ['httpx==1']\n",
        ),
        ("libs/a/pyproject.toml", ""),
        ("src/x/__init__.py", ""),
    ]);
    assert_eq!(text(&plan, "project.txt"), Some("flask==3\nhttpx==1\n"));
    assert_eq!(text(&plan, "requirements.txt"), Some("gunicorn==1\n\n./libs/a\n"));
    assert_eq!(source_files(&plan), ["libs/a/pyproject.toml"]);
    assert_eq!(plan.image.env["PYTHONPATH"], "/app/src");
}

#[test]
fn an_index_that_the_files_name_wins_over_the_hosts() {
    let named = "--index-url https://own.example/simple\nflask==3\ngunicorn==1\n";
    let plan = plan_of(&[("app.py", FLASK), ("requirements.txt", named)]);
    assert!(calls(&plan).starts_with("own-index pip install"));
    let usual = plan_of(&[("app.py", FLASK), ("requirements.txt", "flask==3\ngunicorn==1\n")]);
    assert!(calls(&usual).starts_with("pip install"));
}

const UV: &str = "requires-python = '>=3.11'\n\
    [[package]]\nname = 'x'\nsource = {virtual = '.'}\ndependencies = [{name = 'flask'}]\n\
    metadata = {requires-dist = [{name = 'flask', specifier = '>=3'}]}\n\
    [[package]]\nname = 'flask'\nversion = '3.1'\nsource = {registry = 'https://pypi.org/simple'}\n";
const PROJECT: &str = "[project]\nname = 'x'\nrequires-python = '>=3.11'\ndependencies = ['flask >= 3']\n";

#[test]
fn a_uv_lock_is_written_out_by_uv_and_installed() {
    let plan = plan_of(&[("app.py", FLASK), ("pyproject.toml", PROJECT), ("uv.lock", UV)]);
    let calls = calls(&plan);
    let calls: Vec<_> = calls.split(" ; ").collect();
    assert!(
        calls[0].starts_with("export --quiet --frozen --no-dev"),
        "{calls:?}"
    );
    assert!(
        calls[1].ends_with("--no-deps --requirement exported.txt"),
        "{calls:?}"
    );
    assert!(calls[2].ends_with("--requirement serving.txt"), "{calls:?}");
    assert_eq!(source_files(&plan), ["pyproject.toml", "uv.lock"]);
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
}

#[test]
fn of_several_lock_files_the_manifest_chooses_and_else_the_first_with_a_warning() {
    let files = [
        ("app.py", FLASK),
        ("pyproject.toml", PROJECT),
        ("uv.lock", UV),
        ("requirements.txt", "flask==3\ngunicorn==1\n"),
    ];
    let plan = plan_of(&files);
    assert!(calls(&plan).starts_with("export"));
    assert!(
        plan.warnings[0].contains("not `requirements.txt`"),
        "{:?}",
        plan.warnings
    );
    for choice in ["manager: pip", "manager_file: requirements.txt"] {
        let chosen = format!("build: {{python: {{{choice}}}}}\n");
        let plan = plan_of(&[&files[..], &[("coracle.yaml", &chosen)]].concat());
        assert!(
            calls(&plan).contains("--requirement requirements.txt"),
            "{choice}"
        );
    }
}

#[test]
fn a_pylock_is_left_to_uv() {
    let lock = "lock-version = '1.0'\n[[packages]]\nname = 'Flask'\nversion = '3'\n[[packages]]\nname = 'gunicorn'\n";
    let plan = plan_of(&[("app.py", FLASK), ("pylock.toml", lock)]);
    assert!(calls(&plan).ends_with("--preview-features pylock --requirement pylock.toml"));
}

#[test]
fn packages_out_of_git_and_compilers_need_a_builder_that_is_not_in_the_image() {
    let git = plan_of(&[
        ("app.py", FLASK),
        ("requirements.txt", "x @ git+https://git.example/x\n"),
    ]);
    assert!(matches!(op(&git, "builder"), Some(Op::Base(base)) if base.packages == ["git", "python3"]));
    let compiled = plan_of(&[
        ("app.py", FLASK),
        ("requirements.txt", "flask==3\n"),
        (
            "coracle.yaml",
            "build: {packages: [build-essential, libpq-dev, libpq5]}\n",
        ),
    ]);
    let packages = |id: &str| match op(&compiled, id) {
        Some(Op::Base(base)) => base.packages.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(packages("base"), ["libpq5", "python3"]);
    assert_eq!(
        packages("builder"),
        ["build-essential", "libpq-dev", "libpq5", "python3", "python3-dev"]
    );
}

const OLD: (&str, &str) = (
    "pyproject.toml",
    "[project]\nname = 'x'\nrequires-python = '<3.12'\n",
);
const POETRY: (&str, &str) = ("pyproject.toml", "[tool.poetry.dependencies]\npython = '~3.11'\n");

/// The files of a folder beside its handler, the Debian release whose Python is used, and a part of a warning.
type Version = (
    &'static [(&'static str, &'static str)],
    &'static str,
    Option<&'static str>,
);

#[test]
fn what_asks_for_a_version_of_python_is_honoured_in_order() {
    let table: &[Version] = &[
        (&[], "trixie", None),
        (&[(".python-version", "3.11\n")], "bookworm", None),
        (
            &[(".python-version", "3.11.4\n")],
            "bookworm",
            Some("3.11.2 is used"),
        ),
        (&[(".python-version", "system\n")], "trixie", None),
        (&[(".python-version", "cpython-3.13\n"), OLD], "trixie", None),
        (&[OLD], "bookworm", None),
        (&[POETRY, ("poetry.lock", "[metadata]\n")], "bookworm", None),
        (
            &[
                ("coracle.yaml", "build: {python: {version: 3.13}}\n"),
                (".python-version", "3.11\n"),
            ],
            "trixie",
            None,
        ),
        (
            &[(
                "pyproject.toml",
                "[project]\nname = 'x'\nrequires-python = '>=3.13.9'\n",
            )],
            "trixie",
            Some("3.13.5 is used"),
        ),
        (
            &[
                ("Pipfile", "[requires]\npython_version = '3.11'\n"),
                ("Pipfile.lock", "{\"_meta\": {}}"),
            ],
            "bookworm",
            None,
        ),
    ];
    for (files, release, warning) in table {
        let plan = plan_of(&[&[("main.py", HANDLER)], *files].concat());
        let base = op(&plan, "base");
        assert!(
            matches!(base, Some(Op::Base(base)) if base.release == *release),
            "{files:?}"
        );
        assert_eq!(
            plan.warnings.len(),
            usize::from(warning.is_some()),
            "{:?}",
            plan.warnings
        );
        assert!(
            warning.is_none_or(|warning| plan.warnings[0].contains(warning)),
            "{:?}",
            plan.warnings
        );
    }
    let unavailable = planned(&of(&[("main.py", HANDLER), (".python-version", "3.9\n")]), "test");
    assert!(unavailable.unwrap_err().to_string().contains("`.python-version`"));
}

#[test]
fn an_image_for_other_processors_is_made_by_programs_that_run_here() {
    let source = of(&[("app.py", FLASK), ("requirements.txt", "flask==3\n")]);
    let target = Target {
        arch: Arch::Arm64,
        host: Arch::Amd64,
    };
    let plan = plan(&source, &manifest(&source, "test"), &Lock::default(), &target).unwrap();
    for (id, arch) in [("base", Arch::Arm64), ("builder", Arch::Amd64)] {
        assert!(
            matches!(op(&plan, id), Some(Op::Base(base)) if base.arch == arch),
            "{id}"
        );
    }
    assert!(calls(&plan).contains("--python-platform aarch64-manylinux_2_40 --only-binary :all:"));
    for id in ["bytecode", "dependencies"] {
        let Some(Op::Run(run)) = op(&plan, id) else {
            panic!("{id}")
        };
        assert_eq!(run.root[0].as_str(), "builder");
    }
}
