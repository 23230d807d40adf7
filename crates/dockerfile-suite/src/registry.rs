//! A server on loopback: a registry of stand-ins that can only be read, and the files that cases add by their addresses.
//!
//! A registry program of the distribution lost: it is one more thing to install, to fill and to end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use coracle_spec::Digest;

use crate::case::SERVED;
use crate::stand_in::StandIns;

/// How long the head of a request may be, in bytes.
const HEAD: u64 = 16 << 10;

/// How long a client may say nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// The registries that stand-ins are found at.
pub(crate) const STOOD_IN: [&str; 3] = ["docker.io", "ghcr.io", "registry.example"];

/// A tag that no repository has.
const MISSING: &str = "missing";

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const BYTES: &str = "application/octet-stream";

/// A server that runs until the process ends.
#[derive(Debug, Clone)]
pub struct Registry {
    address: SocketAddr,
}

/// What is answered.
struct Answer {
    kind: &'static str,
    body: Vec<u8>,
    digest: Option<Digest>,
}

impl Registry {
    /// Starts the server. A stand-in is made when it is first asked for, by whichever name of a registry.
    pub fn start(stand_ins: StandIns) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let stand_ins = Arc::new(stand_ins);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let stand_ins = Arc::clone(&stand_ins);
                std::thread::spawn(move || serve(&stream, &stand_ins));
            }
        });
        Ok(Self { address })
    }

    /// Answers the setting that makes the program look for images here first: `CORACLE_REGISTRY_MIRRORS`.
    pub fn mirrors(&self) -> String {
        STOOD_IN
            .map(|name| format!("{name}=http://{}", self.address))
            .join(",")
    }

    /// Answers where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Answers the requests of one connection until it is closed.
fn serve(stream: &TcpStream, stand_ins: &StandIns) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    while let Some((method, path)) = request(&mut reader)? {
        let answer = answer(&path, stand_ins);
        write(stream, method == "HEAD", answer)?;
    }
    Ok(())
}

fn request(reader: &mut impl BufRead) -> Result<Option<(String, String)>> {
    let mut head = reader.by_ref().take(HEAD);
    let mut first = String::new();
    head.read_line(&mut first)?;
    let mut line = String::new();
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut words = first.split_whitespace();
    let (method, path) = (words.next(), words.next());
    Ok(method
        .zip(path)
        .map(|(method, path)| (method.to_owned(), path.to_owned())))
}

fn write(mut stream: &TcpStream, is_head: bool, answer: Result<Option<Answer>>) -> Result<()> {
    let (status, answer) = match answer {
        Ok(Some(answer)) => ("200 OK", answer),
        Ok(None) => ("404 Not Found", Answer::text(b"{\"errors\":[]}".to_vec())),
        Err(error) => (
            "500 Internal Server Error",
            Answer::text(format!("{error:#}").into_bytes()),
        ),
    };
    let digest = answer
        .digest
        .map(|digest| format!("Docker-Content-Digest: {digest}\r\n"));
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n",
        answer.kind,
        answer.body.len(),
        digest.unwrap_or_default(),
    );
    stream.write_all(head.as_bytes())?;
    if !is_head {
        stream.write_all(&answer.body)?;
    }
    Ok(())
}

impl Answer {
    fn text(body: Vec<u8>) -> Self {
        Self {
            kind: BYTES,
            body,
            digest: None,
        }
    }

    fn document(body: Vec<u8>) -> Self {
        let is_index = serde_json::from_slice::<serde_json::Value>(&body)
            .is_ok_and(|document| document["manifests"].is_array());
        Self {
            kind: if is_index { INDEX } else { MANIFEST },
            digest: Some(Digest::of(&body)),
            body,
        }
    }
}

fn answer(path: &str, stand_ins: &StandIns) -> Result<Option<Answer>> {
    let path = path.split('?').next().unwrap_or_default();
    let Some(path) = path.strip_prefix("/v2/") else {
        return served(path.trim_start_matches('/'));
    };
    if path.is_empty() {
        return Ok(Some(Answer::text(b"{}".to_vec())));
    }
    if let Some((repository, reference)) = path.split_once("/manifests/") {
        return Ok(manifest(repository, reference, stand_ins)?.map(Answer::document));
    }
    let digest = path.split_once("/blobs/").map(|(_, digest)| digest);
    Ok(match digest.and_then(|digest| digest.parse().ok()) {
        Some(digest) => stand_ins.blob(&digest)?.map(Answer::text),
        None => None,
    })
}

fn manifest(repository: &str, reference: &str, stand_ins: &StandIns) -> Result<Option<Vec<u8>>> {
    if let Ok(digest) = reference.parse() {
        return stand_ins.blob(&digest);
    }
    if reference == MISSING {
        return Ok(None);
    }
    match stand_ins.of_repository(repository)? {
        Some(digest) => stand_ins.blob(&digest),
        None => Ok(None),
    }
}

/// Answers a file that a case serves: `CASE/PATH`.
fn served(path: &str) -> Result<Option<Answer>> {
    let Some((case, file)) = path.split_once('/') else {
        return Ok(None);
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("cases")
        .join(case)
        .join(SERVED)
        .join(file);
    if path.split('/').any(|part| part == "..") || !file.is_file() {
        return Ok(None);
    }
    Ok(Some(Answer::text(fs_err::read(file)?)))
}
