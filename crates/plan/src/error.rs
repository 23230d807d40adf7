//! Why no plan can be made.

use coracle_spec::{Class, Failure};

use crate::runtimes::{self, Runtime};
use crate::server;
use crate::source::ReadFailed;
use crate::target::Target;

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A file of the source could not be read.
    #[error("cannot look at the source")]
    Read(#[from] ReadFailed),
    /// A file that has to be text is not.
    #[error("`{path}` is not UTF-8 text")]
    NotText {
        /// The file.
        path: String,
    },
    /// A file of a known format does not follow it.
    #[error("`{path}` is broken at line {line}: {message}")]
    Broken {
        /// The file.
        path: String,
        /// The line, counted from one.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// The author asks for something that this version cannot do.
    #[error("{what} is not supported yet")]
    NotYet {
        /// What, with where the author asked for it.
        what: String,
        /// What the author can do instead.
        instead: String,
    },
    /// A folder that is built from a Dockerfile is compiled as if it were not.
    #[error("`{file}` says how to build this")]
    OfDockerfile {
        /// The Dockerfile.
        file: String,
    },
    /// The manifest has a key that means nothing to the kind of build that it is.
    #[error("{key} means nothing {to}")]
    Misplaced {
        /// The key, with where it is.
        key: String,
        /// To what.
        to: &'static str,
        /// What the author can do instead.
        instead: &'static str,
    },
    /// The manifest names a runtime that there is not.
    #[error("there is no runtime `{name}`")]
    UnknownRuntime {
        /// What the manifest says.
        name: String,
    },
    /// Nothing in the folder says what it is.
    #[error("cannot tell what kind of application this is: looked for {}", looked_for.join(", "))]
    Undetected {
        /// What was looked for, in order.
        looked_for: Vec<String>,
    },
    /// The runtime is known, and what to start is not.
    #[error("no start command found{}: looked for {}", places(.looked_in), .looked_for.join(", "))]
    NoStart {
        /// The files that were looked into; none when there are none of the usual ones.
        looked_in: Vec<String>,
        /// What was looked for, in order.
        looked_for: Vec<String>,
    },
    /// There are several handlers, and nothing says which one is meant.
    #[error("`{file}` has several handlers: `{}`", handlers.join("`, `"))]
    SeveralHandlers {
        /// The file.
        file: String,
        /// The handlers' names.
        handlers: Vec<String>,
    },
    /// There are several programs, and nothing says which one is meant.
    #[error("there are several programs: `{}`", folders.join("`, `"))]
    SeveralPrograms {
        /// Their folders.
        folders: Vec<String>,
    },
    /// A program that was built before cannot be run by the image.
    #[error("{message}")]
    Program {
        /// What is wrong.
        message: String,
        /// What the author can do.
        instead: String,
    },
    /// The handler that the manifest names is not in its file.
    #[error("`{file}` has no handler `{handler}`")]
    NoHandler {
        /// The file.
        file: String,
        /// What the manifest says.
        handler: String,
    },
    /// A file that something names is not in the folder.
    #[error("`{path}` does not exist, named by {named_by}")]
    Missing {
        /// The file.
        path: String,
        /// What names it.
        named_by: String,
    },
    /// A glob of the manifest is none.
    #[error("`{key}` holds `{glob}`, which is no glob")]
    Glob {
        /// The key.
        key: &'static str,
        /// The pattern.
        glob: String,
        /// Why not.
        source: globset::Error,
    },
    /// A version that no carrier has.
    #[error("{language} {version} is not available")]
    Version {
        /// The language.
        language: &'static str,
        /// What was asked for.
        version: String,
        /// Which versions there are.
        available: &'static str,
    },
    /// The image is for other processors than those that build it, and only they could do what it needs.
    #[error("no image for {} can be built on {}: {what}", target.arch.name(), target.host.name())]
    Foreign {
        /// What only those processors could do, and why it is needed: a clause.
        what: String,
        /// What the image is for, and where it is built.
        target: Target,
        /// What the author can do instead.
        instead: String,
    },
    /// Dependencies are declared in a way that leaves no way to install them.
    #[error("{message}")]
    Dependencies {
        /// What is wrong.
        message: String,
        /// What the author can do.
        instead: String,
    },
}

impl PlanError {
    /// Says where a file that should be JSON is not.
    pub(crate) fn json(path: &str, error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let end = message.rfind(" at line ").unwrap_or(message.len());
        Self::Broken {
            path: path.to_owned(),
            line: error.line(),
            message: message[..end].to_owned(),
        }
    }
}

impl Failure for PlanError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotYet { instead, .. }
            | Self::Program { instead, .. } | Self::Dependencies { instead, .. } | Self::Foreign { instead, .. } => {
                Some(instead.clone())
            }
            Self::Misplaced { instead, .. } => Some((*instead).to_owned()),
            Self::UnknownRuntime { .. } => Some(known_runtimes()),
            Self::Undetected { .. } => Some(
                "add one of them, or say in `coracle.yaml` what starts it: `command: [./my-server]`".to_owned(),
            ),
            Self::NoStart { .. } => Some(
                "say in `coracle.yaml` where the application is (`build: {entry: FILE:OBJECT}`) or what starts it \
                 (`command: [...]`, listening on the port in `PORT`)"
                    .to_owned(),
            ),
            Self::SeveralHandlers { handlers, .. } => {
                let first = handlers.first().map_or("NAME", String::as_str);
                Some(format!("choose one in `coracle.yaml`: `build: {{handler: {first}}}`"))
            }
            Self::SeveralPrograms { folders } => {
                let first = folders.first().map_or("FOLDER", String::as_str);
                Some(format!("choose one in `coracle.yaml`: `build: {{entry: {first}}}`"))
            }
            Self::NoHandler { .. } => Some("name a function of that file in `build.handler`".to_owned()),
            Self::Version { available, .. } => Some(format!("available: {available}")),
            Self::OfDockerfile { .. } | Self::Read(_) | Self::NotText { .. } | Self::Broken { .. } | Self::Missing { .. } | Self::Glob { .. } => None,
        }
    }
}

fn known_runtimes() -> String {
    let names = runtimes::all().iter().map(Runtime::name).chain([server::NAME]);
    let quoted: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    format!("known runtimes: {}", quoted.join(", "))
}

fn places(files: &[String]) -> String {
    if files.is_empty() {
        String::new()
    } else {
        format!(" in `{}`", files.join("`, `"))
    }
}
