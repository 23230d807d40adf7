//! A BuildKit's address with what proves who is at each end.

use std::path::PathBuf;

use crate::address::Address;

/// What a client needs in order to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where the BuildKit is.
    pub address: Address,
    /// For TLS, which ports only have; without them, the connection is plain.
    pub certificates: Option<Certificates>,
}

/// PEM files for TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificates {
    /// The authorities that the server's certificate is by; without a file, those that browsers trust.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key, if the server asks for one.
    pub own: Option<(PathBuf, PathBuf)>,
}
