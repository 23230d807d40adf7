//! `cargo fuzz run --features libfuzzer dockerfile`
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| coracle_fuzz::dockerfile(input));
