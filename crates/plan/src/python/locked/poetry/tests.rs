use super::*;

fn locked_by(packages: &str, project: &Table) -> Result<Locked, PlanError> {
    let text = format!("{packages}\n[metadata]\ncontent-hash = \"0\"\n");
    locked("poetry.lock", toml::from_str(&text).unwrap(), project)
}

fn requirements(packages: &str, project: &Table) -> String {
    locked_by(packages, project).unwrap().requirements()
}

fn project() -> Table {
    toml::toml! {
        [tool.poetry]
        name = "greeter"
        version = "0.1.0"
        description = ""
        authors = []
        package-mode = false

        [tool.poetry.dependencies]
        python = "^3.11"
        flask = "^3.1"
        httpx = {version = "*", extras = ["http2"]}
        redis = {version = "^5", optional = true}
        colorama = {version = "*", markers = "sys_platform == 'win32'"}

        [tool.poetry.extras]
        cache = ["redis"]

        [tool.poetry.group.dev.dependencies]
        pytest = "^8"

        [[tool.poetry.source]]
        name = "simple"
        url = "https://pypi.org/simple"
        priority = "primary"
    }
}

#[test]
fn a_project_has_the_digest_that_poetry_notes() {
    // Written by Poetry 2.5.1 and, the same, 1.8.5.
    assert_eq!(
        digests(&project())[0],
        "c14c8b9061ba5fcfdf7e3ae02ed39bf4bba3f477a9f95143ff24626002dccce4"
    );
    // Written by Poetry 2.5.1.
    let standard = toml::toml! {
        [project]
        name = "greeter"
        version = "0.1.0"
        requires-python = ">=3.11"
        dependencies = ["flask>=3.1,<4", "httpx[http2]; python_version >= '3.11'"]

        [project.optional-dependencies]
        redis = ["redis>=5"]

        [dependency-groups]
        dev = ["pytest>=8"]

        [[tool.poetry.source]]
        name = "simple"
        url = "https://pypi.org/simple"
        priority = "primary"
    };
    assert_eq!(
        digests(&standard)[0],
        "572decbaef5f3ae89b1a4bd0769c36f5cfee3c1478a11b5a45ee4b39aad85d98"
    );
}

#[test]
fn groups_and_extras_decide_what_is_installed_and_markers_when() {
    let packages = r#"
        [[package]]
        name = "flask"
        version = "3.1.3"
        optional = false
        groups = ["main", "dev"]
        files = [{file = "a.whl", hash = "sha256:1"}, {file = "a.tar.gz", hash = "sha256:2"}]
        [package.source]
        type = "legacy"
        url = "https://own.example/simple"
        reference = "own"
        [[package]]
        name = "colorama"
        version = "0.4"
        optional = false
        groups = ["main", "dev"]
        markers = {main = "sys_platform == 'win32'", dev = "os_name == 'nt'"}
        files = []
        [[package]]
        name = "greenlet"
        version = "1"
        groups = ["main"]
        markers = "python_version < '3.14'"
        [package.source]
        type = "git"
        url = "https://git.example/greenlet.git"
        reference = "main"
        resolved_reference = "12ab"
        subdirectory = "python"
        [[package]]
        name = "shared"
        version = "1"
        groups = ["main"]
        [package.source]
        type = "directory"
        url = "libs/shared"
        [[package]]
        name = "redis"
        version = "5"
        optional = true
        groups = ["main"]
        [[package]]
        name = "pytest"
        version = "8"
        groups = ["dev"]
    "#;
    assert_eq!(
        requirements(packages, &Table::new()),
        "--extra-index-url https://own.example/simple\n\
         flask==3.1.3 --hash=sha256:1 --hash=sha256:2\n\
         colorama==0.4 ; sys_platform == 'win32'\n\
         greenlet @ git+https://git.example/greenlet.git@12ab#subdirectory=python ; python_version < '3.14'\n\
         ./libs/shared\n"
    );
}

const OLDER: &str = r#"
    [[package]]
    name = "Flask"
    version = "3.1.3"
    [package.dependencies]
    click = ">=8"
    dataclasses = {version = "*", python = "<3.7"}
    [[package]]
    name = "httpx"
    version = "0.28"
    [package.dependencies]
    h2 = {version = "<5", optional = true, markers = "extra == \"http2\""}
    socksio = {version = "1", optional = true}
    [package.extras]
    http2 = ["h2 (>=3,<5)"]
    socks = ["socksio (==1.*)"]
    [[package]]
    name = "click"
    version = "8"
    files = [{file = "c", hash = "sha256:3"}]
    [package.dependencies]
    colorama = {version = "*", markers = "platform_system == \"Windows\""}
    [[package]]
    name = "colorama"
    version = "0.4"
    [[package]]
    name = "dataclasses"
    version = "0.8"
    [[package]]
    name = "h2"
    version = "4"
    [[package]]
    name = "socksio"
    version = "1"
    [[package]]
    name = "redis"
    version = "5"
    optional = true
    [[package]]
    name = "pytest"
    version = "8"
"#;

#[test]
fn without_groups_the_projects_dependencies_lead_to_the_packages() {
    let found = requirements(OLDER, &project());
    let lines: Vec<_> = found.lines().collect();
    assert!(lines.contains(&"click==8 --hash=sha256:3"), "{found}");
    assert!(
        lines.contains(&"dataclasses==0.8 ; python_full_version < '3.7'"),
        "{found}"
    );
    assert!(
        found.contains("h2==4") && found.contains("colorama==0.4 ; "),
        "{found}"
    );
    for absent in ["socksio", "redis", "pytest"] {
        assert!(!found.contains(absent), "{found}");
    }
}

#[test]
fn two_versions_without_groups_are_an_error_that_says_what_to_do() {
    let twice = format!("{OLDER}\n[[package]]\nname = \"click\"\nversion = \"7\"\n");
    let error = locked_by(&twice, &project()).unwrap_err();
    assert!(
        error.to_string().contains("several versions of `click`"),
        "{error}"
    );
}

proptest::proptest! {
    #[test]
    fn reading_ends_and_never_panics(text in "(?s)[ -~\\n\"\\[\\]=é]{0,300}") {
        if let Ok(file) = toml::from_str::<File>(&format!("{OLDER}\n{text}\n[metadata]\n")) {
            let _ = locked("poetry.lock", file, &project());
        }
    }
}
