//! The Function Builder API by the means of its documentation, tar, openssl and curl: the image is in the server's own
//! registry, and runs.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::foreign::busybox;
use crate::harbour::{Harbour, get};

/// What the documentation says, but for where the server and its secret are.
const RECIPE: &str = r#"set -eu
tar cvf req.tar --exclude=req.tar . >&2
PAYLOAD=$(cat "$CORACLE_DATA/auth/payload-secret")
HMAC=$(cat req.tar | openssl dgst -sha256 -hmac $PAYLOAD | sed -e 's/^.* //')
exec curl -H "X-Build-Signature: sha256=$HMAC" -s "$URL/build" -X POST --data-binary @req.tar "$@"
"#;

/// Makes an image that answers requests.
pub(crate) const DOCKERFILE: &str = r#"FROM scratch
ARG GREETING=nothing
COPY busybox /bin/busybox
SHELL ["/bin/busybox", "sh", "-c"]
RUN /bin/busybox mkdir /www && echo "\"$GREETING\"" > /www/index.html
EXPOSE 8080
CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
"#;

/// A folder with a context and what should become of it.
pub(crate) fn build_folder(image: &str, dockerfile: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let context = folder.path().join("context");
    fs_err::create_dir(&context).unwrap();
    fs_err::copy(busybox(), context.join("busybox")).unwrap();
    fs_err::write(context.join("Dockerfile"), dockerfile).unwrap();
    let config = json!({"image": image, "buildArgs": {"GREETING": "aye"}});
    fs_err::write(
        folder.path().join("com.openfaas.docker.config"),
        config.to_string(),
    )
    .unwrap();
    folder
}

/// Prepares the recipe, with more arguments of curl's.
pub(crate) fn prepared(harbour: &Harbour, folder: &Path, more: &[&str]) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", RECIPE, "recipe"])
        .args(more)
        .current_dir(folder)
        .env("URL", harbour.server.url())
        .env("CORACLE_DATA", harbour.machine.data());
    command
}

/// Follows the recipe to its end, and answers what the server said.
pub(crate) fn recipe(harbour: &Harbour, folder: &Path, more: &[&str]) -> String {
    let output: Output = prepared(harbour, folder, more).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_recipe_of_the_documentation_ends_with_an_image_that_runs() {
    let harbour = Harbour::open();
    let host = harbour.server.url().strip_prefix("http://").unwrap();
    let image = format!("{host}/team/test-image-hello:0.1.0");
    let folder = build_folder(&image, DOCKERFILE);
    let answer: Value = serde_json::from_str(&recipe(&harbour, folder.path(), &[])).unwrap();
    assert_eq!(
        (&answer["status"], &answer["image"]),
        (&json!("success"), &json!(image)),
        "{answer}"
    );

    let function = tempfile::tempdir().unwrap();
    let manifest = format!("name: hello\nbuild: {{type: image, from: '{image}'}}\n");
    fs_err::write(function.path().join("coracle.yaml"), manifest).unwrap();
    harbour.succeed(&["deploy", function.path().to_str().unwrap()]);
    let (status, body) = get(&format!("{}/function/hello/", harbour.server.url()));
    assert_eq!((status, body), (200, json!("aye")));
}

#[test]
fn a_build_that_fails_says_so_in_the_stream_with_what_the_step_printed() {
    let harbour = Harbour::open();
    let dockerfile = format!("{DOCKERFILE}RUN echo the reason >&2; exit 3\n");
    let folder = build_folder("", &dockerfile);
    let config = r#"{"skipPush":true}"#;
    fs_err::write(folder.path().join("com.openfaas.docker.config"), config).unwrap();
    let stream = recipe(
        &harbour,
        folder.path(),
        &["-N", "-H", "Accept: application/x-ndjson"],
    );
    let last: Value = serde_json::from_str(stream.lines().last().unwrap()).unwrap();
    assert_eq!(last["status"], "failed", "{stream}");
    assert!(last["error"].as_str().unwrap().contains("exit 3"), "{last}");
    assert!(stream.contains("the reason"), "{stream}");
}
