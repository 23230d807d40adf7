//! The part of the manifest that says how the image is made.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::reference::ImageRef;

/// How the image is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Build {
    /// What it is made from.
    pub kind: BuildType,
    /// The file that holds the application, and the object in it.
    pub entry: Option<Entry>,
    /// The handler's name in the entry's file.
    pub handler: Option<String>,
    /// Globs of what is part of the application; empty means everything.
    pub include: Vec<String>,
    /// Globs of what is not part of the application.
    pub exclude: Vec<String>,
    /// Dependencies that the environment provides.
    pub exclude_dependencies: Vec<String>,
    /// What the image stands on.
    pub base: Base,
    /// Debian packages that are added to it.
    pub packages: Vec<String>,
    /// Commands that run in the source before it is packed.
    pub commands: Vec<String>,
    /// Arguments of the build.
    pub args: BTreeMap<String, String>,
    /// Files that the build may read and that no layer holds, by id.
    pub secrets: BTreeMap<String, String>,
    /// The platforms that it is built for; none means the one that builds it.
    pub platforms: Vec<Platform>,
    /// What is special to Python.
    pub python: Python,
    /// What is special to Node.
    pub node: Node,
    /// What is special to Java.
    pub java: Java,
    /// What is special to Go.
    pub go: Go,
    /// What is special to Rust.
    pub rust: Rust,
    /// The folder that a Dockerfile's instructions copy from.
    pub context: Option<String>,
    /// The Dockerfile.
    pub file: Option<String>,
    /// The Dockerfile's stage that becomes the image.
    pub target: Option<String>,
    /// The buildpacks' builder image.
    pub builder: Option<String>,
    /// The buildpacks, in order.
    pub buildpacks: Vec<String>,
    /// The image to take as it is: always there when that is what it is made from, and only then.
    pub from: Option<ImageRef>,
    /// The artifact's path.
    pub path: Option<String>,
}

/// What an image is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BuildType {
    /// The source, as its language builds it.
    #[default]
    Source,
    /// A Dockerfile.
    Dockerfile,
    /// Cloud Native Buildpacks.
    Buildpacks,
    /// An image that exists.
    Image,
    /// Files that were built before.
    Artifact,
}

/// The file that holds the application, and the object in it: `app.py` or `app.py:application`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path from the folder's top.
    pub file: String,
    /// The object's name.
    pub object: Option<String>,
}

/// What an image stands on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Base {
    /// Debian packages.
    #[default]
    Debian,
    /// An image of a registry, by its reference.
    Image(String),
}

/// A platform as OCI names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    /// `linux/amd64`.
    LinuxAmd64,
    /// `linux/arm64`.
    LinuxArm64,
}

impl Platform {
    /// This machine's.
    pub const OWN: Self = if cfg!(target_arch = "aarch64") {
        Self::LinuxArm64
    } else {
        Self::LinuxAmd64
    };

    /// All that there are.
    pub const ALL: [Self; 2] = [Self::LinuxAmd64, Self::LinuxArm64];

    /// Answers its name: `linux/amd64`.
    pub fn name(self) -> &'static str {
        match self {
            Self::LinuxAmd64 => "linux/amd64",
            Self::LinuxArm64 => "linux/arm64",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text names no platform that images can be built for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a platform: expected `linux/amd64` or `linux/arm64`")]
pub struct UnknownPlatform(String);

impl FromStr for Platform {
    type Err = UnknownPlatform;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|platform| platform.name() == text);
        known.ok_or_else(|| UnknownPlatform(text.to_owned()))
    }
}

/// What is special to Python.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Python {
    /// The version: `3.13`.
    pub version: Option<String>,
    /// What installs dependencies.
    pub manager: Option<PythonManager>,
    /// The file that names them.
    pub manager_file: Option<String>,
    /// The interface of a web application's object.
    pub serve: Option<Serve>,
}

/// What installs Python's dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each is a program, named as its documentation names it"
)]
pub enum PythonManager {
    Pip,
    Uv,
    Poetry,
    Pipenv,
    Pdm,
}

/// The interface of a Python web application's object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serve {
    /// PEP 3333: Flask, Django.
    Wsgi,
    /// ASGI 3: FastAPI, Starlette.
    Asgi,
}

/// What is special to Node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// The version: `20`, `24.3`.
    pub version: Option<String>,
    /// What installs dependencies.
    pub manager: Option<NodeManager>,
    /// Whether the application becomes one file.
    pub bundle: Option<bool>,
    /// The kind of module that the bundle is.
    pub format: Option<ModuleFormat>,
    /// TypeScript's configuration.
    pub tsconfig: Option<String>,
    /// Whether TypeScript's decorators carry their types.
    pub decorator_metadata: Option<bool>,
    /// Packages that stay out of the bundle.
    pub external: Vec<String>,
    /// Whether stack traces name lines of the source.
    pub source_maps: Option<bool>,
}

/// What installs Node's dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each is a program, named as its documentation names it"
)]
pub enum NodeManager {
    Npm,
    Yarn,
    Pnpm,
    Bun,
    Deno,
}

/// A kind of JavaScript module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleFormat {
    /// `require` and `module.exports`.
    Cjs,
    /// `import` and `export`.
    Esm,
}

/// What is special to Java.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Java {
    /// The version: `21`.
    pub version: Option<String>,
    /// What builds.
    pub tool: Option<JavaTool>,
    /// The file that it builds from.
    pub manager_file: Option<String>,
}

/// What builds Java.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each is a program, named as its documentation names it"
)]
pub enum JavaTool {
    Maven,
    Gradle,
}

/// What is special to Go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Go {
    /// The version: `1.24`.
    pub version: Option<String>,
}

/// What is special to Rust.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rust {
    /// Cargo's profile.
    pub profile: Option<String>,
}
