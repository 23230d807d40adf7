//! Go's checksum database: what everybody gets who asks for a version of a module.
//!
//! It is a log to which entries are only ever added ("Proposal: Secure the Public Go Module Ecosystem"): a Merkle
//! tree (RFC 6962, section 2.1) whose root is signed. An answer is believed when its entry, with hashes of the rest
//! of the tree, gives the signed root; so it does not matter who passes it on, and the module proxy does.

use std::cell::RefCell;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coracle_fetch::{FetchError, Fetcher};
use coracle_spec::{Class, Failure};
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};

/// The public database: its name, a hash of its key, and the key (Go's source, `cmd/go/internal/modfetch/key.go`).
const PUBLIC: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
const PUBLIC_NAME: &str = "sum.golang.org";

/// The byte that says that a key is one of Ed25519 (`golang.org/x/mod/sumdb/note`).
const ED25519_KEY: u8 = 1;

/// How many hashes a tile has, and its logarithm, which is also how many levels of the tree it stands for.
const TILE: u64 = 256;
const TILE_LEVELS: u32 = 8;

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

type Hash = [u8; 32];

fn hash(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn node(left: Hash, right: Hash) -> Hash {
    hash(&[&[1], &left, &right])
}

/// The log's tree, read by tiles. What they say is believed only once a root that it gives is the signed one.
struct Tree<'a> {
    size: u64,
    get: &'a dyn Fn(&str) -> Result<Vec<u8>, SumDbError>,
    tiles: RefCell<BTreeMap<(u32, u64), Vec<u8>>>,
}

impl Tree<'_> {
    /// Answers the hash of a range of leaves, of which the one at `place` is `leaf`.
    fn root_with(&self, (from, to): (u64, u64), place: u64, leaf: Hash) -> Result<Hash, SumDbError> {
        if to - from == 1 {
            return Ok(leaf);
        }
        let middle = middle(from, to);
        Ok(if place < middle {
            node(
                self.root_with((from, middle), place, leaf)?,
                self.range(middle, to)?,
            )
        } else {
            node(
                self.range(from, middle)?,
                self.root_with((middle, to), place, leaf)?,
            )
        })
    }

    /// Answers the hash of a range of leaves that begins where a part of the tree does.
    fn range(&self, from: u64, to: u64) -> Result<Hash, SumDbError> {
        let count = to - from;
        if count.is_power_of_two() {
            return self.stored(count.ilog2(), from / count);
        }
        let middle = middle(from, to);
        Ok(node(self.range(from, middle)?, self.range(middle, to)?))
    }

    /// Answers the hash at a place of a level, leaves being level 0.
    fn stored(&self, level: u32, place: u64) -> Result<Hash, SumDbError> {
        let (tile_level, within) = (level / TILE_LEVELS, level % TILE_LEVELS);
        let first = place << within;
        let tile = self.tile(tile_level, first / TILE)?;
        let hashes: Vec<Hash> = tile.as_chunks::<32>().0.to_vec();
        let start = usize::try_from(first % TILE).unwrap_or(usize::MAX);
        let beneath = hashes
            .get(start..start.saturating_add(1 << within))
            .ok_or(SumDbError::Answer("tile"))?;
        Ok(combined(beneath))
    }

    fn tile(&self, level: u32, place: u64) -> Result<Vec<u8>, SumDbError> {
        if let Some(tile) = self.tiles.borrow().get(&(level, place)) {
            return Ok(tile.clone());
        }
        let hashes = self.size >> (TILE_LEVELS * level);
        let width = hashes.saturating_sub(place * TILE).min(TILE);
        let tile = (self.get)(&tile_path(level, place, width))?;
        self.tiles.borrow_mut().insert((level, place), tile.clone());
        Ok(tile)
    }
}

/// Answers where a range is split: the largest power of two that is less than its length.
fn middle(from: u64, to: u64) -> u64 {
    from + (1 << (to - from - 1).ilog2())
}

/// Answers the hash above hashes, whose number is a power of two.
fn combined(hashes: &[Hash]) -> Hash {
    if let [one] = hashes {
        return *one;
    }
    let (left, right) = hashes.split_at(hashes.len() / 2);
    node(combined(left), combined(right))
}

