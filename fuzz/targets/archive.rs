//! `cargo fuzz run --features libfuzzer archive`
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| coracle_fuzz::archive(input));
