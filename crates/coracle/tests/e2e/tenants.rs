//! Tenants of the Function Builder API: what one of them may read, and where it may write, is no other's.

use std::path::Path;
use std::process::Command;

use coracle_peers::registry::{Options, Registry};
use coracle_spec::Digest;
use serde_json::{Value, json};

use crate::foreign::{Foreign, Place};
use crate::harbour::succeeded;
use crate::machine::{Machine, Running};

/// `ada:sesame`, in base64.
const ADA: &str = "YWRhOnNlc2FtZQ==";

/// What the documentation says, of a folder with a body's files.
const SEND: &str = r#"set -eu
tar cf ../body.tar .
HMAC=$(openssl dgst -sha256 -hmac "$PAYLOAD" ../body.tar | sed -e 's/^.* //')
curl -s -H "X-Build-Signature: sha256=$HMAC" "$URL/build" --data-binary @../body.tar
"#;

/// A server with the tenants `acme` and `globex`, and a registry with a password that the operator and `acme` know.
struct Wharf {
    machine: Machine,
    server: Running,
    registry: Registry,
    scratch: tempfile::TempDir,
}

impl Wharf {
    fn open() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let options = Options {
            asks: true,
            tls: None,
        };
        let registry = Registry::start(scratch.path(), options).unwrap();
        let logins = json!({"auths": {registry.host(): {"auth": ADA}}}).to_string();
        let at = |name: &str| scratch.path().join(name);
        fs_err::create_dir(at(".docker")).unwrap();
        for (name, text) in [
            (".docker/config.json", logins.as_str()),
            ("none.json", "{}"),
            ("acme.json", &logins),
            ("acme.key", "acme's secret"),
            ("globex.key", "globex's secret"),
        ] {
            fs_err::write(at(name), text).unwrap();
        }
        let machine = Machine::empty();
        let flag = |name: &str| at(name).to_str().unwrap().to_owned();
        let mut serve = machine.command(&["serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]);
        serve
            .env("HOME", scratch.path())
            .args(["--payload-secret", &flag("acme.key")])
            .args(["--payload-secret", &flag("globex.key")])
            .args(["--registry-config", &format!("acme={}", flag("none.json"))])
            .args(["--registry-config", &format!("acme={}", flag("acme.json"))]);
        Self {
            server: Running::start(serve),
            machine,
            registry,
            scratch,
        }
    }

    /// Pushes an image that nobody here has made, and answers its manifest's digest and its lowest layer's.
    fn private_image(&self) -> (Digest, Digest) {
        let basic = format!("Basic {ADA}");
        let place = Place {
            host: self.registry.host(),
            authorization: Some(&basic),
        };
        Foreign::telling(json!({})).push(&place, ("team/private", "1"));
        let url = format!("http://{}/v2/team/private/manifests/1", self.registry.host());
        let asked = ureq::get(url)
            .header("authorization", &basic)
            .header("accept", "application/vnd.oci.image.manifest.v1+json");
        let text = asked.call().unwrap().body_mut().read_to_string().unwrap();
        let manifest: Value = serde_json::from_str(&text).unwrap();
        let layer = manifest["layers"][0]["digest"].as_str().unwrap();
        (Digest::of(&text), layer.parse().unwrap())
    }

    /// Lets a tenant build a Dockerfile, and answers what became of it.
    fn builds(&self, tenant: &str, dockerfile: &str, image: Option<&str>) -> Value {
        let folder = tempfile::tempdir().unwrap();
        let body = folder.path().join("body");
        fs_err::create_dir_all(body.join("context")).unwrap();
        fs_err::write(body.join("context/Dockerfile"), dockerfile).unwrap();
        let config = match image {
            Some(image) => json!({"image": image}),
            None => json!({"skipPush": true}),
        };
        fs_err::write(body.join("com.openfaas.docker.config"), config.to_string()).unwrap();
        let output = Command::new("/bin/sh")
            .args(["-c", SEND])
            .current_dir(&body)
            .env("URL", self.server.url())
            .env("PAYLOAD", format!("{tenant}'s secret"))
            .output()
            .unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{talk}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn succeeds(&self, tenant: &str, dockerfile: &str) {
        let answer = self.builds(tenant, dockerfile, None);
        assert_eq!(answer["status"], "success", "{answer}");
    }

    /// Answers why a build failed, as it must.
    fn fails(&self, tenant: &str, dockerfile: &str) -> String {
        let answer = self.builds(tenant, dockerfile, None);
        assert_eq!(answer["status"], "failed", "{dockerfile}: {answer}");
        answer["error"].as_str().unwrap().to_owned()
    }

    fn operator_pulls(&self, image: &str) {
        let mut pull = self.machine.command(&["image", "pull", image]);
        let output = pull.env("HOME", self.scratch.path()).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Answers who may do everything in the server's registry.
    fn admin(&self) -> String {
        let password = fs_err::read_to_string(self.machine.data().join("auth/admin-password")).unwrap();
        format!("Bearer {}", password.trim())
    }

    /// Answers what the tag `1` of a repository of the server's registry stands for.
    fn digest(&self, repository: &str) -> Digest {
        let url = format!("{}/v2/{repository}/manifests/1", self.server.url());
        let asked = ureq::head(url)
            .header("authorization", self.admin())
            .call()
            .unwrap();
        let digest = asked.headers()["docker-content-digest"].to_str().unwrap();
        digest.parse().unwrap()
    }

    fn operator_pushes(&self, digest: &Digest, image: &str) {
        let password = self.machine.data().join("auth/admin-password");
        let login = ["login", self.server.url(), "--password-file"];
        for arguments in [
            [&login[..], &[password.to_str().unwrap()]].concat(),
            vec!["image", "push", &digest.to_string(), image],
        ] {
            let mut command = self.machine.command(&arguments);
            let output = command.env("HOME", self.scratch.path()).output().unwrap();
            succeeded(&output, &arguments);
        }
    }

    fn has(&self, digest: &Digest) -> bool {
        let blobs = self.machine.data().join("store/blobs/sha256");
        Path::new(&blobs).join(digest.hex()).exists()
    }
}

#[test]
fn a_private_base_image_is_for_the_tenant_whose_login_opens_it_and_nobody_else() {
    let wharf = Wharf::open();
    let (digest, layer) = wharf.private_image();
    let private = format!("{}/team/private", wharf.registry.host());
    let by_tag = format!("FROM {private}:1\n");
    wharf.operator_pulls(&format!("{private}:1"));
    assert!(wharf.has(&digest) && wharf.has(&layer));

    let stranger = wharf.fails("globex", &by_tag);
    assert!(stranger.contains("refuses anonymous access"), "{stranger}");
    wharf.succeeds("acme", &by_tag);
    let pinned = format!("{private}@{digest}");
    for dockerfile in [
        by_tag.clone(),
        format!("FROM {pinned}\n"),
        format!("FROM scratch\nCOPY --from={pinned} /bin/busybox /\n"),
        format!("FROM scratch\nRUN --mount=type=bind,from={pinned},target=/x [\"/x/bin/busybox\"]\n"),
        format!("FROM scratch\nRUN --mount=type=cache,from={pinned},target=/x [\"/x/bin/busybox\"]\n"),
    ] {
        let refusal = wharf.fails("globex", &dockerfile);
        assert!(
            refusal.contains("refuses anonymous access") && !refusal.contains("coracle registry login"),
            "{dockerfile}: {refusal}"
        );
    }
    let unknown = format!("FROM {private}@{}\n", Digest::of("nothing"));
    let unknown = wharf.fails("globex", &unknown);
    assert!(unknown.contains("refuses anonymous access"), "{unknown}");
    let refusal = wharf.fails(
        "globex",
        &format!("FROM scratch\nADD --checksum={layer} https://127.0.0.1:9/layer /\n"),
    );
    assert!(refusal.contains("127.0.0.1:9"), "{refusal}");
}

#[test]
fn a_tenants_warm_build_needs_no_registry() {
    let wharf = Wharf::open();
    let (digest, _) = wharf.private_image();
    let from = format!("FROM {}/team/private@{digest}\n", wharf.registry.host());
    wharf.succeeds("acme", &from);
    let log = wharf.registry.log();
    wharf.succeeds("acme", &format!("{from}WORKDIR /elsewhere\n"));
    assert_eq!(wharf.registry.log(), log);
}

#[test]
fn a_repository_of_the_servers_registry_is_the_tenants_whose_build_made_it() {
    let wharf = Wharf::open();
    let host = wharf.server.url().strip_prefix("http://").unwrap();
    let (image, dockerfile) = (format!("{host}/team/app:1"), "FROM scratch\nLABEL a=b\n");
    for (tenant, status) in [("acme", "success"), ("globex", "failed"), ("acme", "success")] {
        let answer = wharf.builds(tenant, dockerfile, Some(&image));
        assert_eq!(answer["status"], status, "{tenant}: {answer}");
        if status == "failed" {
            let error = answer["error"].as_str().unwrap();
            assert!(
                error.contains("`team/app`") && error.contains("choose another name"),
                "{error}"
            );
        }
    }
    let other = wharf.builds("globex", dockerfile, Some(&format!("{host}/globex/app:1")));
    assert_eq!(other["status"], "success", "{other}");
}

#[test]
fn a_tenant_stands_on_what_its_own_builds_made_without_a_login_and_on_nobody_elses() {
    let wharf = Wharf::open();
    let host = wharf.server.url().strip_prefix("http://").unwrap();
    let base = format!("{host}/acme/base");
    let made = wharf.builds(
        "acme",
        "FROM scratch\nCOPY Dockerfile /file\n",
        Some(&format!("{base}:1")),
    );
    assert_eq!(made["status"], "success", "{made}");
    let digest = wharf.digest("acme/base");
    for dockerfile in [
        format!("FROM {base}:1\n"),
        format!("FROM {base}@{digest}\nLABEL c=d\n"),
        format!("FROM scratch\nCOPY --from={base}:1 /file /\n"),
    ] {
        wharf.succeeds("acme", &dockerfile);
        let refusal = wharf.fails("globex", &dockerfile);
        assert!(refusal.contains("refuses anonymous access"), "{refusal}");
    }
    let again = wharf.builds(
        "acme",
        "FROM scratch\nCOPY Dockerfile /anew\n",
        Some(&format!("{base}:1")),
    );
    assert_eq!(again["status"], "success", "{again}");
    wharf.succeeds("acme", &format!("FROM scratch\nCOPY --from={base}:1 /anew /\n"));
    wharf.operator_pushes(&digest, &format!("{host}/operators:1"));
    for tenant in ["acme", "globex"] {
        let refusal = wharf.fails(tenant, &format!("FROM {host}/operators:1\n"));
        assert!(refusal.contains("refuses anonymous access"), "{refusal}");
    }
}

#[test]
fn a_name_in_the_servers_registry_is_free_when_its_last_manifest_is_deleted() {
    let wharf = Wharf::open();
    let host = wharf.server.url().strip_prefix("http://").unwrap();
    let image = format!("{host}/team/app:1");
    let put =
        |tenant: &str| wharf.builds(tenant, "FROM scratch\nLABEL a=b\n", Some(&image))["status"].clone();
    assert_eq!((put("acme"), put("globex")), ("success".into(), "failed".into()));
    let manifest = format!("/v2/team/app/manifests/{}", wharf.digest("team/app"));
    let deleting = ureq::delete(format!("{}{manifest}", wharf.server.url()));
    let deleted = deleting.header("authorization", wharf.admin()).call().unwrap();
    assert_eq!(deleted.status(), 202);
    assert_eq!((put("globex"), put("acme")), ("success".into(), "failed".into()));
}
