//! The table of keys: which there are, and which type each has.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::build::{
    Base, Build, BuildType, Go, Java, JavaTool, ModuleFormat, Node as NodeBuild, NodeManager, Platform,
    Python, PythonManager, Rust, Serve,
};
use super::checks::{
    absolute, at_least_one, debian_packages, five_fields, folder, inside, positive, secrets, statuses,
    variables, version,
};
use super::document::{Node, Value};
use super::error::{Fault, What};
use super::foreign;
use super::section::{Section, unexpected};
use super::value::{FromNode, words};
use super::{FunctionKind, Given, Manifest, Retry, Schedule, Signature};
use crate::name::FunctionName;
use crate::revision::{Health, Network, Resources, RevisionConfig, Scale, Timeouts};

const FUNCTION: &[&str] = &[
    "name",
    "namespace",
    "kind",
    "runtime",
    "options",
    "signature",
    "build",
    "image",
    "registry",
    "entrypoint",
    "command",
    "env",
    "labels",
    "annotations",
    "secrets",
    "port",
    "health",
    "resources",
    "scale",
    "timeout",
    "retry",
    "schedule",
    "network",
    "links",
];
const SEVERAL: &[&str] = &["functions"];
const BUILD: &[&str] = &[
    "type",
    "entry",
    "handler",
    "include",
    "exclude",
    "exclude_dependencies",
    "base",
    "packages",
    "commands",
    "args",
    "secrets",
    "platforms",
    "python",
    "node",
    "java",
    "go",
    "rust",
    "context",
    "file",
    "target",
    "builder",
    "buildpacks",
    "from",
    "path",
];
const PYTHON: &[&str] = &["version", "manager", "manager_file", "serve"];
const NODE: &[&str] = &[
    "version",
    "manager",
    "bundle",
    "format",
    "tsconfig",
    "decorator_metadata",
    "external",
    "source_maps",
];
const JAVA: &[&str] = &["version", "tool", "manager_file"];
const GO: &[&str] = &["version"];
const RUST: &[&str] = &["profile"];
const HEALTH: &[&str] = &["path", "interval", "timeout", "grace"];
const RESOURCES: &[&str] = &["memory", "cpu", "pids", "disk"];
const SCALE: &[&str] = &["min", "max", "concurrency", "freeze", "idle"];
const TIMEOUT: &[&str] = &["request", "first_byte", "idle"];
const RETRY: &[&str] = &["attempts", "codes", "min_wait", "max_wait"];
const SCHEDULE: &[&str] = &["cron", "zone", "path"];

words! {
    FunctionKind { "function" => Self::Function, "worker" => Self::Worker, "job" => Self::Job }
    Signature {
        "http" => Self::Http, "cloudevent" => Self::CloudEvent, "lambda" => Self::Lambda, "server" => Self::Server,
    }
    BuildType {
        "source" => Self::Source, "dockerfile" => Self::Dockerfile, "buildpacks" => Self::Buildpacks,
        "image" => Self::Image, "artifact" => Self::Artifact,
    }
    Platform { "linux/amd64" => Self::LinuxAmd64, "linux/arm64" => Self::LinuxArm64 }
    PythonManager {
        "pip" => Self::Pip, "uv" => Self::Uv, "poetry" => Self::Poetry, "pipenv" => Self::Pipenv, "pdm" => Self::Pdm,
    }
    Serve { "wsgi" => Self::Wsgi, "asgi" => Self::Asgi }
    NodeManager {
        "npm" => Self::Npm, "yarn" => Self::Yarn, "pnpm" => Self::Pnpm, "bun" => Self::Bun, "deno" => Self::Deno,
    }
    ModuleFormat { "cjs" => Self::Cjs, "esm" => Self::Esm }
    JavaTool { "maven" => Self::Maven, "gradle" => Self::Gradle }
    Network { "egress" => Self::Egress, "none" => Self::None }
}

/// Answers every key that a manifest may have, wherever.
#[cfg(test)]
pub(super) fn all_keys() -> impl Iterator<Item = &'static str> {
    let tables = [
        FUNCTION, SEVERAL, BUILD, PYTHON, NODE, JAVA, GO, RUST, HEALTH, RESOURCES, SCALE, TIMEOUT, RETRY,
        SCHEDULE,
    ];
    tables.into_iter().flatten().copied()
}

/// `debian`, or an image's reference.
impl FromNode for Base {
    fn from_node(node: &Node, key: &str) -> Result<Self, Fault> {
        let text = String::from_node(node, key)?;
        Ok(if text == "debian" {
            Self::Debian
        } else {
            Self::Image(text)
        })
    }
}

