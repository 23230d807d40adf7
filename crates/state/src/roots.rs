//! Which images the state keeps: what may not be collected, asked beside a server or without one.
//!
//! Asking the server lost: it may be down, and what its functions are made of must stay all the same.

use std::path::Path;

use coracle_spec::Digest;
use rusqlite::{Connection, OpenFlags};

use crate::database::connect;
use crate::error::StateError;
use crate::revision::digest;
use crate::state::{DATABASE, State};

impl State {
    /// Answers the images of all revisions in the state under `data`, which nobody needs to have open; none when there
    /// is no state. Blocks for as long as the disk takes.
    pub fn images_in(data: &Path) -> Result<Vec<Digest>, StateError> {
        let path = data.join(DATABASE);
        if !path.try_exists().map_err(StateError::Directory)? {
            return Ok(Vec::new());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = connect(&path, flags)?;
        // A server that was killed in its first moment leaves a file without tables.
        match connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? {
            0 => Ok(Vec::new()),
            _ => images(&connection),
        }
    }
}

/// Answers the images of all revisions.
pub(crate) fn images(connection: &Connection) -> Result<Vec<Digest>, StateError> {
    let mut statement = connection.prepare("SELECT DISTINCT image FROM revisions ORDER BY image")?;
    let mut rows = statement.query([])?;
    let mut images = Vec::new();
    while let Some(row) = rows.next()? {
        images.push(digest(&row.get::<_, String>(0)?)?);
    }
    Ok(images)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_without_a_state_and_one_without_tables_keep_no_image() {
        let root = tempfile::tempdir().unwrap();
        assert!(State::images_in(root.path()).unwrap().is_empty());
        assert!(!root.path().join(DATABASE).exists());
        fs_err::write(root.path().join(DATABASE), "").unwrap();
        assert!(State::images_in(root.path()).unwrap().is_empty());
    }

    #[test]
    fn a_state_that_cannot_be_read_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        fs_err::write(root.path().join(DATABASE), "not a database".repeat(100)).unwrap();
        assert!(State::images_in(root.path()).is_err());
    }
}
