//! Entries that are in the log, and those that only say so.

use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::tree::{Hash, hash, middle, node, tile_path};
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
