//! The smallest client of a registry: one connection a request, nothing checked but statuses and lengths.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A registry, and how it is asked.
pub(crate) struct Client {
    address: SocketAddr,
    authorization: String,
}

struct Answer {
    status: u16,
    location: Option<String>,
    length: usize,
    body: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, password: Option<String>) -> Self {
        let authorization = password.map(|password| {
            let credentials = STANDARD.encode(format!("admin:{password}"));
            format!("Authorization: Basic {credentials}\r\n")
        });
        Self {
            address,
            authorization: authorization.unwrap_or_default(),
        }
    }

    /// Sends a blob.
    pub(crate) fn push(&self, digest: &str, pieces: [&[u8]; 2]) -> Result<()> {
        let begun = self.ask("POST", "/v2/bench/blobs/uploads/", [b"", b""])?;
        let location = begun.location.context("no place to push to")?;
        let path = location
            .strip_prefix(&format!("http://{}", self.address))
            .unwrap_or(&location);
        let mark = if path.contains('?') { '&' } else { '?' };
        let put = self.ask("PUT", &format!("{path}{mark}digest={digest}"), pieces)?;
        ensure!(put.status == 201, "a push was answered with {}", put.status);
        Ok(())
    }

    /// Sends a manifest.
    pub(crate) fn put_manifest(&self, text: &str) -> Result<()> {
        let put = self.ask("PUT", "/v2/bench/manifests/latest", [text.as_bytes(), b""])?;
        ensure!(put.status == 201, "a manifest was answered with {}", put.status);
        Ok(())
    }

    /// Reads a blob of `size` bytes, and throws it away.
    pub(crate) fn pull(&self, digest: &str, size: usize) -> Result<()> {
        let mut answer = self.ask("GET", &format!("/v2/bench/blobs/{digest}"), [b"", b""])?;
        ensure!(
            answer.status == 200 && answer.length == size,
            "a pull was answered with {}",
            answer.status
        );
        let mut block = vec![0; 1 << 20];
        let mut left = size;
        while left > 0 {
            let count = answer.body.read(&mut block)?;
            ensure!(count > 0, "a pull broke off");
            left -= count;
        }
        Ok(())
    }

    fn ask(&self, method: &str, path: &str, body: [&[u8]; 2]) -> Result<Answer> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        let length = body[0].len() + body[1].len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{}Content-Type: application/vnd.oci.image.manifest.v1+json\r\nContent-Length: {length}\r\n\r\n",
            self.address, self.authorization,
        )?;
        for piece in body {
            stream.write_all(piece)?;
        }
        Answer::read(stream)
    }
}

impl Answer {
    fn read(stream: TcpStream) -> Result<Self> {
        let mut body = BufReader::with_capacity(1 << 16, stream);
        let mut line = String::new();
        body.read_line(&mut line)?;
        let status = line.split(' ').nth(1).context("no status")?.parse()?;
        let (mut location, mut length) = (None, 0);
        loop {
            line.clear();
            body.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "location" => location = Some(value.trim().to_owned()),
                "content-length" => length = value.trim().parse()?,
                _ => {}
            }
        }
        Ok(Self {
            status,
            location,
            length,
            body,
        })
    }
}
