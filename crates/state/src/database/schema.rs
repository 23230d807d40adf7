//! The tables, as a list of steps from each version to the next. A step that was released is never edited.

use rusqlite::Connection;

use crate::error::StateError;

/// Step *n* leads from version *n* to version *n + 1* (`PRAGMA user_version`).
const STEPS: [&str; 3] = [
    "
    CREATE TABLE functions (
        namespace TEXT NOT NULL,
        name      TEXT NOT NULL,
        current   INTEGER,
        created   INTEGER NOT NULL,
        PRIMARY KEY (namespace, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE revisions (
        namespace TEXT NOT NULL,
        name      TEXT NOT NULL,
        number    INTEGER NOT NULL,
        image     TEXT NOT NULL,
        reference TEXT,
        config    TEXT NOT NULL,
        status    TEXT NOT NULL,
        created   INTEGER NOT NULL,
        PRIMARY KEY (namespace, name, number),
        FOREIGN KEY (namespace, name) REFERENCES functions (namespace, name) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE events (
        id        INTEGER PRIMARY KEY,
        namespace TEXT NOT NULL,
        name      TEXT NOT NULL,
        at        INTEGER NOT NULL,
        kind      TEXT NOT NULL,
        message   TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_of_function ON events (namespace, name, id);

    CREATE TABLE builds (
        id       INTEGER PRIMARY KEY,
        source   TEXT NOT NULL,
        started  INTEGER NOT NULL,
        finished INTEGER,
        status   TEXT NOT NULL,
        image    TEXT,
        message  TEXT
    ) STRICT;
",
    "
    ALTER TABLE functions ADD COLUMN scale TEXT;
    ALTER TABLE revisions ADD COLUMN author TEXT;
    ALTER TABLE events ADD COLUMN detail TEXT;
",
    "
    CREATE TABLE registries (
        name     TEXT NOT NULL PRIMARY KEY,
        host     TEXT NOT NULL,
        username TEXT NOT NULL,
        password TEXT NOT NULL,
        updated  INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
];

/// Brings a database to the last version. Several processes may do so at once; one of them does.
pub(super) fn migrate(connection: &Connection) -> Result<(), StateError> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    match steps(connection) {
        Ok(()) => Ok(connection.execute_batch("COMMIT")?),
        Err(error) => {
            connection.execute_batch("ROLLBACK")?;
            Err(error)
        }
    }
}

fn steps(connection: &Connection) -> Result<(), StateError> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = u32::try_from(STEPS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StateError::Newer { found, known });
    }
    for step in &STEPS[found as usize..] {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "user_version", known)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_a_newer_program_is_refused_and_left_alone() {
        let connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(
            migrate(&connection),
            Err(StateError::Newer { found: 99, .. })
        ));
        let tables: u32 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .unwrap();
        assert_eq!(tables, 0);
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let connection = Connection::open_in_memory().unwrap();
        let version = || -> (u32, u32) {
            let of = |name| {
                connection
                    .pragma_query_value(None, name, |row| row.get(0))
                    .unwrap()
            };
            (of("user_version"), of("schema_version"))
        };
        migrate(&connection).unwrap();
        let first = version();
        migrate(&connection).unwrap();
        assert_eq!(version(), first);
    }
}
