//! The smallest client of the Function Builder API.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Result, ensure};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::template::Folder;

/// Sends contexts that are signed with a secret.
pub(super) struct Client {
    pub(super) address: SocketAddr,
    pub(super) secret: String,
}

impl Client {
    /// Lets a context become the image `image`.
    pub(super) fn build(&self, folder: &Folder, image: &str) -> Result<()> {
        let body = body(folder, image)?;
        let answer = self.post(&body)?;
        let is_built = answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""status":"success""#);
        ensure!(is_built, "a build was answered with {answer}");
        Ok(())
    }

    fn post(&self, body: &[u8]) -> Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        write!(
            stream,
            "POST /build HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nX-Build-Signature: {}\r\nContent-Length: {}\r\n\r\n",
            self.address,
            self.signature(body)?,
            body.len()
        )?;
        stream.write_all(body)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn signature(&self, body: &[u8]) -> Result<String> {
        let mut mac: Hmac<Sha256> = Hmac::new_from_slice(self.secret.as_bytes())?;
        mac.update(body);
        let mut signature = "sha256=".to_owned();
        for byte in mac.finalize().into_bytes() {
            let _ = write!(signature, "{byte:02x}");
        }
        Ok(signature)
    }
}

/// Packs a context as clients do.
fn body(folder: &Folder, image: &str) -> Result<Vec<u8>> {
    let mut body = tar::Builder::new(Vec::new());
    let config = format!(r#"{{"image":"{image}"}}"#);
    let mut header = tar::Header::new_ustar();
    header.set_size(config.len() as u64);
    header.set_mode(0o644);
    body.append_data(&mut header, "com.openfaas.docker.config", config.as_bytes())?;
    body.append_dir_all("context", folder.path())?;
    Ok(body.into_inner()?)
}
