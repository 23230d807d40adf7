//! Durable state in SQLite and log segments on disk.
