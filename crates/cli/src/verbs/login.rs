//! `coracle login`: remembering a server.

use std::io;
use std::path::PathBuf;

use clap::Args;
use coracle_api::{Client, Credentials, Endpoint};
use coracle_spec::{Class, Failure};

use crate::context::Context;
use crate::error::Error;
use crate::login::{Logins, LoginsError};
use crate::password;

/// Remember a server and the password for it
///
/// The password is read from stdin, or from a file: a flag would show it in the process list. The server is asked
/// whether it is right before anything is stored.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The server: https://HOST:PORT or http://HOST:PORT
    url: String,
    /// The user
    #[arg(long, short, default_value = "admin")]
    user: String,
    /// Read the password from FILE instead of stdin
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Why no password was read.
#[derive(Debug, thiserror::Error)]
enum PasswordError {
    #[error("cannot read the password")]
    Read(#[source] io::Error),
    #[error("the password is empty")]
    Empty,
}

impl Failure for PasswordError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some(
            "the server's first start prints which file holds it: `coracle login URL --password-file FILE`"
                .to_owned(),
        )
    }
}

impl Login {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let endpoint: Endpoint = self.url.parse()?;
        let file = context.settings.logins.as_deref().ok_or(LoginsError::NoHome)?;
        let password = self.password(context)?;
        let credentials = Credentials::Basic {
            user: self.user.clone(),
            password: password.clone(),
        };
        let server = Client::new(endpoint.clone(), credentials)
            .trusting(context.settings.trust())
            .server()
            .await?;
        Logins::read(Some(file))?.store(&endpoint.to_string(), &self.user, &password, file)?;
        context.printer.say(format_args!(
            "logged in to {endpoint} as `{}` (coracle {})",
            self.user, server.version
        ));
        Ok(())
    }

    fn password(&self, context: &Context) -> Result<String, PasswordError> {
        let text = match &self.password_file {
            Some(file) => fs_err::read_to_string(file).map_err(PasswordError::Read)?,
            None => password::typed(context.printer).map_err(PasswordError::Read)?,
        };
        let password = password::of_line(&text).ok_or(PasswordError::Empty)?;
        Ok(password.to_owned())
    }
}
