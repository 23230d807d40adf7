//! Builds: one row for each run that turned source into an image, or tried.

use coracle_spec::Digest;
use rusqlite::{Connection, Row, params};

use crate::clock;
use crate::error::StateError;
use crate::revision::digest;
use crate::state::State;

/// Builds that are kept.
const KEPT: u32 = 1000;

/// The identity of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuildId(i64);

/// A stored build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Which one.
    pub id: BuildId,
    /// What was built, for people.
    pub source: String,
    /// When it began: seconds since 1970-01-01 UTC.
    pub started_at: u64,
    /// How it ended, `None` while it runs or when the program ended first.
    pub ended: Option<BuildStatus>,
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildStatus {
    /// With this image.
    Built(Digest),
    /// With this error.
    Failed(String),
}

impl State {
    /// Stores that a build begins.
    pub async fn begin_build(&self, source: String) -> Result<BuildId, StateError> {
        self.database
            .write(move |connection| begin(connection, &source))
            .await
    }

    /// Stores how a build ended.
    pub async fn end_build(&self, id: BuildId, status: BuildStatus) -> Result<(), StateError> {
        self.database
            .write(move |connection| end(connection, id, &status))
            .await
    }

    /// Answers the last builds, newest first.
    pub async fn builds(&self, most: u32) -> Result<Vec<Build>, StateError> {
        self.database.read(move |connection| last(connection, most)).await
    }
}

fn begin(connection: &Connection, source: &str) -> Result<BuildId, StateError> {
    connection.execute(
        "INSERT INTO builds (source, started, status) VALUES (?1, ?2, 'running')",
        params![source, clock::seconds().cast_signed()],
    )?;
    let id = connection.last_insert_rowid();
    connection.execute(
        "DELETE FROM builds WHERE id <= (SELECT id FROM builds ORDER BY id DESC LIMIT 1 OFFSET ?1)",
        [KEPT],
    )?;
    Ok(BuildId(id))
}

fn end(connection: &Connection, id: BuildId, status: &BuildStatus) -> Result<(), StateError> {
    let (word, image, message) = match status {
        BuildStatus::Built(image) => ("built", Some(image.to_string()), None),
        BuildStatus::Failed(message) => ("failed", None, Some(message)),
    };
    connection.execute(
        "UPDATE builds SET status = ?2, image = ?3, message = ?4, finished = ?5 WHERE id = ?1",
        params![id.0, word, image, message, clock::seconds().cast_signed()],
    )?;
    Ok(())
}

fn last(connection: &Connection, most: u32) -> Result<Vec<Build>, StateError> {
    let mut statement = connection.prepare_cached("SELECT * FROM builds ORDER BY id DESC LIMIT ?1")?;
    let mut rows = statement.query([most])?;
    let mut builds = Vec::new();
    while let Some(row) = rows.next()? {
        builds.push(from_row(row)?);
    }
    Ok(builds)
}

fn from_row(row: &Row<'_>) -> Result<Build, StateError> {
    let status: String = row.get("status")?;
    let ended = match status.as_str() {
        "built" => Some(BuildStatus::Built(digest(&row.get::<_, String>("image")?)?)),
        "failed" => Some(BuildStatus::Failed(row.get("message")?)),
        _ => None,
    };
    Ok(Build {
        id: BuildId(row.get("id")?),
        source: row.get("source")?,
        started_at: row.get::<_, i64>("started")?.cast_unsigned(),
        ended,
    })
}
