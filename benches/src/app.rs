//! The applications that are built, each with what makes the peer build the same: a Dockerfile, and base images.
//!
//! The base images are Coracle's own, made of the same Debian packages, so that neither has to fetch any; the peer's
//! commands run the same package manager, with its cache kept in a cache mount.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use coracle_peers::checked;

use crate::program::{Coracle, repository};

/// npm, in the version that Coracle installs packages with.
const NPM: &str = "https://registry.npmjs.org/npm/-/npm-11.21.2.tgz";

/// An example as both build it.
pub(crate) struct Example {
    pub(crate) name: &'static str,
    /// The file of which a line changes, and what begins a comment in it.
    pub(crate) source: &'static str,
    pub(crate) comment: &'static str,
    /// The file of which a change makes dependencies be installed again.
    pub(crate) dependencies: &'static str,
    /// What is asked of the running application.
    pub(crate) path: &'static str,
    runtime: &'static [&'static str],
    builder: &'static [&'static str],
    dockerfile: &'static str,
}

pub(crate) const EXAMPLES: [Example; 3] = [
    Example {
        name: "flask-app",
        source: "app.py",
        comment: "#",
        dependencies: "requirements.txt",
        path: "/",
        runtime: &["python3"],
        builder: &["python3", "python3-pip", "dash", "coreutils"],
        dockerfile: "FROM builder AS dependencies
USER 0
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    python3 -m pip install --break-system-packages uv==0.13.8
COPY requirements.txt /
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt --mount=type=cache,target=/root/.cache/uv \
    HOME=/root SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    uv pip install --link-mode copy --compile-bytecode --target /packages -r /requirements.txt
FROM base
COPY --from=dependencies /packages /packages
COPY . /app
WORKDIR /app
ENV PYTHONPATH=/packages PORT=18081
CMD [\"python3\", \"-m\", \"gunicorn\", \"--bind\", \":18081\", \"app:app\"]
",
    },
    Example {
        name: "express-app",
        source: "server.js",
        comment: "//",
        dependencies: "package-lock.json",
        path: "/",
        runtime: &["nodejs"],
        builder: &["nodejs", "dash", "coreutils"],
        dockerfile: "FROM builder AS dependencies
USER 0
COPY --from=npm package /npm
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt --mount=type=cache,target=/root/.npm \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt node /npm/bin/npm-cli.js ci --omit=dev --no-audit --no-fund
FROM base
COPY --from=dependencies /app/node_modules /app/node_modules
COPY . /app
WORKDIR /app
ENV PORT=18081
CMD [\"node\", \"server.js\"]
",
    },
    Example {
        name: "go-http",
        source: "main.go",
        comment: "//",
        dependencies: "go.mod",
        path: "/tide/whitby",
        runtime: &[],
        builder: &["dash", "coreutils"],
        dockerfile: "FROM builder AS program
USER 0
COPY --from=go . /usr/local/go
WORKDIR /app
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build --mount=type=cache,target=/root/go \
    CGO_ENABLED=0 HOME=/root /usr/local/go/bin/go build -trimpath -ldflags='-s -w' -o /server .
FROM base
COPY --from=program /server /server
ENV PORT=18081
CMD [\"/server\"]
",
    },
];

/// An example that is ready to be built by the peer.
pub(crate) struct App {
    dockerfile: PathBuf,
    bases: Vec<Base>,
}

/// An image or a folder that a Dockerfile refers to by name.
pub(crate) enum Base {
    Image {
        name: &'static str,
        layout: PathBuf,
        digest: String,
    },
    Folder {
        name: &'static str,
        path: PathBuf,
    },
}

impl Base {
    /// Lets a build refer to it.
    pub(crate) fn give_to(&self, build: &mut Command) {
        match self {
            Self::Image { name, layout, digest } => build
                .arg("--oci-layout")
                .arg(format!("{name}={}", layout.display()))
                .arg("--opt")
                .arg(format!("context:{name}=oci-layout://{name}@{digest}")),
            Self::Folder { name, path } => build
                .arg("--local")
                .arg(format!("{name}={}", path.display()))
                .arg("--opt")
                .arg(format!("context:{name}=local:{name}")),
        };
    }
}

impl App {
    /// Makes an example's Dockerfile and bases beneath `place`.
    pub(crate) fn of(example: &Example, coracle: &Coracle, place: &Path) -> Result<Self> {
        let dockerfile = place.join("dockerfile");
        fs_err::create_dir_all(&dockerfile)?;
        fs_err::write(dockerfile.join("Dockerfile"), example.dockerfile)?;
        let mut bases = vec![
            image(coracle, place, "base", example.runtime)?,
            image(coracle, place, "builder", example.builder)?,
        ];
        match example.name {
            "express-app" => bases.push(npm(place)?),
            "go-http" => bases.push(go()?),
            _ => {}
        }
        Ok(Self { dockerfile, bases })
    }

    /// Answers the folder of the Dockerfile.
    pub(crate) fn dockerfile(&self) -> &Path {
        &self.dockerfile
    }

    /// Answers what the Dockerfile refers to.
    pub(crate) fn bases(&self) -> &[Base] {
        &self.bases
    }
}

/// Copies an example into `to`.
pub(crate) fn copy(example: &Example, to: &Path) -> Result<()> {
    let from = repository("examples").join(example.name);
    checked(Command::new("cp").arg("-r").arg(from).arg(to)).map(drop)
}

/// Makes an image of Debian packages with Coracle.
fn image(coracle: &Coracle, place: &Path, name: &'static str, packages: &[&str]) -> Result<Base> {
    let (folder, layout) = (place.join(name), place.join(format!("{name}-image")));
    fs_err::create_dir_all(&folder)?;
    let packages = packages.join(", ");
    fs_err::write(
        folder.join("coracle.yaml"),
        format!("runtime: server\ncommand: [none]\nbuild: {{packages: [{packages}]}}\n"),
    )?;
    let report = coracle.laid_out(&folder, &layout)?;
    let digest = report["outputs"][0]["digest"].as_str().context("no digest")?;
    Ok(Base::Image {
        name,
        layout,
        digest: digest.to_owned(),
    })
}

/// Fetches npm in the version that Coracle builds the example with.
fn npm(place: &Path) -> Result<Base> {
    let (folder, archive) = (place.join("npm"), place.join("npm.tgz"));
    fs_err::create_dir_all(&folder)?;
    checked(
        Command::new("curl")
            .args(["--fail", "--silent", "--location", "--output"])
            .arg(&archive)
            .arg(NPM),
    )?;
    checked(
        Command::new("tar")
            .arg("-xzf")
            .arg(&archive)
            .arg("-C")
            .arg(&folder),
    )?;
    Ok(Base::Folder {
        name: "npm",
        path: folder,
    })
}

/// Answers the Go that the peer itself was compiled with.
fn go() -> Result<Base> {
    let root = checked(Command::new("go").args(["env", "GOROOT"]))?;
    Ok(Base::Folder {
        name: "go",
        path: root.trim().into(),
    })
}
