//! `cargo fuzz run --features libfuzzer submission`
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| coracle_fuzz::submission(input));
