//! What a server says of itself.

use serde::{Deserialize, Serialize};

/// `GET /api/v1/server`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// The version of the program.
    pub version: String,
    /// The address that functions answer under, such as `http://127.0.0.1:8080`.
    pub public_url: String,
    /// The domain that functions are hosts of, such as `localhost`.
    pub domain: String,
    /// Its process.
    pub pid: u32,
}
