//! What each stand-in is made of.

use anyhow::Result;
use coracle_content::Store;
use coracle_debian::Kind;
use coracle_oci::Layer;
use serde_json::{Value, json};

use super::StandIn;
use super::files::Files;
use super::programs::{Busybox, debian_with_apt, npm, packages, scripts, watchdog};

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const USERS: &str = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nbin:x:2:2:bin:/bin:/bin/false\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n";
const GROUPS: &str = "root:x:0:\ndaemon:x:1:\nbin:x:2:\ntty:x:5:\nstaff:x:50:\nwww-data:x:33:\nusers:x:100:\nnobody:x:65534:\n";

/// What is in the stand-ins for processors that no program here is for.
const FOREIGN: &str = "files without a program\n";

/// Answers the layers that come of packages, the lowest.
pub(super) fn of_packages(store: &Store, stand_in: StandIn) -> Result<Vec<Layer>> {
    let wanted: &[&str] = match stand_in {
        StandIn::Debian => &["libcap2-bin", "attr"],
        StandIn::Python => &["python3", "python3-pip", "python3-venv", "libcap2-bin"],
        StandIn::Node => &["nodejs"],
        StandIn::Golang => &["golang-go", "git", "file"],
        _ => return Ok(Vec::new()),
    };
    packages(store, Kind::Builder, wanted)
}

/// Answers the layer of other files.
pub(super) fn of_files(store: &Store, stand_in: StandIn) -> Result<Vec<u8>> {
    let mut files = Files::new();
    let busybox = || Busybox::of_debian(store);
    match stand_in {
        StandIn::DebianApt => return debian_with_apt(),
        StandIn::Watchdog => files.file("fwatchdog", 0o755, &watchdog()?)?,
        StandIn::LicenceCheck => files.file("license-check", 0o755, b"#!/bin/sh\n")?,
        StandIn::Busybox => bare(&mut files, &busybox()?)?,
        StandIn::Alpine => {
            skeleton(&mut files, USERS, GROUPS)?;
            busybox()?.with_links(&mut files)?;
            files.folder("sbin", 0o755)?;
            scripts(&mut files, "sbin")?;
            files.file("etc/alpine-release", 0o644, b"3.22.0\n")?;
        }
        StandIn::Debian => files.file("etc/stand-in", 0o644, b"debian\n")?,
        StandIn::Python => {
            busybox()?.beside_debian(&mut files)?;
            files.link("usr/bin/python", "python3")?;
            files.hide("usr/lib/python3.13", "EXTERNALLY-MANAGED")?;
            // Debian's own packages cannot be uninstalled by pip: newer ones lie over them.
            files.file("etc/pip.conf", 0o644, b"[install]\nignore-installed = true\n")?;
        }
        StandIn::Node => {
            busybox()?.beside_debian(&mut files)?;
            npm(&mut files)?;
        }
        StandIn::Golang => busybox()?.beside_debian(&mut files)?,
        StandIn::OnBuild | StandIn::Configured => {
            bare(&mut files, &busybox()?)?;
            files.file(
                &format!("etc/{}", stand_in.repository().replace('/', "-")),
                0o644,
                b"",
            )?;
        }
        StandIn::Users => users(&mut files, &busybox()?)?,
    }
    files.finish()
}

/// Answers the layer of a stand-in for other processors, if there is one.
pub(super) fn foreign(stand_in: StandIn) -> Result<Option<Vec<u8>>> {
    if stand_in != StandIn::Busybox {
        return Ok(None);
    }
    let mut files = Files::new();
    skeleton(&mut files, USERS, GROUPS)?;
    files.file("foreign", 0o644, FOREIGN.as_bytes())?;
    files.finish().map(Some)
}

/// Answers what the configuration says about how the image is run.
pub(super) fn config(stand_in: StandIn) -> Value {
    match stand_in {
        StandIn::Watchdog | StandIn::LicenceCheck => json!({"Env": [PATH]}),
        StandIn::Busybox => json!({"Env": [PATH], "Cmd": ["sh"]}),
        StandIn::Alpine | StandIn::Users => json!({"Env": [PATH], "Cmd": ["/bin/sh"], "WorkingDir": "/"}),
        StandIn::Debian | StandIn::DebianApt => json!({"Env": [PATH], "Cmd": ["bash"]}),
        StandIn::Python => json!({"Env": [PATH, "LANG=C.UTF-8"], "Cmd": ["python3"]}),
        StandIn::Node => json!({"Env": [PATH, "NODE_VERSION=20"], "Cmd": ["node"]}),
        StandIn::Golang => json!({
            "Env": [PATH.replace("PATH=", "PATH=/go/bin:"), "GOPATH=/go"], "Cmd": ["bash"], "WorkingDir": "/go",
        }),
        StandIn::OnBuild => json!({
            "Env": [PATH],
            "Cmd": ["sh"],
            "OnBuild": [
                "ENV FROM_BASE=yes",
                "COPY given.txt /given/",
                "RUN echo \"built on $FROM_BASE\" > /onbuild.txt",
                "LABEL from.base=\"a label\"",
            ],
        }),
        StandIn::Configured => json!({
            "Env": [PATH, "COLOUR=green", "EMPTY="],
            "Cmd": ["sleep", "1"],
            "Entrypoint": ["/bin/env"],
            "User": "33:33",
            "WorkingDir": "/srv",
            "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
            "Volumes": {"/data": {}},
            "Labels": {"who": "base", "kept": "yes"},
            "StopSignal": "SIGQUIT",
            "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5_000_000_000_u64, "Retries": 2},
            "Shell": ["/bin/ash", "-e", "-c"],
        }),
    }
}

fn bare(files: &mut Files, busybox: &Busybox) -> Result<()> {
    skeleton(files, USERS, GROUPS)?;
    busybox.with_hard_links(files)?;
    scripts(files, "usr/sbin")
}

/// Folders and the lists of users that every small image has.
fn skeleton(files: &mut Files, users: &str, groups: &str) -> Result<()> {
    for folder in [
        "bin", "dev", "etc", "home", "lib", "usr", "usr/bin", "usr/sbin", "var", "var/www",
    ] {
        files.folder(folder, 0o755)?;
    }
    files.folder("root", 0o700)?;
    files.folder("tmp", 0o1777)?;
    files.link("lib64", "lib")?;
    files.file("etc/passwd", 0o644, users.as_bytes())?;
    files.file("etc/group", 0o644, groups.as_bytes())
}

fn users(files: &mut Files, busybox: &Busybox) -> Result<()> {
    let passwd =
        format!("{USERS}ada:x:1000:1001:Ada:/home/ada:/bin/sh\nbob:x:1002:1002::/home/bob:/bin/sh\n");
    let group = format!("{GROUPS}ada:x:1001:\nbob:x:1002:\nwheel:x:10:ada\naudio:x:29:ada,bob\n");
    skeleton(files, &passwd, &group)?;
    busybox.with_hard_links(files)?;
    files.owned_folder("home/ada", 0o750, (1000, 1001))?;
    files.owned_folder("shared", 0o2775, (0, 10))?;
    files.folder("real", 0o755)?;
    files.file("real/file", 0o644, b"real\n")?;
    files.link("link", "real")?;
    files.link("absolute", "/real")?;
    files.link("dangling", "nowhere")?;
    files.link("to-file", "real/file")
}
