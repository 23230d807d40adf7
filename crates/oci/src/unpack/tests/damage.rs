//! Damage of any kind.

use fs_err as fs;
use proptest::prelude::*;

use super::archive::Tar;
use super::place::Place;
use crate::tar::Reader;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_damage_to_an_archive_writes_outside_or_panics(at in 0usize..3000, value: u8, swap in 0usize..3000) {
        let mut archive = Tar::default().directory("d").file("d/f", "text").symlink("s", "../x").hard_link("h", "d/f").end();
        let length = archive.len();
        archive[at % length] = value;
        archive.swap(at % length, swap % length);
        let place = Place::new();
        let _ = place.unpack(&archive);
        let names: Vec<_> = fs::read_dir(place.base.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        prop_assert_eq!(names, ["store"]);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let mut reader = Reader::new(bytes.as_slice());
        while let Ok(Some(_)) = reader.next() {}
    }
}
