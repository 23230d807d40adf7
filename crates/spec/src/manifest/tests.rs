use super::*;
use crate::failure::Failure as _;
use crate::quantity::ByteSize;
use crate::revision::{Network, Profile};

fn name() -> FunctionName {
    "folder".parse().unwrap()
}

fn parse(text: &str) -> Manifest {
    Manifest::parse(text, FILE_NAME, &name()).unwrap()
}

fn message(text: &str) -> String {
    let error = Manifest::parse(text, FILE_NAME, &name()).expect_err(text);
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

const EVERYTHING: &str = "\
name: hello
namespace: team
kind: function
runtime: python
options: {workers: 2, nested: {list: [1, two, null]}}
signature: http
build:
  type: source
  entry: src/app.py:application
  handler: handler
  include: ['**/*.py']
  exclude: [tests]
  exclude_dependencies: [boto3]
  base: debian
  packages: [libpq5, g++]
  commands: [make]
  args: {VERSION: 1.10}
  secrets: {netrc: ./netrc}
  platforms: [linux/amd64, linux/arm64]
  python: {version: 3.10, manager: pip, manager_file: requirements.txt, serve: wsgi}
  node: {version: 24, manager: npm, bundle: true, format: esm, tsconfig: tsconfig.json, decorator_metadata: false, external: [sharp], source_maps: true}
  java: {version: 21, tool: maven, manager_file: pom.xml}
  go: {version: 1.24}
  rust: {profile: release}
  context: .
  file: Dockerfile
  target: final
  builder: builder:latest
  buildpacks: [python]
  path: dist/
image: registry.example.com/team/hello
registry: team
entrypoint: [/init]
command: [python3, app.py]
env: {GREETING: hi, COUNT: 3, FLAG: true, EMPTY: ''}
labels: {team: blue}
annotations: {example.com/note: 'yes'}
secrets: [db-password]
port: 8081
health: {path: /healthz, interval: 5s, timeout: 1s, grace: 20s}
resources: {memory: 128Mi, cpu: 0.5, pids: 64, disk: 1Gi}
scale: {min: 1, max: 3, concurrency: 5, freeze: 10s, idle: 1m}
timeout: {request: 10s, first_byte: 5s, idle: 15s}
retry: {attempts: 5, codes: [429, 503], min_wait: 2s, max_wait: 30s}
schedule: [{cron: '0 7 * * *', zone: Europe/Berlin, path: /tick}, {cron: '@daily * * * *'}]
network: none
links: [other-function]
";

#[test]
fn every_key_of_the_manifest_is_read() {
    let text = EVERYTHING.replace(", {cron: '@daily * * * *'}", "");
    let manifest = parse(&text);
    assert_eq!(
        (manifest.name.as_str(), manifest.namespace.as_str()),
        ("hello", "team")
    );
    assert_eq!(manifest.options["nested"]["list"][1], "two");
    assert_eq!(
        manifest.build.entry,
        Some(Entry {
            file: "src/app.py".to_owned(),
            object: Some("application".to_owned())
        })
    );
    assert_eq!(manifest.build.python.version.as_deref(), Some("3.10"));
    assert_eq!(manifest.build.args["VERSION"], "1.10");
    assert_eq!(
        manifest.build.platforms,
        [Platform::LinuxAmd64, Platform::LinuxArm64]
    );
    assert_eq!(manifest.revision.env["COUNT"], "3");
    assert_eq!(manifest.revision.env["EMPTY"], "");
    assert_eq!(manifest.revision.resources.memory, ByteSize::mebibytes(128));
    assert_eq!(manifest.revision.scale.freeze, Some(Span::seconds(10)));
    assert_eq!(manifest.revision.network, Network::None);
    assert_eq!(manifest.retry.codes, [429, 503]);
    assert_eq!(manifest.schedule[0].zone, "Europe/Berlin");
    assert_eq!(
        manifest.given().place("build.python.version").as_deref(),
        Some("coracle.yaml:20")
    );
    assert_eq!(manifest.given().place("build.nothing"), None);
}

#[test]
fn an_image_is_taken_as_it_is_and_nothing_else_is_said_of_its_build() {
    let manifest = parse("build: {type: image, from: 'httpd:2'}\nregistry: team\n");
    assert_eq!(manifest.build.from, Some("httpd:2".parse().unwrap()));
    assert_eq!(manifest.revision.registry, Some("team".parse().unwrap()));
    assert_eq!(manifest.revision.profile, Profile::Image);
    assert_eq!(parse("build: {type: artifact}").revision.profile, Profile::Own);
    for (text, expected) in [
        (
            "build: {type: image}",
            "`build.type`: an image needs `build.from`",
        ),
        (
            "build: {from: httpd}",
            "`build.from`: this is for `build.type: image` only",
        ),
        (
            "build: {type: image, from: UPPER}",
            "`build.from`: `UPPER` is not an image reference",
        ),
        (
            "build: {type: image, from: httpd, packages: [x]}",
            "`build.packages`: nothing is built",
        ),
        (
            "registry: My Team",
            "`registry`: `My Team` is not a registry's name",
        ),
    ] {
        assert!(message(text).contains(expected), "{text}: {}", message(text));
    }
}

#[test]
fn an_empty_manifest_is_the_default_one() {
    for text in ["", "# nothing\n", "{}"] {
        let default = Manifest::default_for(name());
        assert_eq!(parse(text).of_file(""), default, "{text:?}");
    }
}

#[test]
fn several_functions_have_their_names_as_keys_and_the_same_keys_inside() {
    let text = "functions:\n  a:\n    port: 81\n  b: {name: other}\n  c:\n";
    let all = Manifest::parse_all(text, FILE_NAME, &name()).unwrap();
    assert_eq!(
        all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
        ["a", "other", "c"]
    );
    assert_eq!(all[0].given().place("port").as_deref(), Some("coracle.yaml:3"));
}

#[test]
fn what_is_wrong_is_said_with_its_line_its_key_and_what_was_expected() {
    let texts = [
        "scael:\n  min: 1\n",
        "name: hello\nscale:\n  mim: 1\n",
        "build:\n  excludeDependencies: []\n",
        "zebra: 1\n",
        "port: eighty\n",
        "port: 0\n",
        "port: 70000\n",
        "name: Hello World\n",
        "env: [A, B]\n",
        "env:\n  A: {b: c}\n",
        "env: {'A-B': c}\n",
        "command: python3 app.py\n",
        "command: [python3, [app.py]]\n",
        "signature: htpp\n",
        "network: yes\n",
        "resources:\n  memory: lots\n",
        "resources: {cpu: 0}\n",
        "scale: {min: 5, max: 2}\n",
        "scale: 3\n",
        "timeout: {request: 10}\n",
        "health: {path: healthz}\n",
        "build: {entry: ../app.py}\n",
        "build: {entry: 'app.py:'}\n",
        "build: {packages: ['rm -rf']}\n",
        "build: {python: {version: latest}}\n",
        "build: {platforms: [windows/amd64]}\n",
        "build: {node: {bundle: 1}}\n",
        "schedule: [{cron: hourly}]\n",
        "schedule: [{zone: UTC}]\n",
        "schedule: {cron: '* * * * *'}\n",
        "retry: {codes: [99]}\n",
        "secrets: [../passwd]\n",
        "name:\n",
        "- a\n- b\n",
        "just words\n",
        "name: a\nname: b\n",
        "name: [a\n",
        "name: a\n\tport: 1\n",
        "a: &x 1\nb: *y\n",
        "name: a\n---\nname: b\n",
        "functions: [a]\n",
        "functions: {Bad Name: {}}\n",
        "functions: {a: {}, b: {name: a}}\n",
        "functions: {a: {}, b: {}}\n",
        "functions: {}\n",
        "functions: {a: {scale: {mim: 1}}}\n",
        "name: a\nfunctions: {a: {}}\n",
    ];
    let report =
        texts.map(|text| format!("{}\n{}\n", text.trim_end(), message(text)).replace("\n\t", "\n<tab>"));
    insta::assert_snapshot!(report.join("\n"));
}

#[test]
fn a_bomb_of_aliases_and_a_deep_nest_are_refused() {
    let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
        format!("{text}a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1)
    });
    for text in [bomb, "[".repeat(100_000), "x".repeat(300_000)] {
        assert!(Manifest::parse(&text, FILE_NAME, &name()).is_err());
    }
}

proptest::proptest! {
    #[test]
    fn reading_never_panics(text in "(?s).{0,200}") {
        let _ = Manifest::parse_all(&text, FILE_NAME, &name());
    }

    #[test]
    fn reading_what_almost_is_a_manifest_never_panics(
        keep in proptest::collection::vec(proptest::bool::weighted(0.97), EVERYTHING.len()),
    ) {
        let text: String = EVERYTHING.chars().zip(keep).filter_map(|(letter, keep)| keep.then_some(letter)).collect();
        let _ = Manifest::parse_all(&text, FILE_NAME, &name());
    }
}

#[test]
fn the_reference_describes_every_key() {
    let reference = include_str!("../../../../docs/manifest.md");
    for key in read::all_keys() {
        assert!(
            reference.contains(&format!("`{key}`")),
            "docs/manifest.md does not have `{key}`"
        );
    }
}
