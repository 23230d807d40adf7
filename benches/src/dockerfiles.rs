//! Dockerfiles of ten kinds beside BuildKit: everything anew, and after a change of the code alone.
//!
//! Both take the same base images from a registry on loopback, have them at hand before anything is measured, reach the
//! same package registries, and compress alike. *Cold* is without results of before: cache mounts stay, as they do for
//! everybody.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use coracle_dockerfile_suite::{BuildKit, Registry, StandIns};
use coracle_peers::{checked, kept};

use crate::program::{Coracle, repository};
use crate::sample::{Sample, timed};

/// How often each is measured: cold builds take seconds.
const COLD: usize = 5;
const CHANGED: usize = 9;

/// How many files of 16 KiB the big copy has.
const FILES: usize = 4000;

/// A folder with a Dockerfile, and the file of its code.
pub(crate) type Kind = (&'static str, &'static str);

/// All of them, in the order they are measured in.
pub(crate) const KINDS: [Kind; 10] = [
    ("python-pip", "app.py"),
    ("node-npm", "server.js"),
    ("go-multi-stage", "main.go"),
    ("static-site", "public/page1.html"),
    ("apt-get", "report.sh"),
    ("many-stages", "notes.txt"),
    ("many-runs", "last.txt"),
    ("big-copy", "main.txt"),
    ("heredocs", "index.html"),
    ("cache-mounts", "app.py"),
];

/// The host's certificates, which the registries that commands ask may need.
pub(crate) const CERTIFICATES: &str = "id=ca,src=/etc/ssl/certs/ca-certificates.crt";

/// Who is measured.
struct Sides<'a> {
    coracle: &'a Coracle,
    buildkit: BuildKit,
    mirrors: String,
}

/// What is reused.
#[derive(Clone, Copy)]
enum Reuse {
    Everything,
    Nothing,
}

/// Measures some kinds.
pub(crate) fn run(coracle: &Coracle, scratch: &Path, kinds: &[Kind]) -> Result<()> {
    let registry = Registry::start(StandIns::open(&kept()?.join("stand-ins"))?)?;
    let scratch = scratch.join("dockerfiles");
    let sides = Sides {
        coracle,
        buildkit: BuildKit::start(&scratch, &registry)?,
        mirrors: registry.mirrors(),
    };
    println!("## Dockerfiles\n");
    println!(
        "| Dockerfile | what | coracle, ms | BuildKit {}, ms | times faster |",
        sides.buildkit.version()
    );
    println!("|---|---|---|---|---|");
    for kind in kinds {
        sides.rows(*kind, &scratch)?;
    }
    println!();
    Ok(())
}

impl Sides<'_> {
    fn rows(&self, (name, code): Kind, scratch: &Path) -> Result<()> {
        let folders = [scratch.join(name).join("ours"), scratch.join(name).join("theirs")];
        for folder in &folders {
            prepare(name, folder)?;
        }
        let [ours, theirs] = &folders;
        let cold = Sample::pair(
            COLD,
            || self.ours(ours, Reuse::Nothing),
            || self.theirs(theirs, Reuse::Nothing),
        )?;
        print(name, "cold", &cold);
        let changed = Sample::pair(
            CHANGED,
            || {
                change(&ours.join(code))?;
                self.ours(ours, Reuse::Everything)
            },
            || {
                change(&theirs.join(code))?;
                self.theirs(theirs, Reuse::Everything)
            },
        )?;
        print(name, "code changed", &changed);
        Ok(())
    }

    fn ours(&self, folder: &Path, reuse: Reuse) -> Result<Duration> {
        let mut arguments: Vec<OsString> = vec![
            "build".into(),
            folder.into(),
            "--file".into(),
            "Dockerfile".into(),
        ];
        arguments.extend(["--secret", CERTIFICATES].map(OsString::from));
        if matches!(reuse, Reuse::Nothing) {
            arguments.push("--no-cache".into());
        }
        let mut build = self.coracle.command();
        build
            .env("CORACLE_REGISTRY_MIRRORS", &self.mirrors)
            .args(arguments);
        timed(|| checked(&mut build).map(drop))
    }

    fn theirs(&self, folder: &Path, reuse: Reuse) -> Result<Duration> {
        let mut build = self.buildkit.client();
        let place = |what: &str| format!("{what}={}", folder.display());
        build
            .args(["build", "--frontend", "dockerfile.v0", "--progress", "plain"])
            .args(["--local", &place("context"), "--local", &place("dockerfile")])
            .args(["--secret", CERTIFICATES, "--output"])
            .arg("type=image,name=peer,oci-mediatypes=true,compression=zstd,compression-level=3");
        if matches!(reuse, Reuse::Nothing) {
            build.arg("--no-cache");
        }
        timed(|| checked(&mut build).map(drop))
    }
}

/// Copies the folder of a kind, and makes what is too much for a repository.
fn prepare(name: &str, folder: &Path) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    let from = repository("benches/dockerfiles").join(name);
    checked(Command::new("cp").arg("-rT").arg(from).arg(folder))?;
    if name == "big-copy" {
        big(&folder.join("data"))?;
    }
    Ok(())
}

/// Fills a folder with files whose contents do not compress to nothing.
fn big(folder: &Path) -> Result<()> {
    for number in 0..FILES {
        let place: PathBuf = folder.join(format!("{:02}", number % 100));
        fs_err::create_dir_all(&place)?;
        let numbers = (0..1000).map(|line| (number * 7919 + line * 104_729).to_string());
        let text: String = numbers.collect();
        fs_err::write(place.join(format!("{number}.txt")), text.repeat(3))?;
    }
    Ok(())
}

fn change(file: &Path) -> Result<()> {
    let comment = match file.extension().and_then(|extension| extension.to_str()) {
        Some("js" | "go") => "//",
        _ => "#",
    };
    let mut file = fs_err::OpenOptions::new().append(true).open(file)?;
    Ok(writeln!(file, "{comment}")?)
}

fn print(name: &str, what: &str, samples: &[Sample; 2]) {
    let [ours, theirs] = samples.each_ref().map(Sample::millis);
    println!(
        "| {name} | {what} | {ours:.1} | {theirs:.1} | {:.1} |",
        theirs / ours
    );
}
