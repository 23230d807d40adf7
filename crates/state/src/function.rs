//! Functions: identities, and which of their revisions serves.

use coracle_spec::revision::Scale;
use coracle_spec::{FunctionId, FunctionName, Namespace};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::StateError;
use crate::revision::{self, Revision};
use crate::state::State;

/// A function that has a revision that serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its identity.
    pub id: FunctionId,
    /// The revision that serves.
    pub current: Revision,
    /// How many instances there are, when that was changed since the revision was deployed.
    pub scale: Option<Scale>,
    /// When it was first deployed: seconds since 1970-01-01 UTC.
    pub created_at: u64,
}

impl State {
    /// Answers every function that serves, by namespace and name.
    pub async fn functions(&self) -> Result<Vec<Function>, StateError> {
        self.database.read(all).await
    }

    /// Answers a function, `None` when there is none or none of its revisions ever served.
    pub async fn function(&self, id: &FunctionId) -> Result<Option<Function>, StateError> {
        let id = id.clone();
        self.database.read(move |connection| one(connection, &id)).await
    }

    /// Stores how many instances a function has from now on, until its next deploy.
    pub async fn set_scale(&self, id: &FunctionId, scale: Scale) -> Result<(), StateError> {
        let id = id.clone();
        self.database
            .write(move |connection| set_scale(connection, &id, Some(&scale)))
            .await
    }

    /// Removes a function, its revisions and its events. Answers whether there was one.
    pub async fn remove_function(&self, id: &FunctionId) -> Result<bool, StateError> {
        let id = id.clone();
        self.database
            .write(move |connection| remove(connection, &id))
            .await
    }
}

const JOINED: &str = "
    SELECT revisions.*, functions.created AS first, functions.scale AS scale FROM functions
    JOIN revisions ON revisions.namespace = functions.namespace
        AND revisions.name = functions.name AND revisions.number = functions.current";

fn all(connection: &Connection) -> Result<Vec<Function>, StateError> {
    let mut statement =
        connection.prepare_cached(&format!("{JOINED} ORDER BY functions.namespace, functions.name"))?;
    let mut rows = statement.query([])?;
    let mut functions = Vec::new();
    while let Some(row) = rows.next()? {
        functions.push(from_row(row)?);
    }
    Ok(functions)
}

fn one(connection: &Connection, id: &FunctionId) -> Result<Option<Function>, StateError> {
    let query = format!("{JOINED} WHERE functions.namespace = ?1 AND functions.name = ?2");
    let mut statement = connection.prepare_cached(&query)?;
    let found = statement.query_row(key(id), |row| Ok(from_row(row)));
    found.optional()?.transpose()
}

fn remove(connection: &Connection, id: &FunctionId) -> Result<bool, StateError> {
    connection.execute("DELETE FROM events WHERE namespace = ?1 AND name = ?2", key(id))?;
    Ok(connection.execute(
        "DELETE FROM functions WHERE namespace = ?1 AND name = ?2",
        key(id),
    )? > 0)
}

/// Makes the function's row if there is none.
pub(crate) fn ensure(connection: &Connection, id: &FunctionId, now: u64) -> Result<(), StateError> {
    connection.execute(
        "INSERT INTO functions (namespace, name, created) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![id.namespace.as_str(), id.name.as_str(), now.cast_signed()],
    )?;
    Ok(())
}

/// Stores or forgets a function's own scale.
pub(crate) fn set_scale(
    connection: &Connection,
    id: &FunctionId,
    scale: Option<&Scale>,
) -> Result<(), StateError> {
    let json = scale.map(serde_json::to_string).transpose();
    let changed = connection.execute(
        "UPDATE functions SET scale = ?3 WHERE namespace = ?1 AND name = ?2",
        params![
            id.namespace.as_str(),
            id.name.as_str(),
            json.map_err(|error| invalid("scale", error))?
        ],
    )?;
    if changed == 0 {
        return Err(StateError::UnknownFunction(id.clone()));
    }
    Ok(())
}

/// Answers a function's key as parameters.
pub(crate) fn key(id: &FunctionId) -> [&str; 2] {
    [id.namespace.as_str(), id.name.as_str()]
}

fn from_row(row: &Row<'_>) -> Result<Function, StateError> {
    let current = revision::from_row(row)?;
    let scale: Option<String> = row.get("scale")?;
    let scale = scale.map(|json| serde_json::from_str(&json)).transpose();
    Ok(Function {
        id: current.function.clone(),
        current,
        scale: scale.map_err(|error| invalid("scale", error))?,
        created_at: row.get::<_, i64>("first")?.cast_unsigned(),
    })
}

/// Reads a function's key from a row.
pub(crate) fn id_from_row(row: &Row<'_>) -> Result<FunctionId, StateError> {
    let namespace: String = row.get("namespace")?;
    let name: String = row.get("name")?;
    Ok(FunctionId {
        namespace: namespace
            .parse::<Namespace>()
            .map_err(|error| invalid("namespace", error))?,
        name: name
            .parse::<FunctionName>()
            .map_err(|error| invalid("function name", error))?,
    })
}

/// Answers the error of a stored value that cannot be read.
pub(crate) fn invalid(
    what: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StateError {
    StateError::Invalid {
        what,
        source: Box::new(source),
    }
}
