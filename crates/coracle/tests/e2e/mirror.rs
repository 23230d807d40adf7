//! A Debian mirror that passes on what another one says, except for its lie.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// What the mirror is asked for in place of the host's setting.
const USUAL: &str = "http://deb.debian.org/";

/// What a mirror lies about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// The signed file that says what everything else hashes to.
    Release,
    /// The lists of packages.
    Lists,
    /// The packages.
    Packages,
}

/// The mirror, on a port of its own; it ends with the test program.
pub(crate) struct Mirror {
    address: String,
}

impl Mirror {
    /// Starts it.
    pub(crate) fn that(lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A client that leaves early ends its own connection only.
                thread::spawn(move || answer(stream, lie));
            }
        });
        Self { address }
    }

    /// Answers its address, with a slash at its end.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Lie {
    fn is_told_of(self, path: &str) -> bool {
        match self {
            Self::Release => path.ends_with("/InRelease"),
            Self::Lists => path.contains("/by-hash/") || path.contains("/Packages"),
            Self::Packages => path.contains("/pool/"),
        }
    }
}

fn answer(mut stream: TcpStream, lie: Lie) -> io::Result<()> {
    let Some(path) = asked_for(&stream)? else {
        return Ok(());
    };
    let (status, mut body) = upstream(&path);
    if lie.is_told_of(&path)
        && let Some(byte) = body.get_mut(100)
    {
        *byte ^= 1;
    }
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)?;
    stream.shutdown(Shutdown::Write)
}

/// Answers the path of the request, whose headers say nothing that matters here.
fn asked_for(stream: &TcpStream) -> io::Result<Option<String>> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    Ok(first.split(' ').nth(1).map(str::to_owned))
}

fn upstream(path: &str) -> (u16, Vec<u8>) {
    #[expect(clippy::disallowed_methods, reason = "tests use the host's mirror")]
    let mirror = std::env::var("CORACLE_DEBIAN_MIRROR").unwrap_or_else(|_| USUAL.to_owned());
    let config = ureq::config::Config::builder()
        .http_status_as_error(false)
        .build();
    let url = format!(
        "{}{path}",
        mirror.trim_end_matches('/').trim_end_matches("/debian")
    );
    let mut answer = ureq::Agent::new_with_config(config).get(url).call().unwrap();
    let body = answer
        .body_mut()
        .with_config()
        .limit(1 << 30)
        .read_to_vec()
        .unwrap();
    (answer.status().as_u16(), body)
}
