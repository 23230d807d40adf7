//! Talking to a function that is up.

/// Answers the body of what a URL answers.
pub(crate) fn get(url: &str) -> String {
    ureq::get(url)
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap()
}