/// Reads every function of a document.
pub(super) fn manifests(document: &Node, name: &FunctionName) -> Result<Vec<Manifest>, Fault> {
    match &document.value {
        Value::Map(pairs) if pairs.iter().any(|pair| pair.key == "functions") => several(document),
        _ => Ok(vec![function(document, "", name)?]),
    }
}

fn several(document: &Node) -> Result<Vec<Manifest>, Fault> {
    let given = RefCell::default();
    let top = Section::top(document, "", SEVERAL, &given)?;
    let Some(functions) = top.find("functions") else {
        return Ok(Vec::new());
    };
    let Value::Map(pairs) = &functions.node.value else {
        return Err(unexpected(
            &functions.node,
            "functions",
            "a mapping of names to functions",
        ));
    };
    let all = pairs.iter().map(|pair| {
        let key = format!("functions.{}", pair.key);
        let name = pair
            .key
            .parse()
            .map_err(|error: crate::name::InvalidName| Fault {
                line: pair.line,
                what: What::Invalid {
                    key: key.clone(),
                    message: error.to_string(),
                },
            })?;
        function(&pair.node, &key, &name)
    });
    distinct(all.collect::<Result<_, _>>()?, pairs)
}

fn distinct(manifests: Vec<Manifest>, pairs: &[super::document::Pair]) -> Result<Vec<Manifest>, Fault> {
    let mut seen = Vec::new();
    for (manifest, pair) in manifests.iter().zip(pairs) {
        let identity = (&manifest.namespace, &manifest.name);
        if seen.contains(&identity) {
            return Err(Fault {
                line: pair.line,
                what: What::Twice {
                    name: manifest.name.to_string(),
                },
            });
        }
        seen.push(identity);
    }
    Ok(manifests)
}

fn function(node: &Node, path: &str, name: &FunctionName) -> Result<Manifest, Fault> {
    let given = RefCell::default();
    let top = Section::top(node, path, FUNCTION, &given)?;
    let build = build(&top)?;
    let manifest = Manifest {
        revision: revision(&top, build.kind)?,
        name: top.or("name", name.clone())?,
        namespace: top.or_default("namespace")?,
        kind: top.or_default("kind")?,
        runtime: top.optional("runtime")?,
        options: top.or_default("options")?,
        signature: top.optional("signature")?,
        build,
        image: top.optional("image")?,
        annotations: top.or_default("annotations")?,
        retry: retry(&top)?,
        schedule: schedules(&top, &given)?,
        links: top.or_default("links")?,
        given: Given::default(),
    };
    Ok(Manifest {
        given: without_prefix(path, given.into_inner()),
        ..manifest
    })
}

/// Keys are recorded from the function's own top, wherever in the document it is.
fn without_prefix(path: &str, lines: BTreeMap<String, u64>) -> Given {
    let own = |key: String| match key.strip_prefix(path) {
        Some(rest) if !path.is_empty() => rest.trim_start_matches('.').to_owned(),
        _ => key,
    };
    Given {
        file: String::new(),
        lines: lines.into_iter().map(|(key, line)| (own(key), line)).collect(),
    }
}

fn build(top: &Section<'_>) -> Result<Build, Fault> {
    let build = top.section("build", BUILD)?;
    let kind = build.or_default("type")?;
    foreign::check(&build, kind)?;
    Ok(Build {
        kind,
        entry: build.optional("entry")?,
        handler: build.optional("handler")?,
        include: build.or_default("include")?,
        exclude: build.or_default("exclude")?,
        exclude_dependencies: build.or_default("exclude_dependencies")?,
        base: build.or_default("base")?,
        packages: build.checked("packages", debian_packages)?.unwrap_or_default(),
        commands: build.or_default("commands")?,
        args: build.or_default("args")?,
        secrets: build.or_default("secrets")?,
        platforms: build.or("platforms", vec![])?,
        python: python(&build)?,
        node: node(&build)?,
        java: java(&build)?,
        go: Go {
            version: build.section("go", GO)?.checked("version", version)?,
        },
        rust: Rust {
            profile: build.section("rust", RUST)?.optional("profile")?,
        },
        context: build.checked("context", folder)?,
        file: build.checked("file", inside)?,
        target: build.optional("target")?,
        builder: build.optional("builder")?,
        buildpacks: build.or_default("buildpacks")?,
        from: build.optional("from")?,
        path: build.checked("path", folder)?,
    })
}

fn python(build: &Section<'_>) -> Result<Python, Fault> {
    let python = build.section("python", PYTHON)?;
    Ok(Python {
        version: python.checked("version", version)?,
        manager: python.optional("manager")?,
        manager_file: python.checked("manager_file", inside)?,
        serve: python.optional("serve")?,
    })
}

