//! `cargo fuzz run --features libfuzzer manifest`
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| coracle_fuzz::manifest(input));
