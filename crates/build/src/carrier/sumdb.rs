//! Go's checksum database: what everybody gets who asks for a version of a module.
//!
//! It is a log to which entries are only ever added ("Proposal: Secure the Public Go Module Ecosystem"): a Merkle
//! tree (RFC 6962, section 2.1) whose root is signed. An answer is believed when its entry, with hashes of the rest
//! of the tree, gives the signed root; so it does not matter who passes it on, and the module proxy does.

mod tree;

use std::cell::RefCell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coracle_fetch::{FetchError, Fetcher};
use coracle_spec::{Class, Failure};
use ring::signature::{ED25519, UnparsedPublicKey};

use self::tree::{Hash, Tree, hash};

/// The public database: its name, a hash of its key, and the key (Go's source, `cmd/go/internal/modfetch/key.go`).
const PUBLIC: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
const PUBLIC_NAME: &str = "sum.golang.org";

/// The byte that says that a key is one of Ed25519 (`golang.org/x/mod/sumdb/note`).
const ED25519_KEY: u8 = 1;

/// The largest answer that is read: a tile has 8 KiB.
const MOST: u64 = 1 << 20;

/// Why a version cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum SumDbError {
    /// The database does not answer.
    #[error("the checksum database does not answer")]
    Ask(#[source] Box<FetchError>),
    /// Its answer does not follow the format.
    #[error("the checksum database's answer has no usable {0}")]
    Answer(&'static str),
    /// The root is not signed by the database's key.
    #[error("the checksum database's answer is not signed by `{0}`")]
    Unsigned(String),
    /// The entry is not in the tree of the root.
    #[error("the checksum database's answer is not in its own log")]
    NotInLog,
}

impl Failure for SumDbError {
    fn class(&self) -> Class {
        match self {
            Self::Ask(error) => error.class(),
            Self::Answer(_) | Self::Unsigned(_) | Self::NotInLog => Class::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Ask(_) => {
                "use a `GOPROXY` that passes the database on, or `GOSUMDB=off` to trust the proxy".into()
            }
            Self::Answer(_) | Self::Unsigned(_) | Self::NotInLog => {
                "somebody between here and the database may change answers: check `GOPROXY` and `GOSUMDB`"
                    .into()
            }
        })
    }
}

/// A checksum database and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Database {
    name: String,
    key: Vec<u8>,
    address: String,
}

impl Database {
    /// Answers the public one.
    #[expect(clippy::expect_used, reason = "a constant, which a test reads")]
    pub(crate) fn public() -> Self {
        Self::parse(PUBLIC_NAME).expect("the public key is one")
    }

    /// Reads `GOSUMDB`: a known name, or `name+hash+key`, and perhaps an address (Go modules reference, "Environment
    /// variables"). An empty text means the public one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or(PUBLIC_NAME);
        let address = words.next().map(str::to_owned);
        let (key, address) = match first {
            PUBLIC_NAME => (PUBLIC, address),
            "sum.golang.google.cn" => (PUBLIC, Some(format!("https://{first}"))),
            own => (own, address),
        };
        let mut parts = key.splitn(3, '+');
        let (name, _, key) = (parts.next()?.to_owned(), parts.next()?, parts.next()?);
        let key = STANDARD.decode(key).ok()?;
        Some(Self {
            address: address.unwrap_or_else(|| format!("https://{name}")),
            name,
            key: key.strip_prefix(&[ED25519_KEY])?.to_owned(),
        })
    }

    /// Answers the hash of a version of a module: `h1:…`.
    pub(crate) fn lookup(
        &self,
        fetcher: &Fetcher,
        proxy: &str,
        module: &str,
        version: &str,
    ) -> Result<String, SumDbError> {
        let address = self.reached(fetcher, proxy)?;
        let get = |path: &str| get(fetcher, &format!("{address}/{path}"));
        let answer = get(&format!("lookup/{module}@{version}"))?;
        let answer = String::from_utf8(answer).map_err(|_| SumDbError::Answer("text"))?;
        self.verified(&answer, module, version, &get)
    }

    /// Answers where the database is reached: through the module proxy when that passes it on.
    fn reached(&self, fetcher: &Fetcher, proxy: &str) -> Result<String, SumDbError> {
        let passed_on = format!("{proxy}/sumdb/{}", self.name);
        match fetcher.get(&format!("{passed_on}/supported"), MOST) {
            Ok(_) => Ok(passed_on),
            Err(error) if error.is_not_found() => Ok(self.address.clone()),
            Err(error) => Err(SumDbError::Ask(Box::new(error))),
        }
    }

    /// Answers the hash that an answer has for a version, once the answer is proven to be in the signed log.
    fn verified(
        &self,
        answer: &str,
        module: &str,
        version: &str,
        get: &dyn Fn(&str) -> Result<Vec<u8>, SumDbError>,
    ) -> Result<String, SumDbError> {
        let (record, note) = answer.split_once("\n\n").ok_or(SumDbError::Answer("entry"))?;
        let (id, record) = record.split_once('\n').ok_or(SumDbError::Answer("entry"))?;
        let id: u64 = id.parse().map_err(|_| SumDbError::Answer("number"))?;
        let (size, root) = self.signed(note)?;
        let tree = Tree {
            size,
            get,
            tiles: RefCell::default(),
        };
        let leaf = hash(&[&[0], record.as_bytes(), b"\n"]);
        if id >= size || tree.root_with((0, size), id, leaf)? != root {
            return Err(SumDbError::NotInLog);
        }
        let line = format!("{module} {version} ");
        let found = record.lines().find_map(|text| text.strip_prefix(&line));
        found
            .map(str::to_owned)
            .ok_or(SumDbError::Answer("line of the module"))
    }

    /// Answers the size and the root that a note states, once its signature is found right.
    fn signed(&self, note: &str) -> Result<(u64, Hash), SumDbError> {
        let (text, signatures) = note.split_once("\n\n").ok_or(SumDbError::Answer("signature"))?;
        let (signed, start) = (format!("{text}\n"), format!("— {} ", self.name));
        let is_valid = |line: &str| {
            let signature = line
                .strip_prefix(&start)
                .and_then(|base64| STANDARD.decode(base64).ok());
            let key = UnparsedPublicKey::new(&ED25519, &self.key);
            // The first four bytes are a hash of the key, for notes that several have signed.
            signature
                .as_ref()
                .and_then(|bytes| bytes.get(4..))
                .is_some_and(|bytes| key.verify(signed.as_bytes(), bytes).is_ok())
        };
        if !signatures.lines().any(is_valid) {
            return Err(SumDbError::Unsigned(self.name.clone()));
        }
        let mut lines = text.lines().skip(1);
        let size = lines.next().and_then(|line| line.parse().ok());
        let root = lines.next().and_then(|line| STANDARD.decode(line).ok());
        size.zip(root.and_then(|root| root.try_into().ok()))
            .ok_or(SumDbError::Answer("root"))
    }
}

fn get(fetcher: &Fetcher, url: &str) -> Result<Vec<u8>, SumDbError> {
    fetcher
        .get(url, MOST)
        .map_err(|error| SumDbError::Ask(Box::new(error)))
}

#[cfg(test)]
mod tests;
