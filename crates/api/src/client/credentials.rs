//! Who the client says it is.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;

/// What a client shows the server. Prints without its secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing: enough on the server's own socket.
    None,
    /// A user and a password (RFC 7617).
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A token (RFC 6750).
    Bearer(String),
}

impl Credentials {
    /// Answers the credentials of the administrator.
    pub fn admin(password: impl Into<String>) -> Self {
        Self::Basic {
            user: "admin".to_owned(),
            password: password.into(),
        }
    }

    /// Adds the credentials to a request.
    pub(super) fn sign(&self, request: http::request::Builder) -> http::request::Builder {
        match self.header() {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        }
    }

    fn header(&self) -> Option<HeaderValue> {
        let text = match self {
            Self::None => return None,
            Self::Basic { user, password } => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
            }
            Self::Bearer(token) => format!("Bearer {token}"),
        };
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Basic { user, .. } => write!(f, "Basic({user}, …)"),
            Self::Bearer(_) => f.write_str("Bearer(…)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_and_a_password_travel_as_the_specification_says() {
        let request = Credentials::Basic {
            user: "Aladdin".to_owned(),
            password: "open sesame".to_owned(),
        }
        .sign(http::Request::builder())
        .body(())
        .unwrap();
        assert_eq!(
            request.headers()[AUTHORIZATION],
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
    }

    #[test]
    fn secrets_are_not_printed() {
        for credentials in [
            Credentials::admin("hunter2"),
            Credentials::Bearer("hunter2".to_owned()),
        ] {
            assert!(!format!("{credentials:?}").contains("hunter2"));
        }
    }
}
