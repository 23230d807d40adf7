//! Bodies as clients make them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The secret that tests sign with.
pub(crate) const SECRET: &str = "c2VjcmV0IG9mIHRoZSB0ZXN0cw==";

/// What a client calls things, and in which order it sends them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Producer {
    /// The Go SDK and `faas-cli`: directories without a slash, the configuration after the context.
    Go,
    /// `tar cvf req.tar .`: everything below `./`, with what lies beside it.
    Shell,
    /// The Python SDK: the configuration first.
    Python,
    /// node-tar: `./` before the roots.
    Node,
}

/// An archive of a context with this Dockerfile, and this configuration.
pub(crate) fn archive(producer: Producer, config: &str, dockerfile: &str) -> Vec<u8> {
    let context = |prefix: &str| {
        vec![
            (format!("{prefix}context"), None),
            (format!("{prefix}context/Dockerfile"), Some(dockerfile)),
            (format!("{prefix}context/function"), None),
            (
                format!("{prefix}context/function/handler.js"),
                Some("'use strict'"),
            ),
        ]
    };
    let config = |prefix: &str| (format!("{prefix}com.openfaas.docker.config"), Some(config));
    let entries = match producer {
        Producer::Go => [context(""), vec![config("")]].concat(),
        Producer::Python => [vec![config("")], context("")].concat(),
        Producer::Node => [context("./"), vec![config("./")]].concat(),
        Producer::Shell => {
            let beside = vec![
                ("./".to_owned(), None),
                ("./other-fn".to_owned(), None),
                ("./other-fn/Dockerfile".to_owned(), Some("not this one")),
            ];
            [beside, context("./"), vec![config("./")]].concat()
        }
    };
    entries
        .iter()
        .fold(Tar::default(), |tar, (name, body)| match body {
            Some(body) => tar.file(name, body),
            None => tar.entry(name, tar::EntryType::Directory, ""),
        })
        .end()
}

/// An archive in the making.
pub(crate) struct Tar(tar::Builder<Vec<u8>>);

impl Default for Tar {
    fn default() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }
}

impl Tar {
    pub(crate) fn file(mut self, name: &str, body: &str) -> Self {
        let mut header = header(name, tar::EntryType::Regular);
        header.set_size(body.len() as u64);
        header.set_cksum();
        self.0.append(&header, body.as_bytes()).unwrap();
        self
    }

    pub(crate) fn entry(mut self, name: &str, kind: tar::EntryType, target: &str) -> Self {
        let mut header = header(name, kind);
        header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        self.0.append(&header, &[][..]).unwrap();
        self
    }

    pub(crate) fn end(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

fn header(name: &str, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o755);
    header.set_uid(1000);
    header.set_size(0);
    header
}

/// What the header `X-Build-Signature` says of `body`.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let digits: Vec<String> = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256={}", digits.concat())
}
