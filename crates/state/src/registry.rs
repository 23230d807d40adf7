//! Credentials for image registries, which revisions name: one table in the database, as private as the secrets' files.
//!
//! Files beside the secrets lost: that a revision may name only what is there, and that nothing is removed which a
//! revision names, holds for certain only where both are one transaction.

use std::fmt;

use coracle_spec::{FunctionId, RegistryHost, RegistryName};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::clock;
use crate::error::StateError;
use crate::function::{id_from_row, invalid};
use crate::revision::RevisionStatus;
use crate::state::State;

/// A stored credential as it is listed: its password stays where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// What revisions call it.
    pub name: RegistryName,
    /// The registry that it is for.
    pub host: RegistryHost,
    /// The user's name there.
    pub username: String,
    /// When it was set last: seconds since 1970-01-01 UTC.
    pub updated_at: u64,
}

/// What proves who we are at a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The registry.
    pub host: RegistryHost,
    /// The user's name there.
    pub username: String,
    /// The password, or what the registry takes for one.
    pub password: Password,
}

/// A password. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Takes a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Answers the text, for those whom it is for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl State {
    /// Answers the stored credentials, by name.
    pub async fn registries(&self) -> Result<Vec<Registry>, StateError> {
        self.database.read(all).await
    }

    /// Answers what is stored under a name, `None` when nothing is.
    pub async fn login(&self, name: &RegistryName) -> Result<Option<Login>, StateError> {
        let name = name.clone();
        self.database.read(move |connection| one(connection, &name)).await
    }

    /// Stores a credential, in place of what has its name.
    pub async fn set_login(&self, name: &RegistryName, login: Login) -> Result<(), StateError> {
        let name = name.clone();
        self.database
            .write(move |connection| set(connection, &name, &login))
            .await
    }

    /// Removes a credential. Fails when a revision that can serve names it.
    pub async fn remove_login(&self, name: &RegistryName) -> Result<(), StateError> {
        let name = name.clone();
        self.database
            .write(move |connection| remove(connection, &name))
            .await
    }
}

/// Fails when nothing is stored under a name.
pub(crate) fn check(connection: &Connection, name: &RegistryName) -> Result<(), StateError> {
    match one(connection, name)? {
        Some(_) => Ok(()),
        None => Err(StateError::UnknownRegistry(name.clone())),
    }
}

fn all(connection: &Connection) -> Result<Vec<Registry>, StateError> {
    let mut statement =
        connection.prepare_cached("SELECT name, host, username, updated FROM registries ORDER BY name")?;
    let mut rows = statement.query([])?;
    let mut registries = Vec::new();
    while let Some(row) = rows.next()? {
        registries.push(listed(row)?);
    }
    Ok(registries)
}

fn listed(row: &Row<'_>) -> Result<Registry, StateError> {
    let name: String = row.get("name")?;
    Ok(Registry {
        name: name.parse().map_err(|error| invalid("registry's name", error))?,
        host: host(row)?,
        username: row.get("username")?,
        updated_at: row.get::<_, i64>("updated")?.cast_unsigned(),
    })
}

fn one(connection: &Connection, name: &RegistryName) -> Result<Option<Login>, StateError> {
    let mut statement =
        connection.prepare_cached("SELECT host, username, password FROM registries WHERE name = ?1")?;
    let found = statement.query_row([name.as_str()], |row| Ok(login(row)));
    found.optional()?.transpose()
}

fn login(row: &Row<'_>) -> Result<Login, StateError> {
    Ok(Login {
        host: host(row)?,
        username: row.get("username")?,
        password: Password(row.get("password")?),
    })
}

fn host(row: &Row<'_>) -> Result<RegistryHost, StateError> {
    let host: String = row.get("host")?;
    host.parse().map_err(|error| invalid("registry's host", error))
}

fn set(connection: &Connection, name: &RegistryName, login: &Login) -> Result<(), StateError> {
    connection.execute(
        "INSERT OR REPLACE INTO registries (name, host, username, password, updated) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            name.as_str(),
            login.host.as_str(),
            login.username,
            login.password.expose(),
            clock::seconds().cast_signed(),
        ],
    )?;
    Ok(())
}

fn remove(connection: &Connection, name: &RegistryName) -> Result<(), StateError> {
    check(connection, name)?;
    let users = users(connection, name)?;
    if !users.is_empty() {
        return Err(StateError::RegistryInUse {
            name: name.clone(),
            users,
        });
    }
    connection.execute("DELETE FROM registries WHERE name = ?1", [name.as_str()])?;
    Ok(())
}

/// Answers the functions that a credential is for: those with a revision that names it and is not known to fail.
fn users(connection: &Connection, name: &RegistryName) -> Result<Vec<FunctionId>, StateError> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT namespace, name FROM revisions
         WHERE config ->> '$.registry' = ?1 AND status != ?2 ORDER BY namespace, name",
    )?;
    let mut rows = statement.query([name.as_str(), RevisionStatus::Failed.word()])?;
    let mut users = Vec::new();
    while let Some(row) = rows.next()? {
        users.push(id_from_row(row)?);
    }
    Ok(users)
}
