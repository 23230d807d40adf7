//! What happened to functions: the last few hundred things of each.

use coracle_spec::FunctionId;
use rusqlite::{Connection, params};
use serde_json::Value;

use crate::clock;
use crate::error::StateError;
use crate::state::State;

/// Events that are kept of one function.
const KEPT: u32 = 500;

/// Something that happens to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// The function.
    pub function: FunctionId,
    /// What kind, as one word: `started`, `exited`.
    pub kind: String,
    /// A sentence for people.
    pub message: String,
    /// The same for programs.
    pub detail: Option<Value>,
}

/// Something that happened to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When: seconds since 1970-01-01 UTC.
    pub at: u64,
    /// What kind, as one word.
    pub kind: String,
    /// A sentence for people.
    pub message: String,
    /// The same for programs.
    pub detail: Option<Value>,
}

impl State {
    /// Stores an event, dropping the function's oldest ones.
    pub async fn add_event(&self, event: NewEvent) -> Result<(), StateError> {
        self.database
            .write(move |connection| add(connection, &event))
            .await
    }

    /// Answers a function's last events, newest first.
    pub async fn events(&self, function: &FunctionId, most: u32) -> Result<Vec<Event>, StateError> {
        let function = function.clone();
        self.database
            .read(move |connection| last(connection, &function, most))
            .await
    }
}

fn add(connection: &Connection, event: &NewEvent) -> Result<(), StateError> {
    let (namespace, name) = (event.function.namespace.as_str(), event.function.name.as_str());
    connection.execute(
        "INSERT INTO events (namespace, name, at, kind, message, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            namespace,
            name,
            clock::seconds().cast_signed(),
            event.kind,
            event.message,
            event.detail.as_ref().map(Value::to_string)
        ],
    )?;
    connection.execute(
        "DELETE FROM events WHERE namespace = ?1 AND name = ?2 AND id <= (
            SELECT id FROM events WHERE namespace = ?1 AND name = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3
        )",
        params![namespace, name, KEPT],
    )?;
    Ok(())
}

fn last(connection: &Connection, function: &FunctionId, most: u32) -> Result<Vec<Event>, StateError> {
    let mut statement = connection.prepare_cached(
        "SELECT at, kind, message, detail FROM events WHERE namespace = ?1 AND name = ?2 ORDER BY id DESC LIMIT ?3",
    )?;
    let key = params![function.namespace.as_str(), function.name.as_str(), most];
    let rows = statement.query_map(key, |row| {
        Ok(Event {
            at: row.get::<_, i64>(0)?.cast_unsigned(),
            kind: row.get(1)?,
            message: row.get(2)?,
            // What another version wrote in another form is left to the message.
            detail: row
                .get::<_, Option<String>>(3)?
                .and_then(|json| serde_json::from_str(&json).ok()),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
