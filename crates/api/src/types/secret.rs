//! Secrets: names go out, values only in.

use serde::{Deserialize, Serialize};

/// One row of `GET /api/v1/secrets/{namespace}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretView {
    /// The name, which is also the file's name inside instances.
    pub name: String,
    /// When it was set last: seconds since 1970-01-01 UTC.
    pub updated_at: u64,
}