fn node(build: &Section<'_>) -> Result<NodeBuild, Fault> {
    let node = build.section("node", NODE)?;
    Ok(NodeBuild {
        version: node.checked("version", version)?,
        manager: node.optional("manager")?,
        bundle: node.optional("bundle")?,
        format: node.optional("format")?,
        tsconfig: node.checked("tsconfig", inside)?,
        decorator_metadata: node.optional("decorator_metadata")?,
        external: node.or_default("external")?,
        source_maps: node.optional("source_maps")?,
    })
}

fn java(build: &Section<'_>) -> Result<Java, Fault> {
    let java = build.section("java", JAVA)?;
    Ok(Java {
        version: java.checked("version", version)?,
        tool: java.optional("tool")?,
        manager_file: java.checked("manager_file", inside)?,
    })
}

fn revision(top: &Section<'_>, kind: BuildType) -> Result<RevisionConfig, Fault> {
    Ok(RevisionConfig {
        entrypoint: top.or_default("entrypoint")?,
        command: top.or_default("command")?,
        env: top.checked("env", variables)?.unwrap_or_default(),
        secrets: top.checked("secrets", secrets)?.unwrap_or_default(),
        port: top.checked("port", positive)?,
        health: health(top)?,
        resources: resources(top)?,
        scale: scale(top)?,
        timeout: timeouts(top)?,
        network: top.or_default("network")?,
        labels: top.or_default("labels")?,
        profile: foreign::profile(kind),
        registry: top.optional("registry")?,
    })
}

fn health(top: &Section<'_>) -> Result<Health, Fault> {
    let (health, default) = (top.section("health", HEALTH)?, Health::default());
    Ok(Health {
        path: health.checked("path", absolute)?,
        interval: health.or("interval", default.interval)?,
        timeout: health.or("timeout", default.timeout)?,
        grace: health.or("grace", default.grace)?,
    })
}

fn resources(top: &Section<'_>) -> Result<Resources, Fault> {
    let (resources, default) = (top.section("resources", RESOURCES)?, Resources::default());
    Ok(Resources {
        memory: resources.or("memory", default.memory)?,
        cpu: resources.optional("cpu")?,
        pids: resources.checked("pids", at_least_one)?.unwrap_or(default.pids),
        disk: resources.or("disk", default.disk)?,
    })
}

fn scale(top: &Section<'_>) -> Result<Scale, Fault> {
    let (scale, default) = (top.section("scale", SCALE)?, Scale::default());
    let read = Scale {
        min: scale.or("min", default.min)?,
        max: scale.checked("max", at_least_one)?.unwrap_or(default.max),
        concurrency: scale
            .checked("concurrency", at_least_one)?
            .unwrap_or(default.concurrency),
        freeze: scale.optional("freeze")?,
        idle: scale.or("idle", default.idle)?,
    };
    if read.min > read.max {
        return Err(scale.invalid(
            "min",
            format!("{} is more than `scale.max`, which is {}", read.min, read.max),
        ));
    }
    Ok(read)
}

fn timeouts(top: &Section<'_>) -> Result<Timeouts, Fault> {
    let (timeout, default) = (top.section("timeout", TIMEOUT)?, Timeouts::default());
    Ok(Timeouts {
        request: timeout.or("request", default.request)?,
        first_byte: timeout.or("first_byte", default.first_byte)?,
        idle: timeout.or("idle", default.idle)?,
    })
}

fn retry(top: &Section<'_>) -> Result<Retry, Fault> {
    let (retry, default) = (top.section("retry", RETRY)?, Retry::default());
    Ok(Retry {
        attempts: retry
            .checked("attempts", at_least_one)?
            .unwrap_or(default.attempts),
        codes: retry.checked("codes", statuses)?.unwrap_or(default.codes),
        min_wait: retry.or("min_wait", default.min_wait)?,
        max_wait: retry.or("max_wait", default.max_wait)?,
    })
}

fn schedules(top: &Section<'_>, given: &RefCell<BTreeMap<String, u64>>) -> Result<Vec<Schedule>, Fault> {
    let nodes = top.nodes("schedule")?.iter().enumerate();
    nodes
        .map(|(index, node)| schedule(node, &format!("schedule[{index}]"), given))
        .collect()
}

fn schedule(node: &Node, path: &str, given: &RefCell<BTreeMap<String, u64>>) -> Result<Schedule, Fault> {
    let section = Section::top(node, path, SCHEDULE, given)?;
    let Some(cron) = section.checked("cron", five_fields)? else {
        let message = "a `cron` is missing".to_owned();
        return Err(Fault {
            line: node.line,
            what: What::Invalid {
                key: path.to_owned(),
                message,
            },
        });
    };
    Ok(Schedule {
        cron,
        zone: section.or("zone", "UTC".to_owned())?,
        path: section
            .checked("path", absolute)?
            .unwrap_or_else(|| "/".to_owned()),
    })
}
