//! Revisions: immutable but for how their deploy went. `Starting → Ready`, or `Starting → Failed`.

use coracle_spec::{Digest, FunctionId, RevisionConfig};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::clock;
use crate::error::StateError;
use crate::function::{self, invalid, key};
use crate::registry;
use crate::roots;
use crate::state::State;

/// What a revision is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRevision {
    /// The function. It is made with its first revision.
    pub function: FunctionId,
    /// The image's manifest.
    pub image: Digest,
    /// What the image was called when it was deployed.
    pub reference: Option<String>,
    /// The rest of what it consists of.
    pub config: RevisionConfig,
    /// Who deploys it, for people.
    pub author: Option<String>,
}

/// A stored revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The function.
    pub function: FunctionId,
    /// Counts from 1 within the function.
    pub number: u64,
    /// The image's manifest.
    pub image: Digest,
    /// What the image was called when it was deployed.
    pub reference: Option<String>,
    /// The rest of what it consists of.
    pub config: RevisionConfig,
    /// Who deployed it, for people.
    pub author: Option<String>,
    /// How its deploy went.
    pub status: RevisionStatus,
    /// When it was made: seconds since 1970-01-01 UTC.
    pub created_at: u64,
}

/// How a revision's deploy went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisionStatus {
    /// Its first instance is starting; or the program ended while it did.
    Starting,
    /// Its first instance answered the probe.
    Ready,
    /// It never answered the probe, and got no traffic.
    Failed,
}

const STATUSES: [(RevisionStatus, &str); 3] = [
    (RevisionStatus::Starting, "starting"),
    (RevisionStatus::Ready, "ready"),
    (RevisionStatus::Failed, "failed"),
];

impl State {
    /// Stores a revision that starts, with the next number of its function. It serves nothing yet.
    ///
    /// The stored credential that it names must be there.
    pub async fn begin_revision(&self, new: NewRevision) -> Result<Revision, StateError> {
        self.database
            .write(move |connection| begin(connection, new))
            .await
    }

    /// Makes a revision that became ready the one that serves, with its own scale. Answers the number of the one that
    /// did before.
    pub async fn activate_revision(
        &self,
        function: &FunctionId,
        number: u64,
    ) -> Result<Option<u64>, StateError> {
        let function = function.clone();
        self.database
            .write(move |connection| activate(connection, &function, number))
            .await
    }

    /// Makes an earlier revision the one that serves. Nothing of it changes, nor does the function's scale.
    pub async fn return_to_revision(&self, function: &FunctionId, number: u64) -> Result<(), StateError> {
        let function = function.clone();
        self.database
            .write(move |connection| set_current(connection, &function, number))
            .await
    }

    /// Notes that a revision never answered its probe.
    pub async fn fail_revision(&self, function: &FunctionId, number: u64) -> Result<(), StateError> {
        let function = function.clone();
        self.database
            .write(move |connection| set_status(connection, &function, number, RevisionStatus::Failed))
            .await
    }

    /// Notes that every deploy under way has failed: what is starting when the platform starts was cut off.
    pub async fn fail_unfinished_revisions(&self) -> Result<u64, StateError> {
        self.database
            .write(|connection| {
                let failed = connection.execute(
                    "UPDATE revisions SET status = ?1 WHERE status = ?2",
                    [RevisionStatus::Failed.word(), RevisionStatus::Starting.word()],
                )?;
                Ok(failed as u64)
            })
            .await
    }

    /// Answers a function's revisions, newest first; none when there is no such function.
    pub async fn revisions(&self, function: &FunctionId) -> Result<Vec<Revision>, StateError> {
        let function = function.clone();
        self.database
            .read(move |connection| all_of(connection, &function))
            .await
    }

    /// Answers one revision, `None` when there is none.
    pub async fn revision(&self, function: &FunctionId, number: u64) -> Result<Option<Revision>, StateError> {
        let function = function.clone();
        self.database
            .read(move |connection| one(connection, &function, number))
            .await
    }

    /// Answers the images of all revisions: what may not be collected.
    pub async fn images(&self) -> Result<Vec<Digest>, StateError> {
        self.database.read(roots::images).await
    }
}

impl RevisionStatus {
    pub(crate) fn word(self) -> &'static str {
        STATUSES
            .iter()
            .find(|(status, _)| *status == self)
            .map_or("", |(_, word)| word)
    }

    fn read(text: &str) -> Result<Self, StateError> {
        let found = STATUSES
            .iter()
            .find(|(_, word)| *word == text)
            .map(|(status, _)| *status);
        found.ok_or_else(|| invalid("status", std::io::Error::other(text.to_owned())))
    }
}

