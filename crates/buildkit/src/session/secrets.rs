//! Secrets of the build, by their ids.

use std::collections::BTreeMap;

use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::Secrets as Service;
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use coracle_build::SecretValue;
use tonic::{Request, Response, Status};

/// The secrets that a build has.
pub(super) struct Secrets(pub(super) BTreeMap<String, SecretValue>);

#[tonic::async_trait]
impl Service for Secrets {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = request.into_inner().id;
        let secret = self.0.get(&id);
        let secret = secret.ok_or_else(|| Status::not_found(format!("the build has no secret `{id}`")))?;
        Ok(Response::new(GetSecretResponse {
            data: secret.bytes().to_vec(),
        }))
    }
}
