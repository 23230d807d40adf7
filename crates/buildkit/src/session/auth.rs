//! Who this side is at registries that BuildKit pulls from.
//!
//! BuildKit can also have tokens fetched for it, so that it never sees a password. That needs keys that both sides agree
//! on, and only newer daemons ask for it; whoever may build at a daemon trusts it with the context already.

use std::sync::Arc;

use bollard_buildkit_proto::moby::filesync::v1::auth_server::Auth as Service;
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use tonic::{Request, Response, Status};

use crate::solve::Logins;

/// What registries are called in requests, and in references.
const ALIASES: [(&str, &str); 2] = [
    ("registry-1.docker.io", "docker.io"),
    ("index.docker.io", "docker.io"),
];

/// Looks up who this side is.
pub(super) struct Auth(pub(super) Arc<dyn Logins>);

#[tonic::async_trait]
impl Service for Auth {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        let host = request.into_inner().host;
        let alias = ALIASES.iter().find(|(asked, _)| *asked == host);
        let login = self.0.login(alias.map_or(host.as_str(), |(_, name)| name)).await;
        let (username, secret) = match login {
            Ok(Some(login)) => (
                login.user,
                String::from_utf8_lossy(login.secret.bytes()).into_owned(),
            ),
            Ok(None) => Default::default(),
            Err(error) => return Err(Status::internal(format!("no credentials for `{host}`: {error}"))),
        };
        Ok(Response::new(CredentialsResponse { username, secret }))
    }

    async fn fetch_token(
        &self,
        _request: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("ask for credentials"))
    }

    async fn get_token_authority(
        &self,
        _request: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("ask for credentials"))
    }

    async fn verify_token_authority(
        &self,
        _request: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("ask for credentials"))
    }
}
