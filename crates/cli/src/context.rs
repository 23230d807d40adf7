//! What every verb works with.

use coracle_api::Client;

use crate::args::Remote;
use crate::printer::Printer;
use crate::settings::{ServerError, Settings};

/// What every verb works with.
#[derive(Debug)]
pub(crate) struct Context {
    /// What the user has set.
    pub(crate) settings: Settings,
    /// What the user sees.
    pub(crate) printer: Printer,
}

impl Context {
    /// Answers a client of the server that the flags, the environment, or the last login name.
    pub(crate) fn client(&self, remote: &Remote) -> Result<Client, ServerError> {
        Ok(self
            .settings
            .server(remote.server.as_deref())?
            .client(self.settings.trust()))
    }
}
