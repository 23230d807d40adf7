//! Test doubles and fixtures shared by the crates' tests.