fn begin(connection: &Connection, new: NewRevision) -> Result<Revision, StateError> {
    let now = clock::seconds();
    if let Some(name) = &new.config.registry {
        registry::check(connection, name)?;
    }
    function::ensure(connection, &new.function, now)?;
    let last: Option<i64> = connection.query_row(
        "SELECT max(number) FROM revisions WHERE namespace = ?1 AND name = ?2",
        key(&new.function),
        |row| row.get(0),
    )?;
    let revision = Revision {
        function: new.function,
        number: last.unwrap_or(0).cast_unsigned() + 1,
        image: new.image,
        reference: new.reference,
        config: new.config,
        author: new.author,
        status: RevisionStatus::Starting,
        created_at: now,
    };
    insert(connection, &revision)?;
    Ok(revision)
}

fn insert(connection: &Connection, revision: &Revision) -> Result<(), StateError> {
    let config = serde_json::to_string(&revision.config).map_err(|error| invalid("configuration", error))?;
    connection.execute(
        "INSERT INTO revisions (namespace, name, number, image, reference, config, author, status, created)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            revision.function.namespace.as_str(),
            revision.function.name.as_str(),
            revision.number.cast_signed(),
            revision.image.to_string(),
            revision.reference,
            config,
            revision.author,
            revision.status.word(),
            revision.created_at.cast_signed(),
        ],
    )?;
    Ok(())
}

fn activate(connection: &Connection, function: &FunctionId, number: u64) -> Result<Option<u64>, StateError> {
    set_status(connection, function, number, RevisionStatus::Ready)?;
    let before: Option<i64> = connection.query_row(
        "SELECT current FROM functions WHERE namespace = ?1 AND name = ?2",
        key(function),
        |row| row.get(0),
    )?;
    set_current(connection, function, number)?;
    function::set_scale(connection, function, None)?;
    Ok(before.map(i64::cast_unsigned))
}

fn set_current(connection: &Connection, function: &FunctionId, number: u64) -> Result<(), StateError> {
    let changed = connection.execute(
        "UPDATE functions SET current = ?3 WHERE namespace = ?1 AND name = ?2",
        params![
            function.namespace.as_str(),
            function.name.as_str(),
            number.cast_signed()
        ],
    )?;
    if changed == 0 {
        return Err(StateError::UnknownFunction(function.clone()));
    }
    Ok(())
}

fn set_status(
    connection: &Connection,
    function: &FunctionId,
    number: u64,
    status: RevisionStatus,
) -> Result<(), StateError> {
    let changed = connection.execute(
        "UPDATE revisions SET status = ?4 WHERE namespace = ?1 AND name = ?2 AND number = ?3",
        params![
            function.namespace.as_str(),
            function.name.as_str(),
            number.cast_signed(),
            status.word()
        ],
    )?;
    if changed == 0 {
        return Err(StateError::UnknownRevision {
            function: function.clone(),
            number,
        });
    }
    Ok(())
}

fn all_of(connection: &Connection, function: &FunctionId) -> Result<Vec<Revision>, StateError> {
    let mut statement = connection
        .prepare_cached("SELECT * FROM revisions WHERE namespace = ?1 AND name = ?2 ORDER BY number DESC")?;
    let mut rows = statement.query(key(function))?;
    let mut revisions = Vec::new();
    while let Some(row) = rows.next()? {
        revisions.push(from_row(row)?);
    }
    Ok(revisions)
}

fn one(connection: &Connection, function: &FunctionId, number: u64) -> Result<Option<Revision>, StateError> {
    let mut statement = connection
        .prepare_cached("SELECT * FROM revisions WHERE namespace = ?1 AND name = ?2 AND number = ?3")?;
    let key = params![
        function.namespace.as_str(),
        function.name.as_str(),
        number.cast_signed()
    ];
    statement
        .query_row(key, |row| Ok(from_row(row)))
        .optional()?
        .transpose()
}

/// Reads a row of the table.
pub(crate) fn from_row(row: &Row<'_>) -> Result<Revision, StateError> {
    let config: String = row.get("config")?;
    Ok(Revision {
        function: function::id_from_row(row)?,
        number: row.get::<_, i64>("number")?.cast_unsigned(),
        image: digest(&row.get::<_, String>("image")?)?,
        reference: row.get("reference")?,
        config: serde_json::from_str(&config).map_err(|error| invalid("configuration", error))?,
        author: row.get("author")?,
        status: RevisionStatus::read(&row.get::<_, String>("status")?)?,
        created_at: row.get::<_, i64>("created")?.cast_unsigned(),
    })
}

/// Reads a digest.
pub(crate) fn digest(text: &str) -> Result<Digest, StateError> {
    text.parse().map_err(|error| invalid("digest", error))
}
