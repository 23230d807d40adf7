//! Images that others built: `BusyBox` and what it serves, with a configuration of the test's own, pushed to a registry
//! as any client does (OCI distribution specification 1.1, "Push").
//!
//! Coracle has no part in making them: what it makes of its own images must not be what it is tested with.

use std::path::Path;

use coracle_spec::Digest;
use serde_json::{Value, json};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Serves `/www` with the arguments that it gets.
const START: &str = "#!/bin/sh\npwd > /tmp/folder\nexec /bin/busybox httpd -f -h /www \"$@\"\n";

/// Tells what the program is and finds.
const ABOUT: &str = r#"#!/bin/sh
echo "Content-Type: application/json"
echo
echo "{\"user\": \"$(id -u):$(id -g)\", \"groups\": \"$(id -G)\", \"home\": \"$HOME\", \"host\": \"$HOSTNAME\","
echo "\"folder\": \"$(cat /tmp/folder)\", \"port\": \"$PORT\", \"greeting\": \"$GREETING\","
echo "\"volume\": \"$(echo kept > /data/file && cat /data/file)\", \"files\": \"$(echo $(ls /etc))\"}"
"#;

/// An image: archives of layers, and how it is run.
pub(crate) struct Foreign {
    layers: Vec<Vec<u8>>,
    architecture: &'static str,
    run: Value,
}

/// A registry, and what it is shown.
pub(crate) struct Place<'a> {
    /// Its host in references.
    pub(crate) host: &'a str,
    /// The `Authorization`, if it asks for one.
    pub(crate) authorization: Option<&'a str>,
}

impl Foreign {
    /// Makes an image whose server tells about itself under `/cgi-bin/about`, and that is run as `run` says (image-spec,
    /// config.md).
    pub(crate) fn telling(run: Value) -> Self {
        Self {
            layers: vec![below(), above()],
            architecture: if cfg!(target_arch = "aarch64") {
                "arm64"
            } else {
                "amd64"
            },
            run,
        }
    }

    /// Says that its programs are for other processors.
    pub(crate) fn for_others(self) -> Self {
        Self {
            architecture: "riscv64",
            ..self
        }
    }

    /// Pushes it under a name: repository and tag.
    pub(crate) fn push(&self, place: &Place<'_>, (repository, tag): (&str, &str)) {
        let digests: Vec<Digest> = self.layers.iter().map(Digest::of).collect();
        let config = json!({
            "architecture": self.architecture,
            "os": "linux",
            "config": self.run,
            "rootfs": {"type": "layers", "diff_ids": digests},
            "history": null,
        });
        let config = config.to_string().into_bytes();
        let layers = self
            .layers
            .iter()
            .map(|layer| place.blob(repository, layer, LAYER));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "layers": layers.collect::<Vec<_>>(),
            "config": place.blob(repository, &config, CONFIG),
        });
        let url = format!("http://{}/v2/{repository}/manifests/{tag}", place.host);
        let request = place.shown(ureq::put(url)).content_type(MANIFEST);
        assert_eq!(request.send(manifest.to_string()).unwrap().status(), 201);
    }
}

impl Place<'_> {
    /// Pushes a blob, and answers its descriptor.
    fn blob(&self, repository: &str, bytes: &[u8], media_type: &str) -> Value {
        let digest = Digest::of(bytes);
        let begin = ureq::post(format!("http://{}/v2/{repository}/blobs/uploads/", self.host));
        let answer = self.shown(begin).send_empty().unwrap();
        let place = answer.headers()["location"].to_str().unwrap();
        let place = match place.strip_prefix('/') {
            Some(path) => format!("http://{}/{path}", self.host),
            None => place.to_owned(),
        };
        let separator = if place.contains('?') { '&' } else { '?' };
        let put = self.shown(ureq::put(format!("{place}{separator}digest={digest}")));
        let put = put.content_type("application/octet-stream").send(bytes).unwrap();
        assert_eq!(put.status(), 201);
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    fn shown<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match self.authorization {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
    }
}

fn below() -> Vec<u8> {
    let mut layer = Archive::new();
    let busybox = fs_err::read(busybox()).expect("reads BusyBox");
    layer.file("bin/busybox", 0o755, &busybox);
    for applet in ["sh", "id", "cat", "ls"] {
        layer.link(&format!("bin/{applet}"), "busybox");
    }
    layer.file("bin/start", 0o755, START.as_bytes());
    layer.file("www/index.html", 0o644, b"ahoy\n");
    layer.file("www/cgi-bin/about", 0o755, ABOUT.as_bytes());
    let passwd = b"root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/srv/web:/bin/sh\n";
    layer.file("etc/passwd", 0o644, passwd);
    layer.file("etc/group", 0o644, b"root:x:0:\nweb:x:34:\nextra:x:50:root,web\n");
    layer.file("etc/gone", 0o644, b"");
    layer.folder("tmp", 0o1777);
    layer.folder("data", 0o777);
    layer.end()
}

/// Removes a file of the layer below (image-spec, layer.md, "Whiteouts").
fn above() -> Vec<u8> {
    let mut layer = Archive::new();
    layer.file("etc/.wh.gone", 0o644, b"");
    layer.end()
}

/// Answers where Debian's `busybox-static` is.
pub(crate) fn busybox() -> &'static Path {
    let places = ["/usr/bin/busybox", "/bin/busybox"].map(Path::new);
    let found = places.into_iter().find(|path| path.exists());
    found.expect("`busybox` is there: `apt-get install busybox-static`, or `cargo xtask test`")
}

struct Archive(tar::Builder<Vec<u8>>);

impl Archive {
    fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    fn file(&mut self, path: &str, mode: u32, contents: &[u8]) {
        let mut header = header(tar::EntryType::Regular, mode);
        header.set_size(contents.len() as u64);
        self.0.append_data(&mut header, path, contents).unwrap();
    }

    fn link(&mut self, path: &str, target: &str) {
        let mut header = header(tar::EntryType::Symlink, 0o777);
        self.0.append_link(&mut header, path, target).unwrap();
    }

    fn folder(&mut self, path: &str, mode: u32) {
        let mut header = header(tar::EntryType::Directory, mode);
        self.0.append_data(&mut header, path, std::io::empty()).unwrap();
    }

    fn end(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

fn header(kind: tar::EntryType, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(0);
    header
}
