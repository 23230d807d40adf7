//! `coracle invoke`: one request to a function.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use bytes::Bytes;
use clap::Args;
use coracle_api::client::Body as Answer;
use coracle_api::{Client, ClientError, Credentials};
use coracle_spec::{Class, Failure, FunctionId};
use http::{HeaderName, HeaderValue, Method, Response};
use http_body_util::BodyExt;

use crate::args::Remote;
use crate::context::Context;
use crate::error::Error;

/// Send one request to a function and print the answer's body
///
/// The exit code is 1 when the status is 400 or more.
#[derive(Debug, Args)]
pub(crate) struct Invoke {
    /// The function: NAME, or NAME.NAMESPACE
    name: FunctionId,
    /// The path and query
    #[arg(default_value = "/")]
    path: String,
    /// The method [default: GET, or POST with a body]
    #[arg(long, short = 'X')]
    method: Option<Method>,
    /// A header of the request
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    header: Vec<Header>,
    /// The body: text, or @FILE, or @- for stdin
    #[arg(long, short = 'd')]
    body: Option<Body>,
    #[command(flatten)]
    remote: Remote,
}

/// A header of a request.
#[derive(Debug, Clone)]
struct Header(HeaderName, HeaderValue);

impl FromStr for Header {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').ok_or("expected `NAME: VALUE`")?;
        Ok(Self(
            name.trim()
                .parse()
                .map_err(|_| "the name is not one of a header")?,
            value
                .trim()
                .parse()
                .map_err(|_| "the value is not one of a header")?,
        ))
    }
}

/// Where a request's body comes from.
#[derive(Debug, Clone)]
enum Body {
    Text(String),
    File(PathBuf),
    Stdin,
}

impl FromStr for Body {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.strip_prefix('@') {
            None => Self::Text(text.to_owned()),
            Some("-") => Self::Stdin,
            Some(file) => Self::File(PathBuf::from(file)),
        })
    }
}

impl Body {
    fn read(self) -> io::Result<Bytes> {
        Ok(match self {
            Self::Text(text) => text.into(),
            Self::File(file) => fs_err::read(file)?.into(),
            Self::Stdin => {
                let mut bytes = Vec::new();
                io::Read::read_to_end(&mut io::stdin().lock(), &mut bytes)?;
                bytes.into()
            }
        })
    }
}

/// The body cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the request's body")]
struct BodyError(#[source] io::Error);

impl Failure for BodyError {
    fn class(&self) -> Class {
        Class::User
    }
}

impl Invoke {
    pub(super) async fn run(self, context: &Context) -> Result<ExitCode, Error> {
        let server = context.settings.server(self.remote.server.as_deref())?;
        // The function gets the user's request, not the user's password.
        let client = Client::new(server.endpoint, Credentials::None).trusting(context.settings.trust());
        let response = self.send(&client).await?;
        let status = response.status();
        copy(response, context).await?;
        if status.as_u16() < 400 {
            return Ok(ExitCode::SUCCESS);
        }
        context
            .printer
            .say(format_args!("the answer's status is {status}"));
        Ok(ExitCode::from(Class::User.exit_code()))
    }

    async fn send(self, client: &Client) -> Result<Response<Answer>, Error> {
        let usual = if self.body.is_some() {
            Method::POST
        } else {
            Method::GET
        };
        let body = self
            .body
            .map_or_else(|| Ok(Bytes::new()), Body::read)
            .map_err(BodyError)?;
        let mut request = http::Request::builder()
            .method(self.method.unwrap_or(usual))
            .uri(format!(
                "/function/{}/{}",
                self.name,
                self.path.trim_start_matches('/')
            ))
            .header(http::header::CONTENT_LENGTH, body.len());
        for Header(name, value) in self.header {
            request = request.header(name, value);
        }
        Ok(client.raw(request, body).await?)
    }
}

/// Prints a body as it arrives.
async fn copy(response: Response<Answer>, context: &Context) -> Result<(), Error> {
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(ClientError::from)?.into_data() {
            context.printer.bytes(&data)?;
        }
    }
    Ok(())
}