/// Answers the path of a tile (`golang.org/x/mod/sumdb/tlog`, "Tile"): digits in groups of three, and how many hashes
/// it has when it is not full.
fn tile_path(level: u32, place: u64, width: u64) -> String {
    let mut path = format!("{:03}", place % 1000);
    let mut rest = place / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    let partial = if width < TILE {
        format!(".p/{width}")
    } else {
        String::new()
    };
    format!("tile/{TILE_LEVELS}/{level}/{path}{partial}")
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    const RECORD: &str = "m v1.0.0 h1:abc=\nm v1.0.0/go.mod h1:def=";

    /// A log of `size` entries, of which the one at `place` is [`RECORD`], and its database.
    struct Log {
        leaves: Vec<Hash>,
        database: Database,
        pair: Ed25519KeyPair,
    }

    impl Log {
        fn new(size: u64, place: u64) -> Self {
            let leaf = |index: u64| match index {
                index if index == place => hash(&[&[0], RECORD.as_bytes(), b"\n"]),
                index => hash(&[&[0], index.to_string().as_bytes()]),
            };
            let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
            let database = Database {
                name: "sums.example".to_owned(),
                key: pair.public_key().as_ref().to_owned(),
                address: String::new(),
            };
            Self {
                leaves: (0..size).map(leaf).collect(),
                database,
                pair,
            }
        }

        fn root(leaves: &[Hash]) -> Hash {
            if let [one] = leaves {
                return *one;
            }
            let (left, right) = leaves.split_at(usize::try_from(middle(0, leaves.len() as u64)).unwrap());
            node(Self::root(left), Self::root(right))
        }

        fn answer(&self, place: u64, record: &str) -> String {
            let root = STANDARD.encode(Self::root(&self.leaves));
            let text = format!("go.sum database tree\n{}\n{root}\n", self.leaves.len());
            let signature = [&[0; 4], self.pair.sign(text.as_bytes()).as_ref()].concat();
            format!(
                "{place}\n{record}\n\n{text}\n— sums.example {}\n",
                STANDARD.encode(signature)
            )
        }

        fn tile(&self, path: &str) -> Vec<u8> {
            let mut parts = path.strip_prefix("tile/8/").unwrap().split('/');
            let level: u32 = parts.next().unwrap().parse().unwrap();
            let digits: String = parts
                .next()
                .unwrap()
                .chars()
                .filter(char::is_ascii_digit)
                .collect();
            let span = 1 << (8 * level);
            let hashes: Vec<Hash> = self.leaves.chunks_exact(span).map(Self::root).collect();
            let start = 256 * digits.parse::<usize>().unwrap();
            hashes[start..hashes.len().min(start + 256)].concat()
        }

        fn lookup(&self, answer: &str) -> Result<String, SumDbError> {
            self.database
                .verified(answer, "m", "v1.0.0", &|path| Ok(self.tile(path)))
        }
    }

    #[test]
    fn an_entry_is_proven_in_logs_of_any_size() {
        for (size, place) in [
            (1, 0),
            (2, 1),
            (7, 6),
            (256, 3),
            (257, 256),
            (1000, 700),
            (70_000, 65_535),
        ] {
            let log = Log::new(size, place);
            assert_eq!(
                log.lookup(&log.answer(place, RECORD)).unwrap(),
                "h1:abc=",
                "{place} of {size}"
            );
        }
    }

    #[test]
    fn what_is_not_in_the_log_or_not_signed_is_not_believed() {
        let log = Log::new(1000, 700);
        let lie = RECORD.replace("abc", "xyz");
        assert!(matches!(
            log.lookup(&log.answer(700, &lie)),
            Err(SumDbError::NotInLog)
        ));
        assert!(matches!(
            log.lookup(&log.answer(701, RECORD)),
            Err(SumDbError::NotInLog)
        ));
        assert!(matches!(
            log.lookup(&log.answer(5000, RECORD)),
            Err(SumDbError::NotInLog)
        ));
        let forged = log.answer(700, RECORD).replace("\n1000\n", "\n1001\n");
        assert!(matches!(log.lookup(&forged), Err(SumDbError::Unsigned(_))));
        for broken in ["", "\n\n", "700\nx\n\n", "x\ny\n\nz\n\n"] {
            assert!(log.lookup(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn the_public_database_is_known_and_others_name_their_key() {
        let public = Database::public();
        assert_eq!(Database::parse("").unwrap(), public);
        assert_eq!(
            (public.name.as_str(), public.address.as_str()),
            ("sum.golang.org", "https://sum.golang.org")
        );
        assert_eq!(Database::parse("sum.golang.org").unwrap(), public);
        let other = Database::parse(&format!("{PUBLIC} https://mirror.example/db")).unwrap();
        assert_eq!(other.address, "https://mirror.example/db");
        assert_eq!(other.key, public.key);
        assert_eq!(Database::parse("off"), None);
    }

    #[test]
    fn tiles_lie_where_the_format_says() {
        assert_eq!(tile_path(0, 1_234_067, 256), "tile/8/0/x001/x234/067");
        assert_eq!(tile_path(3, 4, 70), "tile/8/3/004.p/70");
    }
}
