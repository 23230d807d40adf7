//! Images are what other tools take and run.

use crate::engines::{Docker, Podman, skopeo};
use crate::machine::Machine;
use crate::project::Project;
use crate::runs::Runs;

/// Runs inside the image: the interpreter, its libraries, and what a base holds for every program.
const PROBE: &str = "import ssl, sqlite3, pwd, zoneinfo; zoneinfo.ZoneInfo('Europe/Berlin'); \
                     assert ssl.create_default_context().cert_store_stats()['x509_ca'] > 100; \
                     print('ahoy from', pwd.getpwuid(65532).pw_name)";
const GREETING: &str = "ahoy from nonroot";

struct Exported {
    project: Project,
}

impl Exported {
    fn new() -> Self {
        let project = Project::server();
        let exported = Self { project };
        Machine::with_shared_store().succeed(&[
            "build",
            &exported.project.dir(),
            "--tag",
            "boats/coracle:1",
            "--output",
            &format!("oci-archive:{}", exported.archive()),
            "--output",
            &format!("oci:{}", exported.layout()),
        ]);
        exported
    }

    fn archive(&self) -> String {
        self.project.beside("image.tar")
    }

    fn layout(&self) -> String {
        self.project.beside("layout")
    }
}

#[test]
fn skopeo_reads_the_layout_and_the_archive() {
    let exported = Exported::new();
    let layout = skopeo(&["inspect", &format!("oci:{}", exported.layout())]);
    let archive = skopeo(&["inspect", &format!("oci-archive:{}", exported.archive())]);
    assert_eq!(layout["Digest"], archive["Digest"]);
    assert_eq!(
        layout["Architecture"],
        if cfg!(target_arch = "aarch64") {
            "arm64"
        } else {
            "amd64"
        }
    );
    let config = skopeo(&["inspect", "--config", &format!("oci:{}", exported.layout())]);
    assert_eq!(config["config"]["User"], "65532:65532");
}

#[test]
fn podman_runs_the_image() {
    let (exported, podman) = (Exported::new(), Podman::new());
    podman.call(&["load", "--input", &exported.archive()]);
    assert_eq!(
        podman
            .run_image("boats/coracle:1", &["python3", "-c", PROBE])
            .trim(),
        GREETING
    );
}

#[test]
fn docker_runs_the_image() {
    let (exported, docker) = (Exported::new(), Docker::start());
    docker.call(&["load", "--input", &exported.archive()]);
    assert_eq!(
        docker
            .run_image("boats/coracle:1", &["python3", "-c", PROBE])
            .trim(),
        GREETING
    );
}
