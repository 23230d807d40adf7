//! What another client of registries makes of this one: skopeo, over plain HTTP on loopback and over TLS.

use std::path::Path;
use std::process::Command;

use coracle_content::Store;
use coracle_oci::{ImageConfig, assemble};
use coracle_peers::checked;
use coracle_server::{ServeConfig, Tls};
use coracle_testkit::Program;
use fs_err as fs;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::world::{World, settings};

/// Writes an authority, and a certificate of it for this machine.
fn certify(folder: &Path) -> Tls {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::create_dir_all(folder.join("trusted")).unwrap();
    let pem = authority.self_signed(&authority_key).unwrap().pem();
    fs::write(folder.join("trusted/ca.crt"), pem).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = names.signed_by(&key, &issuer).unwrap();
    let tls = Tls {
        listen: ([127, 0, 0, 1], 0).into(),
        certificate: folder.join("cert.pem"),
        key: folder.join("key.pem"),
    };
    fs::write(&tls.certificate, certificate.pem()).unwrap();
    fs::write(&tls.key, key.serialize_pem()).unwrap();
    tls
}

/// Writes an image as an OCI layout; answers its digest.
fn lay_out(folder: &Path) -> String {
    let store = Store::open(&folder.join("built")).unwrap();
    let image = assemble(&store, &ImageConfig::default(), &[]).unwrap();
    let layout = folder.join("layout");
    fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    for digest in store.reachable(&[image.manifest]).unwrap() {
        if let Some(blob) = store.blob(&digest).unwrap() {
            fs::copy(blob.path, layout.join("blobs/sha256").join(digest.hex())).unwrap();
        }
    }
    let size = store.existing_blob(&image.manifest).unwrap().size;
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{size},"annotations":{{"org.opencontainers.image.ref.name":"latest"}}}}]}}"#,
        image.manifest
    );
    fs::write(layout.join("index.json"), index).unwrap();
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    image.manifest.to_string()
}

fn skopeo(arguments: &[&str]) -> String {
    checked(Command::new("skopeo").args(arguments)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_pushes_pulls_lists_and_deletes_over_http_and_tls() {
    let place = tempfile::tempdir().unwrap();
    let config = ServeConfig {
        tls: Some(certify(place.path())),
        ..settings()
    };
    let world = World::with(Program::greeting("hi"), config).await;
    let (plain, secure) = (world.server.address(), world.server.secure_address().unwrap());
    let credentials = format!("admin:{}", world.password());
    let run = move || {
        let digest = lay_out(place.path());
        let layout = format!("oci:{}:latest", place.path().join("layout").display());
        let pushed = format!("docker://{plain}/team/app:v1");
        skopeo(&[
            "copy",
            "-q",
            "--dest-tls-verify=false",
            "--dest-creds",
            &credentials,
            &layout,
            &pushed,
        ]);
        let trusted = place.path().join("trusted");
        let trusted = trusted.to_str().unwrap();
        let image = format!("docker://localhost:{}/team/app:v1", secure.port());
        let back = format!("dir:{}", place.path().join("back").display());
        skopeo(&[
            "copy",
            "-q",
            "--src-cert-dir",
            trusted,
            "--src-creds",
            &credentials,
            &image,
            &back,
        ]);
        let told = skopeo(&["inspect", "--cert-dir", trusted, "--creds", &credentials, &image]);
        assert!(told.contains(&digest), "{told}");
        let name = image.trim_end_matches(":v1");
        let listed = skopeo(&["list-tags", "--cert-dir", trusted, "--creds", &credentials, name]);
        assert!(listed.contains("\"v1\""), "{listed}");
        skopeo(&["delete", "--cert-dir", trusted, "--creds", &credentials, &image]);
        let untrusted = checked(Command::new("skopeo").args(["inspect", "--creds", &credentials, &image]));
        assert!(untrusted.unwrap_err().to_string().contains("certificate"));
    };
    tokio::task::spawn_blocking(run).await.unwrap();
    assert!(
        world
            .server
            .registry()
            .tags(&"team/app".parse().unwrap())
            .unwrap()
            .is_empty()
    );
}
